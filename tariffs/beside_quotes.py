"""Parts of a bill beyond the charge of one event, in sentences beside a quote: tax that is in it, volume tiers, discounts off the bill."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.model import Catalogue, Plan


class _Texts(NamedTuple):
    tax: str
    tier: str
    discounts: str
    comma: str


_WORDS: Final = {
    "en": _Texts(
        "The charge includes its tax.",
        "At the end of the bill period all of its quantity is priced together by volume tier {}; the bill has the difference.",
        "Taken off the bill, and not here: {}.",
        ", ",
    ),
    "zh": _Texts(
        "该费用已含税。",
        "账期结束时，全部用量按总量档位 {} 合并计价，差额列入账单。",
        "以下减免在账单上进行，此处未计：{}。",
        "、",
    ),
}


def sentences(catalogue: Catalogue, plan: Plan, price: str, language: str) -> Iterator[str]:
    """Sentences about a charge at `price` on `plan`. `language`: en or zh."""
    texts = _WORDS[language]
    if catalogue.tax_inclusive:
        yield texts.tax
    for tier in plan.volume_tiers:
        if price in tier.prices:
            yield texts.tier.format(tier.title.get(language, tier.name))
    if plan.invoice_discounts:
        yield texts.discounts.format(texts.comma.join(each.title.get(language, each.name) for each in plan.invoice_discounts))
