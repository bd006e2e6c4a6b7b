"""docs/keys.md is the table of actions; `python -m tests.emotui.test_keys` writes it anew.

And keys changed in the configuration, as that page explains it: by id, refused one by one.
"""

import re
import tomllib
from pathlib import Path

from emotui.actions import ACTIONS, markdown
from emotui.keymap import check_keymap

PAGE = Path(__file__).parents[2] / "docs" / "keys.md"
README = Path(__file__).parents[2] / "README.md"
HEAD = """\
# Keys

Written by `python -m tests.emotui.test_keys` from the table of actions; a test holds it current.

A key works where the table says: in its pane, in any list, or everywhere. A letter is text while a
line of text has the focus; Esc leaves the line. `^p` is Ctrl+P. `?` shows the keys of the pane in
focus, as they are set now, and Ctrl+P finds every command by its name.

Any key can be changed in the config file (`emotui config` says which files are read), by the
action's id, which is the last column:

```toml
[keys]
"app.help" = "f2"
"tokens.mark" = "m,space"
"steer.run" = "ctrl+r"
```

Several keys are separated by commas. Names are `a`, `A`, `f2`, `ctrl+r`, `shift+left`, `enter`,
`space`, `tab`, `escape`, `pageup`, `left_square_bracket`, `slash`, `question_mark`. What cannot be
used keeps its default and is said in a toast at the start: an id that is not in the table, a key
that another action has in the same place, a command without a key. Terminals do not tell
Ctrl+Enter, Ctrl+I, Ctrl+M and Ctrl+H from other keys, and tmux and screen keep Ctrl+A or Ctrl+B.

"""


def page() -> str:
    """The whole file."""
    return HEAD + markdown()


def test_the_page_is_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.emotui.test_keys"


def test_the_example_on_the_page_is_accepted() -> None:
    block = re.search(r"```toml\n(.+?)```", HEAD, flags=re.S)
    assert block is not None
    keys = tomllib.loads(block[1])["keys"]
    assert check_keymap(keys) == (keys, [])


def test_the_keys_the_readme_shows_are_in_the_table() -> None:
    readme = README.read_text(encoding="utf-8")
    table = markdown()
    shown = re.findall(r"^\| `([^`]+)`(?:, `([^`]+)`)* \| .+ \|$", _keys_of(readme), flags=re.M)
    assert len(shown) >= 8
    for keys in shown:
        for key in filter(None, keys):
            for one in key.split():
                assert re.search(rf"\| `(?:\S+ )*{re.escape(one)}(?: \S+)*` \|", table), one


def _keys_of(readme: str) -> str:
    return readme.split("| key | does |")[1].split("\n\n")[0]


def test_every_pane_has_actions_on_the_page() -> None:
    assert {row.split("|")[1].strip() for row in markdown().splitlines()[2:]} == {
        action.pane for action in ACTIONS
    }


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
