"""Settings and where each came from: files, environment, flags, in order of growing strength.

In: the user's config file, `config.toml` in the data directory, EMOTUI_* variables, a command's
flags. Out: `Settings`, one value per key with its origin. Unknown keys in a file are refused with
the nearest known one. Knows no commands and loads no model.
"""

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emotui.errors import ConfigError
from emotui.sanitize import one_line

DTYPES = ("auto", "float32", "bfloat16", "float16")
QUANTISATIONS = ("none", "int8", "nf4")
COLORS = ("auto", "truecolor", "256", "attributes", "plain")


@dataclass(frozen=True)
class Key:
    """One setting: what it is, its default and how a text becomes its value."""

    name: str
    what: str
    default: object
    parse: Callable[[object], object]


def _path(value: object) -> object:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a folder")
    return str(Path(value).expanduser().absolute())


def _one_of(allowed: tuple[str, ...]) -> Callable[[object], object]:
    def parse(value: object) -> object:
        if value not in allowed:
            raise ValueError(", ".join(allowed))
        return value

    return parse


def _device(value: object) -> object:
    return check_device(value)


def check_device(value: object) -> str:
    """`auto`, `cpu`, `cuda`, `cuda:N`, `mps` or `map`; raises ValueError with what is allowed."""
    allowed = "auto, cpu, cuda, cuda:N, mps or map (spread over devices by accelerate)"
    if not isinstance(value, str):
        raise ValueError(allowed)
    head, _, number = value.partition(":")
    if head not in ("auto", "cpu", "cuda", "mps", "map") or (number and not number.isdecimal()):
        raise ValueError(allowed)
    if (":" in value) and (head != "cuda" or not number):
        raise ValueError(allowed)
    return value


def _at_least(least: int) -> Callable[[object], object]:
    def parse(value: object) -> object:
        wanted = f"a whole number, {least} or more"
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError(wanted)
        try:
            number = int(value)
        except ValueError:
            raise ValueError(wanted) from None
        if number < least:
            raise ValueError(wanted)
        return number

    return parse


def default_home() -> Path:
    """The platform's data folder for emotui."""
    import platformdirs

    return Path(platformdirs.user_data_dir("emotui", appauthor=False))


def user_file(env: Mapping[str, str]) -> Path:
    """The user's own config file: EMOTUI_CONFIG, else the platform's place."""
    import platformdirs

    named = env.get("EMOTUI_CONFIG")
    if named:
        return Path(named).expanduser()
    return Path(platformdirs.user_config_dir("emotui", appauthor=False)) / "config.toml"


KEYS: dict[str, Key] = {
    key.name: key
    for key in (
        Key("home", "the data directory", None, _path),
        Key("device", "where models run", "auto", _device),
        Key("dtype", "the weights' number format", "auto", _one_of(DTYPES)),
        Key("threads", "CPU threads for torch; 0 = torch decides", 0, _at_least(0)),
        Key("token_budget", "tokens per batch in extraction; 0 = by device", 0, _at_least(0)),
        Key("color", "how scores are coloured in the terminal", "auto", _one_of(COLORS)),
    )
}
EXTRA_VARIABLES = ("EMOTUI_CONFIG", "EMOTUI_DATA")


@dataclass(frozen=True)
class Setting:
    """One value and where it came from: "default", a file, a variable or a flag."""

    value: object
    origin: str


@dataclass(frozen=True)
class Settings:
    """Every key's value and origin."""

    values: Mapping[str, Setting]
    files: tuple[Path, ...]
    """The config files that were read."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """The workbench's keys by action id, from the [keys] tables; the actions are not known here."""

    @property
    def home(self) -> Path:
        """The data directory."""
        return Path(self.text("home"))

    def text(self, name: str) -> str:
        """A key's value as text."""
        return str(self.values[name].value)

    def number(self, name: str) -> int:
        """A key's value as a whole number."""
        value = self.values[name].value
        assert isinstance(value, int)
        return value


def near(name: str, known: "list[str] | tuple[str, ...]") -> str:
    """`; did you mean X?` for the nearest known name, or `; known: ...` when none is near."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {one_line(close[0])!r}?"
    shown = ", ".join(one_line(k) for k in known[:12])
    return f"; known: {shown}{', ...' if len(known) > 12 else ''}"


def _read_file(path: Path, keys: dict[str, str], *, allow_home: bool) -> dict[str, Setting]:
    import tomllib  # most starts have no file to read

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path} is not valid TOML: {one_line(str(e))}") from e
    except OSError as e:
        raise ConfigError(f"{path} cannot be read: {e.strerror}") from e
    found: dict[str, Setting] = {}
    known = [k for k in KEYS if allow_home or k != "home"]
    keys.update(_keys(content.pop("keys", {}), path))
    for name, value in content.items():
        if name == "home" and not allow_home:
            raise ConfigError(f"{path}: 'home' cannot be set inside the data directory itself")
        if name not in known:
            raise ConfigError(f"{path}: unknown key {one_line(name)!r}{near(name, known)}")
        found[name] = Setting(_parsed(name, value, where=str(path)), str(path))
    return found


def _keys(table: object, path: Path) -> dict[str, str]:
    if not isinstance(table, dict) or not all(isinstance(v, str) for v in table.values()):
        raise ConfigError(f'{path}: [keys] holds lines such as "tokens.mark" = "m"')
    return {str(name): value for name, value in table.items()}


def _parsed(name: str, value: object, *, where: str) -> object:
    try:
        return KEYS[name].parse(value)
    except ValueError as e:
        given = one_line(repr(value))
        raise ConfigError(f"{where}: {name} is {given}; allowed: {e}") from None


def unknown_variables(env: Mapping[str, str]) -> list[str]:
    """EMOTUI_* variables that mean nothing here, each with its nearest known name."""
    known = [f"EMOTUI_{name.upper()}" for name in KEYS] + list(EXTRA_VARIABLES)
    strange = [v for v in sorted(env) if v.startswith("EMOTUI_") and v not in known]
    return [f"{v}{near(v, known)}" for v in strange]


def load_settings(
    flags: Mapping[str, object] | None = None, *, env: Mapping[str, str] | None = None
) -> Settings:
    """Reads every source; `flags` holds the options given on the command line (None = not given).

    Raises ConfigError, which names the file or variable, what was given and what is allowed.
    """
    env = os.environ if env is None else env
    flags = flags or {}
    values: dict[str, Setting] = {k.name: Setting(k.default, "default") for k in KEYS.values()}
    files: list[Path] = []
    keys: dict[str, str] = {}

    def read(path: Path, *, allow_home: bool) -> None:
        if path.is_file():
            values.update(_read_file(path, keys, allow_home=allow_home))
            files.append(path)
        elif env.get("EMOTUI_CONFIG") and allow_home:
            raise ConfigError(f"EMOTUI_CONFIG names {path}, which is not a file")

    def override(names: tuple[str, ...]) -> None:
        for name in names:
            variable = f"EMOTUI_{name.upper()}"
            if env.get(variable):
                values[name] = Setting(_parsed(name, env[variable], where=variable), variable)
            if flags.get(name) is not None:
                flag = "--" + name.replace("_", "-")
                given = flags[name]
                given = str(given) if isinstance(given, Path) else given
                values[name] = Setting(_parsed(name, given, where=flag), flag)

    read(user_file(env), allow_home=True)
    override(("home",))
    if values["home"].value is None:
        values["home"] = Setting(str(default_home()), "default")
    read(Path(str(values["home"].value)) / "config.toml", allow_home=False)
    override(tuple(name for name in KEYS if name != "home"))
    return Settings(values, tuple(files), keys)
