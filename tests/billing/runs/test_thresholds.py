"""Thresholds of plans: whose unbilled usage of the running period is billed at once."""

from __future__ import annotations

import datetime as dt

import pytest

from billing.charges.charge_keys import Kind
from billing.runs.settlement.thresholds import Acted, reached
from rating.dates import day_number
from rating.model import BillThreshold, Plan
from tests.billing.charges.rows import lines
from tests.billing.runs.proposed import CENT, Proposed, life

NOVEMBER = dt.date(2025, 11, 1)
PLANS = [
    Plan("watched", (), {}, bill_thresholds=(BillThreshold(1, "low", 200_00 * CENT), BillThreshold(2, "high", 500_00 * CENT))),
    Plan("free", (), {}),
]
WATCHED = life(("2025-10-01", "watched"))
CHANGED = life(("2025-10-01", "watched"), ("2025-11-10", "free"))
OCTOBER = dt.date(2025, 10, 1)


def acting(pattern: object, through: dt.date, *acted: Acted, **amounts: int) -> list[int]:
    """Ids of the thresholds that act on a subscription with so many cents unbilled in November: kinds of line in small letters."""
    proposed = Proposed.of(PLANS, [(1, pattern)])  # type: ignore[list-item] -- a column of the table
    row = {"account_key": 1, "subscription_key": 1, "period_from": day_number(NOVEMBER), "period_to": day_number(dt.date(2025, 12, 1))}
    unbilled = lines(*({**row, "kind": Kind[kind.upper()], "amount_micros": cents * CENT} for kind, cents in amounts.items()))
    found = reached(unbilled, proposed.contracts, through, acted)
    assert all((each.account_key, each.subscription_key, each.period_from) == (1, 1, NOVEMBER) for each in found)
    return [each.threshold.threshold_id for each in found]


# life, first day that does not count, what has acted, cents unbilled by kind, what acts
@pytest.mark.parametrize(
    ("pattern", "day", "acted", "amounts", "expected"),
    [
        (WATCHED, 15, [], {"usage": 199_99}, []),
        (WATCHED, 15, [], {"usage": 200_00}, [1]),
        (WATCHED, 15, [], {"usage": 600_00}, [1, 2]),
        (WATCHED, 15, [Acted(1, NOVEMBER, 1)], {"usage": 400_00}, []),
        (WATCHED, 15, [Acted(1, NOVEMBER, 1)], {"usage": 500_00}, [2]),
        (WATCHED, 15, [Acted(1, OCTOBER, 1)], {"usage": 200_00}, [1]),  # of another period
        (WATCHED, 15, [Acted(2, NOVEMBER, 1)], {"usage": 200_00}, [1]),  # of another subscription
        (WATCHED, 15, [], {"usage": 220_00, "volume": -30_00}, []),
        (WATCHED, 15, [], {"usage": 150_00, "recurring": 100_00}, []),  # fees do not count
        (WATCHED, 31, [], {"usage": 200_00}, []),  # November is over: the cycle bills it
        (CHANGED, 10, [], {"usage": 200_00}, [1]),
        (CHANGED, 11, [], {"usage": 200_00}, []),
        (WATCHED, 15, [], {}, []),
    ],
)
def test_reached(pattern: object, day: int, acted: list[Acted], amounts: dict[str, int], expected: list[int]) -> None:
    through = NOVEMBER + dt.timedelta(days=day - 1)
    assert acting(pattern, through, *acted, **amounts) == expected


def test_who_has_no_threshold_is_not_asked() -> None:
    assert acting(life(("2025-10-01", "free")), dt.date(2025, 11, 15), usage=10**6) == []
