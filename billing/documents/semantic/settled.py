"""The credit that paid a part of a document as it was posted, and what was posted for it.

Both are read as of the commit that posted it, so that a document says the same whenever it is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from billing.documents.semantic.model import Settled
from billing.ledger.postings import posting_id, receivable
from billing.runs.posting import LEG
from billing.store import tables
from billing.store.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.documents.finding import Document


def settled_at_posting(connection: sa.Connection, document: Document) -> tuple[Settled, ...]:
    """Credit that was set off against a document in the transaction that posted it, in the order in which it was used."""
    rows = _SETTLED.rows(connection, invoice_key=document.invoice_key, run_id=document.run_id)
    return tuple(Settled(row.credit_kind, row.credit_id, int(row.amount_micros)) for row in rows)


def posted_micros(connection: sa.Connection, document: Document, rows: Sequence[Any]) -> int | None:
    """The sum that was posted to the customer's receivable for the lines of a document; None where nothing is posted yet."""
    ids = [posting_id(document.number, row.line_no, LEG) for row in rows if row.amount_micros]
    if not ids:
        return 0
    found = _POSTED.rows(connection, ids=ids)
    own = receivable(document.account_id)
    return sum(int(row.amount_micros) * (1 if row.debit_account == own else -1) for row in found) if found else None


def _settled() -> sa.Select[Any]:
    settlement, chunk = tables.settlements.c, tables.run_chunks.c
    posted = sa.select(chunk.commit_seq).where(chunk.run_id == sa.bindparam("run_id"))
    query = sa.select(settlement.credit_kind, settlement.credit_id, settlement.amount_micros)
    query = query.where(settlement.invoice_key == sa.bindparam("invoice_key"), settlement.commit_seq.in_(posted))
    return query.order_by(settlement.settlement_id)


def _posted() -> sa.Select[Any]:
    row = tables.postings.c
    query = sa.select(row.debit_account, row.amount_micros)
    return query.where(row.posting_id.in_(sa.bindparam("ids", expanding=True)))


_SETTLED: Final = Prepared(_settled)
_POSTED: Final = Prepared(_posted)
