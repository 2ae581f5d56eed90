"""Lateness of usage: the time from its start until it was taken in, as a histogram by source.

A record's lateness is the instant of its commit less the start of its event. Assembled records are no arrivals, and left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing.intake import marks, view
from billing.store.tables import commits
from rating.dates import HOUR_US
from rating.schema import UsageFlag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from billing.store.home import Home
    from billing.usage_report.span import Span

# Upper ends, in hours: a record is in the first bucket whose end it does not pass.
BUCKET_HOURS: Final = (1, 6, 24, 72, 168, 720, 2160)
BUCKET_NAMES: Final = ("up to 1 h", "6 h", "1 day", "3 days", "7 days", "30 days", "90 days", "later")
_COLUMNS: Final = ("source", "flags", "start_us", marks.COMMIT_SEQ)


class Lateness(msgspec.Struct, frozen=True):
    """Records of one source by bucket (BUCKET_NAMES), and the latest of them."""

    source: str
    rows: dict[str, int]
    latest_us: int


def lateness(home: Home, seq: int, span: Span, source: str | None = None) -> list[Lateness]:
    """A histogram a source, of events that start within `span`."""
    table = view.usage(home, _COLUMNS, seq, span.from_us, span.to_us, every=True)
    table = table.filter(pa.array((table.column("flags").to_numpy() & int(UsageFlag.ASSEMBLED)) == 0))
    encoded: Any = table.column("source").cast(pa.string()).combine_chunks().dictionary_encode()
    names, codes = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
    late_us = _arrivals_us(home, table.column(marks.COMMIT_SEQ).to_numpy()) - table.column("start_us").cast(pa.int64()).to_numpy()
    wanted = sorted(name for name in names if source in {None, name})
    return [_histogram(name, late_us[codes == names.index(name)]) for name in wanted]


def _arrivals_us(home: Home, commit_seq: NDArray[np.int64]) -> NDArray[np.int64]:
    """Instant of each row's commit."""
    with home.connect() as connection:
        made = connection.execute(sa.select(commits.c.commit_seq, commits.c.at_us).order_by(commits.c.commit_seq)).all()
    numbers, at_us = (np.array([row[place] for row in made], np.int64) for place in (0, 1))
    if commit_seq.size == 0:
        return commit_seq
    found: NDArray[np.int64] = at_us[np.searchsorted(numbers, commit_seq)]
    return found


def _histogram(source: str, late_us: NDArray[np.int64]) -> Lateness:
    bucket = np.searchsorted(np.array(BUCKET_HOURS) * HOUR_US, late_us, side="left")
    counts = np.bincount(bucket, minlength=len(BUCKET_NAMES)).tolist()
    return Lateness(source, dict(zip(BUCKET_NAMES, counts, strict=True)), int(late_us.max()))
