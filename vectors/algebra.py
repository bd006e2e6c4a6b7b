"""Sums and differences of directions: "joyful - sad + 0.5*calm".

In: an expression and one or more sets. Out: a `DirectionSet` with one label, the expression. Knows
no model. Unit directions are added, so that each counts by its coefficient and not by how far its
texts lay from the mean; the sum is brought to unit norm at each layer.

    sum    = [sign] term { ("+" | "-") term }
    term   = number "*" factor | factor [ "*" number ]
    factor = label | "label in quotes" | "(" sum ")"

A label may hold blanks and hyphens ("at ease", "grief-stricken"): at each place the longest known
label is taken. With named sets, "set:label" says which set is meant.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

import numpy as np
from jaxtyping import Float32

from .directionset import DirectionSet, check_same_space
from .errors import DirectionError
from .recipes import unit

Terms = dict[str, float]
Sets = DirectionSet | Sequence[DirectionSet] | Mapping[str, DirectionSet]

_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


def combine(expression: str, directions: Sets) -> DirectionSet:
    """One new direction per layer. DirectionError for sets that do not share a space, a label that
    is unknown (the nearest is named) or in several sets, bad syntax, or a sum that vanishes.
    """
    sets = _named(directions)
    places = _places(sets)
    terms = parse(expression, tuple(places))
    involved = {id(places[label][0]): places[label][0] for label in terms}
    first, *others = involved.values()
    for other in others:
        _check_match(first, other)
    total = np.zeros(first.unit.shape[1:], dtype=np.float64)
    for label, weight in terms.items():
        held, index = places[label]
        total += weight * held.unit[index]
    length = np.linalg.norm(total, axis=-1)
    if (length < 1e-6).any():
        layer = first.layers[int(length.argmin())]
        raise DirectionError(f"{expression!r} adds up to nothing at layer {layer}; change a weight")
    indices = [places[label][1] for label in terms]
    counts = [int(places[label][0].n[i]) for label, i in zip(terms, indices, strict=True)]
    recipe = replace(
        first.recipe,
        kind="algebra",
        method=canonical(terms),
        notes=(
            *first.recipe.notes,
            "sum of unit directions, brought to unit norm; n is the least of its terms'",
        ),
    )
    return DirectionSet(
        labels=(canonical(terms),),
        layers=first.layers,
        recipe=recipe,
        unit=unit(total)[None].astype(np.float32),
        raw=total[None].astype(np.float32),
        norm=length[None].astype(np.float32),
        kept=np.ones((1, len(first.layers)), dtype=np.float32),
        n=np.array([min(counts)], dtype=np.int64),
        n_neutral=first.n_neutral,
        k_removed=first.k_removed,
        center=_mean([s.center for s in involved.values()]),
        residual_norm=_mean([s.residual_norm for s in involved.values()]),
        neutral_mean=None,
        neutral_sd=None,
        split_half=None,
    )


def canonical(terms: Terms) -> str:
    """The terms in their order, as one plain expression."""
    out = ""
    for label, weight in terms.items():
        sign = "-" if weight < 0 else "+" if out else ""
        size = "" if abs(weight) == 1 else f"{abs(weight):g}*"
        out += f" {sign} {size}{label}" if out else f"{sign}{size}{label}"
    return out


def _mean(values: list[Float32[np.ndarray, "..."]]) -> Float32[np.ndarray, "..."]:
    return np.asarray(np.mean(values, axis=0), dtype=np.float32)


def _named(directions: Sets) -> dict[str, DirectionSet]:
    if isinstance(directions, DirectionSet):
        return {"": directions}
    if isinstance(directions, Mapping):
        found = dict(directions)
    else:
        found = {str(number): held for number, held in enumerate(directions)}
    if not found:
        raise DirectionError("no set of directions given; name one or more")
    return found


def _places(sets: dict[str, DirectionSet]) -> dict[str, tuple[DirectionSet, int]]:
    """Where each name is found: label where only one set has it, "set:label" always."""
    out: dict[str, tuple[DirectionSet, int]] = {}
    seen: dict[str, int] = {}
    for held in sets.values():
        for label in held.labels:
            seen[label] = seen.get(label, 0) + 1
    for name, held in sets.items():
        for index, label in enumerate(held.labels):
            if seen[label] == 1:
                out[label] = (held, index)
            if name:
                out[f"{name}:{label}"] = (held, index)
    return out


def _check_match(first: DirectionSet, other: DirectionSet) -> None:
    if first.d_model != other.d_model:
        raise DirectionError(
            f"the two sets differ in width: {first.d_model} against {other.d_model}; "
            "combine sets made from one model"
        )
    check_same_space(first.recipe, other.recipe)
    if first.layers != other.layers:
        raise DirectionError(
            f"the two sets differ in layers: {first.layers} against {other.layers}; "
            "build both at the same layers"
        )


def parse(expression: str, labels: Sequence[str]) -> Terms:
    """Coefficient of each label, in order of appearance; DirectionError says where it fails."""
    parser = _Parser(expression, labels)
    terms = parser.sum()
    parser.blank()
    if parser.at < len(expression):
        raise parser.error("an operator (+ - *) or the end")
    if not terms:
        raise DirectionError(
            f"{expression!r} names no direction that counts; write e.g. joyful - sad"
        )
    return terms


class _Parser:
    """Recursive descent over the grammar at the head of the module."""

    def __init__(self, text: str, labels: Sequence[str]) -> None:
        self.text, self.at = text, 0
        self.labels = sorted(labels, key=len, reverse=True)

    def error(self, expected: str) -> DirectionError:
        rest = self.text[self.at :].strip()
        found = f"{rest[:30]!r}" if rest else "nothing more"
        hint = ""
        word = re.match(r"[^\s()*+\"]+", rest)
        if word and (near := get_close_matches(word[0], self.labels, n=1, cutoff=0.5)):
            hint = f"; did you mean {near[0]!r}?"
        return DirectionError(
            f"in {self.text!r} at character {self.at}: expected {expected}, found {found}{hint}"
        )

    def blank(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def take(self, character: str) -> bool:
        self.blank()
        if self.text.startswith(character, self.at):
            self.at += 1
            return True
        return False

    def sum(self) -> Terms:
        sign = -1.0 if self.take("-") else 1.0
        if sign > 0:
            self.take("+")
        total = _scaled(self.term(), sign)
        while True:
            if self.take("+"):
                sign = 1.0
            elif self.take("-"):
                sign = -1.0
            else:
                return {label: weight for label, weight in total.items() if weight != 0}
            for label, weight in self.term().items():
                total[label] = total.get(label, 0.0) + sign * weight

    def term(self) -> Terms:
        number = self.number()
        if number is not None:
            if not self.take("*"):
                raise self.error("* after a number")
            return _scaled(self.factor(), number)
        found = self.factor()
        if self.take("*"):
            number = self.number()
            if number is None:
                raise self.error("a number after *")
            return _scaled(found, number)
        return found

    def number(self) -> float | None:
        self.blank()
        if self.label_here():
            return None
        match = _NUMBER.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return float(match[0])

    def factor(self) -> Terms:
        if self.take("("):
            found = self.sum()
            if not self.take(")"):
                raise self.error("a closing )")
            return found
        if self.take('"'):
            end = self.text.find('"', self.at)
            name = self.text[self.at : end] if end >= 0 else ""
            if name not in self.labels:
                raise self.error("a known label in quotes")
            self.at = end + 1
            return {name: 1.0}
        label = self.label_here()
        if label is None:
            raise self.error("a label")
        self.at += len(label)
        return {label: 1.0}

    def label_here(self) -> str | None:
        """The longest label that begins here and does not end within a word."""
        self.blank()
        for label in self.labels:
            if label and self.text.startswith(label, self.at):
                after = self.text[self.at + len(label) : self.at + len(label) + 1]
                if not (after.isalnum() or after == "_"):
                    return label
        return None


def _scaled(terms: Terms, factor: float) -> Terms:
    return {label: weight * factor for label, weight in terms.items()}
