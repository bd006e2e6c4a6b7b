"""`emotui audit new`: a claim from the command line, entered but not computed.

In: option values. Out: a finding whose verdict is UNTESTED. Reads the files that are named.
"""

from pathlib import Path
from typing import Annotated

import typer

from emotui.commands.audit_frame import PRESETS, show_record
from emotui.commands.audit_supply import (
    KeywordFreeOption,
    NeutralRunOption,
    NormsOption,
    ParaphrasesOption,
    RegisterOption,
    SecondRunOption,
    lines_of,
    supplies_of,
)
from emotui.commands.frame import HomeOption, JsonOption, home_for, required, settings_for
from emotui.errors import OptionError
from emotui.options import parse_alphas, parse_choices, parse_layers, parse_pair

EXAMPLE = (
    "Example: emotui audit new --kind probe --run stories260k-bench --emotion furious "
    '--claim "furious can be read off" --prereg'
)
KINDS = ("probe", "cosine", "axis", "steering", "ablation")


def new(
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind", help="probe, cosine, axis, steering or ablation.", show_default=False
        ),
    ] = None,
    emotion: Annotated[
        str | None,
        typer.Option(
            "--emotion",
            help="The emotion it is about; for an axis: valence or arousal.",
            show_default=False,
        ),
    ] = None,
    claim: Annotated[
        str | None,
        typer.Option("--claim", help="The sentence to be tested.", show_default=False),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option("--run", help="Activations, for probe, cosine and axis.", show_default=False),
    ] = None,
    vectors: Annotated[
        str | None,
        typer.Option(
            "--vectors",
            help="Set of vectors, for steering, ablation, or the cosine of a foreign pair.",
            show_default=False,
        ),
    ] = None,
    other: Annotated[
        str | None,
        typer.Option(
            "--with",
            help="The other emotion; for a probe: instead of the rest.",
            show_default=False,
        ),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(
            "--layer",
            help="The layer the claim names; else that at 2/3 of the depth.",
            show_default=False,
        ),
    ] = None,
    pool: Annotated[
        str | None,
        typer.Option("--pool", help="Which pooling; else the run's first.", show_default=False),
    ] = None,
    alpha: Annotated[
        str | None,
        typer.Option(
            "--alpha", help="Strength of steering, in mean residual norms.", show_default=False
        ),
    ] = None,
    direction: Annotated[
        str, typer.Option("--direction", help="greater, less or two-sided.")
    ] = "greater",
    effect_min: Annotated[
        float | None,
        typer.Option(
            "--effect-min",
            help="Smallest effect of interest, in the statistic's units.",
            show_default=False,
        ),
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            "--prompts",
            help="Steering, ablation: a file with one prompt per line.",
            show_default=False,
        ),
    ] = None,
    target_words: Annotated[
        str | None,
        typer.Option(
            "--target-words",
            help="Steering, ablation: words whose odds are the outcome, by commas.",
            show_default=False,
        ),
    ] = None,
    neutral_words: Annotated[
        str | None,
        typer.Option(
            "--neutral-words",
            help="Steering, ablation: words they are held against.",
            show_default=False,
        ),
    ] = None,
    component: Annotated[
        int | None,
        typer.Option(
            "--component",
            help="Axis: which principal component, from 1; else the best of the first five.",
            show_default=False,
        ),
    ] = None,
    keyword_free: KeywordFreeOption = None,
    register: RegisterOption = None,
    second_run: SecondRunOption = None,
    neutral_run: NeutralRunOption = None,
    norms: NormsOption = None,
    paraphrases: ParaphrasesOption = None,
    prereg: Annotated[
        bool, typer.Option("--prereg", help="Seal the plan now, before anything is read.")
    ] = False,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            "--threshold",
            help="With --prereg: KEY=PASS,WARN in place of the table's; repeatable.",
            show_default=False,
        ),
    ] = None,
    preset: Annotated[
        str, typer.Option("--preset", help="How much is drawn: quick, standard or full.")
    ] = "standard",
    seed: Annotated[int, typer.Option("--seed", help="First seed of every draw.")] = 0,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Id; else made of kind and emotion.", show_default=False),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enter a claim. Its verdict is UNTESTED until its controls have run.

    Nothing is computed here. With --prereg the plan and its thresholds are hashed and written into
    the history first; only then can the verdict be SUPPORTED and not merely exploratory.
    """
    example = {"--kind": "probe", "--emotion": "furious", "--claim": '"furious can be read off"'}
    kind = required(kind, option="--kind", example=example["--kind"])
    emotion = required(emotion, option="--emotion", example=example["--emotion"])
    claim = required(claim, option="--claim", example=example["--claim"])
    parse_choices(kind, allowed=KINDS, option="--kind")
    parse_choices(direction, allowed=("greater", "less", "two-sided"), option="--direction")
    parse_choices(preset, allowed=PRESETS, option="--preset")
    strengths = () if alpha is None else parse_alphas(alpha)
    if alpha is not None and (len(strengths) != 1 or strengths[0] == 0):
        raise OptionError("--alpha of a claim is one number other than 0, e.g. --alpha 0.1")
    texts = () if prompts is None else lines_of(prompts, option="--prompts", what="prompt")
    given = supplies_of(keyword_free, register, second_run, neutral_run, norms, paraphrases)
    here = home_for(settings_for(home))

    from emotui.jobs.audit_new import NewRequest, new_audit

    record = new_audit(
        here,
        NewRequest(
            kind=kind,
            emotion=emotion,
            claim=claim,
            run=run,
            vectors=vectors,
            other=other,
            layer=None if layer is None else parse_layers(layer, option="--layer"),
            pooling=pool,
            alpha=strengths[0] if strengths else None,
            direction=direction,
            effect_min=effect_min,
            prompts=texts,
            target_words=_words(target_words),
            neutral_words=_words(neutral_words),
            component=component,
            supplies=given,
            name=name,
            prereg=prereg,
            preset=preset,
            thresholds=_thresholds(threshold or []),
            seed=seed,
        ),
    )
    show_record(record, as_json=as_json, home=here)


def _thresholds(given: list[str]) -> dict[str, tuple[float, float]]:
    found = {}
    for text in given:
        key, value = parse_pair(text, option="--threshold", form="KEY=PASS,WARN")
        numbers = parse_alphas(value, option="--threshold")
        if len(numbers) > 2:
            raise OptionError(f"--threshold {key} has {len(numbers)} numbers; write KEY=PASS,WARN")
        found[key] = (numbers[0], numbers[-1])
    return found


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(w.strip() for w in (text or "").split(",") if w.strip())
