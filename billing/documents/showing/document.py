"""A document as it is shown, whole: its stored data, the further contents, and its later history. All faces use this one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from billing.documents.aftermath import Aftermath, aftermath
from billing.documents.finding import find
from billing.documents.showing.lines import Shown, shown
from billing.invoicing import Invoice, corrections, invoice_of
from billing.invoicing.reading import in_page_order

if TYPE_CHECKING:
    from billing.store.home import Home


class ShownDocument(msgspec.Struct, frozen=True):
    """`stored` has its lines in the order of a page; `more` has one for each of them but those of tax."""

    stored: Invoice
    more: Shown
    after: Aftermath


def document(home: Home, number: str, language: str | None = None) -> ShownDocument:
    """A document whole; names in `language` (None: that of its account). Raises NotFoundError when there is none."""
    with home.connect() as connection:
        found = find(connection, number)
        of_account = corrections.documents_of(connection, found.account_key)
        stored = invoice_of(connection, number, of_account)
        stored = msgspec.structs.replace(stored, lines=in_page_order(stored.lines))
        rows = next(each.lines for each in of_account if each.invoice_key == found.invoice_key)
        return ShownDocument(stored, shown(home, connection, found, rows, language), aftermath(connection, found, of_account))
