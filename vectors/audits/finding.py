"""The finding: a claim with everything that speaks for and against it, as one record.

In: the parts. Out: a frozen dataclass that goes to JSON (the schema of `store/findings`). The
verdict inside is what `verdict.decide` computed for exactly these results; `Finding.make` is the
only way to build one, so that nobody types it. Knows no file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from vectors.errors import DataError
from vectors.stats import Interval

from .claims import Claim, Prereg
from .result import ControlResult, Null, plain
from .verdict import Verdict, Waiver, decide
from .wording import LintHit, lint

SCHEMA = 1


@dataclass(frozen=True)
class Evidence:
    """One number that was read. A bare p or a bare cosine cannot be saved as evidence (R3)."""

    control: str
    statistic: str
    interval: Interval
    """Value, ends, n and clusters."""
    null: Null | None
    """None where the number is compared with a threshold only."""
    tier: str
    """"activations", "logit", "text" or "rating"."""
    artefact: str
    """Relative path of the arrays behind it; "" where the record holds all."""
    artefact_sha256: str
    seed: int
    wall_s: float
    at: str
    """When it was read, ISO 8601."""

    def __post_init__(self) -> None:
        i = self.interval
        if i.n < 1 or i.n_clusters < 1:
            raise DataError(f"evidence of {self.control} has no n; give n and clusters")
        if i.low != i.low and self.null is None:
            raise DataError(
                f"evidence of {self.control} has neither an interval nor a null; a bare number is "
                "no evidence"
            )


@dataclass(frozen=True)
class Note:
    """The two questions that every finding must answer in words."""

    controlled: str
    not_controlled: str


@dataclass(frozen=True)
class Provenance:
    """R4: where every number comes from; an empty field is a warning of R4."""

    model: str = ""
    revision: str = ""
    tokenizer_sha256: str = ""
    dtype: str = ""
    backend: str = ""
    hook_point: str = ""
    pooling: str = ""
    dataset_sha256: str = ""
    vector_sha256: str = ""
    code_commit: str = ""
    versions: Mapping[str, str] | None = None
    estimator: str = ""
    """What made the direction, e.g. "mean-difference", as the code recorded it."""
    estimator_described: str = ""
    """What the text of the claim says made it; must be the same."""


@dataclass(frozen=True)
class Finding:
    """One finding, whole."""

    id: str
    title: str
    claim: Claim
    prereg: Prereg | None
    evidence: tuple[Evidence, ...]
    controls: Mapping[str, ControlResult]
    waivers: tuple[Waiver, ...]
    stale: tuple[str, ...]
    """Controls whose inputs changed since they ran."""
    family: str
    """Name of the multiplicity family."""
    family_size: int
    """m at the time of the verdict."""
    verdict: Verdict
    notes: tuple[Note, ...]
    provenance: Provenance
    forks: int
    wording: tuple[LintHit, ...]
    supersedes: str | None = None

    @staticmethod
    def make(
        *,
        id: str,
        title: str,
        claim: Claim,
        results: Sequence[ControlResult],
        family: str,
        family_size: int,
        provenance: Provenance,
        prereg: Prereg | None = None,
        evidence: Sequence[Evidence] = (),
        waivers: Sequence[Waiver] = (),
        stale: Sequence[str] = (),
        notes: Sequence[Note] = (),
        forks: int = 0,
        supersedes: str | None = None,
    ) -> "Finding":
        """Build a finding and compute its verdict."""
        controls = {result.id: result for result in results}
        if len(controls) != len(results):
            raise DataError("a control is given twice; keep the latest result of each")
        first = min((e.at for e in evidence), default=None)
        verdict = decide(
            claim, controls, waivers=waivers, prereg=prereg, evidence_at=first, stale=stale,
            forks=forks,
        )  # fmt: skip
        return Finding(
            id, title, claim, prereg, tuple(evidence), controls, tuple(waivers), tuple(stale),
            family, family_size, verdict, tuple(notes), provenance, forks,
            lint(claim.text, earned=verdict.badges), supersedes,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """The record as plain values."""
        parts = {
            "claim": self.claim.to_json(),
            "prereg": None if self.prereg is None else self.prereg.to_json(),
            "evidence": [asdict(e) for e in self.evidence],
            "controls": {name: r.to_json() for name, r in self.controls.items()},
            "waivers": [asdict(w) for w in self.waivers],
            "verdict": {**self.verdict.to_json(), "glyph": self.verdict.glyph},
            "notes": [asdict(n) for n in self.notes],
            "provenance": asdict(self.provenance),
            "wording": [asdict(hit) for hit in self.wording],
        }
        flat = {
            "schema": SCHEMA,
            "id": self.id,
            "title": self.title,
            "kind": self.claim.kind,
            "stale": list(self.stale),
            "family": self.family,
            "family_size": self.family_size,
            "forks": self.forks,
            "supersedes": self.supersedes,
        }
        return plain({**flat, **parts})
