"""Rating and unblinding from the Audit pane: what its keys `b` and `u` do.

In: the pane and the record of the finding under its cursor. Out: screens, jobs, toasts, and a
workspace that knows which data sets are veiled. `begin_blind` starts, goes on or poses a line-up;
`end_blind` asks, then unblinds once. Computes nothing and reads no key.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotui.events import Job
from emotui.lanes import Tools
from emotui.panes.base import Pane
from emotui.rating import USER, Rating, replay
from emotui.sanitize import one_line
from emotui.screens.asking import AskText, Confirm
from emotui.screens.form import Field, Form, Wrong
from emotui.screens.rating import RatingScreen
from emotui.veil import veiled_datasets
from store.blind import append_answer

if TYPE_CHECKING:
    from emotui.jobs.audit_lineup import Posed
    from emotui.jobs.audit_rate import OpenRating, Unblinded

PAIRS, TOKENS = "60", "48"


def begin_blind(pane: Pane, record: Mapping[str, Any]) -> None:
    """Rate a steering finding (starting a round where none is open), or play a probe's line-up."""
    kind, finding = record["kind"], str(record["id"])
    if kind == "probe":
        _pose(pane, finding)
    elif kind == "steering":
        _with_open(pane, finding, lambda found: _start_or_rate(pane, record, found))
    else:
        pane.toast(f"a {kind} finding has nothing to rate: texts are rated for steering claims, "
                   "curves for probe claims")  # fmt: skip


def end_blind(pane: Pane, record: Mapping[str, Any]) -> None:
    """Ask, then open the key of the round that is being rated."""
    finding = str(record["id"])
    _with_open(pane, finding, lambda found: _ask_to_unblind(pane, finding, found))


def _with_open(pane: Pane, finding: str, then: Any) -> None:
    def start(tools: Tools) -> Job:
        from emotui.jobs.audit_rate import open_rating_job

        return open_rating_job(tools.home, finding)

    def found(rating: "OpenRating | None") -> None:
        # Another program may have started or unblinded a round meanwhile.
        veiled = frozenset(veiled_datasets(pane.workspace.home))
        pane.choose(replace(pane.workspace, veiled=veiled))
        then(rating)

    pane.submit(start, f"open rating of {finding}", lane="desk", subject="rating", then=found,
                quiet=True)  # fmt: skip


def _start_or_rate(pane: Pane, record: Mapping[str, Any], found: "OpenRating | None") -> None:
    if found is not None:
        _rate(pane, found)
        return
    fields = (
        Field("pairs", "pairs", PAIRS, "39 of 60 are needed for p < .05"),
        Field("tokens", "tokens per text", TOKENS),
        Field("other", "other emotion", "", "drawn where empty"),
        Field("key", "key holder's file", "", "empty: the key is sealed here"),
    )
    hint = (
        "Six arms are generated and sealed; until you unblind, the panes of this data set are "
        "veiled."
    )
    question = f"Blinded rating of {record['id']}"
    pane.ask_for_job(
        lambda: Form(question, fields, hint=hint, check=_wrong),
        lambda answers: _start(pane, record, answers),
    )


def _wrong(answers: Mapping[str, str]) -> Wrong | None:
    for name in ("pairs", "tokens"):
        if not answers[name].isdigit() or int(answers[name]) < 1:
            return Wrong(name, f"{name} must be a number, 1 or more")
    if int(answers["pairs"]) < 6:
        return Wrong("pairs", "6 pairs or more; fewer cannot reach p < .05")
    return None


def _start(pane: Pane, record: Mapping[str, Any], answers: Mapping[str, str]) -> int:
    finding, model = str(record["id"]), pane.workspace.model
    spec = None if model is None else replace(model, source="")

    def start(tools: Tools) -> Job:
        from emotui.jobs.audit_blind import BlindRequest, blind_job

        request = BlindRequest(
            finding,
            pairs=int(answers["pairs"]),
            max_new_tokens=int(answers["tokens"]),
            other=answers["other"],
            key_file=Path(answers["key"]).expanduser() if answers["key"] else None,
            model=spec,
        )
        return blind_job(tools.home, request, engine=tools.engine, cancelled=tools.cancelled)

    def sealed(_status: object) -> None:
        _with_open(pane, finding, lambda found: _rate(pane, found) if found else None)

    return pane.submit(start, f"blinded texts for {finding}", subject="blind", then=sealed)


def _rate(pane: Pane, found: "OpenRating") -> None:
    home, round = pane.workspace.home, found.round
    rating = Rating(found.sheet, found.answers, lambda a: append_answer(home, round, a))

    def left(done: bool) -> None:
        rated, size = len(rating.answers.rated), len(rating.pairs)
        then = "u unblinds" if done else "b goes on"
        pane.toast(f"{rated} of {size} pairs of {one_line(round.finding)} are rated; {then}")

    pane.ask(RatingScreen(rating), left)


def _ask_to_unblind(pane: Pane, finding: str, found: "OpenRating | None") -> None:
    if found is None:
        pane.toast(f"{one_line(finding)} is not being rated; b starts a blinded rating")
        return
    size = len(found.sheet["pairs"])
    raters = replay(found.answers)
    most = max((len(a.rated) for a in raters.values()), default=0)
    if not most:
        pane.toast(f"{one_line(finding)} has no rating yet; b rates it")
        return
    question = f"Unblind {finding}? It happens once and is written into its history."
    if most < size:
        question = f"Only {most} of {size} pairs are rated, which R9 will say. {question}"
    elif USER in raters and raters[USER].guess is None and len(raters[USER].rated) == size:
        question = f"The real arm has not been guessed yet (b asks). {question}"

    def answered(yes: bool) -> None:
        if not yes:
            return
        if found.round.key_elsewhere:
            question = "The file of the person who holds the key"
            pane.ask_for_job(
                lambda: AskText(question, check=_no_file),
                lambda path: _unblind(pane, finding, Path(path).expanduser()),
            )
        else:
            _unblind(pane, finding, None)

    pane.ask(Confirm(question, yes="Unblind", no="Not yet"), answered)


def _no_file(text: str) -> str:
    return "" if Path(text).expanduser().is_file() else "there is no such file"


def _unblind(pane: Pane, finding: str, key_file: Path | None) -> int:
    def start(tools: Tools) -> Job:
        from emotui.jobs.audit_rate import unblind_job

        return unblind_job(tools.home, finding, key_file=key_file, incomplete=True)

    def opened(done: "Unblinded") -> None:
        pane.choose(replace(pane.workspace, veiled=done.veiled))
        _tell(pane, done.record, "R9")

    title = f"unblind {finding}"
    return pane.submit(start, title, lane="desk", subject="unblind", then=opened)


def _pose(pane: Pane, finding: str) -> None:
    def start(tools: Tools) -> Job:
        from emotui.jobs.audit_lineup import lineup_job

        return lineup_job(tools.home, finding, cancelled=tools.cancelled)

    pane.submit(start, f"line-up of {finding}", lane="desk", subject="line-up",
                then=lambda posed: _show_lineup(pane, posed))  # fmt: skip


def _show_lineup(pane: Pane, posed: "Posed") -> None:
    from emotui.screens.lineup import LETTERS, LineUpScreen

    found = posed.lineup
    against = one_line(posed.other) if posed.other else "the rest"
    screen = LineUpScreen(
        found.curves,
        found.layers,
        round=found.round,
        what=f"{one_line(posed.emotion)} against {against}",
    )

    def picked(letter: str) -> None:
        def start(tools: Tools) -> Job:
            from emotui.jobs.audit_rate import pick_job

            return pick_job(tools.home, posed, letter)

        def told(record: Mapping[str, Any]) -> None:
            pane.toast(f"you picked {letter}, the real curve is {LETTERS[found.real]}")
            _tell(pane, record, "R10")

        pane.submit(start, f"pick of {posed.finding}", lane="desk", then=told, quiet=True)

    pane.ask(screen, picked)


def _tell(pane: Pane, record: Mapping[str, Any], control: str) -> None:
    from emotui.auditview import STATE_GLYPHS, number

    found = record["controls"][control]
    name, first = next(iter(found["numbers"].items()))
    p = f", p {found['nulls'][0]['p']:.3g}" if found["nulls"] else ""
    why = f": {one_line(found['reasons'][0])}" if found["reasons"] else ""
    pane.toast(f"{STATE_GLYPHS[found['state']]} {control} {found['state']}, {name} "
               f"{number(first)}{p}{why}")  # fmt: skip
    pane.changed_on_disk()
