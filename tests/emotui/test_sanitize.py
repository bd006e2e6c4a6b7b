import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from emotui.sanitize import one_line, shorten, visible

DANGEROUS = "\x1b[31m\x00\x07\x08\r\x7f\x9b2J\u202e\u2066\u200b\u200d\u2028\ufeff\U000e0041"


def test_plain_text_of_any_script_passes_unchanged():
    text = "Zoë said: naïve — 你好, мир, مرحبا, 👍!"
    assert visible(text) == text


def test_every_dangerous_character_becomes_a_symbol():
    shown = visible(DANGEROUS)
    assert not any(c in shown for c in DANGEROUS if c not in "[31m2J")
    assert shown.startswith("␛[31m␀␇␈␍␡⟨U+009B⟩2J⟨U+202E⟩")


def test_newlines_are_kept_only_where_asked():
    assert visible("a\nb\tc") == "a␊b␉c"
    assert visible("a\r\nb\tc", newlines=True) == "a\nb   c"
    assert one_line(" a\n b\x1b ") == "a b␛"


def test_lone_surrogates_can_be_printed_afterwards():
    visible("a\ud800b").encode("utf-8")


@given(st.text())
def test_nothing_invisible_survives_and_the_result_is_stable(text: str):
    shown = visible(text)
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in shown)
    assert visible(shown) == shown


def test_no_character_of_unicode_that_controls_is_passed():
    for code in range(sys.maxunicode + 1):
        c = chr(code)
        if unicodedata.category(c) in ("Cc", "Cf"):
            assert visible(c) != c


def test_shorten_counts_cells_not_characters():
    assert shorten("日本語テキスト", 7) == "日本語…"
    assert shorten("short", 7) == "short"
