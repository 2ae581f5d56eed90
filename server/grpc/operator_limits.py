"""Limits of each operator, beside those of each address (`admission`).

They bound deadlines, calls, bytes and rows a second, open streams and the size of a message.

Single calls beyond a limit are refused, with a time after which to try again. Usage streams are held back instead: nothing more is read of
them until their operator may send again, and gRPC has the client wait. Only the thread of that stream waits.

Refuses: INVALID_ARGUMENT: DEADLINE_REQUIRED, MESSAGE_TOO_LARGE; RESOURCE_EXHAUSTED: CALLS_PER_SECOND, BYTES_PER_SECOND, STREAMS_EXHAUSTED.
"""

from __future__ import annotations

import collections
import contextlib
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import grpc

from rating.dates import DAY_S
from server.grpc.refusals import Refusal, invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

CLOCK_SLACK_S: Final = 1.0  # a deadline is counted from the call, and is a little shorter or longer when it is read
REFUSALS_ONE_BY_ONE: Final = 60  # of an operator and minute: more are summed in the audit trail
_SOON_S: Final = 1e-6  # seconds are floats here: what is left of a sum is no time
_LOOK_AROUND_S: Final = 0.2  # how often a stream that is held back looks whether it still lives


class Limit(NamedTuple):
    """Limits of one operator; a rate of 0 is none."""

    message_bytes: int = 8 * 2**20 + 2**16
    calls_per_second: int = 0
    rows_per_second: int = 0
    bytes_per_second: int = 0
    streams: int = 1_000
    deadline_required: bool = False
    deadline_max_s: int = DAY_S


class Bucket:
    """Holds what may be taken: `rate` more each second, one second's worth at most.

    What is larger than the rest is taken whole. The bucket is in debt then, and nothing is taken until it is paid.
    """

    def __init__(self, rate: int, now_s: float) -> None:
        self._rate, self._level, self._seen_s = rate, float(rate), now_s

    def wait_s(self, now_s: float) -> float:
        """Seconds until something may be taken; 0: at once."""
        if self._rate == 0:
            return 0.0
        self._level = min(self._level + (now_s - self._seen_s) * self._rate, float(self._rate))
        self._seen_s = now_s
        wait_s = (1.0 - self._level) / self._rate
        return wait_s if wait_s > _SOON_S else 0.0

    def take(self, amount: int) -> None:
        """Take what was used."""
        self._level -= amount


class _Used:
    """The use of one operator."""

    def __init__(self, limit: Limit, now_s: float) -> None:
        self.limit = limit
        self.calls = Bucket(limit.calls_per_second, now_s)
        self.rows = Bucket(limit.rows_per_second, now_s)
        self.bytes = Bucket(limit.bytes_per_second, now_s)
        self.streams = 0


class Pace:
    """The pace at which one operator may send rows. This one has no bound."""

    def took(self, rows: int) -> None:
        """Note rows that were stored."""

    def wait_s(self) -> float:
        """Seconds until more rows may be read."""
        return 0.0


class OperatorLimits:
    """Limits of all operators; `of` names those with limits of their own. `clock_s`: a monotonic clock."""

    def __init__(self, limit: Limit, of: Mapping[str, Limit] | None = None, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._of, self._clock_s = limit, dict(of or {}), clock_s
        self._used: dict[str, _Used] = {}
        self._lock = threading.Lock()

    def admit(self, operator: str, *, is_stream: bool, remaining_s: float | None) -> None:
        """Let a call in, or raise the Refusal. `remaining_s`: until its deadline; None where it has none."""
        used = self._of_operator(operator)
        if not is_stream:
            _require_deadline(used.limit, remaining_s)
        with self._lock:
            now_s = self._clock_s()
            if wait_s := used.calls.wait_s(now_s):
                text = f"{operator} makes more than {used.limit.calls_per_second} calls a second"
                raise _exhausted("CALLS_PER_SECOND", text, wait_s)
            if not is_stream and (wait_s := used.bytes.wait_s(now_s)):
                text = f"{operator} sends more than {used.limit.bytes_per_second} bytes a second"
                raise _exhausted("BYTES_PER_SECOND", text, wait_s)
            used.calls.take(1)

    def deadline_max_s(self, operator: str) -> int:
        """The longest deadline of a single call of an operator."""
        return self._of_operator(operator).limit.deadline_max_s

    @contextlib.contextmanager
    def stream(self, operator: str) -> Iterator[None]:
        """A stream of an operator while the block lasts. Raises Refusal where it has as many as it may."""
        used = self._of_operator(operator)
        with self._lock:
            if used.streams >= used.limit.streams:
                raise Refusal(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    "STREAMS_EXHAUSTED",
                    f"{used.streams} streams of {operator} are open, which is all that it may have",
                )
            used.streams += 1
        try:
            yield
        finally:
            with self._lock:
                used.streams -= 1

    def messages(self, operator: str, messages: Iterator[bytes], lives: Callable[[], bool] | None = None) -> Iterator[bytes]:
        """Messages as they come. With `lives`, of a stream: the next one is read once its operator may send, or the stream has ended."""
        used = self._of_operator(operator)
        for message in messages:
            if len(message) > used.limit.message_bytes:
                text = f"a message of {len(message)} bytes is longer than {used.limit.message_bytes}"
                raise invalid("MESSAGE_TOO_LARGE", text, {"message_bytes": str(used.limit.message_bytes)})
            with self._lock:
                used.bytes.take(len(message))
            yield message
            while lives is not None and (wait_s := self._wait_s(used.bytes)) and lives():
                time.sleep(min(wait_s, _LOOK_AROUND_S))

    def pace(self, operator: str) -> Pace:
        """The pace of rows of an operator."""
        return _RowPace(self, self._of_operator(operator))

    def take_rows(self, used: _Used, rows: int) -> None:
        """Note rows that an operator has sent."""
        with self._lock:
            used.rows.take(rows)

    def rows_wait_s(self, used: _Used) -> float:
        """Seconds until an operator may send more rows."""
        return self._wait_s(used.rows)

    def _wait_s(self, bucket: Bucket) -> float:
        with self._lock:
            return bucket.wait_s(self._clock_s())

    def _of_operator(self, operator: str) -> _Used:
        with self._lock:
            if operator not in self._used:
                self._used[operator] = _Used(self._of.get(operator, self._limit), self._clock_s())
            return self._used[operator]


class _RowPace(Pace):
    def __init__(self, limits: OperatorLimits, used: _Used) -> None:
        self._limits, self._used = limits, used

    def took(self, rows: int) -> None:
        self._limits.take_rows(self._used, rows)

    def wait_s(self) -> float:
        return self._limits.rows_wait_s(self._used)


def _require_deadline(limit: Limit, remaining_s: float | None) -> None:
    metadata = {"deadline_max_s": str(limit.deadline_max_s)}
    if remaining_s is None:
        if limit.deadline_required:
            raise invalid("DEADLINE_REQUIRED", f"this call needs a deadline of {limit.deadline_max_s} s at most", metadata)
    elif remaining_s > limit.deadline_max_s + CLOCK_SLACK_S:
        raise invalid("DEADLINE_REQUIRED", f"the deadline of this call is later than in {limit.deadline_max_s} s", metadata)


def _exhausted(reason: str, message: str, wait_s: float) -> Refusal:
    return Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, reason, message, retry_after_s=wait_s)


class RefusalCounts:
    """Refusals of operators in the present minute: the first ones are recorded one by one."""

    def __init__(self) -> None:
        self._minute, self._counts = 0, collections.Counter[str]()
        self._lock = threading.Lock()

    def are_many(self, operator: str, minute: int) -> bool:
        """Count one more, and return whether there were more than REFUSALS_ONE_BY_ONE in this minute."""
        with self._lock:
            if minute != self._minute:
                self._minute, self._counts = minute, collections.Counter()
            self._counts[operator] += 1
            return self._counts[operator] > REFUSALS_ONE_BY_ONE
