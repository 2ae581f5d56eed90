"""The verdict that stands of those of several runs on one record, and from which run on older ones are asked no more."""

from __future__ import annotations

import numpy as np
import pytest

from billing.left_out.judging import CODES, ORDER
from billing.left_out.precedence import PRECEDENCE, UNSEEN, is_settled, standing
from billing.runs.selection.left_out import LeftOut

# verdicts of runs, the oldest first; what stands; the runs that are asked where a plan has or had a rule, and where none has
TABLE = """
waived   closed                    waived    2 1
waived   waived   closed  closed   waived    3 1
too_late closed                    too_late  2 1
closed   waived                    waived    1 1
waived   closed   other_run        waived    3 2
waived   other_run closed          waived    3 1
waived   settled  closed           waived    3 1
waived   held     closed           waived    3 1
waived   held                      waived    2 2
waived   not_due                   not_due   1 1
waived   not_due  closed           closed    2 1
waived   not_billable closed       closed    2 1
closed   held                      closed    2 2
closed   closed                    closed    2 1
decided  closed                    closed    2 1
closed   decided                   decided   1 1
not_due  closed                    closed    2 1
not_due  other_run                 not_due   2 2
not_due  held                      held      2 2
settled  other_run                 other_run 2 2
held     settled                   held      2 2
"""


@pytest.mark.parametrize("line", TABLE.strip().splitlines())
def test_what_stands(line: str) -> None:
    *said, stands, ruled, unruled = line.split()
    for is_any_ruled, asked in ((True, int(ruled)), (False, int(unruled))):
        code, count = fold(said, is_any_ruled=is_any_ruled)
        assert count == asked, (line, is_any_ruled)
        if is_any_ruled:
            assert ORDER[code] == stands, line


def test_each_reason_has_its_weight() -> None:
    assert set(PRECEDENCE) == set(LeftOut)


def fold(said: list[str], *, is_any_ruled: bool) -> tuple[int, int]:
    """The reason that stands, and how many runs were asked."""
    stands, asked = np.full(1, UNSEEN, np.int8), 0
    for each in reversed(said):
        older, newer, asked = np.array([CODES[LeftOut(each)]], np.int8), stands, asked + 1
        stands = standing(newer, older)
        if is_settled(newer, older, is_any_ruled=is_any_ruled)[0]:
            break
    return int(stands[0]), asked
