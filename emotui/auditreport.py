"""Writes the findings as AUDIT.md and as audit.html, one page that needs nothing else.

In: checked findings and their records. Out: two files. Only licensed sentences stand as results;
the claim as worded is shown as what was asked. Charts are drawn by `emotui.charts` from the tables
that controls left. Computes nothing.
"""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from emotui.auditview import WORDS, control_rows
from emotui.charts import Line, Panel, chart, thinned
from emotui.jobs.audit_check import Checked, CheckedHome
from emotui.jobs.audit_record import from_record
from emotui.sanitize import one_line, visible
from store.atomic import write_bytes
from store.errors import StoreError
from store.findings import load_finding
from store.layout import Home
from vectors.audits.registry import CONTROLS, required
from vectors.audits.settings import RULES

MARKDOWN, PAGE = "AUDIT.md", "audit.html"
_BLUE, _GREY = "#2b5d8a", "#888888"
_STYLE = """\
body{font:15px/1.5 Helvetica,Arial,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;
color:#222;background:#fff}table{border-collapse:collapse;margin:1rem 0;font-size:13px}
td,th{border:1px solid #ccc;padding:.3rem .5rem;text-align:left;vertical-align:top}
td.state{white-space:nowrap}summary{cursor:pointer}details p{margin:.3rem 0;color:#555}
ul.facts{font-size:13px;color:#555}h2{border-top:2px solid #222;padding-top:1rem}
.word{font-weight:bold}svg{max-width:100%;height:auto}
.claim{color:#555}.bad{color:#8a2b2b}"""
_INTRO = (
    "A verdict is computed from the states of its controls, never typed. A control that was not "
    "run never counts as passed. The sentence under a verdict is what may be written; the claim "
    "above it is what was asked."
)


def write_report(home: Home, checked: CheckedHome, out: Path) -> list[str]:
    """Both files; their paths."""
    out.mkdir(parents=True, exist_ok=True)
    pairs = [(c, _record(home, c)) for c in checked.findings]
    files = {MARKDOWN: _markdown(pairs), PAGE: _page(pairs)}
    for name, text in files.items():
        write_bytes(out / name, text.encode("utf-8"))
    return [str(out / name) for name in files]


def _record(home: Home, c: Checked) -> dict[str, Any] | None:
    if not c.verdict:
        return None
    try:
        return load_finding(home, c.id)
    except StoreError:
        return None


def control_chart(control: Mapping[str, Any]) -> str | None:
    """The control's curve as SVG, where it left one: layers (P7) or doses (C5)."""
    rows = control["table"]
    for x, y, title in (
        ("layer", "accuracy", "Balanced accuracy by layer"),
        ("dose", "outcome", "Mean outcome by dose"),
    ):
        if x not in rows or y not in rows or len(rows[x]) < 2:
            continue
        values = tuple(float("nan") if v is None else float(v) for v in rows[y])
        ticks = tuple(float(v) for v in rows[x])
        finite = [v for v in values if v == v]
        if not finite:
            return None
        room = (max(finite) - min(finite) or 1.0) * 0.1
        lines = [Line(y, ticks, values, _BLUE, points=True)]
        panel = Panel(
            title, x, y, tuple(lines), thinned(ticks), min(finite) - room, max(finite) + room
        )
        n = next(iter(control["numbers"].values()))["n"]
        return chart([panel], title=f"{control['id']}: {title.lower()}", rests_on=f"n {n:,}")
    return None


def _rows(record: Mapping[str, Any]) -> list[tuple[str, ...]]:
    need = required(from_record(record).claim)
    return [
        (row[0], row[1], CONTROLS[row[1]].question, row[2], row[3])
        for row in control_rows(record, need)
    ]


def _facts(c: Checked, record: Mapping[str, Any]) -> list[str]:
    sealed = record["prereg"]
    plan = (
        f"plan sealed {sealed['sealed_at']}, SHA-256 {sealed['sha256']}"
        if sealed
        else "no plan was sealed"
    )
    return [
        plan,
        f"preset {record['preset']}, seed {record['seed']}; {record['family_size']} claims on the "
        f"data set {record['family']}",
        f"settings tried before, as far as recorded: {record['forks']}",
        f"model {record['provenance']['model'] or 'not recorded yet'}, code "
        f"{record['provenance']['code_commit'] or 'not recorded yet'}",
        f"last hash of the history: {c.head}",
    ]


def _wrong(c: Checked) -> list[str]:
    found = [f"{p.fault}: {p.what}" for p in c.problems]
    return found + ([f"stale: {', '.join(c.stale)}"] if c.stale else [])


def _cell(text: str) -> str:
    return one_line(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _plain(text: str) -> str:
    """A foreign sentence inside Markdown: no markup of its own."""
    marked = "".join(f"\\{ch}" if ch in "\\`*_[]#|" else ch for ch in one_line(text))
    return marked.replace("<", "&lt;").replace(">", "&gt;")


def _markdown(pairs: Sequence[tuple[Checked, dict[str, Any] | None]]) -> str:
    out = [
        "# Audit",
        "",
        _INTRO,
        "",
        "| | finding | verdict | may be written |",
        "|---|---|---|---|",
    ]
    for c, _ in pairs:
        state = c.verdict or "NO RECORD"
        note = "" if not _wrong(c) else " (does not hold: see below)"
        out.append(f"| {c.glyph} | {_cell(c.id)} | {state}{note} | {_cell(c.sentence)} |")
    for c, record in pairs:
        out += ["", f"## {_plain(c.id)}", ""]
        out += [f"- **does not hold: {_plain(line)}**" for line in _wrong(c)]
        if record is None:
            continue
        verdict = record["verdict"]
        out += ["", f"Asked: {_plain(record['title'])}", "", f"**{c.glyph} {c.verdict}**", ""]
        out += [_plain(verdict["sentence"]), ""]
        out += [f"- {_plain(reason)}" for reason in verdict["reasons"]]
        out += ["", "| state | control | question | | found |", "|---|---|---|---|---|"]
        out += ["| " + " | ".join(_cell(x) for x in row) + " |" for row in _rows(record)]
        out += ["", *(f"{_plain(line)}  " for line in _facts(c, record))]
    return "\n".join(out) + "\n"


def _page(pairs: Sequence[tuple[Checked, dict[str, Any] | None]]) -> str:
    body = ["<h1>Audit</h1>", f"<p>{_INTRO}</p>", "<table><tr><th>finding</th><th>verdict</th>"
            "<th>may be written</th></tr>"]  # fmt: skip
    for c, _ in pairs:
        body.append(
            f"<tr><td>{_html(c.id)}</td><td>{_html(c.glyph)} {_html(c.verdict or 'NO RECORD')}"
            f"{' (does not hold)' if _wrong(c) else ''}</td><td>{_html(c.sentence)}</td></tr>"
        )
    body.append("</table>")
    for c, record in pairs:
        body.append(f"<h2>{_html(c.id)}</h2>")
        body += [f'<p class="bad">does not hold: {_html(line)}</p>' for line in _wrong(c)]
        if record is not None:
            body += _part(c, record)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Audit</title>\n'
        f"<style>{_STYLE}</style></head><body>\n" + "\n".join(body) + "\n</body></html>\n"
    )


def _part(c: Checked, record: Mapping[str, Any]) -> list[str]:
    verdict = record["verdict"]
    out = [
        f'<p class="claim">Asked: {_html(record["title"])}</p>',
        f'<p class="word">{_html(c.glyph)} {_html(c.verdict)}</p>',
        f"<p>{_html(verdict['sentence'])}</p>",
        "<ul>" + "".join(f"<li>{_html(reason)}</li>" for reason in verdict["reasons"]) + "</ul>",
        "<table><tr><th>state</th><th>control</th><th>question</th><th></th><th>found</th></tr>",
    ]
    for state, control, _, needed, found in _rows(record):
        out.append(
            f'<tr><td class="state">{_html(state)}</td><td>{_html(control)}</td>'
            f"<td>{_explained(control)}</td><td>{_html(needed)}</td><td>{_html(found)}</td></tr>"
        )
    out.append("</table>")
    for control in record["controls"].values():
        drawn = control_chart(control)
        if drawn is not None:
            out.append(drawn)
    facts = "".join(f"<li>{_html(line)}</li>" for line in _facts(c, record))
    return [*out, f'<ul class="facts">{facts}</ul>']


def _explained(control: str) -> str:
    """The question; opened, how it is answered, against what, and what it cannot tell."""
    entry = CONTROLS[control]
    lines = [f"<b>How.</b> {_html(entry.formula)}"]
    for key in entry.rules:
        rule = RULES[key]
        sign = "at most" if rule.better == "low" else "at least"
        lines.append(
            f"<b>Threshold.</b> {_html(rule.what)}: passes {sign} {rule.passes:g}, warns {sign} "
            f"{rule.warns:g} ({_html(rule.source)})"
        )
    lines.append(f"<b>Source.</b> {_html(entry.source)}")
    lines.append(f"<b>Cannot tell.</b> {_html(entry.cannot_tell)}")
    inside = "".join(f"<p>{line}</p>" for line in lines)
    return f"<details><summary>{_html(entry.question)}</summary>{inside}</details>"


def _html(text: str) -> str:
    return escape(visible(" ".join(str(WORDS.get(text, text)).split())))
