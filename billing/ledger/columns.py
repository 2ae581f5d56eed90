"""Postings as columns: those of a run, in millions."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from billing.ledger import closed_months
from billing.ledger.postings import FIELDS, ID_BYTES, Posting, post
from billing.store import bulk, tables

if TYPE_CHECKING:
    import sqlalchemy as sa

FEW_IDS: Final = 5_000  # ids that hashlib makes sooner than a kernel is loaded
_INTEGERS: Final = frozenset({"line_no", "amount_micros"})


def no_postings() -> pa.Table:
    """Columns of postings, without a row."""
    return pa.schema([(name, pa.int64() if name in _INTEGERS else pa.string()) for name in FIELDS]).empty_table()


def ids_of(postings: pa.Table) -> pa.Array[Any]:
    """`posting_id` of each row."""
    parts: Any = (postings["document"], postings["line_no"].cast(pa.string()), postings["leg"], "\0")
    texts: Any = pc.binary_join_element_wise(*parts)
    if len(texts) <= FEW_IDS:
        return pa.array([hashlib.blake2b(each.encode(), digest_size=ID_BYTES).digest() for each in texts.to_pylist()], pa.binary(ID_BYTES))
    from billing import blake2b  # noqa: PLC0415 -- a kernel, for the postings of a run

    return blake2b.hashes(texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts)


def post_each(connection: sa.Connection, postings: pa.Table, commit_seq: int) -> int:
    """Store postings given as columns, each compared with the stored one, as `post` does."""
    return post(connection, [Posting(*row.values()) for row in postings.select(list(FIELDS)).to_pylist()], commit_seq)


def with_ids(postings: pa.Table) -> pa.Table:
    """Postings given as columns (the fields of `Posting`) with `posting_id`, in the order of it: so an index is written once through."""
    ids = ids_of(postings)
    order: Any = pc.sort_indices(ids)
    return postings.take(order).append_column("posting_id", ids.take(order))


def post_columns(connection: sa.Connection, postings: pa.Table, commit_seq: int) -> int:
    """Store many postings that are all new, as `with_ids` gives them, inside the caller's write transaction.

    Returns their number. Raises IntegrityError where one is there already: `post_each` compares them.
    """
    if not postings.num_rows:
        return 0
    dated = postings.select(["entity", "posted_on"]).group_by(["entity", "posted_on"]).aggregate([]).to_pylist()
    closed_months.require_open(connection, {(each["entity"], each["posted_on"][:7]) for each in dated})
    assert bool((postings["amount_micros"].to_numpy() > 0).all()), "a posting has no amount"
    columns: dict[str, Any] = {name: postings[name] for name in ("posting_id", *FIELDS)}
    return bulk.insert(connection, tables.postings, {**columns, "commit_seq": np.full(postings.num_rows, commit_seq)})
