"""Open items as the store has them: the amount left of every invoice, with the due dates of its instalment plan where there is one.

A voided invoice has no open amount. The open amount of a document with a negative total is negative: the part that is neither set off nor
paid out. All of it is available as of a commit (`before_seq`: what was stored before it).
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, TypeVar

import sqlalchemy as sa

from billing.allocations.spread import DOCUMENT, Claims, OpenItem, in_parts
from billing.store import tables
from billing.store.voids import is_void, voided

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from billing.allocations.order import Order

CHUNK: Final = 500  # keys a query

Parts = dict[int, list[tuple[int, dt.date, int]]]  # by invoice: number, due date, amount
_Key = TypeVar("_Key", int, str, bytes)


def open_items(connection: sa.Connection, account_keys: Sequence[int] | None = None, *, before_seq: int | None = None) -> list[OpenItem]:
    """Items not settled, of some accounts or all, by account, due date and number. An invoice in a plan is one item a part."""
    invoice = tables.invoices.c
    rest = open_micros(before_seq)
    query = sa.select(invoice.account_key, invoice.invoice_key, invoice.number, invoice.due_on, rest).where(rest != 0)
    if before_seq is not None:
        query = query.where(invoice.commit_seq < before_seq)
    rows = [row for chunk in chunks(account_keys) for row in connection.execute(_of(query, invoice.account_key, chunk))]
    few = [row.invoice_key for row in rows] if len(rows) <= CHUNK else None
    parts = plan_parts(connection, few, before_seq=before_seq)
    items = [
        part
        for account_key, invoice_key, number, due_on, amount in rows
        for part in in_parts(
            OpenItem(account_key, invoice_key, number, dt.date.fromisoformat(due_on), int(amount)), parts.get(invoice_key, ())
        )
    ]
    return sorted(items, key=lambda item: (item.account_key, item.due_on, item.number, item.part_no))


def open_micros(before_seq: int | None = None, *, of_few: bool = False) -> sa.ColumnElement[int]:
    """For a query of invoices: total less what settles it; of a credit document, what is left of it (negative); of a voided one 0.

    `of_few`: each of a few documents is looked up among the voided ones, instead of reading all of these once.
    """
    invoice, settlement, event = tables.invoices.c, tables.settlements.c, tables.payment_events.c
    assert before_seq is None or not of_few, before_seq
    all_void = invoice.invoice_key.in_(voided(as_of=None if before_seq is None else before_seq - 1))
    paid = _sum(settlement, settlement.invoice_key == invoice.invoice_key, before_seq)
    used = _sum(settlement, (settlement.credit_kind == DOCUMENT) & (settlement.credit_id == invoice.number), before_seq)
    paid_out = _sum(event, event.credit_number == invoice.number, before_seq)
    rest = sa.case(
        (is_void(invoice.invoice_key) if of_few else all_void, 0),
        (invoice.total_micros >= 0, invoice.total_micros - paid),
        else_=invoice.total_micros + used + paid_out,
    )
    return sa.cast(rest, tables.INT64)


def plan_parts(
    connection: sa.Connection,
    invoice_keys: Sequence[int] | None = None,
    *,
    before_seq: int | None = None,
    agreed_by: dt.date | None = None,
) -> Parts:
    """The dated parts (number, due date, amount) of invoices in an instalment plan; of two plans the later one holds.

    `before_seq`: of plans that were stored before that commit; `agreed_by`: that were agreed on that day or before.
    """
    plans: dict[int, str] = {}
    parts: Parts = {}
    plan, part = tables.instalment_plans.c, tables.instalments.c
    query = sa.select(part.invoice_key, plan.plan_id, part.part_no, part.due_on, part.amount_micros)
    query = query.join_from(tables.instalments, tables.instalment_plans)
    if before_seq is not None:
        query = query.where(plan.commit_seq < before_seq)
    if agreed_by is not None:
        query = query.where(plan.agreed_on <= agreed_by.isoformat())
    if invoice_keys is not None:
        query = query.where(part.invoice_key.in_(invoice_keys))
    for invoice_key, plan_id, part_no, due_on, amount in connection.execute(
        query.order_by(plan.commit_seq, part.invoice_key, part.part_no)
    ):
        if plans.get(invoice_key) != plan_id:
            plans[invoice_key], parts[invoice_key] = plan_id, []
        parts[invoice_key].append((int(part_no), dt.date.fromisoformat(due_on), int(amount)))
    return parts


def claims_of(connection: sa.Connection, invoice_keys: Iterable[int], order: Order) -> dict[int, Claims]:
    """The costs and interest in invoices (their lines without tax); empty where the order does not need them."""
    codes = sorted(order.costs | order.interest)
    if not order.by_claim or not codes:
        return {}
    line, invoice = tables.invoice_lines.c, tables.invoices.c
    amount = sa.cast(sa.func.sum(line.amount_micros), tables.INT64)
    query = sa.select(line.invoice_key, line.charge_code, invoice.total_micros, amount).join_from(tables.invoice_lines, tables.invoices)
    query = query.where(line.charge_code.in_(codes), line.kind != "tax").group_by(line.invoice_key, line.charge_code, invoice.total_micros)
    found: dict[int, Claims] = {}
    for chunk in chunks(sorted(set(invoice_keys))):
        for invoice_key, code, total, micros in connection.execute(_of(query, line.invoice_key, chunk)):
            before = found.get(invoice_key, Claims(0, 0, total))
            part = max(int(micros), 0)
            found[invoice_key] = before._replace(
                costs_micros=before.costs_micros + (part if code in order.costs else 0),
                interest_micros=before.interest_micros + (part if code in order.interest else 0),
            )
    return found


def chunks(keys: Sequence[_Key] | None) -> Iterator[Sequence[_Key] | None]:
    """Keys in lots that a query can name; None (everything) stays None."""
    if keys is None:
        yield None
        return
    for start in range(0, len(keys), CHUNK):
        yield keys[start : start + CHUNK]


def _of(query: sa.Select[Any], column: sa.Column[Any], chunk: Sequence[Any] | None) -> sa.Select[Any]:
    return query if chunk is None else query.where(column.in_(chunk))


def _sum(columns: Any, condition: sa.ColumnElement[bool], before_seq: int | None) -> sa.ScalarSelect[Any]:  # noqa: ANN401 -- columns of a table
    query = sa.select(sa.func.coalesce(sa.func.sum(columns.amount_micros), 0)).where(condition)
    return (query if before_seq is None else query.where(columns.commit_seq < before_seq)).scalar_subquery()
