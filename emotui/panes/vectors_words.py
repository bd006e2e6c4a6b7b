"""What the Vectors pane says in words: the lens, correlations, a comparison.

In: results of jobs. Out: single lines, safe to show.
"""

from emotui.headline import short_model
from emotui.jobs.atlas_spec import Atlas, Comparison, Correlation, LensFound, Mixture, SetEntry
from emotui.sanitize import one_line, visible
from emotui.widgets.cells import signed

SAME_TEXTS = (
    "not controlled: the same texts may be behind both directions; length, topic and words of them"
)


def set_cells(entry: SetEntry) -> list[str]:
    """A set as a row of the list: name, kind, emotions, dataset."""
    name = entry.name + (f"  ! {entry.problem}" if entry.problem else "")
    return [name, entry.kind or "?", str(len(entry.labels)), entry.dataset]


def about_lines(atlas: Atlas, entry: SetEntry | None) -> list[str]:
    """What the set is, what it was made from, what was removed at this layer and the unit there."""
    name, k = one_line(atlas.vectors), len(atlas.rows)
    lines = [f"{name}: {k} emotions, {len(atlas.layers)} layers · d: provenance"]
    if entry is not None:
        made = (entry.method, entry.model and f"model {short_model(entry.model)}")
        lines.append(" · ".join(one_line(part) for part in made if part))
    removed = "nothing removed, no neutral texts"
    if atlas.n_neutral:
        removed = f"k {atlas.k_removed} removed (neutral n {atlas.n_neutral:,})"
    known = atlas.residual_norm == atlas.residual_norm
    unit = f", |h| {size(atlas.residual_norm)}" if known else ""
    return [*lines, f"layer {atlas.layer}: {removed}{unit}"]


def size(value: float) -> str:
    """A length with three digits: `273`, `15.2`, `1.25`, `.180`."""
    places = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{places}f}".removeprefix("0")


def mixture_line(found: Mixture, *, most: int = 5) -> str:
    """The emotions that a sum lies nearest to and farthest from."""
    shown = [f"{one_line(label)} {signed(cosine)}" for label, cosine in found.cosines]
    if len(shown) > 2 * most:
        shown = [*shown[:most], "…", *shown[-most:]]
    return f"cosine at layer {found.layer}: " + " · ".join(shown)


def chart_notes(
    view: str, atlas: Atlas, compared: Comparison | None, axes: tuple[int, int] = (0, 1)
) -> list[str]:
    """What a chart rests on, and last what is not controlled."""
    if view == "compare":
        return [] if compared is None else [comparison_line(compared, atlas.layer), SAME_TEXTS]
    if view == "heat":
        return [cosine_rests_on(atlas), "not controlled: length, topic and words of the texts"]
    shares = ", ".join(axis_name(atlas, i) for i in range(len(atlas.share)))
    rests = f"principal components of {len(atlas.rows)} unit directions, layer {atlas.layer}: "
    lines = rating_lines(atlas, axes) or ["no ratings: v reads a CSV of valence and arousal"]
    return [rests + shares, *lines, "not controlled: length, topic and words of the texts"]


def lens_lines(found: LensFound, *, most: int = 10) -> list[str]:
    """The tokens a direction promotes and suppresses."""

    def listed(tokens: tuple[tuple[str, float], ...]) -> str:
        return " ".join(f'"{visible(token)}"' for token, _ in tokens[:most])

    top = f" (z {signed(found.promoted[0][1], places=1)})" if found.promoted else ""
    return [
        f"{visible(found.label)}, layer {found.layer}, logit lens{top}",
        f"promotes   {listed(found.promoted)}",
        f"suppresses {listed(found.suppressed)}",
    ]


def axis_name(atlas: Atlas, axis: int) -> str:
    """`PC1 41 %`."""
    return f"PC{axis + 1} {atlas.share[axis]:.0%}"


def rating_lines(atlas: Atlas, axes: tuple[int, int]) -> list[str]:
    """Per column of the ratings, r of the components on the plane with its interval and n."""
    if not atlas.correlations:
        return [atlas.ratings_note] if atlas.ratings_note else []
    by_rating: dict[str, list[Correlation]] = {}
    for found in atlas.correlations:
        if found.axis in axes:
            by_rating.setdefault(found.rating, []).append(found)
    lines = []
    for rating, all_axes in by_rating.items():
        parts = [
            f"PC{c.axis + 1} {signed(c.r)} [{signed(c.low)} {signed(c.high)}]" for c in all_axes
        ]
        lines.append(f"r with {visible(rating)}, n {all_axes[0].n}: " + " · ".join(parts))
    lines.append(f"{atlas.ratings_note}; the sign of a component is arbitrary")
    return lines


def cosine_rests_on(atlas: Atlas) -> str:
    """What the heat map rests on."""
    k = len(atlas.rows)
    null = signed(-1 / (k - 1)) if k > 1 else "–"
    return (
        f"cosine of unit directions, layer {atlas.layer}, ordered by average linkage; "
        f"{k} directions minus their mean: noise gives {null} on average"
    )


def comparison_line(found: Comparison, layer: int) -> str:
    """The comparison at one layer, beside chance."""
    at = found.layers.index(layer) if layer in found.layers else -1
    first, second = (f"{visible(s)}:{visible(e)}" for s, e in (found.first, found.second))
    return (
        f"{first} × {second}, layer {found.layers[at]}: cosine {signed(found.cosine[at])}, before "
        f"removal {signed(found.cosine_raw[at])}, norm ratio {found.norm_ratio[at]:.2f}; random "
        f"directions ±{2 * found.null_sd:.2f} (2 sd)"
    )
