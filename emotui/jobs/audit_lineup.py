"""The line-up of a probe finding: eight curves are computed, a pick is written down, R10 follows.

In: a finding's id; later a pick. Out: a `LineUp`; then the record with R10 over every round. Each
pick is an event of the finding's history, so a round cannot be played again for a better one.
Computes no curve and no p itself.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emotui.errors import OptionError, UserError
from emotui.events import Cancelled, Done, Job, Progress, never
from emotui.jobs.audit_data import ACTIVATIONS, LABELS, input_hashes, source_of, two_sides
from emotui.jobs.audit_edit import refuse_spoilt
from emotui.jobs.audit_record import Audit, open_audit
from emotui.jobs.streaming import Emit, streaming
from store.findings import add_event, events
from store.layout import Home
from vectors.audits.lineup import CURVES, LETTERS, LineUp, judge_picks, line_up
from vectors.errors import Cancelled as CancelledError

EVENT = "line-up"


@dataclass(frozen=True, eq=False)
class Posed:
    """One round, ready to be shown."""

    finding: str
    lineup: LineUp
    emotion: str
    other: str
    """The second emotion; "" = the rest."""
    inputs: Mapping[str, str]
    """Hashes of what the curves were made from."""


def lineup_job(home: Home, finding: str, *, cancelled: Cancelled = never) -> Job:
    """Computes the curves of the next round; Done holds a `Posed`."""
    audit = open_audit(home, finding)
    refuse_spoilt(home, audit.id)
    if audit.claim.kind != "probe":
        raise UserError(
            f"{audit.id} is {audit.claim.named}; the line-up is of probe curves (texts of a "
            "steering claim are rated: emotui audit blind start)"
        )
    number = len(picks(home, audit.id)) + 1
    with source_of(home, audit.subject) as source:
        data, read, subject = source.data, source.layer_of(audit.subject.pooling), audit.subject
        layers = source.joined.run.identity.layers

        def rows(layer: int) -> Any:
            whole = data.with_rows(read(layer).astype("float64"))
            return two_sides(whole, subject).rows

        def work(emit: Emit) -> LineUp:
            def on_layer(done: int) -> None:
                if cancelled():
                    raise CancelledError("cancelled; no curve was shown")
                emit(Progress(done, len(layers), "layers", note="line-up"))

            return line_up(
                two_sides(data, subject),
                rows,
                layers,
                audit.settings,
                round=number,
                order_seed=secrets.randbits(48),
                on_layer=on_layer,
            )

        found = yield from streaming(work)
        hashes = input_hashes(home, audit, source, None)
    used = {name: hashes[name] for name in (ACTIVATIONS, LABELS)}
    yield Done(Posed(audit.id, found, subject.emotion, subject.other, used))


def record_pick(home: Home, posed: Posed, letter: str) -> dict[str, Any]:
    """Writes the pick down and R10 into the record; the record.

    UserError where the round was played meanwhile.
    """
    began = time.monotonic()
    pick = letter.strip().upper()
    if len(pick) != 1 or pick not in LETTERS:
        raise OptionError(f"a pick is one letter from {LETTERS[0]} to {LETTERS[-1]}")
    audit = open_audit(home, posed.finding)
    refuse_spoilt(home, audit.id)
    earlier = picks(home, audit.id)
    if len(earlier) + 1 != posed.lineup.round:
        raise UserError(f"round {posed.lineup.round} of {audit.id} was played meanwhile")
    real = LETTERS[posed.lineup.real]
    body = {"round": posed.lineup.round, "pick": pick, "real": real, "curves": CURVES}
    add_event(home, audit.id, EVENT, body)
    return _keep(home, audit, posed, began)


def picks(home: Home, finding: str) -> list[bool]:
    """Whether each round's pick was the real curve, the oldest first."""
    return [
        event.body["pick"] == event.body["real"]
        for event in events(home, finding)
        if event.kind == EVENT
    ]


def _keep(home: Home, audit: Audit, posed: Posed, began: float) -> dict[str, Any]:
    result = judge_picks(picks(home, audit.id), audit.settings)
    for name, value in posed.inputs.items():
        audit.inputs.setdefault(name, value)
    audit.keep(home, result, tuple(posed.inputs), time.monotonic() - began)
    return audit.to_json()
