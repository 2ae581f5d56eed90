"""What everything that a catalogue sells is called on a bill, in both languages."""

from __future__ import annotations

import pytest

from billing.runs.contracts.price_list import PriceList
from rating.model import Commitment, FeeOccasion, InvoiceDiscount, OneOffFee, Plan, RecurringFee, VolumeStep, VolumeTier
from tests.billing.runs.world import shop

UNIT = 1_000_000
PLAN = Plan(
    "all",
    shop().plans[0].rules,
    {},
    recurring=(RecurringFee(300, "monthly", 1, 5000, "standard", UNIT, title={"en": "Monthly fee", "zh": "月费"}),),
    one_offs=(OneOffFee(301, "early", 1, 5000, "standard", UNIT, FeeOccasion.EARLY_END, title={"en": "Early end", "zh": "提前解约"}),),
    volume_tiers=(
        VolumeTier(302, "tier", 1, 5000, "standard", ("National calls",), (VolumeStep(0, 1),), title={"en": "By volume", "zh": "阶梯计价"}),
    ),
    commitments=(Commitment(303, "least", 1, 5000, "standard", UNIT, title={"en": "Minimum", "zh": "最低消费"}),),
    invoice_discounts=(InvoiceDiscount(304, "loyal", 1, 5000, 100_000, title={"en": "Loyalty", "zh": "老客户折扣"}),),
)


@pytest.mark.parametrize(
    ("price_id", "english", "chinese"),
    [
        (300, "Monthly fee", "月费"),
        (301, "Early end", "提前解约"),
        (302, "By volume", "阶梯计价"),
        (303, "Minimum", "最低消费"),
        (304, "Loyalty", "老客户折扣"),
        (100, "National calls", "National calls"),  # it has no title
    ],
)
def test_texts(price_id: int, english: str, chinese: str) -> None:
    price_list = PriceList([shop(plans=(PLAN,))])
    assert price_list.price_text("shop", price_id, "en") == english
    assert price_list.price_text("shop", price_id, "zh") == chinese
    assert price_list.price_text("shop", price_id, "fr") == english


def test_whether_prices_hold_their_tax() -> None:
    assert not PriceList([shop(plans=(PLAN,))]).inclusive("shop")
    assert PriceList([shop(plans=(PLAN,), tax_inclusive=True)]).inclusive("shop")
