"""What was used or is owed by a date and is on no invoice yet: provisional, stored nowhere.

Two ask it: finance at the end of a month (accrued revenue), and whoever answers a customer's question what the running period has come
to. Every period that no run of a bill date up to `through` has covered is computed, and the running one as if the account closed on
`through`: fees by exact days, usage that began before it. For the customer open periods that were billed are computed as well, since late
usage and other corrections of them are on the next bill. What invoices have billed on the same keys is subtracted; a fee that was
billed in advance for the running period is no part of it. Holds do not matter here: what is held back is owed all the same. A test
account owes nothing. A document, or its voiding, that is dated later does not count yet.
Amounts are micro-units, net of tax. A pure function of what is stored as of a sequence number and of the date.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing.charges.lines import Int64s, Kind, Lines, empty, sum_by_key
from billing.charges.reconcile import differences
from billing.charges.rollover import Left
from billing.charges.tax import taxed
from billing.guiding import Guide
from billing.invoicing import billed_lines
from billing.runs import by_hand, facts, leftovers, payers, price_list, scope, totals
from billing.runs.columns import index_of
from billing.runs.contracts import Contracts
from billing.runs.exempting import as_agreed
from billing.runs.fact_columns import NEVER_DAY, day_number
from billing.runs.for_tests import of_tests
from billing.runs.groups import price_in_groups
from billing.runs.payer_columns import Payers
from billing.runs.proposal import Currencies, one_off_lines, recurring_lines
from billing.store import settings, tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from billing.runs.groups import Sink
    from billing.store.home import Home

    Progress = Callable[[int, int], None]


class Unbilled(NamedTuple):
    """`lines`: one a charge key, sorted by key, net; the account is who will pay. All of it as of `seq`."""

    seq: int
    contracts: Contracts
    currencies: Currencies
    lines: Lines


class Known(NamedTuple):
    """What is computed, and what it is compared with."""

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
    reopened: bool = False,
    sink_for: Callable[[Contracts], Sink] | None = None,
    progress: Progress | None = None,
) -> Unbilled:
    """What is not billed of the days before `through`; `only` these account ids and those of their rating units, if given.

    `before_bills_of_that_day`: bills dated `through` are not known yet, as at the end of the day before. `reopened`: compute periods that
    runs have billed as well, as far back as a run would.
    `sink_for` makes, of the contracts, what gets the priced events of each group.
    """
    with home.connect() as connection:
        seq = home.head_seq(connection)
        known_to = through - dt.timedelta(days=1) if before_bills_of_that_day else through
        known = read(home, connection, seq, through, known_to, only=only, reopened=reopened)
    contracts, chosen = known.contracts, known.scope
    currencies = Currencies(contracts)
    if chosen.window is None:
        return Unbilled(seq, contracts, currencies, empty())
    guide = Guide(home, seq)
    sink = sink_for(contracts) if sink_for is not None else None
    usage = price_in_groups(home, seq, guide, contracts, chosen, known.stored, threads=threads, sink=sink, progress=progress)
    fees = (recurring_lines(contracts, chosen, currencies), one_off_lines(contracts, chosen, currencies))
    due = totals.apply(np.concatenate([*fees, usage.lines]), contracts, chosen, currencies, known.adjustments)
    due = payers.route(as_whole_periods(due, contracts, chosen, through), contracts, chosen)
    due = due[~of_tests(due, contracts.facts)]
    paying = Payers(contracts, chosen, currencies)
    due = sum_by_key(as_agreed(due, contracts, paying))
    billed = known.billed[known.billed["kind"] != Kind.TAX]
    billed = billed[billed["period_from"] >= paying.open_from(billed)]  # nothing is due here of older ones
    found = differences(taxed(due, currencies.steps_of(due)).lines, billed)
    return Unbilled(seq, contracts, currencies, _without_billed_ahead(found.lines, found.billed_micros, day_number(through)))


def read(  # noqa: PLR0913 -- what, of whom, and as of when
    home: Home,
    connection: sa.Connection,
    seq: int,
    through: dt.date,
    known_to: dt.date,
    *,
    only: AbstractSet[str] | None = None,
    reopened: bool = False,
    before_run: int | None = None,
) -> Known:
    """What `unbilled` computes from, as of `seq`; bills dated after `known_to` are not known. `before_run`: as it stood for that run."""
    later = _first_run(connection, known_to + dt.timedelta(days=1), before_run)
    midnights = facts.Midnights()
    stored = facts.load(connection, seq)
    contracts = Contracts(stored, price_list.load(home, seq), midnights)
    cut = dataclasses.replace(
        stored,
        account_closed_day=np.minimum(stored.account_closed_day, day_number(through)),
        agreed=dataclasses.replace(stored.agreed, holds={}),
    )
    covered = scope.covered_through(connection, stored, later.run_id, voided_until=known_to)
    touched = None if reopened else np.full(len(stored.account_keys), NEVER_DAY, np.int64)
    periods_max = settings.integer(connection, "reopen_periods_max", seq=seq)
    chosen = scope.decide(cut, covered, through, midnights, only, touched=touched, reopen_periods_max=periods_max)
    first = min((periods[0].start for periods in chosen.calendars if periods), default=through)
    billed = billed_lines(connection, first, as_of=seq if later.pinned_seq is None else later.pinned_seq - 1, dated_until=known_to)
    rows = by_hand.counting(connection, seq)
    return Known(contracts, chosen, billed, leftovers.stored(connection, chosen.begins(stored), later.run_id), rows)


class _Later(NamedTuple):
    """The first run that was not known yet, and nothing of it and of what came after it was."""

    run_id: int | None
    pinned_seq: int | None


def as_whole_periods(lines: Lines, contracts: Contracts, chosen: scope.Scope, through: dt.date) -> Lines:
    """Lines of a running period under the keys that it will be billed under."""
    running = _running(lines, contracts, chosen, through)
    whole = lines.copy()
    whole["period_to"] = np.where(running > 0, running, lines["period_to"])
    return whole


def _first_run(connection: sa.Connection, day: dt.date, before_run: int | None) -> _Later:
    """The first run dated `day` or later, or begun as `before_run` or after it."""
    run = tables.bill_runs.c
    unknown = run.bill_date >= day.isoformat()
    unknown = unknown if before_run is None else unknown | (run.run_id >= before_run)
    query = sa.select(run.run_id, run.pinned_seq).where(unknown).order_by(run.run_id)
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


def _without_billed_ahead(lines: Lines, billed_micros: Int64s, through_day: int) -> Lines:
    """Without fees of a running period that an invoice has billed already: the rest of them is deferred, not unbilled."""
    ahead = (lines["period_to"] > through_day) & (billed_micros != 0) & (lines["kind"] == Kind.RECURRING)
    kept: Lines = lines[~ahead]
    return kept
