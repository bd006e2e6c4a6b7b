"""Building a set of directions from the Vectors pane: what its key `b` does.

In: the pane. Out: a form of what can be built from what, a job on the engine, and the new set in
the workspace. Computes nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from emotui.errors import OptionError
from emotui.events import Job
from emotui.lanes import Tools
from emotui.options import METHODS, parse_layers
from emotui.panes.base import Pane
from emotui.sanitize import one_line
from emotui.screens.form import Field, Form, Wrong

if TYPE_CHECKING:
    from emotui.jobs.build import BuildResult
    from emotui.jobs.build_choices import BuildChoices

Answers = Mapping[str, str]


def begin_build(pane: Pane) -> None:
    """Look up what there is, then ask."""
    workspace = pane.workspace

    def listing(tools: Tools) -> Job:
        from emotui.jobs.build_choices import build_choices_job

        return build_choices_job(tools.home, run=workspace.run, dataset=workspace.dataset)

    def ask(choices: "BuildChoices") -> None:
        if not choices.runs:
            pane.toast(
                "no run has labels to build from; e in Data extracts one", severity="warning"
            )
            return
        pane.ask_for_job(lambda: build_form(choices), lambda answers: start_build(pane, answers))

    pane.submit(listing, "list runs", lane="desk", subject="build-choices", then=ask, quiet=True)


def build_form(choices: "BuildChoices") -> Form:
    """From which run, how, and what is taken out."""
    return Form(
        "One direction per emotion and layer",
        (
            Field("run", "run", choices.runs[0], choices=choices.runs, required=True),
            Field("name", "name", choices.name),
            Field("neutral", "neutral texts", choices.extracted, choices=choices.neutral),
            Field(
                "variance",
                "variance out",
                ".5",
                "share of the neutral texts' that is projected out",
            ),
            Field("method", "method", METHODS[0], choices=METHODS, required=True),
            Field("layers", "layers", "all", "all, or numbers, ranges, depths: 8,12-20,2/3"),
            Field("pool", "pooling", "", "empty: the run's first"),
            Field("expression", "deflection from", "", choices=choices.sets),
            Field("replace", "replace a set", "no", choices=("no", "yes"), required=True),
        ),
        hint="Neutral texts are extracted first where they have not been: their main components "
        "are taken out, and they give z. Ctrl+J builds",
        check=mistake,
    )


def mistake(answers: Answers) -> Wrong | None:
    """The first mistake in the answers that can be seen without the data; None for none."""
    if not answers["name"]:
        return Wrong("name", "give the set a name")
    try:
        if not 0 <= float(answers["variance"] or 0.5) < 1:
            return Wrong("variance", "the share of variance is from 0 to below 1")
    except ValueError:
        return Wrong("variance", "the share of variance is a number, e.g. .5")
    try:
        parse_layers(answers["layers"], option="layers")
    except OptionError as error:
        return Wrong("layers", str(error))
    return None


def start_build(pane: Pane, answers: Answers) -> int:
    """Submit the job of a filled form; its id."""
    name, device = answers["name"], pane.workspace.settings.text("device")

    def start(tools: Tools) -> Job:
        from emotui.jobs.build import BuildRequest, build_job

        request = BuildRequest(
            run=answers["run"],
            name=name,
            layers=parse_layers(answers["layers"], option="layers"),
            pooling=answers["pool"] or None,
            method=answers["method"],
            neutral=answers["neutral"] or None,
            variance=float(answers["variance"] or 0.5),
            expression=answers["expression"] or None,
            device=device,
            replace=answers["replace"] == "yes",
        )
        return build_job(tools.home, request, engine=tools.engine, cancelled=tools.cancelled)

    def built(result: "BuildResult") -> None:
        info = result.info
        pane.choose(replace(pane.workspace, vectors=info.name))
        pane.changed_on_disk()
        pane.toast(
            f"{one_line(info.name)}: {len(info.labels)} emotions at {len(info.layers)} layers; "
            "4 colours a text with them, 5 steers"
        )

    record = {"what": "build", "answers": dict(answers)}
    return pane.submit(start, f"build {name}", subject="build", then=built, resume=record)
