"""Rates of duplicates and refusals by source, compared with the three months before; a record belongs to the day it was taken in.

A rate is parts per million of what came in, rounded down. The mean of before is that of all records of those three months together; there
is none where nothing came in then.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Final

import msgspec
import sqlalchemy as sa

from billing.intake.settle import OUTCOME_NAMES, RECEIVED, Outcome
from billing.store.tables import commits, intake_counts
from rating.model import PPM

if TYPE_CHECKING:
    from billing.store.home import Home
    from billing.usage_report.span import Span

CONSPICUOUS: Final = 2  # a rate of more than so many times the mean is marked
WATCHED: Final = tuple(OUTCOME_NAMES[each] for each in (Outcome.DUPLICATE, Outcome.CONFLICTING, Outcome.REJECTED))


class Rate(msgspec.Struct, frozen=True):
    """One outcome of one source."""

    source: str
    outcome: str
    rows: int
    received: int
    rate_ppm: int
    mean_before_ppm: int | None
    conspicuous: bool  # over twice the mean


def rates(home: Home, seq: int, span: Span, source: str | None = None) -> list[Rate]:
    """The rates of what was taken in within `span`."""
    now, before = (_rows(home, seq, each) for each in (span, span.before()))
    sources = sorted(name for name, outcome in now if outcome == RECEIVED and source in {None, name})
    return [_rate(name, outcome, now, before) for name in sources for outcome in WATCHED]


def _rows(home: Home, seq: int, span: Span) -> collections.Counter[tuple[str, str]]:
    """Rows by source and outcome of commits made within `span`."""
    count = intake_counts.c
    query = (
        sa.select(count.source, count.outcome, sa.func.sum(count.rows))
        .join_from(intake_counts, commits, commits.c.commit_seq == count.commit_seq)
        .where(count.commit_seq <= seq, commits.c.at_us >= span.from_us, commits.c.at_us < span.to_us)
        .group_by(count.source, count.outcome)
    )
    with home.connect() as connection:
        return collections.Counter({(name, outcome): int(rows) for name, outcome, rows in connection.execute(query)})


def _rate(source: str, outcome: str, now: collections.Counter[tuple[str, str]], before: collections.Counter[tuple[str, str]]) -> Rate:
    rows, received, received_before = now[source, outcome], now[source, RECEIVED], before[source, RECEIVED]
    rate_ppm = rows * PPM // received if received else 0
    mean_ppm = before[source, outcome] * PPM // received_before if received_before else None
    conspicuous = mean_ppm is not None and rows > 0 and rate_ppm > CONSPICUOUS * mean_ppm
    return Rate(source, outcome, rows, received, rate_ppm, mean_ppm, conspicuous)
