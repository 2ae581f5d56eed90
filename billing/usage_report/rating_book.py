"""The rating book: what intake accepted, against what bill runs made of it, by source, file or day.

    accepted + assembled + recycled = rated + zero-rated + suspended by rating + not yet due + too late + late, billed + late, written off
                                      + not billable

The left side is what intake counted in SQL: accepted as it came, put together from segments, back out of suspense. The right side are the
usage rows that lie in the files and may bill. They are looked up in the charge files of the runs, the newest first: a run priced them or
refused them. The rest are rows that no run took up, that a run refused, and those whose charge is on no bill any more. They are sorted by
the reason that the runs give (`billing.left_out`):

- too late: runs left it out for good, and there is no decision on it
- late, billed: people billed it by adjustments
- late, written off: people gave it up
- not billable: incoming usage that no plan prices, and what came back out of suspense and never bills by itself: an unanswered call, a
  segment, a leg of another call
- not yet due: the rest, but for what was refused and is not too late

Both sides are given in rows, microseconds, bytes and units.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing import late_decisions
from billing.intake import view
from billing.intake.columns import QUANTITY_COLUMNS, Quantities, quantities
from billing.left_out.history import of_keys, without_billed
from billing.left_out.off_bills import off_bills
from billing.left_out.reopened import without_reopened
from billing.left_out.taken_off import taken_off
from billing.runs.contracts.columns import int64, one_chunk
from billing.runs.contracts.counted_charges import OWNER, Counting, charge_paths, read_charges
from billing.runs.contracts.counted_runs import looked
from billing.store.tables import intake_counts
from billing.usage_report.intake_book import By, file_names
from rating.dates import DAY_US
from rating.schema import UsageFlag
from rating.status import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from billing.store.home import Home
    from billing.usage_report.span import Span


class Fate(enum.IntEnum):
    """Result of rating for an event."""

    RATED = 0
    ZERO_RATED = 1
    SUSPENDED = 2
    NOT_YET_DUE = 3
    TOO_LATE = 4
    LATE_BILLED = 5
    LATE_WRITTEN_OFF = 6
    NOT_BILLABLE = 7


class RatingLine(msgspec.Struct, frozen=True):
    """One source, or one file or day of it. Names of `left` are those of ORIGINS, of `right` those of Fate in lower case."""

    source: str
    file: str  # its name; empty for streams and what was assembled, and where the line is about no file
    day: str
    left: dict[str, Quantities]
    right: dict[str, Quantities]
    ok: bool


ORIGINS: Final = {"answered": "accepted", "assembled": "assembled", "recycled": "recycled"}  # outcome in the counts -> name in the book
_COLUMNS: Final = ("event_key", "source", "raw_file_id", "flags", "start_us", *QUANTITY_COLUMNS)
_Name: TypeAlias = tuple[str, int, str]  # source, raw_file_id (0: not by file), day (empty: not by day)


def rating_book(home: Home, seq: int, span: Span, source: str | None = None, by: By = By.SOURCE) -> list[RatingLine]:
    """A line for each source, or for each file or UTC day of it, of events that start within `span`."""
    usage = view.usage(home, _COLUMNS, seq, span.from_us, span.to_us, every=True)
    flags = usage.column("flags").to_numpy()
    usage = usage.filter(pa.array(_bills(flags) | ((flags & int(UsageFlag.RECYCLED)) != 0)))
    usage = usage.set_column(1, "source", usage.column("source").cast(pa.string()))
    if source is not None:
        usage = usage.filter(pc.equal(usage.column("source"), pa.scalar(source)))
    fate = _fates(home, usage, seq)
    right = {name: quantities(usage.filter(pa.array(rows)), fate[rows], len(Fate)) for name, rows in _groups(usage, by)}
    left = _counted(home, seq, span, source, by)
    files = file_names(home)
    nothing = [Quantities()] * len(Fate)
    return [_line(name, files, left.get(name, {}), right.get(name, nothing)) for name in sorted(left.keys() | right.keys())]


def _counted(home: Home, seq: int, span: Span, source: str | None, by: By) -> dict[_Name, dict[str, Quantities]]:
    """Quantities that intake counted of events that start within `span`, by their origin."""
    count = intake_counts.c
    columns = (count.source, count.raw_file_id, count.day, count.outcome, count.rows, count.duration_us, count.units, count.volume_bytes)
    query = sa.select(*columns).where(
        count.commit_seq <= seq,
        count.outcome.in_(ORIGINS),
        count.day >= span.first.isoformat(),
        count.day < span.end.isoformat(),
        *([count.source == source] if source is not None else []),
    )
    sides: dict[_Name, dict[str, Quantities]] = {}
    with home.connect() as connection:
        for name, file_id, day, outcome, *values in connection.execute(query):
            side = sides.setdefault((name, file_id if by is By.FILE else 0, day if by is By.DAY else ""), {})
            side[ORIGINS[outcome]] = side.get(ORIGINS[outcome], Quantities()) + Quantities(*values)
    return sides


def _fates(home: Home, usage: pa.Table, seq: int) -> NDArray[np.int8]:
    """Fate of each event, by the newest run that took it up."""
    bills = _bills(usage.column("flags").to_numpy())
    fate = np.where(bills, np.int8(Fate.NOT_YET_DUE), np.int8(Fate.NOT_BILLABLE))
    left = np.flatnonzero(bills)
    for charges in _charges(home, seq):
        if left.size == 0:
            break
        places: Any = pa.array(left)
        keys: Any = usage.column("event_key").take(places).combine_chunks()
        place = pc.index_in(keys, value_set=charges.column("event_key").combine_chunks()).fill_null(-1).to_numpy()
        found = place >= 0
        fate[left[found]] = _fate_of(charges.column("status").to_numpy()[place[found]])
        left = left[~found]
    is_off: Any = pc.is_in(usage.column("event_key"), value_set=pa.concat_arrays([taken_off(home, seq), off_bills(home, seq)]))
    fate[bills & is_off.to_numpy()] = Fate.NOT_YET_DUE
    _judge(home, usage, seq, fate)
    return fate


def _judge(home: Home, usage: pa.Table, seq: int, fate: NDArray[np.int8]) -> None:
    """Set the fate of events that no run took up or priced, where they are too late for any run or do not bill."""
    rows = np.flatnonzero((fate == Fate.NOT_YET_DUE) | (fate == Fate.SUSPENDED))
    if not rows.size:
        return
    some = usage.take(rows)
    keys = one_chunk(some.column("event_key"))
    found = of_keys(home, seq, keys, int64(some.column("start_us")))
    place: Any = pc.index_in(keys, value_set=one_chunk(found.usage["event_key"]))
    assert place.null_count == 0, "usage that was there a moment ago is there no more"
    verdicts = without_reopened(home, seq, found.usage, found.verdicts)
    late = np.zeros(found.usage.num_rows, np.bool_)
    late[without_billed(home, seq, found.usage, verdicts.for_good)] = True
    for fate_of, holds in ((Fate.TOO_LATE, late), (Fate.NOT_BILLABLE, verdicts.not_billable)):
        fate[rows[holds[place.to_numpy()]]] = fate_of
    _decided(home, usage, seq, fate)


def _decided(home: Home, usage: pa.Table, seq: int, fate: NDArray[np.int8]) -> None:
    """Set the fate of events that no run took up, by the decisions of people about them."""
    with home.connect() as connection:
        decided, kinds = late_decisions.decided(connection, seq), late_decisions.standing(connection, seq)
    open_ = (fate == Fate.TOO_LATE) | (fate == Fate.NOT_YET_DUE) | (fate == Fate.SUSPENDED)
    rows = np.flatnonzero(open_ & decided.holds(usage["event_key"]))
    if rows.size:
        place: Any = pc.index_in(one_chunk(usage["event_key"].take(rows)), value_set=decided.keys)
        numbers = decided.decision_id[place.to_numpy()].tolist()
        billed = np.array([kinds[number].kind == late_decisions.BILLED for number in numbers])
        fate[rows] = np.where(billed, Fate.LATE_BILLED, Fate.LATE_WRITTEN_OFF)


def _bills(flags: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Rows that may bill by themselves."""
    billable: NDArray[np.bool_] = (flags & int(view.NEVER_BILLS)) == 0
    return billable


def _fate_of(status: NDArray[np.int16]) -> NDArray[np.int8]:
    return np.where(status == Status.RATED, Fate.RATED, np.where(status == Status.ZERO_RATED, Fate.ZERO_RATED, Fate.SUSPENDED)).astype(
        np.int8
    )


def _charges(home: Home, seq: int) -> Iterator[pa.Table]:
    """Event keys and statuses of each run, the newest first, without accounts in quarantine, or for which it was undone."""
    with home.connect() as connection:
        paths = {run.run_id: charge_paths(connection, run.run_id) for run in looked(connection, seq)}
        counting = Counting(connection, seq)
    for run_id, files in paths.items():
        if files:
            yield counting.billed(run_id, read_charges(home.path, files, ["event_key", "status", OWNER]))


def _groups(usage: pa.Table, by: By) -> Iterator[tuple[_Name, NDArray[np.bool_]]]:
    """Name and rows of each source, or of each file or day of it."""
    encoded: Any = usage.column("source").combine_chunks().dictionary_encode()
    names, codes = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
    part = np.zeros(usage.num_rows, np.int64)
    if by is By.FILE:
        part = usage.column("raw_file_id").to_numpy().astype(np.int64)
    elif by is By.DAY:
        part = usage.column("start_us").cast(pa.int64()).to_numpy() // DAY_US
    for code, each in np.unique(np.stack([codes.astype(np.int64), part], axis=1), axis=0).tolist():
        day = str(np.datetime64(each, "D")) if by is By.DAY else ""
        yield (names[code], each if by is By.FILE else 0, day), (codes == code) & (part == each)


def _line(name: _Name, files: dict[int, str], left: dict[str, Quantities], right: list[Quantities]) -> RatingLine:
    source, file_id, day = name
    made = {each.name.lower(): right[each] for each in Fate}
    ok = sum(left.values(), Quantities()) == sum(right, Quantities())
    origins = {each: left.get(each, Quantities()) for each in ORIGINS.values()}
    return RatingLine(source, files.get(file_id, ""), day, origins, made, ok)
