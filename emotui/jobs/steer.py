"""Job: steer a model along one emotion at several alphas, beside a baseline and control directions.

In: a set's name, an emotion, alphas, a prompt. Out: a SteerResult: one text per alpha, sample and
direction, each with its meters and with how the unsteered model reads it back. All alphas of a
sample run in one batch and share sampling noise. Writes nothing.
"""

import math
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import numpy as np

from emotui.errors import OptionError
from emotui.events import Cancelled, Done, Event, Job, Progress, never
from emotui.jobs.engine import Engine
from emotui.jobs.generating import generating
from emotui.jobs.rundata import pooling_of, run_data
from emotui.jobs.sets import load_for, open_set, residual_norm, set_layers
from emotui.jobs.spec import ModelSpec
from emotui.options import LayerSpec, known_name
from store.forks import Fork, note_forks, prompt_hashes
from store.layout import Home
from vectors.coherence import CoherentWindow, coherent_window
from vectors.controls import covariance_matched, random_direction, shuffled_label
from vectors.directions import DirectionSet
from vectors.generation import Generation, RowResult, generate
from vectors.models import LanguageModel
from vectors.sampling import Sampling
from vectors.scoring import rank_span, score_text
from vectors.steering import Intervention

BASELINE = "baseline"
MAX_ROWS = 96
"""Rows in one batch; more samples than fit go into the next batch."""


@dataclass(frozen=True)
class SteerRequest:
    """What to push, how far, on which text."""

    vectors: str
    model: ModelSpec
    """`source` may be empty: the model the set was made with."""
    emotion: str
    alphas: tuple[float, ...]
    """In mean residual norms of the layer; the baseline 0 is added where it is missing."""
    prompts: tuple[str, ...]
    layer: LayerSpec
    mode: str = "add"
    positions: str | tuple[int, int] = "all"
    sampling: Sampling = field(default_factory=Sampling)
    samples: int = 1
    """Texts per alpha and prompt, seeds counted up from the sampling's."""
    control: tuple[str, int] | None = None
    """Kind and number of control directions, each with the same alphas and norms; None = none."""
    other_model: bool = False


@dataclass(frozen=True)
class SteeredText:
    """One generated text."""

    alpha: float
    direction: str
    """ "baseline", the emotion, or "control 1", "control 2", ..."""
    seed: int
    row: RowResult
    """Prompt, text and meters."""
    score: float | None
    """Mean score of the emotion over the generated tokens, read back by the unsteered model at the
    last steered layer; None where nothing was generated."""
    z: float | None
    """The same against neutral texts; None where the set has none."""
    reads_as: str | None
    """The emotion of the set that scores highest over the generated tokens."""


@dataclass(frozen=True)
class SteerResult:
    """A sweep with its controls."""

    vectors: str
    emotion: str
    layers: tuple[int, ...]
    prompts: tuple[str, ...]
    texts: tuple[SteeredText, ...]
    window: CoherentWindow | None
    """None where alpha 0 is no baseline (clamp or replace at 0)."""
    control: str | None
    n_controls: int
    settings: dict[str, object]
    elapsed_s: float

    def to_json(self) -> dict[str, object]:
        """Plain values; the keys are those of docs/commands.md."""
        return {
            "vectors": self.vectors,
            "emotion": self.emotion,
            "layers": list(self.layers),
            "prompts": list(self.prompts),
            "settings": self.settings,
            "window": None if self.window is None else asdict(self.window),
            "control": self.control,
            "n_controls": self.n_controls,
            "elapsed_s": self.elapsed_s,
            "texts": [_text_json(t) for t in self.texts],
        }


def _text_json(t: SteeredText) -> dict[str, object]:
    row = t.row
    return {
        "alpha": t.alpha,
        "direction": t.direction,
        "seed": t.seed,
        "prompt": row.prompt,
        "text": row.text,
        "score": t.score,
        "z": t.z,
        "reads_as": t.reads_as,
        "nll": row.nll,
        "repetition4": row.repetition4,
        "distinct2": row.distinct2,
        "kl_first": row.kl_first,
        "dose": row.dose,
        "hook_calls": row.hook_calls,
        "hook_calls_due": row.hook_calls_due,
        "n_tokens": len(row.token_ids),
        "stopped": row.stopped,
        "token_ids": list(row.token_ids),
    }


@dataclass(frozen=True)
class _Row:
    """One row of a batch: which direction at which alpha."""

    alpha: float | None
    """None = the baseline: left alone."""
    direction: int
    """0 = the emotion, k = control k."""
    seed: int
    prompt: str


def steer_job(
    home: Home, request: SteerRequest, *, engine: Engine, cancelled: Cancelled = never
) -> Job:
    """Generates the whole sweep, then reads it back; Done holds a SteerResult."""
    began = time.monotonic()
    directions = open_set(home, request.vectors)
    known_name(request.emotion, directions.labels, what="emotion")
    layers = set_layers(directions, request.layer)
    groups = [_emotion_at(request, directions, layers)]
    kind, count = request.control or ("", 0)
    for k in range(count):
        groups.append(_control_at(home, request, directions, layers, kind, seed=k))
    model = yield from load_for(engine, directions, request.model, other_model=request.other_model)
    plan = _plan(request, len(groups))
    texts, runs = [], []
    per_sample = len(plan) // (request.samples * len(request.prompts))
    per_call = max(1, MAX_ROWS // per_sample) * per_sample
    for at in range(0, len(plan), per_call):
        rows = plan[at : at + per_call]
        generation = yield from _generate(model, request, groups, rows, cancelled, at, len(plan))
        runs.append(generation)
        for spec, row in zip(rows, generation.rows, strict=True):
            texts.append(_read_back(model, directions, request, layers[-1], spec, row))
            yield Progress(len(texts), len(plan), "texts", note="read back")
    note_forks(
        home,
        (
            Fork(
                "steer",
                directions.recipe.dataset_hash,
                layer,
                request.emotion,
                alpha,
                "text",
                ",".join(prompt_hashes(request.prompts)),
            )
            for layer in layers
            for alpha in request.alphas
            if alpha
        ),
    )
    yield Done(
        SteerResult(
            vectors=request.vectors,
            emotion=request.emotion,
            layers=tuple(layers),
            prompts=request.prompts,
            texts=tuple(texts),
            window=None if _acts_at_zero(request) else coherent_window(runs),
            control=kind or None,
            n_controls=count,
            settings=_settings(request),
            elapsed_s=time.monotonic() - began,
        )
    )


def _acts_at_zero(request: SteerRequest) -> bool:
    """Clamp and replace at alpha 0 do something, so that row is no baseline."""
    return request.mode in ("clamp", "replace") and 0.0 in request.alphas


def _plan(request: SteerRequest, n_directions: int) -> list[_Row]:
    """Per prompt and sample: the baseline, every alpha of the emotion, those of each control."""
    alphas = [a for a in sorted(request.alphas) if a != 0 or _acts_at_zero(request)]
    rows = []
    for prompt in request.prompts:
        for sample in range(request.samples):
            seed = request.sampling.seed + sample
            rows.append(_Row(None, 0, seed, prompt))
            rows += [_Row(a, k, seed, prompt) for k in range(n_directions) for a in alphas]
    return rows


def _settings(request: SteerRequest) -> dict[str, object]:
    return {
        "alphas": sorted(request.alphas),
        "mode": request.mode,
        "positions": request.positions,
        "samples": request.samples,
        **asdict(request.sampling),
    }


def _emotion_at(
    request: SteerRequest, directions: DirectionSet, layers: Sequence[int]
) -> list[Intervention]:
    return [
        _intervention(
            request, directions, layer, directions.at(request.emotion, layer), request.emotion, None
        )
        for layer in layers
    ]


def _intervention(
    request: SteerRequest,
    directions: DirectionSet,
    layer: int,
    unit: "np.ndarray[Any, np.dtype[np.float32]]",
    label: str,
    control: str | None,
) -> Intervention:
    return Intervention(
        layer=layer,
        direction=unit,
        residual_norm=residual_norm(directions, layer),
        mode=cast(Any, request.mode),
        positions=cast(Any, request.positions),
        label=label,
        control=control,
    )


def _control_at(
    home: Home,
    request: SteerRequest,
    directions: DirectionSet,
    layers: Sequence[int],
    kind: str,
    *,
    seed: int,
) -> list[Intervention]:
    made = []
    for layer in layers:
        if kind == "random":
            unit = random_direction(directions.unit.shape[-1], seed=1000 * seed + layer)
        else:
            unit = _control_from_run(home, request, directions, layer, kind, seed=seed)
        made.append(_intervention(request, directions, layer, unit, f"control {seed + 1}", kind))
    return made


def _control_from_run(
    home: Home,
    request: SteerRequest,
    directions: DirectionSet,
    layer: int,
    kind: str,
    *,
    seed: int,
) -> "np.ndarray[Any, np.dtype[np.float32]]":
    recipe = directions.recipe
    if not recipe.run:
        raise OptionError(
            f"--control {kind} needs the run these vectors were built from, and the set names "
            "none; use --control random"
        )
    data = run_data(home, recipe.run)
    with closing(data.run):
        rows = data.layer_of(pooling_of(data.run, recipe.pooling))(layer)
    kept = np.isfinite(rows).all(axis=1) & (data.codes >= 0)
    if kind == "covariance":
        return covariance_matched(rows[kept], seed=seed)
    return shuffled_label(
        rows[kept],
        data.codes[kept],
        label=data.labels.index(request.emotion),
        groups=None if data.groups is None else data.groups[kept],
        seed=seed,
    )


def _generate(
    model: LanguageModel,
    request: SteerRequest,
    groups: Sequence[Sequence[Intervention]],
    rows: Sequence[_Row],
    cancelled: Cancelled,
    at: int,
    total: int,
) -> Generator[Event, None, Generation]:
    interventions = [i for group in groups for i in group]
    owner = [k for k, group in enumerate(groups) for _ in group]
    alphas = [[row.alpha if k == row.direction else None for k in owner] for row in rows]
    what = "generate" if len(rows) == total else f"generate {at + 1}-{at + len(rows)} of {total}"
    return (
        yield from generating(
            lambda on_step: generate(
                model,
                [row.prompt for row in rows],
                interventions=interventions,
                alphas=alphas,
                sampling=request.sampling,
                seeds=[row.seed for row in rows],
                on_step=on_step,
                cancelled=cancelled,
            ),
            tokens=request.sampling.max_new_tokens,
            note=what,
        )
    )


def _read_back(
    model: LanguageModel,
    directions: DirectionSet,
    request: SteerRequest,
    layer: int,
    spec: _Row,
    row: RowResult,
) -> SteeredText:
    direction = request.emotion if spec.direction == 0 else f"control {spec.direction}"
    if spec.alpha is None:
        direction = BASELINE
    alpha = spec.alpha or 0.0
    text = SteeredText(alpha, direction, spec.seed, row, None, None, None)
    if not row.text.strip():
        return text
    scores = score_text(model, directions, row.prompt + row.text, layers=[layer])
    inside = np.flatnonzero((scores.offsets[:, 1] > len(row.prompt)) & ~scores.is_special)
    if len(inside) == 0:
        return text
    ranks = rank_span(scores, int(inside[0]), int(inside[-1]) + 1, layer=layer)
    own = next(rank for rank in ranks if rank.label == request.emotion)
    z = own.z if own.z is not None and math.isfinite(own.z) else None
    return SteeredText(alpha, direction, spec.seed, row, own.mean, z, ranks[0].label)
