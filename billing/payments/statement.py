"""The statement of an account: its opening balance, every document and payment of a span, and its closing balance.

Debits raise what is owed (invoices, money that went back), credits lower it. Each entry has its own date: an invoice on the day of
issue, a payment on the day it was received, a write-off on the date of its entry. Within a day entries are in the order in which they were
recorded. Deposits that are held are listed separately.
Amounts are micro-units; the closing balance of all time is what the ledger says of the account's receivable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from billing.allocations import open_items
from billing.allocations.as_of import WRITE_OFF_LEGS, write_off_days, write_off_ids
from billing.allocations.spread import WRITE_OFF
from billing.payments import postings
from billing.payments.writing import Account, account_of
from billing.store import tables
from billing.store.sums import halves, whole
from rating.dates import last_day
from rating.errors import UserError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator

    from billing.store.home import Home

WRITE_OFF_UNDONE: Final = WRITE_OFF_LEGS[1]
_TURN = (
    "invoice",
    "opening",
    "credit_note",
    "payment",
    "release",
    "refund",
    "reversal",
    "chargeback",
    "chargeback_won",
    "write_off",
    WRITE_OFF_UNDONE,
    "void",
)

WORDS: Final = {
    "en": {
        "period": "{} to {}", "receipt": "receipt {}", "of": "of {}", "deposit": "of deposit {}", "void": "this document was cancelled",
        "id": "id {}",
    },
    "zh": {
        "period": "{} 至 {}", "receipt": "收据 {}", "of": "关于 {}", "deposit": "押金 {}", "void": "本单据已作废", "id": "编号 {}",
    },
}  # fmt: skip


class Entry(NamedTuple):
    """One line of a statement. `amount_micros` is above zero for a debit; `balance_micros` is what is owed after it."""

    on_date: str
    kind: str
    document: str
    text: str
    due_on: str
    amount_micros: int
    balance_micros: int


class Open(NamedTuple):
    """Something that is open at the time of asking; a part of an instalment plan is an entry of its own."""

    number: str
    due_on: str
    part_no: int
    open_micros: int


class Statement(NamedTuple):
    """See the head of this module. Dates are half open: `to_date` is not in it; empty: without end."""

    account_id: str
    account_name: str
    currency: str
    from_date: str
    to_date: str
    opening_micros: int
    entries: list[Entry]
    closing_micros: int
    deposits_held_micros: int
    open_items: list[Open]


def statement(
    home: Home, account_id: str, from_date: dt.date | None = None, to_date: dt.date | None = None, language: str = "en"
) -> Statement:
    """The statement of one account, with its texts in a language (a key of WORDS).

    Raises NotFoundError for an unknown account, UserError for a span that is empty.
    """
    if from_date is not None and to_date is not None and to_date <= from_date:
        raise UserError(
            f"the span from {from_date} to {to_date} holds no day", "a span ends with the day after its last one", exit_status=2
        )
    first, last = from_date.isoformat() if from_date else "", to_date.isoformat() if to_date else ""
    with home.connect() as connection:
        account = account_of(connection, account_id)
        moves = _in_order(_moves(connection, account, WORDS[language]))
        opening = sum(move.amount_micros for move in moves if move.on_date < first)
        entries, balance = [], opening
        for move in moves:
            if move.on_date >= first and (not last or move.on_date < last):
                balance += move.amount_micros
                entries.append(Entry(move.on_date, move.kind, move.document, move.text, move.due_on, move.amount_micros, balance))
        items = [
            Open(item.number, item.due_on.isoformat(), item.part_no, item.open_micros)
            for item in open_items(connection, [account.account_key])
        ]
        held = deposits_held_micros(connection, account)
        name = connection.execute(sa.select(tables.accounts.c.name).where(tables.accounts.c.account_id == account_id)).scalar_one()
    return Statement(
        account_id=account_id,
        account_name=name,
        currency=account.currency,
        from_date=first,
        to_date=last,
        opening_micros=opening,
        entries=entries,
        closing_micros=balance,
        deposits_held_micros=held,
        open_items=items,
    )


def owed_micros(connection: sa.Connection, account: Account) -> int:
    """The amount an account owes by all that was recorded, below zero for credit: the closing balance of its statement of all time."""
    return sum(micros for _, micros in owed_by_date(connection, account))


def owed_by_date(connection: sa.Connection, account: Account) -> list[tuple[str, int]]:
    """Changes of the receivable, above zero for a debit, by the date of each entry."""
    return [(move.on_date, move.amount_micros) for move in _moves(connection, account, WORDS["en"])]


def deposits_held_micros(connection: sa.Connection, account: Account) -> int:
    """Deposits of an account that were neither released nor refunded."""
    deposit, event = tables.deposits.c, tables.deposit_events.c
    own = deposit.account_key == account.account_key
    taken = connection.execute(sa.select(*halves(deposit.amount_micros)).where(own)).one()
    moved = sa.select(*halves(event.amount_micros)).join_from(tables.deposit_events, tables.deposits).where(own)
    return whole(*taken) - whole(*connection.execute(moved).one())


class _Move(NamedTuple):
    """A change of what is owed: the fields of its entry but the balance, and the commit that recorded it."""

    on_date: str
    kind: str
    document: str
    text: str
    due_on: str
    amount_micros: int
    commit_seq: int


def _in_order(moves: Iterable[_Move]) -> list[_Move]:
    """By date, within a day as it was recorded: each balance is one that the account had. Of one commit by kind and number."""
    return sorted(moves, key=lambda move: (move.on_date, move.commit_seq, _TURN.index(move.kind), move.document))


def _moves(connection: sa.Connection, account: Account, words: dict[str, str]) -> Iterator[_Move]:
    yield from _documents(connection, account, words)
    yield from _payments(connection, account, words)
    yield from _events(connection, account, words)
    yield from _releases(connection, account, words)
    yield from _write_offs(connection, account, words)


def _documents(connection: sa.Connection, account: Account, words: dict[str, str]) -> Iterator[_Move]:
    """Invoices and other documents, and those that were voided a second time with the sign turned."""
    invoice, void = tables.invoices.c, tables.invoice_events.c
    names = ("number", "document_type", "issued_on", "due_on", "period_from", "period_to", "total_micros")
    is_void = (void.invoice_key == invoice.invoice_key) & (void.kind == "voided")
    query = sa.select(*(invoice[name] for name in names), invoice.commit_seq, void.on_date, void.commit_seq.label("void_seq"))
    query = query.outerjoin_from(tables.invoices, tables.invoice_events, is_void)
    for row in connection.execute(query.where(invoice.account_key == account.account_key)):
        text = words["period"].format(row.period_from, last_day(row.period_to))
        kind = row.document_type or "invoice"
        yield _Move(row.issued_on, kind, row.number, text, row.due_on, row.total_micros, row.commit_seq)
        if row.on_date is not None:
            yield _Move(row.on_date, "void", row.number, words["void"], "", -row.total_micros, row.void_seq)


def _payments(connection: sa.Connection, account: Account, words: dict[str, str]) -> Iterator[_Move]:
    payment = tables.payments.c
    query = sa.select(tables.payments).where(payment.account_key == account.account_key)
    for row in connection.execute(query):
        text = " ".join(filter(None, (row.receipt and words["receipt"].format(row.receipt), row.reference)))
        yield _Move(row.received_on, "payment", row.payment_id, text, "", -row.amount_micros, row.commit_seq)


def _events(connection: sa.Connection, account: Account, words: dict[str, str]) -> Iterator[_Move]:
    event, payment, invoice = tables.payment_events.c, tables.payments.c, tables.invoices.c
    query = (
        sa.select(tables.payment_events)
        .outerjoin(tables.payments, payment.payment_id == event.payment_id)
        .outerjoin(tables.invoices, invoice.number == event.credit_number)
        .where(sa.func.coalesce(payment.account_key, invoice.account_key) == account.account_key)
    )
    for row in connection.execute(query):
        text = " ".join(filter(None, (words["of"].format(row.payment_id or row.credit_number), row.reason)))
        signed = -row.amount_micros if row.kind == postings.WON else row.amount_micros
        yield _Move(row.on_date, row.kind, row.reference, text, "", signed, row.commit_seq)


def _releases(connection: sa.Connection, account: Account, words: dict[str, str]) -> Iterator[_Move]:
    deposit, event = tables.deposits.c, tables.deposit_events.c
    query = sa.select(tables.deposit_events)
    query = query.join_from(tables.deposit_events, tables.deposits)
    for row in connection.execute(query.where(deposit.account_key == account.account_key, event.kind == postings.APPLIED)):
        text = " ".join(filter(None, (words["deposit"].format(row.deposit_id), row.reason)))
        yield _Move(row.on_date, "release", row.reference, text, "", -row.amount_micros, row.commit_seq)


def _write_offs(connection: sa.Connection, account: Account, words: dict[str, str]) -> Iterator[_Move]:
    settlement, invoice = tables.settlements.c, tables.invoices.c
    query = (
        sa.select(settlement.commit_seq, settlement.credit_id, invoice.number, settlement.amount_micros)
        .join_from(tables.settlements, tables.invoices)
        .where(settlement.credit_kind == WRITE_OFF, invoice.account_key == account.account_key)
        .order_by(settlement.settlement_id)
    )
    rows = connection.execute(query).all()
    seqs = {row.commit_seq for row in rows}
    days, ids = (write_off_days(connection, seqs), write_off_ids(connection, seqs)) if rows else ({}, {})
    for seq, document, number, amount in rows:
        given = ids.get(seq, "")
        text = " ".join(filter(None, (words["of"].format(number), given and words["id"].format(given))))
        yield _Move(days.get(seq, ""), WRITE_OFF if amount > 0 else WRITE_OFF_UNDONE, document, text, "", -amount, seq)
