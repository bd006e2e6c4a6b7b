from pathlib import Path

import pytest

from emotui.config import load_settings, unknown_variables
from emotui.errors import ConfigError


def env(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"EMOTUI_CONFIG": str(tmp_path / "user.toml"), **more}


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_each_source_is_stronger_than_the_one_before(tmp_path: Path):
    home = tmp_path / "home"
    user = write(tmp_path / "user.toml", f'home = "{home}"\ndevice = "cpu"\nthreads = 1\n')
    own = write(home / "config.toml", 'device = "cuda:1"\ndtype = "float16"\n')
    s = load_settings({"dtype": "bfloat16", "device": None}, env=env(tmp_path, EMOTUI_THREADS="3"))
    assert {k: (v.value, v.origin) for k, v in s.values.items()} == {
        "home": (str(home), str(user)),
        "device": ("cuda:1", str(own)),
        "dtype": ("bfloat16", "--dtype"),
        "threads": (3, "EMOTUI_THREADS"),
        "token_budget": (0, "default"),
        "color": ("auto", "default"),
    }
    assert s.files == (user, own)


def test_home_flag_beats_variable_beats_file(tmp_path: Path):
    write(tmp_path / "user.toml", 'home = "/a"\n')
    assert load_settings(env=env(tmp_path)).home == Path("/a")
    variables = env(tmp_path, EMOTUI_HOME="/b")
    assert load_settings(env=variables).home == Path("/b")
    assert load_settings({"home": Path("/c")}, env=variables).home == Path("/c")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('devise = "cpu"', "unknown key 'devise'; did you mean 'device'"),
        ('device = "gpu"', "device is 'gpu'; allowed: auto, cpu"),
        ('device = "cuda:x"', "allowed: auto, cpu"),
        ("threads = -1", "threads is -1; allowed: a whole number, 0 or more"),
        ("threads = true", "allowed: a whole number"),
        ('dtype = "int4"', "allowed: auto, float32"),
        ("home = 3", "allowed: a folder"),
        ("device = ", "is not valid TOML"),
    ],
)
def test_bad_files_are_one_clear_line(tmp_path: Path, text: str, message: str):
    write(tmp_path / "user.toml", text)
    with pytest.raises(ConfigError, match=r"user\.toml") as caught:
        load_settings(env=env(tmp_path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_home_cannot_be_set_inside_the_home(tmp_path: Path):
    write(tmp_path / "user.toml", "")
    write(tmp_path / "config.toml", 'home = "/x"')
    with pytest.raises(ConfigError, match="inside the data directory"):
        load_settings({"home": tmp_path}, env=env(tmp_path))


def test_a_named_config_file_must_be_there(tmp_path: Path):
    with pytest.raises(ConfigError, match="is not a file"):
        load_settings(env=env(tmp_path))


def test_strange_variables_are_named_with_the_nearest():
    assert unknown_variables({"EMOTUI_HOME": "x", "EMOTUI_DEVISE": "y", "PATH": "z"}) == [
        "EMOTUI_DEVISE; did you mean 'EMOTUI_DEVICE'?"
    ]
