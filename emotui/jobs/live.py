"""Job: a run of the steering console: baseline, steered and control texts streaming side by side.

In: a LiveRequest and a Knob that may move alpha while text streams. Out: one Partial("step",
LiveStep) per token, then a LiveResult. All rows go in one batch and share their sampling noise.
Writes nothing but which emotions and alphas were tried on which prompt, into the ledger of forking
paths.
"""

import math
import time
from collections.abc import Generator, Sequence
from typing import Any, cast

import numpy as np

from emotui.errors import OptionError
from emotui.events import Cancelled, Done, Event, Job, Partial, Progress, never
from emotui.jobs.colour import encoding_of
from emotui.jobs.colour_spec import ColourRequest
from emotui.jobs.engine import Engine
from emotui.jobs.live_spec import Knob, LiveRequest, LiveResult, LiveStep, LiveText, RowAsk
from emotui.jobs.sets import load_for, open_set, residual_norm
from emotui.jobs.streaming import Emit, streaming
from emotui.options import known_name
from store.forks import Fork, note_forks, prompt_hashes
from store.layout import Home
from vectors.coherence import coherent_window
from vectors.controls import random_direction
from vectors.directions import DirectionSet
from vectors.errors import Cancelled as CancelledError
from vectors.generation import Dial, Generation, RowResult, Step, generate
from vectors.models import LanguageModel
from vectors.sampling import Sampling
from vectors.scoring import rank_span, score_text
from vectors.steering import Intervention


def live_job(
    home: Home,
    request: LiveRequest,
    *,
    knob: Knob,
    engine: Engine,
    cancelled: Cancelled = never,
) -> Job:
    """Generates and streams; Done holds a LiveResult. Cancelling keeps nothing but the screen's."""
    began = time.monotonic()
    directions = open_set(home, request.vectors)
    for emotion in request.emotions:
        known_name(emotion, directions.labels, what="emotion")
    for row in request.rows:
        if row.alphas and len(row.alphas) != len(request.emotions):
            raise OptionError(
                f"{row.name} has {len(row.alphas)} alphas for {len(request.emotions)} emotions; "
                "give one each"
            )
    directions.layer_index(request.layer)
    seeds = _control_seeds(request)
    interventions = _interventions(request, directions, seeds)
    model = yield from load_for(engine, directions, request.model, other_model=request.other_model)
    generation = yield from _generate(model, request, interventions, seeds, knob, cancelled)
    texts = []
    for ask, made in zip(request.rows, generation.rows, strict=True):
        texts.append(_text(model, directions, request, seeds, ask, made))
        yield Progress(len(texts), len(request.rows), "texts", note="read back")
    window, budget = _window(request, generation)
    note_forks(home, _forks(request, directions.recipe.dataset_hash, texts))
    yield Done(
        LiveResult(
            request=request,
            texts=tuple(texts),
            window=window,
            budget=budget,
            model=model.info.source,
            revision=model.info.revision,
            elapsed_s=time.monotonic() - began,
        )
    )


def _forks(request: LiveRequest, dataset_hash: str, texts: Sequence[LiveText]) -> list[Fork]:
    """Every alpha under which a token of the emotions was drawn; controls are no settings tried."""
    tried = {
        (place, round(alpha, 4))
        for text in texts
        if text.control_seed is None
        for alphas in text.token_alphas
        for place, alpha in enumerate(alphas)
        if alpha
    }
    subset = ",".join(prompt_hashes([request.prompt]))
    return [
        Fork("live", dataset_hash, request.layer, request.emotions[place], alpha, "text", subset)
        for place, alpha in sorted(tried)
    ]


def _control_seeds(request: LiveRequest) -> list[int | None]:
    """Groups of interventions: the emotions (None), then one per seed of random directions."""
    found: list[int | None] = [None]
    for row in request.rows:
        if row.control_seed is not None and row.control_seed not in found:
            found.append(row.control_seed)
    return found


def _interventions(
    request: LiveRequest, directions: DirectionSet, seeds: Sequence[int | None]
) -> list[Intervention]:
    norm = residual_norm(directions, request.layer)
    made = []
    for seed in seeds:
        for place, emotion in enumerate(request.emotions):
            if seed is None:
                unit = directions.at(emotion, request.layer)
            else:
                unit = random_direction(directions.d_model, seed=1000 * seed + place)
            made.append(
                Intervention(
                    layer=request.layer,
                    direction=unit,
                    residual_norm=norm,
                    mode=cast(Any, request.mode),
                    positions=cast(Any, request.positions),
                    label=emotion if seed is None else f"random {seed}",
                    control=None if seed is None else "random",
                )
            )
    return made


def _alphas(request: LiveRequest, seeds: Sequence[int | None], row: RowAsk) -> list[float | None]:
    """One alpha per intervention: the row's own group gets its alphas, the others are left out."""
    n = len(request.emotions)
    if not row.alphas:
        return [None] * (n * len(seeds))
    return [alpha if seed == row.control_seed else None for seed in seeds for alpha in row.alphas]


def _generate(
    model: LanguageModel,
    request: LiveRequest,
    interventions: Sequence[Intervention],
    seeds: Sequence[int | None],
    knob: Knob,
    cancelled: Cancelled,
) -> Generator[Event, None, Generation]:
    dial = Dial()
    n = len(request.emotions)

    def turn(emotion: int, alpha: float) -> None:
        for index, ask in enumerate(request.rows):
            if ask.follows and ask.alphas:
                group = seeds.index(ask.control_seed)
                dial.set(alpha, row=index, intervention=group * n + emotion)

    knob.connect(turn)
    began = time.monotonic()

    def work(emit: Emit) -> Generation:
        def on_step(step: Step) -> None:
            emit(Partial("step", _step(request, seeds, step)))
            rate = (step.index + 1) / max(time.monotonic() - began, 1e-9)
            emit(Progress(step.index + 1, request.max_new_tokens, "tokens", rate, "generate"))

        return generate(
            model,
            request.prompt,
            interventions=interventions,
            alphas=[_alphas(request, seeds, row) for row in request.rows],
            sampling=Sampling(
                request.max_new_tokens,
                request.temperature,
                request.top_k,
                request.top_p,
                request.seed,
            ),
            dial=dial,
            on_step=on_step,
            cancelled=cancelled,
        )

    generation = yield from streaming(work)
    if not generation.finished:
        raise CancelledError("generation was cancelled between tokens")
    return generation


def _own(
    request: LiveRequest,
    seeds: Sequence[int | None],
    row: RowAsk,
    alphas: Sequence[float | None],
) -> tuple[float | None, ...]:
    """Of the alphas of all interventions, those of the row's own group."""
    n = len(request.emotions)
    start = seeds.index(row.control_seed) * n
    return tuple(alphas[start : start + n])


def _step(request: LiveRequest, seeds: Sequence[int | None], step: Step) -> LiveStep:
    return LiveStep(
        step.index,
        step.pieces,
        tuple(
            _own(request, seeds, row, alphas)
            for row, alphas in zip(request.rows, step.alphas, strict=True)
        ),
        step.done,
    )


def _text(
    model: LanguageModel,
    directions: DirectionSet,
    request: LiveRequest,
    seeds: Sequence[int | None],
    ask: RowAsk,
    row: RowResult,
) -> LiveText:
    text = LiveText(
        name=ask.name,
        alphas=ask.alphas,
        control_seed=ask.control_seed,
        text=row.text,
        token_ids=row.token_ids,
        pieces=row.pieces,
        token_alphas=tuple(_own(request, seeds, ask, alphas) for alphas in row.alphas),
        stopped=row.stopped,
        nll=row.nll,
        repetition4=row.repetition4,
        distinct2=row.distinct2,
        kl_first=row.kl_first,
        dose=row.dose,
        hook_calls=row.hook_calls,
        hook_calls_due=row.hook_calls_due,
        # The dial moves some rows only; a row it never reached is as good as any.
        live=row.live and ask.follows,
        scores=(),
        reads_as="",
    )
    scores, reads_as = _read_back(model, directions, request, text)
    return LiveText(**(text.__dict__ | {"scores": scores, "reads_as": reads_as}))


def _read_back(
    model: LanguageModel, directions: DirectionSet, request: LiveRequest, text: LiveText
) -> tuple[tuple[float, ...], str]:
    """How the unsteered model reads the generated tokens at the steered layer."""
    written = text.written(request.prompt)
    colour = ColourRequest(request.vectors, request.model, written.text, written)
    encoding = encoding_of(model, colour)
    first = len(encoding.ids) - len(text.token_ids)
    if bool(np.all(encoding.is_special[first:])):
        return (), ""
    scores = score_text(model, directions, written.text, layers=[request.layer], encoding=encoding)
    ranks = rank_span(scores, first, layer=request.layer)
    means = {rank.label: rank.mean for rank in ranks}
    return tuple(means[emotion] for emotion in request.emotions), ranks[0].label


def _window(request: LiveRequest, generation: Generation) -> tuple[tuple[float, float] | None, str]:
    """The coherent window of the swept emotion; none without a baseline row to compare with."""
    if not request.sweep or generation.live:
        return None, ""
    place = request.emotions.index(request.sweep)
    found = coherent_window(generation, intervention=place)
    budget = (
        f"perplexity at most {found.max_perplexity_ratio:g} times the baseline's, repeated 4-grams "
        f"at most {found.max_repetition_rise:g} above it"
    )
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return None, ""
    return (found.low, found.high), budget
