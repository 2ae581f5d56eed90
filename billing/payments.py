"""Payments: recorded once, allocated to open invoices (see `allocations`), the rest kept as credit for the next one.

Amounts are micro-units in the account's currency.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing import catalogue, ledger
from billing.allocations import allocate_credit, unallocated
from billing.charges.lines import minor_step_micros
from billing.store import commit_points, tables
from rating.errors import UserError
from rating.money import check_micros, format_micros
from tariffs.currencies import MINOR_DIGITS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from billing.store.home import Home

_COMPARED: Final = ("account_id", "amount_micros", "received_on", "reference")


class Recorded(NamedTuple):
    """What `record` did. `existed`: the same payment was recorded before, and nothing was done."""

    payment_id: str
    currency: str
    existed: bool
    allocated: list[tuple[str, int]]  # invoice number, micro-units
    credit_micros: int  # left over


class PaymentRow(NamedTuple):
    """A payment as lists show it."""

    payment_id: str
    account_id: str
    currency: str
    amount_micros: int
    received_on: str
    reference: str
    credit_micros: int


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
) -> Recorded:
    """Record one payment and allocate it. The same id with the same data changes nothing. `currency`: as the bank says, None unknown.

    Raises UserError for an empty id, an amount that is not above zero or no multiple of the minor unit, an unknown account, a currency
    that is not the account's, and the same id with other data, naming the field.
    """
    if not payment_id.strip():
        raise UserError(
            "the id of the payment is empty", "give the bank's or your own id of it: it makes the payment count once", exit_status=2
        )
    if amount_micros <= 0:
        raise UserError(
            f"payment {payment_id} of {format_micros(amount_micros)} is not above zero", "give the amount received", exit_status=2
        )
    check_micros(amount_micros)
    given = (account_id, amount_micros, received_on.isoformat(), reference)
    with home.begin() as connection:
        account_key, own_currency = _account(connection, account_id)
        if currency not in {None, own_currency}:
            raise UserError(
                f"payment {payment_id} is in {currency}, account {account_id} in {own_currency}",
                "record what the bank credited in the account's currency",
            )
        stored = _stored(connection, payment_id)
        if stored is not None:
            _require_same(payment_id, stored, given)
            return Recorded(payment_id, own_currency, True, *_state(connection, payment_id, amount_micros))
        _require_minor_units(home, payment_id, amount_micros, own_currency)
        commit_seq = home.next_commit_seq(connection, "payment", now_us)
        values = {"amount_micros": amount_micros, "received_on": received_on.isoformat(), "reference": reference}
        connection.execute(
            tables.payments.insert().values(
                payment_id=payment_id, account_key=account_key, currency=own_currency, commit_seq=commit_seq, **values
            )
        )
        entry = ledger.of_payment(payment_id, account_id, own_currency, amount_micros, received_on.isoformat())
        ledger.post(connection, [entry], commit_seq)
        allocate_credit(connection, [account_key], commit_seq)
        answer = Recorded(payment_id, own_currency, False, *_state(connection, payment_id, amount_micros))
        commit_points.reached("payment.before_commit")
    commit_points.reached("payment.committed")
    return answer


def list_payments(home: Home, account_id: str | None = None) -> list[PaymentRow]:
    """Payments in the order in which they were recorded."""
    payment, account = tables.payments.c, tables.accounts.c
    query = sa.select(
        payment.payment_id, account.account_id, payment.currency, payment.amount_micros, payment.received_on, payment.reference
    ).join_from(tables.payments, tables.accounts)
    if account_id is not None:
        query = query.where(account.account_id == account_id)
    with home.connect() as connection:
        if account_id is not None:
            _account(connection, account_id)
        credit = {each.payment_id: each.left_micros for each in unallocated(connection)}
        rows = connection.execute(query.order_by(payment.commit_seq)).all()
    return [PaymentRow(*row, credit.get(row.payment_id, 0)) for row in rows]


def _stored(connection: sa.Connection, payment_id: str) -> Any:  # noqa: ANN401 -- a row or None
    payment, account = tables.payments.c, tables.accounts.c
    query = sa.select(account.account_id, payment.amount_micros, payment.received_on, payment.reference)
    return connection.execute(query.join_from(tables.payments, tables.accounts).where(payment.payment_id == payment_id)).first()


def _require_same(payment_id: str, stored: Sequence[Any], given: Sequence[Any]) -> None:
    for field, old, new in zip(_COMPARED, stored, given, strict=True):
        if old != new:
            name, *shown = ("amount", format_micros(old), format_micros(new)) if field == "amount_micros" else (field, repr(old), repr(new))
            raise UserError(
                f"payment {payment_id} exists with {name} {shown[0]}, not {shown[1]}",
                "give a new payment its own id; a recorded payment never changes",
            )


def _require_minor_units(home: Home, payment_id: str, amount_micros: int, currency: str) -> None:
    """A part of a cent would leave an invoice open for ever. Catalogues may state more places than the currency has."""
    places = MINOR_DIGITS.get(currency, 2)
    if amount_micros % minor_step_micros(places) == 0:
        return
    places = max((each.minor_digits for each in catalogue.published(home) if each.currency == currency), default=places)
    if amount_micros % minor_step_micros(places):
        raise UserError(
            f"payment {payment_id} of {format_micros(amount_micros)} has more than the {places} decimal places of {currency}",
            "give the amount that the bank credited",
            exit_status=2,
        )


def _state(connection: sa.Connection, payment_id: str, amount_micros: int) -> tuple[list[tuple[str, int]], int]:
    allocation, invoice = tables.allocations.c, tables.invoices.c
    query = sa.select(invoice.number, allocation.amount_micros).join_from(tables.allocations, tables.invoices)
    rows = connection.execute(query.where(allocation.payment_id == payment_id).order_by(invoice.due_on, invoice.number)).all()
    allocated = [(row.number, int(row.amount_micros)) for row in rows]
    return allocated, amount_micros - sum(amount for _, amount in allocated)


def _account(connection: sa.Connection, account_id: str) -> tuple[int, str]:
    account = tables.accounts.c
    row = connection.execute(sa.select(account.account_key, account.currency).where(account.account_id == account_id)).first()
    if row is None:
        raise UserError(f"no account has the id {account_id}", "give the id as it stands in accounts.csv")
    return int(row.account_key), str(row.currency)
