"""Topic proration: which share of a month the days of a subscription are, as exact fractions and rounded to nine places each."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from billing.charges.periods import Period, bill_date_in
from billing.charges.proration import Span, share
from rating.money import RoundingMode, round_exact
from tests.vectors.billing import desk, listed
from tests.vectors.billing.fees import life_of, parts_due
from tests.vectors.billing.form import Case, Exactly, Otherwise, Shape, day, day_or_none, set_aside, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.vectors.billing.fees import Part

PLACES: Final = 9  # to which each fraction of a case is rounded, HALF_UP, before they are added
SEQUENCE_ERROR: Final = "INVALID_DATE_SEQUENCE"


def cycles(case: Case) -> Otherwise:
    """How many months bills up to the target charge."""
    given = case.given
    _require_order(given)
    parts = parts_due(life_of(given), day(given["target"]))
    shares = [part.share for part in parts]
    others = [_of_shortened_cycle(part) for part in parts[:1]] + shares[1:]
    return Otherwise(_told(case, shares), _told(case, others), listed.BY_SHORT_MONTH)


def wrong_order(case: Case) -> dict[str, Any] | Otherwise:
    """Dates in an order that cannot be."""
    start, end = day(case.given["start"]), day_or_none(case.given.get("end"))
    set_aside(case.given, "billing_mode", "mode", "period", "target", "bill_cycle_day")  # the order of dates is all that counts
    if end is not None and end < start:
        return {"error": SEQUENCE_ERROR if desk.refuses_subscription(start, end) else None}
    if day(case.given["target"]) < start:
        assert not parts_due(life_of(case.given | {"period": "MONTHLY"}), day(case.given["target"])), (
            "something is due before the first day"
        )
        return Otherwise({"error": None}, {"error": SEQUENCE_ERROR}, listed.BEFORE_START)
    return {"error": None}


def days_of_period(case: Case) -> dict[str, Any]:
    """A span of days, as a share of a cycle of so many days."""
    start, end = day(case.given["from"]), day(case.given["to"])
    cycle = Period(start, end, start, start + dt.timedelta(whole(case.given["period_days"])))
    return {"fraction": Exactly(_rounded(share([Span(start, end)], cycle))), "days": (end - start).days}


def _told(case: Case, shares: Sequence[Fraction]) -> dict[str, Any]:
    told, total = case.expected.get("as_fractions", "0"), sum(shares)
    same = sum(map(Fraction, told.split(" + "))) == total
    return {"cycles": Exactly(sum((_rounded(each) for each in shares), Fraction(0))), "as_fractions": told if same else str(total)}


def _of_shortened_cycle(part: Part) -> Fraction:
    """A leading stub divided as others do it where its bill date is a month's last day: by the cycle from that day of the month before."""
    first, last = part.start, part.end
    if part.share == 1 or (last + dt.timedelta(1)).day != 1:
        return part.share
    begins = bill_date_in(last.year - (last.month == 1), (last.month + 10) % 12 + 1, last.day)
    return Fraction((last - first).days, (last - begins).days)


def _require_order(given: Mapping[str, Any]) -> None:
    end = day_or_none(given.get("end"))
    if end is not None and end < day(given["start"]):
        message = "the end is before the start, and no error is expected"
        raise ValueError(message)


def _rounded(value: Fraction) -> Fraction:
    return Fraction(round_exact(value * 10**PLACES, 1, RoundingMode.HALF_UP), 10**PLACES)


SHAPES: Final = (
    Shape("?billing_mode ?mode period start ?end target bill_cycle_day", "?cycles ?as_fractions", cycles),
    Shape("?billing_mode ?mode ?period start ?end target bill_cycle_day", "error", wrong_order),
    Shape("from to period_days", "?fraction ?days", days_of_period),
    Shape("from to fixed_days_in_month", "?days ?fraction", reason=listed.THIRTY),
    Shape("monthly_price from to fixed_days_in_month", "amount", reason=listed.THIRTY),
    Shape("quarter_fee_cents quarter started terminated ?mode", "fee_cents", reason=listed.WHOLE_QUARTER),
)
