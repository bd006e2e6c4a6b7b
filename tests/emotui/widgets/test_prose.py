"""A text to read: wrapped, scrolled, and never more than a repaint when the next one is as long."""

import asyncio

from textual.app import App, ComposeResult

from emotui.widgets.prose import Prose


class Reader(App[None]):
    def compose(self) -> ComposeResult:
        yield Prose(id="prose")

    @property
    def prose(self) -> Prose:
        return self.query_one(Prose)

    @property
    def lines(self) -> list[str]:
        strips = self.screen._compositor.render_strips()
        return ["".join(s.text for s in strip).rstrip() for strip in strips]


def test_head_remark_and_text_are_shown_and_long_texts_scroll() -> None:
    async def run() -> None:
        app = Reader()
        async with app.run_test(size=(24, 6)) as pilot:
            app.prose.show("row 1", "one two three four five six\n\nlast", remark="set aside")
            await pilot.pause()
            assert app.lines == [
                "row 1", "set aside", "one two three four five", "six", "", "last"
            ]  # fmt: skip
            app.prose.show("row 2", " ".join(["word"] * 40))
            await pilot.pause()
            assert app.lines[:2] == ["row 2", "word word word word"]
            app.prose.focus()
            await pilot.press("pagedown")
            await pilot.pause()
            assert app.lines[0] == "word word word word"
            app.prose.show("row 3", "short")
            await pilot.pause()
            assert app.lines[:2] == ["row 3", "short"]
            await pilot.resize_terminal(12, 6)
            app.prose.show("row 4", "one two three four")
            await pilot.pause()
            assert app.lines[1:4] == ["one two", "three four", ""]

    asyncio.run(run())


def test_foreign_text_is_made_visible_and_wide_characters_fit() -> None:
    async def run() -> None:
        app = Reader()
        async with app.run_test(size=(12, 6)) as pilot:
            app.prose.show("a\nb", "\x1b[2J[bold]x\n" + "日本語" * 4)
            await pilot.pause()
            assert app.lines[0] == "a b"
            assert app.lines[1] == "␛[2J[bold]x"
            assert app.lines[2] == "日本語日本"
            strips = app.screen._compositor.render_strips()
            assert all(strip.cell_length == 12 for strip in strips)

    asyncio.run(run())


def test_another_text_of_the_same_length_needs_no_layout() -> None:
    async def run() -> None:
        app = Reader()
        async with app.run_test(size=(40, 6)) as pilot:
            app.prose.show("row 1", "a short text")
            await pilot.pause()
            layouts = []
            app.screen.screen_layout_refresh_signal.subscribe(
                app.screen, layouts.append, immediate=True
            )
            app.prose.show("row 2", "another short text")
            await pilot.pause()
            assert app.lines[:2] == ["row 2", "another short text"]
            assert layouts == []
            app.prose.show("row 3", "long " * 80)
            await pilot.pause()
            assert layouts, "more lines than there is room for: the scroll bar comes"

    asyncio.run(run())


def test_the_bar_is_there_only_while_the_text_needs_it() -> None:
    steps = [
        (3, "one line", False), (3, "word " * 90, True), (3, "a", False),
        (8, "b\n" * 5, False), (4, "b\n" * 5, True), (4, "c", False),
    ]  # fmt: skip

    async def run() -> None:
        app = Reader()
        async with app.run_test(size=(40, 8)) as pilot:
            for height, text, bar in steps:
                app.prose.styles.height = height
                app.prose.show("head", text)
                await pilot.pause()
                await pilot.pause()
                assert app.prose.show_vertical_scrollbar is bar, (height, text)

    asyncio.run(run())
