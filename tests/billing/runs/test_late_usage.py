"""Late usage, as columns: the events that a plan waives since they came after the first bill of their period."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from billing.intake.marks import COMMIT_SEQ, keys_array
from billing.runs.selection.arrival_times import Arrivals
from billing.runs.selection.coverage import Covered, CoveringRun
from billing.runs.usage import late_usage
from billing.runs.usage.owners import Owners
from rating.model import LateUsage, Plan
from tests.billing.runs.proposed import Proposed, life
from tests.billing.runs.world import instant_us

OCTOBER = CoveringRun(1, dt.date(2025, 11, 1), 10, restricted=False)  # it knew the commits up to 10
AGAIN = CoveringRun(2, dt.date(2025, 11, 1), 12, restricted=False)
NONE, NO_KEYS = np.zeros(0, np.int64), keys_array([])


# runs that cover the account by now, and those that ever did -> the commits of which the usage is waived, of 9 to 13
@pytest.mark.parametrize(
    ("covering", "ever", "waived"),
    [
        ((), (), []),
        ((OCTOBER,), (OCTOBER,), [11, 12, 13]),
        ((), (OCTOBER,), [11, 12, 13]),  # its invoice is void
        ((AGAIN,), (OCTOBER, AGAIN), [11, 12, 13]),  # and was made again: what came between the two stays waived
    ],
)
def test_usage_that_came_after_the_first_bill_of_its_period_is_waived(
    covering: tuple[CoveringRun, ...], ever: tuple[CoveringRun, ...], waived: list[int]
) -> None:
    plan = Plan("basic", (), {}, late_usage=LateUsage.WAIVE)
    proposed = Proposed.of([plan], [(1, life(("2025-10-01", "basic")))])
    scope = dataclasses.replace(proposed.scope, covered_by=Covered(np.zeros(1, np.int64), [covering], ever=[ever]))
    commits = np.arange(1, 14)
    arrivals = Arrivals(commits, commits + instant_us("2025-11-01"), NO_KEYS, NONE, NONE, NONE, NONE, NO_KEYS, NONE)
    came = commits[8:]
    usage = pa.table({"event_key": keys_array([bytes([each]) * 16 for each in came]), "flags": np.zeros(5, np.int32), COMMIT_SEQ: came})
    owner, start_us = Owners(*np.zeros((4, 5), np.int64)), np.full(5, instant_us("2025-10-05T10:00:00"))
    _, left_out = late_usage.placed(owner, start_us, usage, arrivals, proposed.contracts, scope)
    assert came[left_out[late_usage.WAIVED]].tolist() == waived
