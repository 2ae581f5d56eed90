"""Suspense of rating: events that a run could not price, with the reason.

It needs no state of its own: open periods are priced afresh in every run, so an event is billed as soon as its cause is mended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from billing.intake import view
from billing.runs.contracts.counted_charges import OWNER, Counting, charge_paths, read_charges
from billing.runs.contracts.counted_runs import looked
from billing.runs.selection.standing_charges import on_bills
from billing.runs.states import find_run
from rating.errors import UserError
from rating.schema import KEY
from rating.status import REFUSALS_FROM, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.store.home import Home

STATUS: Final = "status"
_COLUMNS: Final = ["event_key", "start_us", STATUS]
_USAGE: Final = ("event_key", "source", "record_id", "served_id", "other_raw", "other_e164", "start_us", "duration_us")


class Refusal(msgspec.Struct, frozen=True):
    """One event that was not priced."""

    reason: str
    source: str
    record_id: str
    served_id: str
    destination: str
    start_us: int
    duration_us: int


class Refusals(msgspec.Struct, frozen=True):
    """Events refused by a run: how many by reason, and some of them, oldest first."""

    run_id: int
    counts: dict[str, int]
    rows: tuple[Refusal, ...]


def refusals(home: Home, run_id: int | None = None, reason: str | None = None, limit: int = 50) -> Refusals:
    """Refused events of a run (the latest by default), of one reason if given. Raises UserError when there is no such run or reason."""
    if reason is not None and reason not in Status.__members__:
        raise UserError(f"no event is refused for the reason {reason}", f"reasons: {', '.join(_reasons())}", exit_status=2)
    with home.connect() as connection:
        run = find_run(connection, run_id)
        paths = charge_paths(connection, run.run_id)
    charges = read_charges(home.path, paths, _COLUMNS)
    refused = charges.filter(pc.greater_equal(charges["status"], pa.scalar(int(REFUSALS_FROM), pa.int16())))
    codes, counts = np.unique(refused["status"].to_numpy(), return_counts=True)
    by_reason = {Status(code).name: count for code, count in zip(codes.tolist(), counts.tolist(), strict=True)}
    if reason is not None:
        refused = refused.filter(pc.equal(refused["status"], pa.scalar(int(Status[reason]), pa.int16())))
    rows = _described(home, run.pinned_seq, refused.sort_by("start_us").slice(0, limit))
    return Refusals(run.run_id, by_reason, rows)


class Refused(NamedTuple):
    """An event whose last word of any run is a refusal, and that run. `last_us`: when it started."""

    start_us: int
    status: int
    run_id: int
    pinned_seq: int
    last_us: int


def still_refused(home: Home, seq: int, only: Sequence[bytes] | None = None) -> dict[bytes, Refused]:
    """Events that no run could price that looked at them last, by key, as of `seq`; of these keys alone, if they are given."""
    found: dict[Any, Refused] = {}
    with home.connect() as connection:
        done = [(run, charge_paths(connection, run.run_id)) for run in looked(connection, seq)[::-1]]
        counting = Counting(connection, seq)
    is_refused: Any = pc.field(STATUS) >= int(REFUSALS_FROM)
    if only is not None:
        is_refused &= pc.field("event_key").isin(pa.array(sorted(only), KEY))
    for run, paths in done:
        refused = counting.of(run.run_id, _rows(home, paths, is_refused))
        columns: list[Any] = [refused[name].to_pylist() for name in _COLUMNS]
        now = {key: (start_us, status) for key, start_us, status in zip(*columns, strict=True)}
        priced = _rows_of(home, paths, {key: each for key, each in found.items() if key not in now})
        for key in counting.of(run.run_id, priced)["event_key"].to_pylist():
            del found[key]  # this run could price it
        for key, told in now.items():
            found[key] = Refused(*told, run.run_id, run.pinned_seq, run.started_us)
    if found and counting.is_any_undone:  # a bill of before may have them again
        with home.connect() as connection:
            for key in on_bills(home, connection, seq, found):
                del found[key]
    return found


def _rows_of(home: Home, paths: Sequence[str], events: dict[bytes, Refused]) -> pa.Table:
    """The charges of a run that are of some events."""
    if not events:
        return _rows(home, (), None)
    return _rows(home, paths, pc.field("event_key").isin(pa.array(list(events), KEY)))  # whenever they began: a correction may move that


def _rows(home: Home, paths: Sequence[str], condition: Any) -> pa.Table:  # noqa: ANN401 -- an expression of Arrow
    """Rows of charge files that meet a condition; whole files are passed over by their statistics. Instants as int64."""
    kinds: list[Any] = [("event_key", KEY), ("start_us", pa.int64()), (STATUS, pa.int16()), (OWNER, pa.int64())]
    empty = pa.schema(kinds).empty_table()
    found = []
    for path in paths:
        part = pq.read_table(home.path / path, columns=empty.column_names, filters=condition, partitioning=None)
        found.append(part.set_column(1, "start_us", part["start_us"].cast(pa.int64())).cast(empty.schema))
    return pa.concat_tables([empty, *found])


def _reasons() -> list[str]:
    return [status.name for status in Status if status >= REFUSALS_FROM]


def _described(home: Home, seq: int, refused: pa.Table) -> tuple[Refusal, ...]:
    """The refused events with what usage knows of them."""
    if not refused.num_rows:
        return ()
    starts = refused["start_us"].cast(pa.int64()).to_numpy()
    usage = view.usage(home, _USAGE, seq, int(starts.min()), int(starts.max()) + 1)
    keys: Any = refused["event_key"].combine_chunks()
    usage = usage.filter(pc.is_in(usage["event_key"], value_set=keys))
    known = {row["event_key"]: row for row in usage.set_column(6, "start_us", usage["start_us"].cast(pa.int64())).to_pylist()}
    pairs = zip(refused["event_key"].to_pylist(), refused["status"].to_numpy().tolist(), strict=True)
    return tuple(_refusal(Status(status), known[key]) for key, status in pairs if key in known)


def _refusal(status: Status, row: dict[str, Any]) -> Refusal:
    destination = row["other_raw"] or str(row["other_e164"] or "")
    names = (row["source"], row["record_id"], row["served_id"], destination)
    return Refusal(status.name, *names, row["start_us"], row["duration_us"] or 0)
