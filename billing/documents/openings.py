"""What imported accounts owed, or had to their credit, before: each opening item becomes a document of type `opening`.

It is no invoice of ours: it has a number of its own series, its line names the number of the old system, nothing of it counts as billed,
and it is posted against `opening_balance`. Payments settle it by its old due date like any other open item. Made once, whenever asked.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import sqlalchemy as sa

from billing import clocks
from billing.charges.lines import LINE, Int64s, Kind
from billing.clocks import Dated
from billing.documents.issuing import issue
from billing.documents.trying import transaction
from billing.invoicing.drafts import OPENING, Drafts
from billing.runs.fact_columns import day_number
from billing.store import tables
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.closed_months import Who
    from billing.store.home import Home

_TEXTS: Final = {"en": "Balance brought forward: {}", "zh": "期初余额: {}"}


class Opened(msgspec.Struct, frozen=True):
    """How many documents were made, and what they come to by currency (micro-units)."""

    documents: int
    total_micros: dict[str, int]
    run_id: int = 0  # 0: nothing was to be made
    refused: str = ""  # of a dry run: why making them would be refused


def open_items(home: Home, who: Who, on: dt.date, *, dry_run: bool = False) -> Opened:
    """Make documents, dated `on`, of all opening items that have none.

    Raises UserError where the books of that month are closed, and for a date that has not begun for an account that has such an item. A dry
    run of such a date says in `refused` that it would be.
    """
    with transaction(home, dry_run=dry_run) as connection:
        rows = _waiting(connection)
        refused = _not_begun(connection, rows, on, who.now_us)
        if refused is not None and not dry_run:
            raise refused
        run_id = issue(home, connection, _drafts(rows, on), OPENING, {"items": len(rows)}, who).run_id if rows else 0
    sums: dict[str, int] = {}
    for row in rows:
        sums[row.currency] = sums.get(row.currency, 0) + row.amount_micros
    return Opened(len(rows), sums, run_id, "" if refused is None else f"{refused.message}; remedy: {refused.remedy}")


def _waiting(connection: sa.Connection) -> list[Any]:
    """Items without a document, by account and reference: those that were imported after the last opening run."""
    item, account, run = tables.opening_items, tables.accounts.c, tables.bill_runs.c
    last = sa.select(sa.func.coalesce(sa.func.max(run.commit_seq), 0)).where(run.kind == OPENING).scalar_subquery()
    columns = (account.currency, account.legal_entity, account.language)
    query = sa.select(item, *columns).join_from(item, tables.accounts).where(item.c.commit_seq > last)
    return list(connection.execute(query.order_by(account.account_id, item.c.issued_on, item.c.reference)))


def _not_begun(connection: sa.Connection, rows: Sequence[Any], on: dt.date, now_us: int) -> UserError | None:
    try:
        clocks.require_begun(connection, Dated("an opening", on, now_us), lambda: {row.account_key for row in rows})
    except UserError as error:
        return error
    return None


def _drafts(rows: Sequence[Any], on: dt.date) -> Drafts:
    """One document of one line for each item, in their order."""
    issued_on = np.array([day_number(dt.date.fromisoformat(row.issued_on)) for row in rows], np.int64)
    due_on = np.array([day_number(dt.date.fromisoformat(row.due_on)) for row in rows], np.int64)
    lines = np.zeros(len(rows), LINE)
    lines["account_key"] = [row.account_key for row in rows]
    lines["kind"] = Kind.ADJUSTMENT
    lines["period_from"], lines["period_to"] = issued_on, issued_on + 1
    lines["amount_micros"] = lines["exact_micros"] = [row.amount_micros for row in rows]
    currencies, currency = _places([row.currency for row in rows])
    entities, entity = _places([row.legal_entity or "" for row in rows])
    texts = [_TEXTS.get(row.language.partition("-")[0], _TEXTS["en"]).format(row.reference) for row in rows]
    keys = lines["account_key"].copy()
    heads = (keys, currency, entity, issued_on, issued_on + 1, due_on, np.arange(len(rows) + 1, dtype=np.int64))
    text = np.arange(len(rows), dtype=np.int32)
    return Drafts(*heads, lines, text, texts, tuple(currencies), tuple(entities), on, OPENING)


def _places(words: Sequence[str]) -> tuple[list[str], Int64s]:
    names = sorted(set(words))
    place = {name: number for number, name in enumerate(names)}
    return names, np.array([place[word] for word in words], np.int64)
