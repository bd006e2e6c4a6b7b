"""Shows what a look over a dataset found, as lines.

In: a DatasetCheck. Out: lines; labels come from the dataset, so they are made visible.
"""

from collections.abc import Sequence

from emotui.sanitize import one_line
from emotui.terminal import fixed, table
from store.checks import DatasetCheck, Duplicates

MOST_LABELS = 30


def check_lines(c: DatasetCheck) -> list[str]:
    """Counts, balance, lengths, duplicates, leaks; then one line per thing to worry about."""
    out = [
        f"{c.name}: {c.rows:,} rows looked at, {c.excluded:,} excluded",
        f"labels: {len(c.labels)}, unlabelled rows {c.unlabelled:,}; topics: {c.topics}, rows per "
        f"topic {c.rows_per_topic[0]:,} to {c.rows_per_topic[1]:,}, without topic "
        f"{c.without_topic:,}",
    ]
    if c.skipped:
        skipped = ", ".join(f"{one_line(k)} {n:,}" for k, n in c.skipped.items())
        out.append(f"skipped at the import: {skipped}")
    if c.label_topic_v is not None and c.empty_cells is not None:
        out.append(
            f"label and topic: Cramer's V {fixed(c.label_topic_v)} (0 = independent), "
            f"{c.empty_cells:.1%} of label x topic pairs have no row"
        )
    out += _lengths(c)
    out += [
        _duplicates("equal texts", c.same),
        _duplicates(f"near duplicates (similarity from {c.near_threshold:g})", c.near)
        + (" (not all pairs compared)" if c.near_capped else ""),
        f"control characters: {c.control_characters:,} texts" + _rows(c.control_examples),
    ]
    if c.leaks:
        out.append(
            f"label words: {c.leak_rate:.1%} of labelled texts use a form of their own label, "
            f"{c.any_label_word:,} a form of any label"
        )
    out += _labels(c)
    out += [f"warning: {one_line(w)}" for w in c.warnings]
    if not c.warnings:
        out.append("nothing to worry about was found")
    return out


def _lengths(c: DatasetCheck) -> list[str]:
    rows: list[Sequence[str | int]] = [
        (unit, *(round(float(quantiles[q])) for q in quantiles))
        for unit, quantiles in (("characters", c.characters), ("words", c.words))
    ]
    head = ["length", *(f"{float(q):.0%}" for q in c.characters)]
    out = table(head, rows) if c.characters else []
    if c.length_eta2 is not None:
        out.append(
            f"length between labels: {c.length_eta2:.1%} of its variance (n {c.length_n:,}); "
            f"{c.very_short:,} texts of fewer than three words"
        )
    return out


def _duplicates(name: str, d: Duplicates) -> str:
    if not d.groups:
        return f"{name}: none"
    return (
        f"{name}: {d.groups:,} sets, {d.redundant:,} rows too many, {d.across_labels:,} rows "
        f"across labels, {d.across_topics:,} across topics" + _rows(tuple(g[0] for g in d.examples))
    )


def _rows(rows: tuple[int, ...]) -> str:
    return f" (e.g. rows {', '.join(str(r) for r in rows[:5])})" if rows else ""


def _labels(c: DatasetCheck) -> list[str]:
    if not c.labels:
        return []
    leaks = {leak.label: leak for leak in c.leaks}
    rows = []
    for label, n in list(c.labels.items())[:MOST_LABELS]:
        leak = leaks.get(label)
        rows.append((label, n, leak.named if leak else None, leak.derived if leak else None))
    out = table(("label", "rows", "names it", "any form"), rows, flexible=0)
    if len(c.labels) > MOST_LABELS:
        out.append(f"and {len(c.labels) - MOST_LABELS} more labels (--json lists all)")
    return out
