"""Settling in the store: credit that arrives, is spread, goes back. Everything happens inside the caller's write transaction.

`credits_left` has a row while something of a credit is left. So a run of a million invoices finds the accounts with credit by one small
query and reads nothing about the others. Its rows follow from payments, documents, events and settlements: see `replay`.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import sqlalchemy as sa

from billing.allocations import corrected
from billing.allocations.items import CHUNK, chunks, claims_of, open_items
from billing.allocations.order import orders
from billing.allocations.spread import DEPOSIT, DOCUMENT, PAYMENT, WRITE_OFF, Credit, OpenItem, Settlement, allocate, take_back
from billing.store import tables
from billing.store.voids import voided
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet


_Row = TypeVar("_Row", Credit, OpenItem)
BULK_FROM: Final = 500  # rows from which loading in bulk is worth its start


class Arrival(NamedTuple):
    """Credit that comes to an account."""

    account_key: int
    kind: str
    credit_id: str
    amount_micros: int


def arrive(connection: sa.Connection, arrivals: Iterable[Arrival], commit_seq: int) -> None:
    """Add money to credits: new ones, or more for those that are known. It settles nothing until `allocate_credit`."""
    for account_key, kind, credit_id, amount_micros in arrivals:
        _set_left(connection, account_key, (kind, credit_id), _left(connection, kind, credit_id) + amount_micros, commit_seq)


def arrive_new(connection: sa.Connection, arrivals: Sequence[Arrival], commit_seq: int) -> None:
    """Add many credits that are new."""
    names = ("account_key", "credit_kind", "credit_id", "left_micros", "commit_seq")
    store_rows(connection, tables.credits_left, names, [(*each, commit_seq) for each in arrivals])


def allocate_credit(connection: sa.Connection, account_keys: Sequence[int], commit_seq: int, *, run_id: int | None = None) -> int:
    """Spread all credit of these accounts over their open items. Returns how many parts were settled.

    Documents with a negative total become credit here; with `run_id` only those of that run are looked for, which is quicker.
    """
    accounts = set(account_keys)
    documents_arrive(connection, accounts, commit_seq, run_id)
    credits_ = _by_account(waiting_credit(connection, account_keys))
    if not credits_:
        return 0
    order = orders(connection).current()
    items = _by_account(open_items(connection, sorted(credits_)))
    keys = [item.invoice_key for own in items.values() for item in own] if order.by_claim else []
    claims = claims_of(connection, keys, order)
    made = [part for account, own in sorted(credits_.items()) for part in allocate(own, items.get(account, []), order, claims)]
    write(connection, made, commit_seq)
    _spend(connection, [each for own in credits_.values() for each in own], made)
    return len(made)


def documents_arrive(connection: sa.Connection, accounts: AbstractSet[int], commit_seq: int, run_id: int | None = None) -> None:
    """Make credit of new documents with a negative total, of some accounts, or of theirs in one run."""
    invoice = tables.invoices.c
    query = sa.select(invoice.account_key, invoice.number, invoice.total_micros)
    query = query.where(invoice.total_micros < 0, invoice.invoice_key.not_in(voided()))
    found = []
    for chunk in [None] if run_id is not None else chunks(sorted(accounts)):
        part = query.where(invoice.run_id == run_id) if chunk is None else query.where(invoice.account_key.in_(chunk))
        found += [row for row in connection.execute(part.order_by(invoice.invoice_key)) if row.account_key in accounts]
    met = _met(connection, [row.number for row in found])
    new = [Arrival(row.account_key, DOCUMENT, row.number, -row.total_micros) for row in found if row.number not in met]
    arrive_new(connection, new, commit_seq)


def waiting_credit(connection: sa.Connection, account_keys: Sequence[int] | None = None) -> list[Credit]:
    """All credit that is left, in its turn: documents by due date and number, then money in the order in which it came."""
    credit, payment, invoice = tables.credits_left.c, tables.payments.c, tables.invoices.c
    query = (
        sa.select(tables.credits_left, payment.instruction, invoice.due_on, invoice.invoice_key, invoice.corrects_invoice_key)
        .outerjoin(tables.payments, (credit.credit_kind == PAYMENT) & (credit.credit_id == payment.payment_id))
        .outerjoin(tables.invoices, (credit.credit_kind == DOCUMENT) & (credit.credit_id == invoice.number))
    )
    if account_keys is not None and len(account_keys) <= CHUNK:
        query = query.where(credit.account_key.in_(account_keys))
    wanted = None if account_keys is None else set(account_keys)  # all rows are few, and quicker than many queries
    rows = [row for row in connection.execute(query) if wanted is None or row.account_key in wanted]
    rows.sort(key=lambda row: turn(row.credit_kind, row.credit_id, row.due_on or "", row.commit_seq))
    named = _named_invoices(connection, [row.instruction for row in rows if row.instruction])
    documents = [row.invoice_key for row in rows if row.credit_kind == DOCUMENT and not row.corrects_invoice_key]
    corrects = corrected.of_keys(connection, documents, CHUNK)
    found = []
    for row in rows:
        first = first_of(row.instruction, row.corrects_invoice_key, named)
        about = corrects.get(row.invoice_key, ())
        found.append(Credit(row.account_key, row.credit_kind, row.credit_id, int(row.left_micros), first, about))
    return found


def unallocated(connection: sa.Connection, account_keys: Sequence[int] | None = None) -> list[Credit]:
    """Payments and released deposits that are not used up, in their turn. Credit documents are among the open items."""
    return [credit for credit in waiting_credit(connection, account_keys) if credit.kind != DOCUMENT]


def turn(kind: str, credit_id: str, due_on: str, commit_seq: int) -> tuple[bool, str, int, str]:
    """The sort key of an account's credits."""
    return (kind != DOCUMENT, due_on if kind == DOCUMENT else "", 0 if kind == DOCUMENT else commit_seq, credit_id)


def first_of(instruction: str | None, corrects: int | None, key_of: Mapping[str, int]) -> tuple[int, ...]:
    """The invoices that a credit is meant for: those a payer named, or the one that a credit note is about."""
    if instruction:
        return tuple(key_of[number] for number in json.loads(instruction) if number in key_of)
    return (corrects,) if corrects else ()


def take_from(connection: sa.Connection, account_key: int, credit: tuple[str, str], amount_micros: int, commit_seq: int) -> dict[str, int]:
    """Remove `amount_micros` of a credit (kind, id): first the part that is left, then the part that settled the newest invoice.

    Returns what was undone, by number of the invoice. The caller has seen to it that the credit had so much.
    """
    settled = settled_by(connection, *credit)
    undone, left = take_back(settled, _left(connection, *credit), amount_micros)
    write(connection, [Settlement(*credit, invoice_key, -amount) for invoice_key, amount in undone.items()], commit_seq)
    _set_left(connection, account_key, credit, left, commit_seq)
    number_of = {item.invoice_key: item.number for item in settled}
    return {number_of[invoice_key]: amount for invoice_key, amount in undone.items()}


def settled_by(connection: sa.Connection, kind: str, credit_id: str) -> list[OpenItem]:
    """The settlements of a credit, an item an invoice, its amount in place of the open one."""
    settlement, invoice = tables.settlements.c, tables.invoices.c
    amount = sa.cast(sa.func.sum(settlement.amount_micros), tables.INT64)
    columns = (invoice.account_key, invoice.invoice_key, invoice.number, invoice.due_on)
    query = sa.select(*columns, amount).join_from(tables.settlements, tables.invoices)
    query = query.where(settlement.credit_kind == kind, settlement.credit_id == credit_id).group_by(*columns)
    rows = connection.execute(query.order_by(invoice.due_on, invoice.number)).all()
    return [
        OpenItem(account, key, number, dt.date.fromisoformat(due_on), int(micros))
        for account, key, number, due_on, micros in rows
        if micros
    ]


def undo_invoice(connection: sa.Connection, invoice_key: int, commit_seq: int) -> dict[tuple[str, str], int]:
    """Undo all settlements of an invoice that is voided, and those by it if it was a credit document. Returns the amounts by credit.

    The credit is free again; the caller then calls `allocate_credit` for the account. Raises UserError for an invoice that is written off
    (that has to be taken back before), and for a credit document that was paid out in part.
    """
    invoice, settlement = tables.invoices.c, tables.settlements.c
    row = connection.execute(sa.select(invoice.account_key, invoice.number).where(invoice.invoice_key == invoice_key)).one()
    amount = sa.cast(sa.func.sum(settlement.amount_micros), tables.INT64)
    names = (settlement.credit_kind, settlement.credit_id, settlement.invoice_key)
    either = (settlement.invoice_key == invoice_key) | ((settlement.credit_kind == DOCUMENT) & (settlement.credit_id == row.number))
    rows = connection.execute(sa.select(*names, amount).where(either).group_by(*names).order_by(*names)).all()
    found = [Settlement(kind, credit_id, key, -micros) for kind, credit_id, key, micros in rows if micros]
    _require_voidable(connection, row.number, found)
    write(connection, found, commit_seq)
    back = [Arrival(row.account_key, part.kind, part.credit_id, -part.amount_micros) for part in found if part.invoice_key == invoice_key]
    arrive(connection, back, commit_seq)
    credit = tables.credits_left.c
    connection.execute(tables.credits_left.delete().where(credit.credit_kind == DOCUMENT, credit.credit_id == row.number))
    return {part[:2]: -part.amount_micros for part in found}


def _require_voidable(connection: sa.Connection, number: str, settled: Iterable[Settlement]) -> None:
    if any(part.kind == WRITE_OFF for part in settled):
        raise UserError(f"invoice {number} is written off and cannot be void", "take the write-off back first")
    event = tables.payment_events.c
    if connection.execute(sa.select(event.event_id).where(event.credit_number == number).limit(1)).first() is not None:
        raise UserError(f"money of document {number} was paid out: it cannot be void", "bill what is wrong with it on the next invoice")


def write(connection: sa.Connection, parts: Sequence[Settlement], commit_seq: int) -> None:
    """Store settlements as they are. What settles an invoice and what is open of it then come to its total, and neither is below zero."""
    names = ("credit_kind", "credit_id", "invoice_key", "amount_micros", "commit_seq")
    store_rows(connection, tables.settlements, names, [(*part, commit_seq) for part in parts])
    _require_within_totals(connection, sorted({part.invoice_key for part in parts}))


def _require_within_totals(connection: sa.Connection, invoice_keys: Sequence[int]) -> None:
    """Assert that what settles each of these invoices lies between nothing and its total: settled + open = document."""
    invoice, settlement = tables.invoices.c, tables.settlements.c
    settled = sa.cast(sa.func.sum(settlement.amount_micros), tables.INT64)
    query = sa.select(invoice.number, invoice.total_micros, settled).join_from(tables.invoices, tables.settlements)
    query = query.group_by(invoice.number, invoice.total_micros)
    for chunk in chunks(invoice_keys):
        for number, total, micros in connection.execute(query.where(invoice.invoice_key.in_(chunk or ()))):
            assert 0 <= micros <= total, f"{micros} micro-units settle {number}, and its total is {total}"


def store_rows(connection: sa.Connection, table: sa.Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows given as tuples in the order of `names`."""
    if len(rows) > BULK_FROM:
        from billing.store import bulk  # noqa: PLC0415 -- with numpy and pyarrow; a payment settles a few

        bulk.insert(connection, table, dict(zip(names, zip(*rows, strict=True), strict=True)))
    elif rows:
        connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in rows])


def _met(connection: sa.Connection, numbers: Sequence[str]) -> set[str]:
    """Those of these documents that have become credit before: something is left of them, or they settled something, or were paid out."""
    credit, settlement, event = tables.credits_left.c, tables.settlements.c, tables.payment_events.c
    met: set[str] = set()
    for chunk in chunks(numbers):
        if chunk is None:
            continue
        left = sa.select(credit.credit_id).where(credit.credit_kind == DOCUMENT, credit.credit_id.in_(chunk))
        used = sa.select(settlement.credit_id).where(settlement.credit_kind == DOCUMENT, settlement.credit_id.in_(chunk))
        paid_out = sa.select(event.credit_number).where(event.credit_number.in_(chunk))
        for query in (left, used, paid_out):
            met.update(connection.execute(query).scalars())
    return met


def _named_invoices(connection: sa.Connection, instructions: Iterable[str]) -> dict[str, int]:
    numbers = sorted({number for text in instructions for number in json.loads(text)})
    invoice = tables.invoices.c
    found: dict[str, int] = {}
    for chunk in chunks(numbers):
        query = sa.select(invoice.number, invoice.invoice_key).where(invoice.number.in_(chunk or ()))
        found.update((number, key) for number, key in connection.execute(query))
    return found


def _spend(connection: sa.Connection, credits_: Iterable[Credit], made: Iterable[Settlement]) -> None:
    """Bring `credits_left` to what these settlements leave."""
    spent: dict[tuple[str, str], int] = {}
    for part in made:
        spent[part[:2]] = spent.get(part[:2], 0) + part.amount_micros
    table = tables.credits_left
    same = (table.c.credit_kind == sa.bindparam("of_kind")) & (table.c.credit_id == sa.bindparam("of_id"))
    left = {(each.kind, each.credit_id): each.left_micros for each in credits_}
    rows = [{"of_kind": kind, "of_id": credit_id, "left": left[kind, credit_id] - amount} for (kind, credit_id), amount in spent.items()]
    if gone := [row for row in rows if row["left"] == 0]:
        connection.execute(table.delete().where(same), [{"of_kind": row["of_kind"], "of_id": row["of_id"]} for row in gone])
    if kept := [row for row in rows if row["left"] != 0]:
        connection.execute(table.update().where(same).values(left_micros=sa.bindparam("left")), kept)


def _left(connection: sa.Connection, kind: str, credit_id: str) -> int:
    credit = tables.credits_left.c
    query = sa.select(credit.left_micros).where(credit.credit_kind == kind, credit.credit_id == credit_id)
    return int(connection.execute(query).scalar_one_or_none() or 0)


def _set_left(connection: sa.Connection, account_key: int, credit_key: tuple[str, str], left_micros: int, commit_seq: int) -> None:
    """Bring the row of a credit to the amount left; none at zero. A credit that comes back keeps its turn: the commit of its arrival."""
    assert left_micros >= 0, credit_key
    kind, credit_id = credit_key
    table = tables.credits_left
    same = (table.c.credit_kind == kind) & (table.c.credit_id == credit_id)
    if left_micros == 0:
        connection.execute(table.delete().where(same))
    elif not connection.execute(table.update().where(same).values(left_micros=left_micros)).rowcount:
        came = _came(connection, kind, credit_id, commit_seq)
        values = {"credit_kind": kind, "credit_id": credit_id, "account_key": account_key, "left_micros": left_micros, "commit_seq": came}
        connection.execute(table.insert().values(values))


def _came(connection: sa.Connection, kind: str, credit_id: str, commit_seq: int) -> int:
    """The commit with which a credit came: of the payment, of the deposit, or the one that first met the document."""
    if kind == DOCUMENT:
        return commit_seq
    table, key = (tables.payments, "payment_id") if kind == PAYMENT else (tables.deposits, "deposit_id")
    assert kind in {PAYMENT, DEPOSIT}, kind
    return int(connection.execute(sa.select(table.c.commit_seq).where(table.c[key] == credit_id)).scalar_one())


def _by_account(rows: Iterable[_Row]) -> dict[int, list[_Row]]:
    grouped: dict[int, list[_Row]] = {}
    for row in rows:
        grouped.setdefault(row.account_key, []).append(row)
    return grouped
