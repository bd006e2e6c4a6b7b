"""When the workbench looks for garbage: not while it starts, and not while somebody types.

A full collection walks through every object there is and holds up the screen meanwhile: 100 ms
after a dataset was opened, 350 ms with torch and transformers loaded. What libraries hold when they
have been loaded is never garbage and is left out from then on; full collections wait for a moment
without a key, but not for long: every line Textual draws ends up in a cache of its own (a cycle of
some 30 objects), which only a full collection takes apart, and a busy screen draws 130 a second.
Then freed memory goes back to the system as well, and glibc is held to few arenas: jobs
begin threads of their own, and each of those would get one that is never given back.
Does nothing in a process that is not the workbench's own (a test, a notebook). Knows no widget.
"""

import gc
import sys
import time

COLLECT_AT = (700, 10, 1000)
"""Thresholds of the collector: the third makes full collections by themselves very rare."""

LOOK_EVERY = 1.0
"""Seconds between two calls of `now_and_then`."""
EVERY, STILL, LATEST = 10.0, 0.3, 60.0
"""Seconds between full collections, without a key before one, and until one comes all the same."""

CACHES = (
    ("rich.segment", "Segment", "_split_cells"),
    ("textual.strip", "Strip", "render_ansi"),
    ("textual._styles_cache", "StylesCache", "get_inner_outer"),
)
"""Module, class, method: inner parts of libraries, which another version may not have."""

ARENAS = 2
_M_ARENA_MAX = -8  # of mallopt(3)

_ours = False
_last = 0.0
"""When everything was collected last, on the monotonic clock."""


def take_over() -> None:
    """This process is the workbench's; until the first frame nothing is collected."""
    global _ours  # the process's, as the collector is
    _ours = True
    gc.disable()


def first_frame_is_drawn() -> None:
    """From now on young garbage is collected as ever."""
    global _last
    if _ours:
        _last = time.monotonic()
        gc.freeze()
        gc.set_threshold(*COLLECT_AT)
        gc.enable()
        _libc("mallopt", _M_ARENA_MAX, ARENAS)


def libraries_are_loaded() -> None:
    """Leave out all there is now. What is thrown away later of it stays: call it a few times."""
    if _ours:
        gc.collect()
        gc.freeze()


def now_and_then(still: float) -> None:
    """Collect everything when it is time, and no key has come for so many seconds.

    Takes 10 to 50 ms, up to 150 beside other work.
    """
    global _last
    waited = time.monotonic() - _last
    if not _ours or waited < EVERY or (still < STILL and waited < LATEST):
        return
    _empty_caches()
    gc.collect()
    _libc("malloc_trim", 0)
    _last = time.monotonic()


def _empty_caches() -> None:
    """Caches of the drawing libraries, which would fill for an hour; a screen refills its part."""
    for module, kind, name in CACHES:
        drawing = getattr(sys.modules.get(module), kind, None)
        empty = getattr(getattr(drawing, name, None), "cache_clear", None)
        if empty is not None:
            empty()


def _libc(function: str, *numbers: int) -> None:
    """Call a function of the C library where it has it."""
    import ctypes  # not for the first frame

    found = getattr(ctypes.CDLL(None), function, None)
    if found is not None:
        found(*numbers)
