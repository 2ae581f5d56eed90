"""The worth of late changes of sessions: that of the session as it is put together now, less what is billed or decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.left_out.changed import LateChanges
    from billing.suspense.estimate import Estimator


def adjusted(worth: dict[bytes, int], segments: set[bytes], found: LateChanges, estimator: Estimator) -> dict[bytes, int]:
    """Amounts that records (by event key, each with its worth alone) add. `segments`: those that are worth nothing by themselves.

    The records of one session add in all what the session adds. Their worth alone beyond that is taken off one after the other.
    """
    result = {key: 0 if key in segments else micros for key, micros in worth.items()}
    alone = _worth(estimator, found)
    for each in found.increments:
        carriers = [key for key in each.carriers if key in result]
        if carriers:
            more = sum(alone[row] for row in each.now) - sum(alone[row] for row in each.before) - each.decided_micros
            steps = [(step.carrier, sum(alone[row] for row in step.now) - sum(alone[row] for row in step.before)) for step in each.steps]
            _spread(result, carriers, more, steps)
    return result


def _spread(worth: dict[bytes, int], carriers: Sequence[bytes], more: int, steps: Sequence[tuple[bytes, int]]) -> None:
    """Add to each what its change added, where that is all, else to the first; or take off each what it has, and the rest off the last."""
    if more >= 0:
        is_all = sum(micros for _, micros in steps) == more and all(micros >= 0 and key in worth for key, micros in steps)
        for key, micros in steps if is_all else [(carriers[0], more)]:
            worth[key] += micros
        return
    for key in carriers:
        less = min(max(worth[key], 0), -more)
        worth[key] -= less
        more += less
    worth[carriers[-1]] += more


def _worth(estimator: Estimator, found: LateChanges) -> dict[int, int]:
    """The worth of each row that an increment is about."""
    wanted = {row for each in found.increments for row in (*each.now, *each.before)}
    wanted |= {row for each in found.increments for step in each.steps for row in (*step.now, *step.before)}
    rows = sorted(wanted)
    if not rows:
        return {}
    chosen: Any = pa.array(rows, pa.int64())
    micros = estimator.estimates(found.rows.take(chosen)).micros
    return dict(zip(rows, micros.tolist(), strict=True))
