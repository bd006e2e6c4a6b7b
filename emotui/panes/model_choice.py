"""Choosing the model that steers, colours and extracts.

In: a pane. Out: the workspace's model: one that was used before, another by its name, or none,
which means the one that the vectors in use were made with.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from emotui.events import Job
from emotui.jobs.spec import spec_of
from emotui.lanes import Tools
from emotui.panes.base import Pane
from emotui.sanitize import one_line
from emotui.screens.asking import AskText, PickOne

if TYPE_CHECKING:
    from emotui.jobs.models import KnownModel

OWN, OTHER = "own", "other"


def ask_for_model(pane: Pane) -> None:
    """List the known models and ask for one."""

    def listing(tools: Tools) -> Job:
        from emotui.jobs.models import known_models_job

        return known_models_job(tools.home)

    def ask(models: "tuple[KnownModel, ...]") -> None:
        options = [
            (OWN, "the vectors' own: whichever model the set in use was made with"),
            *((f"={model.source}", described(model)) for model in models),
            (OTHER, "another: a directory or a hub id..."),
        ]
        now = pane.workspace.model
        current = OWN if now is None else f"={now.source}"
        pane.ask(PickOne("Which model?", options, current=current), take)

    def take(chosen: str) -> None:
        if chosen == OTHER:
            hint = "a directory, or a hub id as name/model; it is loaded when it is first needed"
            pane.ask(AskText("Model", hint=hint, check=no_model), lambda text: use(text.strip()))
        else:
            use("" if chosen == OWN else chosen[1:])

    def use(source: str) -> None:
        model = spec_of(pane.workspace.settings, source) if source else None
        pane.choose(replace(pane.workspace, model=model))
        pane.toast(f"{one_line(source) or 'the own model of vectors'}: loaded when first needed")

    pane.submit(listing, "list models", lane="desk", subject="choose-model", then=ask, quiet=True)


def described(model: "KnownModel") -> str:
    """A model in one line."""
    counts = ((model.runs, "run"), (model.sets, "set"))
    used = [f"{n} {what}{'s' if n > 1 else ''}" for n, what in counts if n]
    return " · ".join([model.source, *used, *(["no longer there"] if model.gone else [])])


def no_model(text: str) -> str:
    """Why this cannot be a model; "" where it may be one."""
    source = text.strip()
    if not source:
        return "a directory or a hub id; Esc leaves the model as it is"
    if source[0] in "/~." and not Path(source).expanduser().is_dir():
        return "there is no such directory"
    return ""
