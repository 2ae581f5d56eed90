"""Figures of a row of the page of a home, as people read them."""

from __future__ import annotations

from billing.enquiries.page_row import estimates


def test_an_estimate_is_told_to_the_places_of_its_currency() -> None:
    """Half up; what is less than half of the smallest coin is told exactly, since it would be nothing. No currency: of unknown worth."""
    assert estimates({"EUR": 15_147_272, "CNY": 2_505_000, "JPY": 905_500_000, "": 3}) == "2.51 CNY, 15.15 EUR, 906 JPY"
    assert estimates({"EUR": 4_999}) == "0.004999 EUR"
    assert estimates({"": 3}) == ""
