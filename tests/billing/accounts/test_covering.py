"""Runs that covered an account, as documents dated by a day know them."""

from __future__ import annotations

import datetime as dt

import pytest

from billing.accounts.covering import CoveringRun, History

KEY, SEQ = 7, 1
RUNS = [CoveringRun(number, dt.date(2025, 9 + number, 1), 10 * number, restricted=False) for number in (1, 2, 3)]


def history(later: set[int], rerated: set[int]) -> History:
    return History(RUNS, {}, {}, {}, later, {KEY: rerated} if rerated else {}, {})


# runs dated after the day, and those of them that re-rated the account; runs that cover it by the day, and void ones among them
BY_A_DAY = [
    (set(), set(), [1, 2, 3], [1, 2, 3]),
    ({3}, set(), [1, 2], [1, 2]),
    ({2}, set(), [1], [1]),  # the third run knew the bill of the second one: it billed what came after that
    ({1, 2}, set(), [], []),
    ({4}, {3}, [1, 2], [1, 2, 3]),  # re-rated by a document of a later month: what came after it knew it
    ({4}, {2}, [1], [1, 2, 3]),
]


@pytest.mark.parametrize(("later", "rerated", "covered", "ever"), BY_A_DAY)
def test_runs_count_up_to_the_first_that_is_not_known(later: set[int], rerated: set[int], covered: list[int], ever: list[int]) -> None:
    found = history(later, rerated)
    runs, open_from = found.of(KEY, SEQ)
    assert ([run.run_id for run in runs], open_from) == (covered, None)
    assert [run.run_id for run in found.ever(KEY, SEQ)] == ever
