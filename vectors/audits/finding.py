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
    """Id of the control that read it."""
    statistic: str
    """Which of the control's numbers it is."""
    interval: Interval
    """Value, ends, n and clusters."""
    null: Null | None
    """None where the number is compared with a threshold only."""
    tier: str
    """"activations", "logit", "text" or "rating"."""
    artefact: str
    """Path below the data directory of the control's whole result; "" = the record holds it."""
    artefact_sha256: str
    """SHA-256 of the artefact's bytes; "" where there is none."""
    seed: int
    """First seed of the control's draws."""
    wall_s: float
    """Seconds that the control took."""
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
    """What is controlled?"""
    not_controlled: str
    """What is not?"""


@dataclass(frozen=True)
class Provenance:
    """R4: where every number comes from; an empty field is a warning of R4."""

    model: str = ""
    """Directory, hub id or name of the model."""
    revision: str = ""
    """Commit or hash of its weights."""
    tokenizer_sha256: str = ""
    """SHA-256 of the tokenizer."""
    dtype: str = ""
    """Number format of the weights."""
    backend: str = ""
    """What ran the model."""
    hook_point: str = ""
    """Where in a block the activations were read."""
    pooling: str = ""
    """How a text's tokens became one row."""
    dataset_sha256: str = ""
    """SHA-256 of the texts."""
    vector_sha256: str = ""
    """SHA-256 of the direction's numbers."""
    code_commit: str = ""
    """Version and hash of the code."""
    versions: Mapping[str, str] | None = None
    """Package to version; None = not recorded."""
    estimator: str = ""
    """What made the direction, e.g. "mean-difference", as the code recorded it."""
    estimator_described: str = ""
    """What the text of the claim says made it; must be the same."""


@dataclass(frozen=True)
class Finding:
    """One finding, whole."""

    id: str
    """Names the finding and its files."""
    title: str
    """The claim's sentence, as lists show it."""
    claim: Claim
    """What is claimed."""
    prereg: Prereg | None
    """The sealed plan; None = nothing was fixed in advance."""
    evidence: tuple[Evidence, ...]
    """One number per control that read one."""
    controls: Mapping[str, ControlResult]
    """Latest result by the control's id."""
    waivers: tuple[Waiver, ...]
    """Controls left out on purpose."""
    stale: tuple[str, ...]
    """Controls whose inputs had changed since they ran when this was made."""
    family: str
    """Name of the multiplicity family."""
    family_size: int
    """m at the time of the verdict."""
    verdict: Verdict
    """Computed from all the others, never typed."""
    notes: tuple[Note, ...]
    """Answers to the two questions, the oldest first."""
    provenance: Provenance
    """Where the numbers come from."""
    forks: int
    """Distinct settings tried on these data before the claim (R5)."""
    wording: tuple[LintHit, ...]
    """Words of the claim that say more than its controls carry (R7)."""
    supersedes: str | None = None
    """Id of the finding that this one replaces; None = none."""

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
