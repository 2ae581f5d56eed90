"""Books of dunning: each step against the open items of its day, and the bars against the steps.

Both sides are worked out as of the commit of the step. Which level a step had is not judged again: policies are files that may have been
edited since; what was past due, and since when, does not depend on them.
"""

from __future__ import annotations

import collections
import datetime as dt
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from billing.allocations import OpenItem
from billing.controls.book import set_book
from billing.dunning import past_due
from billing.dunning_policy import Action
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing.controls.book import Book


def step_books(connection: sa.Connection) -> Iterator[Book]:
    """What was past due at each step, and the facts that followed from it."""
    steps = connection.execute(sa.select(tables.dunning_steps).order_by(tables.dunning_steps.c.step_id)).all()
    claims = _Claims(connection) if steps else None
    taken = [(step.step_id, step.as_of, step.action == "clear", step.oldest_due_on, step.overdue_micros) for step in steps]
    follows = [(step.step_id, step.as_of, step.level == 0, *claims.past_due(step)) for step in steps] if claims else []
    yield set_book("dunning: steps = open items of their day", taken, follows)
    fact = tables.account_facts.c
    kept = connection.execute(sa.select(fact.account_key, fact.kind, fact.from_date, fact.commit_seq))
    yield set_book("dunning: bars = steps", [tuple(row) for row in kept], _bars(steps))


class _Claims:
    """Invoices, payments and what was allocated, each with its commit, by account."""

    def __init__(self, connection: sa.Connection) -> None:
        invoice, payment = tables.invoices.c, tables.payments.c
        allocation, set_off = tables.allocations.c, tables.set_offs.c
        columns = (invoice.commit_seq, invoice.account_key, invoice.invoice_key, invoice.number, invoice.due_on, invoice.total_micros)
        self._invoices = _grouped(connection, sa.select(*columns))
        self._payments = _grouped(connection, sa.select(payment.commit_seq, payment.account_key, payment.amount_micros))
        paid = sa.select(allocation.commit_seq, allocation.invoice_key, allocation.amount_micros)
        set_against = sa.select(set_off.commit_seq, set_off.invoice_key, set_off.amount_micros)
        set_from = sa.select(set_off.commit_seq, set_off.credit_invoice_key, -set_off.amount_micros)
        self._paid = _grouped(connection, paid)
        self._settled = _grouped(connection, paid.union_all(set_against, set_from))

    def past_due(self, step: Any) -> tuple[str | None, int]:  # noqa: ANN401 -- a row of dunning_steps
        """Oldest due date and sum of what was past due when the step was taken."""
        known = [row[1:] for row in self._invoices[step.account_key] if row[0] < step.commit_seq]
        items = [
            OpenItem(account, key, number, dt.date.fromisoformat(due_on), total - self._sum(self._settled[key], step.commit_seq))
            for account, key, number, due_on, total in known
        ]
        allocated = sum(self._sum(self._paid[item.invoice_key], step.commit_seq) for item in items)
        credit = self._sum(self._payments[step.account_key], step.commit_seq) - allocated
        late = past_due(items, credit, dt.date.fromisoformat(step.as_of))
        return (late[0].due_on.isoformat() if late else None), sum(item.open_micros for item in late)

    @staticmethod
    def _sum(rows: Sequence[Any], before: int) -> int:
        return sum(row[-1] for row in rows if row[0] < before)


def _grouped(connection: sa.Connection, query: sa.Select[Any] | sa.CompoundSelect[Any]) -> dict[int, list[Any]]:
    """Rows (commit, key, ...) by key."""
    grouped: dict[int, list[Any]] = collections.defaultdict(list)
    for row in connection.execute(query):
        grouped[row[1]].append(row)
    return grouped


def _bars(steps: Sequence[Any]) -> list[tuple[int, str, str, int]]:
    """The facts that follow from the steps, in their order."""
    barred: set[int] = set()
    bars = []
    for step in steps:
        wants_bar = step.action == Action.BAR_OUTGOING
        if wants_bar != (step.account_key in barred):
            barred ^= {step.account_key}
            bars.append((step.account_key, "bar_outgoing" if wants_bar else "unbar", step.as_of, step.commit_seq))
    return bars
