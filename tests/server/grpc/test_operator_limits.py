"""Limits of operators, worked out by hand on a clock of the test."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import grpc
import pytest

from server.grpc.operator_limits import Bucket, Limit, OperatorLimits
from server.grpc.refusals import Refusal


class Clock:
    """Seconds that the test sets."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Now."""
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def refusal(call: Any, *words: Any, **named: Any) -> Refusal:  # noqa: ANN401 -- any method
    with pytest.raises(Refusal) as raised:
        call(*words, **named)
    return raised.value


# second, what is taken then, and the seconds to wait in front of it, by hand: a rate of 4, so 4 are there at the beginning
TAKEN = [
    (0.0, 3, 0.0),  # 4 - 3 = 1
    (0.0, 1, 0.0),  # 0
    (0.0, 0, 0.25),  # the next one comes in 1/4 s
    (0.25, 1, 0.0),  # 1 - 1 = 0
    (1.25, 10, 0.0),  # 4 - 10 = -6: larger than all, and taken whole
    (1.25, 0, 1.75),  # (1 + 6) / 4
    (2.75, 0, 0.25),  # -6 + 1.5 * 4 = 0
    (3.00, 1, 0.0),
    (100.0, 4, 0.0),  # no more than one second's worth is kept
    (100.0, 0, 0.25),
]


def test_a_bucket() -> None:
    bucket = Bucket(4, 0.0)
    for now_s, amount, wait_s in TAKEN:
        assert bucket.wait_s(now_s) == pytest.approx(wait_s), now_s
        bucket.take(amount)


def test_a_rate_of_zero_is_no_limit() -> None:
    bucket = Bucket(0, 0.0)
    bucket.take(10**12)
    assert bucket.wait_s(0.0) == 0.0


def test_calls_a_second_are_of_each_operator_and_come_back(clock: Clock) -> None:
    limits = OperatorLimits(Limit(calls_per_second=2), {"busy": Limit(calls_per_second=3)}, clock)
    for operator, count in (("ana", 2), ("busy", 3), ("ben", 2)):
        for _ in range(count):
            limits.admit(operator, is_stream=False, remaining_s=None)
        refused = refusal(limits.admit, operator, is_stream=False, remaining_s=None)
        assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "CALLS_PER_SECOND")
        assert refused.retry_after_s == pytest.approx(1 / count), "the next one comes in a half or a third of a second"
    clock.now_s += 0.5
    limits.admit("ana", is_stream=False, remaining_s=None)
    assert refusal(limits.admit, "ana", is_stream=False, remaining_s=None).reason == "CALLS_PER_SECOND"


def test_bytes_are_owed_by_the_next_call_and_hold_streams_back(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """1,000 a second: 1,000 - 2,500 = -1,500, and 1,501 bytes later, in 1.501 s, there is one again."""
    limits = OperatorLimits(Limit(bytes_per_second=1_000), clock_s=clock)
    assert list(limits.messages("ana", iter([b"x" * 2_500]))) == [b"x" * 2_500]
    refused = refusal(limits.admit, "ana", is_stream=False, remaining_s=None)
    assert (refused.reason, refused.retry_after_s) == ("BYTES_PER_SECOND", pytest.approx(1.501))
    limits.admit("ana", is_stream=True, remaining_s=None)  # a stream is held back instead
    limits.admit("ben", is_stream=False, remaining_s=None)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.now_s += seconds

    monkeypatch.setattr("server.grpc.operator_limits.time.sleep", sleep)
    began_s = clock.now_s
    assert [len(each) for each in limits.messages("ana", iter([b"a", b"b"]), lambda: True)] == [1, 1]
    assert clock.now_s - began_s == pytest.approx(1.503), "1.501 s of before, and one for each byte that was sent meanwhile"
    assert max(slept) == pytest.approx(0.2), "it looks whether its stream lives"
    before = len(slept)
    assert [len(each) for each in limits.messages("ana", iter([b"c" * 9_000, b"d"]), lambda: False)] == [9_000, 1]
    assert len(slept) == before, "nobody waits for a stream that is over"


def test_the_longest_message(clock: Clock) -> None:
    limits = OperatorLimits(Limit(message_bytes=1_024), clock_s=clock)
    assert len(next(limits.messages("ana", iter([b"x" * 1_024])))) == 1_024
    refused = refusal(next, limits.messages("ana", iter([b"x" * 1_025])))
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MESSAGE_TOO_LARGE")
    assert refused.metadata == {"message_bytes": "1024"}


def test_streams_are_counted_by_operator_and_given_back(clock: Clock) -> None:
    limits = OperatorLimits(Limit(streams=2), clock_s=clock)
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(limits.stream("ana"))
        assert refusal(limits.stream("ana").__enter__).reason == "STREAMS_EXHAUSTED"
        with limits.stream("ben"):
            pass
    with limits.stream("ana"):
        pass


# what the limits say, seconds until the deadline, the refusal
DEADLINES = [
    (Limit(deadline_required=True, deadline_max_s=60), None, "needs a deadline of 60 s at most"),
    (Limit(deadline_required=True, deadline_max_s=60), 60.0, ""),
    (Limit(deadline_required=True, deadline_max_s=60), 60.9, ""),  # it was 60 where it was set
    (Limit(deadline_required=True, deadline_max_s=60), 61.1, "later than in 60 s"),
    (Limit(deadline_required=False, deadline_max_s=60), None, ""),
    (Limit(deadline_required=False, deadline_max_s=60), 3_600.0, "later than in 60 s"),
]


@pytest.mark.parametrize(("limit", "remaining_s", "text"), DEADLINES)
def test_deadlines(clock: Clock, limit: Limit, remaining_s: float | None, text: str) -> None:
    limits = OperatorLimits(limit, clock_s=clock)
    limits.admit("ana", is_stream=True, remaining_s=remaining_s)
    if not text:
        limits.admit("ana", is_stream=False, remaining_s=remaining_s)
        return
    refused = refusal(limits.admit, "ana", is_stream=False, remaining_s=remaining_s)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "DEADLINE_REQUIRED")
    assert text in refused.message
    assert refused.metadata == {"deadline_max_s": "60"}


def test_rows_are_owed_by_the_next_batch(clock: Clock) -> None:
    """100 a second: 100 - 250 = -150, so 1.51 s until there is one."""
    limits = OperatorLimits(Limit(rows_per_second=100), clock_s=clock)
    pace, other = limits.pace("ana"), limits.pace("ben")
    assert pace.wait_s() == 0.0
    pace.took(250)
    assert (pace.wait_s(), limits.pace("ana").wait_s(), other.wait_s()) == (pytest.approx(1.51), pytest.approx(1.51), 0.0)
    clock.now_s += 1.51
    assert pace.wait_s() == pytest.approx(0.0, abs=1e-9)
