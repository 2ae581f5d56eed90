"""From decoded arrivals to the batch that is stored: each row's outcome, and what it changes of stored rows.

Order: duplicates and conflicts first, then rows whose time is out of bounds (they wait whole, with the reason `future_time` or `too_old`,
and come back out of suspense if somebody says so), then legs of calls that earlier files began, then segments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from billing.intake import finding, journal, marks
from billing.intake.assembly import assembling
from billing.intake.batch import Batch
from billing.intake.columns import key_bytes
from billing.intake.known_records import known_rejects
from billing.intake.legs.split_calls import SplitCalls, settle_split_calls
from billing.intake.settle import Outcome, settle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from billing.intake.arrivals import Arrival, Change
    from billing.intake.known_records.known_keys import KnownKeys
    from billing.store.home import Home

_GOOD = (Outcome.ANSWERED, Outcome.UNANSWERED, Outcome.ABSORBED, Outcome.WAITING)
_IS_GOOD = np.array([each in _GOOD for each in Outcome])  # by outcome


def decide(home: Home, known: KnownKeys, arrivals: Sequence[Arrival], now_us: int, whole: pa.Table | None = None) -> Batch:
    """The batch of these arrivals. The caller holds the intake lock, and `known` is up to date.

    `whole`: the rows of all of them in one table, where there is one already.
    """
    usage = pa.concat_tables([arrival.decoded.usage for arrival in arrivals]) if whole is None else whole
    assert usage.num_rows == sum(arrival.decoded.usage.num_rows for arrival in arrivals), "all rows of the arrivals, and no others"
    if usage.num_rows <= journal.BATCH_ROWS:
        usage = usage.combine_chunks()
    too_old, future = _out_of_bounds(known, arrivals, usage, now_us)
    verified = known.verified(usage, forgotten=too_old)
    usage = verified.usage
    settled = settle(
        key_bytes(usage.column("event_key")),
        usage.column("flags").to_numpy(),
        duplicate=verified.duplicate,
        conflicting=verified.conflicting,
    )
    outcome = settled.outcome
    good = _IS_GOOD[outcome]
    marked = {
        marks.CONFLICTING: outcome == Outcome.CONFLICTING,
        marks.TOO_OLD: good & too_old,
        marks.FUTURE_TIME: good & future,
    }
    outcome[good & (too_old | future)] = Outcome.SUSPENDED
    split = SplitCalls(usage, outcome, frozenset())
    rules, place = arrivals[0].rules, arrivals[0].place
    if rules is not None:
        judged = frozenset[int]() if place is None else place.commits
        split = settle_split_calls(home, rules, usage, settled, known.names, judged=judged)
    changes = _changes(home, settled.taken_back, split.absorbed_later)
    assembly = assembling.settle_partials(
        home,
        split.usage,
        split.outcome,
        changes=changes,
        sources={arrival.source: arrival.rules for arrival in arrivals if arrival.rules is not None},
        now_us=now_us,
    )
    rejects = known_rejects.sort_out(home, arrivals)
    return Batch(arrivals, assembly.usage, assembly.outcome, marked, changes, assembly=assembly, rejects=rejects)


def _out_of_bounds(
    known: KnownKeys, arrivals: Sequence[Arrival], usage: pa.Table, now_us: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rows that are too old for their copies to be known, and rows that end at a time that has not come: of files and streams alike."""
    too_old, future = np.zeros(usage.num_rows, np.bool_), np.zeros(usage.num_rows, np.bool_)
    start_us: Any = usage.column("start_us").cast(pa.int64()).to_numpy()
    durations: Any = usage.column("duration_us")
    end_us = start_us + durations.fill_null(0).to_numpy()
    row_from = 0
    for arrival in arrivals:
        rows = slice(row_from, row_from := row_from + arrival.decoded.usage.num_rows)
        memory = known.memory.get(arrival.source)
        if memory is not None:  # also of a stream: what was dropped is not known to it either
            too_old[rows] = start_us[rows] < memory.oldest_us(now_us)
        tolerance_us = arrival.decoded.future_tolerance_us if arrival.rules is None else arrival.rules.future_tolerance_us
        if tolerance_us is not None:
            future[rows] = end_us[rows] > now_us + tolerance_us
    return too_old, future


def _changes(home: Home, taken_back: AbstractSet[bytes], absorbed_later: AbstractSet[bytes]) -> list[Change]:
    return [
        finding.change(finding.stored_rows(home, marks.keys_array(sorted(keys))), reason)
        for reason, keys in ((marks.CONFLICTING, taken_back), (marks.ABSORBED_LATER, absorbed_later))
        if keys
    ]
