"""Usage that has a place in a period that a run computes, and is billed in one that it does not compute.

Most often that period is closed, and its bill is final. Late usage has a place in an open period as well where the rule about it changed
since, or a closing was retracted. `changed_events` tells of records and numbers that changed. All of it would be billed twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from billing.charges.lines import Int64s
from billing.intake import view
from billing.intake.marks import COMMIT_SEQ, keys_array
from billing.runs.contracts.columns import int64, one_chunk
from billing.runs.contracts.counted_charges import OWNER, Counting, charge_paths, read_charges
from billing.runs.contracts.counted_runs import looked
from billing.runs.contracts.fact_columns import groups
from billing.runs.selection.standing_charges import on_bills
from billing.runs.usage import changed_events
from rating.dates import DAY_US, NEVER, day_of
from rating.schema import KEY, UsageFlag
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.selection.arrival_times import Arrivals
    from billing.runs.selection.scope import Scope
    from billing.runs.usage.owners import Owners
    from billing.store.home import Home

_USAGE: Final = ("event_key", "start_us", "flags", COMMIT_SEQ)
_CHARGES: Final = ["event_key", OWNER, "start_us", "status", "period_from"]


class KeptIn(NamedTuple):
    """Late usage that is billed in a computed period which is not that of its start: each event with its start, and whose period it is.

    `account`: an index. `period_us`: the first instant of the period.
    """

    keys: pa.Array[Any]
    start_us: Int64s
    account: Int64s
    period_us: Int64s

    def placed(self, usage: pa.Table, start_us: Int64s, owner: Owners, scope: Scope) -> Owners:
        """The owners with the periods in which such events are billed. An event with another start or owner by now is placed anew."""
        found: Any = pc.index_in(one_chunk(usage["event_key"]), value_set=self.keys)
        at = found.fill_null(-1).to_numpy()
        rows = np.flatnonzero(at >= 0)
        rows = rows[(self.start_us[at[rows]] == start_us[rows]) & (self.account[at[rows]] == owner.account[rows])]
        place = owner.place.copy()
        place[rows] = scope.place(self.account[at[rows]], self.period_us[at[rows]])
        return owner._replace(place=place)


class Billed(NamedTuple):
    """Usage that is on a bill: `stays`, keys of the events that this run leaves there; and late usage that it bills where it is billed.

    `moving`: keys of events on bills of periods that this run computes again; `moving_from`: the account (key) that was billed.
    """

    stays: pa.Array[Any]
    kept_in: KeptIn | None
    moving: pa.Array[Any]
    moving_from: Int64s


def find(home: Home, seq: int, contracts: Contracts, scope: Scope, came: Arrivals | None) -> Billed:
    """Such usage as of `seq`. `came`: its arrival, where any plan bills late usage in the period of that, or ever did."""
    stays, moving = changed_events.find(home, seq, contracts, scope, by_arrival=came is not None)
    late, kept_in = (set[bytes](), None) if came is None else _late(home, seq, contracts, scope, came)
    return Billed(keys_array(stays | late), kept_in, keys_array(moving), np.array(list(moving.values()), np.int64))


def _late(home: Home, seq: int, contracts: Contracts, scope: Scope, came: Arrivals) -> tuple[set[bytes], KeptIn | None]:
    """Those of usage that came since the window began, more than a day after it started, and may be of a closed period."""
    assert scope.window is not None
    with home.connect() as connection:
        runs, counting = looked(connection, seq), Counting(connection, seq)
        paths = {row.run_id: charge_paths(connection, row.run_id) for row in runs}
    rest = _known_to_runs(home, seq, scope, came, max((row.pinned_seq for row in runs), default=0))
    final = set[bytes]()
    kept: list[tuple[bytes, int, int, int]] = []
    for row in runs:
        if not rest:
            break
        wanted = pc.field("event_key").isin(pa.array(sorted(rest), KEY))
        charges = counting.billed(row.run_id, read_charges(home.path, paths[row.run_id], _CHARGES, wanted))
        if not charges.num_rows:
            continue
        keys: list[Any] = one_chunk(charges["event_key"]).to_pylist()
        priced = charges["status"].to_numpy() < int(REFUSALS_FROM)
        account, period_us = _periods(charges, contracts)
        start_us = int64(charges["start_us"].cast(pa.int64()))
        begins_us = np.append(scope.bounds_us[:, 0], NEVER)[scope.calendar[account]]  # of an account that is not in the run: none
        is_known, is_before = account >= 0, (period_us < begins_us) & (scope.calendar[account] >= 0)
        final.update(keys[at] for at in np.flatnonzero(priced & is_known & is_before).tolist())
        later = np.flatnonzero(priced & is_known & ~is_before & (start_us < period_us)).tolist()
        kept += [(keys[at], int(start_us[at]), int(account[at]), int(period_us[at])) for at in later]
        rest.difference_update(keys)
    with home.connect() as connection:
        final = on_bills(home, connection, seq, final)
    if not kept:
        return final, None
    names, *columns = zip(*kept, strict=True)
    return final, KeptIn(pa.array(names, KEY), *(np.array(column, np.int64) for column in columns))


def _periods(charges: pa.Table, contracts: Contracts) -> tuple[Int64s, Int64s]:
    """The index of the owner of each charge, -1 unknown, and the first instant of its period."""
    facts = contracts.facts
    account = facts.account_index(int64(charges[OWNER]))
    zone = np.append(facts.account_zone, 0)[account]
    code, models = groups([zone, int64(charges["period_from"].cast(pa.int32()))])
    days = int64(charges["period_from"].cast(pa.int32()))
    instants = [contracts.midnights.instant_us(facts.zones[int(zone[row])], day_of(int(days[row]))) for row in models.tolist()]
    return account, np.array(instants, np.int64)[code]


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
