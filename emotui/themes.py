"""The workbench's three themes: dark, light and high contrast.

Their backgrounds are the zero of the diverging scale, so they stay close to black or white. Knows
no widget.
"""

from textual.theme import Theme


def _variables(*, track: str, thumb: str) -> dict[str, str]:
    """What Textual would otherwise derive: a scrollbar must be seen, its track must not."""
    bar = {f"scrollbar{part}": thumb for part in ("", "-hover", "-active")}
    behind = {f"scrollbar-background{part}": track for part in ("", "-hover", "-active")}
    return {"block-cursor-text-style": "bold", "scrollbar-corner-color": track, **bar, **behind}


DARK = Theme(
    name="emotui-dark",
    primary="#56a3d9",
    secondary="#8a8f98",
    accent="#e69f00",
    warning="#f0b429",
    error="#ff6b6b",
    success="#4fb286",
    foreground="#e4e4e4",
    background="#121212",
    surface="#181818",
    panel="#232323",
    dark=True,
    variables=_variables(track="#181818", thumb="#5c626b"),
)
LIGHT = Theme(
    name="emotui-light",
    primary="#005b8f",
    secondary="#5a5f66",
    accent="#9c4200",
    warning="#7a5600",
    error="#a8071a",
    success="#1d6b47",
    foreground="#1a1a1a",
    background="#ffffff",
    surface="#f6f6f6",
    panel="#e8e8e8",
    dark=False,
    variables=_variables(track="#f0f0f0", thumb="#8a8f98"),
)
CONTRAST = Theme(
    name="emotui-contrast",
    primary="#6cc6ff",
    secondary="#d0d0d0",
    accent="#ffd000",
    warning="#ffd000",
    error="#ff8080",
    success="#7dffb0",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#202020",
    dark=True,
    text_alpha=1.0,
    variables=_variables(track="#202020", thumb="#d0d0d0"),
)
THEMES = (DARK, LIGHT, CONTRAST)


def next_theme(name: str) -> str:
    """The theme after this one, round and round."""
    names = [theme.name for theme in THEMES]
    return names[(names.index(name) + 1) % len(names)] if name in names else names[0]
