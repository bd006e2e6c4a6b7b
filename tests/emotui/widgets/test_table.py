"""The table asks for what it shows, moves, finds hits, and keeps its columns straight."""

import pytest

from emotui.widgets.table import Column, VirtualTable
from tests.emotui.widgets.host import Host, lines, play

COLUMNS = [Column("row", 8, "right"), Column("label", 8), Column("text")]
N = 250_000


class Provider:
    """Rows by number; remembers how many were asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, start: int, stop: int) -> list[list[str]]:
        self.asked += stop - start
        return [[str(i), "joy", f"text {i}"] for i in range(start, stop)]


def test_only_rows_on_screen_are_asked_for() -> None:
    table, rows = VirtualTable(COLUMNS), Provider()

    async def scenario(app: Host) -> None:
        table.set_rows(N, rows)
        await app.pilot.pause()
        assert rows.asked <= 12
        await app.pilot.press("G")
        await app.pilot.pause()
        assert table.cursor == N - 1
        assert f"text {N - 1}" in lines(table)[-1]
        await app.pilot.press("pageup", "pageup", "g", "pagedown", "j", "k", "k")
        assert table.cursor == 7
        assert rows.asked <= 120

    play(table, scenario, size=(60, 10))


def test_rows_that_stay_on_screen_are_not_asked_for_again() -> None:
    moved: list[int] = []
    table, rows = VirtualTable(COLUMNS, moved=moved.append), Provider()

    async def scenario(app: Host) -> None:
        table.set_rows(N, rows)
        await app.pilot.pause()
        await app.pilot.press(*"j" * 30)
        assert table.cursor == 30
        assert rows.asked <= 12 + 30
        assert moved == list(range(31)), "told at once, the first row included"
        for _ in range(3):
            await app.pilot.press("pagedown", "k", "pageup")
        shown = [int(line.split()[1 if line.startswith("▌") else 0]) for line in lines(table)[1:]]
        assert shown == list(range(shown[0], shown[0] + len(shown)))
        await app.pilot.press(*["pagedown"] * 20)
        assert len(table._cached) <= 5 * 10

    play(table, scenario, size=(60, 10))


def test_cursor_is_marked_without_colour_and_told() -> None:
    table = VirtualTable(COLUMNS)

    async def scenario(app: Host) -> None:
        table.set_rows(5, Provider())
        await app.pilot.press("j", "j", "enter")
        await app.pilot.pause()
        assert lines(table)[3].startswith("▌")
        assert sum(line.startswith("▌") for line in lines(table)) == 1
        opened = app.last(VirtualTable.Opened)
        moved = app.last(VirtualTable.CursorMoved)
        assert isinstance(opened, VirtualTable.Opened)
        assert isinstance(moved, VirtualTable.CursorMoved)
        assert (opened.row, moved.row) == (2, 2)

    play(table, scenario, colors=False)


def test_n_goes_through_the_hits_and_round() -> None:
    table = VirtualTable(COLUMNS)

    async def scenario(app: Host) -> None:
        table.set_rows(N, Provider())
        table.set_hits([3, 90_000, 200_000])
        for key, row in (("n", 3), ("n", 90_000), ("n", 200_000), ("n", 3), ("N", 200_000)):
            await app.pilot.press(key)
            assert table.cursor == row
        assert table.hit_text == "hit 3 of 3"
        assert lines(table)[0].split()[2:] == ["text", "hit", "3", "of", "3"]
        assert "hit 3 of 3" in lines(table)[0]
        await app.pilot.press("k")
        assert table.hit_text == "3 hits"

    play(table, scenario)


def test_without_hits_n_is_left_to_others() -> None:
    table = VirtualTable(COLUMNS)

    async def scenario(app: Host) -> None:
        table.set_rows(5, Provider())
        assert table.check_action("next_hit", ()) is False
        await app.pilot.press("n", "N")
        assert table.cursor == 0

    play(table, scenario)


@pytest.mark.parametrize("width", [30, 80])
def test_columns_hold_whatever_is_in_the_cells(width: int) -> None:
    nasty = ["plain", "日本語の文", "\x1b[2Jx\ny", "[red]m[/red]", "e\u0301\u0301", "\u202eabc", ""]
    table = VirtualTable([Column("a", 8), Column("b"), Column("c", 3)])

    async def scenario(_app: Host) -> None:
        table.set_rows(len(nasty), lambda a, b: [[nasty[i], nasty[i], "END"] for i in range(a, b)])
        for y, line in enumerate(lines(table)[1 : len(nasty) + 1]):
            assert table.render_line(y + 1).cell_length == width - 1
            assert line.endswith("END")
            assert "\x1b" not in line
            assert "\u202e" not in line

    play(table, scenario, size=(width, 10))


def test_an_empty_table_says_so_and_takes_every_key() -> None:
    table = VirtualTable(COLUMNS, empty="no datasets yet; press i to import")

    async def scenario(app: Host) -> None:
        await app.pilot.press("j", "k", "G", "g", "n", "enter", "pagedown")
        assert "press i to import" in lines(table)[1]
        table.set_rows(0, Provider())
        assert table.cursor == 0
        assert not app.heard

    play(table, scenario)
