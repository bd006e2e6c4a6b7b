"""`python -m tests.emotui.snapshots [WORD]`: write the kept pictures anew (those WORD selects).

Look at the change (`git diff --stat`, and the pictures) before it is committed.
"""

import os
import sys
from pathlib import Path

import pytest

from tests.emotui.snapshots.comparing import RENEW

if __name__ == "__main__":
    os.environ[RENEW] = "1"
    words = ["-k", sys.argv[1]] if len(sys.argv) > 1 else []
    raise SystemExit(pytest.main(["-q", str(Path(__file__).parent), *words]))
