"""The public surface: free to import, every name of it real, unknown names refused."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

import vectors


def test_importing_vectors_loads_no_torch() -> None:
    code = (
        "import sys, vectors; heavy = {'torch', 'transformers', 'numpy'} & set(sys.modules); "
        "assert not heavy, heavy; assert 'load_model' in dir(vectors)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    "home", [home for home in vectors._HOMES if find_spec(f"vectors.{home}") is not None]
)
def test_every_public_name_is_there(home: str) -> None:
    for name in vectors._HOMES[home]:
        assert getattr(vectors, name) is not None
        assert name in vectors.__all__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'frobnicate'"):
        vectors.__getattr__("frobnicate")
