"""What invoices call prices, fees and taxes: the title in the account's language, else in English, else the name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from billing.runs.contracts.price_list import PriceList
from tests.billing.runs import world

if TYPE_CHECKING:
    from rating.model import Catalogue

TITLES = {"en": "National", "zh": "国内通话"}


def _price_list(title: dict[str, str]) -> PriceList:
    catalogue: Catalogue = world.shop()
    prices = tuple(msgspec.structs.replace(price, title=title) for price in catalogue.prices)
    taxes = tuple(msgspec.structs.replace(tax, title=title) for tax in catalogue.tax_classes)
    return PriceList([msgspec.structs.replace(catalogue, prices=prices, tax_classes=taxes)])


@pytest.mark.parametrize(
    ("title", "language", "text"), [(TITLES, "zh", "国内通话"), (TITLES, "en", "National"), (TITLES, "fr", "National")]
)
def test_titles(title: dict[str, str], language: str, text: str) -> None:
    price_list = _price_list(title)
    identity = price_list.identities[0]
    assert price_list.price_text(identity, world.NATIONAL, language) == text
    assert price_list.tax_text(identity, price_list.catalogues[0].tax_classes[0].code, language) == text


def test_names_where_there_is_no_title() -> None:
    price_list = _price_list({})
    identity = price_list.identities[0]
    tax = price_list.catalogues[0].tax_classes[0]
    assert price_list.price_text(identity, world.NATIONAL, "zh") == next(
        price.name for price in price_list.catalogues[0].prices if price.price_id == world.NATIONAL
    )
    assert price_list.tax_text(identity, tax.code, "zh") == f"Tax {tax.name}"
    assert price_list.price_text(identity, 99_999, "zh") == "price 99999"
