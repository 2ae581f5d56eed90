"""Money that customers pay: recorded, imported from bank files, taken at the desk, given back, held as deposits, promised, in instalments.

Which invoices it settles is worked out in `billing.allocations`. Everything counts once by its id, can be tried (`dry_run`), and is one
transaction with its postings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.on_use import names_on_use

if TYPE_CHECKING:
    from billing.payments.recording import Payment, PaymentRow, Recorded, list_payments, record
    from billing.payments.writing import Act

__all__ = ["Act", "Payment", "PaymentRow", "Recorded", "list_payments", "record"]

__getattr__ = names_on_use(__name__, __file__)
