"""The shell: every global key, the rows around the panes, sizes, session, palette."""

import shutil
from pathlib import Path

import pytest
from textual.theme import Theme
from textual.widgets import Static

from emotui.actions import FOOTER_ENTRIES, PANES, footer
from emotui.config import load_settings
from emotui.panes.data import DataPane
from emotui.screens.asking import Confirm
from emotui.screens.help import Help
from emotui.screens.jump import Jump
from emotui.session import Session, load_session, save_session
from emotui.themes import THEMES
from emotui.widgets.frame_rows import FooterRow, HeaderRow
from emotui.widgets.table import VirtualTable
from tests.emotui.app.stage import Gate, Stage, play


def submit(stage: Stage, gate: Gate, title: str = "long work", subject: str = "") -> int:
    return stage.pane.submit(gate.factory(), title, subject=subject)


def test_digits_go_to_panes_and_the_tab_is_in_capitals(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        for key, name in (("7", "jobs"), ("6", "audit"), ("2", "probes"), ("1", "data")):
            await stage.press(key)
            assert stage.app.current == name
            assert f"{key} {name.upper()}" in stage.lines[1]

    play(tmp_path, scenario, size=(80, 24))


def test_remarks_end_with_the_pane_they_were_about(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        stage.pane.toast("a remark", severity="information")
        stage.pane.toast("a warning", severity="warning")
        await stage.until(lambda: "a warning" in stage.toasts, "both")
        assert "a remark" in stage.toasts
        await stage.press("7")
        assert stage.toasts == "a warning"
        stage.pane.toast("said on the way", severity="information")
        stage.app.go_to("data")
        await stage.until(lambda: stage.app.current == "data", "the pane")
        assert "said on the way" in stage.toasts, "nobody pressed a key"

    play(tmp_path, scenario)


@pytest.mark.parametrize("pane", PANES)
def test_footers_have_seven_entries_at_most_and_fit_80_columns(pane: str) -> None:
    entries = footer(pane)
    assert len(entries) <= FOOTER_ENTRIES
    assert sum(len(f" {key} {word} ") for key, word in entries) <= 80
    assert {"help", "quit"} <= {word for _, word in entries}


def test_tab_moves_the_focus_and_back(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        first = stage.app.focused
        await stage.press("tab")
        assert stage.app.focused is not first
        await stage.press("shift+tab")
        assert stage.app.focused is first

    play(tmp_path, scenario)


def test_jump_puts_a_letter_on_every_part_and_goes_there(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.press("ctrl+o")
        assert isinstance(stage.app.screen, Jump)
        assert "[ a ]" in stage.text
        assert "[ s ]" in stage.text
        await stage.press("s")
        assert stage.app.focused is stage.pane.query_one("#rows")
        await stage.press("ctrl+o", "1")
        assert not isinstance(stage.app.screen, Jump)
        assert stage.app.focused is stage.pane.query_one("#rows")

    play(tmp_path, scenario)


def test_z_gives_one_part_the_whole_screen_and_back(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        table = stage.pane.query_one("#datasets")
        before = table.size
        await stage.press("z")
        assert table.size.width > before.width
        assert table.size.height == 40 - 3
        assert "emotui" in stage.lines[0]
        assert "idle" in stage.lines[-2]
        assert "^p commands" in stage.lines[-1]
        await stage.press("z")
        assert table.size == before

    play(tmp_path, scenario)


@pytest.mark.parametrize("key", ["question_mark", "f1"])
def test_help_names_the_keys_of_the_pane(tmp_path: Path, key: str) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.press(key)
        assert isinstance(stage.app.screen, Help)
        assert "Cancel the job under the cursor" in stage.text
        await stage.press("escape")
        assert not isinstance(stage.app.screen, Help)

    play(tmp_path, scenario, pane="jobs")


def test_the_palette_runs_a_command_of_another_pane(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.press("ctrl+p")
        await stage.type("probes metric")
        await stage.until(lambda: "probes: metric" in stage.text, "the hit")
        await stage.press("enter")
        await stage.until(lambda: stage.app.current == "probes", "the pane")
        await stage.until(lambda: stage.pane._metric == "auroc", "the action")  # type: ignore[attr-defined]

    play(tmp_path, scenario)


def test_themes_go_round_and_are_remembered(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        seen = [stage.app.theme]
        for _ in range(3):
            await stage.app.run_action("next_theme")
            seen.append(stage.app.theme)
        assert len(set(seen)) == 3
        assert seen[0] == seen[3]
        await stage.app.run_action("next_theme")

    app = play(tmp_path, scenario)
    assert load_session(app.folder / "session.json").session.theme == "emotui-light"


def test_a_small_terminal_gets_a_line_and_keeps_its_place(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        focused = stage.app.focused
        await stage.pilot.resize_terminal(60, 15)
        await stage.pilot.pause()
        assert "emotui needs 80x24; this is 60x15" in stage.text
        assert stage.app.query_one("#too-small", Static).display
        await stage.pilot.resize_terminal(80, 24)
        await stage.pilot.pause()
        assert "needs 80x24" not in stage.text
        assert stage.app.focused is focused
        assert stage.app.screen.has_class("-narrow")
        await stage.pilot.resize_terminal(200, 60)
        await stage.pilot.pause()
        assert stage.app.screen.has_class("-wide")

    play(tmp_path, scenario)


def test_header_says_what_is_worked_on_and_that_steering_is_on(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        from dataclasses import replace

        stage.app.choose(
            replace(stage.app.workspace, emotion="joyful", layer=3, alpha=-0.06, steering=True)
        )
        await stage.pilot.pause()
        header = stage.app.query_one("#header", HeaderRow).text
        for part in ("layer 3", "joyful", "α −.06", "STEERING ON"):
            assert part in header
            assert part in stage.lines[0]

    play(tmp_path, scenario, size=(80, 24))


def test_ctrl_c_cancels_the_job_and_only_a_second_press_quits(tmp_path: Path) -> None:
    gate = Gate()

    async def scenario(stage: Stage) -> None:
        job = submit(stage, gate)
        await stage.until(lambda: stage.app.jobs.jobs.get(job) is not None, "queued")
        await stage.until(lambda: stage.app.jobs.jobs[job].progress, "at work")
        await stage.press("ctrl+c")
        await stage.until(gate.closed.is_set, "stopped")
        assert stage.app.jobs.jobs[job].status == "cancelled"
        assert stage.app.is_running
        await stage.leave("ctrl+c")

    assert play(tmp_path, scenario).return_code == 0


def test_q_asks_while_a_job_runs(tmp_path: Path) -> None:
    gate = Gate()

    async def scenario(stage: Stage) -> None:
        submit(stage, gate)
        await stage.until(lambda: stage.app.jobs.running, "running")
        await stage.press("q")
        assert isinstance(stage.app.screen, Confirm)
        await stage.press("n")
        assert not isinstance(stage.app.screen, Confirm)
        assert not gate.closed.is_set()
        await stage.leave("q", "y")

    play(tmp_path, scenario)
    assert gate.closed.is_set()


def test_a_changed_key_is_used_and_a_wrong_one_is_said(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[keys]\n"app.help" = "f2"\n"no.such" = "k"\n')

    async def scenario(stage: Stage) -> None:
        assert "no.such" in stage.toasts
        assert "F2 help" in stage.app.query_one("#footer", FooterRow).text or "f2 help" in (
            stage.app.query_one("#footer", FooterRow).text
        )
        await stage.press("f2")
        assert isinstance(stage.app.screen, Help)

    play(tmp_path, scenario)


def test_keys_that_are_no_texts_are_refused(tmp_path: Path) -> None:
    from emotui.errors import ConfigError

    (tmp_path / "config.toml").write_text("keys = 3\n")
    with pytest.raises(ConfigError, match="keys"):
        load_settings({"home": str(tmp_path)}, env={})


def test_the_session_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "workbench"
    save_session(
        folder / "session.json", Session(pane="jobs", layer=2, alpha=0.1, model="demo", seed=7)
    )

    async def scenario(stage: Stage) -> None:
        assert stage.app.current == "jobs"
        assert (stage.app.workspace.layer, stage.app.workspace.alpha) == (2, 0.1)
        assert stage.app.workspace.model is not None
        await stage.press("6")

    play(tmp_path, scenario)
    again = load_session(folder / "session.json").session
    assert (again.pane, again.layer, again.seed) == ("audit", 2, 7)


def test_a_broken_session_is_kept_aside_and_said(tmp_path: Path) -> None:
    folder = tmp_path / "workbench"
    folder.mkdir()
    (folder / "session.json").write_text("{broken")

    async def scenario(stage: Stage) -> None:
        assert "could not be read" in stage.toasts

    play(tmp_path, scenario)
    assert list(folder.glob("session.unreadable-*"))


def test_an_unfinished_job_is_described_again_at_the_next_start(tmp_path: Path) -> None:
    gate = Gate()

    async def scenario(stage: Stage) -> None:
        stage.pane.submit(gate.factory(), "long", resume={"what": "nothing"})
        await stage.until(lambda: stage.app.jobs.running, "running")
        await stage.leave("q", "y")

    app = play(tmp_path, scenario)
    record = {"what": "nothing", "pane": "data"}
    assert load_session(app.folder / "session.json").session.resume == (record,)

    seen: list[dict[str, object]] = []

    def heard(pane: DataPane, record: dict[str, object]) -> None:
        assert pane.is_mounted
        seen.append(record)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DataPane, "resume_job", heard)

        async def again(stage: Stage) -> None:
            await stage.until(lambda: seen, "resumed")

        play(tmp_path, again)
    assert seen == [record]


def test_no_color_is_obeyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def scenario(stage: Stage) -> None:
        assert stage.app.no_color
        assert stage.app.ansi_color
        assert "1 DATA" in stage.lines[1]

    play(tmp_path, scenario)


def test_a_session_of_an_earlier_home_does_not_leak(tmp_path: Path) -> None:
    """Two homes, two sessions."""
    save_session(tmp_path / "a" / "workbench" / "session.json", Session(pane="jobs"))

    async def scenario(stage: Stage) -> None:
        assert stage.app.current == "data"
        assert isinstance(stage.pane.query_one("#datasets"), VirtualTable)

    (tmp_path / "b").mkdir()
    play(tmp_path / "b", scenario)
    shutil.rmtree(tmp_path / "b")


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_the_theme_of_the_last_session_colours_everything(tmp_path: Path, theme: Theme) -> None:
    folder = tmp_path / "workbench"
    folder.mkdir(parents=True)
    save_session(folder / "session.json", Session(pane="jobs", theme=theme.name, tour_done=True))

    async def scenario(stage: Stage) -> None:
        background = stage.app.query_one("#header").styles.background
        assert background.hex.casefold() == theme.panel

    play(tmp_path, scenario, pane="jobs")
