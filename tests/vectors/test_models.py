"""Loading and the parts of every family."""

from vectors.models import LanguageModel


def test_every_check_of_the_self_check_holds(family_model: LanguageModel) -> None:
    assert [c for c in family_model.info.checks if not c.ok] == []
