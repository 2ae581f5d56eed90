"""A document as it is shown, whole: its stored data, the further contents, and its later history. All faces use this one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from billing.documents.aftermath import Aftermath, aftermath
from billing.documents.showing.lines import Shown, shown
from billing.invoicing import Invoice, get_invoice

if TYPE_CHECKING:
    from billing.store.home import Home


class ShownDocument(msgspec.Struct, frozen=True):
    """`more` has a line for each of the stored ones but those of tax, in their order."""

    stored: Invoice
    more: Shown
    after: Aftermath


def document(home: Home, number: str, language: str | None = None) -> ShownDocument:
    """A document whole; names in `language` (None: that of its account). Raises NotFoundError when there is none."""
    return ShownDocument(get_invoice(home, number), shown(home, number, language), aftermath(home, number))
