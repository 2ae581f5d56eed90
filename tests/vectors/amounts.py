"""How amounts and quantities of a case become whole numbers of ours.

A case's currency unit is 10**fineness of our micro-units. Six is what a unit of ours has; a case that rounds to more decimals, or has
a finer fee, is priced in a currency whose unit is worth less, which changes no rule. A rate may be finer still: rate and length it is
for grow together.
"""

from __future__ import annotations

import itertools
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from rating.model import QuantityUnit, Rate, Step
from rating.money import RoundingMode
from tariffs.compiling.bounds import QUANTITY_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.vectors.cases import Rounding, Rule, Slot

LEAST_FINENESS: Final = 6
MOST_FINENESS: Final = 12  # beyond, a cost is compared as far as it is told
MODES: Final = {"up": RoundingMode.UP, "middle": RoundingMode.HALF_UP, "down": RoundingMode.DOWN}
UNROUNDED: Final = {"", "*none"}  # methods
EXACT_DECIMALS: Final = 99  # of a rule that does not round


class NotExpressedError(Exception):
    """A case that our model has no words for, with the reason."""


def decimals_of(amount: Decimal | None) -> int:
    """How many decimal places `amount` is written with, trailing zeros left out."""
    if amount is None:
        return 0
    exponent = Decimal(amount).normalize().as_tuple().exponent
    assert isinstance(exponent, int), "amounts are finite"
    return max(0, -exponent)


def least_fineness(rules: Iterable[Rule]) -> int:
    """What fees and maxima of `rules` need to be whole."""
    fees = [amount for rule in rules for amount in (rule.connect_fee, rule.max_cost, rule.slots[0].fixed_fee)]
    return max(LEAST_FINENESS, *map(decimals_of, fees), 0)


def wanted_fineness(rules: Iterable[Rule]) -> int:
    """What rounding and fees of `rules` need, as far as that can be had."""
    rules = list(rules)
    rounded = max((decimals_rounded(rule.rounding) for rule in rules), default=0)
    return max(least_fineness(rules), min(rounded, MOST_FINENESS))


def decimals_rounded(rounding: Rounding | None) -> int:
    """To how many decimals a rule rounds."""
    return EXACT_DECIMALS if rounding is None or rounding.method in UNROUNDED else rounding.decimals


def mode_of(rounding: Rounding | None) -> RoundingMode:
    """Which way a rule rounds."""
    if rounding is None or rounding.method in UNROUNDED:
        return RoundingMode.HALF_UP
    found = MODES.get(rounding.method.removeprefix("*"))
    if found is None:
        raise NotExpressedError(f"a rounding called {rounding.method}")
    return found


def micros(amount: Decimal | None, fineness: int) -> int:
    """`amount` in micro-units of ours. Refuses what is finer."""
    scaled = Fraction(amount or 0) * 10**fineness
    if scaled.denominator != 1 or scaled < 0:
        raise NotExpressedError(f"an amount of {amount}: below zero, or finer than 10^-{fineness}")
    return int(scaled)


def maximum_of(rule: Rule) -> Decimal | None:
    """The most that a call may cost by `rule`. A maximum that ends the call (`disconnect`) is no matter of its cost."""
    free = (rule.max_cost_strategy or "").removeprefix("*") == "free"
    return rule.max_cost if free and rule.max_cost else None


def count_scale(rules: Iterable[Rule], amount: Decimal) -> Fraction:
    """How many of ours one counted unit is, so that `amount` and every length in `rules` are whole."""
    lengths = [length for rule in rules for slot in rule.slots for length in (slot.from_s, slot.rate_unit_s, slot.increment_s)]
    return Fraction(10 ** max(map(decimals_of, [amount, *lengths])))


def steps_of(slots: Sequence[Slot], unit: QuantityUnit, scale: Fraction, fineness: int) -> tuple[Step, ...]:
    """Steps of ours for `slots`. The fee of a later slot joins the price of the one increment that begins the slot."""
    by_start = {_whole(slot.from_s, scale): slot for slot in sorted(slots, key=lambda slot: slot.from_s)}  # of two at one place the last
    if 0 not in by_start:
        raise NotExpressedError("usage before the first slot has no rate")
    found: list[Step] = []
    position = 0  # where an increment begins, in a call that stays in one band
    for start, end in itertools.pairwise([*by_start, QUANTITY_MAX[unit]]):
        if start >= QUANTITY_MAX[unit]:
            break  # no event reaches it
        if found:
            position += max(0, -((position - start) // found[-1].increment_qty)) * found[-1].increment_qty
        found += _steps_of_slot(by_start[start], start, (position, end), scale, fineness)
    return tuple(found)


def _steps_of_slot(slot: Slot, start: int, entered: tuple[int, int], scale: Fraction, fineness: int) -> list[Step]:
    """One step, or two where the first increment, which begins at `entered[0]`, bears a fee; the slot ends at `entered[1]`."""
    increment = _whole(slot.increment_s or Decimal(1), scale)
    rate = Fraction(slot.rate) * 10**fineness / (Fraction(slot.rate_unit_s or 1) * scale)
    if rate < 0:
        raise NotExpressedError(f"a rate of {slot.rate}, below zero")
    if not (start and slot.fixed_fee):
        return [_step(start, rate, increment)]
    begun, end = entered
    with_fee = _step(start, rate + Fraction(slot.fixed_fee) * 10**fineness / increment, increment)
    return [with_fee, _step(begun + increment, rate, increment)] if begun + increment < end else [with_fee]


def band_rate(rule: Rule, band: str, steps: tuple[Step, ...], fineness: int) -> Rate:
    """What `rule` charges in `band`: the fee of its first slot is a connect fee."""
    fees = micros(rule.connect_fee, fineness) + micros(rule.slots[0].fixed_fee, fineness)
    return Rate(band, steps, steps[0].increment_qty, fees)


def _step(start: int, rate: Fraction, increment: int) -> Step:
    return Step(start, rate.numerator, rate.denominator, increment)


def _whole(length: Decimal, scale: Fraction) -> int:
    scaled = Fraction(length) * scale
    if scaled.denominator != 1:
        raise NotExpressedError(f"a length of {length}, finer than a millisecond")
    return int(scaled)
