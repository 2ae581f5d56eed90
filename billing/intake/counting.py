"""The left side of the intake book: what a commit adds to each (source, file, day, outcome), as table intake_counts has it.

A day is the UTC date of the event's start; rows that could not be read, and their duplicates, have none. A stored row that gets another
outcome is subtracted where it was counted and added where it counts now, under its file and day.
"""

from __future__ import annotations

import collections
import itertools
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from billing.intake.columns import Quantities
from billing.intake.day_counts import NO_DAY, CountPlace, by_day
from billing.intake.settle import COUNTED_NAMES, OUTCOME_NAMES, RECEIVED, Outcome, outcome_of_flags
from rating.errors import UnusableBatchError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from billing.intake.batch import Batch

_INT64_MAX: Final = 2**63 - 1


def count_rows(batch: Batch, raw_file_id: int) -> list[dict[str, Any]]:
    """Rows of intake_counts for `batch`. Raises UnusableBatchError where a sum would not fit."""
    counts: dict[CountPlace, Quantities] = collections.defaultdict(Quantities)
    row_from = 0
    for source, run in itertools.groupby(zip(batch.arrivals, batch.rejects, strict=True), lambda pair: pair[0].source):
        pairs = list(run)  # a stream sends many batches: they are counted at once
        rows = sum(arrival.decoded.usage.num_rows for arrival, _ in pairs)
        row_to = row_from + rows
        for day, outcome, each in by_day(batch.usage.slice(row_from, rows), batch.outcome[row_from:row_to]):
            counts[CountPlace(source, raw_file_id, day, COUNTED_NAMES[outcome])] += each
            counts[CountPlace(source, raw_file_id, day, RECEIVED)] += each
        row_from = row_to
        new = sum(len(rejects.new) for _, rejects in pairs)
        for outcome_, unread in (
            (OUTCOME_NAMES[Outcome.REJECTED], new),
            (OUTCOME_NAMES[Outcome.DUPLICATE], sum(len(arrival.decoded.rejects) for arrival, _ in pairs) - new),
            (RECEIVED, sum(arrival.decoded.rows for arrival, _ in pairs) - rows),
        ):
            counts[CountPlace(source, raw_file_id, NO_DAY, outcome_)] += Quantities(rows=unread)
    for change in batch.changes:
        _count_stored(counts, change.rows, change.before, -1)
        _count_stored(counts, change.rows, change.after, 1)
    _count_stored(counts, batch.recycled, outcome_of_recycled(batch), 1)
    for key, each in batch.assembly.counts.items() if batch.assembly else ():
        counts[CountPlace(*key)] += each
    if any(abs(value) > _INT64_MAX for each in counts.values() for value in each):
        raise UnusableBatchError(
            f"the quantities of {batch.name} add up to more than can be counted",
            "check the units of the source, or send fewer records together; nothing of it was stored",
        )
    return [{**place._asdict(), **each._asdict()} for place, each in sorted(counts.items()) if any(each)]


def outcome_of_recycled(batch: Batch) -> NDArray[np.int8]:
    """Outcome of each recycled row. One that conflicts is in no book: its first version is."""
    outcome = outcome_of_flags(batch.recycled.column("flags").to_numpy())
    outcome[batch.conflicting] = Outcome.GONE
    return outcome


def _count_stored(counts: dict[CountPlace, Quantities], rows: pa.Table, outcome: NDArray[np.int8], sign: int) -> None:
    """Add or take away rows that are or will be stored, each under its own file."""
    if rows.num_rows == 0:
        return
    encoded: Any = rows.column("source").cast(pa.string()).combine_chunks().dictionary_encode()
    codes, file_ids = encoded.indices.to_numpy(), rows.column("raw_file_id").to_numpy()
    for code, source in enumerate(encoded.dictionary.to_pylist()):
        for file_id in np.unique(file_ids[codes == code]).tolist():
            chosen = (codes == code) & (file_ids == file_id)
            for day, outcome_, each in by_day(rows.filter(pa.array(chosen)), outcome[chosen]):
                counts[CountPlace(source, file_id, day, COUNTED_NAMES[outcome_])] += each if sign > 0 else -each
