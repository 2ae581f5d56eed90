"""Settlements of invoices by credit: one append-only table, which can be recomputed at any time.

`order` gives the order (a setting), `spread` does it for one account (pure), `items` reads open items. `settling` writes inside the
caller's transaction, `replay` proves what was written. Amounts are micro-units in the account's currency. Nothing is posted when a document
with a negative total settles another: both are in the same receivable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.on_use import names_on_use

if TYPE_CHECKING:
    from billing.allocations.items import open_items, open_micros
    from billing.allocations.replay import Left, Settled, replayed, stored, stored_left, worked_out
    from billing.allocations.settling import allocate_credit, unallocated, undo_invoice
    from billing.allocations.spread import Credit, OpenItem, Settlement, allocate

__all__ = [
    "Credit",
    "Left",
    "OpenItem",
    "Settled",
    "Settlement",
    "allocate",
    "allocate_credit",
    "open_items",
    "open_micros",
    "replayed",
    "stored",
    "stored_left",
    "unallocated",
    "undo_invoice",
    "worked_out",
]

__getattr__ = names_on_use(__name__, __file__)
