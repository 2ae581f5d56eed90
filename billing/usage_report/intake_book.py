"""The intake book by source, file or day: what intake counted, against what lies in usage files and suspense now.

    received = answered + unanswered + absorbed + conflicting + duplicate + rejected + waiting + suspended

Beside it: rows assembled from segments, and rows that came back out of suspense. The left side are the counts that each commit wrote. The
right side is counted anew from the journal, the sealed files and suspense; duplicates are kept nowhere and are there as counted. Rows
that could not be read have no day: they belong to a span if they were taken in within it, or together with events of it. Quantities are
microseconds, units and bytes.
"""

from __future__ import annotations

import collections
import enum
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing.intake import marks, view
from billing.intake.columns import QUANTITY_COLUMNS, Quantities
from billing.intake.day_counts import NO_DAY, CountPlace
from billing.intake.settle import COUNTED_NAMES, OUTCOME_NAMES, RECEIVED, Outcome
from billing.store.tables import commits, intake_counts, raw_files, suspense
from rating.dates import DAY_US

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from billing.store.home import Home
    from billing.usage_report.span import Span

_DUPLICATE: Final = OUTCOME_NAMES[Outcome.DUPLICATE]
_REJECTED: Final = OUTCOME_NAMES[Outcome.REJECTED]
_COLUMNS: Final = (*marks.COLUMNS, *marks.SEGMENT_COLUMNS, "raw_file_id", "start_us", *QUANTITY_COLUMNS)
Sums = collections.defaultdict[CountPlace, Quantities]


class By(enum.StrEnum):
    """Subject of a line of the book."""

    SOURCE = "source"
    FILE = "file"
    DAY = "day"


class IntakeLine(msgspec.Struct, frozen=True):
    """One source, or one file or day of it. `counted` and `found` hold sums by outcome; `ok`: they are equal and add up to what came in."""

    source: str
    file: str  # its name; empty for streams, and where the line is about no file
    day: str
    counted: dict[str, Quantities]
    found: dict[str, Quantities]
    ok: bool


def intake_lines(home: Home, seq: int, span: Span, source: str | None = None, by: By = By.SOURCE) -> list[IntakeLine]:
    """The book of a span, a line each in the order of source, file and day."""
    counted, found = _counted(home, seq, span), _found(home, seq, span)
    for place, each in list(counted.items()):
        if place.outcome == _DUPLICATE:
            found[place] += each
    names = file_names(home)
    grouped: dict[tuple[str, int, str], tuple[Sums, Sums]] = {}
    for side, sums in enumerate((counted, found)):
        for place, each in sums.items():
            if source is None or place.source == source:
                group = (place.source, place.raw_file_id if by is By.FILE else 0, place.day if by is By.DAY else NO_DAY)
                sides = grouped.setdefault(group, (Sums(Quantities), Sums(Quantities)))
                sides[side][CountPlace(*group, place.outcome)] += each
    return [_line(group, *grouped[group], names) for group in sorted(grouped)]


def file_names(home: Home) -> dict[int, str]:
    """The name of each file that was taken in, by raw_file_id."""
    file = raw_files.c
    with home.connect() as connection:
        rows = connection.execute(sa.select(file.raw_file_id, file.file_name, file.path)).all()
    return {key: name or path.rpartition("/")[2] for key, name, path in rows}


def _counted(home: Home, seq: int, span: Span) -> Sums:
    """Quantities that the commits counted."""
    count = intake_counts.c
    columns = (count.source, count.raw_file_id, count.day, count.outcome, count.rows, count.duration_us, count.units, count.volume_bytes)
    within = sa.or_(_in_days(span), sa.and_(count.day == NO_DAY, _of_span(count.commit_seq, span)))
    sums = Sums(Quantities)
    with home.connect() as connection:
        for row in connection.execute(sa.select(*columns).where(count.commit_seq <= seq, within)):
            sums[CountPlace(*row[:4])] += Quantities(*row[4:])
    return sums


def _in_days(span: Span) -> sa.ColumnElement[bool]:
    day = intake_counts.c.day
    return sa.and_(day >= span.first.isoformat(), day < span.end.isoformat())


def _of_span(commit_seq: sa.ColumnElement[int], span: Span) -> sa.ColumnElement[bool]:
    """Condition on a commit: it was made within the span, or holds events of it. Its unreadable rows are then reported with it."""
    made = sa.select(commits.c.commit_seq).where(commits.c.at_us >= span.from_us, commits.c.at_us < span.to_us)
    return sa.or_(commit_seq.in_(made), commit_seq.in_(sa.select(intake_counts.c.commit_seq).where(_in_days(span))))


def _found(home: Home, seq: int, span: Span) -> Sums:
    """Quantities that lie in usage files and in suspense."""
    sums = Sums(Quantities)
    row = suspense.c
    refused = sa.select(row.source, row.raw_file_id, sa.func.count()).where(row.event_key.is_(None), row.commit_seq <= seq)
    with home.connect() as connection:
        for source, file_id, rows in connection.execute(
            refused.where(_of_span(row.commit_seq, span)).group_by(row.source, row.raw_file_id)
        ):
            sums[CountPlace(source, file_id, NO_DAY, _REJECTED)] += Quantities(rows=rows)
    parts, known = view.everything(home, _COLUMNS, seq)
    for part in parts:
        start_us = part.column("start_us").cast(pa.int64()).to_numpy()
        within = (start_us >= span.from_us) & (start_us < span.to_us)
        if within.any():
            chosen = part.filter(pa.array(within))
            _add(sums, chosen, marks.outcomes(chosen, known))
    return sums


def _add(sums: Sums, part: pa.Table, outcome: NDArray[np.int8]) -> None:
    """Add the rows of a part by source, file, day and outcome."""
    encoded: Any = part.column("source").cast(pa.string()).combine_chunks().dictionary_encode()
    day = part.column("start_us").cast(pa.int64()).to_numpy() // DAY_US
    columns = (encoded.indices.to_numpy(), part.column("raw_file_id").to_numpy(), day, outcome)
    groups, group = np.unique(np.stack([column.astype(np.int64) for column in columns], axis=1), axis=0, return_inverse=True)
    group = group.reshape(-1)
    rows = np.bincount(group, minlength=len(groups)).tolist()
    duration_us, units, up, down = (_exact_sums(part.column(name), group, len(groups)) for name in QUANTITY_COLUMNS)
    names = encoded.dictionary.to_pylist()
    for at, (code, file_id, day_number, outcome_code) in enumerate(groups.tolist()):
        if outcome_code != Outcome.GONE:
            place = CountPlace(names[code], file_id, str(np.datetime64(day_number, "D")), COUNTED_NAMES[outcome_code])
            sums[place] += Quantities(rows[at], duration_us[at], units[at], up[at] + down[at])


def _exact_sums(column: Any, group: NDArray[np.intp], groups: int) -> list[int]:  # noqa: ANN401 -- pyarrow's stubs do not type it
    """Sums by group, upper and lower halves apart, so that none can wrap."""
    values = column.fill_null(0).to_numpy()
    halves = []
    for half in (values >> 32, values & 0xFFFF_FFFF):
        total = np.zeros(groups, np.int64)
        np.add.at(total, group, half)
        halves.append(total.tolist())
    return [(high << 32) + low for high, low in zip(*halves, strict=True)]


def _line(group: tuple[str, int, str], counted: Sums, found: Sums, names: dict[int, str]) -> IntakeLine:
    source, file_id, day = group
    sides = [
        {name: sums[CountPlace(*group, name)] for name in COUNTED_NAMES if any(sums[CountPlace(*group, name)])} for sums in (counted, found)
    ]
    received = counted[CountPlace(*group, RECEIVED)]
    shared_out = sum((found[CountPlace(*group, name)] for name in OUTCOME_NAMES), Quantities())
    sides[0][RECEIVED] = received
    sides[1][RECEIVED] = shared_out
    return IntakeLine(source, names.get(file_id, ""), day, sides[0], sides[1], ok=sides[0] == sides[1])
