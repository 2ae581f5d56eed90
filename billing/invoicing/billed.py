"""Amounts that invoices have billed, as reconciliation reads them: by charge key, with the newest invoice of each key.

Void invoices, opening balances and lines of credit notes that are meant `outside` of reconciliation do not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.charges.charge_keys import KEY_FIELDS
from billing.charges.lines import LINE, SUM_FIELDS, Lines, empty, sum_by_key
from billing.invoicing.forms import KIND_NAMES, OPENING
from billing.store import bulk, tables
from billing.store.voids import voided

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

OUTSIDE: Final = "outside"
ADVANCE: Final = "advance"
ACCOUNTS_BY_NAME_MAX: Final = 20_000  # more accounts are read whole, and chosen afterwards
_ACCOUNTS_PER_QUERY: Final = 500
_LABELS: Final = ("quantity_unit",)


def billed_lines(
    connection: sa.Connection,
    period_from: dt.date,
    account_keys: Sequence[int] | None = None,
    *,
    as_of: int | None = None,
    dated_until: dt.date | None = None,
) -> Lines:
    """All charge keys billed for periods that begin on or after `period_from`, of some payers or all, one row each.

    Sums are added up over all invoices that were committed up to `as_of` and are dated up to `dated_until`, voids likewise (none: all);
    `corrects` is the newest one's key. Labels but quantity_unit stay 0.
    """
    line, invoice = tables.invoice_lines.c, tables.invoices.c
    query = sa.select(*(line[name] for name in (*KEY_FIELDS, *SUM_FIELDS, *_LABELS, "invoice_key")))
    query = query.where(line.period_from >= period_from.isoformat(), line.effect.is_(None) | (line.effect != OUTSIDE))
    counting = sa.select(invoice.invoice_key).where(*_counting(as_of, dated_until))
    if account_keys is None or len(account_keys) > ACCOUNTS_BY_NAME_MAX:
        both = tables.invoices.join(tables.invoice_lines, line.invoice_key == invoice.invoice_key)
        whole = query.select_from(both).where(*_counting(as_of, dated_until))
        between = sa.select(sa.func.min(invoice.invoice_key), sa.func.max(invoice.invoice_key))
        between = between.where(invoice.run_id.in_(_runs_since(period_from)))
        return _as_lines([bulk.read_by(connection, whole, invoice.invoice_key, between)])
    parts = []
    for start in range(0, len(account_keys), _ACCOUNTS_PER_QUERY):
        keys = [int(key) for key in account_keys[start : start + _ACCOUNTS_PER_QUERY]]
        parts.append(bulk.read(connection, query.where(line.invoice_key.in_(counting.where(invoice.account_key.in_(keys))))))
    return _as_lines(parts)


def _runs_since(period_from: dt.date) -> sa.Select[Any]:
    """Runs that may have billed such a period: nothing is billed before its period begins."""
    run = tables.bill_runs.c
    return sa.select(run.run_id).where(run.bill_date >= period_from.isoformat())


def _counting(as_of: int | None, dated_until: dt.date | None) -> list[sa.ColumnElement[bool]]:
    """The condition for documents that count as billed."""
    invoice = tables.invoices.c
    conditions: list[sa.ColumnElement[bool]] = [invoice.document_type.is_(None) | (invoice.document_type != OPENING)]
    if as_of is not None:
        conditions.append(invoice.commit_seq <= as_of)
    if dated_until is not None:
        conditions.append(invoice.issued_on <= dated_until.isoformat())
    return [*conditions, invoice.invoice_key.not_in(voided(as_of=as_of, until=dated_until))]


def _as_lines(parts: Sequence[pa.Table]) -> Lines:
    rows = pa.concat_tables(parts) if parts else None
    if rows is None or not rows.num_rows:
        return empty()
    found = np.zeros(rows.num_rows, LINE)
    for name in (*KEY_FIELDS, *SUM_FIELDS, *_LABELS):
        found[name] = _numbers(name, rows[name])
    found["corrects"] = rows["invoice_key"].to_numpy()
    newest_first = found[np.argsort(-found["corrects"], kind="stable")]
    return sum_by_key(newest_first)  # labels are those of the first row of each key


def _numbers(name: str, values: pa.ChunkedArray[Any]) -> Any:  # noqa: ANN401 -- a column as numpy takes it
    """Text columns as their numbers in LINE."""
    if name == "kind":
        codes = list(KIND_NAMES)
        place = pc.index_in(values, value_set=pa.array([KIND_NAMES[code] for code in codes]))
        return np.array([int(code) for code in codes], np.int64)[place.to_numpy()]
    if name in {"period_from", "period_to"}:
        return values.cast(pa.date32()).cast(pa.int32()).to_numpy()
    return values.to_numpy()
