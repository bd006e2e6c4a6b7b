"""README and docs/files.md say what is there: every command, every file, in its own words.

`python -m tests.test_readme` writes docs/files.md anew.
"""

import ast
import re
from pathlib import Path

import typer

from emotui.cli import app

ROOT = Path(__file__).parents[1]
FILES = ROOT / "docs" / "files.md"
PACKAGES = ("emotui", "vectors", "store")


def first_line(path: Path) -> str:
    """What a module says of itself in its first line."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.split("\n")[0]


def annotated() -> str:
    """Every module of the three packages under its folder, with its own first line."""
    parts = [
        "# Files",
        "",
        "Written by `python -m tests.test_readme`; a test holds it current.",
        "",
    ]
    for package in PACKAGES:
        folders = sorted({path.parent for path in (ROOT / package).rglob("*.py")})
        for folder in folders:
            name = folder.relative_to(ROOT).as_posix()
            parts += [f"## {name}/", "", first_line(folder / "__init__.py"), ""]
            modules = sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
            parts += [f"- `{path.name}`: {first_line(path)}" for path in modules]
            parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def test_every_file_stands_in_the_list_of_files():
    assert FILES.read_text(encoding="utf-8") == annotated(), "run: python -m tests.test_readme"


def test_every_module_says_what_it_is():
    silent = [line for line in annotated().splitlines() if line.endswith(": ") or line == ""]
    assert not [line for line in silent if line]


def test_the_readme_names_every_command():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = {
        match[1]: line
        for line in readme.splitlines()
        if (match := re.match(r"\| `emotui (\w+)", line))
    }
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        places = [
            line for line in rows.values() if f"`emotui {name}" in line or f"`{name}`" in line
        ]
        assert places, f"the README's table does not name emotui {name}"
        for sub in getattr(command, "commands", {}):
            assert any(f"`{sub}`" in p or f"{name} {sub}`" in p for p in places), f"{name} {sub}"


def test_the_notebook_example_imports():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for line in re.findall(r"^from vectors import .+$", readme, flags=re.M):
        exec(line, {})


def test_every_link_of_the_readme_leads_somewhere():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)", readme)
    assert len(links) >= 8
    assert [link for link in links if not (ROOT / link).exists()] == []


if __name__ == "__main__":
    FILES.write_text(annotated(), encoding="utf-8")
