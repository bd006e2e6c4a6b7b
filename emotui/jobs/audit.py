"""Job: run the controls of a finding.

In: a finding's id. Out: its record under findings/, with the verdict. Controls run cheapest first;
the first required or instrument control that fails ends the run unless it is thorough, because the
verdict is then settled. Every finished control is saved at once, so a stopped audit goes on where
it was: results whose inputs have not changed are never computed again. Computes no control and no
verdict itself.
"""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from emotui.errors import OptionError
from emotui.events import Cancelled, Done, Event, Job, Note, Partial, Progress, never
from emotui.jobs.audit_ablation import ablation_bench, ablation_steps
from emotui.jobs.audit_axis import ESTIMATOR as AXIS_ESTIMATOR
from emotui.jobs.audit_axis import axis_steps, claimed_axis
from emotui.jobs.audit_bench import Workbench
from emotui.jobs.audit_cosine import ESTIMATOR as COSINE_ESTIMATOR
from emotui.jobs.audit_cosine import cosine_steps
from emotui.jobs.audit_data import (
    CLAIMS,
    NO_TOPICS,
    Means,
    Source,
    Step,
    family_size,
    input_hashes,
    provenance_of,
    source_of,
    without_topics,
)
from emotui.jobs.audit_edit import checked_waiver, log_deviation, log_waiver, refuse_spoilt
from emotui.jobs.audit_family import family_members
from emotui.jobs.audit_foreign import foreign_hashes, foreign_provenance, foreign_steps
from emotui.jobs.audit_gate import EXTRACTION, known_faults
from emotui.jobs.audit_probe import ESTIMATOR as PROBE_ESTIMATOR
from emotui.jobs.audit_probe import probe_steps
from emotui.jobs.audit_record import Audit, open_audit
from emotui.jobs.audit_steering import steering_bench, steering_steps
from emotui.jobs.engine import Engine
from emotui.jobs.sets import load_for, open_set
from emotui.jobs.spec import ModelSpec
from emotui.jobs.streaming import Emit, streaming
from emotui.sanitize import one_line
from store.findings import add_event
from store.forks import Fork, note_forks, prompt_hashes
from store.layout import Home
from vectors.audits.bench import Bench
from vectors.audits.multiplicity import adjust
from vectors.audits.registry import CONTROLS, computed_for, required
from vectors.audits.reporting import (
    complete_numbers,
    forking_paths,
    multiplicity,
    preregistered,
    provenance,
    wording,
)
from vectors.audits.result import ControlResult, Cost
from vectors.audits.settings import PRESETS
from vectors.directionset import DirectionSet
from vectors.errors import Cancelled as CancelledError

ON_THE_RECORD = ("R1", "R2", "R3", "R4", "R5", "R7")
"""Controls that are computed anew at every close; any other is kept."""


@dataclass(frozen=True)
class AuditRequest:
    """Which controls of a finding to run, and how."""

    finding: str
    preset: str | None = None
    """None = the sealed plan's, or the last one used."""
    controls: tuple[str, ...] = ()
    """Only these; empty = those that run unasked."""
    all_controls: bool = False
    """With the optional ones."""
    waive: tuple[tuple[str, str], ...] = ()
    """Control and reason."""
    by: str = "the user"
    thorough: bool = False
    model: ModelSpec | None = None
    """None = the model the vectors were made with."""


def audit_job(
    home: Home, request: AuditRequest, *, engine: Engine, cancelled: Cancelled = never
) -> Job:
    """Runs what is missing or stale; Done holds the finding's record."""
    audit = open_audit(home, request.finding)
    refuse_spoilt(home, audit.id)
    _take_preset(home, audit, request.preset)
    # All of them first: a bad one must not leave the others in the history alone.
    waivers = [checked_waiver(audit, c, reason=why, by=request.by) for c, why in request.waive]
    for waiver in waivers:
        log_waiver(home, audit, waiver)
    directions = open_set(home, audit.subject.vectors) if audit.subject.vectors else None
    audit.family_size = family_size(home, audit)
    if directions is not None and not audit.subject.run:
        stale = yield from _forget_stale(home, audit, foreign_hashes(home, audit, directions))
        audit.provenance = foreign_provenance(directions, audit)
        steps = foreign_steps(directions, audit)
        yield from _running(home, audit, steps, None, request, cancelled, again=stale)
    else:
        yield from _on_a_run(home, audit, directions, request, engine, cancelled)
    _close(home, audit)
    yield Done(audit.to_json())


def _on_a_run(
    home: Home,
    audit: Audit,
    directions: DirectionSet | None,
    request: AuditRequest,
    engine: Engine,
    cancelled: Cancelled,
) -> Generator[Event, None, None]:
    """The controls of a claim whose texts and activations are here."""
    with source_of(home, audit.subject) as source:
        asked = computed_for(audit.claim.kind) if request.all_controls else request.controls
        now = input_hashes(home, audit, source, directions, asked=asked)
        stale = yield from _forget_stale(home, audit, now)
        device = "auto" if request.model is None else request.model.device
        means = Means(home, engine, device, cancelled)
        steps, bench = yield from _steps(source, audit, directions, request, means)
        if not source.topics:
            yield Note(NO_TOPICS, "warn")
            steps = [without_topics(step) for step in steps]
        # Before anything is shown, so that a stopped audit counts as well.
        _note_fork(home, audit, source)
        yield from _running(home, audit, steps, bench, request, cancelled, again=stale)


def _forget_stale(
    home: Home, audit: Audit, current: Mapping[str, str]
) -> Generator[Event, None, tuple[str, ...]]:
    """Drops what rests on inputs that have changed, and says so."""
    stale = audit.drop_stale(current)
    if stale:
        yield Note(f"inputs changed since they ran, so they run again: {', '.join(stale)}")
        add_event(home, audit.id, "stale", {"controls": list(stale)})
    return stale


def _running(
    home: Home,
    audit: Audit,
    steps: Sequence[Step],
    bench: Bench | None,
    request: AuditRequest,
    cancelled: Cancelled,
    *,
    again: Sequence[str],
) -> Generator[Event, None, None]:
    todo = _todo(audit, steps, request, again=again)
    cost = Cost()
    for step in todo:
        cost += step.cost
    held = [s.control for s in steps if s.control in audit.results]
    if held:
        yield Note(f"kept from before: {', '.join(held)}")
    controls = f"{len(todo)} control{'s' if len(todo) != 1 else ''}"
    yield Note(
        f"{controls} to run, {cost.forwards:,} forward passes and {cost.generations:,} "
        f"generated texts at most{_duration(bench, cost)}; preset {audit.preset}, claims on this "
        f"data set: {audit.family_size}"
    )
    for place, step in enumerate(todo):
        if cancelled():
            _close(home, audit)
            raise CancelledError("the audit was cancelled; finished controls are kept")
        yield Progress(place, len(todo), "controls", note=f"audit {step.control}")
        began = time.monotonic()
        try:
            if step.prepare is not None:
                yield from step.prepare()
            result = yield from streaming(_watched(step, bench, cancelled))
        except CancelledError:
            _close(home, audit)
            raise
        wall = time.monotonic() - began
        audit.keep(home, result, step.uses, wall)
        yield Partial("control", result)
        why = f": {one_line(result.reasons[0])}" if result.reasons else ""
        yield Note(f"{step.control} {result.state} ({wall:.1f} s){why}")
        if _settles(audit, result) and not request.thorough and place + 1 < len(todo):
            left = ", ".join(s.control for s in todo[place + 1 :])
            yield Note(f"{step.control} settles the verdict; not run: {left} (--thorough runs all)")
            return


def _duration(bench: Bench | None, cost: Cost) -> str:
    """How long the forward passes will take, from the unsteered ones, which are needed anyway."""
    if bench is None or not cost.forwards:
        return ""
    began = time.monotonic()
    bench.base()
    seconds = (time.monotonic() - began) / len(bench.prompts) * cost.forwards
    return f" (the passes about {seconds:.0f} s, by the first {len(bench.prompts)})"


def _watched(
    step: Step, bench: Bench | None, cancelled: Cancelled
) -> Callable[[Emit], ControlResult]:
    """The control's work, telling how many of its forward passes are made."""

    def work(emit: Emit) -> ControlResult:
        if bench is not None and step.cost.forwards:
            before, began = bench.forwards, time.monotonic()

            def tick(made: int) -> None:
                if cancelled():
                    raise CancelledError("the audit was cancelled; finished controls are kept")
                done = min(made - before, step.cost.forwards)
                rate = done / max(time.monotonic() - began, 1e-9)
                emit(Progress(done, step.cost.forwards, "forward passes", rate, step.control))

            bench.tick = tick
        return step.work()

    return work


def _todo(
    audit: Audit, steps: Sequence[Step], request: AuditRequest, *, again: Sequence[str]
) -> list[Step]:
    """What is asked for and not there; optional ones that became stale run again unasked."""
    have = {s.control for s in steps}
    for control in request.controls:
        _known_control(control)
        if control not in have:
            raise OptionError(
                f"{control} is not computed for {audit.claim.named}; there are: "
                f"{', '.join(s.control for s in steps)}"
            )
    wanted = [
        s
        for s in steps
        if s.control in request.controls
        or (not request.controls and (not s.optional or request.all_controls or s.control in again))
    ]
    todo = [
        s
        for s in wanted
        if s.control not in audit.results
        and (s.control not in audit.waivers or s.control in request.controls)
    ]
    settled = any(_settles(audit, r) for r in audit.results.values())
    return [] if settled and not request.thorough and not request.controls else todo


def _settles(audit: Audit, result: ControlResult) -> bool:
    hard = result.id in required(audit.claim) or CONTROLS[result.id].instrument
    return result.state == "fail" and hard


def _known_control(control: str) -> None:
    if control not in CONTROLS:
        raise OptionError(f"no control {one_line(control)!r}; docs/audits.md lists all, e.g. P1, "
                          "G2, C4")  # fmt: skip


def _steps(
    source: Source,
    audit: Audit,
    directions: DirectionSet | None,
    request: AuditRequest,
    means: Means,
) -> Generator[Event, None, tuple[list[Step], Bench | None]]:
    if audit.claim.kind == "probe":
        audit.provenance = provenance_of(
            source, audit, estimator=PROBE_ESTIMATOR, vector=b"none: a probe fitted per fold"
        )
        return probe_steps(source, audit, means), None
    if audit.claim.kind == "cosine":
        audit.provenance = provenance_of(
            source, audit, estimator=COSINE_ESTIMATOR, vector=_means(source, audit)
        )
        return cosine_steps(source, audit, means), None
    if audit.claim.kind == "axis":
        audit.provenance = provenance_of(
            source, audit, estimator=AXIS_ESTIMATOR, vector=claimed_axis(source, audit)
        )
        return axis_steps(source, audit, means), None
    assert directions is not None
    spec = request.model or ModelSpec(source="")
    model = yield from load_for(means.engine, directions, spec, other_model=False)
    unit = np.asarray(directions.at(audit.subject.emotion, audit.subject.layer), np.float32)
    audit.provenance = replace(
        provenance_of(source, audit, estimator=directions.recipe.method, vector=unit.tobytes()),
        model=directions.recipe.model,
        pooling=directions.recipe.pooling,
    )
    bench: Bench
    if audit.claim.kind == "ablation":
        bench = ablation_bench(means.home, model, directions, source, audit)
    else:
        bench = steering_bench(model, directions, source, audit)
    yield Note(f"outcome: log-odds of {_shown(model, bench.target)} against "
               f"{_shown(model, bench.neutral)} at the next token")  # fmt: skip
    work = Workbench(means, bench, directions, source, audit)
    return (ablation_steps if audit.claim.kind == "ablation" else steering_steps)(work), bench


def _shown(model: Any, tokens: Sequence[int]) -> str:
    words = [one_line(str(model.tokenizer.decode([t]))).strip() for t in tokens[:6]]
    return "[" + " ".join(words) + (f" ... {len(tokens)} tokens]" if len(tokens) > 6 else "]")


def _means(source: Source, audit: Audit) -> bytes:
    """The two mean-difference vectors the cosine is of."""
    data, out = source.data, b""
    means = [data.rows[data.codes == c].mean(axis=0) for c in np.unique(data.codes)]
    for label in (audit.subject.emotion, audit.subject.other):
        own = data.rows[data.codes == data.code(label)].mean(axis=0)
        out += (own - np.mean(means, axis=0)).astype(np.float32).tobytes()
    return out


def _close(home: Home, audit: Audit) -> None:
    """The controls on the record itself, then the verdict of today."""
    done = [r for r in audit.results.values() if r.id not in ON_THE_RECORD]
    first = min((e.at for e in audit.evidence.values()), default=None)
    found = [
        complete_numbers(done),
        provenance(audit.provenance),
        forking_paths(audit.forks),
        wording(audit.claim, {r.id: r for r in done}),
    ]
    if audit.prereg is not None:
        # Without a plan the verdict itself says "exploratory"; R1 would only say it again.
        found.append(preregistered(audit.prereg, first))
    if audit.claim.kind not in CONTROLS["I4"].hard_for:
        # What was read from stored activations falls with the engine that stored them.
        done = [r for r in done if r.id not in EXTRACTION]
        found += known_faults(home, audit.provenance)
    members = family_members(home, audit)
    if any(m.claim == audit.id for m in members):
        found.append(multiplicity(adjust(members), audit.id))
    audit.results = {r.id: r for r in done} | {r.id: r for r in found}
    for result in found:
        audit.control_inputs[result.id] = [CLAIMS] if result.id == "R2" else []
    audit.save(home)


def _note_fork(home: Home, audit: Audit, source: Source) -> None:
    """This audit counts as a setting tried for the claims that come after it."""
    subject = audit.subject
    note_forks(home, [Fork(
        "audit", source.joined.run.identity.dataset_hash, subject.layer, subject.emotion,
        subject.alpha, f"{audit.claim.kind} {subject.pooling}",
        ",".join(prompt_hashes(subject.prompts)),
    )])  # fmt: skip


def _take_preset(home: Home, audit: Audit, preset: str | None) -> None:
    if preset is None or preset == audit.preset:
        return
    if preset not in PRESETS:
        raise OptionError(f"unknown preset {one_line(preset)!r}; allowed: {', '.join(PRESETS)}")
    if audit.prereg is not None and preset != audit.prereg.plan.preset:
        what = f"preset {preset} in place of {audit.prereg.plan.preset}"
        log_deviation(home, audit, what=what, why="asked for with --preset")
    audit.preset = preset
