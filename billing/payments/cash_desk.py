"""The cash desk: payments in cash, each with the next receipt of its till, without a gap. The cashier is who runs the command.

A till is a ledger account of its own (`cash:<till>`), so that what should lie in it can be counted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from billing.accounts import entities
from billing.payments import postings, recording
from billing.payments.recording import Recorded
from billing.payments.writing import Act, Writing, writing
from billing.store import tables
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.payments.recording import Payment
    from billing.store.home import Home

RECEIPT_DIGITS: Final = 6
SERIES: Final = entities.RECEIPT_SERIES  # and the name of the till: a series of tables.number_series
_TILL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.]{0,31}")


class Paid(NamedTuple):
    """A payment in cash and its receipt, such as `front-000001`."""

    receipt: str
    recorded: Recorded


class Receipt(NamedTuple):
    """One receipt of a till. `gone_micros` was taken out of the till again, less what was won back."""

    receipt: str
    payment_id: str
    account_id: str
    currency: str
    amount_micros: int
    gone_micros: int
    received_on: str
    cashier: str


def pay(home: Home, till: str, payment: Payment, act: Act) -> Paid:
    """Take a payment in cash. The same id with the same data answers with the receipt that it has, and changes nothing.

    Raises UserError as `recording.record` does, for a till that is no name, and for a payment that came another way before.
    """
    if not _TILL.fullmatch(till):
        raise UserError(f"{till!r} is not a name of a till", "use at most 32 letters, digits, points and underlines", exit_status=2)
    with writing(home, act) as work:
        row = tables.payments.c
        query = sa.select(row.receipt).where(row.payment_id == payment.payment_id)
        known = work.connection.execute(query).scalar_one_or_none()
        if known is not None and not known.startswith(f"{till}-"):
            raise UserError(
                f"payment {payment.payment_id} exists with receipt {known!r}, not one of till {till!r}", "give a new payment its own id"
            )
        given = payment._replace(channel=postings.FROM_DESK)
        if known is None:
            given = given._replace(receipt=_next_receipt(work, till))
        recorded = recording.take(work, given)
        return Paid(known or given.receipt or "", recorded)


def receipts(home: Home, till: str, day: str | None = None) -> list[Receipt]:
    """The receipts of a till in their order, of one date (ISO) or all."""
    payment, account, event = tables.payments.c, tables.accounts.c, tables.payment_events.c
    signed = sa.case((event.kind == postings.WON, -event.amount_micros), else_=event.amount_micros)
    gone = sa.select(sa.func.coalesce(sa.func.sum(signed), 0)).where(event.payment_id == payment.payment_id)
    columns = (payment.receipt, payment.payment_id, account.account_id, payment.currency, payment.amount_micros)
    query = sa.select(*columns, sa.cast(gone.scalar_subquery(), tables.INT64), payment.received_on, payment.by_name)
    query = query.join_from(tables.payments, tables.accounts).where(payment.channel == postings.FROM_DESK)
    if day is not None:
        query = query.where(payment.received_on == day)
    with home.connect() as connection:
        found = [Receipt(*row) for row in connection.execute(query.order_by(payment.receipt))]
    return [each for each in found if each.receipt.rpartition("-")[0] == till]


def _next_receipt(work: Writing, till: str) -> str:
    """The next number of the till, taken in the transaction that stores the payment: an undone transaction leaves no gap."""
    series = tables.number_series
    name = SERIES + till
    number = work.connection.execute(sa.select(series.c.next_number).where(series.c.series == name)).scalar_one_or_none() or 1
    if number == 1:
        work.connection.execute(series.insert().values(series=name, next_number=2))
    else:
        work.connection.execute(series.update().where(series.c.series == name).values(next_number=number + 1))
    return f"{till}-{number:0{RECEIPT_DIGITS}d}"
