"""What the generator put in, counted while it puts it in: the figures that intake and billing must arrive at.

Nothing here reads a file back. Durations are microseconds as the switch shows them (whole seconds where it writes seconds).
"""

from __future__ import annotations

import collections
import json
from typing import TYPE_CHECKING, Any

import calls as calls_module
import numpy as np
import population
import switches
from rowplan import LATE_FILE, REASONS, Outcome, Role

if TYPE_CHECKING:
    from pathlib import Path

    from calls import Calls
    from population import Ints
    from rowplan import Plan
    from switches import Switch

US = calls_module.US
DAY_US = 86_400 * US


def of_switch(switch: Switch, calls: Calls, plan: Plan) -> dict[str, Any]:
    """All figures of one switch: `all` after every file, `late` those of the late file alone."""
    shown_us = switches.shown_us(switch, calls, plan.call, plan.role)
    late = plan.file == LATE_FILE
    return {
        "all": _figures(calls, plan, shown_us, np.ones(len(late), dtype=np.bool_)),
        "late": _figures(calls, plan, shown_us, late),
        # conflicts whose first version came in time, and so was billed before the second one came
        "taken_back": int(np.isin(plan.call[~late], plan.call[late & (plan.role == Role.CONFLICT)]).sum()),
        "per_day": _per_day(switch, calls, plan, shown_us),
    }


def write(path: Path, truth: dict[str, Any]) -> None:
    """Write it whole or not at all: the file is the sign that the generator has finished."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(truth, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(path)


def _figures(calls: Calls, plan: Plan, shown_us: Ints, among: np.ndarray[Any, np.dtype[np.bool_]]) -> dict[str, Any]:
    outcomes = {}
    for outcome in Outcome:
        here = among & (plan.outcome == outcome)
        duration_us = 0 if outcome is Outcome.REJECTED else int(_billable(calls, plan, shown_us)[here].sum())
        outcomes[outcome.name.lower()] = {"rows": int(here.sum()), "duration_us": duration_us}
    answered = among & (plan.outcome == Outcome.ANSWERED)
    line, callee = calls.line[plan.call], calls.callee[plan.call]
    known = answered & (line >= 0)
    return {
        "rows": int(among.sum()),
        "outcomes": outcomes,
        "rejected": {reason: int((among & (plan.reason == code)).sum()) for code, reason in enumerate(REASONS) if code},
        "zero_duration_answered": int((answered & (shown_us == 0)).sum()),
        "refused": {
            "unknown_subscription": int((answered & (line < 0)).sum()),
            "no_zone": int((known & _begins(callee, population.NOWHERE)).sum()),
            "not_sold": int((known & _begins(callee, population.SATELLITE)).sum()),
        },
    }


def _billable(calls: Calls, plan: Plan, shown_us: Ints) -> Ints:
    return np.where(calls.answered[plan.call] & (plan.role != Role.RING_OTHER), shown_us, 0)


def _begins(numbers: Ints, prefix: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which numbers (of 12 or more digits) begin with a prefix."""
    digits = np.floor(np.log10(numbers)).astype(np.int64) + 1
    begins: np.ndarray[Any, np.dtype[np.bool_]] = numbers // 10 ** (digits - len(prefix)) == int(prefix)
    return begins


def _per_day(switch: Switch, calls: Calls, plan: Plan, shown_us: Ints) -> dict[str, dict[str, int]]:
    """Answered rows and their time by the UTC day of the answer."""
    answered = plan.outcome == Outcome.ANSWERED
    day = switches.chargeable_us(switch, calls, plan.call)[answered] // DAY_US
    found: dict[str, dict[str, int]] = collections.defaultdict(dict)
    for each in np.unique(day):
        date = str(np.datetime64(int(each), "D"))
        found[date] = {"answered": int((day == each).sum()), "duration_us": int(shown_us[answered][day == each].sum())}
    return dict(found)
