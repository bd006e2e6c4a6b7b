"""Job: run a model over a dataset and keep its activations; the same request again resumes.

In: a request (model, dataset, which rows, layers, poolings). Out: a run in the store. Does no
arithmetic on activations: `vectors.extraction` pools, `store.runs` writes.
"""

import io
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from emotui.errors import OptionError
from emotui.events import Cancelled, Done, Event, Job, Note, Progress, never
from emotui.jobs.engine import Engine
from emotui.jobs.spec import DEMO, ModelSpec
from emotui.options import LayerSpec, layers_for
from store.atomic import write_bytes
from store.datasets import Dataset
from store.identity import RunIdentity
from store.layout import Home
from store.runs import Run, RunWriter
from store.selection import Selection, select
from vectors.extraction import ExtractionPlan, extract, plan_extraction
from vectors.models import LanguageModel

ROWS_FILE = "rows.npy"


@dataclass(frozen=True)
class Rows:
    """Which rows of a dataset; nothing given means all that are not excluded."""

    labels: tuple[str, ...] | None = None
    topics: tuple[str, ...] | None = None
    limit: int | None = None
    """Draw at most so many in all, by seed."""
    per_label: int | None = None
    """Draw at most so many of each label, by seed."""
    seed: int = 0

    def of(self, dataset: Dataset) -> Selection:
        """The rows, in the dataset's order."""
        return select(
            dataset,
            labels=self.labels,
            topics=self.topics,
            limit=self.limit,
            per_label=self.per_label,
            seed=self.seed,
        )


@dataclass(frozen=True)
class ExtractRequest:
    """Everything that decides an extraction."""

    model: ModelSpec
    dataset: str
    layers: LayerSpec
    poolings: tuple[str, ...] = ("mean50",)
    token_layers: LayerSpec | None = None
    """Layers whose every token is kept as well; None for none."""
    rows: Rows = field(default_factory=Rows)
    max_length: int | None = None
    """Tokens per text; None = the model's context."""
    stored_dtype: str = "bfloat16"
    token_budget: int | None = None
    twin_seed: int | None = None
    """None = the trained model; else its untrained twin of that seed."""
    speaker: str | None = None
    """Whose spans the pooling "spans" takes; None = all spans."""


@dataclass(frozen=True)
class ExtractResult:
    """What an extraction left in the store."""

    run: str
    rows: int
    resumed_from: int
    """Rows that were there already."""
    set_aside: dict[str, int]
    """Per pooling, the texts that gave no usable vector."""
    truncated: int
    tokens: int
    layers: tuple[int, ...]
    poolings: tuple[str, ...]
    elapsed_s: float


def extract_job(
    home: Home, request: ExtractRequest, *, engine: Engine, cancelled: Cancelled = never
) -> Job:
    """Plans, checks the disk, then extracts window by window; Done holds an ExtractResult."""
    result = yield from extracting(home, request, engine=engine, cancelled=cancelled)
    yield Done(result)


def extracting(
    home: Home, request: ExtractRequest, *, engine: Engine, cancelled: Cancelled
) -> Generator[Event, None, ExtractResult]:
    """The same as a part of another job: `result = yield from extracting(...)`."""
    dataset = Dataset.open(home, request.dataset)
    selection = request.rows.of(dataset)
    if "spans" in request.poolings and not dataset.info.speakers:
        raise OptionError(
            f"--pool spans: dataset {request.dataset} has no spans; import it with --spans COLUMN"
        )
    if request.speaker is not None and "spans" not in request.poolings:
        raise OptionError(f"--speaker {request.speaker}: only --pool spans takes a speaker's turns")
    if request.twin_seed is None:
        model = yield from engine.model(request.model)
    else:
        model = yield from engine.twin(request.model, seed=request.twin_seed)
    plan = _plan(model, request)
    identity = identity_of(model, request, plan, dataset, selection)
    yield Note(
        f"plan: {len(selection.indices):,} texts, layers {_shown(plan.layers)}, "
        f"pooling {', '.join(plan.poolings)}, stored as {plan.stored_dtype}, "
        f"at most {plan.max_length} tokens per text"
    )
    return (yield from _write(home, request, model, plan, identity, dataset, selection, cancelled))


def _plan(model: LanguageModel, request: ExtractRequest) -> ExtractionPlan:
    every = range(model.info.n_layers)
    tokens = request.token_layers
    return plan_extraction(
        model,
        layers=layers_for(request.layers, every),
        poolings=request.poolings,
        token_layers=() if tokens is None else layers_for(tokens, every, option="--tokens"),
        max_length=request.max_length,
        stored_dtype=request.stored_dtype,
    )


def identity_of(
    model: LanguageModel,
    request: ExtractRequest,
    plan: ExtractionPlan,
    dataset: Dataset,
    selection: Selection,
) -> RunIdentity:
    """What makes this run this run; versions, device and timings are not part of it."""
    info = model.info
    return RunIdentity(
        model=model_name(request.model, twin_seed=request.twin_seed),
        revision=info.revision,
        weights_dtype=info.dtype,
        quantisation=info.quantisation,
        attention=info.attention,
        tokenizer_hash=info.tokenizer_hash,
        bos_rule=info.bos_rule,
        dataset=dataset.info.name,
        dataset_hash=dataset.info.hash,
        dataset_order=selection.hash,
        hook_point="blocks.{layer}.hook_resid_post",
        layers=tuple(plan.layers),
        d_model=info.d_model,
        poolings=tuple(plan.poolings),
        token_layers=tuple(plan.token_layers),
        mask_rule=_mask_rule(plan, request.speaker),
        max_length=plan.max_length,
        truncation="right",
        stored_dtype=plan.stored_dtype,
        rows=len(selection.indices),
    )


def _mask_rule(plan: ExtractionPlan, speaker: str | None) -> str:
    rule = f"{plan.mask_rule}; mean50 of at least {plan.min_pooled}"
    return rule if speaker is None else f"{rule}; spans of {speaker}"


def model_name(spec: ModelSpec, *, twin_seed: int | None) -> str:
    """The hub id, or the folder's name: what a model is called wherever it lies."""
    name = spec.source
    if (folder := _folder(name)) is not None:
        name = folder.name
    return name if twin_seed is None else f"{name}-untrained-{twin_seed}"


def _shown(layers: Sequence[int]) -> str:
    gapless = list(layers) == list(range(layers[0], layers[-1] + 1))
    return (
        f"{layers[0]}-{layers[-1]}" if gapless and len(layers) > 1 else ", ".join(map(str, layers))
    )


def _write(
    home: Home,
    request: ExtractRequest,
    model: LanguageModel,
    plan: ExtractionPlan,
    identity: RunIdentity,
    dataset: Dataset,
    selection: Selection,
    cancelled: Cancelled,
) -> Generator[Event, None, ExtractResult]:
    began = time.monotonic()
    texts = dataset.texts_at(selection.indices)
    spans = None
    if "spans" in plan.poolings:
        spans = dataset.spans_at(selection.indices, name=request.speaker)
    with RunWriter.open(home, identity, info=_record(request, model, plan)) as writer:
        resumed = writer.committed_rows
        total = len(texts)
        keep_rows(home, identity.run_id(), selection)
        if resumed:
            yield Note(f"run {identity.run_id()}: {resumed:,} of {total:,} texts are there already")
        yield Progress(resumed, total, "texts", note="extract")
        for batch in extract(
            model,
            texts,
            plan,
            spans=spans,
            start=resumed,
            token_budget=request.token_budget,
            cancelled=cancelled,
        ):
            tokens = batch.tokens
            writer.append(
                batch.start,
                batch.values,
                n_tokens=batch.n_tokens,
                n_pooled=batch.n_pooled,
                norm=batch.norm,
                truncated=batch.truncated,
                tokens=None if tokens is None else (tokens.values, tokens.offsets, tokens.token_id),
                failures=[(f.row, f.pooling, f.reason) for f in batch.failures],
            )
            rate = (batch.stop - resumed) / max(time.monotonic() - began, 1e-9)
            yield Progress(batch.stop, total, "texts", rate, "extract")
        writer.finish()
    return summary(home, identity.run_id(), resumed=resumed, elapsed_s=time.monotonic() - began)


def _record(
    request: ExtractRequest, model: LanguageModel, plan: ExtractionPlan
) -> dict[str, object]:
    """What is recorded beside the identity: how to make the same rows and the same model again."""
    from importlib.metadata import version

    return {
        "source": located(request.model.source),
        "spec": asdict(request.model),
        "rows": asdict(request.rows),
        "twin_seed": request.twin_seed,
        "speaker": request.speaker,
        "n_layers": model.info.n_layers,
        "n_parameters": model.info.n_parameters,
        "device": model.info.device,
        "reasons": list(model.info.reasons),
        "checks": [asdict(check) for check in model.info.checks],
        "plan": {"min_pooled": plan.min_pooled, "skip_tokens": plan.skip_tokens},
        "versions": {p: version(p) for p in ("emotui", "torch", "transformers", "zarr", "numpy")},
    }


def keep_rows(home: Home, run_id: str, selection: Selection) -> None:
    """Writes which rows of the dataset the run's rows are; later exclusions do not change it."""
    path = home.runs / run_id / ROWS_FILE
    if not path.exists():
        out = io.BytesIO()
        np.save(out, selection.indices)
        write_bytes(path, out.getvalue())


def located(source: str) -> str:
    """A model's source so that it can be found from another working directory."""
    folder = _folder(source)
    return source if folder is None else str(folder)


def _folder(source: str) -> Path | None:
    """The model's folder; None for a hub id and for the embedded model, whatever lies around."""
    path = Path(source).expanduser()
    return path.resolve() if source != DEMO and path.is_dir() else None


def summary(home: Home, run_id: str, *, resumed: int, elapsed_s: float) -> ExtractResult:
    """What a run holds, as an ExtractResult."""
    with closing(Run.open(home, run_id)) as run:
        return _result(run, resumed=resumed, elapsed_s=elapsed_s)


def _result(run: Run, *, resumed: int, elapsed_s: float) -> ExtractResult:
    aside = {p: int((~run.usable_rows(p)).sum()) for p in run.identity.poolings}
    return ExtractResult(
        run=run.run_id,
        rows=run.committed_rows,
        resumed_from=resumed,
        set_aside=aside,
        truncated=int(run.truncated.sum()),
        tokens=int(run.n_tokens.sum()),
        layers=run.identity.layers,
        poolings=run.identity.poolings,
        elapsed_s=elapsed_s,
    )
