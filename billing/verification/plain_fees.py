"""Fees of a run, worked out again subscription by subscription: each fee that is due has its line.

Compared are the newest period of each account that ended since the run before, and the fees in advance of the period after it. A run of the
cycle computes these in any case; one that is made again bills what changed alone, and nothing of it is compared. Left out are accounts that
the run put aside, those that a restricted run was not asked for, and test accounts. The sums of all documents, as of the commit of the
numbers, have to be what is due by the facts that the run pinned.

Facts are those of `plain_facts`. Shared with the run is what `rerate_sample` lists, and the arithmetic of fees (`billing.charges`).
"""

from __future__ import annotations

import datetime as dt
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
from billing.verification.plain_tax import CYCLE, Checked
from rating.dates import last_day
from rating.money import RoundingMode, round_exact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from billing.store.home import Home
    from billing.verification.plain_facts import Account, FactInForce, Part
    from rating.model import Plan

_KINDS: Final = ("pause", "outage", "terms", "end", "no_end")
_NAMED: Final = 100
_NUMBERED: Final = ("numbered", "posted")  # states of a run
_OFF_MAX: Final = 2  # minor units: of a price that holds its tax the net alone is on the line


class _Fee(NamedTuple):
    """A fee of a subscription and period, as lines name it."""

    subscription_key: int
    kind: str
    price_id: int
    period_from: str
    period_to: str


def check(home: Home, connection: sa.Connection, run: Any, part: Part = WHOLE) -> Checked:  # noqa: ANN401 -- a row of bill_runs
    """Check the fees of a run of the cycle that has numbered; nothing of another run, or of one that is dated before an earlier run.

    `part`: the fees of these accounts alone.
    """
    if run.kind != CYCLE or _is_back_dated(connection, run):
        return Checked(0, [])
    fees = _Fees(home, connection, run, part)
    due = fees.due()
    first = min((day for periods in fees.periods.values() for day, _ in periods), default=run.bill_date)
    billed = _billed(connection, run, first, part)
    compared = {fee for fee in billed if fee[3:] in fees.periods.get(fee.subscription_key, ())}
    wrong = {}
    for fee in sorted(due.keys() | compared):
        wanted, found = due.get(fee, _NOTHING), billed.get(fee, 0)
        if (found == 0) != (wanted.micros == 0) if wanted.holds_tax else found != wanted.micros:
            wrong[fee] = f"{wanted.micros} is due, {found} is billed"
    ids = _ids(connection, {fee.subscription_key for fee in wrong})
    told = [f"{fee.kind} fee {fee.price_id} of {ids[fee.subscription_key]} from {fee.period_from}: {what}" for fee, what in wrong.items()]
    return Checked(len(due), told)


class _Due(NamedTuple):
    """An amount that is due. `holds_tax`: its line has the net alone."""

    micros: int
    holds_tax: bool


_NOTHING: Final = _Due(0, holds_tax=False)


class _Fees:
    """The fees due at a run, by the facts and catalogues that it pinned."""

    def __init__(self, home: Home, connection: sa.Connection, run: Any, part: Part) -> None:  # noqa: ANN401 -- a row of bill_runs
        self._bill_date = dt.date.fromisoformat(run.bill_date)
        self._facts = PlainFacts(connection, run.pinned_seq, self._bill_date, part)
        self._prices = PlainPrices(in_force(home, run.pinned_seq))
        row = tables.subscriptions.c
        self._own = holding(connection, tables.subscription_facts, _KINDS, run.pinned_seq, part)
        taken = sa.select(row.subscription_key).where(row.transferred_from.is_not(None), row.commit_seq <= run.pinned_seq)
        self._taken_over = set(connection.execute(taken).scalars())
        self._since = _date_before(connection, run)
        self._accounts = _asked(connection, run)
        self._recurring: dict[tuple[object, ...], list[tuple[int, int, str]]] = {}
        self.periods: dict[int, set[tuple[str, str]]] = {}  # by subscription: those that are compared

    def due(self) -> dict[_Fee, _Due]:
        """Every fee that is due in the newest period of an account, or in advance of the next one."""
        found: dict[_Fee, _Due] = {}
        for account_key, keys in self._facts.subscriptions_of(self._facts.account_keys()).items():
            periods = self._periods(account_key) if account_key in self._accounts else []
            for key in keys if periods else ():
                self.periods[key] = {(each.start.isoformat(), each.end.isoformat()) for each in periods}
                for fee, micros, identity in self._of(self._facts.account(account_key), key, periods):
                    before = found.get(fee, _NOTHING)
                    found[fee] = _Due(before.micros + micros, before.holds_tax or self._prices.holds_tax(identity))
        return {fee: due for fee, due in found.items() if abs(due.micros) > self._shown_from(due)}

    def _shown_from(self, due: _Due) -> int:
        """The amount above which a fee has a line: without its tax one of a minor unit or two may be nothing."""
        return _OFF_MAX * self._prices.largest_step_micros if due.holds_tax else 0

    def _periods(self, account_key: int) -> list[Period]:
        """The newest period that ended since the run before, and the one after it; none where there is none, or nothing is billed."""
        account = self._facts.account(account_key)
        if self._facts.is_ever_for_tests(account_key):
            return []
        last = next(ended_by(account.billed_from, account.all_bill_days, self._bill_date, account.closed_on), None)
        if last is None or last.end <= self._since:
            return []
        ahead = period_after(last, account.all_bill_days, account.closed_on)
        return [last] if ahead is None else [last, ahead]

    def _of(self, account: Account, key: int, periods: list[Period]) -> Iterator[tuple[_Fee, int, str]]:
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
                self._recurring[known] = [(each.fee.price_id, self._rounded(each.exact_micros, each.plan), each.plan) for each in due]
            for price_id, micros, plan in self._recurring[known]:
                yield _fee(key, "recurring", price_id, period), micros, plan.partition("/")[0]
            for each in one_offs_due(spans, period, self._bill_date, answer, self._contract(key, told, subscription.active.end)):
                yield _fee(key, "one_off", each.fee.price_id, period), self._rounded(each.micros, each.identity), each.identity

    def _contract(self, key: int, told: list[FactInForce], end: dt.date | None) -> Contract:
        """The terms at the beginning and the end of a subscription. Only those that hold on its last day count there."""
        of_last_day = [each for each in told if each.kind == "terms" and end is not None and _holds_on(each, last_day(end))]
        terms = [(each.from_date, msgspec.json.decode(each.detail, type=TermsFact)) for each in of_last_day]
        ends = sorted((each for each in told if each.kind in {"end", "no_end"}), key=lambda each: each.learned)
        handed_over = bool(ends) and ends[-1].kind == "end" and msgspec.json.decode(ends[-1].detail, type=EndFact).transferred
        agreed = tuple(Agreed(day, each.minimum_months, each.early_end_waived) for day, each in terms)
        return Contract(agreed, taken_over=key in self._taken_over, handed_over=handed_over)

    def _rounded(self, exact_micros: Fraction | int, plan: str) -> int:
        return round_exact(exact_micros, self._prices.step_of(plan.partition("/")[0]), RoundingMode.HALF_UP)


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


def _is_back_dated(connection: sa.Connection, run: Any) -> bool:  # noqa: ANN401 -- a row of bill_runs
    """True where a run of a later date was begun before: what it billed is not due once more."""
    row = tables.bill_runs.c
    query = sa.select(row.run_id).where(row.kind == CYCLE, row.run_id < run.run_id, row.bill_date > run.bill_date)
    return connection.execute(query.limit(1)).first() is not None


def _date_before(connection: sa.Connection, run: Any) -> dt.date:  # noqa: ANN401 -- a row of bill_runs
    """The newest date of a run of the cycle that was begun before it; all periods after it are due.

    A run of the same date counts where it has numbers and was not undone: this one bills what changed since.
    """
    row, undo = tables.bill_runs.c, tables.run_undos.c
    undone = sa.select(undo.run_id).where(undo.kind == "undone", undo.restricted.is_(None))
    again = (row.bill_date == run.bill_date) & row.state.in_(_NUMBERED) & row.run_id.not_in(undone)
    query = sa.select(sa.func.max(row.bill_date)).where(row.kind == CYCLE, row.run_id < run.run_id)
    found = connection.execute(query.where((row.bill_date < run.bill_date) | again)).scalar_one()
    return dt.date.min if found is None else dt.date.fromisoformat(found)


def _asked(connection: sa.Connection, run: Any) -> set[int]:  # noqa: ANN401 -- a row of bill_runs
    """The accounts (keys) that a run bills: those known to it, or those it is restricted to, without those that it put aside."""
    account, named, aside = tables.accounts.c, tables.run_accounts.c, tables.quarantine.c
    query = sa.select(account.account_key).where(account.commit_seq <= run.pinned_seq)
    if run.restricted:
        query = sa.select(named.account_key).where(named.run_id == run.run_id)
    put_aside = sa.select(aside.account_key).where(aside.run_id == run.run_id)
    return set(connection.execute(query).scalars()) - set(connection.execute(put_aside).scalars())


def _billed(connection: sa.Connection, run: Any, first: str, part: Part) -> dict[_Fee, int]:  # noqa: ANN401 -- a row of bill_runs
    """Fees that documents have billed for periods from a day on, as of the commit with which the run got its numbers."""
    line, invoice, step = tables.invoice_lines.c, tables.invoices.c, tables.bill_runs.c
    seq = connection.execute(sa.select(sa.func.max(invoice.commit_seq)).where(invoice.run_id == run.run_id)).scalar_one()
    as_of = run.pinned_seq if seq is None else seq
    keys = (line.subscription_key, line.kind, line.price_id, line.period_from, line.period_to)
    query = (
        sa.select(*keys, *halves(line.amount_micros))
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
    sums: dict[_Fee, int] = {}
    for row in connection.execute(query.group_by(*keys)):
        sums[_Fee(*row[:5])] = whole(*row[5:])
    return {fee: micros for fee, micros in sums.items() if micros}
