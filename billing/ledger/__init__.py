"""Ledger postings, and months that are closed (`closed_months`)."""

from billing.ledger.postings import (
    CASH,
    FEW_IDS,
    ID_BYTES,
    RECEIVABLE,
    Posting,
    ids_of,
    no_postings,
    of_payment,
    post,
    post_columns,
    post_each,
    posting,
    posting_id,
    receivable,
    with_ids,
)

__all__ = [
    "CASH",
    "FEW_IDS",
    "ID_BYTES",
    "RECEIVABLE",
    "Posting",
    "ids_of",
    "no_postings",
    "of_payment",
    "post",
    "post_columns",
    "post_each",
    "posting",
    "posting_id",
    "receivable",
    "with_ids",
]
