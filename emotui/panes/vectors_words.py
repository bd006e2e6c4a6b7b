"""What the Vectors pane says in words: the lens, correlations, a comparison.

In: results of jobs. Out: single lines, safe to show.
"""

from emotui.jobs.atlas_spec import Atlas, Comparison, Correlation, LensFound
from emotui.sanitize import visible
from emotui.widgets.cells import signed


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


def rating_lines(atlas: Atlas) -> list[str]:
    """Per column of the ratings, r of every component with its interval and n."""
    if not atlas.correlations:
        return [atlas.ratings_note] if atlas.ratings_note else []
    by_rating: dict[str, list[Correlation]] = {}
    for found in atlas.correlations:
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
    null = f"{-1 / (k - 1):+.2f}" if k > 1 else "-"
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
