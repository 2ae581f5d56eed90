"""What was used or is owed by a date and is on no invoice yet: provisional, stored nowhere.

Two ask it: finance at the end of a month (accrued revenue), and whoever answers a customer's question what the running period has come
to. Every period that no run of a bill date up to `through` has covered is computed, and the running one as if the account closed on
`through`: fees by exact days, usage that began before it. What invoices have billed on the same keys is subtracted; a fee that was
billed in advance for the running period is no part of it. Holds do not matter here: what is held back is owed all the same.
Amounts are micro-units, net of tax. A pure function of what is stored as of a sequence number and of the date.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing.charges.lines import Int64s, Kind, Lines, empty
from billing.charges.reconcile import differences
from billing.charges.rollover import Left
from billing.charges.tax import taxed
from billing.guiding import Guide
from billing.invoicing import billed_lines
from billing.runs import by_hand, facts, leftovers, payers, price_list, scope, totals
from billing.runs.columns import index_of
from billing.runs.contracts import Contracts
from billing.runs.fact_columns import NEVER_DAY, day_number
from billing.runs.groups import price_in_groups
from billing.runs.payer_columns import Payers
from billing.runs.proposal import Currencies, one_off_lines, recurring_lines
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from billing.runs.groups import Sink
    from billing.store.home import Home

    Progress = Callable[[int, int], None]


class Unbilled(NamedTuple):
    """`lines`: one a charge key, sorted by key, net; the account is who will pay."""

    contracts: Contracts
    currencies: Currencies
    lines: Lines


class _Known(NamedTuple):
    contracts: Contracts
    scope: scope.Scope
    billed: Lines
    stored: list[Left]
    adjustments: pa.Table


def unbilled(  # noqa: PLR0913 -- what, of whom, and how
    home: Home,
    through: dt.date,
    *,
    threads: int = 1,
    only: AbstractSet[str] | None = None,
    before_bills_of_that_day: bool = False,
    sink_for: Callable[[Contracts], Sink] | None = None,
    progress: Progress | None = None,
) -> Unbilled:
    """What is not billed of the days before `through`; `only` these account ids and those of their rating units, if given.

    `before_bills_of_that_day`: bills dated `through` are not known yet, as at the end of the day before.
    `sink_for` makes, of the contracts, what gets the priced events of each group.
    """
    with home.connect() as connection:
        seq = home.head_seq(connection)
        later = _first_run(connection, through if before_bills_of_that_day else through + dt.timedelta(days=1))
        known = _read(home, connection, seq, through, only, later)
    contracts, chosen = known.contracts, known.scope
    currencies = Currencies(contracts)
    if chosen.window is None:
        return Unbilled(contracts, currencies, empty())
    guide = Guide(home, seq)
    sink = sink_for(contracts) if sink_for is not None else None
    usage = price_in_groups(home, seq, guide, contracts, chosen, known.stored, threads=threads, sink=sink, progress=progress)
    fees = (recurring_lines(contracts, chosen, currencies), one_off_lines(contracts, chosen, currencies))
    due = totals.apply(np.concatenate([*fees, usage.lines]), contracts, chosen, currencies, known.adjustments)
    running = _running(due, contracts, chosen, through)
    due = payers.route(_as_whole_periods(due, running), contracts, chosen)
    net = taxed(due, currencies.steps_of(due)).lines
    billed = known.billed[known.billed["kind"] != Kind.TAX]
    billed = billed[billed["period_from"] >= Payers(contracts, chosen, currencies).open_from(billed)]  # nothing is due here of older ones
    found = differences(net, billed)
    return Unbilled(contracts, currencies, _without_billed_ahead(found.lines, found.billed_micros, day_number(through)))


def _read(  # noqa: PLR0913, PLR0917 -- what, of whom, and as of when
    home: Home, connection: sa.Connection, seq: int, through: dt.date, only: AbstractSet[str] | None, later: _Later
) -> _Known:
    midnights = facts.Midnights()
    stored = facts.load(connection, seq)
    contracts = Contracts(stored, price_list.load(home, seq), midnights)
    cut = dataclasses.replace(
        stored,
        account_closed_day=np.minimum(stored.account_closed_day, day_number(through)),
        agreed=dataclasses.replace(stored.agreed, holds={}),
    )
    covered = scope.covered_through(connection, stored, later.run_id)
    untouched = np.full(len(stored.account_keys), NEVER_DAY, np.int64)
    chosen = scope.decide(cut, covered, through, midnights, only, touched=untouched)
    first = min((periods[0].start for periods in chosen.calendars if periods), default=through)
    billed = billed_lines(connection, first, as_of=seq if later.pinned_seq is None else later.pinned_seq - 1)
    rows = by_hand.counting(connection, seq)
    return _Known(contracts, chosen, billed, leftovers.stored(connection, chosen.begins(stored), later.run_id), rows)


class _Later(NamedTuple):
    """The first run that was not known yet, and nothing of it and of what came after it was."""

    run_id: int | None
    pinned_seq: int | None


def _first_run(connection: sa.Connection, day: dt.date) -> _Later:
    """The first run dated `day` or later."""
    run = tables.bill_runs.c
    query = sa.select(run.run_id, run.pinned_seq).where(run.bill_date >= day.isoformat()).order_by(run.run_id)
    row = connection.execute(query).first()
    return _Later(None, None) if row is None else _Later(int(row[0]), int(row[1]))


def _running(lines: Lines, contracts: Contracts, chosen: scope.Scope, through: dt.date) -> Int64s:
    """For each line of a running period the day (number) on which it will really end; 0 for lines of other periods."""
    known = contracts.facts
    ends = np.array(
        [day_number(periods[-1].cycle_end or periods[-1].end) if periods[-1].end == through else 0 for periods in chosen.calendars],
        np.int64,
    )
    account = index_of_account(lines["account_key"], known.account_keys)
    end = ends[chosen.calendar[account]] if lines.size else np.zeros(0, np.int64)
    closes = known.account_closed_day[account] == day_number(through) if lines.size else np.zeros(0, np.bool_)
    return np.where((lines["period_to"] == day_number(through)) & ~closes, end, 0)


def index_of_account(keys: Int64s, account_keys: Int64s) -> Int64s:
    """The index of each account key; every key is known."""
    order = np.argsort(account_keys, kind="stable")
    place = index_of(account_keys[order], keys)
    assert not (place < 0).any()
    return order[place] if keys.size else np.zeros(0, np.int64)


def _as_whole_periods(lines: Lines, running: Int64s) -> Lines:
    """Lines of a running period under the keys that it will be billed under."""
    whole = lines.copy()
    whole["period_to"] = np.where(running > 0, running, lines["period_to"])
    return whole


def _without_billed_ahead(lines: Lines, billed_micros: Int64s, through_day: int) -> Lines:
    """Without fees of a running period that an invoice has billed already: the rest of them is deferred, not unbilled."""
    ahead = (lines["period_to"] > through_day) & (billed_micros != 0) & (lines["kind"] == Kind.RECURRING)
    kept: Lines = lines[~ahead]
    return kept
