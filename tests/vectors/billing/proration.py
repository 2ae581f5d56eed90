"""Topic proration: which share of a month the days of a subscription are, as exact fractions and rounded to nine places each."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from billing.charges.periods import Period
from billing.charges.proration import Span, share
from rating.money import RoundingMode, round_exact
from tests.vectors.billing import desk
from tests.vectors.billing.fees import life_of, parts_due
from tests.vectors.billing.form import Case, ListedError, Shape, day, day_or_none, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

PLACES: Final = 9  # to which each fraction of a case is rounded, HALF_UP, before they are added
THIRTY: Final = "months of so many days, whatever the calendar says: ours are exact days of the cycle"
WHOLE_QUARTER: Final = "a quarter, divided whole though service began within it, the day of termination counted: ours are months, half open"
SEQUENCE_ERROR: Final = "INVALID_DATE_SEQUENCE"
BEFORE_START: Final = "a bill before the first day is an error: ours has nothing to bill then"


def cycles(case: Case) -> dict[str, Any]:
    """How many months bills up to the target charge."""
    given = case.given
    _require_order(given)
    shares = [part.share for part in parts_due(life_of(given), day(given["target"]))]
    answer: dict[str, Any] = {"cycles": sum((_rounded(each) for each in shares), Fraction(0))}
    told = case.expected.get("as_fractions")
    if told is not None:
        answer["as_fractions"] = told if sum(map(Fraction, told.split(" + "))) == sum(shares) else str(sum(shares))
    return answer


def wrong_order(case: Case) -> dict[str, Any]:
    """Dates in an order that cannot be."""
    start, end = day(case.given["start"]), day_or_none(case.given.get("end"))
    if end is not None and end < start:
        return {"error": SEQUENCE_ERROR if desk.refuses_subscription(start, end) else None}
    if day(case.given["target"]) < start:
        assert not parts_due(life_of(case.given | {"period": "MONTHLY"}), day(case.given["target"])), "something is due before the first day"
        raise ListedError(BEFORE_START)
    return {"error": None}


def days_of_period(case: Case) -> dict[str, Any]:
    """A span of days, as a share of a cycle of so many days."""
    start, end = day(case.given["from"]), day(case.given["to"])
    cycle = Period(start, end, start, start + dt.timedelta(whole(case.given["period_days"])))
    answer: dict[str, Any] = {"fraction": _rounded(share([Span(start, end)], cycle))}
    return answer | ({"days": (end - start).days} if "days" in case.expected else {})


def _require_order(given: Mapping[str, Any]) -> None:
    end = day_or_none(given.get("end"))
    if end is not None and end < day(given["start"]):
        message = "the end is before the start, and no error is expected"
        raise ValueError(message)


def _rounded(value: Fraction) -> Fraction:
    return Fraction(round_exact(value * 10**PLACES, 1, RoundingMode.HALF_UP), 10**PLACES)


SHAPES: Final = (
    Shape("?billing_mode ?mode period start ?end target bill_cycle_day", "cycles ?as_fractions", cycles),
    Shape("?billing_mode ?mode ?period start ?end target bill_cycle_day", "error", wrong_order),
    Shape("from to period_days", "fraction ?days", days_of_period),
    Shape("from to fixed_days_in_month", "?days ?fraction", reason=THIRTY),
    Shape("monthly_price from to fixed_days_in_month", "amount", reason=THIRTY),
    Shape("quarter_fee_cents quarter started terminated ?mode", "fee_cents", reason=WHOLE_QUARTER),
)
