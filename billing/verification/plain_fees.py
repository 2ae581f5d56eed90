"""Fees of a run, worked out again subscription by subscription: each fee that is due has its line.

Compared are the periods of each account that ended by the bill date, and that no run before has billed (`plain_runs`). With them are the
fees in advance of the next period. A run of the cycle computes these in any case. The sums of all documents, as of the commit of the
numbers, have to be what is due by the facts that the run pinned. Accounts that are not compared are counted by their reason.

An amount is compared exactly where prices are without tax. Where they hold it, the net alone is on the line: the amount divided by one and
the rate of the payer, cut down to the minor unit or the next one up (`billing.charges.inclusive`). A fee of k tax classes has a line for
each, less than a minor unit away from its exact net. The exact nets add up to an amount between those that the lowest and the highest rate
give. So the lines are k - 1 units at most below the lower one cut down, or above the higher one cut up. A fee that has no line has no
payer: that is right where a rate of the catalogue leaves nothing of it.

Facts are those of `plain_facts`. Shared with the run is what `rerate_sample` lists, and the arithmetic of fees (`billing.charges`).
"""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.accounts.kinds import EndFact, TermsFact
from billing.catalogue.in_force import in_force
from billing.charges.early_end import Agreed, Contract
from billing.charges.one_off import one_offs_due
from billing.charges.pauses import Breaks
from billing.charges.periods import Period, ended_by, period_after
from billing.charges.proration import Span
from billing.charges.recurring import fees_due, plan_spans
from billing.store import tables
from billing.store.sums import halves, whole
from billing.store.voids import voided
from billing.verification.plain_facts import WHOLE, PlainFacts, holding
from billing.verification.plain_prices import PlainPrices
from billing.verification.plain_runs import AskedAccounts, RunsBefore
from billing.verification.plain_tax import CYCLE, Checked, status_on
from rating.dates import last_day
from rating.model import PPM, RecurringFee
from rating.money import RoundingMode, round_exact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing.store.home import Home
    from billing.verification.plain_facts import Account, FactInForce, Part
    from rating.model import OneOffFee, Plan

_KINDS: Final = ("pause", "outage", "terms", "end", "no_end")
_NAMED: Final = 100


class _Fee(NamedTuple):
    """A fee of a subscription and period, as lines name it."""

    subscription_key: int
    kind: str
    price_id: int
    period_from: str
    period_to: str


def check(home: Home, connection: sa.Connection, run: Any, part: Part = WHOLE) -> Checked:  # noqa: ANN401 -- a row of bill_runs
    """Check the fees of a run of the cycle that has numbered; nothing of another run.

    `part`: the fees of these accounts alone.
    """
    if run.kind != CYCLE:
        return Checked(0, [], {})
    fees = _Fees(home, connection, run, part)
    due = fees.due()
    first = min((day for periods in fees.periods.values() for day, _ in periods), default=run.bill_date)
    billed = _billed(connection, run, first, part)
    compared = {fee for fee in billed if fee[3:] in fees.periods.get(fee.subscription_key, ())}
    wrong = {}
    for fee in sorted(due.keys() | compared):
        wanted, found = due.get(fee, []), billed.get(fee, _NOT_BILLED)
        low, high = fees.billed_between(fee, wanted, found.payers)
        if not low <= found.micros <= high:
            wrong[fee] = f"{sum(each.micros for each in wanted)} is due, {found.micros} is billed"
    ids = _ids(connection, {fee.subscription_key for fee in wrong})
    told = [f"{fee.kind} fee {fee.price_id} of {ids[fee.subscription_key]} from {fee.period_from}: {what}" for fee, what in wrong.items()]
    return Checked(len(due.keys() | compared), told, fees.not_compared | ({} if due or compared else {"accounts compared": fees.compared}))


class _Due(NamedTuple):
    """An amount of a fee that is due, the catalogue of its plan, and the names of its tax classes."""

    micros: int
    identity: str
    tax_classes: tuple[str, ...]


class _Billed(NamedTuple):
    """The net of a fee on all documents, and the accounts (keys) of these."""

    micros: int
    payers: frozenset[int]


_NOT_BILLED: Final = _Billed(0, frozenset())


class _Fees:
    """The fees due at a run, by the facts and catalogues that it pinned."""

    def __init__(self, home: Home, connection: sa.Connection, run: Any, part: Part) -> None:  # noqa: ANN401 -- a row of bill_runs
        self._bill_date = dt.date.fromisoformat(run.bill_date)
        self._facts = PlainFacts(connection, run.pinned_seq, self._bill_date, part)
        self._prices = PlainPrices(in_force(home, run.pinned_seq))
        row = tables.subscriptions.c
        self._own = holding(connection, tables.subscription_facts, _KINDS, run.pinned_seq, part)
        taken = sa.select(row.subscription_key, row.transferred_from).where(row.commit_seq <= run.pinned_seq)
        owners = connection.execute(taken.where(row.transferred_from.is_not(None))).all()
        never = _never_were(connection, run.pinned_seq) if owners else set()
        self._taken_over = {key for key, _ in owners}
        self._handed_over = {before for key, before in owners if key not in never}
        self._connection, self._seq = connection, run.pinned_seq
        self._before = RunsBefore(connection, run)
        self._asked = AskedAccounts(connection, run)
        self._recurring: dict[tuple[object, ...], list[tuple[int, _Due]]] = {}
        self._taxes: dict[tuple[int, str, str, str], int] = {}
        self.periods: dict[int, set[tuple[str, str]]] = {}  # by subscription: those that are compared
        self.compared = 0  # accounts
        self.not_compared: dict[str, int] = {}  # accounts, by reason

    def due(self) -> dict[_Fee, list[_Due]]:
        """Every fee that is due in periods that this run is the first to bill, or in advance of the next one."""
        found: dict[_Fee, list[_Due]] = {}
        for account_key, keys in self._facts.subscriptions_of(self._facts.account_keys()).items():
            periods = self._periods(account_key)
            self.compared += bool(periods)
            for key in keys if periods else ():
                self.periods[key] = {(each.start.isoformat(), each.end.isoformat()) for each in periods}
                for fee, due in self._of(self._facts.account(account_key), key, periods):
                    found.setdefault(fee, []).append(due)
        return {fee: due for fee, due in found.items() if sum(each.micros for each in due)}

    def billed_between(self, fee: _Fee, due: Sequence[_Due], payers: frozenset[int]) -> tuple[int, int]:
        """The least and the largest net that the line of a fee can have."""
        low = high = sum(each.micros for each in due if not self._prices.holds_tax(each.identity))
        for each in due:
            if self._prices.holds_tax(each.identity):
                rates = self._rates_of(fee, each, payers)
                step, exact = self._prices.step_of(each.identity), [Fraction(each.micros * PPM, PPM + rate) for rate in rates]
                beyond = (len(each.tax_classes) * max(len(payers), 1) - 1) * step
                low += math.floor(min(exact) / step) * step - beyond
                high += math.ceil(max(exact) / step) * step + beyond
        return low, high

    def _rates_of(self, fee: _Fee, due: _Due, payers: frozenset[int]) -> list[int]:
        """The rates that an amount can have: of its classes for its payers; any of its catalogue where it has none."""
        if not payers:
            last = dt.date.fromisoformat(fee.period_to) - dt.timedelta(days=1)
            return sorted(self._prices.rates_of(due.identity, last))
        return [self._rate(payer, due.identity, name, fee.period_to) for payer in payers for name in due.tax_classes]

    def _rate(self, payer: int, identity: str, tax_class: str, period_to: str) -> int:
        """The rate that the lines of a payer have in a tax class of a catalogue, for a period up to a day."""
        asked = (payer, identity, tax_class, period_to)
        if asked not in self._taxes:
            last = dt.date.fromisoformat(period_to) - dt.timedelta(days=1)
            self._taxes[asked] = self._prices.rate_as_agreed(identity, tax_class, last, status_on(self._exemptions.get(payer, ()), last))
        return self._taxes[asked]

    @functools.cached_property
    def _exemptions(self) -> dict[int, list[FactInForce]]:
        """Facts about the tax of accounts. All of them: a payer may be of another part."""
        return holding(self._connection, tables.account_facts, ("tax",), self._seq)

    def _periods(self, account_key: int) -> list[Period]:
        """The periods that this run is the first to bill, the newest first, and the one after them; none where nothing is compared."""
        account = self._facts.account(account_key)
        ended = ended_by(account.billed_from, account.all_bill_days, self._bill_date, account.closed_on)
        billed_to = self._before.billed_to(account_key)
        last = next(ended, None)
        if last is None:
            return []
        reason = self._asked.why_not(account_key) or ("of accounts for tests" if self._facts.is_ever_for_tests(account_key) else "")
        if not reason and last.end <= billed_to:
            reason = "billed by a run before"
        if reason:
            self.not_compared[f"accounts not compared, {reason}"] = self.not_compared.get(f"accounts not compared, {reason}", 0) + 1
            return []
        ahead = period_after(last, account.all_bill_days, account.closed_on)
        fresh = [last, *itertools.takewhile(lambda each: each.end > billed_to, ended)]
        return fresh if ahead is None else [*fresh, ahead]

    def _of(self, account: Account, key: int, periods: list[Period]) -> Iterator[tuple[_Fee, _Due]]:
        subscription = self._facts.subscription(key)
        assert subscription is not None
        spans = plan_spans(subscription.plans, subscription.active)
        told = self._own.get(key, [])
        breaks = Breaks(*(tuple(Span(each.from_date, each.to_date) for each in told if each.kind == kind) for kind in ("pause", "outage")))

        def answer(name: str, day: dt.date) -> Plan | None:
            return self._prices.plan_on(name, day, account.timezone)

        for period in periods:
            known = (account.timezone, period, tuple(spans), breaks)
            if known not in self._recurring:
                due = fees_due(spans, period, self._bill_date, answer, breaks)
                self._recurring[known] = [(each.fee.price_id, self._due(each.exact_micros, each.plan, each.fee)) for each in due]
            for price_id, each in self._recurring[known]:
                yield _fee(key, "recurring", price_id, period), each
            for once in one_offs_due(spans, period, self._bill_date, answer, self._contract(key, told, subscription.active.end)):
                yield _fee(key, "one_off", once.fee.price_id, period), self._due(once.micros, once.identity, once.fee)

    def _due(self, exact_micros: Fraction | int, plan: str, fee: RecurringFee | OneOffFee) -> _Due:
        identity = plan.partition("/")[0]
        shares = fee.shares if isinstance(fee, RecurringFee) else ()
        classes = tuple(share.tax_class for share in shares) or (fee.tax_class,)
        return _Due(round_exact(exact_micros, self._prices.step_of(identity), RoundingMode.HALF_UP), identity, classes)

    def _contract(self, key: int, told: list[FactInForce], end: dt.date | None) -> Contract:
        """The terms at the beginning and the end of a subscription. Only those that hold on its last day count there."""
        of_last_day = [each for each in told if each.kind == "terms" and end is not None and _holds_on(each, last_day(end))]
        terms = [(each.from_date, msgspec.json.decode(each.detail, type=TermsFact)) for each in of_last_day]
        ends = sorted((each for each in told if each.kind in {"end", "no_end"}), key=lambda each: each.learned)
        handed_over = bool(ends) and ends[-1].kind == "end" and msgspec.json.decode(ends[-1].detail, type=EndFact).transferred
        agreed = tuple(Agreed(day, each.minimum_months, each.early_end_waived) for day, each in terms)
        return Contract(agreed, taken_over=key in self._taken_over, handed_over=handed_over or key in self._handed_over)


def _never_were(connection: sa.Connection, seq: int) -> set[int]:
    """Subscriptions (keys) whose handover was taken back: an end on the first day, which no other subscription has."""
    row, told = tables.subscriptions.c, tables.subscription_facts.c
    query = sa.select(row.subscription_key).join_from(tables.subscriptions, tables.subscription_facts)
    query = query.where(row.transferred_from.is_not(None), told.kind == "end", told.from_date == row.from_date)
    return set(connection.execute(query.where(told.commit_seq <= seq)).scalars())


def _holds_on(told: FactInForce, day: dt.date) -> bool:
    return told.from_date <= day and (told.to_date is None or day < told.to_date)


def _ids(connection: sa.Connection, keys: set[int]) -> dict[int, str]:
    """The operator's ids of some subscriptions (keys)."""
    row = tables.subscriptions.c
    query = sa.select(row.subscription_key, row.subscription_id).where(row.subscription_key.in_(sorted(keys)[:_NAMED]))
    named = {row.subscription_key: row.subscription_id for row in connection.execute(query)}
    return {key: named.get(key, str(key)) for key in keys}


def _fee(key: int, kind: str, price_id: int, period: Period) -> _Fee:
    return _Fee(key, kind, price_id, period.start.isoformat(), period.end.isoformat())


def _billed(connection: sa.Connection, run: Any, first: str, part: Part) -> dict[_Fee, _Billed]:  # noqa: ANN401 -- a row of bill_runs
    """Fees that documents have billed for periods from a day on, as of the commit with which the run got its numbers."""
    line, invoice, step = tables.invoice_lines.c, tables.invoices.c, tables.bill_runs.c
    seq = connection.execute(sa.select(sa.func.max(invoice.commit_seq)).where(invoice.run_id == run.run_id)).scalar_one()
    as_of = run.pinned_seq if seq is None else seq
    keys = (line.subscription_key, line.kind, line.price_id, line.period_from, line.period_to)
    query = (
        sa.select(*keys, line.account_key, *halves(line.amount_micros))
        .join_from(tables.invoice_lines, tables.invoices)
        .where(
            line.kind.in_(("recurring", "one_off")),
            line.period_from >= first,
            part.holds_subscription(line.subscription_key),
            line.effect.is_(None) | (line.effect != "outside"),
            invoice.run_id.in_(sa.select(step.run_id).where(step.bill_date >= first)),
            invoice.commit_seq <= as_of,
            invoice.invoice_key.not_in(voided(as_of=as_of)),
            invoice.document_type.is_(None) | (invoice.document_type != "opening"),
        )
    )
    found: dict[_Fee, _Billed] = {}
    for row in connection.execute(query.group_by(*keys, line.account_key)):
        micros, payers = found.get(_Fee(*row[:5]), _NOT_BILLED)
        if amount := whole(*row[6:]):
            found[_Fee(*row[:5])] = _Billed(micros + amount, payers | {row[5]})
    return {fee: billed for fee, billed in found.items() if billed.micros}
