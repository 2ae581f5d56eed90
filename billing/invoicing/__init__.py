"""Invoices and other documents: drafts as columns, numbered without a gap, never changed afterwards, and read with their lines.

- forms: types of documents, and an invoice without its number as values
- drafts: invoices without their numbers, as columns
- numbers: numbers as they are printed
- numbering: numbers by series, and the rows of documents and lines
- billed: amounts that documents have billed by charge key, for reconciliation
- digest: a hash over all fields of a run's documents
- corrections: lines and documents that correct earlier ones, and those that replace void ones
- reading: issued invoices, one and many
- listing: lists by conditions and in an order that an index serves
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.on_use import names_on_use

if TYPE_CHECKING:
    from billing.invoicing.billed import billed_lines
    from billing.invoicing.digest import digest_of_run
    from billing.invoicing.drafts import Drafts
    from billing.invoicing.forms import KIND_NAMES, InvoiceDraft, LineDraft
    from billing.invoicing.numbering import SERIES, number_drafts
    from billing.invoicing.numbers import NUMBER_DIGITS, full_number
    from billing.invoicing.reading import (
        PAGE_SIZE,
        DocumentFilter,
        Invoice,
        InvoiceLine,
        InvoiceSummary,
        get_invoice,
        invoice_of,
        latest,
        list_invoices,
    )

__all__ = [
    "KIND_NAMES",
    "NUMBER_DIGITS",
    "PAGE_SIZE",
    "SERIES",
    "DocumentFilter",
    "Drafts",
    "Invoice",
    "InvoiceDraft",
    "InvoiceLine",
    "InvoiceSummary",
    "LineDraft",
    "billed_lines",
    "digest_of_run",
    "full_number",
    "get_invoice",
    "invoice_of",
    "latest",
    "list_invoices",
    "number_drafts",
]

__getattr__ = names_on_use(__name__, __file__)
