"""Where tokens stand: every token is somewhere, in order, and no row is too wide."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from emotui.widgets.token_layout import TokenLayout, token_glyphs

PIECES = st.lists(st.text(alphabet=" ab\n\t日\u0301\x1b\u202e", max_size=6), max_size=30)


@given(PIECES, st.integers(2, 20))
def test_every_token_is_placed_in_order_within_the_width(pieces: list[str], width: int) -> None:
    layout = TokenLayout(pieces, width)
    runs = [run for row in layout.rows for run in row]
    order = [run.token for run in runs]
    assert order == sorted(order)
    assert sorted(set(order)) == list(range(len(pieces)))
    for row in layout.rows:
        assert sum(run.width for run in row) <= width
        assert all(a.x + a.width == b.x for a, b in itertools.pairwise(row))
    text = "".join(run.text for run in runs)
    assert text == "".join(g for piece in pieces for g, _ in token_glyphs(piece))
    for token in range(len(pieces)):
        rows = [i for i, row in enumerate(layout.rows) if any(r.token == token for r in row)]
        assert (layout.first_row[token], layout.last_row[token]) == (rows[0], rows[-1])
        assert layout.token_at(layout.x_of(token), layout.row_of(token)) == token


def texts(layout: TokenLayout) -> list[str]:
    """The rows as text."""
    return ["".join(run.text for run in row) for row in layout.rows]


def test_a_text_to_read_has_no_space_where_it_wrapped() -> None:
    pieces = ["The", " gar", "den", " is", " ", "old", ".", "\n", " In", "dented"]
    assert texts(TokenLayout(pieces, 10)) == ["The·garden", "·is·old.⏎", "·Indented"]
    assert texts(TokenLayout(pieces, 10, blanks=" ")) == ["The garden", "is old.⏎", " Indented"]
    # The space may be a token of its own: it ends the row above, and keeps its place as a token.
    hung = TokenLayout(pieces, 6, blanks=" ")
    assert texts(hung) == ["The", "garden", "is ", "old.⏎", " Inden", "ted"]
    assert (hung.first_row[4], hung.first_row[5]) == (2, 3)


@given(PIECES, st.integers(2, 20))
def test_every_token_of_a_text_to_read_is_placed_too(pieces: list[str], width: int) -> None:
    layout = TokenLayout(pieces, width, blanks=" ")
    assert len(layout.first_row) == len(layout.last_row) == len(pieces)
    for row in layout.rows:
        assert sum(run.width for run in row) <= width
        assert all(a.x + a.width == b.x for a, b in itertools.pairwise(row))
    drawn = "".join(run.text for row in layout.rows for run in row)
    whole = "".join(g for piece in pieces for g, _ in token_glyphs(piece, " "))
    assert drawn.replace(" ", "") == whole.replace(" ", "")
    for token in range(len(pieces)):
        rows = [i for i, row in enumerate(layout.rows) if any(r.token == token for r in row)]
        assert (layout.first_row[token], layout.last_row[token]) == (rows[0], rows[-1])


def test_words_are_kept_whole_and_blanks_and_line_ends_are_visible() -> None:
    layout = TokenLayout(["The", " gar", "den", ".", "\n", "Next"], 8)
    assert ["".join(r.text for r in row) for row in layout.rows] == ["The", "·garden.", "⏎", "Next"]
    assert TokenLayout(["a", "\t", "b"], 9).rows[0][1].text == "⇥"


def test_a_word_longer_than_the_row_is_cut() -> None:
    layout = TokenLayout(["abcdefgh"], 3)
    assert ["".join(r.text for r in row) for row in layout.rows] == ["abc", "def", "gh"]
    assert (layout.first_row, layout.last_row) == ([0], [2])


def test_a_token_without_text_is_still_there() -> None:
    assert [g for g, _ in token_glyphs("")] == ["▯"]


def test_words_are_walked_by_their_first_tokens() -> None:
    layout = TokenLayout(["The", " gar", "den", " gate"], 40)
    assert [layout.next_word(t) for t in range(4)] == [1, 3, 3, 3]
    assert [layout.previous_word(t) for t in range(4)] == [0, 0, 1, 1]


def test_touched_rows_end_after_the_last_token_asked_for() -> None:
    layout = TokenLayout(["ab", "cd", "\n", "ef"], 20)
    assert layout.touched([0]) == {0: 2}
    assert layout.touched([0, 3]) == {0: 2, 1: 2}


@given(st.lists(PIECES, max_size=6), st.integers(2, 20), st.sampled_from(["·", " "]))
def test_tokens_that_come_later_stand_where_they_would_have_stood(
    parts: list[list[str]], width: int, blanks: str
) -> None:
    grown, pieces = TokenLayout([], width, blanks=blanks), list[str]()
    for part in parts:
        before = [list(row) for row in grown.rows]
        changed = grown.extend(part)
        pieces += part
        whole = TokenLayout(pieces, width, blanks=blanks)
        assert grown.rows == whole.rows
        assert (grown.first_row, grown.last_row) == (whole.first_row, whole.last_row)
        assert grown.starts_word == whole.starts_word
        assert grown.rows[:changed] == before[:changed]
