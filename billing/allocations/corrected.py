"""The invoices that a document below zero corrects, with the amounts: its credit settles these first.

Each line names the newest invoice that billed its charge before. The sum of the lines of one such invoice, where it is below zero, is
settled there, oldest invoice first. A credit note names its invoice itself and is not read here.

Before schema 0006 only credit notes settled the invoice that they are about; other documents settled the oldest invoice. Settlements of
then stay so: `first_seq` is the commit from which this rule holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

RULE: Final = "corrected_first"

Corrected = dict[int, tuple[tuple[int, int], ...]]


def of_documents(connection: sa.Connection, which: sa.ColumnElement[bool]) -> Corrected:
    """By document below zero (its key): the invoices that it corrects with the amounts, above zero. `which` is a condition on invoices."""
    line, document, about = tables.invoice_lines.c, tables.invoices.c, tables.invoices.alias("about")
    amount = sa.cast(-sa.func.sum(line.amount_micros), tables.INT64).label("micros")
    query = sa.select(line.invoice_key, line.corrects_invoice_key, amount)
    query = query.join_from(tables.invoice_lines, tables.invoices, document.invoice_key == line.invoice_key)
    query = query.join(about, about.c.invoice_key == line.corrects_invoice_key)
    query = query.where(document.total_micros < 0, document.corrects_invoice_key.is_(None), which)
    query = query.group_by(line.invoice_key, line.corrects_invoice_key, about.c.due_on, about.c.number).having(amount > 0)
    found: dict[int, list[tuple[int, int]]] = {}
    for key, corrects, micros in connection.execute(query.order_by(line.invoice_key, about.c.due_on, about.c.number)):
        found.setdefault(key, []).append((corrects, int(micros)))
    return {key: tuple(parts) for key, parts in found.items()}


def of_keys(connection: sa.Connection, keys: Sequence[int], at_once: int) -> Corrected:
    """The same for documents with these keys, `at_once` of them a query."""
    found: Corrected = {}
    for place in range(0, len(keys), at_once):
        found |= of_documents(connection, tables.invoices.c.invoice_key.in_(keys[place : place + at_once]))
    return found


def first_seq(connection: sa.Connection) -> int:
    """The commit from which documents settle what they correct; 0 in a home that never had another rule."""
    rule = tables.settlement_rules.c
    return connection.execute(sa.select(rule.from_seq).where(rule.rule == RULE)).scalar() or 0
