"""The periods that a run computed again after an earlier run had computed them, worked out anew as the run knew everything."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import sqlalchemy as sa

from billing.runs.contracts import facts, price_list
from billing.runs.contracts.contracts import Contracts
from billing.runs.contracts.counted_runs import Looked
from billing.runs.selection import changed_accounts, scope
from billing.runs.selection.coverage import TESTED
from billing.store import tables
from rating.dates import BEFORE_ALL, day_number

if TYPE_CHECKING:
    from billing.charges.lines import Int64s
    from billing.runs.contracts.counted_charges import Counting
    from billing.store.home import Home


class ComputedAgain(NamedTuple):
    """A run, and the days that it computed again: by account key, as day numbers. A charge is of the first day of its period.

    They are days, since a period may begin on another day by then, or be none of the account's any more.
    """

    run: Looked
    again: Mapping[int, range]


def computed_again(
    home: Home, connection: sa.Connection, run: Looked, counting: Counting, *, first_time: Collection[int] = ()
) -> ComputedAgain:
    """The scope of a run as it was made, as far as an earlier run had computed it; without accounts that it put aside or was undone for.

    An earlier run computed it whether its invoice was void by then or not. `first_time`: accounts (keys) whose scope is wanted as a whole,
    since interim bills may have computed it before. Run 0 is one to come.
    """
    contracts, covered, made = _made(home, connection, run)
    parked = tables.quarantine.c
    put_aside = sa.select(parked.account_key).where(parked.run_id == run.run_id, parked.kind != TESTED)
    aside = set(connection.execute(put_aside).scalars())
    again: dict[int, range] = {}
    first = np.array([day_number(periods[0].start) for periods in made.calendars], np.int64)
    rows = np.flatnonzero(made.calendar >= 0)
    before = _computed_day(covered)
    whole = contracts.facts.account_index(np.array(sorted(first_time), np.int64))
    whole = whole[whole >= 0]
    ends = np.array([*(day_number(periods[-1].end) for periods in made.calendars), BEFORE_ALL], np.int64)
    before[whole] = ends[made.calendar[whole]]
    rows = rows[first[made.calendar[rows]] < before[rows]]
    for row in rows.tolist():
        key = int(contracts.facts.account_keys[row])
        if key not in aside:
            again[key] = range(int(first[made.calendar[row]]), int(before[row]))
    for key in counting.gone(run.run_id, again) if run.run_id else ():
        del again[key]
    return ComputedAgain(run, again)


def computed(home: Home, connection: sa.Connection, run: Looked, *, everything: bool = False) -> frozenset[int]:
    """The accounts (keys) with periods that a run computed, put aside or not. `everything`: it was to compute unchanged ones as well."""
    contracts, _, made = _made(home, connection, run, everything=everything)
    return frozenset(contracts.facts.account_keys[made.calendar >= 0].tolist())


def _made(home: Home, connection: sa.Connection, run: Looked, *, everything: bool = False) -> tuple[Contracts, scope.Covered, scope.Scope]:
    """The contracts, the coverage and the scope of a run, as it knew them."""
    contracts = Contracts(facts.load(connection, run.pinned_seq), price_list.load(home, run.pinned_seq), facts.Midnights())
    covered = scope.covered_through(connection, contracts.facts, run.run_id or None)
    made = changed_accounts.scope_of(
        home, connection, contracts, covered, run.bill_date, run.pinned_seq, only=run.only, everything=everything
    )
    return contracts, covered, made


def _computed_day(covered: scope.Covered) -> Int64s:
    """By account the latest bill date, as a day number, of the runs that it took part in; below all others where there are none."""
    latest = [max((day_number(run.bill_date) for run in runs), default=BEFORE_ALL) for runs in covered.ever]
    return np.array([*latest, BEFORE_ALL], np.int64)[covered.of]
