"""Events that rating refused and that are not mended yet: they count, and no run could price them.

The last run that priced an event gives its state: one that a later run could price is refused no more, and neither is one whose
version was replaced or hidden since. A run that was undone for an account says nothing of its events.
Instead of what runs found, a bill date may be given: then everything is priced as a run of that date would price it now, and nothing is
stored. What no run bills any more, since its period is closed, waits for no run: it is on the list of late usage (`billing.too_late`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing import late_decisions
from billing.intake import view
from billing.intake.marks import COMMIT_SEQ
from billing.runs import states
from billing.runs.contracts.columns import int64, one_chunk
from billing.runs.refused_events import STATUS, still_refused
from billing.runs.selection import arrival_times
from billing.store.tables import bill_runs
from rating.schema import KEY
from rating.status import REFUSALS_FROM, Status

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from billing.runs.usage.pricing import Priced
    from billing.store.home import Home

ARRIVED_US: Final = "first_us"
LAST_RUN_US: Final = "last_us"
_PINNED: Final = "pinned_seq"


def refused_events(home: Home, seq: int, columns: Sequence[str], bill_date: dt.date | None, now_us: int) -> pa.Table:
    """`columns` of USAGE_V1 of every refused event as of `seq`, with its `status`, its arrival, and when a run refused it last.

    An event came when the first version of its record did (`billing.runs.selection.arrival_times`).
    """
    refused = _of_runs(home, seq) if bill_date is None else _of_preview(home, seq, bill_date, now_us)
    if not refused.num_rows:
        return _with_statuses(view.usage(home, [*columns], seq, 0, 0), refused, [])
    starts = refused["start_us"].to_numpy()
    wanted = list(dict.fromkeys((*columns, "event_key", "flags", *arrival_times.COLUMNS)))
    usage = view.usage(home, wanted, seq, int(starts.min()), int(starts.max()) + 1)
    keys: Any = refused["event_key"].combine_chunks()
    place: Any = pc.index_in(usage["event_key"], value_set=keys)
    usage, place = usage.filter(pc.is_valid(place)), place.drop_null()
    refused = refused.take(place)
    is_same_version = usage[COMMIT_SEQ].to_numpy() <= refused[_PINNED].to_numpy()  # not one that was corrected after the run
    with home.connect() as connection:
        came = arrival_times.load(connection, seq)
        is_decided = late_decisions.decided(connection, seq).holds(usage["event_key"])  # by people, as late usage
    mask: Any = pa.array(is_same_version & ~is_decided)
    usage = usage.filter(mask)
    return _with_statuses(usage.select(list(columns)), refused.filter(mask), came.instants(came.first_seqs(usage)))


def open_still(home: Home, seq: int, events: pa.Table) -> pa.Table:
    """Those of refused events that the next run prices, once their cause is mended: no run has left them out for good."""
    if not events.num_rows:
        return events
    from billing.left_out.history import of_keys  # noqa: PLC0415 -- loads kernels
    from billing.left_out.reopened import without_reopened  # noqa: PLC0415 -- as above

    found = of_keys(home, seq, one_chunk(events["event_key"]), int64(events["start_us"]))
    verdicts = without_reopened(home, seq, found.usage, found.verdicts)
    mask: Any = pc.is_in(events["event_key"], value_set=one_chunk(found.usage["event_key"]).filter(pa.array(verdicts.for_good)))
    return events.filter(pc.invert(mask))


def has_runs(connection: sa.Connection) -> bool:
    """Return whether any run has priced anything."""
    return connection.execute(sa.select(bill_runs.c.run_id).where(bill_runs.c.state.in_(states.COUNTED)).limit(1)).first() is not None


def reason_of(status: int) -> str:
    """Name of a refusal of rating in lists."""
    return Status(status).name


def _with_statuses(usage: pa.Table, refused: pa.Table, arrived_us: Any) -> pa.Table:  # noqa: ANN401 -- a column
    for name, column in ((STATUS, refused[STATUS]), (ARRIVED_US, pa.array(arrived_us, pa.int64())), (LAST_RUN_US, refused[LAST_RUN_US])):
        usage = usage.append_column(name, column)
    return usage


def _of_preview(home: Home, seq: int, bill_date: dt.date, now_us: int) -> pa.Table:
    parts: list[Priced] = []
    take = parts.append
    from billing.runs import cycle  # noqa: PLC0415 -- with the kernels of a run, for who asks how one would price now

    cycle.compute(home, bill_date, seq, threads=1, everything=True, sink_for=lambda _: lambda _number, priced: take(priced))
    refused = [each.rated.status >= int(REFUSALS_FROM) for each in parts]
    keys = [key for each, rows in zip(parts, refused, strict=True) for key in each.event_key.filter(pa.array(rows)).to_pylist()]
    starts = [int(start) for each, rows in zip(parts, refused, strict=True) for start in each.start_us[rows]]
    statuses = [int(status) for each, rows in zip(parts, refused, strict=True) for status in each.rated.status[rows]]
    return _table(keys, starts, statuses, [(seq, now_us)] * len(keys))


def _of_runs(home: Home, seq: int) -> pa.Table:
    """Events whose last word of any run is a refusal."""
    found = still_refused(home, seq)
    values = list(found.values())
    return _table(
        pa.array(list(found), KEY),
        [each.start_us for each in values],
        [each.status for each in values],
        [(each.pinned_seq, each.last_us) for each in values],
    )


def _table(keys: Any, start_us: Any, status: Any, seen: Sequence[tuple[int, int]]) -> pa.Table:  # noqa: ANN401 -- columns
    pinned, last_us = zip(*seen, strict=True) if seen else ((), ())
    return pa.table(
        {
            "event_key": pa.array(keys, KEY),
            "start_us": pa.array(start_us, pa.int64()),
            STATUS: pa.array(status, pa.int16()),
            _PINNED: pa.array(pinned, pa.int64()),
            LAST_RUN_US: pa.array(last_us, pa.int64()),
        }
    )
