"""The Data pane: every action, marks on the rows, and rows made to break a terminal."""

import asyncio
import shutil
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len
from textual.widgets import Input, Select

from emotui.actions import ACTIONS
from emotui.cli import main
from emotui.errors import OptionError
from emotui.events import Event
from emotui.panes import base as base_module
from emotui.panes import data as data_module
from emotui.panes.data import DataPane
from emotui.panes.jobs import Details
from emotui.screens.asking import AskText
from emotui.screens.form import Form
from emotui.widgets.prose import Prose
from emotui.widgets.table import VirtualTable
from store.datasets import Dataset
from store.layout import Home
from tests.emotui.conftest import Prepared, write_rows
from tests.emotui.panes.host import Hosted, hosting, until

Scenario = Callable[[Hosted], Awaitable[None]]
SIZES = [(80, 24), (120, 40), (200, 60)]
NASTY = {
    "ansi": "\x1b[31mred\x1b[0m and \x1b[2J cleared",
    "osc52": "\x1b]52;c;aGVsbG8=\x07 copied",
    "markup": "[bold red]markup[/] [link=x]y[/link] [/]",
    "right to left": "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u202eturned\u202c",
    "zero width": "ze\u200bro\u200d wi\u2060dth \ufeff e" + "\u0301" * 9,
    "wide": "\u65e5\u672c\u8a9e wide \uff46\uff55\uff4c\uff4c",
    "breaks": "tab\tnew\nline\r\nback\x08space\x00nul",
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> Path:
    """The prepared datasets, one with marks and one of rows made to break a terminal."""
    place = tmp_path_factory.mktemp("data-pane")
    shutil.copytree(prepared.home / "datasets", place / "datasets")
    marked = [
        {"text": "she was joyful all day long by the sea", "label": "joyful", "topic": "sea"},
        {"text": "he wept alone in the grey room", "label": "sad", "topic": "room"},
        {"text": "He wept, alone, in the grey room!", "label": "sad", "topic": "sea"},
        {"text": "the joyful dance went on until the morning", "label": "sad", "topic": "sea"},
        *({"text": f"a plain text {i}", "label": "joyful", "topic": "hall"} for i in range(40)),
    ]
    nasty = [{"text": text, "label": text[:9], "topic": name} for name, text in NASTY.items()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTUI_HOME", str(place))
        columns = ["--label", "label", "--topic", "topic", "--quiet"]
        for name, rows in (("marked", marked), ("nasty", nasty)):
            file = write_rows(place / f"{name}.jsonl", rows)
            assert main(["data", "import", str(file), "--name", name, *columns]) == 0
    return place


@pytest.fixture
def home(base: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(base, tmp_path / "home"))


def run(
    scenario: Scenario, home: Path, *, size: tuple[int, int] = (120, 40), **chosen: object
) -> None:
    """One scenario on the pane with a dataset open."""

    async def go() -> None:
        async with hosting(home, "data", size=size, **({"dataset": "marked"} | chosen)) as host:  # type: ignore[arg-type]
            await scenario(host)

    asyncio.run(go())


def row_line(host: Hosted, text: str) -> str:
    """The line of the table that holds a text."""
    width = host.pane.query_one("#rows", VirtualTable).region
    lines = host.screen().split("\n")[width.y : width.bottom]
    return next(line for line in lines if text in line)[width.x :]


def preview(host: Hosted) -> str:
    """What stands under the rows."""
    return host.pane.query_one("#preview", Prose).text


def test_every_action_of_the_table_has_its_method() -> None:
    for action in ACTIONS:
        if action.owner == "data":
            assert hasattr(DataPane, "action_" + action.do.split("(")[0]), action.id


@pytest.mark.parametrize("size", SIZES)
def test_emotions_topics_and_lengths_are_counted(home: Path, size: tuple[int, int]) -> None:
    async def scenario(host: Hosted) -> None:
        screen = host.screen()
        for said in ("by label", "joyful", "41", "sad", "by topic", "hall", "40", "characters"):
            assert said in screen, said

    run(scenario, home, size=size)


def test_all_counts_open_as_a_list(home: Path) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("t")
        assert isinstance(host.app.screen, Details)
        lines = host.app.screen.lines
        assert "2 by emotion" in lines
        assert any(line.split() == ["41", "joyful"] for line in lines)
        assert any(line.split() == ["1", "room"] for line in lines)

    run(scenario, home)


def test_leaks_and_repeats_are_marked_on_their_rows(home: Path) -> None:
    async def scenario(host: Hosted) -> None:
        table = host.pane.query_one("#rows", VirtualTable)
        assert "L" in row_line(host, "she was joyful all").split("joyful")[0]
        for text in ("he wept alone", "He wept, alone"):
            assert "=" in row_line(host, text).split("sad")[0]
        assert "L" not in row_line(host, "the joyful dance").split("sad")[0], "another's label"
        assert "L name their label: 1" in host.screen()
        assert "= repeated texts: 2" in host.screen()
        await host.press("m")
        assert any("1 rows name their label (L)" in said for said in host.app.said)
        assert (table.cursor, table.hit_text) == (0, "hit 1 of 1")
        await host.press("m")
        assert (table.cursor, table.hit_text) == (1, "hit 1 of 2")
        await host.press("n")
        assert table.cursor == 2
        await host.press("N", "m")
        assert table.hit_text == ""

    run(scenario, home)


def test_a_large_dataset_is_looked_over_only_when_asked(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_module, "MARKED_UP_TO", 10)

    async def scenario(host: Hosted) -> None:
        assert "not looked for yet: c checks" in host.screen()
        await host.press("m")
        assert any("c checks" in said for said in host.app.said)
        await host.press("c")
        assert isinstance(host.app.screen, Details)
        await host.press("escape")
        assert "L name their label: 1" in host.screen()

    run(scenario, home)


def test_an_excluded_row_says_so_counts_for_nothing_and_comes_back(home: Path) -> None:
    async def scenario(host: Hosted) -> None:
        host.pane.query_one("#rows").focus()
        await host.press("down", "x")
        await host.answer("a quotation")
        assert "x" in row_line(host, "he wept alone").split("sad")[0]
        assert "excluded: a quotation" in preview(host)
        assert "x excluded: 1" in host.screen()
        assert host.pane._view.labels == (("joyful", 41), ("sad", 2))
        assert Dataset.open(Home(home), "marked").excluded() == {1: "a quotation"}
        await host.press("m")
        assert any("(L)" in said for said in host.app.said)
        await host.press("x")
        assert "Take it back?" not in host.screen(), "the cursor is on another row"
        await host.press("escape")
        host.pane.query_one("#rows", VirtualTable).move_to(1)
        await host.press("x", "y")
        assert "x excluded: 0" in host.screen()
        assert Dataset.open(Home(home), "marked").excluded() == {}

    run(scenario, home)


@pytest.mark.parametrize("size", SIZES)
def test_rows_made_to_break_a_terminal_are_shown_as_symbols(
    home: Path, size: tuple[int, int]
) -> None:
    async def scenario(host: Hosted) -> None:
        host.pane.query_one("#rows").focus()
        host.pane.add_class("-rows")
        for _ in NASTY:
            await host.press("down")
            lines = host.screen().split("\n")
            assert all(cell_len(line) == size[0] for line in lines), "every line is as wide"
            text = "\n".join(lines)
            for hidden in "\x1b\x07\x08\x00\u200b\u2060\u202e\ufeff\r":
                assert hidden not in text
        await host.press("t")
        assert "\x1b" not in host.screen()

    run(scenario, home, size=size, dataset="nasty")
    assert "[bold red]markup[/]" in NASTY["markup"]


def test_markup_is_text(home: Path) -> None:
    async def scenario(host: Hosted) -> None:
        host.pane.query_one("#rows", VirtualTable).move_to(2)
        await host.settled()
        assert "[bold red]markup[/] [link=x]y[/link] [/]" in preview(host)
        assert "[bold red]markup[/]" in host.screen()

    run(scenario, home, dataset="nasty")


def test_the_filter_takes_text_labels_and_topics_and_clears(home: Path) -> None:
    async def scenario(host: Hosted) -> None:
        table = host.pane.query_one("#rows", VirtualTable)
        for needle, hits in (("JOYFUL", 42), ("room", 2), ("hall", 40)):
            await host.press("slash")
            await host.answer(needle)
            assert table.hit_text.endswith(f"{hits} hits") or table.hit_text.endswith(f"of {hits}")
        await host.press("slash")
        await host.answer("")
        assert table.hit_text == ""
        await host.press("escape")
        assert host.pane.query_one("#datasets").has_focus

    run(scenario, home)


def test_a_form_offers_the_columns_of_the_file(home: Path, tmp_path: Path) -> None:
    rows = [{"id": i, "body": f"text {i}", "feeling": "sad", "place": "sea"} for i in range(5)]
    file = write_rows(tmp_path / "odd names.jsonl", rows)

    async def scenario(host: Hosted) -> None:
        await host.press("i")
        await host.answer(str(file))
        form = host.app.screen
        assert isinstance(form, Form)
        for name in ("text", "label", "topic"):
            select = form.query_one(f"#field-{name}", Select)
            offered = {value for _, value in select._options}
            assert {"id", "body", "feeling", "place"} <= offered, name
        assert "feeling: 1 different, e.g. sad" in host.screen()
        await host.press("ctrl+j")
        assert "choose the column that holds the text" in host.screen()
        form.query_one("#field-text", Select).value = "body"
        form.query_one("#field-label", Select).value = "feeling"
        form.query_one("#field-topic", Select).value = "place"
        assert form.query_one("#field-name", Input).value == "odd-names"
        await host.press("ctrl+j")
        assert host.workspace.dataset == "odd-names"
        assert "by topic" in host.screen()
        assert "sea" in host.screen()

    run(scenario, home)


def test_a_refused_import_asks_again_as_it_was_answered(home: Path, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "rows.jsonl", [{"text": f"text {i}"} for i in range(5)])
    broken = tmp_path / "broken.jsonl"
    broken.write_text("{no json", encoding="utf-8")

    async def scenario(host: Hosted) -> None:
        await host.press("i")
        await host.answer(str(broken))
        assert host.app.focused.value == str(broken)
        assert "! " in host.line("#hint")
        await host.answer(str(file))
        form = host.app.screen
        form.query_one("#field-name", Input).value = "no/name"
        form.query_one("#field-many", Select).value = "join"
        await host.press("ctrl+j")
        again = host.app.screen
        assert isinstance(again, Form)
        assert again is not form
        assert again.focused is again.query_one("#field-name")
        assert (again.answers["name"], again.answers["many"]) == ("no/name", "join")
        assert "no/name" in host.line("#wrong")
        assert not host.app.said, "said once, in the form"
        await host.type("named")
        await host.press("ctrl+j")
        assert host.workspace.dataset == "named"

    run(scenario, home)


@pytest.mark.parametrize("elsewhere", ["", "pane", "dialog", "later"])
def test_a_question_comes_back_only_to_who_is_still_there(
    home: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: str
) -> None:
    open_ = threading.Event()

    def refuse(*args: object, **options: object) -> Iterator[Event]:
        del args, options
        open_.wait(10)
        yield from ()
        raise OptionError("--layers: layer 9 is not there; layers are 0, 1")

    monkeypatch.setattr("emotui.jobs.extract.extract_job", refuse)

    async def scenario(host: Hosted) -> None:
        await host.press("e")
        form = host.app.screen
        form.query_one("#field-model", Input).value = "demo"
        form.query_one("#field-layers", Input).value = "9"
        await host.tap("ctrl+j")
        if elsewhere == "pane":
            await host.tap("7")
            await until(lambda: host.app.current == "jobs")
        elif elsewhere == "dialog":
            await host.tap("i")
            await until(lambda: isinstance(host.app.screen, AskText))
        elif elsewhere == "later":
            monkeypatch.setattr(base_module, "ASK_AGAIN_WITHIN", 0.0)
        before = host.app.screen
        open_.set()
        await host.settled()
        assert host.workspace.model is None, "a model that was refused is nobody's"
        if elsewhere:
            assert host.app.screen is before
            assert any("layer 9 is not there" in text for text in host.app.said)
        else:
            again = host.app.screen
            assert isinstance(again, Form)
            assert again.focused is again.query_one("#field-layers")
            assert again.answers["layers"] == "9"
            assert not host.app.said
            await host.press("down")
            assert again.focused is again.query_one("#field-pool")
            await host.press("up", "up")
            assert again.focused is again.query_one("#field-model")

    run(scenario, home)


def test_a_table_without_a_header_has_numbered_columns(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "comments.tsv"
    file.write_text("well done\t0\ta\nso sorry\t1\tb\n", encoding="utf-8")

    async def scenario(host: Hosted) -> None:
        await host.press("i")
        await host.answer(f"{file}!")
        form = host.app.screen
        assert isinstance(form, Form)
        assert (form.answers["text"], form.answers["label"]) == ("1", "2")
        await host.press("ctrl+j")
        assert host.workspace.dataset == "comments"
        assert "well done" in host.screen()

    run(scenario, home)


def test_only_the_rows_on_screen_are_read(home: Path, tmp_path: Path) -> None:
    rows = [{"text": f"text number {i}", "label": "ab"[i % 2]} for i in range(20_000)]
    file = write_rows(tmp_path / "many.jsonl", rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTUI_HOME", str(home))
        command = ["data", "import", str(file), "--name", "many", "--label", "label", "--quiet"]
        assert main(command) == 0

    async def scenario(host: Hosted) -> None:
        pane = host.pane
        read: list[int] = []
        table, provider = pane.query_one("#rows", VirtualTable), pane._rows

        def counted(start: int, stop: int) -> list[list[str]]:
            read.extend(range(start, stop))
            return list(provider(start, stop))

        table.set_rows(20_000, counted)
        await host.settled()
        table.focus()
        await host.press("G")
        assert table.cursor == 19_999
        assert "text number 19999" in host.screen()
        assert len(set(read)) <= 2 * 40

    run(scenario, home, dataset="many")


def test_enter_opens_the_row_in_tokens(home: Path) -> None:
    async def scenario(host: Hosted) -> None:
        host.pane.query_one("#rows").focus()
        await host.press("down", "enter")
        assert host.app.current == "tokens"
        assert host.workspace.text is not None
        assert host.workspace.text.origin == "marked row 1"

    run(scenario, home)
