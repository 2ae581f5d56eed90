"""Topic rounding: HALF_UP to the minor unit of the currency; documents add up because lines are rounded first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rating.money import MICROS_PER_UNIT, RoundingMode, round_exact
from tests.vectors.billing.form import Case, Shape, exact, step_of, units

if TYPE_CHECKING:
    from fractions import Fraction


def one(case: Case) -> dict[str, Any]:
    """An amount."""
    return {"rounded": _rounded(case.given["amount"], case.given["currency"])}


def together(case: Case) -> dict[str, Any]:
    """The sum of lines."""
    return {"subtotal": sum(_rounded(each, case.given["currency"]) for each in case.given["lines"])}


def _rounded(amount: object, currency: object) -> Fraction:
    return units(round_exact(exact(amount) * MICROS_PER_UNIT, step_of(currency), RoundingMode.HALF_UP))


SHAPES: Final = (
    Shape("amount currency", "rounded", one),
    Shape("lines currency", "subtotal", together),
)
