"""Gives a terminal back as it was, when the process must end before the screen has closed itself.

`reset = screen_reset()` remembers the terminal's settings; `reset()` leaves the alternate screen,
the mouse and the keyboard protocols. A terminal that takes no bytes is given up after a moment.
"""

import contextlib
import os
import termios
import threading
from collections.abc import Callable

SEQUENCES = (
    "\x1b[<u"  # the keyboard protocol
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"  # the mouse
    "\x1b[?1004l\x1b[?2004l\x1b[?2026l"  # focus, pasting, synchronised output
    "\x1b[?1049l\x1b[?25h\x1b[0m"  # the alternate screen, the cursor, colours
)
WAIT_S = 0.5


def screen_reset() -> Callable[[], None]:
    """To be called before the screen is taken over; without a terminal the result does nothing."""
    try:
        terminal = os.open("/dev/tty", os.O_WRONLY | os.O_NOCTTY)
        settings = termios.tcgetattr(terminal)
    except (OSError, termios.error):
        return lambda: None

    def write() -> None:
        with contextlib.suppress(OSError, termios.error):
            termios.tcsetattr(terminal, termios.TCSANOW, settings)
            os.write(terminal, SEQUENCES.encode())

    def reset() -> None:
        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        writer.join(WAIT_S)

    return reset
