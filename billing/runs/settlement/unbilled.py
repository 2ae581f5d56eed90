"""Usage and amounts owed by a date that are on no invoice yet: provisional, stored nowhere.

Finance uses it at the end of a month (accrued revenue). It answers a customer's question about the running period. And it serves to bill or
stop usage in mid-cycle (`billing.documents.interim`).

Every period is computed that no run of a bill date up to `through` has covered. The running one is computed as if the account closed on
`through`: fees by exact days, usage that began before. For the customer open periods that were billed are computed as well, since late
usage and other corrections of them are on the next bill. Amounts that invoices have billed on the same keys are subtracted. Of fees in
advance for the running period, and discounts off them, the part earned by then is subtracted (`billing.runs.settlement.deferred_fees`);
for the customer all of them, as the final bill gives back what it does not charge.
Holds do not matter here: amounts that are held back are owed all the same. A test account owes nothing. A document, or its voiding, counts
by its date, whenever it was made.

The answer to a customer is the bill that would be due if the account closed then. Fees that are not divided by days, commitments that are
not prorated and discounts of a fixed amount are whole. Allowances go by the days so far, and values that the last day of a period decides
(discounts, tax rates) by `through`. At the end of a month fees and amounts are earned evenly over their period; the rest goes by the last
day that the period will have as far as is known. So do allowances in mid-cycle: usage that the bill will have as free is not charged
before. Amounts are micro-units, net of tax. A pure function of what is stored as of a sequence number and of the date.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from billing.accounts.covering import KnownBy, later_runs
from billing.charges.charge_keys import Kind
from billing.charges.lines import Int64s, Lines, empty, sum_as_taxed, sum_by_key, taken
from billing.charges.reconcile import differences
from billing.charges.rollover import Left
from billing.charges.taxes.tax import taxed
from billing.guiding import Guide
from billing.invoicing import billed_lines
from billing.late_decisions import Decided
from billing.runs.contracts import facts, price_list
from billing.runs.contracts.contracts import Contracts
from billing.runs.contracts.currencies import Currencies, rates_of
from billing.runs.contracts.fact_columns import groups
from billing.runs.contracts.uninvoiced_accounts import of_tests
from billing.runs.selection import scope
from billing.runs.settlement import adjustments, deferred_fees, payers, totals
from billing.runs.settlement.fees_due import one_off_lines, recurring
from billing.runs.settlement.inputs import Inputs
from billing.runs.settlement.payer_table import Payers
from billing.runs.settlement.tax_exemptions import as_agreed
from billing.runs.usage import carried_allowances
from billing.runs.usage.shard_groups import price_in_groups
from billing.store import settings
from rating.dates import NEVER_DAY, day_number, day_of, last_day

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    import sqlalchemy as sa

    from billing.charges.periods import Period
    from billing.runs.usage.allowance_balances import Balances
    from billing.runs.usage.shard_groups import Sink
    from billing.store.home import Home

    NeverBilled = Callable[[Home, int, tuple[int, int]], Decided | None]
    OnOtherBills = Callable[[Home, int, tuple[int, int]], Decided | None]
    Progress = Callable[[int, int], None]


class Unbilled(NamedTuple):
    """`lines`: one a charge key, sorted by key, net; the account is the one that will pay. All of it as of `seq`.

    `ahead`: amounts that invoices hold of running periods for the days to come, in the same way (`billing.runs.settlement.deferred_fees`).
    `billed_micros`: for each of `lines`, the amount that invoices have billed on its key. `inside`: by charge key, one row each, the tax
    that is in the prices of all that is due on it; `outside`: the amounts due on these keys at prices without tax.
    `left_alone`: usage that was not priced; None: what people had decided on.
    """

    seq: int
    contracts: Contracts
    currencies: Currencies
    lines: Lines
    ahead: Lines
    billed_micros: Int64s
    inside: Lines
    outside: Lines
    left_alone: Decided | None = None


class UnbilledInputs(NamedTuple):
    """The inputs of the computation, and the lines that its result is compared with."""

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
    at_month_end: bool = False,
    as_if_closed: bool = False,
    sink_for: Callable[[Contracts], Sink] | None = None,
    balances_for: Callable[[Contracts], Balances] | None = None,
    never_billed: NeverBilled | None = None,
    on_other_bills: OnOtherBills | None = None,
    progress: Progress | None = None,
) -> Unbilled:
    """Unbilled amounts of the days before `through`; `only` these account ids and those of their rating units, if given.

    `at_month_end`: bills dated `through` are not known yet, as at the end of the day before, and amounts not divided by days are earned
    evenly. `as_if_closed`: the bill that would be due if the accounts closed on `through`, with its corrections of billed periods.
    `sink_for` makes, of the contracts, the function that gets the priced events of each group; `balances_for` what gets the balances of
    allowances. `never_billed` finds usage of a span that no
    run bills any more, as of a commit. It is asked where bills are dated after those that are known. `on_other_bills` finds usage that
    bills of other accounts have.
    """
    with home.connect() as connection:
        seq = home.head_seq(connection)
        known_to = last_day(through) if at_month_end else through
        known = read(home, connection, seq, through, known_to, only=only, reopened=as_if_closed)
        is_past = bool(later_runs(connection, known_to))
    contracts, chosen = known.contracts, known.scope
    currencies = Currencies(contracts)
    if chosen.window is None:
        return Unbilled(seq, contracts, currencies, empty(), empty(), np.zeros(0, np.int64), empty(), empty())
    guide = Guide(home, seq)
    sink = sink_for(contracts) if sink_for is not None else None
    known_ends = chosen if as_if_closed else knowing_ends(contracts, chosen, through)
    alone = on_other_bills(home, seq, chosen.window) if on_other_bills is not None else None
    assert never_billed is None or on_other_bills is None, "one of them says what is left alone"
    alone = never_billed(home, seq, chosen.window) if never_billed is not None and is_past else alone
    about = (home, seq, guide, contracts, known_ends, known.stored)
    balances = balances_for(contracts) if balances_for is not None else None
    usage = price_in_groups(*about, threads=threads, sink=sink, progress=progress, left_alone=alone, balances=balances)
    keyed = _Keyed(Inputs(contracts, known_ends if at_month_end else chosen, currencies), through, evenly=at_month_end)
    billed = keyed.billed(known.billed)
    in_advance = empty() if as_if_closed else deferred_fees.billed_ahead(billed, keyed.through_day)
    charged = keyed.fees(in_advance)
    fees = (charged.lines, one_off_lines(Inputs(contracts, chosen, currencies)))
    owed = keyed.summed(keyed.with_totals(np.concatenate([*fees, usage.lines]), known.adjustments))
    due = taxed(owed, currencies.steps_of(owed)).lines
    held = keyed.held(in_advance, due, charged)
    counted = np.concatenate([billed[deferred_fees.places(in_advance, billed) < 0], held.counted])
    found = differences(due, counted)
    return Unbilled(seq, contracts, currencies, found.lines, held.lines, found.billed_micros, *_apart(owed, due), alone)


def price_again(home: Home, found: Unbilled, through: dt.date, account_ids: AbstractSet[str], sink: Sink) -> None:
    """Price the usage of some accounts once more as it was `found` for bills in mid-cycle. `sink` gets the events of each group."""
    with home.connect() as connection:
        known = read(home, connection, found.seq, through, through, only=account_ids)
    assert known.scope.window is not None, "a threshold was reached without usage"
    ends = knowing_ends(known.contracts, known.scope, through)
    about = (home, found.seq, Guide(home, found.seq), known.contracts, ends, known.stored)
    price_in_groups(*about, threads=1, sink=sink, left_alone=found.left_alone)


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
) -> UnbilledInputs:
    """The inputs of `unbilled`, as of `seq`; bills dated after `known_to` are not known. `before_run`: the state that this run knew."""
    midnights = facts.Midnights()
    stored = facts.load(connection, seq)
    contracts = Contracts(stored, price_list.load(home, seq), midnights)
    cut = dataclasses.replace(
        stored,
        account_closed_day=np.minimum(stored.account_closed_day, day_number(through)),
        agreed=dataclasses.replace(stored.agreed, holds={}),
    )
    covered = scope.covered_through(connection, stored, before_run, known=KnownBy(seq, known_to))
    touched = None if reopened else np.full(len(stored.account_keys), NEVER_DAY, np.int64)
    periods_max = settings.integer(connection, "reopen_periods_max", seq=seq)
    chosen = scope.decide(cut, covered, through, midnights, only, touched=touched, reopen_periods_max=periods_max, closed_too=reopened)
    all_runs = scope.covered_through(connection, stored, before_run, known=KnownBy(seq, dt.date.max))
    chosen = dataclasses.replace(chosen, first_billed_by=all_runs)  # a bill of a later date waives what came after it all the same
    first = min((periods[0].start for periods in chosen.calendars if periods), default=through)
    billed = billed_lines(connection, first, as_of=seq, dated_until=known_to)
    left = carried_allowances.stored(connection, stored, chosen, before_run, known=KnownBy(seq, known_to))
    return UnbilledInputs(contracts, chosen, billed, left, adjustments.counting(connection, seq))


class _Fees(NamedTuple):
    """Recurring fees due by a day, and a mask of those that are billed ahead."""

    lines: Lines
    billed: npt.NDArray[np.bool_]


class _Keyed:
    """Lines as bills will have them: under the keys of whole periods, at the accounts that pay."""

    def __init__(self, inputs: Inputs, through: dt.date, *, evenly: bool) -> None:
        self.through_day = day_number(through)
        self._inputs, self._through = inputs, through
        self._paying = Payers(*inputs)
        self._evenly = evenly

    def billed(self, billed: Lines) -> Lines:
        """Billed lines without tax that belong to what is computed: nothing is due here of older periods."""
        found: Lines = billed[billed["kind"] != Kind.TAX]
        found = found[self._paying.computed(found)]
        found["currency"] = self._paying.currency[self._paying.place(found["account_key"])]
        return found

    def fees(self, in_advance: Lines) -> _Fees:
        """Recurring fees, by the day, and which of them are billed ahead."""
        found = recurring(self._inputs)
        lines = found.lines
        if self._evenly:
            lines = deferred_fees.evenly(found, self._whole_to(lines), self._inputs.currencies.steps_of(lines))
        if not in_advance.size:
            return _Fees(lines, np.zeros(lines.size, np.bool_))
        return _Fees(lines, deferred_fees.places(in_advance, self._at_payers(lines)) >= 0)

    def with_totals(self, lines: Lines, adjustments: pa.Table | None = None, *, commitments: bool = True) -> Lines:
        """Usage and fees, and everything that follows from their totals; `commitments`: the amounts missing to them as well."""
        whole_to = self._whole_to if self._evenly else None
        return totals.apply(lines, self._inputs, adjustments, whole_to=whole_to, commitments=commitments)

    def held(self, in_advance: Lines, due: Lines, fees: _Fees) -> deferred_fees.Held:
        """The part that is held of the amounts billed in advance."""
        if not in_advance.size:
            return deferred_fees.Held(empty(), empty())
        due_of_ahead = self.with_totals(fees.lines[fees.billed], commitments=False)  # no bill has those of a period that runs
        return deferred_fees.held(in_advance, due, self.net(due_of_ahead))

    def net(self, lines: Lines) -> Lines:
        """Lines of owners, one a charge key, without tax."""
        found = self.summed(lines)
        return taxed(found, self._inputs.currencies.steps_of(found)).lines

    def summed(self, lines: Lines) -> Lines:
        """The same as prices state them."""
        found = self._at_payers(lines)
        return sum_as_taxed(found[~of_tests(found, self._inputs.contracts.facts)])

    def _whole_to(self, lines: Lines) -> Int64s:
        """The day (number) on which the period of each line will end."""
        contracts, chosen, _ = self._inputs
        ends: Int64s = as_whole_periods(lines, contracts, chosen, self._through)["period_to"]
        return ends

    def _at_payers(self, lines: Lines) -> Lines:
        contracts, chosen, _ = self._inputs
        whole = as_whole_periods(lines, contracts, chosen, self._through)
        if self._evenly:
            whole["rate_ppm"] = rates_of(whole, contracts)
        return as_agreed(payers.route(whole, contracts), contracts, self._paying)


def _apart(gross: Lines, net: Lines) -> tuple[Lines, Lines]:
    """The tax that is in prices, and the sums at prices without tax on the same keys. The rows of both belong together."""
    holds = gross["inclusive"] == 1
    if not holds.any():
        return empty(), empty()
    inside = taken(gross, np.flatnonzero(holds))
    inside["amount_micros"] -= net["amount_micros"][holds]
    inside, outside = sum_by_key(inside), sum_by_key(net[~holds])
    return inside, outside[deferred_fees.places(inside, outside) >= 0]


def as_whole_periods(lines: Lines, contracts: Contracts, chosen: scope.Scope, through: dt.date) -> Lines:
    """Lines of a running period under the keys that it will be billed under."""
    running = _running(lines, contracts, chosen, through)
    whole = lines.copy()
    whole["period_to"] = np.where(running > 0, running, lines["period_to"])
    return whole


def _running(lines: Lines, contracts: Contracts, chosen: scope.Scope, through: dt.date) -> Int64s:
    """For each line of a running period the day (number) on which it will really end; 0 for lines of other periods."""
    account = contracts.facts.account_index(lines["account_key"])
    assert (account >= 0).all(), "a line of an account that is not known"
    return np.where(lines["period_to"] == day_number(through), _ends(contracts, chosen, through)[account], 0)


def knowing_ends(contracts: Contracts, chosen: scope.Scope, through: dt.date) -> scope.Scope:
    """The same scope, in which running periods know when they will be over: a calendar becomes several where accounts differ in it."""
    ends = _ends(contracts, chosen, through)
    rows = np.flatnonzero(chosen.calendar >= 0)
    code, models = groups([chosen.calendar[rows], ends[rows]])
    calendar, before = chosen.calendar.copy(), chosen.calendar[rows[models]]
    calendar[rows] = code
    return dataclasses.replace(
        chosen,
        calendars=[_ending(chosen.calendars[each], end) for each, end in zip(before.tolist(), ends[rows[models]].tolist(), strict=True)],
        calendar=calendar,
        bounds_us=chosen.bounds_us[before],
        period_from=chosen.period_from[before],
        period_to=chosen.period_to[before],
        period_count=chosen.period_count[before],
        open_us=chosen.open_us[before],
        ahead=[chosen.ahead[each] for each in before.tolist()],
    )


def _ending(periods: list[Period], end: int) -> list[Period]:
    """Periods with an end (day number) of the last one; 0: none runs."""
    return [*periods[:-1], periods[-1]._replace(whole_to=day_of(end))] if end else periods


def _ends(contracts: Contracts, chosen: scope.Scope, through: dt.date) -> Int64s:
    """By account the day (number) on which its running period will really end; 0 where none runs.

    Where the account is known to close within the period it ends there.
    """
    last = [periods[-1] for periods in chosen.calendars]
    ends = np.array([*(day_number(each.cycle_end or each.end) if each.end == through else 0 for each in last), 0], np.int64)
    closed = contracts.facts.account_closed_day
    return np.where(closed == day_number(through), 0, np.minimum(ends[chosen.calendar], closed))  # the last one is that of no calendar
