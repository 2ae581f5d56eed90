"""Numbers that are missing where a source numbers its records: by source and stream, as ranges.

Records of events that start within a span, or a day to either side, are read: switches number in the order in which calls end.
Missing numbers between the lowest and the highest number of the span itself are reported. A row that could not be read leaves a gap, too:
it waits in suspense, and its number comes when it is recycled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from billing.intake import view
from billing.intake.known_records import source_memory
from rating.dates import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from billing.store.home import Home
    from billing.usage_report.span import Span

RANGES_MAX: Final = 100  # told of one stream; the count holds for all
_COLUMNS: Final = ("source", "source_seq", "record_id", "start_us")
_NUMBER: Final = "-?[^-]*$"  # a record id of a numbered source ends with the number


class MissingNumbers(msgspec.Struct, frozen=True):
    """One stream. `ranges`: first and last number of each gap, the first hundred."""

    source: str
    stream: str
    first: int
    last: int
    records: int  # different numbers that are there
    missing: int
    ranges: list[tuple[int, int]]


def missing_numbers(home: Home, seq: int, span: Span, source: str | None = None) -> list[MissingNumbers]:
    """A row for each stream that has records in the span."""
    with home.connect() as connection:
        memory = source_memory.read(connection)
    numbered = {name: each.streams for name, each in memory.items() if each.numbered and source in {None, name}}
    if not numbered:
        return []
    table = view.usage(home, _COLUMNS, seq, span.from_us - DAY_US, span.to_us + DAY_US, every=True)
    table = table.set_column(0, "source", table.column("source").cast(pa.string()))
    table = table.filter(pc.is_valid(table.column("source_seq")))
    return [found for name in sorted(numbered) for found in _of_source(table, name, span, has_streams=numbered[name])]


def _of_source(table: pa.Table, source: str, span: Span, *, has_streams: bool) -> Iterator[MissingNumbers]:
    own = table.filter(pc.equal(table.column("source"), pa.scalar(source)))
    start_us = own.column("start_us").cast(pa.int64()).to_numpy()
    within = (start_us >= span.from_us) & (start_us < span.to_us)
    numbers = own.column("source_seq").to_numpy()
    record_id: Any = own.column("record_id")
    names: Any = pc.replace_substring_regex(record_id, _NUMBER, "").combine_chunks().dictionary_encode()
    codes = names.indices.to_numpy() if has_streams else np.zeros(own.num_rows, np.int32)
    for code in np.unique(codes[within]).tolist():
        stream = codes == code
        wanted = numbers[stream & within]
        name = names.dictionary[code].as_py() if has_streams else ""
        yield _gaps(source, name, np.unique(numbers[stream]), int(wanted.min()), int(wanted.max()))


def _gaps(source: str, stream: str, numbers: NDArray[np.int64], first: int, last: int) -> MissingNumbers:
    there = numbers[(numbers >= first) & (numbers <= last)]
    before = np.flatnonzero(np.diff(there) > 1)
    ranges = [(low + 1, high - 1) for low, high in zip(there[before].tolist(), there[before + 1].tolist(), strict=True)]
    missing = sum(high - low + 1 for low, high in ranges)
    return MissingNumbers(source, stream, first, last, there.size, missing, ranges[:RANGES_MAX])
