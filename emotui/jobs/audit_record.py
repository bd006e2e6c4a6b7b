"""One audit as it lies on disk and as it is worked on: the finding's parts, there and back.

In: the JSON of a finding. Out: `Audit`, and the JSON again with a verdict that is computed for
exactly the results in it. Beside what `vectors.audits.finding` describes, the record holds
`subject` (what is audited), `preset`, `seed`, `inputs` (name -> hash of what was read) and
`control_inputs` (control -> names), from which staleness follows. Computes no control.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from store.atomic import write_bytes
from store.canonical import canonical
from store.finding_check import stale_controls
from store.findings import load_finding, save_finding
from store.layout import Home
from vectors.audits.claims import Claim, Deviation, Plan, Prereg
from vectors.audits.finding import Evidence, Finding, Note, Provenance
from vectors.audits.result import ControlResult
from vectors.audits.settings import PRESETS, RULES, AuditSettings
from vectors.audits.verdict import Waiver
from vectors.stats import Interval

TIER = {"I": "logit", "C": "logit", "C6": "text", "R9": "rating", "R10": "rating"}


@dataclass(frozen=True)
class Subject:
    """What a finding is about, in names that can be looked up."""

    run: str
    """Run of activations; for steering the one the vectors were built from."""
    vectors: str
    """Set of vectors; "" for claims about activations."""
    emotion: str
    """The emotion claimed about; of an axis its name."""
    other: str
    """The second emotion; "" = the rest."""
    layer: int
    """Counted from 0."""
    pooling: str
    """How a text's tokens become one row, e.g. "mean"."""
    alpha: float | None
    """In mean residual norms; None where nothing is steered."""
    prompts: tuple[str, ...] = ()
    """Steering and ablation: what the model is asked to go on from."""
    target_words: tuple[str, ...] = ()
    """Words whose odds are the outcome; empty = tokens that mark the emotion's own texts."""
    neutral_words: tuple[str, ...] = ()
    """Words they are held against; empty = tokens that mark the other texts."""
    tuned_on: tuple[str, ...] = ()
    """Hashes of the prompts on which this emotion was steered before the claim was entered."""
    tried: int = 1
    """Distinct (layer, alpha) at which that was done; 1 = fixed in advance."""
    keyword_free: str = ""
    """Run over texts without emotion words, same labels (X3); "" = none was given."""
    registers: tuple[str, ...] = ()
    """Runs over texts of other registers, same labels (X4)."""
    second_run: str = ""
    """Run of another model (X5) or another precision of the same one (X6) over the same texts."""
    neutral: str = ""
    """Run over neutral texts (G5)."""
    norms: tuple[tuple[str, float, float], ...] = ()
    """Emotion, valence, arousal, each from -1 to 1 (axis claims, G6, G8, C3)."""
    norms_source: str = ""
    """Where the norms come from: file name and SHA-256."""
    paraphrases: tuple[str, ...] = ()
    """Templates with {} for the prompt (X7); empty = the built-in ones."""
    component: int = 0
    """Which principal component an axis claim names, from 1; 0 = the best of the first five. Its
    `emotion` is what the axis is called, valence or arousal."""


@dataclass
class Audit:
    """One finding while it is worked on."""

    id: str
    claim: Claim
    subject: Subject
    """What is audited, in names that can be looked up."""
    prereg: Prereg | None
    preset: str
    """How much the controls drew: quick, standard or full."""
    seed: int
    """First seed of every draw."""
    family: str
    created: str
    """When the claim was entered, ISO 8601."""
    family_size: int = 1
    results: dict[str, ControlResult] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    waivers: dict[str, Waiver] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    """Name of what was read to its hash at that time; "none" where it was not given."""
    control_inputs: dict[str, list[str]] = field(default_factory=dict)
    """Control to the names of the inputs it read; [] = none but the record itself."""
    provenance: Provenance = field(default_factory=Provenance)
    notes: tuple[Note, ...] = ()
    forks: int = 0

    @property
    def settings(self) -> AuditSettings:
        """Preset, seed and thresholds; sealed thresholds take the place of the table's."""
        rules = dict(RULES)
        for key, (passes, warns) in (self.prereg.plan.thresholds if self.prereg else {}).items():
            rules[key] = replace(rules[key], passes=passes, warns=warns)
        return AuditSettings(PRESETS[self.preset], self.seed, rules)

    def to_json(self) -> dict[str, Any]:
        """The record; its verdict is computed here and nowhere else."""
        finding = Finding.make(
            id=self.id,
            title=self.claim.text,
            claim=self.claim,
            results=list(self.results.values()),
            family=self.family,
            family_size=self.family_size,
            provenance=self.provenance,
            prereg=self.prereg,
            evidence=list(self.evidence.values()),
            waivers=list(self.waivers.values()),
            notes=self.notes,
            forks=self.forks,
        )
        return finding.to_json() | {
            "created": self.created,
            "preset": self.preset,
            "seed": self.seed,
            "subject": asdict(self.subject),
            "inputs": self.inputs,
            "control_inputs": self.control_inputs,
        }

    def save(self, home: Home) -> None:
        """Append to the history and replace the record."""
        save_finding(home, self.to_json())

    def keep(self, home: Home, result: ControlResult, uses: tuple[str, ...], wall_s: float) -> None:
        """Take in one control's result with its artefact, and save."""
        self.results[result.id] = result
        self.control_inputs[result.id] = list(uses)
        self.evidence.pop(result.id, None)
        evidence = _evidence(home, self, result, wall_s)
        if evidence is not None:
            self.evidence[result.id] = evidence
        self.save(home)

    def drop_stale(self, current: Mapping[str, str]) -> tuple[str, ...]:
        """Forget results whose inputs have changed, take the inputs of today."""
        record = {
            "inputs": self.inputs,
            "control_inputs": self.control_inputs,
            "controls": self.results,
        }
        stale = stale_controls(record, current)
        for control in stale:
            del self.results[control]
            self.evidence.pop(control, None)
        self.inputs = dict(current)
        return stale


def open_audit(home: Home, finding: str) -> Audit:
    """The finding of this id; NotFound names the nearest."""
    return from_record(load_finding(home, finding))


def from_record(value: Mapping[str, Any]) -> Audit:
    """The inverse of `Audit.to_json`; the verdict is not read, it is computed again."""
    subject: dict[str, Any] = {k: _tuples(v) for k, v in value["subject"].items()}
    return Audit(
        id=value["id"],
        claim=_claim(value["claim"]),
        subject=Subject(**subject),
        prereg=None if value["prereg"] is None else _prereg(value["prereg"]),
        preset=value["preset"],
        seed=value["seed"],
        family=value["family"],
        created=value["created"],
        family_size=value["family_size"],
        results={k: ControlResult.from_json(v) for k, v in value["controls"].items()},
        evidence={e["control"]: _evidence_of(e) for e in value["evidence"]},
        waivers={w["control"]: Waiver(**w) for w in value["waivers"]},
        inputs=dict(value["inputs"]),
        control_inputs=dict(value["control_inputs"]),
        provenance=Provenance(**value["provenance"]),
        notes=tuple(Note(**n) for n in value["notes"]),
        forks=value["forks"],
    )


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def now() -> str:
    """The time as records state it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def digest(*parts: object) -> str:
    """SHA-256 of plain values and bytes."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part if isinstance(part, bytes) else canonical(part))
        found.update(b"\n")
    return found.hexdigest()


def code_hash() -> str:
    """Version and SHA-256 over the source of what computes the numbers."""
    import vectors

    root = Path(str(vectors.__file__)).parent
    found = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return f"emotui {version('emotui')}, source {found.hexdigest()[:16]}"


def versions() -> dict[str, str]:
    """The packages that decide the numbers."""
    return {name: version(name) for name in ("torch", "transformers", "numpy", "scikit-learn")}


def _evidence(home: Home, audit: Audit, result: ControlResult, wall_s: float) -> Evidence | None:
    """The control's first number; all of them and its tables lie in the artefact."""
    number = next(
        (
            (name, i)
            for name, i in result.numbers.items()
            if i.n >= 1 and i.n_clusters >= 1 and (i.low == i.low or result.nulls)
        ),
        None,
    )
    if number is None:
        return None
    folder = home.findings / audit.id
    folder.mkdir(parents=True, exist_ok=True)
    body = canonical(result.to_json()) + b"\n"
    path = folder / f"{result.id}.json"
    write_bytes(path, body)
    return Evidence(
        control=result.id,
        statistic=number[0],
        interval=number[1],
        null=result.null,
        tier=TIER.get(result.id, TIER.get(result.id[0], "activations")),
        artefact=path.relative_to(home.root).as_posix(),
        artefact_sha256=hashlib.sha256(body).hexdigest(),
        seed=audit.seed,
        wall_s=round(wall_s, 3),
        at=now(),
    )


def _claim(value: Mapping[str, Any]) -> Claim:
    parts: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in value.items()}
    return Claim(**parts)


def _prereg(value: Mapping[str, Any]) -> Prereg:
    plan = dict(value["plan"])
    plan["claim"] = _claim(plan["claim"])
    plan["controls"] = tuple(plan["controls"])
    plan["thresholds"] = {k: (v[0], v[1]) for k, v in plan["thresholds"].items()}
    deviations = tuple(Deviation(**d) for d in value["deviations"])
    return Prereg(Plan(**plan), value["sha256"], value["sealed_at"], value["commit"], deviations)


def _evidence_of(value: Mapping[str, Any]) -> Evidence:
    shell = ControlResult.from_json(
        {
            "id": value["control"],
            "state": "pass",
            "numbers": {"_": value["interval"]},
            "nulls": [] if value["null"] is None else [value["null"]],
            "reasons": [],
            "cost": {},
            "table": {},
        }
    )
    interval: Interval = shell.numbers["_"]
    return Evidence(**{**value, "interval": interval, "null": shell.null})
