"""Starts the workbench in this terminal: guards, signals, then the application.

In: settings. Out: an exit code. The order matters: the resource tracker has to run before the
application (a process started inside it fails with `bad value(s) in fds_to_keep`), and stray output
must lead into the log before anything can write to the screen.
"""

import os
import time
import traceback
from multiprocessing import resource_tracker
from pathlib import Path

from emotui.config import Settings, load_settings
from emotui.errors import UserError
from emotui.farewell import saved_on_signals
from emotui.guard import stray_output_to
from emotui.intab import in_tab, leave_with_parent
from emotui.sanitize import one_line
from emotui.terminal import remark
from store.errors import StoreError
from store.layout import Home


def run_workbench(settings: Settings, *, demo: bool = False) -> int:
    """Runs until the user leaves; returns the exit code. `demo` prepares the demo if it is not."""
    quiet_libraries()
    home = Home(settings.home).ensure()
    from emotui.app import Workbench, log_path

    first = is_first_start(home) or (demo and not has_demo(home))
    with stray_output_to(log_path(home)):
        resource_tracker.ensure_running()
        app = Workbench(settings, home, first_start=first)

        def leave(code: int) -> None:
            app.call_later(app.exit, code, code)

        with saved_on_signals(app.close_down, leave):
            if in_tab():
                leave_with_parent()
            result = app.run()
        if app.lanes is not None:
            app.close_down()
    if app.crash is not None:
        remark(
            f"emotui: a bug stopped the workbench ({one_line(str(app.crash))[:200]}); the session "
            f"is saved, the traceback is in {write_traceback(app.folder / 'errors', app.crash)}"
        )
    return app.return_code or result or 0


def write_traceback(folder: Path, error: BaseException) -> Path:
    """Keeps the traceback of a crash; returns its file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"crash-{time.strftime('%Y%m%d-%H%M%S')}.txt"
    path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    return path


def start() -> int:
    """The workbench with the settings of files and environment; a mistake in them is one line."""
    try:
        return run_workbench(load_settings())
    except (UserError, StoreError) as error:
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
        ("HF_HUB_DISABLE_PROGRESS_BARS", "1"),
        ("TQDM_DISABLE", "1"),
        ("TOKENIZERS_PARALLELISM", "false"),
        ("TRANSFORMERS_VERBOSITY", "error"),
    ):
        os.environ.setdefault(name, value)


def can_run() -> bool:
    """Whether there is a terminal, or a browser tab, to draw on and to read keys from."""
    import sys

    if in_tab():
        return True
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
