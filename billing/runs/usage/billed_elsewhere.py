"""Usage of before the window of a run that is billed in a period which this run does not compute.

Most often that period is closed, and its bill is final. The usage has a place in an open period as well where the rule about late usage
changed since, or a closing was retracted. It would be billed twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from billing.intake import view
from billing.intake.marks import COMMIT_SEQ, keys_array
from billing.runs.contracts.columns import index_of, int64, one_chunk
from billing.runs.contracts.counted_charges import OWNER, Counting, charge_paths
from billing.runs.contracts.fact_columns import day_of
from billing.store import tables
from rating.schema import KEY, UsageFlag
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.selection.arrival_times import Arrivals
    from billing.runs.selection.scope import Scope
    from billing.store.home import Home

_COUNTED: Final = ("numbered", "posted")
_CYCLE: Final = "cycle"
_USAGE: Final = ("event_key", "start_us", "flags", COMMIT_SEQ)
_CHARGES: Final = ["event_key", OWNER, "status", "period_from"]


def find(home: Home, seq: int, contracts: Contracts, scope: Scope, came: Arrivals) -> pa.Array[Any]:
    """Keys of the events that the newest run which priced them has in a period before those that this run computes, as of `seq`.

    Of usage that came since the window began and starts before it.
    """
    assert scope.window is not None
    run = tables.bill_runs.c
    query = sa.select(run.run_id, run.pinned_seq).where(run.state.in_(_COUNTED), run.commit_seq <= seq)
    query = query.where(sa.func.coalesce(run.kind, _CYCLE) == _CYCLE).order_by(run.run_id.desc())
    with home.connect() as connection:
        runs, counting = connection.execute(query).all(), Counting(connection, seq)
        paths = {row.run_id: charge_paths(connection, row.run_id) for row in runs}
    rest = _known_to_runs(home, seq, scope.window.from_us, came, max((row.pinned_seq for row in runs), default=0))
    found: list[bytes] = []
    for row in runs:
        if not rest:
            break
        wanted = pc.field("event_key").isin(pa.array(sorted(rest), KEY))
        parts = [pq.read_table(home.path / path, columns=_CHARGES, filters=wanted, partitioning=None) for path in paths[row.run_id]]
        charges = counting.billed(row.run_id, pa.concat_tables(parts)) if parts else None
        if charges is None or not charges.num_rows:
            continue
        keys: list[Any] = one_chunk(charges["event_key"]).to_pylist()
        final = (charges["status"].to_numpy() < int(REFUSALS_FROM)) & _is_before(charges, contracts, scope)
        found += [key for key, is_final in zip(keys, final.tolist(), strict=True) if is_final]
        rest.difference_update(keys)
    return keys_array(found)


def _known_to_runs(home: Home, seq: int, until_us: int, came: Arrivals, pinned_seq: int) -> set[bytes]:
    """Keys of late usage of before an instant that a run may have priced: committed by its pinned commit, or corrected since."""
    since = came.first_since(until_us)

    def read() -> set[bytes]:
        with home.connect() as connection:
            files = view.stored(connection, since - 1, seq, to_us=until_us)
        found: set[bytes] = set()
        for part in view.parts(home, files, _USAGE, since - 1, seq):
            known = (int64(part[COMMIT_SEQ]) <= pinned_seq) | ((part["flags"].to_numpy() & int(UsageFlag.RECYCLED)) != 0)
            rows = np.flatnonzero(known & (int64(part["start_us"]) < until_us))
            keys: list[Any] = one_chunk(part["event_key"]).take(pa.array(rows, pa.int64())).to_pylist()
            found.update(keys)
        return found

    return view.steadily(read) if pinned_seq else set()


def _is_before(charges: pa.Table, contracts: Contracts, scope: Scope) -> Any:  # noqa: ANN401 -- an array of booleans
    """Mask of the charges whose period begins before the oldest computed one of their account."""
    facts = contracts.facts
    order = np.argsort(facts.account_keys, kind="stable")
    place = index_of(facts.account_keys[order], int64(charges[OWNER]))
    days = int64(charges["period_from"].cast(pa.int32()))
    before = np.zeros(charges.num_rows, np.bool_)
    for row in np.flatnonzero(place >= 0).tolist():
        account = int(order[place[row]])
        calendar = int(scope.calendar[account])
        if calendar >= 0:
            begins_us = contracts.midnights.instant_us(facts.accounts[account].timezone, day_of(int(days[row])))
            before[row] = begins_us < int(scope.bounds_us[calendar, 0])
    return before
