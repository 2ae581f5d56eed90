"""Events that rating refused and that are not mended yet: they count, and no run could price them.

The last run that priced an event gives its state: one that a later run could price is refused no more, and neither is one whose
version was replaced or hidden since. A run that was undone for an account says nothing of its events.
Instead of what runs found, a bill date may be given: then everything is priced as a run of that date would price it now, and nothing is
stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from billing.intake import view
from billing.intake.marks import COMMIT_SEQ
from billing.runs import states
from billing.runs.refused_events import OWNER, Counting, charge_paths
from billing.store.tables import bill_runs
from rating.schema import KEY
from rating.status import REFUSALS_FROM, Status

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from billing.runs.usage.pricing import Priced
    from billing.store.home import Home

_COLUMNS: Final = ("event_key", "start_us", "status", OWNER)
STATUS: Final = "status"
FIRST_RUN_US: Final = "first_us"
LAST_RUN_US: Final = "last_us"
_PINNED: Final = "pinned_seq"


class _Run(NamedTuple):
    run_id: int
    pinned_seq: int
    started_us: int


class _Refused(NamedTuple):
    """State in which the runs so far left an event: `pinned_seq` and `last_us` are of the last run that refused it."""

    start_us: int
    status: int
    pinned_seq: int
    first_us: int
    last_us: int


def refused_events(home: Home, seq: int, columns: Sequence[str], bill_date: dt.date | None, now_us: int) -> pa.Table:
    """`columns` of USAGE_V1 of every refused event as of `seq`, with its `status` and when a run refused it first and last."""
    refused = _of_runs(home, seq) if bill_date is None else _of_preview(home, seq, bill_date, now_us)
    if not refused.num_rows:
        return _with_statuses(view.usage(home, [*columns], seq, 0, 0), refused)
    starts = refused["start_us"].to_numpy()
    wanted = list(dict.fromkeys((*columns, "event_key", COMMIT_SEQ)))
    usage = view.usage(home, wanted, seq, int(starts.min()), int(starts.max()) + 1)
    keys: Any = refused["event_key"].combine_chunks()
    place: Any = pc.index_in(usage["event_key"], value_set=keys)
    usage, place = usage.filter(pc.is_valid(place)), place.drop_null()
    refused = refused.take(place)
    is_same_version = usage[COMMIT_SEQ].to_numpy() <= refused[_PINNED].to_numpy()  # not one that was corrected after the run
    mask: Any = pa.array(is_same_version)
    return _with_statuses(usage.filter(mask).select(list(columns)), refused.filter(mask))


def has_runs(connection: sa.Connection) -> bool:
    """Return whether any run has priced anything."""
    return connection.execute(sa.select(bill_runs.c.run_id).where(bill_runs.c.state.in_(states.COUNTED)).limit(1)).first() is not None


def reason_of(status: int) -> str:
    """Name of a refusal of rating in lists."""
    return Status(status).name


def _with_statuses(usage: pa.Table, refused: pa.Table) -> pa.Table:
    for name in (STATUS, FIRST_RUN_US, LAST_RUN_US):
        usage = usage.append_column(name, refused[name])
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
    return _table(keys, starts, statuses, [(seq, now_us, now_us)] * len(keys))


def _of_runs(home: Home, seq: int) -> pa.Table:
    """Events whose last word of any run is a refusal."""
    runs = bill_runs.c
    query = sa.select(runs.run_id, runs.pinned_seq, runs.started_us).where(runs.state.in_(states.COUNTED), runs.commit_seq <= seq)
    found: dict[Any, _Refused] = {}
    with home.connect() as connection:
        done = [_Run(*row) for row in connection.execute(query.order_by(runs.run_id))]
        paths = {run.run_id: charge_paths(connection, run.run_id) for run in done}
        counting = Counting(connection, seq)
    for run in done:
        refused = counting.of(run.run_id, _read(home, paths[run.run_id], pc.field(STATUS) >= int(REFUSALS_FROM)))
        starts: dict[Any, Any] = dict(zip(refused["event_key"].to_pylist(), refused["start_us"].to_pylist(), strict=True))
        statuses: dict[Any, Any] = dict(zip(refused["event_key"].to_pylist(), refused[STATUS].to_pylist(), strict=True))
        priced = _among(home, paths[run.run_id], [each for each in found if each not in starts], found)
        for key in counting.of(run.run_id, priced)["event_key"].to_pylist():
            del found[key]  # this run could price it
        for key, start_us in starts.items():
            first_us = found[key].first_us if key in found else run.started_us
            found[key] = _Refused(start_us, statuses[key], run.pinned_seq, first_us, run.started_us)
    values = list(found.values())
    return _table(
        pa.array(list(found), KEY),
        [each.start_us for each in values],
        [each.status for each in values],
        [(each.pinned_seq, each.first_us, each.last_us) for each in values],
    )


def _among(home: Home, paths: list[str], keys: list[Any], known: dict[Any, _Refused]) -> pa.Table:
    """The charges of a run that are of `keys`."""
    if not keys:
        return _read(home, [], None)
    starts = [known[key].start_us for key in keys]
    within = (pc.field("start_us") >= _instant(min(starts))) & (pc.field("start_us") <= _instant(max(starts)))
    return _read(home, paths, within & pc.field("event_key").isin(pa.array(keys, KEY)))


def _instant(instant_us: int) -> Any:  # noqa: ANN401 -- a scalar of Arrow, which its stubs do not take in comparisons
    return pa.scalar(instant_us, pa.int64()).cast(pa.timestamp("us", "UTC"))


def _read(home: Home, paths: list[str], condition: Any) -> pa.Table:  # noqa: ANN401 -- an expression of Arrow
    """Rows of charge files that meet a condition; whole files are skipped by their statistics. Instants as int64."""
    kinds: list[Any] = [("event_key", KEY), ("start_us", pa.int64()), (STATUS, pa.int16()), (OWNER, pa.int64())]
    empty = pa.schema(kinds).empty_table()
    found = []
    for path in paths:
        part = pq.read_table(home.path / path, columns=list(_COLUMNS), filters=condition, partitioning=None)
        found.append(part.set_column(1, "start_us", part["start_us"].cast(pa.int64())).cast(empty.schema))
    return pa.concat_tables([empty, *found])


def _table(keys: Any, start_us: Any, status: Any, seen: Sequence[tuple[int, int, int]]) -> pa.Table:  # noqa: ANN401 -- columns
    pinned, first_us, last_us = zip(*seen, strict=True) if seen else ((), (), ())
    return pa.table(
        {
            "event_key": pa.array(keys, KEY),
            "start_us": pa.array(start_us, pa.int64()),
            STATUS: pa.array(status, pa.int16()),
            _PINNED: pa.array(pinned, pa.int64()),
            FIRST_RUN_US: pa.array(first_us, pa.int64()),
            LAST_RUN_US: pa.array(last_us, pa.int64()),
        }
    )
