"""Keys that arrive in one piece, as over a slow line: each finds what the one before has left."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from textual._xterm_parser import XTermParser
from textual.widgets import Input

from emotui.typeahead import GIVE_UP_S, Mark
from emotui.widgets.table import VirtualTable
from tests.emotui.conftest import Prepared
from tests.emotui.panes.host import Hosted, hosting

PASTED = "\x1b[200~the old door\x1b[201~"


async def at_once(host: Hosted, wire: str) -> None:
    """The bytes of a terminal, all in one read."""
    for message in XTermParser().feed(wire):
        host.app.post_message(message)
    await host.pilot.pause()
    await asyncio.sleep(0.1)
    await host.settled()


def run(
    scenario: Callable[[Hosted], Awaitable[None]], prepared: Prepared, vectors: str, pane: str
) -> None:
    async def go() -> None:
        async with hosting(
            prepared.home, pane, vectors=vectors, dataset="texts", emotion="joyful", layer=1
        ) as host:
            await scenario(host)

    asyncio.run(go())


def test_erasing_a_line_does_not_erase_what_is_typed_after_it(
    prepared: Prepared, vectors: str
) -> None:
    async def scenario(host: Hosted) -> None:
        await at_once(host, "s\x05\x15seed=7 tokens=5\r")
        assert (host.workspace.seed, host.workspace.sampling.max_new_tokens) == (7, 5)
        await at_once(host, "s\x05\x15seed=8\rs\x05\x15seed=9\r")
        assert host.workspace.seed == 9

    run(scenario, prepared, vectors, "steer")


def test_a_word_after_the_key_that_opens_a_line_stands_in_it(
    prepared: Prepared, vectors: str
) -> None:
    async def scenario(host: Hosted) -> None:
        await at_once(host, "\r")
        await at_once(host, "/joyful\rjj")
        table = host.pane.query_one("#rows", VirtualTable)
        assert host.pane.query_one("#filter", Input).value == "joyful"
        assert table.hit_text.endswith("of 30")
        assert table.cursor == 2, "the filter goes to its first hit, row 0"
        assert host.app.current == "data"

    run(scenario, prepared, vectors, "data")


def test_pasted_text_waits_for_the_dialog(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await at_once(host, f"o{PASTED}")
        assert "the old door" in host.screen()

    run(scenario, prepared, vectors, "tokens")


def test_a_pane_is_there_before_its_first_key(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await at_once(host, "5s\x05\x15seed=3\r")
        assert (host.app.current, host.workspace.seed) == ("steer", 3)

    run(scenario, prepared, vectors, "data")


def test_a_key_whose_widget_went_away_holds_nothing_up(
    prepared: Prepared, vectors: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(host: Hosted) -> None:
        lost: list[int] = []

        async def lose(mark: Mark) -> None:
            lost.append(mark.turn)

        monkeypatch.setattr(host.app, "_after", lose)
        await at_once(host, "7")
        await at_once(host, "6")
        assert lost
        assert host.app.current == "jobs", "its mark is lost, the second key waits"
        await asyncio.sleep(GIVE_UP_S)
        await host.settled()
        assert host.app.current == "audit"

    run(scenario, prepared, vectors, "data")
