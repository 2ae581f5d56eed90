"""The order among verdicts of several runs on one event: the reason that stands, and where older runs are asked no more.

Runs are asked from the newest back. `PRECEDENCE` has the weight of each reason, and of two the heavier one stands; of two alike the
newer. The rule of a plan about late usage outweighs a closed period: usage that was waived stays waived, though its period closes later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from billing.left_out.judging import CODES, ORDER
from billing.runs.selection.left_out import LeftOut

if TYPE_CHECKING:
    from collections.abc import Mapping

UNSEEN: Final = -1  # as reason: no run has looked since it came

VAGUE, AWAITED, FOR_GOOD, BY_RULE, ENDS = range(5)
PRECEDENCE: Final[Mapping[LeftOut, int]] = {
    LeftOut.OTHER_RUN: VAGUE,
    LeftOut.PASSED_BY: VAGUE,
    LeftOut.SETTLED: VAGUE,
    LeftOut.HELD: AWAITED,
    LeftOut.QUARANTINED: AWAITED,
    LeftOut.TESTED: AWAITED,
    LeftOut.FROM_BEFORE: AWAITED,
    LeftOut.CLOSED: FOR_GOOD,
    LeftOut.DECIDED: FOR_GOOD,
    LeftOut.TOO_LATE: BY_RULE,
    LeftOut.WAIVED: BY_RULE,
    LeftOut.NOT_DUE: ENDS,
    LeftOut.NOT_BILLABLE: ENDS,
}
_WEIGHT: Final = np.array([PRECEDENCE[each] for each in ORDER], np.int8)
DECIDES: Final = _WEIGHT >= FOR_GOOD  # by reason: a run has decided, and left the event to no other
_Reasons = npt.NDArray[np.int8]


def is_vague(reason: _Reasons) -> npt.NDArray[np.bool_]:
    """A mask of the reasons by which a run leaves an event to others: it was of other accounts, or had nothing to compute of this one."""
    return np.asarray(_WEIGHT[reason] == VAGUE)


def standing(newer: _Reasons, older: _Reasons) -> _Reasons:
    """The reasons that stand of those given by newer runs (UNSEEN: none) and by one older run.

    An older reason that ends the search stands only where newer runs said nothing of their own.
    """
    weight, other = np.where(newer == UNSEEN, -1, _WEIGHT[newer]), _WEIGHT[older]
    is_older = (other > weight) & ((other != ENDS) | (weight <= VAGUE))
    return np.where(is_older, older, newer)


def is_settled(newer: _Reasons, older: _Reasons, *, is_any_ruled: bool) -> npt.NDArray[np.bool_]:
    """A mask of the events about which runs before the older one are not asked.

    `is_any_ruled`: a plan has, or had, a rule by which late usage is not billed. Without one nothing outweighs a closed period.
    """
    stands = standing(newer, older)
    ended: npt.NDArray[np.bool_] = (_WEIGHT[stands] >= BY_RULE) | (stands == CODES[LeftOut.DECIDED])
    is_closed = stands == CODES[LeftOut.CLOSED]
    return np.asarray(ended | (is_closed & ((not is_any_ruled) | (_WEIGHT[older] == ENDS))))
