"""The one table of actions: what can be done, with which key, where, and under which name.

Bindings, footer, command palette, help, key overrides and the README's table all come from it.
An action's `owner` is the class that has its `action_*` method: "app", a pane or a widget; its
`pane` is where a user meets it. Knows no widget and runs nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from textual.binding import Binding, BindingType

PANES = ("data", "probes", "vectors", "tokens", "steer", "audit", "jobs")
WIDGETS: dict[str, tuple[str, ...]] = {
    "data": ("table",),
    "probes": ("layer-chart",),
    "vectors": ("table", "heat-map", "scatter"),
    "tokens": ("token-view",),
    "steer": ("slider", "sliders", "table"),
    "audit": ("table",),
    "jobs": ("table",),
}
"""The widgets with keys of their own that each pane holds."""
EVERYWHERE = "everywhere"
LISTS = "lists"
FOOTER_ENTRIES = 7


@dataclass(frozen=True)
class Action:
    """One thing a user can do."""

    id: str
    """Unique, "<place>.<what>"; key overrides use it."""
    keys: str
    """Textual key names, comma-separated; "" for an action of the palette only."""
    do: str
    """Textual action: the method after `action_`, with its arguments."""
    tip: str
    """One line of help."""
    command: str
    """Name in the command palette, noun first."""
    pane: str
    """Where it works: a pane, "lists" or "everywhere"."""
    owner: str
    """Which class has the method: "app", a pane or a widget."""
    short: str = ""
    """Word in the footer; "" keeps it out."""
    priority: bool = False
    """Works even while a text input has the focus."""


_ALWAYS = {"app.jump", "app.palette", "app.cancel"}
"""Actions whose keys work even while a text input has the focus."""

_Row = tuple[str, str, str, str, str, str]
"""(what, keys, textual action, footer word, command, tip)."""


def _pane(pane: str, owner: str, *rows: _Row) -> list[Action]:
    place = "app" if pane == EVERYWHERE else pane
    return [
        Action(
            f"{place}.{what}",
            keys,
            do,
            tip,
            command,
            pane,
            owner,
            short,
            f"{place}.{what}" in _ALWAYS,
        )
        for what, keys, do, short, command, tip in rows
    ]


_EVERYWHERE = _pane(
    EVERYWHERE,
    "app",
    *(
        (name, str(i), f"show_pane('{name}')", "", f"view: {name}", f"Go to the {name} pane")
        for i, name in enumerate(PANES, start=1)
    ),
    ("next", "tab", "focus_next", "", "", "Focus the next part"),
    ("previous", "shift+tab", "focus_previous", "", "", "Focus the part before"),
    ("jump", "ctrl+o", "jump", "", "view: jump to...", "A letter on every part; press it to go"),
    ("maximise", "z", "maximise", "", "view: maximise", "The whole screen for one part, or back"),
    ("help", "question_mark,f1", "help", "help", "view: help", "Keys of the focused pane"),
    ("palette", "ctrl+p", "command_palette", "commands", "", "Search every command"),
    ("model", "M", "choose_model", "", "model: choose...", "Which model steers, colours, extracts"),
    ("theme", "", "next_theme", "", "view: next theme", "Dark, light, high contrast"),
    ("cancel", "ctrl+c", "cancel_or_quit", "", "job: cancel running", "Cancel; twice quits"),
    ("quit", "q", "ask_quit", "quit", "view: quit", "Quit; asks while a job runs"),
)

_LISTS = _pane(
    LISTS,
    "table",
    ("up", "k,up", "cursor_up", "", "", "One row up"),
    ("down", "j,down", "cursor_down", "", "", "One row down"),
    ("page-up", "pageup,ctrl+u", "page_up", "", "", "One page up"),
    ("page-down", "pagedown,ctrl+d", "page_down", "", "", "One page down"),
    ("first", "home,g", "first", "", "", "First row"),
    ("last", "end,G", "last", "", "", "Last row"),
    ("open", "enter", "open", "", "", "Open the row under the cursor"),
    ("next-hit", "n", "next_hit", "", "", "Next row that matches the filter"),
    ("previous-hit", "N", "previous_hit", "", "", "Row before that matches the filter"),
)

_DATA = _pane(
    "data",
    "data",
    ("filter", "slash", "filter", "filter", "data: filter...", "Find rows whose text matches"),
    ("extract", "e", "extract", "extract", "data: extract...", "Run a model over the dataset"),
    ("import", "i", "import_data", "import", "data: import...", "Import a file or folder"),
    ("exclude", "x", "exclude", "exclude", "data: exclude row...", "Exclude the row; asks why"),
    ("check", "c", "check", "", "data: check", "Look the whole dataset over for trouble"),
    ("counts", "t", "counts", "", "data: counts", "Every emotion and topic with its rows"),
    ("marks", "m", "marks", "", "data: marks", "n and N go through leaks, repeats, excluded rows"),
    ("back", "escape", "back", "", "", "From the rows back to the datasets"),
)
_PROBES = _pane(
    "probes",
    "layer-chart",
    ("left", "left_square_bracket,left", "cursor_left", "", "", "One layer down"),
    ("right", "right_square_bracket,right", "cursor_right", "", "", "One layer up"),
    ("pin", "enter", "pin", "pin layer", "probes: pin layer", "Use this layer in every pane"),
) + _pane(
    "probes",
    "probes",
    ("run", "r", "run_probe", "run", "probes: run", "Probe every layer, with all controls"),
    ("controls", "c", "controls", "controls", "probes: controls", "Show or hide control curves"),
    ("metric", "m", "metric", "metric", "probes: metric", "Balanced accuracy or AUROC"),
    ("open", "o", "open_run", "", "probes: open run...", "Choose another run"),
    ("audit", "f", "audit", "audit", "probes: audit...", "Begin a finding about this layer"),
    ("export", "x", "export", "", "export: probes", "Write the chart as SVG and PNG, and CSV"),
)
_VECTORS = (
    _pane(
        "vectors",
        "vectors",
        ("emotion", "e", "pick_emotion", "emotion", "vectors: emotion...", "Choose the emotion"),
        (
            "build",
            "b",
            "build",
            "build",
            "vectors: build...",
            "A direction per emotion, from a run",
        ),
        ("plane", "p", "plane", "plane", "vectors: plane", "Scatter of the first components"),
        ("heat-map", "h", "heat_map", "heat map", "vectors: heat map", "Cosines of all pairs"),
        (
            "export",
            "x",
            "export",
            "export",
            "export: vectors...",
            "Write vectors or a chart to a file",
        ),
        ("layer-down", "left_square_bracket", "layer(-1)", "", "vectors: layer down", "Layer down"),
        ("layer-up", "right_square_bracket", "layer(1)", "", "vectors: layer up", "One layer up"),
        (
            "compare",
            "c",
            "compare",
            "compare",
            "vectors: compare...",
            "Two vectors, layer by layer",
        ),
        ("algebra", "a", "algebra", "", "vectors: combine...", "A new set: joyful - sad + calm"),
        ("ratings", "v", "ratings", "", "vectors: ratings...", "A CSV of valence and arousal"),
        ("axes", "P", "axes", "", "vectors: axes", "Other components on the plane"),
        ("audit", "f", "audit", "", "vectors: audit...", "Begin a finding about this cosine"),
        ("details", "d", "details", "", "vectors: provenance", "Every choice that made the set"),
        ("list", "L", "show_list", "", "vectors: sets", "The list of sets and their emotions"),
    )
    + _pane(
        "vectors",
        "heat-map",
        ("cell-left", "left", "cursor_left", "", "", "One column left in the heat map"),
        ("cell-right", "right", "cursor_right", "", "", "One column right in the heat map"),
        ("cell-up", "up,k", "cursor_up", "", "", "One row up in the heat map"),
        ("cell-down", "down,j", "cursor_down", "", "", "One row down in the heat map"),
    )
    + _pane(
        "vectors",
        "scatter",
        (
            "next-point",
            "right",
            "next_point",
            "",
            "",
            "Next point of the scatter",
        ),
        ("previous-point", "left", "previous_point", "", "", "Point before"),
    )
)
_TOKENS = _pane(
    "tokens",
    "token-view",
    ("left", "h,left", "cursor_left", "", "", "One token left"),
    ("down", "j,down", "cursor_down", "", "", "One line down"),
    ("up", "k,up", "cursor_up", "", "", "One line up"),
    ("right", "l,right", "cursor_right", "", "", "One token right"),
    ("next-word", "w", "next_word", "", "", "Start of the next word"),
    ("previous-word", "b", "previous_word", "", "", "Start of the word, or of the one before"),
    ("line-start", "home,0", "line_start", "", "", "First token of the line"),
    ("line-end", "end,dollar_sign", "line_end", "", "", "Last token of the line"),
    ("first", "g,ctrl+home", "first", "", "", "First token"),
    ("last", "G,ctrl+end", "last", "", "", "Last token"),
    ("page-up", "pageup,ctrl+u", "page_up", "", "", "One page up"),
    ("page-down", "pagedown,ctrl+d", "page_down", "", "", "One page down"),
    ("mark", "v", "mark", "mark", "tokens: mark span", "Start or drop a span at the cursor"),
    ("yank", "y", "yank", "yank", "tokens: yank", "Copy the span, or the whole text"),
) + _pane(
    "tokens",
    "tokens",
    ("emotions", "e", "pick_emotions", "emotions", "tokens: emotions...", "Emotions and groups"),
    ("deflection", "d", "deflection", "", "tokens: deflection", "Expression or deflection"),
    ("scale", "s", "scale", "scale", "tokens: scale...", "End of the colour scale"),
    ("layer-down", "left_square_bracket", "layer(-1)", "", "tokens: layer down", "One layer down"),
    ("layer-up", "right_square_bracket", "layer(1)", "", "tokens: layer up", "One layer up"),
    ("open", "o", "open_text", "open", "tokens: open text...", "Paste or open a text or row"),
    ("next-row", "n", "next_row(1)", "", "tokens: next row", "The dataset's next row"),
    ("previous-row", "N", "next_row(-1)", "", "tokens: previous row", "The row before"),
    ("set", "S", "pick_set", "", "tokens: vectors...", "Which set of vectors colours the text"),
    ("export", "x", "export", "", "export: tokens...", "Write the scores as CSV, the text as HTML"),
)
_SLIDER = _pane(
    "steer",
    "slider",
    ("less", "left", "step(-1)", "", "", "Alpha down by .01"),
    ("more", "right", "step(1)", "", "", "Alpha up by .01"),
    ("much-less", "shift+left", "step(-10)", "", "", "Alpha down by .1"),
    ("much-more", "shift+right", "step(10)", "", "", "Alpha up by .1"),
    ("zero", "0", "zero", "zero", "steer: alpha to zero", "Alpha to 0"),
)
_SLIDERS = _pane(
    "steer",
    "sliders",
    ("slider-above", "up,k", "move(-1)", "", "", "The slider above, of several emotions"),
    ("slider-below", "down,j", "move(1)", "", "", "The slider below"),
)
_STEER = _pane(
    "steer",
    "steer",
    ("alpha", "", "type_alpha", "", "steer: set alpha...", "Type a value for alpha"),
    ("run", "ctrl+j", "run", "run", "steer: run", "Generate baseline and steered text"),
    ("sweep", "w", "sweep", "sweep", "steer: sweep", "Nine alphas in one batch"),
    (
        "random",
        "r",
        "random_control",
        "random",
        "steer: random control",
        "Random direction, same size",
    ),
    ("baseline", "b", "baseline", "", "steer: baseline", "Generate the baseline only"),
    (
        "to-tokens",
        "t",
        "to_tokens",
        "tokens",
        "steer: open in Tokens",
        "Colour this output in Tokens",
    ),
    ("emotions", "e", "pick_emotions", "", "steer: emotions...", "Several at once, a slider each"),
    ("prompt", "p", "edit_prompt", "", "steer: prompt", "Edit the prompt; Esc leaves it"),
    ("layer-down", "left_square_bracket", "layer(-1)", "", "steer: layer down", "One layer down"),
    ("layer-up", "right_square_bracket", "layer(1)", "", "steer: layer up", "One layer up"),
    ("positions", "o", "positions", "", "steer: positions...", "All, prompt, generated or a span"),
    ("sampling", "s", "sampling", "", "steer: sampling...", "Seed, length, temperature, top k, p"),
    ("mode", "m", "mode", "", "steer: mode...", "Add, project out, clamp or replace"),
    ("history", "H", "history", "", "steer: history", "Every run of this session; Enter replays"),
    ("diff", "D", "diff", "", "steer: compare outputs", "Where two outputs differ, word by word"),
    ("export", "x", "export", "", "export: steering run...", "Write the run as JSON or Markdown"),
    ("save", "", "save_recipe", "", "steer: save recipe...", "Keep emotions, alphas and settings"),
    ("recipe", "R", "load_recipe", "", "steer: load recipe...", "Take settings kept before"),
    ("set", "S", "pick_set", "", "steer: vectors...", "Which set of vectors steers"),
    ("audit", "f", "audit", "", "steer: audit...", "Claim what the run shows, for the Audit pane"),
    ("stop", "escape", "stop", "", "steer: stop", "Stop generating; what came stays on screen"),
)
_AUDIT = _pane(
    "audit",
    "audit",
    ("run", "space", "run_control", "run", "audit: run control", "Run the control at the cursor"),
    ("all", "a", "run_all", "all", "audit: run required", "What the verdict needs, cheapest first"),
    ("thorough", "A", "run_thorough", "", "audit: run everything", "Also after a failure"),
    ("cancel", "x", "cancel_audit", "", "audit: stop", "Stop; finished controls are kept"),
    ("new", "n", "new_finding", "new", "audit: new finding...", "Enter a claim from what you see"),
    ("preregister", "p", "preregister", "plan", "audit: seal plan...", "Show the plan, seal it"),
    ("waive", "w", "waive", "", "audit: waive control...", "Leave a control out; asks why"),
    ("deviate", "D", "deviate", "", "audit: deviation...", "Log a departure from the plan"),
    ("supply", "S", "supply", "", "audit: give more...", "Other texts, a second run, norms"),
    ("note", "N", "note", "", "audit: note...", "What is controlled, and what is not"),
    ("sentence", "L", "copy_sentence", "", "audit: copy sentence", "Copy what may be written"),
    (
        "blind",
        "b",
        "blind",
        "",
        "audit: blinded rating...",
        "Rate texts or curves unlabelled",
    ),
    ("unblind", "u", "unblind", "", "audit: unblind...", "Open the key of a blinded rating, once"),
    ("export", "e", "export", "", "export: audit report...", "Write AUDIT.md and audit.html"),
    ("filter", "slash", "filter", "", "audit: filter...", "Only findings with these words"),
    ("next-group", "right_parenthesis", "group(1)", "", "", "Next group of controls"),
    ("previous-group", "left_parenthesis", "group(-1)", "", "", "Group of controls before"),
    ("back", "escape", "back", "", "", "From the checklist back to the findings"),
)
_JOBS = _pane(
    "jobs",
    "jobs",
    ("cancel", "x", "cancel_job", "cancel", "job: cancel", "Cancel the job under the cursor"),
    ("details", "", "details", "", "job: details", "Everything the job has said"),
)

ACTIONS: tuple[Action, ...] = (
    *_EVERYWHERE,
    *_LISTS,
    *_DATA,
    *_PROBES,
    *_VECTORS,
    *_TOKENS,
    *_SLIDER,
    *_SLIDERS,
    *_STEER,
    *_AUDIT,
    *_JOBS,
)


def bindings(owner: str) -> list[BindingType]:
    """The Textual bindings of one class, for its BINDINGS."""
    return [
        Binding(
            action.keys,
            action.do,
            description=action.short or action.tip,
            show=bool(action.short),
            priority=action.priority,
            tooltip=action.tip,
            id=action.id,
        )
        for action in ACTIONS
        if action.owner == owner and action.keys
    ]


def footer(pane: str, keymap: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """At most seven (key, word) pairs for a pane; the global ones come last and always fit."""
    keymap = keymap or {}
    everywhere = [a for a in ACTIONS if a.pane == EVERYWHERE and a.short]
    own = [a for a in ACTIONS if a.pane == pane and a.short]
    chosen = own[: FOOTER_ENTRIES - len(everywhere)] + everywhere
    return [(shown_key(keymap.get(a.id, a.keys).split(",")[0]), a.short) for a in chosen]


def palette(pane: str | None = None) -> list[Action]:
    """Every action with a command name; those of the pane first."""
    named = [a for a in ACTIONS if a.command]
    return sorted(named, key=lambda a: (a.pane != pane, a.pane != EVERYWHERE))


def help_rows(pane: str, keymap: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """(keys, what they do) for a pane, then what works everywhere; a pane comes first."""
    keymap = keymap or {}
    lists = (LISTS,) if "table" in WIDGETS.get(pane, ()) else ()
    rows: list[tuple[str, str]] = []
    taken: set[str] = set()
    for place in (pane, *lists, EVERYWHERE):
        for a in (a for a in ACTIONS if a.pane == place and a.keys):
            keys = [k for k in keymap.get(a.id, a.keys).split(",") if k not in taken]
            if keys:
                rows.append((shown_keys(",".join(keys)), a.tip))
            if a.owner == pane:
                taken.update(keys)
    return rows


def markdown() -> str:
    """The table of keys for the README."""
    rows = ["| where | keys | what | id |", "|---|---|---|---|"]
    for action in ACTIONS:
        keys = shown_keys(action.keys).replace("|", "\\|")
        shown = f"`{keys}`" if keys else f"palette: {action.command}"
        rows.append(f"| {action.pane} | {shown} | {action.tip} | `{action.id}` |")
    return "\n".join(rows) + "\n"


_SHOWN = {
    "question_mark": "?",
    "slash": "/",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_parenthesis": "(",
    "right_parenthesis": ")",
    "dollar_sign": "$",
    "enter": "Enter",
    "space": "Space",
    "tab": "Tab",
    "escape": "Esc",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "f1": "F1",
}


def shown_key(key: str) -> str:
    """One key as people write it: `ctrl+p` is ^p, `question_mark` is ?."""
    *modifiers, name = key.split("+")
    shown = _SHOWN.get(name, name)
    for modifier in reversed(modifiers):
        shown = "^" + shown if modifier == "ctrl" else f"{modifier.capitalize()}+{shown}"
    return shown


def shown_keys(keys: str) -> str:
    """Every key of an action, separated by blanks."""
    return " ".join(shown_key(key) for key in keys.split(",") if key)
