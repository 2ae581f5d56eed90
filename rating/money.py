"""Money as int64 micro-units: scale, limits and the one place where an amount is rounded.

Unit: 1 micro = 1e-6 of one currency unit. Range: |amount| < 10**18, the range of decimal64(18,6).
Refuses floats, amounts out of range and decimal text finer than one micro.
"""

from __future__ import annotations

import enum
import re
from fractions import Fraction
from typing import Final

MICROS_PER_UNIT: Final = 1_000_000
MICROS_LIMIT: Final = 10**18
_DECIMAL: Final = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,6}))?")
_TOO_LARGE: Final = re.compile(r"-?[0-9]{13,}(\.[0-9]{1,6})?")


class RoundingMode(enum.StrEnum):
    """The way a charge is brought to its rounding step. Signs are treated alike: round(-x) == -round(x).

    Charges are stored with the place of their mode in this list, from 0: a new mode goes to its end.
    """

    HALF_UP = "half_up"  # to nearest, ties away from zero
    HALF_EVEN = "half_even"  # to nearest, ties to the even multiple
    UP = "up"  # away from zero
    DOWN = "down"  # toward zero


class MoneyError(ValueError):
    """An amount that money cannot hold: wrong text, too fine, or out of range."""


def minor_step_micros(minor_digits: int) -> int:
    """Micro-units in one minor unit of a currency: 10,000 for two places, 1,000,000 for none."""
    return int(MICROS_PER_UNIT // 10**minor_digits)


def check_micros(micros: int) -> int:
    """Return `micros` unchanged, or raise MoneyError when it is outside +-10**18."""
    if not -MICROS_LIMIT < micros < MICROS_LIMIT:
        message = f"amount of {micros} micro-units is outside +-{MICROS_LIMIT}"
        raise MoneyError(message)
    return micros


def parse_micros(text: str) -> int:
    """Micro-units of decimal text such as "0.085"; at most 12 digits before and 6 after the point."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        form = "at most twelve digits before the point" if _TOO_LARGE.fullmatch(text) else "at most six places, such as 0.085"
        message = f"{text!r} is not a decimal amount with {form}"
        raise MoneyError(message)
    sign, whole, places = match.groups()
    micros = int(whole) * MICROS_PER_UNIT + int((places or "").ljust(6, "0"))
    return check_micros(-micros if sign else micros)


def format_micros(micros: int, places_min: int = 2) -> str:
    """Decimal text of `micros`, exact, with at least `places_min` and at most six places."""
    whole, rest = divmod(abs(micros), MICROS_PER_UNIT)
    places = f"{rest:06d}".rstrip("0").ljust(places_min, "0")
    text = f"{whole}.{places}" if places else str(whole)
    return f"-{text}" if micros < 0 else text


def format_about(micros: int, places: int) -> str:
    """Decimal text of an estimate, rounded to `places` (half up, away from zero); exact where that would be nothing."""
    rounded = _to_step(Fraction(micros), minor_step_micros(places), RoundingMode.HALF_UP)
    return format_micros(rounded or micros, places)


def round_exact(amount_micros: Fraction | int, step_micros: int, mode: RoundingMode) -> int:
    """`amount_micros` rounded once to a multiple of `step_micros` (> 0), in micro-units.

    Raises MoneyError when the result is out of range.
    """
    return check_micros(_to_step(Fraction(amount_micros), step_micros, mode))


def _to_step(amount_micros: Fraction, step_micros: int, mode: RoundingMode) -> int:
    """The nearest multiple of the step by `mode`, of any size."""
    exact = amount_micros / step_micros
    lower, rest = divmod(abs(exact.numerator), exact.denominator)
    double_rest = 2 * rest
    if mode is RoundingMode.UP:
        raised = rest > 0
    elif mode is RoundingMode.DOWN:
        raised = False
    elif mode is RoundingMode.HALF_UP:
        raised = double_rest >= exact.denominator
    else:
        raised = double_rest > exact.denominator or (double_rest == exact.denominator and lower % 2 == 1)
    multiple = lower + raised
    return (-multiple if exact < 0 else multiple) * step_micros
