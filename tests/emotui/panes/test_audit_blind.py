"""Rating, line-up and veil in the workbench, on the embedded model: keys and what is hidden."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from emotui.cli import main
from emotui.panes.audit_blind import begin_blind, end_blind
from emotui.screens.asking import Confirm
from emotui.screens.form import Form
from emotui.screens.lineup import LineUpScreen
from emotui.screens.rating import RatingScreen
from emotui.veil import veiled_datasets
from store.blind import open_round, read_answers
from store.findings import events, load_finding
from store.layout import Home
from tests.emotui.panes.host import Hosted, hosting
from tests.emotui.rated import DATASET, EMOTIONS, PROBE, STEERING, VECTORS, planted_keys

Scenario = Callable[[Hosted], Awaitable[None]]
HIDDEN = ("split-half", "balanced accuracy", "α −", "no text", *EMOTIONS)


@pytest.fixture
def home(rated_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(rated_home, tmp_path / "home"))


@pytest.fixture
def sealed(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same with a round of 6 pairs (8 with a repeat and a catch pair) that nobody has rated."""
    monkeypatch.setenv("EMOTUI_HOME", str(home))
    args = ["audit", "blind", "start", STEERING, "--pairs", "6", "--max-new-tokens", "6"]
    assert main([*args, "--quiet"]) == 0
    return home


def run(scenario: Scenario, home: Path, pane: str = "audit", **chosen: Any) -> None:
    size = chosen.pop("size", (120, 40))

    async def play() -> None:
        async with hosting(home, pane, size=size, **chosen) as host:
            await scenario(host)

    asyncio.run(play())


def record(home: Path, finding: str) -> dict[str, Any]:
    return load_finding(Home(home), finding)


async def rating(host: Hosted, home: Path) -> RatingScreen:
    begin_blind(host.pane, record(home, STEERING))
    await host.settled()
    screen = host.app.screen
    assert isinstance(screen, RatingScreen)
    return screen


def test_every_key_of_the_rating_screen(sealed: Path) -> None:
    keys = planted_keys(sealed)

    async def scenario(host: Hosted) -> None:
        await rating(host, sealed)
        shown = host.screen()
        assert "pair 1/8   Which text is more happy?" in shown
        for word in ("alpha", "α", "0.4", "covariance", "real", "sad", "angry", VECTORS):
            assert word not in shown.replace("Which text is more happy?", ""), word
        await host.press("x")
        assert "! the keys are:" in host.screen()
        await host.press("f", "2", "1")
        assert "fluency 2 and 1" in host.screen()
        await host.press("1", "u")
        assert "pair 1/8" in host.screen()
        assert "undone" in host.screen()
        await host.press("i")
        assert "pair 2/8" in host.screen()
        await host.press("6")
        assert isinstance(host.app.screen, RatingScreen), "the panes' keys are off"
        await host.press("q")
        assert "1 of 8 pairs of joy are rated; b goes on" in " ".join(host.app.said)

    run(scenario, sealed)
    again = json.loads(
        (sealed / "findings" / STEERING / "blind-1.ratings.jsonl").read_text().splitlines()[0]
    )
    assert (again["choice"], again["fluency"]) == ("left", [2, 1])

    async def resumed(host: Hosted) -> None:
        await rating(host, sealed)
        assert "pair 2/8" in host.screen()
        await host.press(*keys[1:8])
        assert "Which arm do you think was the real one?" in host.screen()
        await host.press("n")
        assert "all 8 pairs are rated" in host.screen()
        await host.press("escape")
        assert "u unblinds" in " ".join(host.app.said)

    run(resumed, sealed)


@pytest.mark.parametrize(("size", "beside"), [((80, 24), False), ((120, 40), True)])
def test_two_texts_stand_beside_each_other_where_there_is_room(
    sealed: Path, size: tuple[int, int], beside: bool
) -> None:
    async def scenario(host: Hosted) -> None:
        screen = await rating(host, sealed)
        first, second = (screen.query_one(f"#rate-{side}").region for side in "12")
        assert (first.y == second.y) == beside
        assert (first.x == second.x) != beside
        assert first.height > 3
        assert second.bottom <= size[1]

    run(scenario, sealed, size=size)


def test_unblinding_asks_and_happens_once(sealed: Path) -> None:
    keys = planted_keys(sealed)

    async def scenario(host: Hosted) -> None:
        end_blind(host.pane, record(sealed, STEERING))
        await host.settled()
        assert "no rating yet" in " ".join(host.app.said)
        await rating(host, sealed)
        await host.press(*keys[:8], "q")
        end_blind(host.pane, record(sealed, STEERING))
        await host.settled()
        assert isinstance(host.app.screen, Confirm)
        assert "has not been guessed" in host.screen()
        await host.press("n")
        assert open_round(Home(sealed), STEERING) is not None
        await rating(host, sealed)
        await host.press(keys[8], "q")
        end_blind(host.pane, record(sealed, STEERING))
        await host.settled()
        assert "happens once" in host.screen()
        assert host.workspace.veiled == {DATASET}
        await host.press("y")
        assert host.workspace.veiled == frozenset()
        assert "R9 warn" in " ".join(host.app.said)
        end_blind(host.pane, record(sealed, STEERING))
        await host.settled()
        assert "not being rated" in host.app.said[-1]
        assert host.app.failed == []

    run(scenario, sealed)
    assert [e.kind for e in events(Home(sealed), STEERING)].count("unblinded") == 1
    found = record(sealed, STEERING)["controls"]["R9"]
    assert found["numbers"]["all pairs: real preferred"]["value"] == 1.0


def test_a_half_rated_round_is_unblinded_with_a_word_about_it(sealed: Path) -> None:
    async def scenario(host: Hosted) -> None:
        await rating(host, sealed)
        await host.press("1", "2", "q")
        end_blind(host.pane, record(sealed, STEERING))
        await host.settled()
        assert "Only 2 of 8 pairs are rated" in " ".join(host.screen().split())
        await host.press("y")

    run(scenario, sealed)
    reasons = record(sealed, STEERING)["controls"]["R9"]["reasons"]
    assert "6 of 8 pairs were not rated" in reasons


def test_a_round_is_started_from_the_pane(home: Path) -> None:
    async def scenario(host: Hosted) -> None:
        begin_blind(host.pane, record(home, STEERING))
        await host.settled()
        form = host.app.screen
        assert isinstance(form, Form)
        form.query_one("#field-pairs", Input).value = "5"
        await host.press("ctrl+j")
        assert "6 pairs or more" in host.screen()
        form.query_one("#field-pairs", Input).value = "6"
        form.query_one("#field-tokens", Input).value = "4"
        await host.press("ctrl+j")
        assert isinstance(host.app.screen, RatingScreen), host.app.failed
        assert host.workspace.veiled == {DATASET}
        await host.press("2", "q")

    run(scenario, home)
    round = open_round(Home(home), STEERING)
    assert round is not None
    assert [a["choice"] for a in read_answers(Home(home), round)] == ["right"]


@pytest.mark.parametrize("pane", ["probes", "vectors", "tokens", "steer"])
def test_a_veiled_pane_shows_nothing_and_takes_no_key(sealed: Path, pane: str) -> None:
    name = next((sealed / "runs").iterdir()).name
    assert veiled_datasets(Home(sealed)) == {DATASET: STEERING}

    async def scenario(host: Hosted) -> None:
        shown = host.screen()
        assert "veiled until finding joy is unblinded (u in Audit)" in shown
        assert host.pane.veiled
        # The header may name the user's own choice; below it nothing may.
        body = "\n".join(shown.splitlines()[2:-2])
        for word in HIDDEN:
            assert word not in body, word
        jobs = len(host.app.asked)
        await host.press("r", "w", "e", "x", "o", "S", "ctrl+j", "enter")
        assert len(host.app.screen_stack) == 1
        assert len(host.app.asked) == jobs
        assert host.app.focused is None
        assert shown.splitlines()[-1].split()[:2] == ["?", "help"], "no key of what is hidden"
        await host.press("6")
        assert host.app.current == "audit"
        await host.choose(veiled=frozenset())
        await host.press(str(("data", "probes", "vectors", "tokens", "steer").index(pane) + 1))
        lifted = host.screen()
        assert "veiled" not in lifted
        assert any(word in lifted for word in HIDDEN), "nothing of this would have been seen anyway"
        assert not host.pane.disabled
        assert lifted.splitlines()[-1].split()[0] != "?", "its keys are back"

    run(scenario, sealed, pane, run=name, vectors=VECTORS, veiled=frozenset({DATASET}))


def test_other_data_sets_and_other_panes_are_not_veiled(sealed: Path) -> None:
    async def scenario(host: Hosted) -> None:
        await host.choose(veiled=frozenset({"another"}))
        assert "veiled" not in host.screen()
        await host.press("1")
        assert "veiled" not in host.screen()

    run(scenario, sealed, "steer", vectors=VECTORS)


def test_a_round_that_another_program_began_or_ended_is_noticed(sealed: Path) -> None:
    async def scenario(host: Hosted) -> None:
        await host.choose(veiled=frozenset())
        await rating(host, sealed)
        assert host.workspace.veiled == {DATASET}
        await host.press("1", "q")
        assert main(["audit", "blind", "unblind", STEERING, "--incomplete"]) == 0
        end_blind(host.pane, record(sealed, STEERING))
        await host.settled()
        assert host.workspace.veiled == frozenset()

    run(scenario, sealed)


def test_the_workbench_starts_veiled(sealed: Path) -> None:
    async def scenario(host: Hosted) -> None:
        assert host.workspace.veiled == {DATASET}
        assert "veiled until finding joy is unblinded" in host.screen()

    run(scenario, sealed, "steer", vectors=VECTORS)


def test_the_line_up_is_played_and_written_down(home: Path) -> None:
    async def scenario(host: Hosted) -> None:
        begin_blind(host.pane, record(home, PROBE))
        await host.settled()
        screen = host.app.screen
        assert isinstance(screen, LineUpScreen)
        shown = host.screen()
        assert "Line-up, round 1: happy against the rest" in shown
        assert all(f"\n{letter} " in shown or f"  {letter} " in shown for letter in "ABCDEFGH")
        await host.press("z")
        assert host.app.screen is screen
        await host.press("q")
        assert len(host.app.screen_stack) == 1
        begin_blind(host.pane, record(home, PROBE))
        await host.settled()
        await host.press("b")
        assert host.app.failed == []
        assert any(said.startswith("you picked B, the real curve is ") for said in host.app.said)

    run(scenario, home)
    assert [e.kind for e in events(Home(home), PROBE)] == ["saved", "line-up", "saved"]
    assert record(home, PROBE)["controls"]["R10"]["state"] in ("limited", "fail")


def test_another_kind_has_nothing_to_rate(home: Path) -> None:
    async def scenario(host: Hosted) -> None:
        begin_blind(host.pane, {"kind": "cosine", "id": "c"})
        await host.settled()
        assert "a cosine finding has nothing to rate" in host.app.said[-1]

    run(scenario, home)
