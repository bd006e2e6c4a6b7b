"""The import contract, seen from a running interpreter (a static graph misses deferred imports)."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("store", ("torch", "transformers", "transformer_lens", "sklearn", "textual", "rich")),
        ("vectors", ("textual", "rich", "zarr", "store", "emotui")),
    ],
)
def test_importing_a_package_pulls_in_nothing_forbidden(module: str, forbidden: tuple[str, ...]):
    code = f"import sys, {module}; print(*[m for m in {forbidden!r} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == []
