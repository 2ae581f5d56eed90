"""The part of a line without a charge that is earned by a date, when its period goes beyond it.

Pure; exact fractions, rounded once a sum. A line of [period_from, period_to) is earned evenly by the day. The part on or after the day
`after` is not earned yet. The earned part of charges follows from their own days (`billing.runs.settlement.deferred_fees`).
"""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from rating.money import MICROS_PER_UNIT, RoundingMode, minor_step_micros, round_exact
from tariffs.currencies import MINOR_DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterable


class Share(NamedTuple):
    """A sum of lines with one period, under one heading."""

    heading: tuple[str, int, str]  # entity, revenue code, currency
    period_from: dt.date
    period_to: dt.date
    amount_micros: int


def unearned(share: Share, after: dt.date) -> Fraction:
    """The part of a share whose service days are not over before `after`: 0 .. all of it, of its sign."""
    days = (share.period_to - share.period_from).days
    if days <= 0:
        return Fraction(0)
    ahead = (share.period_to - max(share.period_from, after)).days
    return Fraction(share.amount_micros * max(ahead, 0), days)


def unearned_sums(shares: Iterable[Share], after: dt.date) -> dict[tuple[str, int, str], int]:
    """Unearned sums by heading, each rounded HALF_UP to the currency's minor unit once; zeros are left out."""
    sums: dict[tuple[str, int, str], Fraction] = {}
    for share in shares:
        part = unearned(share, after)
        if part:
            sums[share.heading] = sums.get(share.heading, Fraction(0)) + part
    rounded = {heading: to_minor_unit(exact, heading[2]) for heading, exact in sums.items()}
    return {heading: amount for heading, amount in sorted(rounded.items()) if amount}


def to_minor_unit(exact_micros: Fraction | int, currency: str) -> int:
    """HALF_UP to the minor unit of a currency: a sum over all customers, which may be above the limit of one amount of money."""
    units, rest = divmod(abs(Fraction(exact_micros)), MICROS_PER_UNIT)
    step_micros = minor_step_micros(MINOR_DIGITS.get(currency, 2))
    rounded = units * MICROS_PER_UNIT + round_exact(rest, step_micros, RoundingMode.HALF_UP)
    return -rounded if exact_micros < 0 else rounded
