"""Minimum commitments: the amount missing to a minimum a period is charged in a line of its own.

A commitment is prorated by exact day fractions like a fee, for the days on which the subscription has a plan that makes it; days of a pause
do not count. Where its amount changes within the period, each part is prorated by its own, as that of a fee is. It is rounded to the minor
unit, and the lines that count toward it (rounded, after discounts) are taken off. So fees, usage and the line together are never less than
the commitment, and exactly that where it is not reached. Any excess in one period does not carry over. Nothing is missing in a period that
is not over yet, unless it is computed before (`Period.whole_to`). Then a commitment that is not prorated counts evenly by the day.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from billing.charges.charge_keys import Kind
from billing.charges.proration import share
from rating.model import CommitmentCounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.charges.lines import Int64s
    from billing.charges.periods import Period
    from billing.charges.proration import Span
    from rating.model import Commitment

COUNTED: Final = {
    CommitmentCounts.USAGE: (Kind.USAGE, Kind.VOLUME),
    CommitmentCounts.USAGE_AND_FEES: (Kind.USAGE, Kind.VOLUME, Kind.RECURRING, Kind.ONE_OFF),
}


def committed(commitment: Commitment, spans: Sequence[Span], period: Period, before: Fraction = Fraction(0)) -> Fraction:
    """Exact micro-units committed for the days of `spans` (which do not overlap) in `period`, and `before` for earlier ones.

    One that is not prorated is due whole, at its last amount, where any day counts. Of a period that is not over, the share of the days so
    far is due of that: `spans` reach to its whole end, and nothing is due before the first day that counts.
    """
    part = share(spans, period)
    if commitment.prorate:
        return before + commitment.amount_micros * part
    begun = part > 0 or (before > 0 and share(spans, period.whole) > 0)
    return commitment.amount_micros * period.share_past if begun else before


def missing(committed_micros: Int64s, counted_micros: Int64s) -> Int64s:
    """The amount missing to each commitment (whole minor units), never below 0. If the counted amount is negative, all of it is missing."""
    result: Int64s = np.maximum(committed_micros - np.maximum(counted_micros, 0), 0)
    return result
