"""Jobs: export a run for other tools, and make a run of activations cached by other tools.

In: a run and a folder to write, or a folder with one file of activations per label. Out: files, or
a run that can be probed like any other (it carries its labels itself and has no texts). Exported
folders can be imported again.
"""

import hashlib
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from emotui.errors import OptionError, UserError
from emotui.events import Cancelled, Done, Event, Job, Note, Progress, never
from emotui.jobs.rundata import RunData, pooling_of, run_data
from emotui.options import LayerSpec, layers_for
from store.foreign_activations import ForeignActivations, read_foreign_activations
from store.identity import RunIdentity
from store.layout import Home, check_name
from store.writer import RunWriter
from vectors.errors import Cancelled as CancelledError

POOLING = "imported"
_WINDOW = 1024


@dataclass(frozen=True)
class ExportResult:
    """What was written."""

    run: str
    pooling: str
    layers: tuple[int, ...]
    rows: int
    """Rows with a label and a finite vector; the others are left out."""
    files: tuple[str, ...]


@dataclass(frozen=True)
class ForeignResult:
    """The run made of foreign activations."""

    run: str
    rows: int
    labels: tuple[str, ...]
    layers: tuple[int, ...]


def export_job(
    home: Home,
    run: str,
    folder: Path,
    *,
    format: str,
    layers: LayerSpec,
    pooling: str | None,
    cancelled: Cancelled = never,
) -> Job:
    """Per label `<label>.npz` with arrays `layer_<l>`, or `<label>/layer_<l>.npy`; float32."""
    data = run_data(home, run)
    with closing(data.run):
        yield from _exporting(data, folder, format, layers, pooling, cancelled)


def _exporting(
    data: RunData,
    folder: Path,
    format: str,
    layers: LayerSpec,
    pooling: str | None,
    cancelled: Cancelled,
) -> Job:
    chosen = pooling_of(data.run, pooling)
    wanted = layers_for(layers, data.run.identity.layers)
    if folder.exists():
        raise OptionError(f"--out {folder} exists already; name a new folder")
    for label in data.labels:
        check_name(label)
    keep = data.run.usable_rows(chosen) & (data.codes >= 0)
    folder.mkdir(parents=True)
    files: list[str] = []
    held: dict[str, dict[str, Float32[np.ndarray, "text d_model"]]] = {n: {} for n in data.labels}
    for done, layer in enumerate(wanted, start=1):
        if cancelled():
            raise CancelledError("export was cancelled")
        rows = data.layer_of(chosen)(layer)
        for code, label in enumerate(data.labels):
            part = rows[keep & (data.codes == code)]
            if format == "npy":
                path = folder / label / f"layer_{layer}.npy"
                path.parent.mkdir(exist_ok=True)
                np.save(path, part)
                files.append(f"{label}/{path.name}")
            else:
                held[label][f"layer_{layer}"] = part
        yield Progress(done, len(wanted), "layers", note="export")
    if format == "npz":
        for label, arrays in held.items():
            np.savez(folder / f"{label}.npz", **arrays)  # type: ignore[arg-type]
            files.append(f"{label}.npz")
    yield Done(
        ExportResult(
            run=data.run.run_id,
            pooling=chosen,
            layers=tuple(wanted),
            rows=int(keep.sum()),
            files=tuple(files),
        )
    )


def foreign_job(home: Home, folder: Path, *, name: str, cancelled: Cancelled = never) -> Job:
    """Reads every label's activations and writes them as one run; Done holds a ForeignResult."""
    check_name(name)
    yield Progress(0, None, "files", note="read")
    found = _read(folder)
    if len(found.labels) < 2:
        raise UserError(
            f"{folder} holds one label only ({', '.join(found.labels)}); a probe needs two or more"
        )
    codes = found.codes
    identity = _identity(name, found)
    info = {
        "foreign": True,
        "source": "",
        "folder": str(folder.resolve()),
        "labels": list(found.labels),
        "codes": codes.tolist(),
    }
    yield Note(
        f"{len(found.labels)} labels, {len(codes):,} rows, {len(found.layers)} layers, "
        f"width {found.d_model}"
    )
    run_id = identity.run_id()
    with RunWriter.open(home, identity, info=info) as writer:
        yield from _write(writer, found, cancelled)
        writer.finish()
    yield Done(
        ForeignResult(
            run=run_id,
            rows=len(codes),
            labels=tuple(found.labels),
            layers=tuple(found.layers),
        )
    )


def _read(folder: Path) -> ForeignActivations:
    def unpack(path: Path) -> Mapping[str, np.ndarray]:
        from vectors.foreign_pt import read_pt

        return read_pt(path)

    return read_foreign_activations(folder, loaders={".pt": unpack})


def _of_label(found: ForeignActivations, label: str) -> Float32[np.ndarray, "text layer d_model"]:
    return np.stack([found.values(label, layer) for layer in found.layers], axis=1)


def _identity(name: str, found: ForeignActivations) -> RunIdentity:
    digest = hashlib.sha256()
    for label in found.labels:
        digest.update(label.encode() + b"\0" + _of_label(found, label).tobytes())
    return RunIdentity(
        model="foreign",
        revision="",
        weights_dtype="unknown",
        quantisation="unknown",
        attention="unknown",
        tokenizer_hash="",
        bos_rule="unknown",
        dataset=name,
        dataset_hash=digest.hexdigest(),
        dataset_order="",
        hook_point="as the importing tool says",
        layers=tuple(found.layers),
        d_model=found.d_model,
        poolings=(POOLING,),
        token_layers=(),
        mask_rule="unknown",
        max_length=0,
        truncation="right",
        stored_dtype="float32",
        rows=sum(found.counts),
    )


def _write(
    writer: RunWriter, found: ForeignActivations, cancelled: Cancelled
) -> Generator[Event, None, None]:
    total, at = sum(found.counts), 0
    for label, count in zip(found.labels, found.counts, strict=True):
        first = max(writer.next_row - at, 0)
        at += count
        if first >= count:
            continue
        rows = _of_label(found, label)
        for start in range(first, count, _WINDOW):
            if cancelled():
                raise CancelledError("the import was cancelled")
            _append(writer, rows[start : start + _WINDOW])
            yield Progress(writer.next_row, total, "rows", note="import")


def _append(writer: RunWriter, part: Float32[np.ndarray, "text layer d_model"]) -> None:
    ones = np.ones(len(part), dtype=np.int32)
    writer.append(
        writer.next_row,
        {POOLING: part},
        n_tokens=ones,
        n_pooled={POOLING: ones},
        norm=np.linalg.norm(part, axis=-1).astype(np.float32),
        truncated=np.zeros(len(part), dtype=np.bool_),
    )
