"""Usage that has a place in a period that a run computes, and is billed in one that it does not compute.

Most often that period is closed, and its bill is final. Late usage has a place in an open period as well where the rule about it changed
since, or a closing was retracted. `changed_events` tells of records and numbers that changed. All of it would be billed twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from billing.intake import view
from billing.intake.marks import COMMIT_SEQ, keys_array
from billing.runs.contracts.columns import index_of, int64, one_chunk
from billing.runs.contracts.counted_charges import OWNER, Counting, charge_paths, read_charges
from billing.runs.contracts.fact_columns import day_of
from billing.runs.usage import changed_events
from billing.runs.usage.late_usage import DAY_US
from rating.schema import KEY, UsageFlag
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.selection.arrival_times import Arrivals
    from billing.runs.selection.scope import Scope
    from billing.store.home import Home

_USAGE: Final = ("event_key", "start_us", "flags", COMMIT_SEQ)
_CHARGES: Final = ["event_key", OWNER, "status", "period_from"]


def find(home: Home, seq: int, contracts: Contracts, scope: Scope, came: Arrivals | None) -> pa.Array[Any]:
    """Keys of such events as of `seq`. `came`: the arrival of usage, where any plan bills usage in the period of its arrival."""
    found = changed_events.find(home, seq, contracts, scope)
    return keys_array(found if came is None else found | _late(home, seq, contracts, scope, came))


def _late(home: Home, seq: int, contracts: Contracts, scope: Scope, came: Arrivals) -> set[bytes]:
    """Those of usage that came since the window began, more than a day after it started, and may be of a closed period."""
    assert scope.window is not None
    with home.connect() as connection:
        runs, counting = changed_events.counted_runs(connection, seq), Counting(connection, seq)
        paths = {row.run_id: charge_paths(connection, row.run_id) for row in runs}
    rest = _known_to_runs(home, seq, scope, came, max((row.pinned_seq for row in runs), default=0))
    found = set[bytes]()
    for row in runs:
        if not rest:
            break
        wanted = pc.field("event_key").isin(pa.array(sorted(rest), KEY))
        charges = counting.billed(row.run_id, read_charges(home.path, paths[row.run_id], _CHARGES, wanted))
        if not charges.num_rows:
            continue
        keys: list[Any] = one_chunk(charges["event_key"]).to_pylist()
        final = (charges["status"].to_numpy() < int(REFUSALS_FROM)) & _is_before(charges, contracts, scope)
        found.update(key for key, is_final in zip(keys, final.tolist(), strict=True) if is_final)
        rest.difference_update(keys)
    return found


def _known_to_runs(home: Home, seq: int, scope: Scope, came: Arrivals, pinned_seq: int) -> set[bytes]:
    """Keys of late usage that a run may have priced: committed by its pinned commit, or corrected since.

    The window may begin long before the open periods of most accounts, as after a hold of one.
    """
    assert scope.window is not None
    since, until_us = came.first_since(scope.window.from_us), int(scope.open_us.max())

    def read() -> set[bytes]:
        with home.connect() as connection:
            files = view.stored(connection, since - 1, seq, to_us=until_us)
        found: set[bytes] = set()
        for part in view.parts(home, files, _USAGE, since - 1, seq):
            known = (int64(part[COMMIT_SEQ]) <= pinned_seq) | ((part["flags"].to_numpy() & int(UsageFlag.RECYCLED)) != 0)
            start_us = int64(part["start_us"])
            is_late = came.instants(int64(part[COMMIT_SEQ])) > start_us + DAY_US
            rows = np.flatnonzero(known & is_late & (start_us < until_us))
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
