"""Text is measured as it is drawn, and nothing dangerous or hidden gets through."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from emotui.sanitize import is_hidden
from emotui.widgets.cells import drawn, fit, glyphs, signed


@given(st.text(max_size=40), st.integers(0, 30))
def test_a_fitted_text_has_exactly_the_width_and_nothing_hidden(text: str, width: int) -> None:
    shown = fit(text, width)
    assert cell_len(shown) == width
    assert not any(is_hidden(c) for c in shown)


@given(st.text(max_size=40))
def test_glyph_widths_are_those_of_the_drawn_text(text: str) -> None:
    shown, cells = drawn(text)
    assert cell_len(shown) == cells == sum(w for _, w in glyphs(text))


def test_a_long_text_is_cut_with_an_ellipsis_and_a_short_one_filled() -> None:
    assert fit("abcdef", 4) == "abc…"
    assert fit("日本語", 4) == "日… "
    assert fit("ab", 4, align="right") == "  ab"
    assert fit("a  b", 6) == "a  b  "


def test_marks_need_a_base_and_a_pile_of_them_is_counted() -> None:
    assert glyphs("e\u0301") == (("e\u0301", 1),)
    assert glyphs("\u0301")[0] == ("◌\u0301", 1)
    shown, _ = drawn("e" + "\u0301" * 30)
    assert shown.count("\u0301") == 4
    assert "⟨+26 marks⟩" in shown


def test_variation_selectors_do_not_change_the_width() -> None:
    assert drawn("❤\ufe0f") == drawn("❤")
    assert "FE0F" in drawn("\ufe0f")[0]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.123, "+.12"), (-0.31, "−.31"), (0.001, "0"), (-2.5, "−2.50"), (math.nan, "–")],
)
def test_numbers_carry_their_sign(value: float, shown: str) -> None:
    assert signed(value) == shown


def test_infinite_numbers_are_shown_as_such() -> None:
    assert (signed(math.inf), signed(-math.inf)) == ("+∞", "−∞")
