"""P1-P10 on planted truth: each passes where it should and fails where it should."""

from dataclasses import replace

import numpy as np
import pytest

from tests.vectors.audits.planted import World, plant, with_texts
from vectors.audits.codelength import code_length
from vectors.audits.data import AuditData
from vectors.audits.erasure import leace, mean_difference, project_out
from vectors.audits.leakage import lexical_leakage
from vectors.audits.nullspace import null_space
from vectors.audits.peak import layer_peak
from vectors.audits.permutation import label_noise
from vectors.audits.positions import pooling_spread
from vectors.audits.selectivity import selectivity
from vectors.audits.settings import PRESETS, AuditSettings, settings
from vectors.audits.surface import surface_features
from vectors.audits.topics import unseen_topics
from vectors.audits.untrained import untrained_gain
from vectors.errors import DataError

QUICK = settings("quick")
SIGNAL, NOISE = plant(World(signal=2.0))[0], plant(World())[0]


def test_p1_finds_the_signal_and_neither_noise_nor_a_topic_leak() -> None:
    found = unseen_topics(SIGNAL, QUICK)
    assert found.state == "pass"
    assert found.numbers["auroc by topic"].n_clusters == 24
    assert unseen_topics(NOISE, QUICK).state == "fail"
    leak = unseen_topics(plant(World(unbalanced=True, topic=2.0))[0], QUICK)
    assert leak.state == "fail"
    assert leak.numbers["gap"].value > 0.15
    thin = unseen_topics(plant(World(signal=3.0, n_topics=10))[0], QUICK)
    assert thin.state == "warn"
    assert "10 topics" in thin.reasons[-1]


def test_p2_p_values_and_families() -> None:
    assert label_noise(SIGNAL, QUICK).state == "pass"
    assert label_noise(NOISE, QUICK).state == "fail"
    # B = 99 cannot carry 14 claims, however strong the effect.
    limited = label_noise(SIGNAL, QUICK, family_size=14)
    assert limited.state == "limited"
    assert "B >= 279" in limited.reasons[0]
    null = limited.null
    assert null is not None
    assert null.p == null.floor
    assert abs(null.mean - 0.5) < 0.03


def test_p3_judges_word_types_and_only_reports_topics() -> None:
    assert selectivity(SIGNAL, QUICK).state == "n/a"
    many = np.arange(SIGNAL.n)  # every row its own type: nothing can be memorised
    assert selectivity(SIGNAL, QUICK, units=many).state == "pass"
    rows = np.random.default_rng(0).standard_normal((8, 24))
    types = np.arange(SIGNAL.n) % 8
    memorised = replace(SIGNAL, rows=rows[types] + 0.01 * SIGNAL.rows, codes=(types % 2))
    assert selectivity(memorised, QUICK, units=types).state == "fail"


def test_p4_length_and_words_beat_a_probe_that_reads_them() -> None:
    assert surface_features(SIGNAL, QUICK).state == "pass"
    length = surface_features(plant(World(length=1.5, length_by_label=1.0))[0], QUICK)
    assert length.state == "fail"
    assert any("length" in reason for reason in length.reasons)
    assert length.numbers["partial"].value < length.numbers["probe"].value - 0.1
    words = surface_features(with_texts(SIGNAL, {0: "gloom", 1: "sunlight"}), QUICK)
    assert words.state == "fail"
    given = surface_features(SIGNAL, QUICK, given={"lexicon": SIGNAL.codes[:, None] * 1.0})
    assert given.state == "fail"
    assert "lexicon" in given.reasons[0]
    assert surface_features(replace(SIGNAL, lengths=None), QUICK).state == "limited"


def test_p5_one_direction_is_enough_or_it_is_not() -> None:
    assert null_space(SIGNAL, QUICK).state == "pass"
    assert null_space(NOISE, QUICK).state == "limited"
    data, directions = plant(World(signal=4.0, topic=0.3, d=16))
    wrong = directions[0] - directions[1] + 3 * np.eye(16)[0]
    given = null_space(data, QUICK, direction=wrong)
    assert given.state == "fail"
    assert "directions do" in given.reasons[0]
    truth = null_space(data, QUICK, direction=directions[0] - directions[1])
    assert truth.state in ("pass", "warn")


def test_leace_erases_its_own_rows_for_any_linear_reader_and_moves_them_least() -> None:
    data, _ = plant(World(signal=2.0, n_labels=3))
    rows = data.rows - data.rows.mean(axis=0)
    z = np.eye(3)[data.codes]
    eraser = leace(rows, data.codes, n_labels=3)
    assert eraser.rank == 2
    cross = (eraser(rows) - eraser(rows).mean(axis=0)).T @ (z - z.mean(axis=0))
    assert np.abs(cross).max() < 1e-8 * len(rows)
    before = rows.T @ (z - z.mean(axis=0))
    assert np.abs(before).max() > 10  # positive control
    other = mean_difference(rows, data.codes, n_labels=3)
    assert ((eraser(rows) - rows) ** 2).sum() <= ((other(rows) - rows) ** 2).sum() * (1 + 1e-9)
    assert np.allclose(eraser(eraser(rows)), eraser(rows), atol=1e-8)
    with pytest.raises(DataError, match="all zeros"):
        project_out(np.zeros((1, 24)), rows)


def test_p6_signal_compresses_more_than_noise() -> None:
    assert code_length(plant(World(signal=4.0))[0], QUICK).state == "pass"
    assert code_length(NOISE, QUICK).state == "fail"


def layers(strengths: dict[int, float]) -> tuple[AuditData, dict[int, np.ndarray]]:
    made = {layer: plant(World(signal=s, seed=7))[0] for layer, s in strengths.items()}
    rng = np.random.default_rng(1)
    rows = {k: d.rows + 0.8 * rng.standard_normal(d.rows.shape) for k, d in made.items()}
    return next(iter(made.values())), rows


def test_p7_a_sharp_peak_stands_and_a_flat_curve_has_none() -> None:
    data, rows = layers({0: 0.0, 1: 0.8, 2: 4.0, 3: 0.8})
    sharp = layer_peak(data, rows.__getitem__, list(rows), (2,), QUICK)
    assert sharp.state == "pass"
    assert sharp.null is not None
    assert sharp.null.p == sharp.null.floor
    data, rows = layers(dict.fromkeys(range(8), 1.5))
    one = int(
        np.argmax(layer_peak(data, rows.__getitem__, list(rows), (0,), QUICK).table["accuracy"])
    )
    others = [layer for layer in rows if layer != one]
    flat = layer_peak(data, rows.__getitem__, list(rows), others[:1], QUICK)
    assert flat.state == "fail"
    assert "within one standard error" in flat.reasons[0]
    band = layer_peak(data, rows.__getitem__, list(rows), list(rows), QUICK)
    assert band.state == "pass"
    chosen = flat.numbers["accuracy of the layer chosen elsewhere"].value
    assert chosen <= flat.numbers["best accuracy"].value


def test_p8_an_untrained_twin_that_does_as_well_fails_it() -> None:
    assert untrained_gain(SIGNAL, {"seed 0": NOISE.rows}, QUICK).state == "pass"
    same = plant(World(signal=3.0))[0].rows
    assert untrained_gain(SIGNAL, {"seed 0": NOISE.rows, "seed 1": same}, QUICK).state == "fail"
    assert untrained_gain(SIGNAL, {}, QUICK).state == "not_run"


def test_p9_poolings_agree_or_one_reads_something_else() -> None:
    rng = np.random.default_rng(3)
    near = SIGNAL.rows + 0.1 * rng.standard_normal(SIGNAL.rows.shape)
    assert pooling_spread(SIGNAL, {"last": near}, QUICK).state == "pass"
    assert pooling_spread(SIGNAL, {"last": NOISE.rows}, QUICK).state == "fail"
    assert pooling_spread(SIGNAL, {}, QUICK).state == "not_run"


def test_p10_texts_that_name_their_emotion_are_found_and_weighed() -> None:
    assert lexical_leakage(SIGNAL, QUICK).state == "pass"
    assert lexical_leakage(plant(World(signal=2.0, named=True))[0], QUICK).state == "fail"
    assert lexical_leakage(replace(SIGNAL, texts=None), QUICK).state == "not_run"
    assert SIGNAL.texts is not None
    # A third of the texts name their label and carry all of the signal.
    leaky = np.random.default_rng(4).random(NOISE.n) < 0.5
    axis = np.eye(NOISE.rows.shape[1])[0]
    rows = NOISE.rows + 8 * np.outer(leaky * (NOISE.codes - 0.5), axis)
    texts = tuple(
        f"{t} {NOISE.labels[c]}ful" if hit else t
        for t, c, hit in zip(SIGNAL.texts, NOISE.codes, leaky, strict=True)
    )
    found = lexical_leakage(replace(NOISE, rows=rows, texts=texts), QUICK)
    assert found.state == "fail"
    assert found.numbers["drop"].value > 0.1
    synonym = tuple(
        f"{t} gloomy" if c else t for t, c in zip(SIGNAL.texts, SIGNAL.codes, strict=True)
    )
    named = lexical_leakage(replace(SIGNAL, texts=synonym), QUICK, synonyms={"sorrow": ["gloom"]})
    assert named.state == "fail"


def test_data_that_cannot_be_audited_is_refused() -> None:
    with pytest.raises(DataError, match="finite"):
        replace(SIGNAL, rows=np.where(SIGNAL.rows > 3, np.nan, SIGNAL.rows))
    with pytest.raises(DataError, match="topics"):
        replace(SIGNAL, groups=SIGNAL.groups % 3)
    with pytest.raises(DataError, match="two labels"):
        replace(SIGNAL, codes=np.zeros(SIGNAL.n, dtype=int))
    with pytest.raises(DataError, match="no label 'joy'"):
        SIGNAL.code("joy")
    with pytest.raises(DataError, match="give one each"):
        replace(SIGNAL, lengths=np.ones(3, dtype=int))
    assert AuditSettings(PRESETS["quick"], 1).seed("P1") != QUICK.seed("P1")
