"""Enters a claim: what is audited, in names that can be looked up, sealed before anything is read.

In: what the user wrote. Out: a record whose verdict is UNTESTED. With a preregistration the plan
and its thresholds are hashed and stand in the history first. Reads names and texts, no outcome.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from emotui.errors import OptionError
from emotui.jobs.audit_data import check_labels, family_of, family_size
from emotui.jobs.audit_record import Audit, Subject, digest, now
from emotui.jobs.audit_supply import Supplies, supplied
from emotui.jobs.rundata import RunData, pooling_of, run_data
from emotui.jobs.sets import open_set
from emotui.options import LayerSpec, known_name, layers_for
from emotui.sanitize import one_line
from store.datasets import Dataset
from store.findings import list_findings, seal_plan
from store.forks import Fork, read_forks
from store.layout import Home, check_name
from vectors.audits.axis import SEARCHED
from vectors.audits.bench import GOOD_PROMPTS, MIN_PROMPTS
from vectors.audits.claims import Claim, Kind, Plan, seal
from vectors.audits.registry import CONTROLS, required
from vectors.audits.settings import RULES
from vectors.directionset import DirectionSet

STATISTIC = {
    "probe": ("macro AUROC", 0.05),
    "cosine": ("cosine", 0.1),
    "axis": ("r with", 0.4),
    "steering": ("log-odds of the target words", 0.1),
    "ablation": ("log-odds of the target words", 0.1),
}
"""Per kind: what the claim is about, and the smallest effect of interest unless one is given."""
AXES = ("valence", "arousal")
"""What an axis can be called: the columns of the norms."""
PROMPT_WORDS = 8
EVOKING_SHARE, EVOKING_WORDS = 2 / 3, 80
"""An evoking prompt is that share of a text of the emotion, up to so many words."""


@dataclass(frozen=True)
class NewRequest:
    """A claim to be entered."""

    kind: str
    emotion: str
    claim: str
    run: str | None = None
    vectors: str | None = None
    other: str | None = None
    layer: LayerSpec | None = None
    pooling: str | None = None
    alpha: float | None = None
    direction: str = "greater"
    effect_min: float | None = None
    prompts: tuple[str, ...] = ()
    target_words: tuple[str, ...] = ()
    neutral_words: tuple[str, ...] = ()
    component: int | None = None
    """Axis: which principal component is meant, from 1; None = the best of the first five."""
    supplies: Supplies = field(default_factory=Supplies)
    """What is given beside the run."""
    name: str | None = None
    prereg: bool = False
    preset: str = "standard"
    thresholds: Mapping[str, tuple[float, float]] | None = None
    seed: int = 0


def new_audit(home: Home, request: NewRequest) -> dict[str, Any]:
    """Writes the claim down, sealed if asked for, before anything is computed; its record."""
    if request.kind not in STATISTIC:
        raise OptionError(f"unknown kind {one_line(request.kind)!r}; allowed: "
                          f"{', '.join(STATISTIC)}")  # fmt: skip
    subject, ground, n = _subject(home, request)
    if request.supplies:
        subject = supplied(home, subject, request.supplies, axis=request.kind == "axis")
    family, dataset_hash = family_of(ground.hash, ground.name), ground.hash
    statistic, smallest = STATISTIC[request.kind]
    if request.kind == "axis":
        statistic = f"{statistic} {subject.emotion}"
    named = request.kind == "probe" and request.layer is not None
    claim = Claim(
        text=request.claim,
        kind=cast(Kind, request.kind),
        statistic=statistic,
        direction=request.direction,
        effect_min=smallest if request.effect_min is None else request.effect_min,
        population="prompts" if subject.prompts else f"texts of {ground.name}",
        models=(ground.model,) if ground.model else (),
        layers=(subject.layer,) if named else (),
        emotions=_emotions(request.kind, subject),
    )
    name = _free_name(home, request)
    audit = Audit(
        id=name, claim=claim, subject=subject, prereg=None, preset=request.preset,
        seed=request.seed, family=family, created=now(),
    )  # fmt: skip
    audit.family_size = family_size(home, audit)
    audit.forks = len(_forks(home, subject.emotion, dataset_hash))
    if request.prereg:
        plan = Plan(
            claim=claim,
            n=n,
            controls=required(claim),
            thresholds=_thresholds(claim, request),
            alpha=subject.alpha,
            layer=subject.layer,
            preset=request.preset,
            stop_rule="all required controls; the first that fails settles the verdict",
        )
        audit.prereg = seal(plan, at=now())
        seal_plan(home, name, audit.prereg.to_json(), at=audit.prereg.sealed_at)
    elif request.thresholds:
        raise OptionError("--threshold without --prereg: thresholds can only be changed in a plan "
                          "that is sealed first; add --prereg")  # fmt: skip
    audit.save(home)
    return audit.to_json()


def _emotions(kind: str, subject: Subject) -> tuple[str, ...]:
    """Those the claim names; an axis claim names none."""
    if kind == "axis":
        return ()
    return (subject.emotion, subject.other) if subject.other else (subject.emotion,)


@dataclass(frozen=True)
class Ground:
    """What a claim rests on."""

    name: str
    """The data set; of vectors without one, the set of vectors."""
    hash: str
    model: str
    """"" where it is not known."""


def _subject(home: Home, request: NewRequest) -> tuple[Subject, Ground, int]:
    """What is audited, what it rests on, and the number of texts or prompts."""
    directions, run_name = _named(home, request)
    if not run_name:
        assert directions is not None
        return _without_run(request, directions)
    joined = run_data(home, run_name)
    try:
        identity = joined.run.identity
        pooling = pooling_of(joined.run, request.pooling)
        if directions is not None:
            pooling = directions.recipe.pooling
        available = directions.layers if directions is not None else identity.layers
        spec = request.layer or LayerSpec("2/3", None)
        layers = layers_for(spec, available, option="--layer")
        layer = layers[0] if request.layer else layers[round((len(layers) - 1) * 2 / 3)]
        if request.layer and len(layers) != 1:
            raise OptionError(f"--layer names {len(layers)} layers; a claim is about one")
        prompts = request.prompts
        if directions is not None and not prompts:
            if request.kind == "ablation":
                prompts = _evoking(joined, request.emotion, request.seed)
            else:
                prompts = _beginnings(home, directions.recipe.neutral, joined.texts, request.seed)
        if directions is not None and len(prompts) < MIN_PROMPTS:
            raise OptionError(
                f"{len(prompts)} prompts; a claim of this kind needs {MIN_PROMPTS} or more, better "
                f"{GOOD_PROMPTS}: give a file with one per line as --prompts FILE"
            )
        tuned_on, tried = _tuning(home, request, identity.dataset_hash)
        subject = Subject(
            run=joined.run.run_id,
            vectors=request.vectors or "",
            emotion=request.emotion,
            other=request.other or "",
            layer=layer,
            pooling=pooling,
            alpha=request.alpha,
            prompts=prompts,
            target_words=request.target_words,
            neutral_words=request.neutral_words,
            tuned_on=tuned_on,
            tried=tried,
            component=request.component or 0,
        )
        if request.kind != "axis":
            check_labels(joined.labels, subject)
        n = len(prompts) or int((joined.codes >= 0).sum())
        return subject, Ground(identity.dataset, identity.dataset_hash, identity.model), n
    finally:
        joined.run.close()


def _without_run(request: NewRequest, directions: DirectionSet) -> tuple[Subject, Ground, int]:
    """A cosine of two vectors that somebody else made."""
    layers = directions.layers
    if request.layer is not None:
        layers = tuple(layers_for(request.layer, directions.layers, option="--layer"))
    if len(layers) != 1:
        raise OptionError(f"the set has {len(layers)} layers and a claim is about one; "
                          f"name it as --layer {layers[0]}")  # fmt: skip
    subject = Subject(
        run="",
        vectors=request.vectors or "",
        emotion=request.emotion,
        other=request.other or "",
        layer=layers[0],
        pooling=directions.recipe.pooling or "unknown",
        alpha=None,
    )
    check_labels(directions.labels, subject)
    ground = digest(list(directions.labels), np.asarray(directions.unit, np.float32).tobytes())
    both = [directions.label_index(e) for e in (subject.emotion, subject.other)]
    n = int(directions.n[both].sum())
    return subject, Ground(subject.vectors, ground, directions.recipe.model), n


def _named(home: Home, request: NewRequest) -> tuple[DirectionSet | None, str]:
    """The set that is used and the run behind the claim; OptionError for options of other kinds."""
    kind, run_name = request.kind, request.run
    directions = None
    if kind in ("steering", "ablation"):
        if kind == "steering" and (request.vectors is None or request.alpha is None):
            raise OptionError("a steering claim needs --vectors SET and --alpha NUMBER")
        if request.vectors is None or (kind == "ablation" and request.alpha is not None):
            raise OptionError("an ablation claim needs --vectors SET and takes no --alpha: all of "
                              "the direction is removed")  # fmt: skip
        directions = open_set(home, request.vectors)
        run_name = directions.recipe.run
        if not run_name:
            raise OptionError(
                f"the set {one_line(request.vectors)} names no run it was built from, and its "
                "controls need one; build it with emotui vectors build"
            )
    elif kind == "cosine" and request.vectors is not None and run_name is None:
        directions, run_name = open_set(home, request.vectors), ""
        if directions.recipe.run:
            raise OptionError(
                f"the set {one_line(request.vectors)} was built from run {directions.recipe.run}: "
                "give that as --run, then the controls can be computed"
            )
    elif request.alpha is not None or request.vectors is not None:
        raise OptionError(f"--vectors and --alpha belong to a claim about steering; {_a(kind)} "
                          "claim takes --run")  # fmt: skip
    if run_name is None:
        raise OptionError(f"{_a(kind)} claim needs --run RUN")
    if (kind == "cosine") != (request.other is not None) and kind != "probe":
        raise OptionError("a cosine claim needs --with EMOTION" if kind == "cosine"
                          else "--with belongs to a cosine or probe claim")  # fmt: skip
    if kind == "axis":
        _check_axis(request)
    elif request.component is not None:
        raise OptionError(f"--component belongs to an axis claim, not to {_a(kind)} claim")
    return directions, run_name


def _check_axis(request: NewRequest) -> None:
    if request.emotion not in AXES:
        raise OptionError(
            f"an axis is called valence or arousal, not {one_line(request.emotion)!r}; give one of "
            "them as --emotion"
        )
    if request.supplies.norms is None:
        raise OptionError("an axis claim needs --norms FILE.csv with the columns emotion, valence, "
                          "arousal")  # fmt: skip
    if request.component is not None and not 1 <= request.component <= SEARCHED:
        raise OptionError(f"--component {request.component}; allowed: 1 to {SEARCHED}")
    said = {int(k) for k in re.findall(r"\bPC ?(\d)\b", request.claim)}
    if said and said != {request.component}:
        # Searched over five components, another one could carry a claim about the first.
        shown = ", ".join(f"PC{k}" for k in sorted(said))
        raise OptionError(
            f"the claim names {shown}; give the same one as --component, or do not name it"
        )
    if request.direction != "greater":
        raise OptionError(f"--direction {request.direction}: a principal component has no sign, so "
                          "an axis claim is that |r| is greater")  # fmt: skip


def _a(kind: str) -> str:
    return f"an {kind}" if kind in ("axis", "ablation") else f"a {kind}"


def _forks(home: Home, emotion: str, dataset_hash: str) -> list[Fork]:
    """Settings that were looked at on these data, as far as they speak of this emotion."""
    return [
        f for f in read_forks(home) if f.dataset_hash == dataset_hash and f.emotion in ("", emotion)
    ]


def _tuning(home: Home, request: NewRequest, dataset_hash: str) -> tuple[tuple[str, ...], int]:
    """Prompts and number of settings of earlier steering towards the emotion (C12)."""
    if request.kind not in ("steering", "ablation"):
        return (), 1
    found = [f for f in _forks(home, request.emotion, dataset_hash) if f.kind in ("steer", "live")]
    prompts = dict.fromkeys(p for f in found for p in f.subset.split(",") if p)
    return tuple(prompts), max(1, len({(f.layer, f.alpha) for f in found}))


def _beginnings(
    home: Home, neutral: str, texts: Sequence[str] | None, seed: int
) -> tuple[str, ...]:
    """The first words of neutral texts, topped up from the run's own."""
    found: dict[str, None] = {}
    pools: list[Sequence[str]] = []
    if neutral and (home.datasets / neutral).is_dir():
        pools.append(Dataset.open(home, neutral).texts)
    if texts is not None:
        pools.append(texts)
    for pool in pools:
        for i in np.random.default_rng(seed).permutation(len(pool)):
            words = pool[int(i)].split()[:PROMPT_WORDS]
            if len(found) < GOOD_PROMPTS and len(words) == PROMPT_WORDS:
                found[" ".join(words)] = None
    return tuple(found)


def _evoking(joined: RunData, emotion: str, seed: int) -> tuple[str, ...]:
    """Beginnings of the emotion's own texts, long enough to evoke it."""
    known_name(emotion, joined.labels, what="emotion")
    if joined.texts is None:
        return ()
    own = np.flatnonzero(joined.codes == joined.labels.index(emotion))
    found: dict[str, None] = {}
    for i in np.random.default_rng(seed).permutation(own):
        words = joined.texts[int(i)].split()
        begun = words[: min(EVOKING_WORDS, round(EVOKING_SHARE * len(words)))]
        if len(found) < GOOD_PROMPTS and len(begun) >= PROMPT_WORDS:
            found[" ".join(begun)] = None
    return tuple(found)


def _thresholds(claim: Claim, request: NewRequest) -> dict[str, tuple[float, float]]:
    """Every threshold of the required controls, with those asked for in place of the table's."""
    keys = [key for control in required(claim) for key in CONTROLS[control].rules]
    found = {key: (RULES[key].passes, RULES[key].warns) for key in keys}
    for key, pair in (request.thresholds or {}).items():
        if key not in found:
            raise OptionError(f"no threshold {one_line(key)!r} among this claim's required "
                              f"controls; there are: {', '.join(found)}")  # fmt: skip
        found[key] = pair
    return found


def _free_name(home: Home, request: NewRequest) -> str:
    taken = {f.id for f in list_findings(home)}
    if request.name is not None:
        if check_name(request.name) in taken:
            raise OptionError(f"there is a finding {request.name!r}; choose another --name")
        return request.name
    base = f"{request.kind}-{digest(request.emotion)[:4]}"
    if request.emotion.isascii() and request.emotion.replace("-", "").isalnum():
        base = f"{request.kind}-{request.emotion}"
    k = 1
    while f"{base}-{k}" in taken:
        k += 1
    return f"{base}-{k}"
