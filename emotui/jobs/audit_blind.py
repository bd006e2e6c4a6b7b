"""Blinded rating of a steering finding: the arms' texts are made and sealed, then unblinded once.

In: a finding's id. Out: a sealed round; later R9 in the finding's record. Between the two nothing
here reads the key. All texts come from one beginning and one sampling seed per pair, so that two
texts of a pair differ in the vector only. Computes no statistic.
"""

import secrets
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emotui.errors import OptionError, UserError
from emotui.events import Cancelled, Done, Event, Job, Note, Progress, never
from emotui.jobs.audit_data import VECTORS, Source, input_hashes, source_of
from emotui.jobs.audit_edit import refuse_spoilt
from emotui.jobs.audit_record import Audit, open_audit
from emotui.jobs.audit_steering import steering_bench
from emotui.jobs.engine import Engine
from emotui.jobs.sets import load_for, open_set
from emotui.jobs.spec import ModelSpec
from emotui.jobs.streaming import Emit, streaming
from emotui.options import known_name
from emotui.rating import Answers, replay
from emotui.sanitize import one_line
from store.blind import (
    BlindRound,
    blind_rounds,
    open_round,
    opened,
    read_answers,
    read_sheet,
    seal_round,
    unblind,
)
from store.layout import Home
from vectors.audits.bench import Bench
from vectors.audits.blind_ratings import Rater, Rating, judge_ratings
from vectors.audits.blinding import PAIRS, Arm, BlindPlan, Item, Kind, Shown, make_arms, plan_blind
from vectors.audits.claims import moment
from vectors.directionset import DirectionSet
from vectors.errors import Cancelled as CancelledError
from vectors.generation import Generation, Step, generate
from vectors.sampling import Sampling
from vectors.tokens import encode

NEW_TOKENS = 48
ROWS = 64  # texts of one batch


@dataclass(frozen=True)
class BlindRequest:
    """How a rating is set up."""

    finding: str
    pairs: int = PAIRS
    max_new_tokens: int = NEW_TOKENS
    other: str = ""
    """The emotion of the sixth arm; "" = drawn."""
    seed: int | None = None
    """Of codes, order and sides; None = drawn and known to the key only."""
    key_file: Path | None = None
    """Where a second person gets the key; None = it lies beside the finding, sealed."""
    model: ModelSpec | None = None
    """None = the model the vectors were made with."""


def blind_job(
    home: Home, request: BlindRequest, *, engine: Engine, cancelled: Cancelled = never
) -> Job:
    """Makes and seals one round; Done holds its status as `blind_status` gives it."""
    audit = open_audit(home, request.finding)
    refuse_spoilt(home, audit.id)
    if audit.claim.kind != "steering":
        raise UserError(
            f"{audit.id} is {audit.claim.named}; texts are rated for steering claims (a "
            "probe claim has the line-up: emotui audit lineup)"
        )
    if open_round(home, audit.id) is not None:
        raise UserError(f"{audit.id} is being rated; unblind that round before another is started")
    if request.key_file is not None and request.key_file.exists():
        raise UserError(f"{one_line(str(request.key_file))} exists; name a new file for the key")
    directions = open_set(home, audit.subject.vectors)
    seed = secrets.randbits(48) if request.seed is None else request.seed
    plan = plan_blind(
        len(audit.subject.prompts), seed=seed, pairs=request.pairs, sampling_seed=audit.seed
    )
    other = _other(directions, audit, request, seed)
    with source_of(home, audit.subject) as source:
        model = yield from load_for(
            engine, directions, request.model or ModelSpec(source=""), other_model=False
        )
        bench = steering_bench(model, directions, source, audit)
        arms = _arms(bench, directions, source, audit, other)
        vectors = input_hashes(home, audit, source, directions)[VECTORS]
    if audit.inputs.get(VECTORS, vectors) != vectors:
        raise UserError(
            f"the vectors changed since controls of {audit.id} ran; run them again first: emotui "
            f"audit run {audit.id}"
        )
    texts = yield from _texts(bench, plan, arms, request, cancelled)
    sheet = _sheet(audit, plan, texts, request, vectors)
    round = seal_round(home, audit.id, sheet, _key(plan, other), key_file=request.key_file)
    where = f"in {request.key_file}, its hash here" if request.key_file else "sealed"
    yield Note(
        f"{len(plan.row)} pairs ({request.pairs}, and repeats and catch pairs); the key is "
        f"{where}: {round.key_sha256[:12]}"
    )
    yield Done(blind_status(home, audit.id))


def unblind_finding(
    home: Home, finding: str, *, key_file: Path | None = None, incomplete: bool = False
) -> dict[str, Any]:
    """Opens the key, once, and saves R9; the finding's record.

    UserError where no rater has finished, unless `incomplete`.
    """
    began = time.monotonic()
    audit = open_audit(home, finding)
    refuse_spoilt(home, audit.id)
    rounds = blind_rounds(home, audit.id)
    if not rounds:
        raise UserError(f"{audit.id} has no blinded rating; start one: emotui audit blind start")
    round = rounds[-1]
    if not round.open and _saved(audit, round):
        raise UserError(
            f"{audit.id} was unblinded at {round.unblinded_at}; that happens once per round"
        )
    sheet, answers = read_sheet(home, round), replay(read_answers(home, round))
    if not answers:
        raise UserError(f"{audit.id} has no rating yet; rate it first: emotui audit blind rate")
    size = len(sheet["pairs"])
    if not incomplete and all(len(a.rated) < size for a in answers.values()):
        most = max(len(a.rated) for a in answers.values())
        raise UserError(
            f"{most} of {size} pairs are rated; rate the rest, or add --incomplete to unblind what "
            "there is (R9 will say so)"
        )
    # A program that was killed between unblinding and saving comes here with an opened round.
    key = unblind(home, round, key_file=key_file) if round.open else opened(home, round)
    result = judge_ratings(
        plan_of(key),
        [_rater(name, given) for name, given in answers.items() if given.rated],
        audit.settings,
        direction=audit.claim.direction,
        earlier=len(rounds) - 1,
    )
    rated = sheet["inputs"][VECTORS]
    if audit.inputs.setdefault(VECTORS, rated) != rated:
        said = "the vectors changed since the texts were made; start another round"
        result = replace(result, state="limited", reasons=(said, *result.reasons))
    audit.keep(home, result, (VECTORS,), time.monotonic() - began)
    return audit.to_json()


def _saved(audit: Audit, round: BlindRound) -> bool:
    """Whether R9 in the record is that of this round."""
    found = audit.evidence.get("R9")
    return found is not None and moment(found.at) >= moment(round.unblinded_at)


def blind_status(home: Home, finding: str) -> dict[str, Any]:
    """Every round of a finding with how far each rater is; nothing of the key."""
    rounds = []
    for round in blind_rounds(home, open_audit(home, finding).id):
        size = len(read_sheet(home, round)["pairs"])
        raters = [
            {
                "rater": name,
                "machine": given.machine,
                "rated": len(given.rated),
                "guessed": given.guess is not None,
            }
            for name, given in replay(read_answers(home, round)).items()
        ]
        rounds.append({**asdict(round), "pairs": size, "raters": raters})
    return {"finding": finding, "rounds": rounds}


def current_round(home: Home, finding: str) -> BlindRound:
    """The round that is being rated; UserError where there is none."""
    round = open_round(home, open_audit(home, finding).id)
    if round is None:
        raise UserError(
            f"{one_line(finding)} is not being rated; start a round: emotui audit blind start"
        )
    return round


def plan_of(key: Mapping[str, Any]) -> BlindPlan:
    """The plan behind a key."""
    codes: dict[str, Kind] = dict(key["codes"])
    return BlindPlan(
        seed=key["seed"],
        codes=codes,
        items=tuple(Item(**item) for item in key["items"]),
        row=tuple(
            Shown(s["where"], s["item"], codes[s["left"]], codes[s["right"]], s["of"])
            for s in key["row"]
        ),
        sheets=tuple(key["sheets"]),
    )


def _key(plan: BlindPlan, other: str) -> dict[str, Any]:
    letter = {kind: code for code, kind in plan.codes.items()}
    return {
        "schema": 1,
        "seed": plan.seed,
        "codes": dict(plan.codes),
        "other": other,
        "items": [asdict(item) for item in plan.items],
        "row": [
            {**asdict(s), "left": letter[s.left], "right": letter[s.right]} for s in plan.row
        ],
        "sheets": list(plan.sheets),
    }  # fmt: skip


def _sheet(
    audit: Audit,
    plan: BlindPlan,
    texts: Mapping[tuple[int, Kind], str],
    request: BlindRequest,
    vectors: str,
) -> dict[str, Any]:
    def prompt(item: int) -> str:
        return audit.subject.prompts[plan.items[item].prompt]

    return {
        "schema": 1,
        "emotion": audit.subject.emotion,
        "pairs": [
            {
                "prompt": prompt(s.item),
                "left": texts[s.item, s.left],
                "right": texts[s.item, s.right],
            }
            for s in plan.row
        ],
        "sheets": [
            {
                "prompt": prompt(item),
                "texts": {code: texts[item, kind] for code, kind in sorted(plan.codes.items())},
            }
            for item in plan.sheets
        ],
        "planned": request.pairs,
        "max_new_tokens": request.max_new_tokens,
        "inputs": {VECTORS: vectors},
    }


def _other(directions: DirectionSet, audit: Audit, request: BlindRequest, seed: int) -> str:
    """The sixth arm's emotion: the one asked for, or one drawn from the set's others."""
    own = audit.subject.emotion
    others = [label for label in directions.labels if label != own]
    if request.other:
        known_name(request.other, directions.labels, what="emotion")
        if request.other == own:
            raise OptionError("--other names the claim's own emotion; name another one")
        return request.other
    if not others:
        raise UserError(
            f"the set {one_line(audit.subject.vectors)} has one emotion only, and an arm is made "
            "of another; build a set of several"
        )
    return others[int(np.random.default_rng([seed, 22]).integers(len(others)))]


def _arms(
    bench: Bench, directions: DirectionSet, source: Source, audit: Audit, other: str
) -> tuple[Arm, ...]:
    data, layer = source.data, audit.subject.layer
    return make_arms(
        bench.intervention.direction,
        bench.alpha,
        rows=data.rows,
        codes=data.codes,
        label=data.code(audit.subject.emotion),
        groups=data.groups,
        natural=bench.residuals(),
        other=directions.at(other, layer),
        seed=audit.settings.seed("R9"),
    )


def _texts(
    bench: Bench,
    plan: BlindPlan,
    arms: Sequence[Arm],
    request: BlindRequest,
    cancelled: Cancelled,
) -> Generator[Event, None, dict[tuple[int, Kind], str]]:
    """Every text that is shown somewhere, in batches."""
    pushed = [arm for arm in arms if arm.direction is not None]
    interventions = [
        replace(bench.intervention, direction=arm.direction, label="arm")
        for arm in arms
        if arm.direction is not None
    ]
    by_kind = {arm.kind: arm for arm in arms}
    needed = plan.needed()
    texts: dict[tuple[int, Kind], str] = {}
    sampling = Sampling(max_new_tokens=_room(bench, request.max_new_tokens))
    yield Note(f"{len(needed)} texts of up to {sampling.max_new_tokens} tokens to generate")
    began = time.monotonic()
    for at in range(0, len(needed), ROWS):
        part = needed[at : at + ROWS]
        alphas = [[by_kind[kind].alpha if arm.kind == kind else None for arm in pushed]
                  for _, kind in part]  # fmt: skip

        def work(
            emit: Emit,
            at: int = at,
            part: Sequence[tuple[int, Kind]] = part,
            alphas: list[list[float | None]] = alphas,
        ) -> Generation:
            def on_step(step: Step) -> None:
                done = at + len(part) * (step.index + 1) // sampling.max_new_tokens
                rate = done / max(time.monotonic() - began, 1e-9)
                emit(Progress(done, len(needed), "texts", rate, "generate"))

            return generate(
                bench.model,
                [bench.prompts[plan.items[item].prompt] for item, _ in part],
                interventions=interventions,
                alphas=alphas,
                sampling=sampling,
                seeds=[plan.items[item].seed for item, _ in part],
                on_step=on_step,
                cancelled=cancelled,
            )

        made = yield from streaming(work)
        if not made.finished:
            raise CancelledError("cancelled; nothing was sealed")
        texts |= {where: row.text for where, row in zip(part, made.rows, strict=True)}
    return texts


def _room(bench: Bench, wanted: int) -> int:
    longest = max(len(e.ids) for e in encode(bench.model, list(bench.prompts)))
    room = min(wanted, bench.model.info.context_length - longest)
    if room < 1:
        raise UserError("the claim's prompts fill the model's context, so nothing can follow them")
    return room


def _rater(name: str, given: Answers) -> Rater:
    ratings = {
        place: Rating(r["choice"], tuple(r["fluency"]) if "fluency" in r else None)
        for place, r in given.rated.items()
    }
    return Rater(name, ratings, given.guess or "", given.machine)
