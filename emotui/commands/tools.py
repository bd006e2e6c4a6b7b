"""`emotui doctor`, `config`, `locate`: what this machine has, what is set, where things lie."""

from emotui.commands.frame import DeviceOption, DtypeOption, HomeOption, JsonOption, settings_for
from emotui.sanitize import visible
from emotui.terminal import say, say_json, show_table

DOCTOR_EXAMPLE = "Example: emotui doctor --json"
CONFIG_EXAMPLE = "Example: emotui config --home /data/emotui"
LOCATE_EXAMPLE = "Example: du -sh $(emotui locate)"


def doctor(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Look at versions, devices, memory, disk and terminal; every warning has a remedy."""
    from emotui.doctor import examine

    findings = list(examine(settings_for(home)))
    if as_json:
        say_json({"ok": all(f.ok for f in findings), "findings": findings})
        return
    wide = max(len(f.name) for f in findings)
    for f in findings:
        say(f"{'ok  ' if f.ok else 'warn'}  {f.name:<{wide}}  {visible(f.detail)}")
        if f.remedy:
            say(f"      {'':<{wide}}  -> {visible(f.remedy)}")
    warnings = sum(not f.ok for f in findings)
    say(f"{len(findings)} looked at, {warnings} warning{'' if warnings == 1 else 's'}")


def config(
    home: HomeOption = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print every setting and where its value came from.

    Sources, each stronger than the one before: the user's config file (EMOTUI_CONFIG names
    another), config.toml in the data directory, EMOTUI_* variables, flags.
    """
    from emotui.config import KEYS

    settings = settings_for(home, {"device": device, "dtype": dtype})
    if as_json:
        say_json({"values": settings.values, "files": settings.files})
        return
    show_table(
        ("key", "value", "from", "what it is"),
        [(name, str(s.value), s.origin, KEYS[name].what) for name, s in settings.values.items()],
    )


def locate(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Print the data directory: datasets, activations, vectors and reports live there."""
    settings = settings_for(home)
    if as_json:
        setting = settings.values["home"]
        say_json({"home": setting.value, "from": setting.origin, "exists": settings.home.is_dir()})
        return
    say(visible(str(settings.home)))
