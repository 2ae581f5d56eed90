"""All invoices and credit notes of a home as their readers see them: amounts that are not found, or that no document has."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from billing import invoicing
from billing.documents.rendering.rendering import FORMS
from billing.documents.rendering.words import LANGUAGES
from billing.documents.semantic.invoices import charged
from billing.invoicing.forms import OPENING
from tests.billing.documents.rendering.reading import amounts_in, amounts_of, text_of

if TYPE_CHECKING:
    from billing.store.home import Home


def misread(home: Home) -> list[str]:
    """Documents whose amounts differ, each in one form and language, in turn."""
    numbers = [each.number for each in invoicing.list_invoices(home) if each.document_type != OPENING]
    assert numbers
    found = []
    for number, (form, language) in zip(numbers, itertools.cycle(itertools.product(FORMS, LANGUAGES)), strict=False):
        document = charged(home, number)
        read, told = amounts_in(text_of(document, form, language), language), amounts_of(document)
        if read != told:
            found.append(f"{number} {form} {language}: read {dict(read - told)}, not read {dict(told - read)}")
    return found
