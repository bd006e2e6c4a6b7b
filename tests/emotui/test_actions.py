"""The action table: whole, without clashes, and everything derived from it agrees with it."""

import importlib

import pytest
from textual.binding import Binding

from emotui.actions import (
    ACTIONS,
    EVERYWHERE,
    FOOTER_ENTRIES,
    LISTS,
    PANES,
    WIDGETS,
    bindings,
    footer,
    help_rows,
    markdown,
    palette,
    shown_key,
)
from emotui.keymap import check_keymap, clashes

CLASSES = {
    "table": ("emotui.widgets.table", "VirtualTable"),
    "layer-chart": ("emotui.widgets.layer_chart", "LayerChart"),
    "heat-map": ("emotui.widgets.heat_map", "HeatMap"),
    "scatter": ("emotui.widgets.scatter", "Scatter"),
    "token-view": ("emotui.widgets.token_view", "TokenView"),
    "slider": ("emotui.widgets.slider", "AlphaSlider"),
    "sliders": ("emotui.panes.steer_sliders", "Sliders"),
}


def test_ids_are_unique_and_places_known() -> None:
    ids = [a.id for a in ACTIONS]
    assert len(ids) == len(set(ids))
    widgets = {w for held in WIDGETS.values() for w in held}
    for action in ACTIONS:
        assert action.pane in (*PANES, LISTS, EVERYWHERE)
        assert action.owner in {"app", *PANES, *widgets}
        assert action.tip
        assert action.keys or action.command, action.id


def test_no_two_actions_share_a_key_where_both_can_be_reached() -> None:
    assert clashes() == []


def test_a_clash_is_found() -> None:
    assert ("tokens.left", "tokens.yank", "h") in clashes({"tokens.yank": "h"})
    assert ("steer.more", "steer.slider-below", "right") in clashes({"steer.slider-below": "right"})
    assert ("app.quit", "steer.run", "q") in clashes({"steer.run": "q"})
    assert clashes({"probes.metric": "b"}) == []


@pytest.mark.parametrize("owner", CLASSES)
def test_every_widget_has_the_methods_its_actions_name(owner: str) -> None:
    module, name = CLASSES[owner]
    widget = getattr(importlib.import_module(module), name)
    for action in ACTIONS:
        if action.owner == owner:
            assert hasattr(widget, "action_" + action.do.split("(")[0]), action.id
    assert {b.id for b in widget.BINDINGS} == {a.id for a in ACTIONS if a.owner == owner and a.keys}


@pytest.mark.parametrize("pane", PANES)
def test_the_footer_is_complete_at_80_columns(pane: str) -> None:
    entries = footer(pane)
    assert len(entries) <= FOOTER_ENTRIES
    assert [word for _, word in entries][-3:] == ["help", "commands", "quit"]
    assert sum(len(key) + len(word) + 3 for key, word in entries) <= 80


@pytest.mark.parametrize("pane", PANES)
def test_help_names_every_key_of_the_pane(pane: str) -> None:
    tips = {tip for _, tip in help_rows(pane)}
    assert {a.tip for a in ACTIONS if a.pane in (pane, EVERYWHERE) and a.keys} <= tips


@pytest.mark.parametrize("pane", PANES)
def test_help_shows_keys_as_they_are_on_a_keyboard(pane: str) -> None:
    for keys, tip in help_rows(pane):
        for key in keys.split():
            assert (
                len(key.removeprefix("^").removeprefix("Shift+")) == 1
                or key.istitle()
                or (key in ("PgUp", "PgDn"))
            ), (key, tip)


def test_help_leaves_out_what_a_key_does_elsewhere() -> None:
    rows = dict(help_rows("audit"))
    assert "claim" in rows["n"]
    assert len([keys for keys, _ in help_rows("audit") if keys in ("n", "N")]) == 2
    assert any(keys == "n" and "filter" in tip for keys, tip in help_rows("data"))
    moved = dict(help_rows("audit", {"audit.new": "f9"}))
    assert "filter" in moved["n"], "a key that was set free is the table's again"


def test_the_palette_puts_the_pane_first_and_names_begin_with_a_noun() -> None:
    names = palette("steer")
    assert names[0].pane == "steer"
    assert len(names) == sum(bool(a.command) for a in ACTIONS)
    assert all(": " in action.command for action in names)
    assert len({a.command for a in names}) == len(names)


def test_bindings_carry_id_and_tip() -> None:
    mark = next(
        b for b in bindings("token-view") if isinstance(b, Binding) and b.id == "tokens.mark"
    )
    assert (mark.key, mark.action, mark.show, mark.description) == ("v", "mark", True, "mark")


def test_keys_of_the_app_avoid_those_a_terminal_takes() -> None:
    taken = {"ctrl+enter", "ctrl+i", "ctrl+m", "ctrl+h", "ctrl+a", "ctrl+b"}
    for action in ACTIONS:
        keys = set(action.keys.split(","))
        assert not keys & taken
        assert not any(key.startswith("alt+") for key in keys)


def test_overrides_are_checked_one_by_one() -> None:
    good, problems = check_keymap(
        {
            "tokens.mark": "m",
            "app.quit": "ctrl+q",
            "tokens.yanc": "k",
            "tokens.yank": "h",
            "steer.alpha": "a",
            "app.help": " ",
        }
    )
    assert good == {"tokens.mark": "m", "app.quit": "ctrl+q"}
    assert len(problems) == 4
    joined = "\n".join(problems)
    assert "did you mean 'tokens.yank'" in joined
    assert "h for tokens.yank clashes with tokens.left" in joined
    assert "steer.alpha has no key" in joined
    assert "app.help is empty" in joined


def test_swapping_two_keys_is_allowed() -> None:
    good, problems = check_keymap({"tokens.mark": "y", "tokens.yank": "v"})
    assert (len(good), problems) == (2, [])
    assert ("y", "mark") in footer("tokens", good)


def test_the_readme_table_has_every_action() -> None:
    table = markdown()
    assert all(f"`{a.id}`" in table for a in ACTIONS)
    assert len(table.splitlines()) == len(ACTIONS) + 2


def test_keys_are_written_as_people_write_them() -> None:
    assert [shown_key(k) for k in ("ctrl+p", "question_mark", "shift+left", "G")] == [
        "^p",
        "?",
        "Shift+←",
        "G",
    ]
