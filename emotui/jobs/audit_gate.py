"""The integrity gate: I1-I7 once per model, kept, and what a failure blocks.

In: a loaded model, a direction. Out: results that are read from the home where the model and the
code are the same as then, else computed and kept. I3-I6 speak of the model (as loaded: source,
revision, dtype, device, quantisation, attention, tokenizer), I1, I2 and I7 of one direction at one
layer and strength. A failure makes every claim about the model INCONCLUSIVE, claims on stored
activations by I4 and I5. Computes no check itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from emotui.events import Cancelled, Done, Job, Note, Partial, Progress, never
from emotui.jobs.audit_data import SETTINGS, VECTORS, Step
from emotui.jobs.audit_record import code_hash, digest, now
from emotui.jobs.engine import Engine
from emotui.jobs.sets import load_for, open_set, residual_norm, set_layers
from emotui.jobs.spec import ModelSpec
from emotui.jobs.streaming import streaming
from emotui.options import LayerSpec, known_name
from store.integrity import list_gates, load_gate, save_gate
from store.layout import Home
from vectors.audits.finding import Provenance
from vectors.audits.integrity import (
    GATE_PROMPTS,
    alpha_zero,
    backends,
    cache_parity,
    dose_delivered,
    downstream,
    exact_null,
    padding,
    planned_gate,
    removal_delivered,
    stand_in,
)
from vectors.audits.registry import CONTROLS
from vectors.audits.removal import RemovalBench
from vectors.audits.result import ControlResult, Cost
from vectors.audits.settings import AuditSettings
from vectors.models import LanguageModel, ModelInfo
from vectors.steering import Intervention

if TYPE_CHECKING:
    from emotui.jobs.audit_bench import Workbench

OF_MODEL = ("I3", "I4", "I5", "I6")
OF_PUSH = ("I1", "I2", "I7")
EXTRACTION = ("I4", "I5")
"""Checks that stored activations rest on too."""
ALPHA = 0.25
IDENTITY = (
    "source", "revision", "dtype", "device", "quantisation", "attention", "tokenizer_hash",
)  # fmt: skip


@dataclass(frozen=True)
class GateRequest:
    """Which model to check, and with which direction I1, I2 and I7."""

    model: ModelSpec
    vectors: str | None = None
    """None = a random direction at two thirds of the depth, and no I7."""
    emotion: str | None = None
    """None = the set's first."""
    layer: LayerSpec | None = None
    again: bool = False
    """Run it although it is known."""


@dataclass(frozen=True)
class GateResult:
    """What is known of a model."""

    key: str
    model: Mapping[str, str]
    code: str
    cached: bool
    """Whether nothing had to be computed."""
    push: str
    """Which direction I1, I2 and I7 are about."""
    results: Mapping[str, ControlResult]
    times: Mapping[str, str]
    """When each was run."""

    @property
    def failed(self) -> tuple[str, ...]:
        """Checks that block verdicts."""
        return tuple(c for c, r in self.results.items() if r.state == "fail")

    def to_json(self) -> dict[str, Any]:
        """Plain values; the keys are those of docs/commands.md."""
        return asdict(self) | {
            "results": {c: r.to_json() for c, r in self.results.items()},
            "failed": list(self.failed),
        }


class Gate:
    """One model's results, read once and written at every new one."""

    def __init__(self, home: Home, model: LanguageModel, *, again: bool = False) -> None:
        self.home, self.model = home, model
        self.key, code = gate_key(model.info), code_hash()
        known = None if again else load_gate(home, self.key)
        if known is None or known.get("code") != code:
            # Other code may compute something else: nothing of it is kept.
            known = {"key": self.key, "code": code, "model": identity_of(model.info),
                     "results": {}, "pushes": {}}  # fmt: skip
        self.record: dict[str, Any] = known

    def known(self, control: str, push: str) -> ControlResult | None:
        """The kept result, saying when it was computed."""
        found = self.kept(control, push)
        return None if found is None else _cached(*found, "the same model and code")

    def kept(self, control: str, push: str) -> tuple[ControlResult, str] | None:
        """The kept result and when it was computed."""
        found = self._place(control, push).get(control)
        return None if found is None else (ControlResult.from_json(found["result"]), found["at"])

    def keep(self, control: str, push: str, result: ControlResult) -> ControlResult:
        """Take in a new result."""
        self._place(control, push)[control] = {"at": now(), "result": result.to_json()}
        save_gate(self.home, self.key, self.record)
        return result

    def _place(self, control: str, push: str) -> dict[str, Any]:
        of_push: dict[str, Any] = self.record["pushes"].setdefault(push, {})
        of_model: dict[str, Any] = self.record["results"]
        return of_model if control in OF_MODEL else of_push


def _cached(result: ControlResult, at: str, what: str) -> ControlResult:
    said = f"cached from {at[:19].replace('T', ' ')} UTC ({what})"
    return replace(result, reasons=(*result.reasons, said), cost=Cost())


def identity_of(info: ModelInfo) -> dict[str, str]:
    """What makes a loaded model this one."""
    return {name: str(getattr(info, name)) for name in IDENTITY}


def gate_key(info: ModelInfo) -> str:
    """The name of a model's results."""
    return digest(identity_of(info))[:16]


def gate_steps(work: "Workbench") -> list[Step]:
    """I1-I7 of a steering claim, I1-I6 of an ablation claim; what is known costs nothing."""
    bench, audit = work.bench, work.audit
    gate = Gate(work.means.home, bench.model)
    removal = bench if isinstance(bench, RemovalBench) else None
    alpha = ALPHA if removal is not None else bench.alpha
    checks = _checks(bench.model, bench.intervention, audit.settings, alpha, removal)
    push = push_of(bench.intervention, alpha, removal is not None)
    cost = planned_gate(len(GATE_PROMPTS))
    steps = []
    for control, check in checks.items():
        if audit.claim.kind not in CONTROLS[control].hard_for:
            continue
        known = gate.known(control, push)
        steps.append(
            Step(
                control,
                cost[control] if known is None else Cost(),
                (VECTORS, SETTINGS),
                _work(gate, control, push, check),
            )
        )
    return steps


def push_of(what: Intervention, alpha: float, removal: bool) -> str:
    """Names one direction at one layer and strength."""
    return digest(
        what.direction.astype(np.float32).tobytes(), what.layer, what.residual_norm, alpha, removal
    )[:16]


def _work(
    gate: Gate, control: str, push: str, check: Callable[[], ControlResult]
) -> Callable[[], ControlResult]:
    def work() -> ControlResult:
        return gate.known(control, push) or gate.keep(control, push, check())

    return work


def _checks(
    model: LanguageModel,
    what: Intervention,
    settings: AuditSettings,
    alpha: float,
    removal: RemovalBench | None = None,
) -> dict[str, Callable[[], ControlResult]]:
    some = list(GATE_PROMPTS)
    strength = max(abs(alpha), ALPHA)

    def any_push() -> Intervention:
        return stand_in(model, some)

    return {
        "I1": lambda: alpha_zero(model, what, some, settings),
        "I2": lambda: (
            dose_delivered(model, what, some, settings, alpha=alpha)
            if removal is None
            else removal_delivered(removal, settings)
        ),
        "I3": lambda: cache_parity(model, any_push(), some[:4], settings, alpha=ALPHA),
        "I4": lambda: padding(model, some, settings),
        "I5": lambda: backends(model, some, settings),
        "I6": lambda: exact_null(model, any_push(), some, settings, alpha=strength),
        "I7": lambda: downstream(model, what, some, settings),
    }


def gate_job(
    home: Home, request: GateRequest, *, engine: Engine, cancelled: Cancelled = never
) -> Job:
    """Runs what is not known yet; Done holds a GateResult."""
    if request.vectors is None:
        model = yield from engine.model(request.model)
        what, named = stand_in(model, list(GATE_PROMPTS)), "a random direction"
        wanted = tuple(c for c in (*OF_PUSH, *OF_MODEL) if c != "I7")
    else:
        directions = open_set(home, request.vectors)
        emotion = request.emotion or directions.labels[0]
        known_name(emotion, directions.labels, what="emotion")
        layers = set_layers(directions, request.layer or LayerSpec("2/3", None))
        model = yield from load_for(engine, directions, request.model, other_model=False)
        what = Intervention(
            layers[-1], directions.at(emotion, layers[-1]), residual_norm(directions, layers[-1]),
            label=emotion,
        )  # fmt: skip
        named, wanted = f"{emotion} of {request.vectors}", (*OF_PUSH, *OF_MODEL)
    gate = Gate(home, model, again=request.again)
    push = push_of(what, ALPHA, False)
    checks = _checks(model, what, AuditSettings(), ALPHA)
    todo = [c for c in sorted(wanted) if gate.known(c, push) is None]
    cost = planned_gate(len(GATE_PROMPTS))
    passes = sum(cost[c].forwards for c in todo)
    yield Note(f"{len(todo)} checks to run, {passes:,} forward passes at most")
    for place, control in enumerate(todo):
        if cancelled():
            break
        yield Progress(place, len(todo), "checks", note=f"gate {control}")
        work = _work(gate, control, push, checks[control])
        result = yield from streaming(lambda _emit, work=work: work())  # type: ignore[misc]
        yield Partial("control", result)
        why = f": {result.reasons[0]}" if result.reasons else ""
        yield Note(f"{control} {result.state}{why}")
    yield Done(_result(gate, push, sorted(wanted), cached=not todo,
                       named=f"{named}, layer {what.layer}, alpha {ALPHA:+g}"))  # fmt: skip


def _result(gate: Gate, push: str, wanted: list[str], *, cached: bool, named: str) -> GateResult:
    found = {c: kept for c in wanted if (kept := gate.kept(c, push)) is not None}
    return GateResult(
        key=gate.key,
        model=gate.record["model"],
        code=gate.record["code"],
        cached=cached,
        push=named,
        results={c: result for c, (result, _) in found.items()},
        times={c: at for c, (_, at) in found.items()},
    )


def known_faults(
    home: Home, provenance: Provenance, controls: Sequence[str] = EXTRACTION
) -> list[ControlResult]:
    """The checks of a claim's model that are known to have failed; by default those of extraction.

    A failed gate counts until it is run again and passes, whatever the code has become.
    """
    found: dict[str, ControlResult] = {}
    for record in list_gates(home):
        model = record.get("model", {})
        same = (
            provenance.revision
            and model.get("revision") == provenance.revision
            and model.get("tokenizer_hash") == provenance.tokenizer_sha256
            and model.get("dtype") == provenance.dtype
        )
        for control in controls if same else ():
            kept = record.get("results", {}).get(control)
            if kept is not None and kept["result"]["state"] == "fail":
                result = ControlResult.from_json(kept["result"])
                found[control] = _cached(result, kept["at"], f"gate of {model.get('source', '')}")
    return list(found.values())
