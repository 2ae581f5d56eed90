"""Ledger: `postings`, one by one, `columns`, those of a run, and months that are closed (`closed_months`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.on_use import names_on_use

if TYPE_CHECKING:
    from billing.ledger.columns import FEW_IDS, ids_of, no_postings, post_columns, post_each, with_ids
    from billing.ledger.postings import CASH, ID_BYTES, RECEIVABLE, Posting, of_payment, post, posting, posting_id, receivable

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

__getattr__ = names_on_use(__name__, __file__)
