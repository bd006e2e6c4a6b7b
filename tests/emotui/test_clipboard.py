"""Yanked text: the escape sequences, their wrapping, their limit, and always a file."""

import base64
import re
from pathlib import Path

from emotui.clipboard import LIMIT, copy, sequence

TEXT = "joy\x1b[31m ünï\n"


def _payload(escape: str) -> str:
    found = re.search(r"\x1b\]52;c;([A-Za-z0-9+/=]+)\x07", escape)
    assert found
    return base64.b64decode(found.group(1)).decode("utf-8")


def test_the_sequence_carries_the_text_and_nothing_of_it_in_the_clear() -> None:
    escape = sequence(TEXT, env={"TERM": "xterm-256color"})
    assert _payload(escape) == TEXT
    assert escape.count("\x1b") == 1


def test_tmux_gets_it_plain_and_wrapped_with_doubled_escapes() -> None:
    escape = sequence(TEXT, env={"TMUX": "/tmp/tmux-0/default,1,0", "TERM": "tmux-256color"})
    plain, wrapped = escape.split("\x1bPtmux;")
    assert _payload(plain) == TEXT
    assert wrapped.endswith("\x1b\\")
    assert wrapped.startswith("\x1b\x1b]52;c;")
    assert _payload(wrapped.replace("\x1b\x1b", "\x1b")) == TEXT


def test_screen_gets_it_in_short_pieces() -> None:
    escape = sequence("x" * 3000, env={"TERM": "screen-256color"})
    pieces = re.findall(r"\x1bP(.*?)\x1b\\", escape, flags=re.S)
    assert len(pieces) > 1
    assert all(len(piece) <= 768 for piece in pieces)
    assert _payload("".join(pieces)) == "x" * 3000


def test_a_long_text_goes_to_the_file_only(tmp_path: Path) -> None:
    sent: list[str] = []
    long = "a" * LIMIT
    copied = copy(long, write=sent.append, folder=tmp_path, env={})
    assert sent == []
    assert not copied.sent
    assert copied.path.read_text(encoding="utf-8") == long
    assert "too long" in copied.line


def test_every_copy_is_a_file_of_its_own(tmp_path: Path) -> None:
    sent: list[str] = []
    first = copy("one", write=sent.append, folder=tmp_path / "new", env={})
    second = copy("two", write=sent.append, folder=tmp_path / "new", env={})
    assert (first.path.read_text(), second.path.read_text()) == ("one", "two")
    assert len(sent) == 2
    assert str(second.path) in second.line


def test_broken_surrogates_do_not_stop_a_copy(tmp_path: Path) -> None:
    copied = copy("a\ud800b", write=lambda _: None, folder=tmp_path, env={})
    assert copied.path.read_bytes() == b"a?b"
