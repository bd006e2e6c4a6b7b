"""The toy model, built once."""

import pytest

from tests.vectors.audits.toy import Toy, make_toy


@pytest.fixture(scope="session")
def toy() -> Toy:
    """A tiny model with known causal directions."""
    return make_toy()
