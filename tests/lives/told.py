"""Short lives: each of TOLD went wrong once, and is told with the fewest acts that showed it; the others are for what the lives must find.

What is expected is worked out as for any other life.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING

from billing.late_decisions import BILLED, WRITTEN_OFF
from billing.runs import start
from tests.lives import tariff
from tests.lives.story import CENT, Adjustment, Call, Span
from tests.lives.world import Act, Start

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lives.story import Plan, Version

OPENED = dt.date(2027, 11, 1)
FIRST, SECOND = "491710001", "491710002"


def _start(holds: Callable[[dict[str, Plan]], bool], *, shared_rolls: bool) -> Start:
    """A beginning, billed on the first, with a tariff of which this holds."""
    seeds = (each for each in range(1000) if holds(tariff.version(random.Random(each), OPENED, shared_rolls=shared_rolls).plans))
    return Start(next(seeds), OPENED, 1, inclusive=False, shared_rolls=shared_rolls)


def _late(after: int | None) -> Callable[[dict[str, Plan]], bool]:
    return lambda plans: (plans["clan"].late_after, plans["clan"].late_max) == (after, None)


def _lenient(start: Start) -> Version:
    """The tariff of a beginning, with which nothing is too late."""
    first = tariff.version(random.Random(start.seed), OPENED, shared_rolls=start.shared_rolls)
    return first._replace(plans={name: plan._replace(late_max=None) for name, plan in first.plans.items()})


def _with(number: int, account: str, plan: str) -> Act:
    return Act(OPENED, "activate", (f"S{number}", account, plan, OPENED, f"49171000{number}"))


def _calls(on: dt.date, *told: tuple[str, dt.date, int]) -> Act:
    return Act(on, "calls", (tuple(Call(number, dt.datetime.combine(day, dt.time(10)), minutes) for number, day, minutes in told),))


def _by_hand(cents: int) -> Adjustment:
    return Adjustment("A", "", dt.date(2027, 11, 20), cents * CENT, "standard", 902)


_POOL = Act(OPENED, "pool", ("A", Span(OPENED, None), "B"))
_CLOSED = Act(dt.date(2027, 11, 2), "close", ("A", dt.date(2027, 11, 15)))

_RUN = Act(dt.date(2027, 12, 4), "run", (dt.date(2027, 12, 1), "all"))

UNAPPROVED = (_start(_late(None), shared_rolls=False), [_with(1, "A", "smart"), Act(OPENED, "approval", (start.REQUIRED,)), _RUN])
LOOKED_AT = (
    _start(_late(None), shared_rolls=False),
    [
        _with(1, "A", "smart"),
        Act(dt.date(2027, 12, 2), "trial", (dt.date(2027, 12, 1),)),
        _calls(dt.date(2027, 12, 3), (FIRST, dt.date(2027, 11, 10), 60)),
        _RUN,
    ],
)
LATE = (
    _start(_late(0), shared_rolls=False),
    [
        _with(1, "A", "clan"),
        _calls(dt.date(2027, 12, 20), (FIRST, dt.date(2027, 11, 10), 20), (FIRST, dt.date(2027, 12, 10), 20)),
    ],
)
_STRICT = _start(lambda plans: (plans["clan"].late_after, plans["clan"].late_max) == (None, 40), shared_rolls=False)
# Three records are too late: one is billed by two people, one written off and open again.
DECIDED = (
    _STRICT,
    [
        _with(1, "A", "clan"),
        _calls(dt.date(2028, 2, 20), *((FIRST, dt.date(2027, 11, day), 60) for day in (10, 11, 12))),
        Act(dt.date(2028, 3, 2), "run", (dt.date(2028, 3, 1), "all")),
        Act(dt.date(2028, 3, 3), "late", (BILLED, "one", 0, dt.date(2028, 2, 5), None)),
        Act(dt.date(2028, 3, 4), "late", (WRITTEN_OFF, "one", 1, None, None)),
        Act(dt.date(2028, 3, 5), "late_back", (1,)),
    ],
)
# By another version of the tariff nothing is too late any more.
REOPENED = (_STRICT, [*DECIDED[1], Act(dt.date(2028, 3, 6), "version", (_lenient(_STRICT),))])
POOLED = "a pool of which one account is closed, beside a plan of which minutes roll over"
TOLD = {
    POOLED: (
        _start(_late(None), shared_rolls=False),
        [
            *(_with(1, "A", "clan"), _with(2, "B", "clan"), _with(3, "B", "smart"), _POOL, _CLOSED),
            _calls(dt.date(2027, 11, 20), (SECOND, dt.date(2027, 11, 10), 60), (FIRST, dt.date(2027, 11, 11), 60)),
        ],
    ),
    "what a pool has left of a period in which one account was closed": (
        _start(_late(None), shared_rolls=True),
        [_with(1, "A", "clan"), _with(2, "B", "clan"), _POOL, _CLOSED, _calls(dt.date(2027, 12, 20), (SECOND, dt.date(2027, 12, 10), 60))],
    ),
    "charges by hand that are dated after their account is closed, one of them approved when it is": (
        _start(_late(0), shared_rolls=False),
        [
            _with(1, "A", "clan"),
            Act(dt.date(2027, 11, 2), "adjust", ("a1", _by_hand(-150))),
            Act(dt.date(2027, 11, 2), "adjust", ("a2", _by_hand(15_001))),
            *(_CLOSED, Act(dt.date(2027, 11, 16), "approve", ("a2",)), _RUN),
        ],
    ),
    "usage that comes when its account is closed": (
        _start(_late(0), shared_rolls=False),
        [_with(1, "A", "clan"), _CLOSED, _calls(dt.date(2027, 12, 20), (FIRST, dt.date(2027, 11, 10), 60))],
    ),
}
