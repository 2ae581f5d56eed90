"""Equipment that restarted: it closes the sessions that it had, though nothing ever says so of each.

A restart is an unanswered row with the flags CUMULATIVE and LAST and no call_ref: everything of its equipment (trunk_in) that was counted
before it is over. Of a session that waits for its closing total, the last total is then all there is. Restarts are remembered in table
assemblies, with the rule `restart`; they hold whenever a group is looked at, so it does not matter which came first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing.intake.assembly.segment_groups import RESTART
from billing.intake.settle import Outcome
from billing.store.tables import assemblies
from rating.dates import BEFORE_ALL
from rating.schema import UsageFlag

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray

    from billing.store.home import Home

_VALUES_A_QUERY: Final = 5000
_PREFIX: Final = "restart\n"  # equipment may be called as a call is: no name of a call has a line break
_FLAGS: Final = int(UsageFlag.UNANSWERED | UsageFlag.CUMULATIVE | UsageFlag.LAST)


class Restart(NamedTuple):
    """Equipment of a source, and when it restarted."""

    source: str
    equipment: str
    at_us: int


def among(usage: pa.Table, outcome: NDArray[np.int8]) -> set[Restart]:
    """The restarts that a batch reports."""
    flags = usage.column("flags").to_numpy() & ~np.int32(UsageFlag.RECYCLED)
    is_restart = flags == _FLAGS
    if not is_restart.any():  # as in most batches
        return set()
    is_restart &= np.isin(outcome, (Outcome.UNANSWERED, Outcome.RECYCLED))
    if not is_restart.any():
        return set()
    rows = usage.select(["source", "trunk_in", "start_us", "call_ref"]).filter(pa.array(is_restart))
    columns: list[list[Any]] = [
        rows.column("source").to_pylist(),
        rows.column("trunk_in").to_pylist(),
        rows.column("start_us").cast(pa.int64()).to_pylist(),
        rows.column("call_ref").to_pylist(),
    ]
    return {
        Restart(source, equipment, at_us) for source, equipment, at_us, call_ref in zip(*columns, strict=True) if equipment and not call_ref
    }


def rows(restarts: Iterable[Restart]) -> list[dict[str, Any]]:
    """Rows of table assemblies."""
    return [
        {
            "source": each.source,
            "call_ref": _PREFIX + each.equipment,
            "state": "assembled",
            "missing": "",
            "segments": 0,
            "first_us": each.at_us,
            "last_us": each.at_us,
            "deadline_us": each.at_us,
            "rule": RESTART,
            "timeout_us": 0,
        }
        for each in sorted(restarts)
    ]


def closed(
    home: Home, segments: pa.Table, group: NDArray[np.int64], can_close: NDArray[np.bool_], new: Collection[Restart]
) -> NDArray[np.bool_]:
    """Mask of the groups, of those that `can_close`, that hold running totals alone, none taken after their equipment last restarted.

    `new` are the restarts of the batch; those that are stored are looked up.
    """
    is_total = (segments.column("flags").to_numpy() & int(UsageFlag.CUMULATIVE)) != 0
    is_closed = can_close.copy()
    is_closed[group[~is_total]] = False
    candidates = np.flatnonzero(is_closed[group])
    is_closed[:] = False
    if not candidates.size:
        return is_closed
    places: Any = pa.array(candidates)
    chosen = segments.select(["source", "trunk_in", "start_us", "duration_us"]).take(places)
    of_row: list[Any] = list(zip(chosen.column("source").to_pylist(), chosen.column("trunk_in").to_pylist(), strict=True))
    last_us = _last_restarts(home, {pair for pair in of_row if pair[1]}, new)
    restart_us = np.array([last_us.get(pair, BEFORE_ALL) for pair in of_row], np.int64)
    duration: Any = chosen.column("duration_us")
    goes_on = chosen.column("start_us").cast(pa.int64()).to_numpy() + duration.fill_null(0).to_numpy() > restart_us
    is_closed[group[candidates]] = True
    is_closed[group[candidates[goes_on]]] = False
    return is_closed


def _last_restarts(home: Home, wanted: Collection[tuple[str, str]], new: Collection[Restart]) -> dict[tuple[str, str], int]:
    """Latest restart of each (source, equipment), in microseconds. Those that never restarted are left out."""
    row = assemblies.c
    equipments = sorted({_PREFIX + equipment for _, equipment in wanted})
    found = [(each.source, each.equipment, each.at_us) for each in new]
    with home.connect() as connection:
        for begin in range(0, len(equipments), _VALUES_A_QUERY):
            query = sa.select(row.source, row.call_ref, sa.func.max(row.first_us)).where(row.rule == RESTART)
            some = query.where(
                row.source.in_({source for source, _ in wanted}), row.call_ref.in_(equipments[begin : begin + _VALUES_A_QUERY])
            )
            found += [
                (source, call_ref.removeprefix(_PREFIX), at_us)
                for source, call_ref, at_us in connection.execute(some.group_by(row.source, row.call_ref))
            ]
    last_us: dict[tuple[str, str], int] = {}
    for source, equipment, at_us in found:
        last_us[source, equipment] = max(at_us, last_us.get((source, equipment), at_us))
    return last_us
