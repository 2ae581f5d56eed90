"""Payments: recorded once, spread over open invoices (see `billing.allocations`), the rest kept as credit for the next ones.

A payment may come before any invoice, cover a part or more than is open, and name the invoices that it is for. Amounts are micro-units in
the account's currency.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing import ledger
from billing.allocations import allocate_credit, unallocated
from billing.allocations.settling import Arrival, arrive_new, settled_by, store_rows
from billing.allocations.spread import PAYMENT
from billing.catalogue import Operator
from billing.payments import postings
from billing.payments.writing import (
    Account,
    Act,
    Writing,
    account_of,
    require_currency,
    require_id,
    require_minor_units,
    require_positive,
    require_same,
    require_sensible,
    writing,
)
from billing.store import tables
from billing.store.pages import in_pages
from rating import identifiers
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.store.home import Home

NOBODY: Final = Operator("", 0)
_REMEDY: Final = "give a new payment its own id; a recorded payment never changes"
_COLUMNS: Final = (
    "payment_id", "account_key", "currency", "amount_micros", "received_on", "reference", "channel", "instruction", "receipt",
    "by_name", "by_uid", "commit_seq",
)  # fmt: skip


class Payment(NamedTuple):
    """A payment as given. `numbers`: the invoices that the payer says it is for, in that order."""

    payment_id: str
    account_id: str
    amount_micros: int
    received_on: dt.date
    reference: str
    currency: str | None = None  # as the bank says; None unknown
    numbers: tuple[str, ...] = ()
    channel: str | None = None  # bank | cash | suspense
    receipt: str | None = None


class Recorded(NamedTuple):
    """Result of `record`. `existed`: the same payment was recorded before, and nothing was done."""

    payment_id: str
    currency: str
    existed: bool
    allocated: list[tuple[str, int]]  # invoice number, micro-units
    credit_micros: int  # left over


class PaymentRow(NamedTuple):
    """A payment as lists show it. `gone_micros`: refunded, bounced or charged back. `by_name`: who recorded it, if known."""

    payment_id: str
    account_id: str
    currency: str
    amount_micros: int
    received_on: str
    reference: str
    credit_micros: int
    channel: str = ""
    receipt: str = ""
    gone_micros: int = 0
    by_name: str = ""


def record(  # noqa: PLR0913, PLR0917 -- the fields of a payment
    home: Home,
    payment_id: str,
    account_id: str,
    amount_micros: int,
    received_on: dt.date,
    reference: str,
    now_us: int,
    *,
    currency: str | None = None,
    numbers: Sequence[str] = (),
    by: Operator = NOBODY,
    dry_run: bool = False,
) -> Recorded:
    """Record one payment and spread it. The same id with the same data changes nothing. `currency`: as the bank says, None unknown.

    `numbers`: the invoices that the payer names; they are settled first, where the order of allocation has `instruction`. Raises UserError
    for an empty id, the id of a line in the work list, and the same id with other data, naming the field. Raises it for an amount that is
    not above zero or no multiple of the minor unit. Raises it for an unknown account, and for a currency or an invoice that is not the
    account's.
    """
    given = Payment(payment_id, account_id, amount_micros, received_on, reference, currency, tuple(numbers), postings.FROM_BANK)
    with writing(home, Act(by, now_us, dry_run)) as work:
        return take(work, given)


def take(work: Writing, given: Payment) -> Recorded:
    """Record one payment inside the caller's transaction. See `record`."""
    what = f"payment {given.payment_id}"
    require_id(given.payment_id, "payment")
    require_positive(given.amount_micros, what)
    account = account_of(work.connection, given.account_id)
    require_currency(given.currency, account, what)
    stored = _stored(work.connection, given.payment_id)
    if stored is not None:
        _require_same(what, stored, given)
        return Recorded(given.payment_id, account.currency, True, *state(work.connection, given.payment_id))
    if given.channel != postings.FROM_SUSPENSE:
        identifiers.require_new(given.payment_id, "payment")
        require_sensible(given.received_on, what)
        _require_no_line(work.connection, given.payment_id)
    require_minor_units(work.home, given.amount_micros, account.currency, what)
    _require_own(work.connection, account, given)
    store(work, [(given, account)])
    allocate_credit(work.connection, [account.account_key], work.seq)
    return Recorded(given.payment_id, account.currency, False, *state(work.connection, given.payment_id))


def store(work: Writing, payments: Sequence[tuple[Payment, Account]]) -> None:
    """Store checked payments that are new, with their postings, as credit that settles nothing yet."""
    signed = (work.act.by.name, work.act.by.uid, work.seq)
    rows = [
        (
            each.payment_id, account.account_key, account.currency, each.amount_micros, each.received_on.isoformat(), each.reference,
            each.channel, _instruction(each.numbers), each.receipt, *signed,
        )
        for each, account in payments
    ]  # fmt: skip
    store_rows(work.connection, tables.payments, _COLUMNS, rows)
    entries = [
        postings.of_payment(each.payment_id, account, each.amount_micros, _posting_day(work, each), each.channel, each.receipt)
        for each, account in payments
    ]
    ledger.post(work.connection, entries, work.seq)
    arrive_new(
        work.connection,
        [Arrival(account.account_key, PAYMENT, each.payment_id, each.amount_micros) for each, account in payments],
        work.seq,
    )


def list_payments(home: Home, account_id: str | None = None, *, after: str = "", limit: int | None = None) -> list[PaymentRow]:
    """Payments in the order in which they were recorded, beginning after the payment `after`.

    Each as it is stored: one that does not add up is a finding of `ledger check` and `controls`, and keeps no other from being shown.
    """
    payment, account, event = tables.payments.c, tables.accounts.c, tables.payment_events.c
    taken = _gone()
    query = sa.select(
        payment.payment_id, account.account_id, payment.currency, payment.amount_micros, payment.received_on, payment.reference,
        payment.channel, payment.receipt, payment.by_name, payment.account_key,
    ).join_from(tables.payments, tables.accounts)  # fmt: skip
    with home.connect() as connection:
        keys = None if account_id is None else [account_of(connection, account_id).account_key]
        if keys is not None:
            query = query.where(payment.account_key == keys[0])
        query = in_pages(query, (payment.commit_seq, payment.payment_id), payment.payment_id, after, limit)
        rows: Sequence[Any] = connection.execute(query).all()
        if limit is not None:  # a page has few accounts, and few payments
            keys = sorted({row.account_key for row in rows})
            taken = taken.where(event.payment_id.in_([row.payment_id for row in rows]))
        left = {each.credit_id: each.left_micros for each in unallocated(connection, keys) if each.kind == PAYMENT}
        gone_of = {payment_id: int(micros) for payment_id, micros in connection.execute(taken)}
    return [
        PaymentRow._make(
            (*row[:6], left.get(row.payment_id, 0), row.channel or "", row.receipt or "", gone_of.get(row.payment_id, 0), row.by_name or "")
        )
        for row in rows
    ]


def state(connection: sa.Connection, payment_id: str) -> tuple[list[tuple[str, int]], int]:
    """Invoices that a payment settles, as (number, micro-units) by due date, and what is left of it."""
    allocated = [(item.number, item.open_micros) for item in settled_by(connection, PAYMENT, payment_id)]
    credit, payment = tables.credits_left.c, tables.payments.c
    query = sa.select(credit.left_micros).where(credit.credit_kind == PAYMENT, credit.credit_id == payment_id)
    left_micros = int(connection.execute(query).scalar_one_or_none() or 0)
    came = connection.execute(sa.select(payment.amount_micros).where(payment.payment_id == payment_id)).scalar_one()
    gone = connection.execute(_gone().where(tables.payment_events.c.payment_id == payment_id)).first()
    _require_whole(payment_id, came, sum(micros for _, micros in allocated), left_micros, 0 if gone is None else int(gone.micros))
    return allocated, left_micros


def _gone() -> sa.Select[Any]:
    """Amounts of payments that were refunded, bounced or charged back, less those that were won back."""
    event = tables.payment_events.c
    micros = sa.func.sum(sa.case((event.kind == postings.WON, -event.amount_micros), else_=event.amount_micros))
    query = sa.select(event.payment_id, sa.cast(micros, tables.INT64).label("micros"))
    return query.where(event.payment_id.is_not(None)).group_by(event.payment_id)


def _require_whole(payment_id: str, came: int, settled: int, left: int, gone: int) -> None:
    """Assert that what a payment settles, what is left of it and what went back come to it."""
    whole = came == settled + left + gone and min(settled, left) >= 0
    assert whole, f"payment {payment_id} of {came} settles {settled}, {left} is left of it, and {gone} went back"


def _posting_day(work: Writing, given: Payment) -> str:
    decided_us = work.act.now_us if given.channel == postings.FROM_SUSPENSE else None
    return postings.posting_day(given.received_on.isoformat(), decided_us)


def _stored(connection: sa.Connection, payment_id: str) -> Any:  # noqa: ANN401 -- a row or None
    payment, account = tables.payments.c, tables.accounts.c
    columns = (account.account_id, payment.amount_micros, payment.received_on, payment.reference, payment.instruction, payment.channel)
    return connection.execute(
        sa.select(*columns).join_from(tables.payments, tables.accounts).where(payment.payment_id == payment_id)
    ).first()


def _require_same(what: str, stored: Any, given: Payment) -> None:  # noqa: ANN401 -- a row of `_stored`
    fields = [
        ("account_id", stored.account_id, given.account_id),
        ("amount", stored.amount_micros, given.amount_micros),
        ("received_on", stored.received_on, given.received_on.isoformat()),
        ("reference", stored.reference, given.reference),
        ("invoices", stored.instruction or "", _instruction(given.numbers) or ""),
        ("channel", stored.channel or postings.FROM_BANK, given.channel),
    ]
    require_same(what, fields, _REMEDY)


def _instruction(numbers: Sequence[str]) -> str | None:
    return json.dumps(list(numbers), ensure_ascii=False) if numbers else None


def _require_no_line(connection: sa.Connection, payment_id: str) -> None:
    """Raises UserError for the id of a line in the work list: its money lies in suspense, and recorded by hand it would be there twice."""
    line = tables.bank_lines.c
    if connection.execute(sa.select(line.line_id).where(line.line_id == payment_id)).first() is not None:
        raise UserError(
            f"{payment_id} is the id of a line of a bank file that matched nothing",
            f"`ratewright payment worklist assign {payment_id} --account ...` makes it a payment; give another payment its own id",
        )


def _require_own(connection: sa.Connection, account: Account, given: Payment) -> None:
    """Raises UserError unless the invoices that a payer names are the account's."""
    invoice = tables.invoices.c
    query = sa.select(invoice.number).where(invoice.account_key == account.account_key, invoice.number.in_(given.numbers))
    known = set(connection.execute(query).scalars()) if given.numbers else set()
    for number in given.numbers:
        if number not in known:
            raise UserError(
                f"payment {given.payment_id} names invoice {number}, which account {account.account_id} does not have",
                f"`ratewright invoice list --account {account.account_id}` shows its invoices",
            )
