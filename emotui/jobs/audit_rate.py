"""Desk jobs around a rating: what is open, unblinding, writing a pick down.

In: a finding's id. Out: values for the screen that rates, the finding's record. Nothing here reads
a key but the unblinding. Needs no model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotui.events import Done, Job
from emotui.veil import veiled_datasets
from store.blind import BlindRound, open_round, read_answers, read_sheet
from store.layout import Home

if TYPE_CHECKING:
    from emotui.jobs.audit_lineup import Posed


@dataclass(frozen=True)
class OpenRating:
    """The round that is being rated, as far as raters may know it."""

    round: BlindRound
    sheet: Mapping[str, Any]
    answers: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Unblinded:
    """What an unblinding leaves behind."""

    record: Mapping[str, Any]
    veiled: frozenset[str]
    """Data sets that are still veiled."""


def open_rating_job(home: Home, finding: str) -> Job:
    """Done holds an `OpenRating`, or None where nothing is being rated."""
    round = open_round(home, finding)
    if round is None:
        yield Done(None)
        return
    yield Done(OpenRating(round, read_sheet(home, round), read_answers(home, round)))


def unblind_job(
    home: Home, finding: str, *, key_file: Path | None = None, incomplete: bool = False
) -> Job:
    """Done holds an `Unblinded`."""
    from emotui.jobs.audit_blind import unblind_finding

    record = unblind_finding(home, finding, key_file=key_file, incomplete=incomplete)
    yield Done(Unblinded(record, frozenset(veiled_datasets(home))))


def pick_job(home: Home, posed: "Posed", letter: str) -> Job:
    """Done holds the finding's record."""
    from emotui.jobs.audit_lineup import record_pick

    yield Done(record_pick(home, posed, letter))
