"""What the user is working on, in one place: every pane reads it, any pane may change it.

A `Workspace` is frozen; a pane hands the shell a changed copy (`dataclasses.replace`), the shell
tells every pane which names changed. Most of it survives in the session file. Plain values only:
knows no Textual and nothing heavy.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from emotui.config import Settings
from emotui.jobs.spec import ModelSpec
from emotui.session import Session
from store.layout import Home

if TYPE_CHECKING:
    from emotui.jobs.probe import ProbeReport


@dataclass(frozen=True)
class SamplingChoice:
    """How tokens are drawn; the fields of vectors.sampling.Sampling without its seed."""

    max_new_tokens: int = 64
    temperature: float = 1.0
    """0 takes the most likely token every time."""
    top_k: int = 0
    """0 = no limit."""
    top_p: float = 1.0


@dataclass(frozen=True)
class ShownText:
    """A text handed to the Tokens pane: a dataset row, a pasted text, a steering output."""

    text: str
    origin: str
    """Where it comes from, for the title: "demo-stories row 12", "steered α +0.06"."""
    prompt: str = ""
    """The beginning that the model was given; "" when all of it is the user's."""
    token_ids: tuple[int, ...] = ()
    """Of what the model wrote after the prompt; () where the text must be cut into tokens anew."""
    pieces: tuple[str, ...] = ()
    """Per token id, the text it completed; `prompt` and these join to `text`."""


@dataclass(frozen=True)
class Workspace:
    """The current choices; "" and None mean nothing chosen yet."""

    home: Home
    settings: Settings
    model: ModelSpec | None = None
    """Which model jobs load; it says nothing about whether it is loaded now."""
    dataset: str = ""
    row: int = 0
    """Row of the dataset under the cursor."""
    run: str = ""
    """Run id, whole."""
    run_model: str = ""
    """Model of `run`, a path or hub id; "" until a job has read it."""
    probe: "ProbeReport | None" = None
    """The newest probe of `run`; None until a job has brought one."""
    vectors: str = ""
    """Name of a set of vectors."""
    layer: int | None = None
    """Counted from 0; residual stream after that block."""
    emotion: str = ""
    emotions: tuple[str, ...] = ()
    """Those that colour tokens."""
    pair: tuple[str, str] = ("", "")
    """The two emotions of the cosine under the heat map's cursor; empty where there is none."""
    claim: Literal["", "probe", "cosine", "steering"] = ""
    """A finding to begin from what is shown; the Audit pane takes it up and empties it."""
    alpha: float = 0.0
    """In mean residual norms."""
    prompt: str = ""
    seed: int = 0
    sampling: SamplingChoice = field(default_factory=SamplingChoice)
    text: ShownText | None = None
    """What the Tokens pane shows."""
    steering: bool = False
    """Whether a model is being generated from with an intervention right now."""
    history: tuple[dict[str, Any], ...] = ()
    """Steering runs as JSON values, oldest first."""
    veiled: frozenset[str] = frozenset()
    """Data sets with a finding that is being rated: their curves, names and colours are hidden."""
    datasets_version: int = 0
    """Grows whenever datasets, runs or vectors on disk have changed: list them again."""


NAMES = frozenset(f.name for f in dataclasses.fields(Workspace))
"""Every name a change can have."""
_SESSION = ("dataset", "row", "run", "vectors", "layer", "emotion", "emotions", "alpha", "seed",
            "prompt", "history")  # fmt: skip
"""Fields with the same name and type in the session file."""


def differences(before: Workspace, after: Workspace) -> frozenset[str]:
    """The names whose values differ."""
    return frozenset(
        name
        for name in NAMES
        if getattr(before, name) is not getattr(after, name)
        and getattr(before, name) != getattr(after, name)
    )


def from_session(workspace: Workspace, session: Session, *, model: ModelSpec | None) -> Workspace:
    """The workspace with what the session remembers; `model` is the spec of `session.model`."""
    kept = {name: getattr(session, name) for name in _SESSION}
    return dataclasses.replace(workspace, model=model, **kept)


def to_session(workspace: Workspace, session: Session) -> Session:
    """The session with what the workspace holds now."""
    kept = {name: getattr(workspace, name) for name in _SESSION}
    model = "" if workspace.model is None else workspace.model.source
    return dataclasses.replace(session, model=model, **kept)
