"""Starts the workbench in this terminal: guards, signals, then the application.

In: settings. Out: an exit code. Stray output must lead into the log before anything can write to
the screen.
"""

import os
import sys
import time
from pathlib import Path

from emotui.config import Settings, load_settings
from emotui.errors import UserError
from emotui.farewell import saved_on_signals
from emotui.garbage import take_over
from emotui.guard import stray_output_to
from emotui.intab import in_tab, leave_with_parent
from emotui.sanitize import one_line
from store.errors import StoreError
from store.layout import Home

SWITCH_S = 0.0005
"""Seconds after which a thread that computes must let go of the interpreter for one that waits."""


def run_workbench(settings: Settings, *, demo: bool = False) -> int:
    """Runs until the user leaves; returns the exit code. `demo` prepares the demo if it is not."""
    quiet_libraries()
    take_over()
    home = Home(settings.home).ensure()
    from emotui.app import Workbench, log_path

    first = is_first_start(home) or (demo and not has_demo(home))
    # The screen's thread takes the interpreter's lock a dozen times per key; while the engine works
    # in Python, each time costs up to this long (5 ms by default).
    sys.setswitchinterval(SWITCH_S)
    with stray_output_to(log_path(home)):
        app = Workbench(settings, home, first_start=first)

        def leave(code: int) -> None:
            app.call_later(app.exit, code, code)

        with saved_on_signals(app.close_down, leave) as told:
            if in_tab():
                leave_with_parent()
            result = app.run()
        if app.lanes is not None:
            app.close_down()
    if told.code is not None:
        return told.code  # what went wrong with a screen that is gone is no bug
    if app.crash is not None:
        from emotui.terminal import remark

        remark(
            f"emotui: a bug stopped the workbench ({one_line(str(app.crash))[:200]}); the session "
            f"is saved, the traceback is in {write_traceback(app.folder / 'errors', app.crash)}"
        )
    return app.return_code or result or 0


def write_traceback(folder: Path, error: BaseException) -> Path:
    """Keeps the traceback of a crash; returns its file."""
    import traceback

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"crash-{time.strftime('%Y%m%d-%H%M%S')}.txt"
    path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    return path


def start() -> int:
    """The workbench with the settings of files and environment; a mistake in them is one line."""
    try:
        return run_workbench(load_settings())
    except (UserError, StoreError) as error:
        from emotui.terminal import remark

        remark(f"emotui: {one_line(str(error))}")
        return 2


def is_first_start(home: Home) -> bool:
    """Nothing has been imported and no session was saved."""
    return not (home.root / "workbench").is_dir() and not any(home.datasets.iterdir())


def has_demo(home: Home) -> bool:
    """The demo's stories were imported before."""
    from emotui.jobs.demo import STORIES

    return (home.datasets / STORIES).is_dir()


def quiet_libraries() -> None:
    """Bars and animation off, before the libraries that draw them are imported."""
    for name, value in (
        ("TEXTUAL_ANIMATIONS", "none"),
        # A frame that just missed one waits for the next: 8 to 17 ms instead of 17 to 33.
        ("TEXTUAL_FPS", "120"),
        ("HF_HUB_DISABLE_PROGRESS_BARS", "1"),
        ("TQDM_DISABLE", "1"),
        ("TOKENIZERS_PARALLELISM", "false"),
        ("TRANSFORMERS_VERBOSITY", "error"),
    ):
        os.environ.setdefault(name, value)


def can_run() -> bool:
    """Whether there is a terminal, or a browser tab, to draw on and to read keys from."""
    if in_tab():
        return True
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
