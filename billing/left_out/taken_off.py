"""Events that a run billed and a later run took off the bill: that run computed their period again, and has no charge of them.

A version of a tariff may say since that they came too late. Another version of the record may have replaced them for a while, or their
number may have another owner. Charge files of the first run still hold them, but no bill does, void ones aside: what a void invoice had
billed is computed again as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.left_out.judging import Looked, looked
from billing.runs.contracts import facts, price_list
from billing.runs.contracts.columns import int64, one_chunk
from billing.runs.contracts.contracts import Contracts
from billing.runs.contracts.counted_charges import OWNER, Counting, charge_paths, read_charges
from billing.runs.contracts.fact_columns import day_number
from billing.runs.selection import changed_accounts, scope
from billing.store import tables
from rating.schema import KEY
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from billing.charges.lines import Int64s
    from billing.store.home import Home

_NEVER_DAY: Final = np.iinfo(np.int64).min
_COLUMNS: Final = ["event_key", OWNER, "period_from", "status"]


class _Computed(NamedTuple):
    """A run, and the periods that it computed again: by account key, their first days as day numbers."""

    run: Looked
    again: Mapping[int, set[int]]


def taken_off(home: Home, seq: int, only: Iterable[Any] | None = None) -> pa.Array[Any]:
    """Keys of such events as of `seq`, in order; of these keys alone, if they are given."""
    with home.connect() as connection:
        runs, counting = looked(connection, seq), Counting(connection, seq)
        paths = {run.run_id: charge_paths(connection, run.run_id) for run in runs}
        later = [_computed(home, connection, run, counting) for run in runs[:-1]]
    wanted = None if only is None else pc.field("event_key").isin(pa.array(sorted(only), KEY))
    found: set[Any] = set()
    for place, computed in enumerate(later):
        if not computed.again:
            continue
        before: set[Any] = set()
        for run in runs[place + 1 :]:
            charges = counting.of(run.run_id, read_charges(home.path, paths[run.run_id], _COLUMNS, _of_accounts(computed, wanted)))
            before |= _in_periods(charges, computed.again)
        for run in runs[: place + 1] if before else ():  # what this run or a newer one has is on a bill
            keys = pc.field("event_key").isin(pa.array(sorted(before), KEY))
            charges = counting.of(run.run_id, read_charges(home.path, paths[run.run_id], ["event_key", OWNER], keys))
            before -= set(charges["event_key"].to_pylist())
        found |= before
    return pa.array(sorted(found), KEY)


def _computed(home: Home, connection: sa.Connection, run: Looked, counting: Counting) -> _Computed:
    """The scope of a run as it was made, as far as an earlier run had computed it; without accounts that it put aside or was undone for.

    An earlier run computed it whether its invoice was void by then or not.
    """
    contracts = Contracts(facts.load(connection, run.pinned_seq), price_list.load(home, run.pinned_seq), facts.Midnights())
    covered = scope.covered_through(connection, contracts.facts, run.run_id)
    made = changed_accounts.scope_of(home, connection, contracts, covered, run.bill_date, run.pinned_seq, only=run.only)
    parked = tables.quarantine.c
    aside = set(connection.execute(sa.select(parked.account_key).where(parked.run_id == run.run_id)).scalars())
    again: dict[int, set[int]] = {}
    first = np.array([day_number(periods[0].start) for periods in made.calendars], np.int64)
    rows = np.flatnonzero(made.calendar >= 0)
    before = _computed_day(covered)
    rows = rows[first[made.calendar[rows]] < before[rows]]
    for row in rows.tolist():
        key = int(contracts.facts.account_keys[row])
        if key not in aside:
            starts = {day_number(period.start) for period in made.calendars[int(made.calendar[row])]}
            again[key] = {day for day in starts if day < int(before[row])}
    for key in counting.gone(run.run_id, again):
        del again[key]
    return _Computed(run, again)


def _computed_day(covered: scope.Covered) -> Int64s:
    """By account the latest bill date, as a day number, of the runs that it took part in; below all others where there are none."""
    latest = [max((day_number(run.bill_date) for run in runs), default=_NEVER_DAY) for runs in covered.ever]
    return np.array([*latest, _NEVER_DAY], np.int64)[covered.of]


def _of_accounts(computed: _Computed, wanted: Any) -> Any:  # noqa: ANN401 -- expressions of Arrow
    own = pc.field(OWNER).isin(pa.array(sorted(computed.again), pa.int64()))
    return own if wanted is None else own & wanted


def _in_periods(charges: pa.Table, again: Mapping[int, set[int]]) -> set[Any]:
    """Keys of the events that were priced, of periods that were computed again."""
    days = int64(charges["period_from"].cast(pa.int32()))
    owners, priced = int64(charges[OWNER]), charges["status"].to_numpy() < int(REFUSALS_FROM)
    rows = [row for row in np.flatnonzero(priced).tolist() if int(days[row]) in again[int(owners[row])]]
    keys: Sequence[Any] = one_chunk(charges["event_key"]).take(pa.array(rows, pa.int64())).to_pylist() if rows else ()
    return set(keys)
