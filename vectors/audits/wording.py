"""R7: words that say more than the controls carry, and the sentence that they do carry.

In: a claim, control results. Out: lint hits with what to write instead; the licensed sentence.
Knows no model. The lint is a list of patterns, so it misses what it does not list.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .badges import Badge
from .claims import Claim
from .result import ControlResult


@dataclass(frozen=True)
class LintHit:
    """One word that claims too much."""

    word: str
    """The words as they stand in the claim."""
    start: int
    """First character in the text."""
    why: str
    """Why they are too much."""
    instead: str
    """What to write in their place."""


# Pattern, why, instead, whether a causal badge permits it.
_PATTERNS: tuple[tuple[str, str, str, bool], ...] = (
    (r"\b(feels?|feeling|experiences?|is (?:happy|sad|angry|afraid))\b",
     "nothing here measures experience", "name the measured score, e.g. 'the probe score rises'",
     False),
    (r"\b(?:direction|vector|neuron|feature|axis) is (?!(?:associated|correlated))",
     "a direction is not the emotion", "'is associated with'", False),
    (r"\bPC ?\d+\b[^.;]{0,60}? is (?!(?:associated|correlated))",
     "an axis is not what it goes with", "'correlates with', with r and its interval", False),
    (r"\b(far above|far below|hugely|dramatically|massively|clearly)\b",
     "an adverb in place of a number", "the effect with its interval", False),
    (r"\b(?:the|at|in) layer\b|\blayer[- ]\d+ is\b|\bpeaks? (?:at|in) layer\b",
     "one layer is the winner of a noisy contest", "the band of layers within one standard error",
     False),
    (r"\b(causes?|caused|makes?|drives?|leads? to|controls?|induces?|lifts?|produces?)\b",
     "a causal verb needs C1, C2, C4, C6 and C12 (or C9)", "'goes with' or 'predicts'", True),
    (r"\b(proves?|proven|demonstrates? that)\b",
     "no control proves", "'is consistent with'", False),
    (r"\bsignifican(?:t|tly|ce)\b",
     "needs the null, B and the family", "adjusted p with null, B and m", False),
    (r"\bno effect\b", "absence needs an interval inside the smallest effect of interest",
     "'smaller than' with the bound", False),
)  # fmt: skip


def lint(text: str, *, earned: Sequence[Badge] = ()) -> tuple[LintHit, ...]:
    """Every listed word in the order of the text; causal verbs pass once "causal" is earned."""
    causal = any(badge.name == "causal" for badge in earned)
    hits = [
        LintHit(match.group(0), match.start(), why, instead)
        for pattern, why, instead, permitted in _PATTERNS
        if not (permitted and causal)
        for match in re.finditer(pattern, text, flags=re.IGNORECASE)
    ]
    return tuple(sorted(hits, key=lambda hit: hit.start))


def licensed_sentence(
    claim: Claim,
    results: Mapping[str, ControlResult],
    word: str,
    qualifiers: Sequence[str],
    *,
    badges: Sequence[Badge] = (),
) -> str:
    """What may be written, with numbers; where the claim does not hold, what was measured."""
    who = " and ".join(claim.emotions) or "the label"
    if word == "UNTESTED":
        return f"Whether {_lower(claim.text)} has not been tested."
    if word == "INCONCLUSIVE":
        return f"The controls cannot decide whether {_lower(claim.text)}."
    body = _body(claim, results, who, causal=any(b.name == "causal" for b in badges))
    if word == "REFUTED-AS-WORDED":
        return f"Not as worded. What was measured: {body}."
    where = f" in {', '.join(claim.models)}" if claim.models else ""
    tail = f" ({'; '.join(qualifiers)})" if qualifiers else ""
    first = "Exploratory: " if word == "SUPPORTED-EXPLORATORY" else ""
    return f"{first}{body}{where}{tail}."


def _body(claim: Claim, results: Mapping[str, ControlResult], who: str, *, causal: bool) -> str:
    if claim.kind == "probe":
        band = _layers(claim.layers)
        return (
            f"{who} is linearly decodable on held-out topics{band}, AUROC "
            f"{number(results, 'P1', 'auroc by topic')}, "
            f"gain over the best surface feature {number(results, 'P4', 'gain')}"
        )
    if claim.kind == "cosine":
        stated = number(results, "G2", "matched")
        null = results["G1"].null if "G1" in results else None
        beside = f"; pipeline null {null.mean:.2f} ± {null.sd:.2f}" if null else ""
        name = f"of {who}" if claim.emotions else "of the pair"
        return f"the length-matched cosine {name} is {stated}{beside}"
    if claim.kind == "axis":
        return _axis(claim, results)
    verb = "raises" if causal else "goes with a change of"
    if claim.kind == "ablation":
        return _removal(claim, results, who)
    return (
        f"adding the direction of {who} {verb} {claim.statistic}, odd part "
        f"{number(results, 'C4', 'odd')}"
    )


def _removal(claim: Claim, results: Mapping[str, ControlResult], who: str) -> str:
    """Removing is itself the experiment, so the verb says what C9 measured against its null."""
    drop = results["C9"].numbers.get("drop") if "C9" in results else None
    null = results["C9"].null if "C9" in results else None
    if drop is None or null is None:
        return f"what removing the direction of {who} does to {claim.statistic} was not measured"
    if not drop.excludes(0.0) or null.p > 0.05:
        return (
            f"removing the direction of {who} does not move {claim.statistic} more than removing "
            f"random ones (drop {number(results, 'C9', 'drop')}; random {null.mean:.2f} ± "
            f"{null.sd:.2f})"
        )
    verb = "lowers" if drop.value > 0 else "raises"
    ends = sorted((abs(drop.low), abs(drop.high)))
    share = results["C9"].numbers.get("drop share")
    part = ""
    if share is not None and share.low == share.low:
        part = f", {share.value:.0%} [{share.low:.0%}, {share.high:.0%}] of what the prompts evoke"
    return (
        f"removing the direction of {who} {verb} {claim.statistic} by {abs(drop.value):.2f} "
        f"[{ends[0]:.2f}, {ends[1]:.2f}], n={drop.n}{part}"
    )


def _axis(claim: Claim, results: Mapping[str, ControlResult]) -> str:
    """PC number, r, what is left of r at matched lengths, share of variance against its null."""
    found = results.get("G6")
    numbers = {} if found is None else found.numbers
    place = f"PC{numbers['component'].value:.0f}" if "component" in numbers else "the axis"
    norm = claim.statistic.removeprefix("r with ") if claim.statistic else "the norms"
    share, matched = "", ", lengths not matched"
    if "G2" in results and "matched" in results["G2"].numbers:
        matched = f", at matched lengths {number(results, 'G2', 'matched')} texts"
    if found is not None and "share of variance" in numbers and len(found.nulls) > 1:
        null = found.nulls[1]
        share = (
            f"; it holds {numbers['share of variance'].value:.0%} of the variance, permuted labels "
            f"{null.mean:.0%} ± {null.sd:.0%}"
        )
    return (
        f"{place} of the emotion vectors correlates with {norm} at |r| "
        f"{number(results, 'G6', 'r')} emotions{matched}{share}"
    )


def number(results: Mapping[str, ControlResult], control: str, name: str) -> str:
    """One number with its interval and n, or that it is missing."""
    found = results[control].numbers.get(name) if control in results else None
    if found is None:
        return "(not measured)"
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}], n={found.n}"


def _layers(layers: Sequence[int]) -> str:
    if not layers:
        return ""
    if len(layers) == 1:
        return f" at layer {layers[0]}"
    return f" in layers {min(layers)} to {max(layers)}"


def _lower(text: str) -> str:
    text = text.strip().rstrip(".")
    # "PC1" and "AUROC" keep their capitals.
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
