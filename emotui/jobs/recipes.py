"""Saved steering recipes: which emotions at which alphas, where and how, without a prompt.

In: a name and a Recipe of plain values. Out: one JSON file per recipe under <data>/recipes. Knows
no model.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emotui.errors import UserError
from emotui.sanitize import one_line
from store.atomic import read_json, write_json
from store.errors import StoreError
from store.layout import Home, check_name


@dataclass(frozen=True)
class SteerRecipe:
    """The console's settings."""

    vectors: str
    emotions: tuple[tuple[str, float], ...]
    """(emotion, alpha)."""
    layer: int
    mode: str
    positions: str | tuple[int, int]
    max_new_tokens: int
    temperature: float
    top_k: int
    top_p: float
    seed: int


def _folder(home: Home) -> Path:
    return home.root / "recipes"


def recipe_names(home: Home) -> list[str]:
    """Names of all saved recipes."""
    folder = _folder(home)
    return sorted(p.stem for p in folder.glob("*.json")) if folder.is_dir() else []


def save_recipe(home: Home, name: str, recipe: SteerRecipe) -> Path:
    """Write it, in place of one of the same name; StoreError for a name that is none."""
    check_name(name)
    folder = _folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    write_json(path, asdict(recipe))
    return path


def load_recipe(home: Home, name: str) -> SteerRecipe:
    """The saved recipe; UserError where its file cannot be used."""
    check_name(name)
    path = _folder(home) / f"{name}.json"
    try:
        value: dict[str, Any] = read_json(path)
        positions = value["positions"]
        if not isinstance(positions, str):
            positions = (int(positions[0]), int(positions[1]))
        return SteerRecipe(
            vectors=str(value["vectors"]),
            emotions=tuple((str(e), float(a)) for e, a in value["emotions"]),
            layer=int(value["layer"]),
            mode=str(value["mode"]),
            positions=positions,
            max_new_tokens=int(value["max_new_tokens"]),
            temperature=float(value["temperature"]),
            top_k=int(value["top_k"]),
            top_p=float(value["top_p"]),
            seed=int(value["seed"]),
        )
    except (StoreError, OSError, KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(
            f"the recipe {one_line(name)!r} cannot be used ({one_line(str(error))}); "
            "save it again or remove its file"
        ) from error
