"""Findings as lines of text: the list, one finding with its controls, the outcome of a check.

In: records as plain values. Out: lines; every foreign text is sanitised. Computes nothing.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emotui.sanitize import one_line, shorten
from emotui.terminal import table

if TYPE_CHECKING:
    from emotui.jobs.audit_check import CheckedHome

STATE_GLYPHS: Mapping[str, str] = {
    "pass": "✓", "warn": "≈", "fail": "✗", "limited": "?", "not_run": "◌", "waived": "◌",
    "n/a": "·",
}  # fmt: skip
WORDS: Mapping[str, str] = {"not_run": "not run"}


def number(value: Mapping[str, Any]) -> str:
    """`0.81 [0.76, 0.85] n 240/24`, the interval only where there is one."""
    middle, low, high = (value[k] for k in ("value", "low", "high"))
    if middle is None:
        return "-"
    if low is None or high is None or low == high:
        said = f"{middle:.3g}"
    else:
        said = "{} [{}, {}]".format(*_alike(middle, low, high))
    n = f"n {value['n']:,}" + (
        f"/{value['n_clusters']:,}" if value["n_clusters"] != value["n"] else ""
    )
    return f"{said} {n}"


def _alike(*values: float) -> list[str]:
    """With as many decimals as the largest of them needs for three digits."""
    largest = max(abs(v) for v in values)
    places = 2 if not largest else min(max(2 - math.floor(math.log10(largest)), 0), 9)
    return [f"{v:.{places}f}" if float(f"{v:.{places}f}") else "0" for v in values]


def control_numbers(control: Mapping[str, Any], *, most: int = 4) -> str:
    """The first numbers of a control and its deciding null."""
    parts = [f"{name} {number(v)}" for name, v in list(control["numbers"].items())[:most]]
    if control["nulls"]:
        null = control["nulls"][0]
        parts.append(null_text(null))
    return "; ".join(parts)


def null_text(null: Mapping[str, Any]) -> str:
    """`p 0.01 (B 99, null 0.50 ± 0.02)`."""
    mean = "" if null["mean"] is None or null["sd"] is None else (
        f", null {null['mean']:.3g} ± {null['sd']:.2g}"
    )  # fmt: skip
    return f"p {null['p']:.3g} (B {null['b']:,}{mean})"


def control_rows(record: Mapping[str, Any], required: Sequence[str]) -> list[tuple[str, ...]]:
    """Glyph and state, id, whether required, reason or numbers: required ones that lack first."""
    waived = {w["control"]: w for w in record["waivers"]}
    rows: list[tuple[str, ...]] = []
    for name in [*required, *(c for c in record["controls"] if c not in required)]:
        found = record["controls"].get(name)
        state = found["state"] if found else "waived" if name in waived else "not_run"
        text = "; ".join(found["reasons"]) if found and found["reasons"] else ""
        if not found and name in waived:
            text = f"waived by {waived[name]['by']}: {waived[name]['reason']}"
        numbers = control_numbers(found) if found else ""
        rows.append((
            f"{STATE_GLYPHS[state]} {WORDS.get(state, state)}", name,
            "required" if name in required else "", one_line(text or numbers),
            one_line(numbers),
        ))  # fmt: skip
    return rows


def finding_lines(record: Mapping[str, Any], required: Sequence[str]) -> list[str]:
    """One finding: claim, verdict, reasons, controls, what it rests on."""
    verdict, subject = record["verdict"], record["subject"]
    sealed = record["prereg"]
    lines = [
        f"{record['id']}  {one_line(record['title'])}",
        f"{verdict['glyph']} {verdict['word']}{_tried(record)}",
        f"  {one_line(verdict['sentence'])}",
    ]
    lines += [f"  because: {one_line(reason)}" for reason in verdict["reasons"]]
    if verdict["badges"]:
        earned = ", ".join(
            b["name"] + (f" ({b['detail']})" if b["detail"] else "") for b in verdict["badges"]
        )
        lines.append(f"  badges: {earned}")
    for hit in record["wording"]:
        lines.append(
            f"  wording: {one_line(hit['word'])!r}: {hit['why']}; write {one_line(hit['instead'])}"
        )
    lines += ["", f"  about: {about(subject)}"]
    lines.append(
        f"  plan: sealed {sealed['sealed_at']}, {sealed['sha256'][:12]}" if sealed
        else "  plan: none was sealed, so at best exploratory"
    )  # fmt: skip
    lines.append(
        f"  preset {record['preset']}, seed {record['seed']}; claims on {record['family']}: "
        f"{record['family_size']}; settings tried before: {record['forks']}"
    )
    lines.append("")
    rows = [row[:4] for row in control_rows(record, required)]
    return lines + table(("state", "control", "", "what was found"), rows)


def _tried(record: Mapping[str, Any]) -> str:
    """The settings looked at before the claim: a verdict must not be read without them."""
    n = record["forks"]
    return f"  after {n:,} setting{'' if n == 1 else 's'} tried" if n else ""


def about(subject: Mapping[str, Any]) -> str:
    """What is audited, in one line: emotion, run or vectors, layer, pooling, alpha, prompts."""
    other = f" and {subject['other']}" if subject["other"] else ""
    where = f"vectors {subject['vectors']}" if subject["vectors"] else f"run {subject['run']}"
    alpha = "" if subject["alpha"] is None else f", alpha {subject['alpha']:+g}"
    prompts = f", {len(subject['prompts'])} prompts" if subject["prompts"] else ""
    return one_line(
        f"{subject['emotion']}{other}, {where}, layer {subject['layer']}, pooling "
        f"{subject['pooling']}{alpha}{prompts}"
    )


def list_lines(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line per finding."""
    rows = [
        (r["id"], r["kind"], f"{r['verdict']['glyph']} {r['verdict']['word']}",
         shorten(one_line(r["title"]), 72))
        for r in records
    ]  # fmt: skip
    return table(("finding", "kind", "verdict", "claim"), rows)


def check_lines(checked: "CheckedHome") -> list[str]:
    """Every finding with what is wrong with it, the ledger, then how many hold."""
    lines = []
    for c in checked.findings:
        lines.append(f"{c.glyph or '✗'} {c.verdict or 'NO RECORD'}  {c.id}")
        lines += [f"    {p.fault}: {one_line(p.what)}" for p in c.problems]
        if c.stale:
            lines.append(f"    stale: {', '.join(c.stale)}; emotui audit run {c.id}")
    lines += [f"✗ {p.fault}: {one_line(p.what)}" for p in checked.ledger]
    good = sum(c.holds for c in checked.findings)
    lines.append(f"{good} of {len(checked.findings)} findings hold")
    if checked.ledger_head:
        lines.append(f"last hash of the ledger: {checked.ledger_head} (--ledger-head HASH)")
    return lines


def gate_lines(found: Any) -> list[str]:
    """The integrity gate of one model: what was checked, when, and what it blocks."""
    model = found.model
    lines = [
        f"{one_line(model['source'])}  {model['dtype']} on {model['device']}, attention "
        f"{model['attention']}, quantisation {model['quantisation']}",
        f"  revision {one_line(model['revision'])}, tokenizer {model['tokenizer_hash'][:12]}, "
        f"{found.code}",
        f"  pushed along: {one_line(found.push)}",
        "",
    ]
    results = {name: r.to_json() for name, r in found.results.items()}
    rows = [
        (f"{STATE_GLYPHS[r['state']]} {WORDS.get(r['state'], r['state'])}", name,
         found.times[name][:19].replace("T", " "),
         one_line("; ".join(filter(None, [control_numbers(r), *r["reasons"]]))))
        for name, r in results.items()
    ]  # fmt: skip
    lines += table(("state", "check", "run at (UTC)", "what was found"), rows)
    if found.failed:
        lines.append(
            f"{', '.join(found.failed)} failed: every claim about this model is INCONCLUSIVE until "
            "the gate is run again and passes"
        )
    return lines
