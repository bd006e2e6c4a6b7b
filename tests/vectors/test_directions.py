"""Planted directions are recovered, nothing is recovered from noise, and removal is exact."""

import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.vectors.planted import planted, recipe
from vectors.directions import (
    DirectionSet,
    build_directions,
    cluster_order,
    cosine_matrix,
    deflection_directions,
    pca,
    rating_correlation,
)
from vectors.errors import DataError, DirectionError, LayerError
from vectors.imported import imported_directions
from vectors.neutral import neutral_components
from vectors.recipes import METHODS


def _built(method: str = "mean-difference", **changes: object) -> DirectionSet:
    data = planted(n_labels=4, topics=30, effect=1.0)
    made: dict[str, object] = {
        "recipe": recipe(),
        "groups": data.groups,
        "residual_norm": np.array([30.0]),
        "method": method,
    }
    return build_directions(
        data.layer_of,
        [2],
        data.codes,
        data.labels,
        **(made | changes),  # type: ignore[arg-type]
    )


# Logistic weights tilt away from the label's own direction; so they do in the literature (.77).
COSINE = {"mean-difference": 0.95, "logistic": 0.75, "lda": 0.9, "pca-difference": 0.9}


@pytest.mark.parametrize("method", list(METHODS))
def test_a_planted_direction_is_recovered(method: str) -> None:
    """Cosine with the truth, and AUROC on topics that were not there as good as the truth's."""
    data = planted(n_labels=4, topics=60, effect=1.5)
    new = data.groups >= 40
    built = build_directions(
        data.layer_of,
        [2],
        np.where(new, -1, data.codes),
        data.labels,
        recipe=recipe(),
        groups=data.groups,
        residual_norm=np.ones(1),
        method=method,
    )
    cosine = (built.unit[:, 0] * data.truth).sum(axis=1)
    assert cosine.min() > COSINE[method]
    centred = data.rows[new] - built.center[0]
    for label in range(4):
        mine = data.codes[new] == label
        found = roc_auc_score(mine, centred @ built.unit[label, 0])
        assert found > roc_auc_score(mine, centred @ data.truth[label]) - 0.02
        assert found > 0.95
    assert built.split_half is not None
    assert built.split_half.min() > COSINE[method] - 0.1
    assert np.allclose(np.linalg.norm(built.unit, axis=-1), 1, atol=1e-6)


def test_noise_does_not_repeat_itself_in_the_other_half() -> None:
    """Centred split-half is about 0 without a label effect; the raw means would agree at .99."""
    data = planted(n_labels=4, effect=0.0, topic_effect=0.0)
    built = build_directions(
        data.layer_of,
        [0],
        data.codes,
        data.labels,
        recipe=recipe(),
        groups=data.groups,
        residual_norm=np.ones(1),
    )
    assert built.split_half is not None
    assert abs(float(built.split_half.mean())) < 0.2


def test_centred_directions_of_balanced_noise_have_the_analytic_cosine() -> None:
    """Minus the mean over K labels, noise alone gives cosines of -1 / (K - 1) on average."""
    data = planted(n_labels=5, effect=0.0, topic_effect=0.0, d_model=128)
    built = build_directions(
        data.layer_of, [0], data.codes, data.labels, recipe=recipe(), residual_norm=np.ones(1)
    )
    cosines = cosine_matrix(built, 0)
    off = cosines[~np.eye(5, dtype=bool)]
    assert off.mean() == pytest.approx(-0.25, abs=0.03)
    assert np.array_equal(cosines, cosines.T)


def test_labels_weigh_the_same_whatever_their_number() -> None:
    data = planted(n_labels=3)
    extra = np.flatnonzero(data.codes == 0)
    rows = np.concatenate([data.rows, data.rows[extra], data.rows[extra]])
    codes = np.concatenate([data.codes, data.codes[extra], data.codes[extra]])
    one = build_directions(
        data.layer_of, [0], data.codes, data.labels, recipe=recipe(), residual_norm=np.ones(1)
    )
    two = build_directions(
        lambda _layer: rows, [0], codes, data.labels, recipe=recipe(), residual_norm=np.ones(1)
    )
    assert np.allclose(one.unit, two.unit, atol=1e-5)
    assert list(two.n) == [180, 60, 60]


def test_neutral_components_are_the_fewest_that_reach_the_share() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 10)) * np.array([10, 5, 3, *[1] * 7]) + 7
    values = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False) ** 2
    shares = np.cumsum(values) / values.sum()
    for variance in (0.3, 0.5, 0.9, 1.0):
        found = neutral_components(rows, variance=variance)
        assert found.k == int(np.argmax(shares >= variance - 1e-9)) + 1
        assert np.allclose(found.axes @ found.axes.T, np.eye(found.k), atol=1e-8)
    assert neutral_components(rows, variance=0.0).k == 0
    tall = neutral_components(rows[:6], variance=0.9)  # fewer texts than dimensions
    assert np.allclose(tall.axes @ tall.axes.T, np.eye(tall.k), atol=1e-8)
    with pytest.raises(DataError, match="share from 0 to 1"):
        neutral_components(rows, variance=50)


def test_neutral_removal_leaves_nothing_along_the_components_and_records_what_it_did() -> None:
    rng = np.random.default_rng(1)
    neutral = (rng.normal(size=(80, 64)) * 3).astype(np.float32)
    built = _built(neutral_of=lambda _layer: neutral, variance=0.5)
    components = neutral_components(neutral, variance=0.5)
    assert np.abs(built.unit[:, 0] @ components.axes.T).max() < 1e-5
    assert built.k_removed[0] == components.k > 5
    assert built.n_neutral == 80
    assert (built.kept < 1).all()
    assert np.allclose(built.kept, built.norm / np.linalg.norm(built.raw, axis=-1), atol=1e-5)
    assert built.neutral_mean is not None
    assert built.neutral_sd is not None
    moved = neutral - built.center[0]
    cosine = moved @ built.unit[1, 0] / np.linalg.norm(moved, axis=1)
    assert built.neutral_mean[1, 0] == pytest.approx(cosine.mean(), abs=1e-5)
    assert built.neutral_sd[1, 0] == pytest.approx(cosine.std(ddof=1), rel=1e-4)
    plain = _built()
    assert plain.n_neutral == 0
    assert plain.neutral_mean is None
    assert np.allclose(plain.kept, 1)


def test_a_set_goes_to_plain_parts_and_back() -> None:
    built = _built()
    meta = json.loads(json.dumps(built.meta()))
    again = DirectionSet.from_parts(built.arrays(), meta)
    assert again.recipe == built.recipe
    assert (again.labels, again.layers) == (built.labels, built.layers)
    assert again.neutral_mean is None
    for name, value in built.arrays().items():
        assert np.array_equal(getattr(again, name), value, equal_nan=True)
    with pytest.raises(DirectionError, match="lacks unit"):
        DirectionSet.from_parts({k: v for k, v in built.arrays().items() if k != "unit"}, meta)


def test_names_and_layers_that_are_not_there() -> None:
    built = _built()
    assert np.array_equal(built.at("sad", 2), built.unit[1, 0])
    with pytest.raises(DataError, match="did you mean 'joyful'"):
        built.at("joyfull", 2)
    with pytest.raises(LayerError, match="it has 2"):
        built.at("sad", 3)


def test_a_label_of_one_text_is_left_out_and_noted() -> None:
    data = planted(n_labels=3)
    make = {"recipe": recipe(), "residual_norm": np.ones(1)}
    lone = data.codes.copy()
    lone[lone == 1] = -1
    gone = lone.copy()
    lone[5], gone[5] = 1, -1
    found = build_directions(data.layer_of, [0], lone, data.labels, **make)  # type: ignore[arg-type]
    without = build_directions(data.layer_of, [0], gone, data.labels, **make)  # type: ignore[arg-type]
    assert found.labels == without.labels == ("joyful", "calm")
    assert np.array_equal(found.unit, without.unit)
    assert found.recipe.notes[-1] == "labels of one text left out: sad"
    assert "labels of one text" not in " ".join(without.recipe.notes)
    with pytest.raises(DataError, match="one label at most"):
        build_directions(
            data.layer_of,
            [0],
            np.where(lone == 2, -1, lone),
            data.labels,
            **make,  # type: ignore[arg-type]
        )


def test_bad_data_is_named() -> None:
    data = planted(n_labels=3)
    make = {"recipe": recipe(), "residual_norm": np.ones(1)}
    with pytest.raises(DataError, match="one label at most \\('joyful' only\\)"):
        build_directions(
            data.layer_of,
            [0],
            np.where(data.codes == 0, 0, -1),
            data.labels,
            **make,  # type: ignore[arg-type]
        )
    rows = data.rows.copy()
    rows[np.flatnonzero(data.codes == 2)[1:], 0] = np.nan
    with pytest.raises(DataError, match="'calm' has 1 usable rows \\(59 of 60 set aside\\)"):
        build_directions(lambda _l: rows, [0], data.codes, data.labels, **make)  # type: ignore[arg-type]
    rows = data.rows.copy()
    rows[:3, 0] = np.nan
    built = build_directions(lambda _l: rows, [0], data.codes, data.labels, **make)  # type: ignore[arg-type]
    assert "3 rows left out" in built.recipe.notes[-1]
    assert list(built.n) == [59, 59, 59]
    with pytest.raises(DataError, match="unknown method 'ldaa'"):
        build_directions(
            data.layer_of,
            [0],
            data.codes,
            data.labels,
            method="ldaa",
            **make,  # type: ignore[arg-type]
        )


def test_deflection_directions_lie_outside_what_expression_spans() -> None:
    data = planted(n_labels=4, effect=1.0)
    expression = _built()
    # Felt emotion: its own direction plus a leak along the expression of the same label.
    rng = np.random.default_rng(3)
    own = rng.normal(size=(4, 64))
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    rows = data.rows + own[data.codes].astype(np.float32)
    found = deflection_directions(
        lambda _layer: rows,
        [2],
        data.codes,
        data.labels,
        expression=expression,
        recipe=recipe(kind="deflection"),
        groups=data.groups,
        residual_norm=np.ones(1),
    )
    span = expression.unit[:, 0]
    # Centred, four labels span three dimensions, which the 99 % components cover.
    assert np.abs(found.unit[:, 0] @ span.T).max() < 0.05
    target = own - own.mean(axis=0)
    assert ((found.unit[:, 0] * target).sum(axis=1) / np.linalg.norm(target, axis=1)).min() > 0.85
    assert found.kept_expression is not None
    assert (found.kept_expression < 0.9).all()
    assert found.k_expression is not None
    assert found.k_expression[0] == 3
    again = DirectionSet.from_parts(found.arrays(), found.meta())
    assert again.kept_expression is not None
    with pytest.raises(DirectionError, match="revision: 'r1' against 'r2'"):
        deflection_directions(
            lambda _layer: rows,
            [2],
            data.codes,
            data.labels,
            expression=expression,
            recipe=recipe(revision="r2"),
            residual_norm=np.ones(1),
        )


def test_scatter_finds_a_planted_axis_and_its_correlation_with_ratings() -> None:
    rng = np.random.default_rng(0)
    valence = np.linspace(-1, 1, 12)
    axis = rng.normal(size=32)
    vectors = valence[:, None] * axis + 0.3 * rng.normal(size=(12, 32))
    labels = [f"e{i}" for i in range(12)]
    held = imported_directions(vectors[:, None], labels, [4], recipe=recipe(kind="imported"))
    scatter = pca(held, 4)
    assert scatter.share[0] > 0.5
    ratings = {label: float(v) for label, v in zip(labels[:10], valence, strict=False)}
    found = rating_correlation(scatter, 0, ratings)
    assert abs(found.value) > 0.9
    assert found.n == 10
    order = cluster_order(cosine_matrix(held, 4))
    side = valence[order] > 0
    assert np.count_nonzero(side[1:] != side[:-1]) == 1  # each sign in one piece
    with pytest.raises(DataError, match="give 1 to 11"):
        pca(held, 4, components=12)


def test_imported_vectors_say_what_they_do_not_know() -> None:
    values = np.random.default_rng(0).normal(size=(2, 1, 8)) * 5
    held = imported_directions(values, ["a", "b"], [0], recipe=recipe(kind="imported"))
    assert np.isnan(held.residual_norm).all()
    assert held.n_neutral == 0
    assert np.allclose(held.norm, np.linalg.norm(values, axis=-1))
    values[1] = 0
    with pytest.raises(DirectionError, match="'b' at layer 0 has length 0"):
        imported_directions(values, ["a", "b"], [0], recipe=recipe())
