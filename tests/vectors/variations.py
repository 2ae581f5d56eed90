"""Cases of our own in the form of the vectors, for tests of the translation: what other files of this form may hold.

Each is told as what differs from one plain case: plan P for everybody, 1 a second in whole seconds to prefix 44, rounded up to four
decimals, a call of 60 s to 44123 on Monday 4 March 2024 at 10:00 UTC.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from tests.vectors.verdicts import Kind, Verdict, judge

UP_4 = {"method": "up", "decimals": 4}
DAY = {"start": "08:00:00", "end": "17:59:59"}
EVENING = {"start": "18:00:00"}
REFUSED = {"cost": -1, "error": "UNAUTHORIZED_DESTINATION"}


def slot(rate: float | str, increment: str = "1", per: str = "1", start: str = "0", **more: str) -> dict[str, Any]:
    named = {"from_s": start, "rate": str(rate), "rate_unit_s": per, "increment_s": increment, **more}
    return {name: Decimal(text) for name, text in named.items()}


def rule(*bands: dict[str, Any], rate: float | str = 1, prefixes: tuple[str, ...] = ("44",), **more: Any) -> dict[str, Any]:  # noqa: ANN401
    plain = {"prefixes": list(prefixes), "bands": list(bands), "slots": [slot(rate)], "rounding": UP_4, "weight": 10}
    return plain | more


def profile(subject: str = "*any", plan: str = "P", since: str = "2012-01-01T00:00:00Z", fallbacks: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"category": "call", "subject": subject, "from_time": since, "plan": plan, "fallback_subjects": list(fallbacks)}


class Row(NamedTuple):
    """A case: what it shows, what it must cost, its rules, and what else differs."""

    name: str
    cost: str | dict[str, Any]  # or what is expected besides a cost
    rules: list[dict[str, Any]]
    usage: dict[str, Any] = {}  # noqa: RUF012 - never changed
    more: dict[str, Any] = {}  # noqa: RUF012 - never changed
    listed: str = ""  # the reason, where our model answers otherwise


def form(row: Row) -> dict[str, Any]:
    usage = {"type": "voice", "category": "call", "subject": "1001", "destination": "44123", "answer_time": "2024-03-04T10:00:00Z"}
    if "units" not in row.usage:
        usage["duration_s"] = 60  # type: ignore[assignment] # one dictionary of many kinds
    tariff = {"plans": {"P": row.rules} | row.more.get("plans", {}), "profiles": row.more.get("profiles", [profile()])}
    expected = {"cost": Decimal(row.cost)} if isinstance(row.cost, str) else row.cost
    settings = {"config": row.more["config"]} if "config" in row.more else {}
    return {"id": row.name, "operation": "cost", "tariff": tariff, "usage": usage | row.usage, "expected": expected, **settings}


def at(time: str, seconds: float | str = 60, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"answer_time": time, "duration_s": Decimal(str(seconds)), **more}


def misjudged(rows: list[Row]) -> list[Verdict]:
    """Verdicts that are not what their rows say: passed, or listed for the reason told."""
    verdicts = judge([form(row) for row in rows])
    wanted = [(Kind.LISTED if row.listed else Kind.PASSED, row.listed) for row in rows]
    return [got for got, (kind, reason) in zip(verdicts, wanted, strict=True) if got.kind is not kind or reason not in got.reason]
