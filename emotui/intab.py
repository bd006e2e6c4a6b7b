"""What is different for a workbench whose screen is a browser tab: it has no terminal of its own.

In: the environment that textual-serve sets. Out: whether this process is in a tab, and an end when
the server that fed it is gone. Knows no widget.
"""

import os
import signal
import threading
import time

LOOK_EVERY = 1.0
"""Seconds between two looks at the parent."""


def in_tab() -> bool:
    """Whether Textual will talk to a server instead of a terminal."""
    return os.environ.get("TEXTUAL_DRIVER", "").endswith(":WebDriver")


def leave_with_parent(every: float = LOOK_EVERY) -> None:
    """Saves and ends (as on SIGHUP) when the server dies; nothing else would tell it."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(every)
        os.kill(os.getpid(), signal.SIGHUP)

    threading.Thread(target=watch, name="parent", daemon=True).start()
