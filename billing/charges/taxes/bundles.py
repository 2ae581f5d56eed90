"""A fee of several tax classes: the part of each class.

The whole fee is rounded to the minor unit first; its classes then share it by largest remainder, so that the lines of a bundle add up to
its price on every bill. The exact amount behind is shared the same way, to a micro-unit. Shares are parts per million that add up to one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from billing.charges.spread import spread

if TYPE_CHECKING:
    from rating.model import RecurringFee


class ClassPart(NamedTuple):
    """The part of a fee in one tax class. `exact_micros`: before the fee was brought to the minor unit."""

    tax_class: str
    revenue_code: int
    amount_micros: int
    exact_micros: int


def parts(fee: RecurringFee, amount_micros: int, exact_micros: int, step_micros: int) -> list[ClassPart]:
    """`amount_micros` (a multiple of the step) by tax class, in the order of the fee; a single part where it is no bundle."""
    if not fee.shares:
        return [ClassPart(fee.tax_class, fee.revenue_code, amount_micros, exact_micros)]
    weights = [share.share_ppm for share in fee.shares]
    amounts = spread(amount_micros, weights, step_micros)
    exact = spread(exact_micros, weights, 1)
    return [ClassPart(share.tax_class, share.revenue_code, *each) for share, *each in zip(fee.shares, amounts, exact, strict=True)]
