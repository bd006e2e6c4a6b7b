"""Key overrides from the configuration: which can be used, and one line per problem.

In: keys by action id. Out: the good ones, and what is wrong with the others. The table of actions
is in actions.py; this file only checks keys against it.
"""

from collections.abc import Iterable, Mapping

from textual.keys import _character_to_key

from emotui.actions import ACTIONS, PANES, WIDGETS, Action, shown_key
from emotui.config import near
from emotui.sanitize import one_line


def check_keymap(overrides: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Key overrides by action id: those that can be used, and one line per problem.

    Refused: an unknown id, an action without a key, and a key that another action already has in
    the same place. The default stays where an override is refused.
    """
    if not overrides:
        return {}, []  # the table itself has no clashes: a test holds it
    known = {a.id: a for a in ACTIONS}
    good: dict[str, str] = {}
    problems: list[str] = []
    for name, keys in overrides.items():
        cleaned = ",".join(k.strip() for k in keys.split(",") if k.strip())
        if name not in known:
            problems.append(f"keys: unknown action {one_line(name)!r}{near(name, list(known))}")
        elif not cleaned:
            problems.append(f"keys: {name} is empty; give a key such as ctrl+y")
        elif not known[name].keys:
            problems.append(f"keys: {name} has no key to replace; it is a palette command")
        else:
            good[name] = cleaned
    for name, other, key in clashes(good):
        for guilty in (name, other):
            if good.pop(guilty, None) is not None:
                keeper = other if guilty == name else name
                problems.append(f"keys: {shown_key(key)} for {guilty} clashes with {keeper}")
                break
    return good, problems


def clashes(keymap: Mapping[str, str] | None = None) -> list[tuple[str, str, str]]:
    """(id, id, key) for every key two actions would share where both can be reached at once."""
    keymap = keymap or {}
    held = [(a, key_name(key)) for a in ACTIONS for key in _keys(a, keymap)]
    found = []
    for i, (first, key) in enumerate(held):
        for second, other in held[i + 1 :]:
            if key == other and first.id != second.id and _meet(first, second):
                found.append((first.id, second.id, key))
    return found


def _keys(action: Action, keymap: Mapping[str, str]) -> Iterable[str]:
    return [key for key in keymap.get(action.id, action.keys).split(",") if key]


def key_name(key: str) -> str:
    """Textual's name of a key: `slash` for `/`; a longer one is its own name."""
    return _character_to_key(key) if len(key) == 1 else key


_PASSED_ON = ({"lists.next-hit", "audit.new"}, {"lists.previous-hit", "audit.note"})
# A table without hits passes its hit keys on, and the Audit pane's tables have none.


def _meet(first: Action, second: Action) -> bool:
    """Whether one press could mean either: a key goes to the focused widget, its pane, the app."""
    if {first.id, second.id} in _PASSED_ON:
        return False
    owners = {first.owner, second.owner}
    if len(owners) == 1 or "app" in owners:
        return True
    if owners == {"slider", "sliders"}:  # the one is inside the other
        return True
    return any({pane, widget} == owners for pane in PANES for widget in WIDGETS[pane])
