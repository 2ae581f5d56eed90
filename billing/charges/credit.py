"""The maximum credit, and the tax that goes with it: a credit never exceeds the billed amount, and the last one takes the residue.

Amounts are micro-units in whole minor units; billed amounts are >= 0. So are credited ones, but for lines credited alone of a class below
zero: what was taken off there adds to what is taken back with the whole.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from rating.money import RoundingMode, round_exact


class Billed(NamedTuple):
    """An invoice, or its part of one tax class: billed, and credited since."""

    net_micros: int
    tax_micros: int
    credited_net_micros: int = 0
    credited_tax_micros: int = 0

    @property
    def left_micros(self) -> int:
        """Net that may still be credited: more than was billed where the credits before went the other way, of a class below zero."""
        return max(self.net_micros - self.credited_net_micros, 0)


def creditable(wanted_micros: int, billed_micros: int, credited_micros: int) -> int:
    """The part of a wanted credit that may be given: no more than the billed less the earlier credited amount, and nothing below 0."""
    return max(min(wanted_micros, billed_micros - credited_micros), 0)


def tax_with(billed: Billed, net_micros: int, step_micros: int) -> int:
    """Tax that goes with a credit of `net_micros` (0 .. `billed.left_micros`), HALF_UP, in whole steps.

    It is the tax on everything credited so far less the tax credited before, so that many small credits never drift from the whole: the
    credit that takes the last of the net takes the last of the tax.
    """
    assert 0 <= net_micros <= billed.left_micros
    if billed.net_micros == 0:
        return 0
    credited = billed.credited_net_micros + net_micros
    if credited == billed.net_micros:
        return billed.tax_micros - billed.credited_tax_micros
    tax_so_far = round_exact(Fraction(billed.tax_micros * credited, billed.net_micros), step_micros, RoundingMode.HALF_UP)
    return max(tax_so_far - billed.credited_tax_micros, 0)
