"""The finished screens at three sizes look as they did when somebody last looked at them.

After a wanted change: `python -m tests.emotui.snapshots`, and look at the pictures.
"""

import asyncio
import os
import shutil
from pathlib import Path

import pytest
from rich.segment import Segment
from rich.style import Style

from tests.emotui.conftest import Prepared
from tests.emotui.snapshots.comparing import FOLDER, RENEW, difference, lines_of
from tests.emotui.snapshots.drawing import svg
from tests.emotui.snapshots.scenes import SCENES, SIZES, masked, rows


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("name", SCENES)
def test_a_screen_is_as_it_was_kept(
    name: str, size: tuple[int, int], pictured: Prepared, tmp_path: Path
) -> None:
    scene = SCENES[name]
    home = tmp_path / "home"
    if not scene.empty:
        shutil.copytree(pictured.home, home)
    run = "" if scene.empty else pictured.run
    now = svg(asyncio.run(rows(scene, size, home, run)), title=f"emotui: {name}")
    file = FOLDER / f"{name}-{size[0]}x{size[1]}.svg"
    if os.environ.get(RENEW) == "1":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(now, encoding="utf-8")
        return
    assert file.is_file(), f"not kept yet: python -m tests.emotui.snapshots {name}"
    found = difference(file.read_text(encoding="utf-8"), now)
    if found:
        seen = tmp_path / file.name
        seen.write_text(now, encoding="utf-8")
        pytest.fail(
            f"{file.name} is not what is drawn now ({seen}):\n{found}\n"
            f"if that is wanted: python -m tests.emotui.snapshots {name}",
            pytrace=False,
        )


def test_no_kept_picture_is_without_a_scene() -> None:
    wanted = {f"{name}-{w}x{h}.svg" for name in SCENES for w, h in SIZES}
    assert {path.name for path in FOLDER.iterdir()} <= wanted


DRAWN = Path(__file__).parents[3] / "docs" / "pictures"
PLAIN, BLUE = Style.parse("#e4e4e4 on #121212"), Style.parse("bold #ffffff on #0072b2")


def picture(*rows: list[tuple[str, Style]]) -> str:
    return svg([[Segment(text, style) for text, style in row] for row in rows])


def test_a_difference_is_told_by_row_and_kind() -> None:
    kept = picture([("one <b>", PLAIN)], [("two", PLAIN)], [("日本", PLAIN), ("  x", PLAIN)])
    assert difference(kept, kept) == ""
    other = picture([("one <i>", PLAIN)], [("two", BLUE)], [("日本", PLAIN), ("  x", PLAIN)])
    assert difference(kept, other).splitlines() == [
        "row  0 - one <b>",
        "       + one <i>",
        "row  1 looks different (same text): two",
    ]
    assert "3 rows were kept, now there are 1" in difference(kept, picture([("one", PLAIN)]))


def test_rows_read_back_as_they_were_written() -> None:
    row = [("a  b", PLAIN), ("    ", PLAIN), ("&<x>", BLUE), ("     end", PLAIN)]
    assert lines_of(picture(row))[0].text == "a  b    &<x>     end"


def test_blanks_at_the_ends_of_a_run_are_kept_by_browsers_too() -> None:
    drawn = picture([(" key ", BLUE), (" word ", PLAIN)])
    assert "<style>text{white-space:pre}</style>" in drawn
    for kept in (*FOLDER.iterdir(), *DRAWN.glob("*.svg")):
        assert "<style>text{white-space:pre}</style>" in kept.read_text(encoding="utf-8"), kept


def test_masks_keep_the_width_and_the_looks() -> None:
    row = [Segment("sha256:12ab")]
    assert masked(row) == row
    row = [Segment("run tiny-texts-0123456", PLAIN), Segment("789ab · cpu 2.0/16 GiB · 12 s", BLUE)]
    out = masked(row)
    assert "".join(s.text for s in out) == "run tiny-texts-░░░░░░░░░░░░ · cpu ░░░░░░░░░░ · ░░░░"
    assert [(len(s.text), s.style) for s in out] == [(len(s.text), s.style) for s in row]
