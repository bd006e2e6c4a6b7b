"""Sums of directions: the grammar, the arithmetic, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from tests.vectors.planted import recipe
from vectors.algebra import canonical, combine, parse
from vectors.directionset import DirectionSet
from vectors.errors import DirectionError
from vectors.imported import imported_directions

LABELS = ("joyful", "sad", "calm", "at ease", "at", "grief-stricken", "grief")


def _set(labels: tuple[str, ...] = LABELS, **changes: object) -> DirectionSet:
    values = np.random.default_rng(sum(map(ord, "".join(labels)))).normal(size=(len(labels), 2, 16))
    made = imported_directions(
        values, labels, [3, 5], recipe=recipe(), residual_norm=np.array([2.0, 4.0])
    )
    return replace(made, recipe=recipe(**changes))


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("joyful", {"joyful": 1}),
        ("joyful - sad + 0.5*calm", {"joyful": 1, "sad": -1, "calm": 0.5}),
        ("-sad", {"sad": -1}),
        ("2 * (joyful - 0.25*sad) - joyful", {"joyful": 1, "sad": -0.5}),
        ("at ease-at", {"at ease": 1, "at": -1}),
        ("grief-stricken - grief", {"grief-stricken": 1, "grief": -1}),
        ('"grief" - calm*.5', {"grief": 1, "calm": -0.5}),
        ("joyful - joyful + sad", {"sad": 1}),
        ("1e-1*sad", {"sad": 0.1}),
    ],
)
def test_expressions_mean_what_they_say(text: str, terms: dict[str, float]) -> None:
    assert parse(text, LABELS) == pytest.approx(terms)
    assert parse(canonical(parse(text, LABELS)), LABELS) == pytest.approx(terms)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("joyfull - sad", "did you mean 'joyful'"),
        ("joyful - ", "expected a label, found nothing more"),
        ("joyful sad", r"character 7: expected an operator"),
        ("(joyful", "closing"),
        ("2 joyful", r"expected \* after a number"),
        ("joyful * sad", r"a number after \*"),
        ("", "expected a label"),
        ("joyful - joyful", "names no direction"),
        ('"joy"', "known label in quotes"),
    ],
)
def test_bad_expressions_say_where_and_what(text: str, message: str) -> None:
    with pytest.raises(DirectionError, match=message):
        parse(text, LABELS)


def test_the_sum_is_of_unit_directions_at_each_layer() -> None:
    held = _set()
    made = combine("joyful - 0.5*sad", held)
    expected = held.unit[0] - 0.5 * held.unit[1]
    assert np.allclose(made.raw[0], expected, atol=1e-6)
    assert np.allclose(np.linalg.norm(made.unit, axis=-1), 1)
    assert made.labels == ("joyful - 0.5*sad",)
    assert made.recipe.kind == "algebra"
    assert list(made.residual_norm) == [2, 4]
    assert np.allclose(combine("sad", held).unit[0], held.unit[1], atol=1e-6)


def test_several_sets_and_a_label_that_two_of_them_have() -> None:
    first, second = _set(("joyful", "sad")), _set(("sad", "calm", "tense"))
    assert combine("joyful + calm", [first, second]).n[0] == 0
    named = {"a": first, "b": second}
    assert np.allclose(combine("b:sad", named).unit[0], second.unit[0], atol=1e-6)
    with pytest.raises(DirectionError, match="expected a label"):
        combine("sad", [first, second])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "other"}, "model: 'planted' against 'other'"),
        ({"revision": "r2"}, "revision: 'r1' against 'r2'"),
        ({"dtype": "bfloat16"}, "dtype: 'float32' against 'bfloat16'"),
        ({"quantisation": "int8"}, "quantisation: 'none' against 'int8'"),
        ({"hook_point": "blocks.{l}.hook_mlp_out"}, "hook_point: .* against"),
        ({"normalisation": "raw"}, "normalisation: 'unit norm .* against 'raw'"),
    ],
)
def test_mismatches_are_refused_naming_both(changes: dict[str, object], message: str) -> None:
    first, second = _set(("joyful", "sad")), _set(("calm", "tense"), **changes)
    with pytest.raises(DirectionError, match=message):
        combine("joyful - calm", [first, second])
    # A set that the expression does not use does not matter.
    assert combine("joyful - sad", [first, second]).labels == ("joyful - sad",)


def test_other_layers_widths_and_moved_folders() -> None:
    first, second = _set(("joyful", "sad")), _set(("calm", "tense"))
    with pytest.raises(DirectionError, match=r"layers: \(3, 5\) against \(3, 6\)"):
        combine("joyful - calm", [first, replace(second, layers=(3, 6))])
    narrow = replace(second, unit=second.unit[..., :8])
    with pytest.raises(DirectionError, match="width: 16 against 8"):
        combine("joyful - calm", [first, narrow])
    here = _set(("joyful", "sad"), revision="sha256:ab", model="/here")
    there = _set(("calm", "tense"), revision="sha256:ab", model="/there")
    assert combine("joyful - calm", [here, there]).labels == ("joyful - calm",)


def test_a_sum_that_vanishes_is_refused() -> None:
    held = _set(("joyful", "sad"))
    twin = replace(held, unit=np.stack([held.unit[0], held.unit[0]]))
    with pytest.raises(DirectionError, match="adds up to nothing at layer 3"):
        combine("joyful - sad", twin)
