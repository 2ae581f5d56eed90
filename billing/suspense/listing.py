"""One list of all that waits: rows that intake put into suspense and events that rating refused, with age and an estimate of their worth.

Groups (a source and a reason) come first, with their records by age; then rows, oldest first. Versions of one record are a row each. Sums
count the record once, with the version that is worth the most, and its age from the version that came first.

An id is the number of the row in the table
`suspense`, or `e-` and the beginning of the event's key for what rating refused. Instants and durations are microseconds.
"""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa

from billing.suspense import refused
from billing.suspense.estimate import BASIS_NAMES
from billing.suspense.raw import file_paths, is_of_columns
from billing.suspense.selection import KEY_DIGITS, Asking, Selection, identifier
from billing.suspense.valued import Valued, valued
from billing.suspense.waiting import waiting
from rating.dates import DAY_US

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    import numpy.typing as npt

    from billing.store.home import Home

# Name of each bucket of age, and the age (in days) from which on it is the next one.
AGE_BUCKETS: Final = (("under 1 day", 1), ("1 to 7 days", 7), ("7 to 30 days", 30), ("30 to 90 days", 90), ("over 90 days", 1 << 30))
SHOWN_ROWS: Final = 50
_WITHOUT_ID: Final = 1 << 63  # behind every number of the table suspense
_Place: TypeAlias = tuple[int, int, str]


class Group(msgspec.Struct, frozen=True):
    """Records of one source that wait for one reason. `estimated`: micro-units by currency; `unknown`: records without an estimate.

    `rows`: more than `records` where several versions of one wait.
    """

    source: str
    reason: str
    records: int
    rows: int
    first_seen_us: int
    last_seen_us: int
    ages: dict[str, int]
    estimated: dict[str, int]
    unknown: int


class Entry(msgspec.Struct, frozen=True):
    """One row that waits: a record, or a version of one.

    `file` is empty for a stream; `offset` is the byte in the file (unpacked, if it is packed). `row` is the number of the row, from 1, in
    a file of columns (Arrow, Parquet) or in a batch of a stream. It is 0 for every other one.
    """

    id: str
    source: str
    reason: str
    first_seen_us: int
    last_seen_us: int
    age_days: int
    start_us: int | None
    served_id: str | None
    other: str | None
    duration_us: int
    estimated_micros: int
    currency: str
    basis: str
    mended: bool  # rating refused it, and would price it now: the next bill run does
    file: str
    offset: int
    length: int
    raw: str
    row: int = 0

    @property
    def place(self) -> str:
        """Place in the file or batch for a person, such as `byte 120` or `row 3`."""
        return f"row {self.row:,}" if self.row else f"byte {self.offset:,}"


class Listing(msgspec.Struct, frozen=True):
    """All that waits as of a commit. `rows` are the oldest of `total`."""

    seq: int
    counts: tuple[Group, ...]
    rows: tuple[Entry, ...]
    total: int


def listing(  # noqa: PLR0913 -- what, and which part of it
    home: Home, selection: Selection, now_us: int, *, limit: int = SHOWN_ROWS, bill_date: dt.date | None = None, after: str = ""
) -> Listing:
    """All that waits, as of now. `bill_date`: refused as a run of that date would refuse it, instead of as the runs did.

    `after`: only rows behind that place (`place_of`); groups and `total` are of all.
    """
    with home.connect() as connection:
        seq = home.head_seq(connection)
        is_quiet = bill_date is None and not refused.has_runs(connection) and not waiting(connection, seq).num_rows
    if is_quiet:
        return Listing(seq, (), (), 0)
    records = valued(home, selection, Asking(seq, now_us, bill_date=bill_date))
    places = _places(records)
    order = sorted(range(len(places)), key=places.__getitem__)
    begin = bisect.bisect_right(order, _read_place(after), key=places.__getitem__) if after else 0
    shown = order[begin : begin + max(limit, 0)]
    return Listing(seq, tuple(_groups(records, now_us)), tuple(entries(home, records, shown, now_us)), len(order))


def place_of(entry: Entry) -> str:
    """The place of a row in the list, which it keeps while others come and go."""
    return f"{entry.first_seen_us}:{entry.id}"


def _read_place(text: str) -> _Place:
    first_us, _, name = text.partition(":")
    key = name.removeprefix("e-")
    return (int(first_us), _WITHOUT_ID, key) if name.startswith("e-") else (int(first_us), int(name), "")


def _places(records: Valued) -> list[_Place]:
    """The place of each row: by its age, then by its id."""
    columns: list[Any] = [records.table[name].to_pylist() for name in ("first_us", "suspense_id", "event_key")]
    return [
        (first_us, suspense_id, "") if suspense_id is not None else (first_us, _WITHOUT_ID, key.hex()[:KEY_DIGITS])
        for first_us, suspense_id, key in zip(*columns, strict=True)
    ]


def _groups(records: Valued, now_us: int) -> list[Group]:
    """A group for each source and reason, by name."""
    table = records.table
    pairs = list(zip(table["source"].to_pylist(), table["reason"].to_pylist(), strict=True))
    names = sorted({(str(source), str(reason)) for source, reason in pairs})
    number = {pair: index for index, pair in enumerate(names)}
    code = np.array([number[str(source), str(reason)] for source, reason in pairs], np.int64)
    first_us, last_us = table["first_us"].to_numpy(), table["last_us"].to_numpy()
    record, once = records.records(), records.once()
    since_us = first_us.copy()
    np.minimum.at(since_us, record, first_us)
    found = []
    for index, (source, reason) in enumerate(names):
        mine = code == index
        own = mine & once
        ages = _ages(since_us[record[own]], now_us)
        value, unknown = records.value.sums(own), records.value.unknown(own)
        seen = int(first_us[mine].min()), int(last_us[mine].max())
        found.append(Group(source, reason, int(own.sum()), int(mine.sum()), *seen, ages, value, unknown))
    return found


def _ages(first_us: npt.NDArray[np.int64], now_us: int) -> dict[str, int]:
    """Records by age, without empty buckets."""
    bounds = np.array([days for _, days in AGE_BUCKETS[:-1]], np.int64)
    counts = np.bincount(np.searchsorted(bounds, (now_us - first_us) // DAY_US, side="right"), minlength=len(AGE_BUCKETS))
    return {name: int(count) for (name, _), count in zip(AGE_BUCKETS, counts, strict=True) if count}


def entries(home: Home, records: Valued, shown: Sequence[int], now_us: int) -> list[Entry]:
    """Some of the records, by their places."""
    rows = records.table.take(pa.array(shown, pa.int64())).to_pylist()
    files = {raw_file_id: (file_paths(home, raw_file_id) or [""])[0] for raw_file_id in {row["raw_file_id"] for row in rows}}
    of = {(row["raw_file_id"], row["source"]) for row in rows}
    columns = {each for each, source in of if is_of_columns(home, each, source)}
    value = records.value
    return [
        Entry(
            id=identifier(row["suspense_id"], row["event_key"]),
            source=row["source"],
            reason=row["reason"],
            first_seen_us=row["first_us"],
            last_seen_us=row["last_us"],
            age_days=(now_us - row["first_us"]) // DAY_US,
            start_us=row["start_us"],
            served_id=row["served_id"],
            other=row["other_raw"],
            duration_us=row["duration_us"],
            estimated_micros=int(value.micros[place]),
            currency=value.currency_of(place),
            basis=BASIS_NAMES[int(value.basis[place])],
            mended=bool(records.mended[place]),
            file=files[row["raw_file_id"]],
            offset=row["raw_offset"],
            length=row["raw_length"],
            raw=row["raw"],
            row=row["raw_offset"] + 1 if row["raw_file_id"] in columns or not row["raw_file_id"] else 0,
        )
        for place, row in zip(shown, rows, strict=True)
    ]
