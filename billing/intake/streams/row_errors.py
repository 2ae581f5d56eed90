"""Single rows of a batch that did not count, by their index: those that could not be read, conflict, or wait whole in suspense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from billing.intake.settle import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing.intake.batch import Batch
    from mediation.decoded import Reject

ROW_ERRORS_MAX: Final = 1_000  # of a batch; the first ones by index


class RowError(NamedTuple):
    """A row by its index in its batch, and the reason under which suspense has it."""

    row: int
    reason: str


def of_arrivals(batch: Batch) -> list[tuple[RowError, ...]]:
    """The first ROW_ERRORS_MAX errors of each arrival: as many as its rejected and conflicting rows, where those are fewer."""
    found = []
    row_from = 0
    held_rows = np.isin(batch.outcome, (Outcome.CONFLICTING, Outcome.SUSPENDED))
    is_held = bool(held_rows.any())
    for arrival, rejects in zip(batch.arrivals, batch.rejects, strict=True):
        rows = slice(row_from, row_from := row_from + arrival.decoded.usage.num_rows)
        held = held_rows[rows]
        errors = _unread(each.reject for each in rejects.new)
        if is_held and held.any():
            index = batch.usage.column("raw_offset").slice(rows.start, rows.stop - rows.start).to_numpy()
            for reason, mask in batch.marked.items():
                errors += [RowError(int(row), reason) for row in index[held & mask[rows]][:ROW_ERRORS_MAX]]
        found.append(tuple(sorted(errors)[:ROW_ERRORS_MAX]))
    return found


def of_rejects(rejects: Iterable[Reject]) -> tuple[RowError, ...]:
    """The first ROW_ERRORS_MAX rows that could not be read."""
    return tuple(_unread(rejects))


def _unread(rejects: Iterable[Reject]) -> list[RowError]:
    return sorted(RowError(reject.offset, reject.reason) for reject in rejects)[:ROW_ERRORS_MAX]
