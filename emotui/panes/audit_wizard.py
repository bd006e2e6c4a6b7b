"""The form that enters a claim, filled from a suggestion, its words linted while one types.

In: a suggestion. Out: a `NewRequest`, or the `Supplies` of a finding, made of the answers. Reads no
store and computes nothing; the wording lint is that of R7, run on every key.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text
from textual.containers import Vertical
from textual.widgets import Input, Static

from emotui.errors import OptionError
from emotui.options import parse_alphas, parse_layers
from emotui.panes.audit_rows import paint_of
from emotui.panes.audit_suggest import ACTIVATIONS, EFFECTS, UNITS, Suggestion
from emotui.sanitize import one_line
from emotui.screens.form import Field, Form, Wrong

if TYPE_CHECKING:
    from emotui.jobs.audit_new import NewRequest
    from emotui.jobs.audit_supply import Supplies

DIRECTIONS = ("greater", "less", "two-sided")
AXES = ("valence", "arousal")
COMPONENTS = ("1", "2", "3", "4", "5")
PRESETS = ("quick", "standard", "full")


class ClaimForm(Form):
    """A form whose claim is linted while it is typed; what would be too much is said under it."""

    DEFAULT_CSS = """
    ClaimForm > Vertical { width: 96; }
    ClaimForm #lint { height: auto; max-height: 4; color: $warning; }
    """

    given: Suggestion | None = None
    """What the suggested sentence speaks of; it follows the fields until it is edited."""

    def on_mount(self) -> None:
        """The first look at the suggested words."""
        self.query_one(Vertical).mount(Static(id="lint"), before=self.query_one("#wrong"))
        self.call_after_refresh(self._lint)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Other words, another look; another emotion, another suggested sentence."""
        if event.input.id == "field-claim":
            self._lint()
        elif event.input.id in ("field-emotion", "field-other") and self.given is not None:
            answers, claim = self.answers, self.query_one("#field-claim", Input)
            before = self.given
            self.given = replace(before, emotion=answers.get("emotion", ""),
                                 other=answers.get("other", ""))  # fmt: skip
            if claim.value == before.sentence:
                claim.value = self.given.sentence

    def _lint(self) -> None:
        claim = self.query_one("#field-claim", Input)
        text = Text("\n".join(lint_lines(claim.value)))
        if cell_len(claim.value) >= claim.size.width:
            # The line shows a part of it; here it can be read whole.
            whole = Text(one_line(claim.value), style=paint_of(self).dim)
            text = Text("\n").join([whole, text]) if text.plain else whole
        for found in self.query("#lint").results(Static):
            found.update(text)


def lint_lines(text: str) -> list[str]:
    """What the words of a claim say beyond its controls, and what to write."""
    from vectors.audits.wording import lint

    return [f"! {one_line(hit.word)!r}: {hit.why}; write {hit.instead}" for hit in lint(text)]


def claim_form(kind: str, given: Suggestion) -> ClaimForm:
    """The form of a kind."""
    about = [Field("emotion", "emotion", given.emotion)]
    if kind == "axis":
        about = [
            Field("emotion", "axis", "valence", choices=AXES, required=True),
            Field("norms", "norms", "", "a CSV file with the columns emotion, valence, arousal"),
            Field("component", "component", "", "1 to 5; empty: the best of the first five"),
            Field("layer", "layer", given.layer, "empty: that at 2/3 of the depth"),
        ]
    elif kind == "probe":
        about += [
            Field("other", "against", given.other, "another emotion; empty: all the rest"),
            Field("layer", "layer", given.layer, "naming one adds P7; empty: names none"),
        ]
    elif kind == "cosine":
        about += [
            Field("other", "and emotion", given.other),
            Field("layer", "layer", given.layer, "empty: that at 2/3 of the depth"),
        ]
    else:
        about.append(Field("layer", "layer", given.layer, "empty: that at 2/3 of the depth"))
        if kind == "steering":
            about.append(Field("alpha", "alpha", given.alpha, "in mean residual norms, e.g. 0.1"))
        about += [
            Field("prompts", "prompts", "", "a file, one per line; empty: made from the texts"),
            Field("target_words", "target words", "", "by commas; empty: the emotion's own"),
            Field("neutral_words", "neutral words", "", "by commas; empty: as frequent, no mark"),
        ]
    source = (
        Field("run", "run", given.run)
        if kind in ACTIVATIONS
        else Field("vectors", "vectors", given.vectors)
    )
    every = (
        Field("claim", "claim", given.sentence),
        source,
        *about,
        *(
            []
            if kind == "axis"
            else [Field("direction", "direction", "greater", choices=DIRECTIONS, required=True)]
        ),
        Field("effect_min", "smallest effect", EFFECTS[kind], UNITS[kind]),
        Field("preset", "preset", "standard", choices=PRESETS, required=True),
        Field("seal", "seal the plan now", "yes", choices=("yes", "no"), required=True),
        Field("name", "id", "", "empty: made of kind and emotion"),
    )
    hint = (
        "Nothing is read yet. Sealed now, the verdict can be more than exploratory. Ctrl+J enters"
    )
    form = ClaimForm(f"A new {kind} claim", every, hint=hint, check=lambda a: mistakes(kind, a))
    form.given = given
    return form


def mistakes(kind: str, answers: Mapping[str, str]) -> Wrong | None:
    """The first mistake in the answers that can be seen without the data; None for none."""
    if not answers["claim"]:
        return Wrong("claim", "write the sentence that is to be tested")
    source = "run" if kind in ACTIVATIONS else "vectors"
    if not answers[source]:
        return Wrong(source, f"name the {source} the claim is about")
    if not answers["emotion"]:
        return Wrong("emotion", "name the emotion")
    if kind == "cosine" and not answers["other"]:
        return Wrong("other", "name the other emotion of the cosine")
    at = "layer"
    try:
        if answers.get("layer"):
            parse_layers(answers["layer"], option="layer")
        at = "alpha"
        if kind == "steering":
            found = parse_alphas(answers["alpha"], option="alpha") if answers["alpha"] else ()
            if len(found) != 1 or found[0] == 0:
                return Wrong(at, "alpha is one number other than 0, in mean residual norms")
    except OptionError as error:
        return Wrong(at, str(error))
    try:
        if not float(answers["effect_min"] or EFFECTS[kind]) > 0:
            return Wrong("effect_min", "the smallest effect of interest is above 0")
    except ValueError:
        return Wrong("effect_min", "the smallest effect is a number")
    prompts = answers.get("prompts")
    if prompts and not Path(prompts).expanduser().is_file():
        return Wrong("prompts", f"{prompts} is no file; write one prompt per line")
    if kind == "axis" and not Path(answers["norms"]).expanduser().is_file():
        return Wrong(
            "norms", "an axis needs norms: a CSV file with the columns emotion, valence, arousal"
        )
    if answers.get("component") and answers["component"] not in COMPONENTS:
        return Wrong("component", f"the component is one of {', '.join(COMPONENTS)}, or empty")
    return None


def new_request(kind: str, answers: Mapping[str, str]) -> "NewRequest":
    """The request of a filled form; imports the jobs, so call it on a job's thread."""
    from emotui.jobs.audit_new import NewRequest

    layer = answers.get("layer", "")
    return NewRequest(
        kind=kind,
        emotion=answers["emotion"],
        claim=answers["claim"],
        run=answers.get("run") or None,
        vectors=answers.get("vectors") or None,
        other=answers.get("other") or None,
        layer=parse_layers(layer, option="layer") if layer else None,
        alpha=parse_alphas(answers["alpha"])[0] if answers.get("alpha") else None,
        direction=answers.get("direction") or "greater",
        effect_min=float(answers["effect_min"] or EFFECTS[kind]),
        prompts=_lines(answers.get("prompts", "")),
        target_words=_words(answers.get("target_words", "")),
        neutral_words=_words(answers.get("neutral_words", "")),
        component=int(answers["component"]) if answers.get("component") else None,
        supplies=supplies_of(answers),
        name=answers["name"] or None,
        prereg=answers["seal"] == "yes",
        preset=answers["preset"] or "standard",
    )


def supply_form(finding: str) -> Form:
    """What else a finding may be held against."""

    def check(answers: Mapping[str, str]) -> Wrong | None:
        if not any(answers.values()):
            return Wrong("keyword_free", "nothing is given; fill one field or more")
        for name in ("norms", "paraphrases"):
            if answers[name] and not Path(answers[name]).expanduser().is_file():
                return Wrong(name, f"{answers[name]} is no file")
        return None

    return Form(
        f"What else {finding} is held against",
        (
            Field("keyword_free", "no emotion words", hint="a run over such texts (X3)"),
            Field("registers", "other registers", hint="runs, by commas (X4)"),
            Field("second_run", "second run", hint="another model (X5) or precision (X6)"),
            Field("neutral_run", "neutral texts", hint="a run over them (G5)"),
            Field("norms", "norms", hint="a CSV with emotion, valence, arousal (G8, C3)"),
            Field("paraphrases", "paraphrases", hint="a file, one template with {} a line (X7)"),
        ),
        hint="What was given before stays. Controls that read it run again. Ctrl+J gives it",
        check=check,
    )


def supplies_of(answers: Mapping[str, str]) -> "Supplies":
    """What a form gives beside the run; reads its files, so call it on a job's thread."""
    from emotui.jobs.audit_supply import Supplies
    from emotui.norms import read_norms

    norms = answers.get("norms", "")
    return Supplies(
        keyword_free=answers.get("keyword_free", ""),
        registers=_words(answers.get("registers", "")),
        second_run=answers.get("second_run", ""),
        neutral_run=answers.get("neutral_run", ""),
        norms=read_norms(Path(norms).expanduser()) if norms else None,
        paraphrases=_lines(answers.get("paraphrases", "")),
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(w.strip() for w in text.split(",") if w.strip())


def _lines(path: str) -> tuple[str, ...]:
    if not path:
        return ()
    lines = Path(path).expanduser().read_text(encoding="utf-8").splitlines()
    return tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
