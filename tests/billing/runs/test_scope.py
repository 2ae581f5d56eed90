"""Which period an event lies in: instants at the very edges, zones that skip midnight, accounts that begin inside a cycle."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from billing.runs import scope
from billing.runs.coverage import Covered
from billing.runs.facts import Account, Facts, Midnights

# zone, bill day, billed from, instant (UTC), period or reason; the run is for 2025-11-10
PLACES = """
Asia/Shanghai        1   2025-10-01  2025-09-30T15:59:59.999999  closed
Asia/Shanghai        1   2025-10-01  2025-09-30T16:00:00         0
Asia/Shanghai        1   2025-10-01  2025-10-31T15:59:59.999999  0
Asia/Shanghai        1   2025-10-01  2025-10-31T16:00:00         not_due
Asia/Shanghai        1   2025-09-20  2025-09-19T16:00:00         0
Asia/Shanghai        1   2025-09-20  2025-09-19T15:59:59         closed
Asia/Shanghai        1   2025-09-20  2025-09-30T16:00:00         1
America/New_York     9   2025-10-09  2025-11-09T04:59:59         0
America/New_York     9   2025-10-09  2025-11-09T05:00:00         not_due
Europe/Berlin        26  2025-09-26  2025-10-25T22:00:00         not_due
Europe/Berlin        27  2025-09-27  2025-10-26T22:59:59         0
Europe/Berlin        27  2025-09-27  2025-10-26T23:00:00         not_due
America/Santiago     7   2025-08-07  2025-09-07T03:59:59         0
America/Santiago     7   2025-08-07  2025-09-07T04:00:00         1
Asia/Shanghai        11  2025-11-01  2025-11-02T00:00:00         other_run
"""
REASONS = {"closed": scope.CLOSED, "not_due": scope.NOT_DUE, "other_run": scope.OTHER_RUN}


@pytest.mark.parametrize("row", PLACES.strip().splitlines())
def test_place(row: str) -> None:
    zone, bill_day, billed_from, instant, expected = row.split()
    account = Account(5, "a", "CNY", zone, int(bill_day), "en", dt.date.fromisoformat(billed_from), 14, 1)
    facts = Facts.of([account])
    decided = scope.decide(facts, Covered.nobody(1), dt.date(2025, 11, 10), Midnights())
    start_us = (dt.datetime.fromisoformat(instant + "+00:00") - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    if decided.window is None:
        assert expected == "other_run"
    else:
        found = decided.place(np.array([0]), np.array([start_us]))
        assert found.tolist() == [REASONS[expected] if expected in REASONS else int(expected)]


def test_a_midnight_that_the_clock_skips_is_the_instant_of_the_change() -> None:
    skipped = Midnights().instant_us("America/Santiago", dt.date(2025, 9, 7))
    assert skipped == dt.datetime(2025, 9, 7, 4, tzinfo=dt.UTC).timestamp() * 1_000_000
