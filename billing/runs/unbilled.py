"""What was used or is owed by a date and is on no invoice yet: provisional, stored nowhere.

Two ask it: finance at the end of a month (accrued revenue), and whoever answers a customer's question what the running period has come
to. Every period that no run of a bill date up to `through` has covered is computed, and the running one as if the account closed on
`through`: fees by exact days, usage that began before it. For the customer open periods that were billed are computed as well, since late
usage and other corrections of them are on the next bill. What invoices have billed on the same keys is subtracted; of fees in advance for
the running period, and discounts off them, what is earned by then (`billing.runs.ahead`). Holds do not matter here: what is held back is
owed all the same. A test account owes nothing. A document, or its voiding, counts by its date, whenever it was made.
Amounts are micro-units, net of tax. A pure function of what is stored as of a sequence number and of the date.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from billing.accounts.covering import KnownVoids
from billing.charges.lines import Int64s, Kind, Lines, empty, sum_as_taxed, sum_by_key, taken
from billing.charges.reconcile import differences
from billing.charges.rollover import Left
from billing.charges.tax import taxed
from billing.guiding import Guide
from billing.invoicing import billed_lines
from billing.runs import ahead, by_hand, facts, leftovers, payers, price_list, scope, totals
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
    """`lines`: one a charge key, sorted by key, net; the account is who will pay. All of it as of `seq`.

    `ahead`: what invoices hold of running periods for the days to come, in the same way (`billing.runs.ahead`).
    `billed_micros`: of each of `lines`, what invoices have billed on its key. `inside`: by charge key, one row each, the tax that is in the
    prices of all that is due on it.
    """

    seq: int
    contracts: Contracts
    currencies: Currencies
    lines: Lines
    ahead: Lines
    billed_micros: Int64s
    inside: Lines


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
        return Unbilled(seq, contracts, currencies, empty(), empty(), np.zeros(0, np.int64), empty())
    guide = Guide(home, seq)
    sink = sink_for(contracts) if sink_for is not None else None
    usage = price_in_groups(home, seq, guide, contracts, chosen, known.stored, threads=threads, sink=sink, progress=progress)
    keyed = _Keyed(contracts, chosen, currencies, through)
    billed = keyed.billed(known.billed)
    in_advance = ahead.billed_ahead(billed, keyed.through_day)
    recurring = keyed.fees(in_advance)
    fees = (recurring.lines, one_off_lines(contracts, chosen, currencies))
    owed = keyed.summed(totals.apply(np.concatenate([*fees, usage.lines]), contracts, chosen, currencies, known.adjustments))
    due = taxed(owed, currencies.steps_of(owed)).lines
    held = keyed.held(in_advance, due, recurring)
    counted = np.concatenate([billed[ahead.places(in_advance, billed) < 0], held.counted])
    found = differences(due, counted)
    return Unbilled(seq, contracts, currencies, found.lines, held.lines, found.billed_micros, _inside(owed, due))


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
    first_unknown = _first_run(connection, known_to + dt.timedelta(days=1), before_run)
    midnights = facts.Midnights()
    stored = facts.load(connection, seq)
    contracts = Contracts(stored, price_list.load(home, seq), midnights)
    cut = dataclasses.replace(
        stored,
        account_closed_day=np.minimum(stored.account_closed_day, day_number(through)),
        agreed=dataclasses.replace(stored.agreed, holds={}),
    )
    covered = scope.covered_through(connection, stored, first_unknown, voids=KnownVoids(seq, known_to))
    touched = None if reopened else np.full(len(stored.account_keys), NEVER_DAY, np.int64)
    periods_max = settings.integer(connection, "reopen_periods_max", seq=seq)
    chosen = scope.decide(cut, covered, through, midnights, only, touched=touched, reopen_periods_max=periods_max)
    first = min((periods[0].start for periods in chosen.calendars if periods), default=through)
    billed = billed_lines(connection, first, as_of=seq, dated_until=known_to)
    rows = by_hand.counting(connection, seq)
    return Known(contracts, chosen, billed, leftovers.stored(connection, chosen.begins(stored), first_unknown), rows)


class _Fees(NamedTuple):
    """Recurring fees due by a day, and which of them are billed ahead."""

    lines: Lines
    billed: npt.NDArray[np.bool_]


class _Keyed:
    """Lines as bills will have them: under the keys of whole periods, at those who pay."""

    def __init__(self, contracts: Contracts, chosen: scope.Scope, currencies: Currencies, through: dt.date) -> None:
        self.through_day = day_number(through)
        self._of, self._through = (contracts, chosen, currencies), through
        self._paying = Payers(contracts, chosen, currencies)

    def billed(self, billed: Lines) -> Lines:
        """What was billed without tax, of what is computed: nothing is due here of older periods."""
        found: Lines = billed[billed["kind"] != Kind.TAX]
        found = found[found["period_from"] >= self._paying.open_from(found)]
        found["currency"] = self._paying.currency[self._paying.place(found["account_key"])]
        return found

    def fees(self, in_advance: Lines) -> _Fees:
        """Recurring fees; those that do not go by days, and are billed ahead, are due by the day."""
        contracts, _, currencies = self._of
        lines = recurring_lines(*self._of)
        if not in_advance.size:
            return _Fees(lines, np.zeros(lines.size, np.bool_))
        whole = self._at_payers(lines)
        billed = ahead.places(in_advance, whole) >= 0
        return _Fees(ahead.by_days(lines, whole, billed, contracts.price_list, self.through_day, currencies.steps_of(lines)), billed)

    def held(self, in_advance: Lines, due: Lines, fees: _Fees) -> ahead.Held:
        """What is held of what was billed in advance."""
        contracts, chosen, currencies = self._of
        if not in_advance.size:
            return ahead.Held(empty(), empty())
        workings = totals.Workings()
        off = totals.apply(fees.lines[fees.billed], contracts, chosen, currencies, workings=workings)
        fixed = {each.entry.price_id for each in workings.offs if not each.entry.percent_ppm}
        return ahead.held(in_advance, due, self.net(off), fixed, self.through_day, currencies.steps_of(in_advance))

    def net(self, lines: Lines) -> Lines:
        """Lines of owners, one a charge key, without tax."""
        found = self.summed(lines)
        return taxed(found, self._of[2].steps_of(found)).lines

    def summed(self, lines: Lines) -> Lines:
        """The same as prices state them."""
        found = self._at_payers(lines)
        return sum_as_taxed(found[~of_tests(found, self._of[0].facts)])

    def _at_payers(self, lines: Lines) -> Lines:
        contracts, chosen, _ = self._of
        routed = payers.route(as_whole_periods(lines, contracts, chosen, self._through), contracts, chosen)
        return as_agreed(routed, contracts, self._paying)


def _inside(gross: Lines, net: Lines) -> Lines:
    """The tax that is in prices. The rows of both belong together."""
    rows = np.flatnonzero(gross["inclusive"])
    found = taken(gross, rows)
    found["amount_micros"] -= net["amount_micros"][rows]
    return sum_by_key(found)


def as_whole_periods(lines: Lines, contracts: Contracts, chosen: scope.Scope, through: dt.date) -> Lines:
    """Lines of a running period under the keys that it will be billed under."""
    running = _running(lines, contracts, chosen, through)
    whole = lines.copy()
    whole["period_to"] = np.where(running > 0, running, lines["period_to"])
    return whole


def _first_run(connection: sa.Connection, day: dt.date, before_run: int | None) -> int | None:
    """The first run dated `day` or later, or begun as `before_run` or after it: nothing of it and of runs after it is known."""
    run = tables.bill_runs.c
    unknown = run.bill_date >= day.isoformat()
    unknown = unknown if before_run is None else unknown | (run.run_id >= before_run)
    first: int | None = connection.execute(sa.select(sa.func.min(run.run_id)).where(unknown)).scalar_one()
    return first


def _running(lines: Lines, contracts: Contracts, chosen: scope.Scope, through: dt.date) -> Int64s:
    """For each line of a running period the day (number) on which it will really end; 0 for lines of other periods.

    Where the account is known to close within the period it ends there.
    """
    known = contracts.facts
    ends = np.array(
        [day_number(periods[-1].cycle_end or periods[-1].end) if periods[-1].end == through else 0 for periods in chosen.calendars],
        np.int64,
    )
    account = index_of_account(lines["account_key"], known.account_keys)
    end = ends[chosen.calendar[account]] if lines.size else np.zeros(0, np.int64)
    closed = known.account_closed_day[account] if lines.size else np.zeros(0, np.int64)
    runs_on = (lines["period_to"] == day_number(through)) & (closed != day_number(through))
    return np.where(runs_on, np.minimum(end, closed), 0)


def index_of_account(keys: Int64s, account_keys: Int64s) -> Int64s:
    """The index of each account key; every key is known."""
    order = np.argsort(account_keys, kind="stable")
    place = index_of(account_keys[order], keys)
    assert not (place < 0).any()
    return order[place] if keys.size else np.zeros(0, np.int64)
