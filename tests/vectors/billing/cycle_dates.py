"""Topic cycle_dates: on which dates bills are due, and which days each charges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from billing.charges.periods import next_bill_date
from tests.vectors.billing import listed
from tests.vectors.billing.fees import life_of, parts_due
from tests.vectors.billing.form import Case, Shape, day, only_months

if TYPE_CHECKING:
    import datetime as dt

    from tests.vectors.billing.fees import Life


def intervals(case: Case) -> dict[str, Any]:
    """The days that bills up to a date charge, one interval a period."""
    return {"intervals": _intervals(life_of(case.given), day(case.given["target"]))}


def intervals_by_target(case: Case) -> dict[str, Any]:
    """The same for several dates."""
    life = life_of(case.given)
    return {"intervals_by_target": {target: _intervals(life, day(target)) for target in case.given["targets"]}}


def walk(case: Case) -> dict[str, Any]:
    """The bill dates after the first day, each derived from its day of the month."""
    only_months(case.given["period"])
    at = begun = day(case.given["subscribed"])
    dates = [at := next_bill_date(at, begun.day) for _ in case.expected["billing_dates"]]
    return {"billing_dates": [each.isoformat() for each in dates]}


def in_a_year(case: Case) -> dict[str, Any]:
    """Refused: the bill date of a year."""
    only_months(case.given["period"])
    message = "which month of the year is not told"
    raise ValueError(message)


def _intervals(life: Life, target: dt.date) -> list[list[str]]:
    return [[part.start.isoformat(), part.end.isoformat()] for part in parts_due(life, target)]


SHAPES: Final = (
    Shape("?mode ?billing_mode period start ?end target bill_cycle_day", "intervals", intervals),
    Shape("?mode ?billing_mode period start ?end targets bill_cycle_day", "intervals_by_target", intervals_by_target),
    Shape("mode variant period start ?end target bill_cycle_day", "*", reason=listed.FIXED_DAY),
    Shape("period subscribed", "billing_dates", walk),
    Shape("period subscribed year", "billing_date ?not_billed_on", in_a_year),
)
