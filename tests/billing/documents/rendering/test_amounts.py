"""Amounts of rendered documents, read back from what a reader sees: each is one of the document, and each of the document is there."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing.documents.rendering.page import Beside
from billing.documents.rendering.rendering import FORMS
from billing.documents.rendering.words import LANGUAGES
from billing.documents.semantic.model import Usage
from tests.billing.documents.rendering import samples
from tests.billing.documents.rendering.reading import amounts_in, amounts_of, text_of
from tests.billing.documents.rendering.samples import CENT

if TYPE_CHECKING:
    from billing.documents.rendering.rendering import Form
    from billing.documents.rendering.words import Language
    from billing.documents.semantic.model import CreditNote, Invoice

DOCUMENTS = {
    "whole": samples.invoice(),
    "nothing": samples.small(0),
    "below zero": samples.small(-1234567),
    "a million": samples.small(123456789),
    "credit note": samples.credit_note(),
    "dinar": samples.small(120000, currency="KWD", minor_digits=3),
    "with tax": samples.small(100, lines=(samples.line(1, "Fee", 100, with_tax_micros=119 * CENT),)),
    "hundredth of a cent": samples.small(
        1, lines=(samples.line(1, "Calls", 1, kind="usage", usage=Usage(3, 180_000, 0, "millisecond", "", 5_100)),)
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_amounts_are_those_of_the_document(name: str, language: Language, form: Form) -> None:
    document = DOCUMENTS[name]
    assert amounts_in(text_of(document, form, language), language) == amounts_of(document)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_amount_that_differs_is_seen(language: Language, form: Form) -> None:
    """The comparison above is not true of any two."""
    other = msgspec.structs.replace(samples.small(100), lines=(samples.line(1, "Fee", 101),))
    assert amounts_in(text_of(samples.small(100), form, language), language) != amounts_of(other)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_charges_of_records_are_exact(language: Language, form: Form) -> None:
    """0.0123 + 0.0001 = 0.0124; 0.20."""
    document = samples.small(0)
    with_usage = amounts_in(text_of(document, form, language, Beside(samples.itemised())), language)
    more = with_usage - amounts_in(text_of(document, form, language), language)
    assert more == {Decimal("0.0123"): 1, Decimal("0.0001"): 1, Decimal("0.0124"): 1, Decimal("0.20"): 2}


def _three_hundred() -> Invoice:
    """0.01 + 0.02 + ... + 3.00 = 451.50."""
    lines = tuple(samples.line(number, f"Line {number}", number, category="Z", rate_ppm=0) for number in range(1, 301))
    return samples.small(45150, lines=lines)


@pytest.mark.parametrize("form", FORMS)
def test_three_hundred_lines(form: Form) -> None:
    document = _three_hundred()
    text = text_of(document, form, "en")
    assert amounts_in(text, "en") == amounts_of(document)
    assert all(f"Line {number}" in text for number in range(1, 301))


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (samples.small(100), {"en": "To pay: EUR 1.00\nby 15 November 2025", "de": "Zu zahlen: 1,00 €\nbis 15. November 2025"}),
        (samples.small(0), {"en": "To pay: EUR 0.00\nYou have nothing to pay.", "zh": "应付金额: 0.00 欧元\n您无需付款。"}),
        (samples.small(-100), {"en": "To your credit: EUR 1.00\nYou have nothing to pay.", "de": "Zu Ihren Gunsten: 1,00 €\nSie müssen"}),
        (samples.credit_note(), {"en": "To your credit: EUR 2.98\n", "zh": "您的贷项金额: 2.98 欧元\n"}),
    ],
    ids=["to pay", "nothing", "below zero", "credit note"],
)
def test_what_is_owed_comes_first(document: Invoice | CreditNote, says: dict[Language, str]) -> None:
    for language, sentence in says.items():
        assert sentence in text_of(document, "text", language).replace("\u00a0", " ")


def test_a_subscription_of_another_account_names_its_user() -> None:
    named = samples.line(1, "Fee", 100, user="ben", user_name="Ben Beispiel")
    without_name = samples.line(2, "Fee", 100, user="carl", subscription_id="carl-1")
    text = text_of(samples.small(200, lines=(named, without_name)), "text", "en")
    assert "\nSubscription anna-1 · Ben Beispiel\n" in text
    assert "\nSubscription carl-1 · carl\n" in text
