"""When the workbench looks for garbage: not while it starts, and not while somebody types.

A full collection walks through every object there is and holds up the screen meanwhile: 100 ms
after a dataset was opened, 350 ms with torch and transformers loaded. What libraries hold when they
have been loaded is never garbage and is left out from then on; full collections wait for a pause.
Then freed memory goes back to the system as well, and glibc is held to few arenas: jobs
begin threads of their own, and each of those would get one that is never given back.
Does nothing in a process that is not the workbench's own (a test, a notebook). Knows no widget.
"""

import gc

COLLECT_AT = (700, 10, 1000)
"""Thresholds of the collector: the third makes full collections by themselves very rare."""

ARENAS = 2
_M_ARENA_MAX = -8  # of mallopt(3)

_ours = False


def take_over() -> None:
    """This process is the workbench's; until the first frame nothing is collected."""
    global _ours  # the collector, too, is the process's
    _ours = True
    gc.disable()


def first_frame_is_drawn() -> None:
    """From now on young garbage is collected as ever."""
    if _ours:
        gc.freeze()
        gc.set_threshold(*COLLECT_AT)
        gc.enable()
        _libc("mallopt", _M_ARENA_MAX, ARENAS)


def libraries_are_loaded() -> None:
    """Leave out all there is now. Garbage of this moment is kept: call it a few times, no more."""
    if _ours:
        gc.freeze()


def nobody_types() -> None:
    """Collect everything: 10 to 50 ms."""
    if _ours:
        gc.collect()
        _libc("malloc_trim", 0)


def _libc(function: str, *numbers: int) -> None:
    """Call a function of the C library where it has it."""
    import ctypes  # not for the first frame

    found = getattr(ctypes.CDLL(None), function, None)
    if found is not None:
        found(*numbers)
