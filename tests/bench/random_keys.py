"""Presses random keys: `python -m tests.bench.random_keys HOME --seed 3 --minutes 4`.

A copy of the data directory HOME is opened in the workbench, without a terminal, and gets keys of
every kind at every pace while its size changes. The first exception ends it: the keys before it and
the traceback are printed, exit 1. The same seed draws the same keys, but not the same moments.
"""

import argparse
import asyncio
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import deque
from pathlib import Path

from emotui.app import Workbench
from emotui.config import load_settings
from emotui.keymap import key_name
from emotui.screens.failure import Failure
from store.layout import Home

LETTERS = "abcdefghijklmnoprstuvwxyzABCDEFGHIJKLMNOPRSTUVWXYZ0123456789[]()/?.-+ "
"""All but q and Q."""
OTHERS: tuple[str, ...] = (
    *("enter", "escape", "ctrl+j") * 3,
    *("tab", "up", "down", "left", "right", *"1234567") * 2,
    *("shift+tab", "pageup", "pagedown", "home", "end", "shift+left", "shift+right", "backspace"),
    *("ctrl+o", "ctrl+p", "ctrl+u", "ctrl+d"),
)
SIZES = ((80, 24), (100, 30), (120, 40), (200, 60), (60, 20))
PAUSES_S = (0.0, 0.0, 0.01, 0.05, 0.3)
SHOWN = 30
"""Keys that are printed before a failure."""


def drawn(rng: random.Random) -> str:
    """The next key."""
    if rng.random() < 0.45:
        return rng.choice(OTHERS)
    return str(key_name(rng.choice(LETTERS)))


async def press(home: Path, *, seed: int, seconds: float) -> tuple[int, list[str]]:
    """Keys pressed, and what is wrong: the last keys and the traceback; [] for nothing."""
    rng = random.Random(seed)
    settings = load_settings({"home": str(home)}, env={})
    app = Workbench(settings, Home(home).ensure(), first_start=False)
    last: deque[str] = deque(maxlen=SHOWN)
    wrong: list[str] = []
    keys = 0
    ends = time.monotonic() + seconds
    try:
        async with app.run_test(size=rng.choice(SIZES)) as pilot:
            while time.monotonic() < ends and app._exception is None:
                key = drawn(rng)
                last.append(f"{app.current} {type(app.screen).__name__} {key}")
                app.simulate_key(key)
                keys += 1
                await asyncio.sleep(rng.choice(PAUSES_S))
                if keys % 60 == 0:
                    await pilot.resize_terminal(*rng.choice(SIZES))
                if isinstance(app.screen, Failure):
                    wrong.append("a job failed with a traceback; see the folder workbench/errors")
                    break
            wrong += [] if app._exception is None else ["an exception ended the workbench"]
            app.close_down(10)
    except Exception:  # noqa: BLE001 - it is printed, and ends the run
        wrong += traceback.format_exc().splitlines()
    return keys, [*last, *wrong] if wrong else []


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=4.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="random-keys-") as place:
        home = Path(shutil.copytree(given.home, Path(place) / "home"))
        (home / "workbench" / "session.json").unlink(missing_ok=True)
        # What is exported under a random name goes there too.
        os.chdir(place)
        keys, wrong = asyncio.run(press(home, seed=given.seed, seconds=given.minutes * 60))
        for file in (home / "workbench").rglob("*.txt"):
            if "errors" in file.parts:
                wrong += file.read_text(encoding="utf-8").splitlines()
    print("\n".join([*wrong, f"seed {given.seed}: {keys} keys, {'FAILED' if wrong else 'fine'}"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
