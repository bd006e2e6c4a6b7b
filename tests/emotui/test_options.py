import pytest

from emotui.errors import OptionError
from emotui.options import (
    known_name,
    known_names,
    layers_for,
    parse_alphas,
    parse_choices,
    parse_control,
    parse_layers,
    parse_positions,
)


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("all", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("3", [3]),
        ("8,1-3,2", [1, 2, 3, 8]),
        ("2/3", [6]),
        ("0/1,1/1", [0, 9]),
    ],
)
def test_layer_specs(text: str, layers: list[int]):
    assert layers_for(parse_layers(text), range(10)) == layers


def test_depth_takes_the_nearest_layer_that_is_there():
    assert layers_for(parse_layers("2/3"), (0, 12, 20)) == [12]


@pytest.mark.parametrize("text", ["", "x", "1.5", "5-3", "4/3", "1/0", "-1", "1;2"])
def test_bad_layer_specs_are_one_clear_line(text: str):
    with pytest.raises(OptionError, match="--layers") as caught:
        parse_layers(text)
    assert "\n" not in str(caught.value)


def test_layer_out_of_range_names_the_range():
    with pytest.raises(OptionError, match="layer 7 is not there; layers are 0-4"):
        layers_for(parse_layers("7"), range(5))
    with pytest.raises(OptionError, match="layers are 2, 5"):
        layers_for(parse_layers("4"), (2, 5))


def test_alphas():
    assert parse_alphas("-0.1,0,.1,0.1") == (-0.1, 0.0, 0.1)
    for bad in ("0.1,x", "nan", "inf", "", "0.1,,0.2"):
        with pytest.raises(OptionError, match="is not a number"):
            parse_alphas(bad)
    with pytest.raises(OptionError, match="at most 64"):
        parse_alphas(",".join(str(i) for i in range(65)))


def test_positions_and_controls():
    assert parse_positions("prompt") == "prompt"
    assert parse_positions("3:9") == (3, 9)
    assert parse_control("random") == ("random", 1)
    assert parse_control("random:3") == ("random", 3)
    for bad in ("9:3", "3:3", "everywhere"):
        with pytest.raises(OptionError, match="--positions"):
            parse_positions(bad)
    for bad in ("random:0", "random:99", "rnd"):
        with pytest.raises(OptionError, match="--control"):
            parse_control(bad)


def test_unknown_names_offer_the_nearest():
    with pytest.raises(OptionError, match="did you mean 'joyful'"):
        known_name("joyfull", ["sad", "joyful"], what="emotion")
    with pytest.raises(OptionError, match="known: sad, joyful"):
        known_name("zzz", ["sad", "joyful"], what="emotion")
    assert known_names(" sad, joyful ", ["joyful", "sad"], what="emotion") == ("sad", "joyful")
    with pytest.raises(OptionError, match="did you mean 'mean50'"):
        parse_choices("mean5", allowed=("mean50", "last"), option="--pool")


def test_error_lines_hide_nothing():
    with pytest.raises(OptionError) as caught:
        parse_layers("\x1b[2J\u202e")
    assert "\x1b" not in str(caught.value)
    assert "\u202e" not in str(caught.value)
