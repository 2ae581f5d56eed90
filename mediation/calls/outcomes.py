"""Calls: times and durations of a switch's call legs to events, and the checks that hold for all of them.

The chargeable start of an answered call is its answer; that of an unanswered one is its start. Durations are microseconds as the
source gave them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediation.calls.events import Details, Events
from mediation.reasons import Reason, mark
from mediation.values import columns
from mediation.values.columns import Amounts, Times
from rating.dates import SECOND_US

if TYPE_CHECKING:
    from mediation.records.rows import Block
    from mediation.sources.model import Source

SPAN_SLACK_US: Final = 60 * SECOND_US  # a switch's clock may be set while a call is up


class Timing(NamedTuple):
    """Start, answer and end of a leg, and the duration to be paid. Absent durations: from answer to end."""

    start: Times
    answer: Times
    end: Times
    answered: NDArray[np.bool_]
    duration: Amounts


def calls(block: Block, source: Source, timing: Timing, details: Details) -> Events:
    """The block's calls, checked."""
    start, answer, end, answered, duration = timing
    mark(block.code, ~start.present & ~answered, Reason.UNREADABLE_TIME)
    from_answer = answered & answer.present
    chargeable = answer.where(from_answer, start)
    duration_us = np.where(duration.present, duration.value, _until_end(block, timing))
    mark(block.code, answered & ~from_answer & ((duration_us > 0) | ~chargeable.present), Reason.MISSING_ANSWER_TIME)
    start_us, origin = columns.settle(block, chargeable, source)
    created_us = np.where(start.present, start.earliest_us, chargeable.earliest_us)
    _check_span(block, timing, chargeable, duration_us)
    mark(block.code, duration_us < 0, Reason.NEGATIVE_DURATION)
    end_us = np.where(end.present, end.latest_us, start_us + duration_us)
    moved_s = (start_us - chargeable.earliest_us) // SECOND_US  # by the policy for doubtful local times
    return Events(
        start_us=start_us,
        created_us=created_us,
        end_us=np.maximum(end_us, start_us),
        duration_us=duration_us,
        answered=answered,
        offset_s=(chargeable.offset_s - moved_s).astype(np.int32),
        has_offset=chargeable.has_offset,
        offset_origin=origin,
        details=details,
    )


def _until_end(block: Block, timing: Timing) -> NDArray[np.int64]:
    """Time from answer to end, for files without a duration. An end may be written more coarsely than the answer."""
    known = timing.answered & timing.answer.present & timing.end.present & ~timing.duration.present
    if not known.any():
        return np.zeros(block.size, np.int64)
    answer, end = timing.answer, timing.end
    last_us = end.latest_us + np.maximum(end.fineness_us - 1, 0)  # the true end, if as much as can be was cut off when it was written
    mark(block.code, known & (last_us < answer.earliest_us), Reason.END_BEFORE_START)
    span_us = end.latest_us - answer.latest_us
    return np.where(known, np.where(last_us < answer.latest_us, span_us, np.maximum(span_us, 0)), 0)


def _check_span(block: Block, timing: Timing, chargeable: Times, duration_us: NDArray[np.int64]) -> None:
    """A leg may not end before it begins, nor last over a minute longer than from begin to end, as finely as times are written."""
    start, answer, end = timing[:3]
    if not end.present.any():
        return
    start_us = np.where(start.present, start.earliest_us, chargeable.earliest_us)
    last_begin_us = np.maximum(start_us, chargeable.earliest_us)
    mark(block.code, end.present & (end.latest_us + end.fineness_us < last_begin_us), Reason.END_BEFORE_START)
    longest_us = end.latest_us - np.minimum(start_us, chargeable.earliest_us) + SPAN_SLACK_US
    longest_us += start.fineness_us + answer.fineness_us + end.fineness_us
    mark(block.code, end.present & (duration_us > longest_us), Reason.DURATION_EXCEEDS_SPAN)
