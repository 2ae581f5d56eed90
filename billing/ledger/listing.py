"""Postings in the order of their ids, to copy all of them: the one order that an index serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from billing.store import tables

if TYPE_CHECKING:
    from billing.store.home import Home


class StoredPosting(NamedTuple):
    """A posting as it is stored. `posting_id` is in hexadecimal; `entity` is empty for the one without a name."""

    posting_id: str
    document: str
    line_no: int
    leg: str
    debit_account: str
    credit_account: str
    currency: str
    amount_micros: int
    posted_on: str
    entity: str
    commit_seq: int


def list_postings(home: Home, *, after: str = "", limit: int) -> list[StoredPosting]:
    """At most `limit` postings, beginning behind the id `after`."""
    with home.connect() as connection:
        rows = connection.execute(select(after, limit)).all()
    return [StoredPosting._make((bytes(row.posting_id).hex(), *row[1:-2], row.entity or "", row.commit_seq)) for row in rows]


def select(after: str, limit: int) -> sa.Select[tuple[object, ...]]:
    """The query of a page."""
    row = tables.postings.c
    names = ("posting_id", "document", "line_no", "leg", "debit_account", "credit_account", "currency", "amount_micros", "posted_on")
    query = sa.select(*(row[name] for name in names), row.entity, row.commit_seq).order_by(row.posting_id).limit(limit)
    return query.where(row.posting_id > bytes.fromhex(after)) if after else query
