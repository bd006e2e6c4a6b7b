"""Jobs: export a run for other tools, and make a run of activations cached by other tools.

In: a run and a folder to write, or a folder with one file of activations per label. Out: files, or
a run that can be probed like any other (it carries its labels itself and has no texts). Exported
folders can be imported again.
"""

import hashlib
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int
from store.foreign import ForeignActivations, read_foreign_activations

from emotui.errors import OptionError, UserError
from emotui.events import Cancelled, Done, Event, Job, Note, Progress, never
from emotui.jobs.rundata import pooling_of, run_data
from emotui.options import LayerSpec, layers_for
from store.identity import RunIdentity
from store.layout import Home, check_name
from store.runs import Run
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
    set_aside: int
    """Rows that hold NaN or infinity."""


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
    rows, codes = _stacked(found)
    identity = _identity(name, found, rows, codes)
    info = {
        "foreign": True,
        "source": "",
        "folder": str(folder.resolve()),
        "labels": list(found.labels),
        "codes": codes.tolist(),
    }
    yield Note(
        f"{len(found.labels)} labels, {len(rows):,} rows, {len(found.layers)} layers, "
        f"width {rows.shape[-1]}"
    )
    run_id = identity.run_id()
    with RunWriter.open(home, identity, info=info) as writer:
        yield from _write(writer, rows, cancelled)
        writer.finish()
    run = Run.open(home, run_id)
    yield Done(
        ForeignResult(
            run=run_id,
            rows=len(rows),
            labels=tuple(found.labels),
            layers=tuple(found.layers),
            set_aside=int((~run.usable_rows(POOLING)).sum()),
        )
    )


def _read(folder: Path) -> ForeignActivations:
    if any(folder.rglob("*.pt")):
        from vectors.foreign_pt import read_pt_activations

        return ForeignActivations(*read_pt_activations(folder))
    return read_foreign_activations(folder)


def _stacked(
    found: ForeignActivations,
) -> tuple[Float32[np.ndarray, "text layer d_model"], Int[np.ndarray, "text"]]:
    parts, codes = [], []
    for code, label in enumerate(found.labels):
        part = np.stack([found.values[label][layer] for layer in found.layers], axis=1)
        parts.append(part.astype(np.float32))
        codes.append(np.full(len(part), code, dtype=np.int64))
    return np.concatenate(parts), np.concatenate(codes)


def _identity(
    name: str,
    found: ForeignActivations,
    rows: Float32[np.ndarray, "text layer d_model"],
    codes: Int[np.ndarray, "text"],
) -> RunIdentity:
    digest = hashlib.sha256(np.ascontiguousarray(rows).tobytes() + codes.tobytes()).hexdigest()
    return RunIdentity(
        model="foreign",
        revision="",
        weights_dtype="unknown",
        quantisation="unknown",
        attention="unknown",
        tokenizer_hash="",
        bos_rule="unknown",
        dataset=name,
        dataset_hash=digest,
        dataset_order="",
        hook_point="as the importing tool says",
        layers=tuple(found.layers),
        d_model=rows.shape[-1],
        poolings=(POOLING,),
        token_layers=(),
        mask_rule="unknown",
        max_length=0,
        truncation="right",
        stored_dtype="float32",
        rows=len(rows),
    )


def _write(
    writer: RunWriter, rows: Float32[np.ndarray, "text layer d_model"], cancelled: Cancelled
) -> Generator[Event, None, None]:
    for start in range(writer.next_row, len(rows), _WINDOW):
        if cancelled():
            raise CancelledError("the import was cancelled")
        part = rows[start : start + _WINDOW]
        ones = np.ones(len(part), dtype=np.int32)
        writer.append(
            start,
            {POOLING: part},
            n_tokens=ones,
            n_pooled={POOLING: ones},
            norm=np.linalg.norm(part, axis=-1).astype(np.float32),
            truncated=np.zeros(len(part), dtype=np.bool_),
        )
        yield Progress(start + len(part), len(rows), "rows", note="import")
