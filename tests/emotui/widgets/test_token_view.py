"""The token view: movement, span, yank, colours with and without colour, and what is repainted."""

import math

import pytest

from emotui.widgets.token_view import TokenView
from tests.emotui.widgets.host import Host, lines, play, segments

PIECES = ["The", " gate", " stood", " open", ".", "\n", "Nobody", " came", " to", " it", "."]


def test_keys_move_over_tokens_lines_and_words() -> None:
    view = TokenView(PIECES)

    async def scenario(app: Host) -> None:
        for key, index in (
            ("l", 1), ("right", 2), ("h", 1), ("j", 6), ("k", 1), ("down", 6), ("b", 5),
            ("w", 6), ("home", 6), ("end", 10), ("g", 0), ("G", 10), ("l", 10), ("0", 6),
            ("dollar_sign", 10), ("up", 3), ("pageup", 0), ("pagedown", 10),
        ):  # fmt: skip
            await app.pilot.press(key)
            assert view.cursor == index, key
        moved = app.last(TokenView.CursorMoved)
        assert isinstance(moved, TokenView.CursorMoved)
        assert (moved.index, moved.piece) == (10, ".")
        assert math.isnan(moved.score)

    play(view, scenario)


def test_a_span_follows_the_cursor_and_is_yanked_as_given() -> None:
    view = TokenView(PIECES)

    async def scenario(app: Host) -> None:
        await app.pilot.press("l", "v", "l", "l")
        await app.pilot.pause()
        assert view.span == (1, 4)
        span = app.last(TokenView.SpanChanged)
        assert isinstance(span, TokenView.SpanChanged)
        assert (span.first, span.end) == (1, 4)
        await app.pilot.press("y")
        await app.pilot.pause()
        yanked = app.last(TokenView.Yanked)
        assert isinstance(yanked, TokenView.Yanked)
        assert yanked.text == " gate stood open"
        await app.pilot.press("v", "y")
        await app.pilot.pause()
        assert view.span == (3, 3)
        whole = app.last(TokenView.Yanked)
        assert isinstance(whole, TokenView.Yanked)
        assert whole.text == "".join(PIECES)

    play(view, scenario)


def test_colours_are_behind_the_tokens_and_shown_by_attributes_without_colour() -> None:
    scores = [0.0, 1.0, -1.0, *[0.0] * 8]

    async def colored(_app: Host) -> None:
        view.set_scores(scores, scale=1.0)
        styles = {s.text: s.style for s in segments(view, 0)}
        plus, minus = styles["·gate"], styles["·stood"]
        assert plus is not None
        assert minus is not None
        assert plus.bgcolor is not None
        assert minus.bgcolor is not None
        assert plus.bgcolor.triplet == (0xD5, 0x5E, 0x00)
        assert minus.bgcolor.triplet == (0x00, 0x72, 0xB2)
        assert plus.underline is None

    async def plain(_app: Host) -> None:
        view.set_scores(scores, scale=1.0)
        styles = {s.text: s.style for s in segments(view, 0)}
        plus, minus = styles["·gate"], styles["·stood"]
        assert plus is not None
        assert minus is not None
        assert plus.underline
        assert not plus.dim
        assert minus.dim
        assert not minus.underline
        assert plus.bgcolor == minus.bgcolor

    view = TokenView(PIECES)
    play(view, colored)
    view = TokenView(PIECES)
    play(view, plain, colors=False)


def test_a_move_draws_two_rows_and_a_recolour_only_the_changed_ones() -> None:
    view = TokenView([f" word{i:04}" for i in range(2000)])

    async def scenario(app: Host) -> None:
        view.set_scores([0.0] * 2000, scale=1.0)
        await app.pilot.pause()
        layout = view._layout
        before = view.painted_rows
        await app.pilot.press("l")
        await app.pilot.pause()
        assert view.painted_rows == before + 1
        await app.pilot.press("j")
        await app.pilot.pause()
        assert view.painted_rows == before + 3
        scores = [0.0] * 2000
        scores[0] = 1.0
        view.set_scores(scores, scale=1.0)
        await app.pilot.pause()
        assert view.painted_rows == before + 4
        assert view._layout is layout

    play(view, scenario, size=(80, 24))


def test_scores_must_be_one_per_token() -> None:
    async def scenario(_app: Host) -> None:
        with pytest.raises(ValueError, match="2 scores for 11 tokens"):
            view.set_scores([0.1, 0.2], scale=1.0)

    view = TokenView(PIECES)
    play(view, scenario)


def test_the_score_under_the_cursor_is_told_after_a_recolour() -> None:
    async def scenario(app: Host) -> None:
        await app.pilot.press("l")
        view.set_scores([i / 10 for i in range(len(PIECES))], scale=1.0)
        await app.pilot.pause()
        moved = app.last(TokenView.CursorMoved)
        assert isinstance(moved, TokenView.CursorMoved)
        assert (moved.index, moved.score) == (1, pytest.approx(0.1))

    view = TokenView(PIECES)
    play(view, scenario)


def test_untrusted_tokens_are_symbols_and_every_line_has_the_screen_width() -> None:
    nasty = [
        "\x1b[2J",
        "\x1b]52;c;aGk=\x07",
        "[b]x[/b]",
        "\u202eabc",
        "a\u200bb",
        "日本",
        "e\u0301",
    ]
    view = TokenView(nasty * 8)

    async def scenario(_app: Host) -> None:
        text = "\n".join(lines(view))
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "␛[2J" in text
        assert "[b]x[/b]" in text
        for y in range(view.size.height):
            assert view.render_line(y).cell_length == view.size.width

    play(view, scenario, size=(23, 20))


def test_a_new_width_wraps_anew_and_keeps_the_cursor_on_screen() -> None:
    view = TokenView([f" w{i}" for i in range(400)])

    async def scenario(app: Host) -> None:
        await app.pilot.press("G")
        await app.pilot.resize_terminal(30, 8)
        await app.pilot.pause()
        assert view.cursor == 399
        assert any("w399" in line for line in lines(view))

    play(view, scenario, size=(80, 24))


def test_streamed_tokens_keep_the_cursor_and_a_stale_text_is_dim() -> None:
    async def scenario(app: Host) -> None:
        await app.pilot.press("l")
        view.append_tokens([" more"])
        await app.pilot.pause()
        assert view.cursor == 1
        assert "·more" in "\n".join(lines(view))
        bright = segments(view, 0)[0].style
        view.set_stale(True)
        await app.pilot.pause()
        assert segments(view, 0)[0].style != bright

    view = TokenView(PIECES)
    play(view, scenario)


def test_an_empty_view_takes_every_key() -> None:
    async def scenario(app: Host) -> None:
        await app.pilot.press("l", "j", "w", "b", "v", "y", "G", "g", "home", "end")
        assert lines(view)[0] == ""

    view = TokenView()
    play(view, scenario)


def test_a_click_puts_the_cursor_on_the_token_under_it() -> None:
    async def scenario(app: Host) -> None:
        await app.pilot.click(TokenView, offset=(9, 0))
        assert view.cursor == 2

    view = TokenView(PIECES)
    play(view, scenario)
