"""Shows a set of directions: what made it, a table of its emotions at one layer, cosines, lens.

In: a DirectionSet. Out: lines or JSON values. Names of labels, models and datasets are untrusted.
"""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from emotui.config import Settings
from emotui.events import Done, Job
from emotui.jobs.spec import spec_of
from emotui.sanitize import one_line, visible
from emotui.terminal import fixed, table
from vectors.directions import DirectionSet

Lens = dict[str, dict[str, list[str]]]


def set_lines(name: str, d: DirectionSet) -> list[str]:
    """What the set is and every choice that made it."""
    r = d.recipe
    k = d.k_removed
    lines = [
        f"{name}: {len(d.labels)} emotions, layers {_range(d.layers)}, width {d.unit.shape[-1]}",
        f"{r.kind}, {r.method}; {r.centring}; {r.normalisation}",
        f"model {one_line(r.model) or 'unknown'} ({one_line(r.revision) or 'revision unknown'}), "
        f"{r.dtype or 'dtype unknown'}, quantisation {r.quantisation or 'unknown'}",
        f"hook {r.hook_point}, pooling {r.pooling or 'unknown'}, dataset "
        f"{one_line(r.dataset) or 'unknown'}, run {r.run or 'none'}",
    ]
    if d.n_neutral:
        lines.append(
            f"neutral: {one_line(r.neutral)}, n {d.n_neutral}; removed k = {int(k.min())} to "
            f"{int(k.max())} components ({r.variance_removed:.0%} of their variance)"
        )
    else:
        lines.append("neutral: none; nothing was removed and there is no z")
    return lines + [f"note: {one_line(note)}" for note in r.notes]


def _range(layers: Sequence[int]) -> str:
    if list(layers) == list(range(layers[0], layers[-1] + 1)) and len(layers) > 1:
        return f"{layers[0]}-{layers[-1]}"
    return ", ".join(str(layer) for layer in layers)


def layer_lines(d: DirectionSet, layer: int, labels: Sequence[str]) -> list[str]:
    """The emotions at one layer: n, norm, what the neutral removal left, split-half."""
    at = d.layer_index(layer)
    rows = []
    for label in labels:
        i = d.labels.index(label)
        half = None if d.split_half is None else float(d.split_half[i, at])
        rows.append((label, int(d.n[i]), float(d.norm[i, at]), float(d.kept[i, at]), half))
    return [
        f"layer {layer}: mean residual norm {fixed(float(d.residual_norm[at]))}, "
        f"{int(d.k_removed[at])} components removed",
        *table(("emotion", "n", "norm", "kept", "split-half"), rows, flexible=0),
        "kept: norm after the neutral removal / before; split-half: centred cosine of two halves "
        "of the topics",
    ]


def cosine_lines(d: DirectionSet, layer: int) -> list[str]:
    """The cosine between every two emotions at one layer."""
    from vectors.directions import cosine_matrix

    matrix = cosine_matrix(d, layer)
    head = ["cosine", *(str(i) for i in range(len(d.labels)))]
    rows = [
        (f"{i} {visible(label)}", *(f"{matrix[i, j]:+.2f}" for j in range(len(d.labels))))
        for i, label in enumerate(d.labels)
    ]
    return table(head, rows, flexible=0)


def lens_rows(settings: Settings, d: DirectionSet, labels: Sequence[str], layer: int) -> Lens:
    """Per emotion, the tokens its direction promotes and suppresses; loads the set's model."""
    from emotui.jobs.engine import Engine
    from emotui.jobs.sets import load_for
    from emotui.progress import run_job
    from vectors.lens import vector_lens

    engine = Engine(threads=settings.number("threads"))
    spec = spec_of(settings, "")

    def job() -> Job:
        model = yield from load_for(engine, d, spec, other_model=False)
        found: Lens = {}
        for label in labels:
            tokens = vector_lens(model, d, label, layer)
            found[label] = {
                "promoted": [found.token for found in tokens.promoted],
                "suppressed": [found.token for found in tokens.suppressed],
            }
        yield Done(found)

    found = run_job(lambda _: job(), quiet=True)
    assert isinstance(found, dict)
    return found


def lens_lines(lens: Lens) -> list[str]:
    """The lens as a table; tokens come from the model and are made visible."""
    rows = [
        (
            label,
            " ".join(repr(visible(t))[1:-1] for t in tokens["promoted"][:6]),
            " ".join(repr(visible(t))[1:-1] for t in tokens["suppressed"][:6]),
        )
        for label, tokens in lens.items()
    ]
    return table(("emotion", "promotes", "suppresses"), rows, flexible=1)


def set_json(
    name: str,
    d: DirectionSet,
    *,
    layer: int | None = None,
    labels: Sequence[str] | None = None,
    lens: Lens | None = None,
) -> dict[str, object]:
    """The set as plain values; the directions themselves come with `emotui vectors export`."""
    chosen = d.labels if labels is None else tuple(labels)
    layers = d.layers if layer is None else (layer,)
    value: dict[str, object] = {
        "name": name,
        "labels": list(d.labels),
        "layers": list(d.layers),
        "d_model": int(d.unit.shape[-1]),
        "n_neutral": d.n_neutral,
        "k_removed": d.k_removed.tolist(),
        "residual_norm": d.residual_norm.tolist(),
        "recipe": asdict(d.recipe),
        "emotions": [_emotion_json(d, label, layers) for label in chosen],
    }
    if lens is not None:
        value["lens"] = lens
    return value


def _emotion_json(d: DirectionSet, label: str, layers: Sequence[int]) -> dict[str, object]:
    i, at = d.labels.index(label), [d.layer_index(layer) for layer in layers]
    half = None if d.split_half is None else np.asarray(d.split_half)[i, at].tolist()
    return {
        "emotion": label,
        "n": int(d.n[i]),
        "layers": list(layers),
        "norm": d.norm[i, at].tolist(),
        "kept": d.kept[i, at].tolist(),
        "split_half": half,
    }
