"""Which credit settles which invoice: oldest open invoice first, in a fixed order, so that it can be worked out again at any time.

Oldest: earliest due date, then number. Credit is an invoice with a negative total (set off first, oldest first) and what is left of
payments, in the order in which they were recorded. Amounts are micro-units in the account's currency. Nothing is posted for a set-off:
both invoices stand in the same receivable.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet

_CHUNK: Final = 500  # account keys a query


class OpenItem(NamedTuple):
    """An invoice that is not settled: `open_micros` is its total minus what was allocated; negative for a credit invoice."""

    account_key: int
    invoice_key: int
    number: str
    due_on: dt.date
    open_micros: int


class Credit(NamedTuple):
    """A payment (or, with an `invoice_key`, a credit invoice), and what of it is not allocated."""

    account_key: int
    payment_id: str
    left_micros: int
    invoice_key: int = 0


class Allocation(NamedTuple):
    """Part of a payment (or, with a `credit_invoice_key`, of a credit invoice) that settles (part of) an invoice."""

    payment_id: str
    invoice_key: int
    amount_micros: int
    credit_invoice_key: int = 0


def allocate(credits_: Iterable[Credit], items: Iterable[OpenItem]) -> list[Allocation]:
    """Spread the credits of one account, in their order, over its open items, oldest first. Pure."""
    open_items_ = sorted((item for item in items if item.open_micros > 0), key=lambda item: (item.due_on, item.number))
    left = {item.invoice_key: item.open_micros for item in open_items_}
    allocations = []
    for credit in credits_:
        rest = credit.left_micros
        for item in open_items_:
            part = min(rest, left[item.invoice_key])
            if part > 0:
                allocations.append(Allocation(credit.payment_id, item.invoice_key, part, credit.invoice_key))
                left[item.invoice_key] -= part
                rest -= part
    return allocations


def allocate_credit(connection: sa.Connection, account_keys: Sequence[int], commit_seq: int) -> int:
    """Allocate all credit of these accounts to their open invoices, inside the caller's transaction. Returns how many parts."""
    made: list[Allocation] = []
    payments = _by_account(unallocated(connection, account_keys))
    with_credit = sorted(payments.keys() | _credited(connection, account_keys))
    items = _by_account(open_items(connection, with_credit)) if with_credit else {}
    for account_key in with_credit:
        own = items.get(account_key, [])
        made.extend(allocate([*_credit_invoices(own), *payments.get(account_key, [])], own))
    _store(connection, made, commit_seq)
    return len(made)


def open_items(connection: sa.Connection, account_keys: Sequence[int] | None = None) -> list[OpenItem]:
    """Invoices that are not settled, of some accounts or all, by account, due date and number."""
    invoice = tables.invoices.c
    rest = open_micros()
    columns = (invoice.account_key, invoice.invoice_key, invoice.number, invoice.due_on, rest)
    query = sa.select(*columns).where(rest != 0)
    items = [
        OpenItem(row[0], row[1], row[2], dt.date.fromisoformat(row[3]), int(row[4]))
        for chunk in _chunks(account_keys)
        for row in connection.execute(query if chunk is None else query.where(invoice.account_key.in_(chunk)))
    ]
    return sorted(items, key=lambda item: (item.account_key, item.due_on, item.number))


def open_micros() -> sa.ColumnElement[int]:
    """For a query of invoices: the total less payments and set-offs; of a credit invoice, what is left to set off (negative)."""
    invoice, allocation, set_off = tables.invoices.c, tables.allocations.c, tables.set_offs.c
    paid = _sum(allocation.amount_micros, allocation.invoice_key == invoice.invoice_key)
    settled = _sum(set_off.amount_micros, set_off.invoice_key == invoice.invoice_key)
    used = _sum(set_off.amount_micros, set_off.credit_invoice_key == invoice.invoice_key)
    return sa.cast(invoice.total_micros - paid - settled + used, tables.INT64)


def unallocated(connection: sa.Connection, account_keys: Sequence[int] | None = None) -> list[Credit]:
    """Payments that are not fully allocated, of some accounts or all, in the order in which they were recorded."""
    payment, allocation = tables.payments.c, tables.allocations.c
    rest = sa.cast(payment.amount_micros - _sum(allocation.amount_micros, allocation.payment_id == payment.payment_id), tables.INT64)
    query = sa.select(payment.account_key, payment.payment_id, rest).where(rest != 0).order_by(payment.commit_seq)
    return [
        Credit(row[0], row[1], int(row[2]))
        for chunk in _chunks(account_keys)
        for row in connection.execute(query if chunk is None else query.where(payment.account_key.in_(chunk)))
    ]


def stored(connection: sa.Connection) -> list[Allocation]:
    """Every allocation and set-off of the store."""
    allocation, set_off = tables.allocations.c, tables.set_offs.c
    made = [
        Allocation(*row) for row in connection.execute(sa.select(allocation.payment_id, allocation.invoice_key, allocation.amount_micros))
    ]
    columns = (set_off.invoice_key, set_off.amount_micros, set_off.credit_invoice_key)
    return made + [Allocation("", *row) for row in connection.execute(sa.select(*columns))]


def worked_out(connection: sa.Connection, waiting: AbstractSet[int]) -> list[Allocation]:
    """The allocations that follow from invoices and payments alone, in the order in which they came: what `stored` must be.

    `waiting`: invoices that are numbered but not posted yet; a payment may have settled them already, other credit not.
    """
    invoice, payment = tables.invoices.c, tables.payments.c
    items: dict[int, list[tuple[int, OpenItem]]] = {}
    columns = (invoice.commit_seq, invoice.account_key, invoice.invoice_key, invoice.number, invoice.due_on, invoice.total_micros)
    accounts = sa.select(payment.account_key).union(sa.select(invoice.account_key).where(invoice.total_micros < 0))
    for seq, *fields in connection.execute(sa.select(*columns).where(invoice.account_key.in_(accounts))):
        item = OpenItem(*fields)
        items.setdefault(item.account_key, []).append((seq, item))
    credits_: dict[int, list[tuple[int, Credit]]] = {}
    paid = sa.select(payment.commit_seq, payment.account_key, payment.payment_id, payment.amount_micros).order_by(payment.commit_seq)
    for seq, *fields in connection.execute(paid):
        credit = Credit(*fields)
        credits_.setdefault(credit.account_key, []).append((seq, credit))
    return [part for account_key in items for part in _replayed(items[account_key], credits_.get(account_key, []), waiting)]


def _replayed(items: list[tuple[int, OpenItem]], credits_: list[tuple[int, Credit]], waiting: AbstractSet[int]) -> list[Allocation]:
    """The allocations of one account: spread anew whenever an invoice or a payment came."""
    made: list[Allocation] = []
    left: dict[int | str, int] = {item.invoice_key: item.open_micros for _, item in items}
    left.update((credit.payment_id, credit.left_micros) for _, credit in credits_)
    for moment in sorted({seq for seq, item in items if item.invoice_key not in waiting} | {seq for seq, _ in credits_}):
        known = [item._replace(open_micros=left[item.invoice_key]) for seq, item in items if seq <= moment]
        known.sort(key=lambda item: (item.due_on, item.number))
        paid = [credit._replace(left_micros=left[credit.payment_id]) for seq, credit in credits_ if seq <= moment]
        for part in allocate([*_credit_invoices(known), *paid], known):
            left[part.invoice_key] -= part.amount_micros
            if part.credit_invoice_key:
                left[part.credit_invoice_key] += part.amount_micros
            else:
                left[part.payment_id] -= part.amount_micros
            made.append(part)
    return made


def _credit_invoices(items: Iterable[OpenItem]) -> list[Credit]:
    """The credit among open items that stand in their order."""
    return [Credit(item.account_key, "", -item.open_micros, item.invoice_key) for item in items if item.open_micros < 0]


def _credited(connection: sa.Connection, account_keys: Sequence[int]) -> set[int]:
    """Which of the accounts have a credit invoice."""
    invoice = tables.invoices.c
    query = sa.select(invoice.account_key).where(invoice.total_micros < 0)
    return {
        key for chunk in _chunks(account_keys) if chunk for key in connection.execute(query.where(invoice.account_key.in_(chunk))).scalars()
    }


def _sum(column: sa.Column[Any], condition: sa.ColumnElement[bool]) -> sa.ScalarSelect[Any]:
    return sa.select(sa.func.coalesce(sa.func.sum(column), 0)).where(condition).scalar_subquery()


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
    """Add allocations. Each pair meets once: credit with anything left has settled all older invoices."""
    paid = [
        {"payment_id": each.payment_id, "invoice_key": each.invoice_key, "amount_micros": each.amount_micros, "commit_seq": commit_seq}
        for each in made
        if not each.credit_invoice_key
    ]
    set_off = [
        {
            "credit_invoice_key": each.credit_invoice_key,
            "invoice_key": each.invoice_key,
            "amount_micros": each.amount_micros,
            "commit_seq": commit_seq,
        }
        for each in made
        if each.credit_invoice_key
    ]
    for table, rows in ((tables.allocations, paid), (tables.set_offs, set_off)):
        if rows:
            connection.execute(table.insert(), rows)
