"""The frame of the command line: start-up, help, usage errors, broken pipes, signals."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = [
    (), ("demo",), ("data",), ("data", "import"), ("data", "list"), ("data", "show"),
    ("data", "check"), ("data", "exclude"), ("data", "rm"), ("data", "sample"),
    ("extract",), ("runs",),
    ("runs", "list"), ("runs", "show"), ("runs", "verify"), ("runs", "export"), ("runs", "import"),
    ("runs", "rm"), ("probe",), ("vectors",), ("vectors", "build"), ("vectors", "list"),
    ("vectors", "show"), ("vectors", "import"), ("vectors", "export"), ("vectors", "combine"),
    ("vectors", "rm"), ("score",), ("steer",), ("audit",), ("audit", "new"), ("audit", "run"),
    ("audit", "show"), ("audit", "supply"), ("audit", "gate"), ("audit", "list"),
    ("audit", "check"), ("audit", "report"), ("audit", "note"), ("audit", "waive"),
    ("audit", "deviate"), ("audit", "seal"), ("audit", "lineup"), ("audit", "blind"),
    ("audit", "blind", "start"), ("audit", "blind", "rate"), ("audit", "blind", "judge"),
    ("audit", "blind", "status"), ("audit", "blind", "unblind"),
    ("serve",), ("doctor",), ("config",), ("locate",),
]  # fmt: skip
GROUPS = [("data",), ("runs",), ("vectors",), ("audit",), ("audit", "blind")]


def python(code: str) -> list[str]:
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return out.stdout.split()


@pytest.mark.parametrize("args", ["--help", "locate", "config"])
def test_light_commands_load_neither_torch_nor_transformers(args: str, tmp_path: Path):
    code = (
        "import sys, io, contextlib, os\n"
        f"os.environ['EMOTUI_HOME'] = {str(tmp_path)!r}\n"
        "from emotui.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        f"    assert main([{args!r}]) == 0\n"
        "heavy = ('torch', 'transformers', 'zarr', 'pyarrow', 'sklearn', 'numpy', 'textual')\n"
        "print(*[m for m in heavy if m in sys.modules])"
    )
    assert python(code) == []


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(emotui, path: tuple[str, ...]):
    done = emotui(*path, "--help")
    assert done.code == 0
    assert path in GROUPS or "Example: " in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_the_list_of_commands_is_the_whole_list():
    import typer

    from emotui.cli import app

    def walk(group, path: tuple[str, ...]) -> list[tuple[str, ...]]:
        found = [path]
        for name, command in getattr(group, "commands", {}).items():
            found += walk(command, (*path, name))
        return found

    assert sorted(walk(typer.main.get_command(app), ())) == sorted(COMMANDS)


def test_bare_emotui_without_a_terminal_names_the_commands(emotui):
    done = emotui()
    assert done.code == 0
    assert "needs a terminal" in done.out
    for command in ("demo", "data import", "extract", "probe", "vectors build", "score", "steer"):
        assert f"emotui {command}" in done.out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["datta"], "No such command 'datta'. Did you mean 'data'?"),
        (["data", "lst"], "Did you mean 'list'?"),
        (["data", "list", "--jso"], "No such option: --jso"),
        (["score"], "Missing argument"),
        (["extract", "--limit", "few"], "'--limit': Input should be a valid integer"),
        (["extract", "--data", "x"], "--model is missing; write e.g. --model ./pythia-1b"),
        (["extract", "--model", "x"], "--data is missing"),
        (["steer", "x", "--prompt", "p"], "--emotion is missing"),
        (["steer", "x", "--emotion", "joy"], "--prompt is missing"),
        (["steer", "x", "--emotion", "j", "--prompt", "p", "--alpha", "a"], "is not a number"),
        (["config", "--device", "gpu"], "--device: device is 'gpu'; allowed: auto, cpu"),
        (["config", "--dtype", "int4"], "--dtype: dtype is 'int4'; allowed: auto, float32"),
        (["extract", "--model", "m", "--data", "d", "--pool", "men"], "did you mean 'mean'?"),
        (["extract", "--model", "m", "--data", "d", "--quant", "int4"], "did you mean 'int8'?"),
        (["extract", "--model", "m", "--data", "d", "--layers", "a"], "is not understood"),
        (["probe", "x", "--controls", "word"], "did you mean 'words'?"),
        (["score", "x"], "give the text with --text or --file, one of them"),
        (["score", "x", "--text", " "], "the text is empty"),
        (["score", "x", "--text", "a", "--layer", "all"], "names several layers; give one"),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_2(emotui, args: list[str], message: str):
    done = emotui(*args)
    assert done.code == 2
    assert done.out == ""
    assert message in done.error
    assert len(done.err.splitlines()) == 1


def test_locate_and_home(emotui, tmp_path: Path):
    assert emotui("locate").out == f"{tmp_path / 'home'}\n"
    assert emotui("--home", tmp_path / "a", "locate").out == f"{tmp_path / 'a'}\n"
    both = emotui("--home", tmp_path / "a", "locate", "--home", tmp_path / "b", "--json").json
    assert both == {"home": str(tmp_path / "b"), "from": "--home", "exists": False}
    assert not (tmp_path / "a").exists()


def test_config_prints_values_and_origins(emotui, tmp_path: Path):
    values = emotui("config", "--device", "cpu", "--json").json["values"]
    assert values["device"] == {"value": "cpu", "origin": "--device"}
    assert values["home"] == {"value": str(tmp_path / "home"), "origin": "EMOTUI_HOME"}
    assert "EMOTUI_HOME" in emotui("config").out


def test_a_bad_config_file_stops_every_command(emotui, tmp_path: Path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text('devise = "cpu"')
    done = emotui("data", "list")
    assert done.code == 2
    assert "unknown key 'devise'; did you mean 'device'?" in done.error


def test_a_home_that_cannot_be_made(emotui, tmp_path: Path):
    (tmp_path / "file").write_text("x")
    done = emotui("data", "list", "--home", tmp_path / "file" / "x")
    assert done.code == 2
    assert "give a writable folder" in done.error


def test_doctor_has_a_remedy_for_every_warning(emotui):
    found = emotui("doctor", "--json").json
    assert {f["name"] for f in found["findings"]} >= {"python", "torch", "cpu", "disk", "memory"}
    assert all(f["ok"] or f["remedy"] for f in found["findings"])
    assert found["ok"] == all(f["ok"] for f in found["findings"])
    assert "looked at" in emotui("doctor").out


def test_version(emotui):
    assert emotui("--version").out.startswith("emotui ")


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path):
    done = subprocess.run(
        f"{sys.executable} -m emotui --help | head -1",
        shell=True, capture_output=True, text=True, timeout=60, check=True,
        env=os.environ | {"EMOTUI_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.stderr == ""


def test_a_bug_of_ours_leaves_a_file_and_one_line(tmp_path: Path):
    code = (
        "import sys, emotui.cli as cli\n"
        "def broken(_context=None, **_): raise ZeroDivisionError('here\\x1b')\n"
        "cli.typer.main.get_command = lambda app: type('C', (), {'main': broken})\n"
        "sys.exit(cli.main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "a bug stopped this command (ZeroDivisionError: here␛)" in done.stderr
    assert "ZeroDivisionError" in next(tmp_path.glob("emotui-crash-*.txt")).read_text()


def test_a_killed_extraction_is_saved_and_goes_on(
    tmp_path: Path, model_dir: Path, texts_file: Path
):
    env = os.environ | {"EMOTUI_HOME": str(tmp_path), "EMOTUI_TOKEN_BUDGET": "40"}
    many = tmp_path / "many.jsonl"
    many.write_text(texts_file.read_text() * 25)

    def start(*args: object) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "emotui", *map(str, args)],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    with start("data", "import", many, "--name", "many", "--label", "emotion") as imported:
        imported.communicate(timeout=60)
    call = ("extract", "--model", model_dir, "--data", "many", "--pool", "last")
    with start(*call) as first:
        assert first.stderr is not None
        for line in first.stderr:
            if line.startswith("extract: ") and "/s" in line:
                break
        first.send_signal(signal.SIGTERM)
        rest = first.communicate(timeout=60)[1]
    assert first.returncode == 143, rest
    assert "stopped; what was extracted is saved, the same command resumes" in rest
    with start(*call) as second:
        out, err = second.communicate(timeout=120)
    assert second.returncode == 0, err
    assert "of 1,500 texts are there already" in err
    with start("runs", "verify", out.strip()) as verified:
        assert "every committed row" in verified.communicate(timeout=60)[0]
