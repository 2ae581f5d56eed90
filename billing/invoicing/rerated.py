"""Lines of re-ratings since a run on the usage of a subscription and period; lines alone, since their charges are not kept by event.

Only lines of valid documents are listed. A charge of a run is billed as that run priced it, and then by these lines. A line is of all
events of its charge key. One of another key may have the event as well: under the tariff of the re-rating it may have another price.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.allocations.items import chunks
from billing.invoicing.corrections import RERATE
from billing.store import tables
from billing.store.voids import voided

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class ChargeKey(NamedTuple):
    """The key that a charge is billed under.

    An exempt account may have another tax class on its bill, so the class distinguishes nothing.
    """

    subscription_key: int
    period_from: str
    price_id: int
    charge_code: int
    revenue_code: int


class Rerated(msgspec.Struct, frozen=True):
    """A line of a re-rating's document. `same_key`: it corrects the charge key of the request; else another of the period."""

    job_id: int
    run_id: int
    number: str
    line_no: int
    issued_on: str
    text: str
    amount_micros: int
    currency: str
    same_key: bool


def key_of_charge(row: Mapping[str, Any]) -> ChargeKey:
    """The key of a row of a charge file."""
    return ChargeKey(row["subscription_id"], str(row["period_from"]), row["price_id"], row["charge_code"], row["revenue_code"])


def key_of_line(row: Any) -> ChargeKey:  # noqa: ANN401 -- a row of invoice_lines
    """The key of a line."""
    return ChargeKey(row.subscription_key, row.period_from, row.price_id, row.charge_code, row.revenue_code)


def rerated_since(connection: sa.Connection, run_id: int, keys: Iterable[ChargeKey]) -> dict[ChargeKey, tuple[Rerated, ...]]:
    """By charge key, the lines of re-ratings after a run on the usage of its subscription and period, oldest first."""
    wanted = set(keys)
    rows = _rows(connection, run_id, {key.subscription_key for key in wanted} - {0})
    found = {}
    for key in wanted:
        own = [row for row in rows if (row.subscription_key, row.period_from) == key[:2]]
        found[key] = tuple(_told(row, key) for row in own)
    return found


def _rows(connection: sa.Connection, run_id: int, subscriptions: set[int]) -> list[Any]:
    """Usage lines of some subscriptions in valid documents that re-ratings after a run have made."""
    line, invoice, run = tables.invoice_lines.c, tables.invoices.c, tables.bill_runs.c
    columns = (invoice.number, invoice.issued_on, invoice.currency, invoice.run_id, run.detail)
    query = sa.select(tables.invoice_lines, *columns).join_from(tables.invoice_lines, tables.invoices)
    query = query.join(tables.bill_runs, run.run_id == invoice.run_id).where(run.kind == RERATE, run.run_id > run_id, line.kind == "usage")
    query = query.where(invoice.invoice_key.not_in(voided())).order_by(line.invoice_key, line.line_no)
    lots = chunks(sorted(subscriptions)) if subscriptions else ()
    return [row for lot in lots for row in connection.execute(query.where(line.subscription_key.in_(lot or ())))]


def _told(row: Any, key: ChargeKey) -> Rerated:  # noqa: ANN401 -- a row of the database
    job_id = msgspec.json.decode(row.detail)["job"]
    figures = (row.text, int(row.amount_micros), row.currency)
    return Rerated(job_id, row.run_id, row.number, row.line_no, row.issued_on, *figures, key_of_line(row) == key)
