"""The Audit pane on a tiny real finding: every action, running, stopping, stale, tampered with."""

import asyncio
import json
import shutil
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input, Static

from emotui.cli import main
from emotui.jobs import audit_cosine
from emotui.jobs.audit_new import NewRequest, new_audit
from emotui.jobs.audit_record import open_audit
from emotui.options import parse_layers
from emotui.panes.audit import AuditPane
from emotui.panes.audit_checklist import Checklist, FindingList
from emotui.panes.audit_control import ControlDialog
from emotui.panes.audit_dialogs import PlanQuestion
from emotui.panes.audit_wizard import ClaimForm
from emotui.screens.asking import AskText, Confirm, PickOne
from store.findings import events, load_finding
from store.layout import Home
from tests.emotui.panes.host import Hosted, hosting
from tests.emotui.test_audit_commands import WHY, base

__all__ = ["base"]
Scenario = Callable[[Hosted], Awaitable[None]]
CLAIM = "joyful and glad are more alike than shuffled labels are"


@pytest.fixture
def home(base: "tuple[Path, str]", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that the test may spoil."""
    monkeypatch.setenv("EMOTUI_HOME", str(tmp_path / "home"))
    return Path(shutil.copytree(base[0], tmp_path / "home"))


def cosine(home: Path, **changes: Any) -> str:
    """A cosine claim that holds, entered."""
    run = next((home / "runs").iterdir()).name
    given: dict[str, Any] = {
        "kind": "cosine", "emotion": "joyful", "other": "glad", "claim": CLAIM, "run": run,
        "layer": parse_layers("1"), "preset": "quick", **changes,
    }  # fmt: skip
    return str(new_audit(Home(home), NewRequest(**given))["id"])


def steering(home: Path) -> str:
    """A steering claim, entered."""
    request = NewRequest(
        kind="steering", emotion="joyful", vectors="four", layer=parse_layers("1"), alpha=0.5,
        claim="adding joyful goes with higher odds of its words", preset="quick",
    )  # fmt: skip
    return str(new_audit(Home(home), request)["id"])


def play(scenario: Scenario, home: Path, **options: Any) -> None:
    async def go() -> None:
        async with hosting(home, "audit", **options) as host:
            assert isinstance(host.pane, AuditPane)
            await scenario(host)

    asyncio.run(go())


def summary(host: Hosted) -> str:
    """The finding's text at any width."""
    from rich.console import Console

    console = Console(width=120, color_system=None)
    with console.capture() as got:
        console.print(host.pane.query_one("#audit-text", Static).content)
    return got.get()


def checks(host: Hosted) -> Checklist:
    return host.pane.query_one("#audit-checks", Checklist)


def row(host: Hosted, control: str) -> Any:
    """A row of the checklist."""
    return next(r for r in checks(host)._items if r.control == control)


async def until(host: Hosted, ready: Callable[[], bool], what: str) -> None:
    for _ in range(1500):
        await host.pilot.pause()
        if ready():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"never: {what}\n{host.screen()}")


def test_without_findings_the_pane_says_what_one_is_and_which_key_begins(tmp_path: Path):
    async def scenario(host: Hosted) -> None:
        assert "never counts as passed" in host.screen()
        for key in ("space", "a", "A", "p", "w", "D", "N", "L", "b", "u", "e"):
            await host.press(key)
        told = host.app.said.count("no finding yet: n enters a claim")
        assert told == 11, host.app.said
        await host.press("x", "right_parenthesis", "escape")
        assert "no audit runs" in host.app.said

    play(scenario, tmp_path)


def test_all_required_controls_run_cheapest_first_and_show_as_they_end(home: Path):
    name = cosine(home, prereg=True)

    async def scenario(host: Hosted) -> None:
        pane, seen = host.pane, []
        take = pane._take_one

        def watch(view: Any) -> None:
            seen.append(
                (view.verdict.word, sum(c in view.record["controls"] for c in view.required))
            )
            take(view)

        pane._take_one = watch
        assert "◌ UNTESTED" in host.screen()
        assert "0/4" in host.screen()
        assert row(host, "G1").state == "not_run"
        await host.press("a")
        assert "4 controls: 0 forward passes and 0 generated texts at most" in host.app.said[0]
        early = [n for word, n in seen if word == "UNTESTED" and 0 < n < 4]
        assert early, "controls were shown before the last had ended"
        record = load_finding(Home(home), name)
        assert {e["control"] for e in record["evidence"]} == {"G1", "G2", "G3", "X1"}
        assert "4/4" in host.screen()
        assert record["verdict"]["word"] in summary(host)
        assert "before the first evidence" in summary(host)
        assert "Holm at 0.05 needs B ≥ 19, quick has 99 ✓" in summary(host)
        assert pane.status_line == "1 of 1 hold"
        assert f"audit {name}" in host.screen(), "the job row names it"
        await host.press("a")
        assert host.app.said[-1].startswith("every required control has run")

    play(scenario, home)


def test_one_control_runs_from_its_row_and_from_its_dialog(home: Path):
    name = cosine(home)

    async def scenario(host: Hosted) -> None:
        await host.press("enter")
        assert checks(host).has_focus
        await host.press("j", "space")
        done = open_audit(Home(home), name).results
        assert {c for c in done if not c.startswith("R")} == {"G2"}
        await host.press("space")
        assert host.app.said[-1].startswith("G2 has run (")
        await host.press("enter")
        dialog = host.app.screen
        assert isinstance(dialog, ControlDialog)
        shown = host.screen()
        assert "Is it length?" in shown
        assert "Formula" in shown
        assert "matched" in shown
        await host.press("right_square_bracket")
        assert dialog.control == "G3"
        assert "it has not been run" in host.screen()
        await host.press("space")
        assert "G3" in open_audit(Home(home), name).results
        assert host.pane.control == "G3", "the cursor follows what was open"
        await host.press("right_parenthesis")
        assert host.pane.control == "G4"
        await host.press(*["right_parenthesis"] * 4)
        assert host.pane.control.startswith("R")
        await host.press("space")
        assert "computed from the record itself" in host.app.said[-1]
        await host.press(*["left_parenthesis"] * 5)
        assert host.pane.control == "G1"
        await host.press("escape")
        assert host.pane.query_one("#findings", FindingList).has_focus

    play(scenario, home)


def test_a_dialog_shows_new_numbers_when_its_control_ends(home: Path):
    cosine(home)

    async def scenario(host: Hosted) -> None:
        await host.press("enter")
        await host.pilot.press("a", "enter")
        await until(host, lambda: "labels permuted within topics" in host.screen(), "the null")
        assert isinstance(host.app.screen, ControlDialog)

    play(scenario, home)


def test_a_dialog_on_its_way_to_the_screen_takes_new_numbers(home: Path):
    """A report may come between the key that opens it and its first drawing."""
    cosine(home)

    async def scenario(host: Hosted) -> None:
        await host.press("enter")
        view = host.pane.finding
        dialog = ControlDialog(view, view.required[0])
        opening = host.app.push_screen(dialog)
        assert host.app.screen is dialog
        host.pane.draw_checks()
        await opening
        await host.settled()
        assert view.required[0] in host.screen()

    play(scenario, home)


def test_stopping_keeps_what_has_ended_and_going_on_repeats_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    name = cosine(home)
    begun, release = threading.Event(), threading.Event()
    whole = audit_cosine.noise_free_cosine

    def held(*args: Any, **options: Any) -> Any:
        begun.set()
        assert release.wait(30)
        return whole(*args, **options)

    monkeypatch.setattr(audit_cosine, "noise_free_cosine", held)

    async def scenario(host: Hosted) -> None:
        await host.pilot.press("a")
        await until(host, lambda: row(host, "G3").state == "running", "G3 at work")
        assert begun.is_set()
        await until(host, lambda: row(host, "G1").state in ("pass", "warn"), "G1 shown")
        assert row(host, "X1").state == "queued"
        await host.tap("N")
        assert "x stops it" in host.app.said[-1]
        await host.tap("x")
        assert "stops once G3 has ended" in host.app.said[-1]
        assert row(host, "X1").state == "not_run"
        release.set()
        await host.settled()
        assert "finished controls are kept" in host.app.said[-1]
        kept = open_audit(Home(home), name)
        assert {c for c in kept.results if c[0] != "R"} == {"G1", "G3"}
        assert row(host, "G3").state == kept.results["G3"].state
        at = kept.evidence["G1"].at
        await host.press("a")
        audit = open_audit(Home(home), name)
        assert set(audit.evidence) == {"G1", "G2", "G3", "X1"}
        assert audit.evidence["G1"].at == at

    play(scenario, home)


def test_an_audit_the_last_session_left_unfinished_goes_on(home: Path):
    name = cosine(home)

    async def scenario(host: Hosted) -> None:
        host.pane.resume_job({"finding": name, "controls": ["G1", "X1"], "thorough": False})
        await host.settled()
        assert set(open_audit(Home(home), name).evidence) == {"G1", "X1"}

    play(scenario, home)


def test_forward_passes_are_asked_about_before_they_are_made(home: Path):
    name = steering(home)

    async def scenario(host: Hosted) -> None:
        assert row(host, "C1").cost.endswith("fwd")
        await host.press("a")
        assert isinstance(host.app.screen, Confirm)
        asked = str(host.app.screen.query_one(".question", Static).content)
        assert "forward passes and 84 generated texts at most, preset quick. Start?" in asked
        counted = sum(view_costs(host).values())
        assert f"{counted:,} forward passes" in asked
        await host.press("n")
        assert not open_audit(Home(home), name).results
        await host.press("enter")
        checks(host).to_control("C4")
        await host.press("space")
        done = open_audit(Home(home), name).results
        assert 0 < done["C4"].cost.forwards <= view_costs(host)["C4"] == 120
        assert any(s.startswith("C4: 120 forward passes") for s in host.app.said)

    play(scenario, home)


def view_costs(host: Hosted) -> dict[str, int]:
    """Forward passes per required control, as they were counted."""
    view = host.pane.finding
    return {c: view.costs[c].forwards for c in view.required if c in view.costs}


def test_what_a_person_adds_is_an_event_and_shows(home: Path):
    name = cosine(home)

    async def scenario(host: Hosted) -> None:
        await host.press("D")
        assert "nothing to deviate from" in host.app.said[-1]
        await host.press("p")
        assert isinstance(host.app.screen, PlanQuestion)
        assert "G1 G2 G3 X1" in host.screen()
        await host.press("y")
        assert load_finding(Home(home), name)["prereg"]
        assert "no evidence yet" in summary(host)
        await host.press("p")
        assert "D logs a deviation" in host.app.said[-1]
        await host.press("D")
        await host.pilot.pause()
        await host.type("one layer more")
        await host.press("tab")
        await host.answer("it was asked for")
        assert "deviation: one layer more (it was asked for)" in " ".join(summary(host).split())
        await host.press("enter")
        checks(host).to_control("G2")
        await host.press("w")
        await host.answer("too short")
        assert isinstance(host.app.screen, AskText)
        assert "9 characters; write 20 or more" in host.screen()
        await host.answer(WHY)
        assert row(host, "G2").state == "waived"
        await host.press("N")
        await host.type("topic and length")
        await host.press("enter")
        assert "both are needed" in host.screen()
        assert host.app.focused.id == "field-not_controlled", "the one that is empty"
        await host.answer("the register")
        assert "controlled: topic and length" in summary(host)
        await host.press("a")
        assert "≈ QUALIFIED" in host.screen()
        assert "G2" not in load_finding(Home(home), name)["controls"]
        await host.press("L")
        assert host.app.copied == [load_finding(Home(home), name)["verdict"]["sentence"]]
        assert WHY in host.app.copied[0]
        found = [e.kind for e in events(Home(home), name)]
        assert [k for k in found if k != "saved"] == ["sealed", "deviation", "waiver", "note"]
        await host.press("p")
        assert main(["audit", "check"]) == 0

    play(scenario, home)


def test_it_is_too_late_for_a_plan_and_for_a_waiver_once_a_control_ran(home: Path):
    name = cosine(home)

    async def scenario(host: Hosted) -> None:
        await host.press("enter", "space")
        await host.press("p")
        assert "a plan sealed now is no plan" in host.app.said[-1]
        await host.press("w")
        assert "only a control that was not run can be waived" in host.app.said[-1]
        assert [e.kind for e in events(Home(home), name)].count("sealed") == 0

    play(scenario, home)


def test_a_changed_input_makes_controls_stale_until_they_run_again(home: Path):
    name = cosine(home, prereg=True)

    async def scenario(host: Hosted) -> None:
        await host.press("a")
        before = load_finding(Home(home), name)["verdict"]["word"]
        assert host.pane.status_line == "1 of 1 hold"
        assert main(["data", "exclude", "planted", "3", "--reason", "a test"]) == 0
        await host.choose(datasets_version=host.workspace.datasets_version + 1)
        assert row(host, "G1").state == "stale"
        assert f"◌ UNTESTED  recorded {before}, inputs have changed since" in summary(host)
        assert host.pane.status_line == "0 of 1 hold"
        await host.press("enter", "enter")
        await host.press("pagedown", "pagedown")
        text = host.app.screen.query_one("#control-sheet Static", Static).content
        assert "~ stale: " in str(text)
        await host.press("escape", "a")
        assert row(host, "G1").state in ("pass", "warn")
        assert f"{before}\n" in "".join(line.rstrip() + "\n" for line in summary(host).splitlines())
        assert "stale" in [e.kind for e in events(Home(home), name)]

    play(scenario, home)


def test_tampering_is_named_and_nothing_is_written_over_it(home: Path):
    name = cosine(home)
    lost = cosine(home, name="lost")
    path = home / "findings" / f"{name}.json"
    record = json.loads(path.read_text())
    record["title"] = "joyful and glad are the same"
    path.write_text(json.dumps(record))
    (home / "findings" / f"{lost}.json").write_text("{}")
    before = path.read_text()

    async def scenario(host: Hosted) -> None:
        assert "WRONG" in summary(host)
        assert "edited record" in summary(host)
        for key in ("a", "A", "space", "p", "w", "D", "N"):
            await host.press(key)
        assert len([s for s in host.app.said if "nothing is written to a finding" in s]) == 7
        assert path.read_text() == before
        await host.press("j")
        assert "is no finding" in summary(host)
        assert host.pane.status_line == "0 of 2 hold"
        await host.press("a")
        assert "is no finding" in host.app.said[-1]

    play(scenario, home)


def test_the_wizard_is_filled_from_what_is_shown_and_lints_the_words(home: Path, base):
    async def scenario(host: Hosted) -> None:
        await host.press("n")
        assert isinstance(host.app.screen, PickOne)
        assert "cosine: joyful ~ glad, layer 1" in host.screen()
        await host.press("down", "enter")
        form = host.app.screen
        assert isinstance(form, ClaimForm)
        assert form.answers["run"] == base[1]
        assert (form.answers["emotion"], form.answers["other"]) == ("joyful", "glad")
        assert form.answers["seal"] == "yes"
        form.query_one("#field-other", Input).value = "sad"
        await host.pilot.pause()
        assert "joyful and sad" in form.answers["claim"], "the suggested sentence follows"
        claim = form.query_one("#field-claim", Input)
        assert not form.query_one("#lint", Static).content.plain.count("!")
        claim.value = "joyful clearly causes glad"
        await host.pilot.pause()
        lint = form.query_one("#lint", Static).content.plain
        assert "'clearly'" in lint
        assert "'causes'" in lint
        claim.value = CLAIM
        form.query_one("#field-other", Input).value = "gladd"
        await host.press("ctrl+j")
        again = host.app.screen
        assert isinstance(again, ClaimForm), "a refused claim comes back"
        assert "did you mean 'glad'" in host.screen()
        assert not list(host.app._notifications), "said once, in the form"
        assert again.answers["claim"] == CLAIM
        assert again.focused is again.query_one("#field-other"), "where the mistake is"
        again.query_one("#field-other", Input).value = "glad"
        await host.press("ctrl+j")
        record = load_finding(Home(home), "cosine-joyful-1")
        assert record["prereg"]
        assert record["preset"] == "standard"
        assert "cosine-joyful-1" in host.screen()
        assert host.pane.finding.id == "cosine-joyful-1"

    play(scenario, home, run=base[1], emotion="joyful", layer=1, pair=("joyful", "glad"))


@pytest.mark.parametrize("kind", ["probe", "cosine", "steering"])
def test_another_pane_can_ask_for_a_claim(home: Path, kind: str):
    async def scenario(host: Hosted) -> None:
        await host.choose(claim=kind)
        form = host.app.screen
        assert isinstance(form, ClaimForm)
        assert f"A new {kind} claim" in host.screen()
        assert host.workspace.claim == ""
        assert form.query_one("#lint", Static).content.plain.count("!") == 0

    play(scenario, home, run="r", vectors="four", emotion="joyful", layer=1, alpha=0.1,
         pair=("joyful", "glad"))  # fmt: skip


def test_a_claim_asked_for_before_the_pane_was_ever_shown(home: Path):
    async def scenario(host: Hosted) -> None:
        assert isinstance(host.app.screen, ClaimForm)
        assert host.workspace.claim == ""
        await host.press("escape")
        assert "never counts as passed" in host.screen()

    play(scenario, home, claim="cosine", run="r", pair=("joyful", "glad"))


def test_more_to_hold_it_against_and_every_control_there_is(home: Path, tmp_path: Path):
    name = cosine(home)
    norms = tmp_path / "norms.csv"
    norms.write_text(
        "emotion,valence,arousal\njoyful,.9,.6\nglad,.8,.4\nsad,-.7,-.4\ncalm,.5,-.8\n"
    )

    async def scenario(host: Hosted) -> None:
        await host.press("S")
        await host.press("enter")
        assert "nothing is given" in host.screen()
        host.app.screen.query_one("#field-norms", Input).value = str(norms)
        await host.press("ctrl+j")
        assert load_finding(Home(home), name)["subject"]["norms_source"].startswith("norms.csv")
        await host.press("A")
        done = {c for c in load_finding(Home(home), name)["controls"] if c[0] != "R"}
        assert done == {c for c in host.pane.finding.controls if c[0] != "R"}
        assert {"G4", "G7", "G8"} <= done
        await host.press("A")
        assert host.app.said[-1] == "every control that can be computed has run"

    play(scenario, home)


def test_filter_report_and_blind(home: Path, tmp_path: Path):
    cosine(home)
    cosine(home, name="other", claim="quite another sentence")

    async def scenario(host: Hosted) -> None:
        await host.press("slash")
        await host.answer("another")
        assert host.pane.finding.id == "other"
        assert [v.id for v in host.pane.shown] == ["other"]
        assert "filter another: 1" in host.pane.status_line
        await host.press("slash")
        await host.answer("nowhere")
        assert "no finding matches nowhere" in host.app.said
        assert "none has 'nowhere'" in host.screen()
        assert "none yet" not in host.screen(), "there are findings"
        await host.press("slash")
        await host.answer("")
        assert len(host.pane.shown) == 2
        out = tmp_path / "report"
        await host.press("e")
        await host.answer(str(out))
        assert {p.name for p in out.iterdir()} == {"AUDIT.md", "audit.html"}
        assert any(s.startswith("written: ") for s in host.app.said)
        await host.press("b")
        assert "are rated blind" in host.app.said[-1]
        await host.press("u")
        assert "nothing to unblind" in host.app.said[-1]

    play(scenario, home)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_every_size_shows_verdict_list_and_checklist(home: Path, size: tuple[int, int]):
    cosine(home, claim="joyful \x1b[31mand\u202e glad [bold]are alike")

    async def scenario(host: Hosted) -> None:
        shown = host.screen()
        assert "◌ UNTESTED" in shown
        assert "cosine-joyful-1" in shown
        assert "◌ not run G1" in shown
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "[bold]are" in shown
        side = host.pane.query_one("#audit-side")
        assert side.display == (size[0] >= 160)
        if side.display:
            assert "Why this threshold" in shown
        await host.press("enter", "enter")
        assert "Formula" in host.screen()
        await host.press("escape", "n", "escape")

    play(scenario, home, size=size)
