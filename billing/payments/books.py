"""Reconciliation of money for the controls: postings that must exist, balances of cash, suspense and deposits.

Each figure is worked out from payments, events, deposits and bank lines alone, never from the ledger. Amounts are micro-units by currency.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import sqlalchemy as sa

from billing import ledger
from billing.allocations import replayed, stored, stored_left
from billing.payments import postings
from billing.payments.matching import MATCHED
from billing.payments.worklist import RETURNED
from billing.payments.writing import Account
from billing.store import tables
from billing.store.sums import halves, whole
from rating.dates import utc_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from collections.abc import Set as AbstractSet

LEGS: Final = (
    "payment", "deposit", "release", "deposit_refund", "refund", "reversal", "chargeback", "chargeback_won", "fee", "unmatched", "returned",
    "bank_charge",
)  # fmt: skip
_ACCOUNT: Final = (
    tables.accounts.c.account_key, tables.accounts.c.account_id, tables.accounts.c.currency,
    sa.func.coalesce(tables.accounts.c.legal_entity, ""),
)  # fmt: skip


_SUSPENSE_OF: Final = "suspense of "
_NAMED: Final = 5  # rows that differ, of each side


class Sides(NamedTuple):
    """Two figures that must be equal. `unit`: rows, or micro-units of a currency; `terms` say what differs."""

    name: str
    left: int
    right: int
    unit: str
    terms: dict[str, int]


def money_books(connection: sa.Connection, waiting: AbstractSet[int]) -> Iterator[Sides]:
    """Every book about money that came. `waiting`: invoices that are numbered and not posted."""
    yield _compared("payments: postings = what follows from them", lambda: expected(connection), lambda: _posted(connection))
    yield from _balances(connection)
    settled, left = _Print(), _Print()
    for parts, rest in replayed(connection, waiting):
        settled.add(parts)
        left.add(rest)
    yield _compared(
        "allocations: stored = computed again",
        lambda: stored(connection),
        lambda: (part for parts, _ in replayed(connection, waiting) for part in parts),
        known=settled,
    )
    yield _compared(
        "credit: left over = computed again",
        lambda: stored_left(connection),
        lambda: (each for _, rest in replayed(connection, waiting) for each in rest),
        known=left,
    )


def expected(connection: sa.Connection) -> Iterator[ledger.Posting]:
    """Every posting that follows from payments, events, deposits and bank lines."""
    payment, event, invoice, decision = tables.payments.c, tables.payment_events.c, tables.invoices.c, tables.bank_line_decisions.c
    columns = (payment.payment_id, payment.amount_micros, payment.received_on, payment.channel, payment.receipt, decision.at_us)
    came = sa.select(*columns, *_ACCOUNT).join_from(tables.payments, tables.accounts)
    came = came.outerjoin(tables.bank_line_decisions, decision.payment_id == payment.payment_id)
    for identity, amount, day, channel, receipt, decided_us, *account in connection.execute(came):
        yield postings.of_payment(identity, Account(*account), amount, postings.posting_day(day, decided_us), channel, receipt)
    taken = (
        sa.select(
            event.reference, event.kind, event.amount_micros, event.fee_micros, event.on_date, payment.channel, payment.receipt, *_ACCOUNT
        )
        .select_from(tables.payment_events)
        .outerjoin(tables.payments, payment.payment_id == event.payment_id)
        .outerjoin(tables.invoices, invoice.number == event.credit_number)
        .join(tables.accounts, tables.accounts.c.account_key == sa.func.coalesce(payment.account_key, invoice.account_key))
    )
    for reference, kind, amount, fee, day, channel, receipt, *account in connection.execute(taken):
        yield from postings.of_event(reference, kind, Account(*account), amount, fee, day, postings.money_account(channel, receipt))
    yield from _of_deposits(connection)
    yield from _of_bank_lines(connection)
    yield from _of_bank_charges(connection)


def _of_deposits(connection: sa.Connection) -> Iterator[ledger.Posting]:
    deposit, event = tables.deposits.c, tables.deposit_events.c
    taken = sa.select(deposit.deposit_id, deposit.amount_micros, deposit.received_on, *_ACCOUNT).join_from(tables.deposits, tables.accounts)
    for identity, amount, day, *account in connection.execute(taken):
        yield postings.of_deposit(identity, Account(*account), amount, day)
    moved = sa.select(event.reference, event.kind, event.amount_micros, event.on_date, *_ACCOUNT)
    moved = moved.join_from(tables.deposit_events, tables.deposits).join(tables.accounts)
    for reference, kind, amount, day, *account in connection.execute(moved):
        yield postings.of_deposit_event(reference, kind, Account(*account), amount, day)


def _of_bank_lines(connection: sa.Connection) -> Iterator[ledger.Posting]:
    line, decision = tables.bank_lines.c, tables.bank_line_decisions.c
    columns = (line.line_id, line.currency, line.amount_micros)
    waits = sa.select(*columns, line.received_on, sa.func.coalesce(line.entity, "")).where(line.state != MATCHED)
    for row in connection.execute(waits):
        yield postings.of_unmatched(*row)
    gone = sa.select(*columns, decision.at_us, sa.func.coalesce(line.entity, ""))
    gone = gone.join_from(tables.bank_lines, tables.bank_line_decisions, decision.line_id == line.line_id)
    for line_id, currency, amount, at_us, entity in connection.execute(gone.where(decision.kind == RETURNED)):
        yield postings.of_returned(line_id, currency, amount, utc_date(at_us).isoformat(), entity)


def _of_bank_charges(connection: sa.Connection) -> Iterator[ledger.Posting]:
    debit = tables.bank_debits.c
    query = sa.select(debit.line_id, debit.currency, debit.amount_micros, debit.booked_on, sa.func.coalesce(debit.entity, ""))
    for row in connection.execute(query.where(debit.kind == postings.CHARGE)):
        yield postings.of_bank_charge(*row)


def _posted(connection: sa.Connection) -> Iterator[ledger.Posting]:
    columns = [tables.postings.c[name] for name in ledger.Posting._fields]
    for row in connection.execute(sa.select(*columns).where(tables.postings.c.leg.in_(LEGS))):
        yield ledger.Posting(*row)


def _balances(connection: sa.Connection) -> Iterator[Sides]:
    """Cash, suspense and deposits by the ledger, and by what came, went back and waits."""
    wanted: dict[tuple[str, str], int] = collections.defaultdict(int)
    payment, event, deposit, moved = tables.payments.c, tables.payment_events.c, tables.deposits.c, tables.deposit_events.c
    line, decision = tables.bank_lines.c, tables.bank_line_decisions.c
    signed = sa.case((event.kind == postings.WON, event.amount_micros), else_=-event.amount_micros) - event.fee_micros
    is_returned = sa.select(decision.line_id).where(decision.kind == RETURNED)
    account_key = sa.func.coalesce(payment.account_key, tables.invoices.c.account_key)
    of_events = (
        sa.select(tables.accounts.c.currency, *halves(signed))
        .select_from(tables.payment_events)
        .outerjoin(tables.payments, payment.payment_id == event.payment_id)
        .outerjoin(tables.invoices, tables.invoices.c.number == event.credit_number)
        .join(tables.accounts, tables.accounts.c.account_key == account_key)
        .group_by(tables.accounts.c.currency)
    )
    is_own = payment.channel.is_(None) | (payment.channel != postings.FROM_SUSPENSE)
    own = sa.select(payment.currency, *halves(payment.amount_micros)).where(is_own).group_by(payment.currency)
    held = sa.select(deposit.currency, *halves(deposit.amount_micros)).group_by(deposit.currency)
    back = sa.select(deposit.currency, *halves(moved.amount_micros)).join_from(tables.deposit_events, tables.deposits)
    waits = sa.select(line.currency, *halves(line.amount_micros)).where(line.state != MATCHED).group_by(line.currency)
    debit = tables.bank_debits.c
    charged = sa.select(debit.currency, *halves(debit.amount_micros)).where(debit.kind == postings.CHARGE).group_by(debit.currency)
    refunded = back.where(moved.kind == postings.REFUNDED).group_by(deposit.currency)
    terms = (
        ("cash", 1, own), ("cash", 1, of_events), ("cash", 1, held), ("cash", -1, refunded), ("cash", -1, charged),
        ("cash", 1, waits.where(line.line_id.not_in(is_returned))),
        ("deposits", -1, held), ("deposits", 1, back.group_by(deposit.currency)),
    )  # fmt: skip
    for name, sign, query in terms:
        for currency, *parts in connection.execute(query):
            wanted[name, currency] += sign * whole(*parts)
    entity = sa.func.coalesce(line.entity, "")
    undecided = sa.select(entity, line.currency, *halves(line.amount_micros)).group_by(entity, line.currency)
    undecided = undecided.where(line.state != MATCHED, line.line_id.not_in(sa.select(decision.line_id)))
    for owner, currency, *parts in connection.execute(undecided):
        wanted[f"{_SUSPENSE_OF}{owner}" if owner else postings.SUSPENSE, currency] -= whole(*parts)
    found = _ledger_balances(connection)
    for name, currency in sorted(wanted.keys() | found.keys()):
        left, right = wanted.get((name, currency), 0), found.get((name, currency), 0)
        if left or right:
            yield Sides(f"{name} {currency}: what came less what went = ledger", left, right, f"micro-units {currency}", {})


def _ledger_balances(connection: sa.Connection) -> dict[tuple[str, str], int]:
    """Debits less credits of cash with all tills, of each entity's suspense, and of all deposits."""
    row = tables.postings.c
    owner = sa.func.coalesce(row.entity, "")
    found: dict[tuple[str, str], int] = collections.defaultdict(int)
    for column, sign in ((row.debit_account, 1), (row.credit_account, -1)):
        name = sa.case(
            ((column == ledger.CASH) | column.startswith(postings.TILL), "cash"),
            ((column == postings.SUSPENSE) & (owner == ""), postings.SUSPENSE),
            (column == postings.SUSPENSE, sa.literal(_SUSPENSE_OF) + owner),
            (column.startswith("deposits:"), "deposits"),
            else_="",
        )
        query = sa.select(name, row.currency, *halves(row.amount_micros)).where(row.leg.in_(LEGS)).group_by(name, row.currency)
        for of, currency, *parts in connection.execute(query):
            if of:
                found[of, currency] += sign * whole(*parts)
    return found


class _Print:
    """Number of rows and a sum over their hashes, equal in any order: millions of rows need no memory."""

    def __init__(self) -> None:
        self.rows = 0
        self.total = 0

    def add(self, rows: Iterable[tuple[object, ...]]) -> Self:
        """Count further rows in."""
        for row in rows:
            self.rows += 1
            self.total += hash(repr(row))
        return self


def _compared(
    name: str,
    left: Callable[[], Iterable[tuple[object, ...]]],
    right: Callable[[], Iterable[tuple[object, ...]]],
    known: _Print | None = None,
) -> Sides:
    """Two collections that must hold the same: all there are, and those that are on both sides. Some that differ are named.

    `known`: the right side, where it was read before.
    """
    one, two = _Print().add(left()), known or _Print().add(right())
    if (one.rows, one.total) == (two.rows, two.total):
        return Sides(name, one.rows, two.rows, "rows", {})
    here, there = set(left()), set(right())
    terms = {f"surplus {_shown(each)}": 1 for each in sorted(here - there, key=str)[:_NAMED]}
    terms |= {f"missing {_shown(each)}": 1 for each in sorted(there - here, key=str)[:_NAMED]}
    return Sides(name, len(here | there), len(here & there), "rows", terms)


def _shown(row: tuple[object, ...]) -> str:
    return " ".join(map(str, row))
