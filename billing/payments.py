"""Payments: recorded once, allocated to the oldest open invoice first, the rest kept as credit for the next one.

Oldest: earliest due date, then number. An invoice with a negative total is a credit too: it stays open, negative, and is set off when the
balance is looked at, not by allocation. Amounts are micro-units in the account's currency.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing import ledger
from billing.store import commit_points, tables
from rating.errors import UserError
from rating.money import check_micros, format_micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from billing.store.home import Home

_CHUNK: Final = 500  # account keys a query
_COMPARED: Final = ("account_id", "amount_micros", "received_on", "reference")


class OpenItem(NamedTuple):
    """An invoice that is not settled: `open_micros` is its total minus what was allocated; negative for a credit invoice."""

    account_key: int
    invoice_key: int
    number: str
    due_on: dt.date
    open_micros: int


class Allocation(NamedTuple):
    """Part of a payment that settles (part of) an invoice."""

    payment_id: str
    invoice_key: int
    amount_micros: int


class Credit(NamedTuple):
    """A payment, and what of it is not allocated."""

    account_key: int
    payment_id: str
    left_micros: int


class Recorded(NamedTuple):
    """What `record` did. `existed`: the same payment was recorded before, and nothing was done."""

    payment_id: str
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
    home: Home, payment_id: str, account_id: str, amount_micros: int, received_on: dt.date, reference: str, now_us: int
) -> Recorded:
    """Record one payment and allocate it. The same id with the same data changes nothing.

    Raises UserError for an amount that is not above zero, an unknown account, and the same id with other data, naming the field.
    """
    if amount_micros <= 0:
        raise UserError(
            f"payment {payment_id} of {format_micros(amount_micros)} is not above zero", "give the amount received", exit_status=2
        )
    check_micros(amount_micros)
    given = (account_id, amount_micros, received_on.isoformat(), reference)
    with home.begin() as connection:
        stored = _stored(connection, payment_id)
        if stored is not None:
            _require_same(payment_id, stored, given)
            return Recorded(payment_id, True, *_state(connection, payment_id, amount_micros))
        account_key, currency = _account(connection, account_id)
        commit_seq = home.next_commit_seq(connection, "payment", now_us)
        values = {"amount_micros": amount_micros, "received_on": received_on.isoformat(), "reference": reference}
        connection.execute(
            tables.payments.insert().values(
                payment_id=payment_id, account_key=account_key, currency=currency, commit_seq=commit_seq, **values
            )
        )
        entry = ledger.posting(
            payment_id,
            0,
            "payment",
            debit=ledger.CASH,
            credit=ledger.receivable(account_id),
            currency=currency,
            signed_micros=amount_micros,
            posted_on=received_on.isoformat(),
        )
        assert entry is not None, "an amount above zero makes a posting"
        ledger.post(connection, [entry], commit_seq)
        allocate_credit(connection, [account_key], commit_seq)
        answer = Recorded(payment_id, False, *_state(connection, payment_id, amount_micros))
        commit_points.reached("payment.before_commit")
    commit_points.reached("payment.committed")
    return answer


def allocate(credits_: Iterable[Credit], items: Iterable[OpenItem]) -> list[Allocation]:
    """Spread the credits of one account, in their order, over its open items, oldest first. Pure."""
    open_items = sorted((item for item in items if item.open_micros > 0), key=lambda item: (item.due_on, item.number))
    left = {item.invoice_key: item.open_micros for item in open_items}
    allocations = []
    for credit in credits_:
        rest = credit.left_micros
        for item in open_items:
            part = min(rest, left[item.invoice_key])
            if part > 0:
                allocations.append(Allocation(credit.payment_id, item.invoice_key, part))
                left[item.invoice_key] -= part
                rest -= part
    return allocations


def allocate_credit(connection: sa.Connection, account_keys: Sequence[int], commit_seq: int) -> int:
    """Allocate what these accounts have paid too much to their open invoices, inside the caller's transaction. Returns how many parts."""
    made: list[Allocation] = []
    credits_ = _by_account(unallocated(connection, account_keys))
    items = _by_account(open_items(connection, list(credits_))) if credits_ else {}
    for account_key, of_account in credits_.items():
        made.extend(allocate(of_account, items.get(account_key, [])))
    if made:
        _store(connection, made, commit_seq)
    return len(made)


def open_items(connection: sa.Connection, account_keys: Sequence[int] | None = None) -> list[OpenItem]:
    """Invoices that are not settled, of some accounts or all, by account, due date and number."""
    invoice = tables.invoices.c
    paid = _allocated(tables.allocations.c.invoice_key)
    rest = invoice.total_micros - sa.func.coalesce(paid.c.paid, 0)
    columns = (invoice.account_key, invoice.invoice_key, invoice.number, invoice.due_on, sa.cast(rest, tables.INT64))
    query = sa.select(*columns).outerjoin(paid, paid.c.invoice_key == invoice.invoice_key).where(rest != 0)
    items = [
        OpenItem(row[0], row[1], row[2], dt.date.fromisoformat(row[3]), int(row[4]))
        for chunk in _chunks(account_keys)
        for row in connection.execute(query if chunk is None else query.where(invoice.account_key.in_(chunk)))
    ]
    return sorted(items, key=lambda item: (item.account_key, item.due_on, item.number))


def unallocated(connection: sa.Connection, account_keys: Sequence[int] | None = None) -> list[Credit]:
    """Payments that are not fully allocated, of some accounts or all, in the order in which they were recorded."""
    payment = tables.payments.c
    paid = _allocated(tables.allocations.c.payment_id)
    rest = payment.amount_micros - sa.func.coalesce(paid.c.paid, 0)
    columns = (payment.account_key, payment.payment_id, sa.cast(rest, tables.INT64))
    query = sa.select(*columns).outerjoin(paid, paid.c.payment_id == payment.payment_id).where(rest != 0).order_by(payment.commit_seq)
    return [
        Credit(row[0], row[1], int(row[2]))
        for chunk in _chunks(account_keys)
        for row in connection.execute(query if chunk is None else query.where(payment.account_key.in_(chunk)))
    ]


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


def _allocated(column: sa.Column[Any]) -> sa.Subquery:
    amount = tables.allocations.c.amount_micros
    return sa.select(column, sa.func.sum(amount).label("paid")).group_by(column).subquery()


def _by_account(rows: Iterable[Any]) -> dict[int, list[Any]]:
    grouped: dict[int, list[Any]] = {}
    for row in rows:
        grouped.setdefault(row.account_key, []).append(row)
    return grouped


def _chunks(keys: Sequence[int] | None) -> list[Sequence[int] | None]:
    if keys is None:
        return [None]
    return [keys[start : start + _CHUNK] for start in range(0, len(keys), _CHUNK)]


def _store(connection: sa.Connection, made: Sequence[Allocation], commit_seq: int) -> None:
    """Add allocations. Each pair (payment, invoice) meets once: a payment with anything left has settled all older invoices."""
    connection.execute(tables.allocations.insert(), [{**each._asdict(), "commit_seq": commit_seq} for each in made])


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
