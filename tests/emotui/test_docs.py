"""docs/commands.md names every command, every option and every key of --json output."""

import re
from pathlib import Path

import typer

from emotui.cli import app

DOCS = Path(__file__).parents[2] / "docs" / "commands.md"


def sections() -> dict[str, str]:
    parts = re.split(r"^## emotui (.+)$", DOCS.read_text(encoding="utf-8"), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def commands() -> dict[str, typer.core.TyperCommand]:
    def inside(path: str, command: typer.core.TyperCommand) -> dict[str, typer.core.TyperCommand]:
        subs = getattr(command, "commands", None)
        if subs is None:
            return {path: command}
        found: dict[str, typer.core.TyperCommand] = {}
        for name, sub in subs.items():
            found |= inside(f"{path} {name}", sub)
        return found

    found = inside("", typer.main.get_command(app))  # type: ignore[arg-type]
    return {path.strip(): command for path, command in found.items()}


def test_every_command_has_a_section_and_no_section_is_of_another():
    assert sections().keys() == commands().keys()


def test_every_option_and_example_stands_in_its_section():
    written = sections()
    for name, command in commands().items():
        for parameter in command.params:
            for option in getattr(parameter, "opts", ()):
                if option.startswith("--") and option != "--help":
                    assert f"`{option}" in written[name] or f", {option}`" in written[name], (
                        f"{option} of emotui {name} is not in docs/commands.md"
                    )
        example = (command.epilog or "").removeprefix("Example: ")
        assert example in written[name]


def test_commands_that_print_json_document_their_keys():
    for name, text in sections().items():
        assert ("--json" in text) == ("JSON: " in text), name
