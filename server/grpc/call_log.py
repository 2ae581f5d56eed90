"""The log of calls that did not end well: one line each, without what was sent, who sent it, or what the refusal says of a customer.

A client that is refused all the time cannot fill a disk: of more than LINES_PER_SECOND refusals the others are counted, and the next line
has their number. The audit trail has who it was.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

from server.grpc.operator_limits import Bucket

if TYPE_CHECKING:
    from collections.abc import Callable

    from server.grpc.under_way import UnderWay

LINES_PER_SECOND: Final = 50
OURS: Final = frozenset({"INTERNAL", "UNKNOWN", "DATA_LOSS", "UNAVAILABLE"})  # statuses that are no mistake of the caller
_GOING: Final = "SHUTTING_DOWN"  # UNAVAILABLE, and as it should be
_log = logging.getLogger(__name__)


class CallLog:
    """Writes lines into the log. `clock_s`: a monotonic clock."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._lines = Bucket(LINES_PER_SECOND, clock_s())
        self._left_out = 0
        self._lock = threading.Lock()

    def refused(self, call: UnderWay, code: str, seconds: float) -> None:
        """A call ended with another status than OK."""
        with self._lock:
            if self._lines.wait_s(self._clock_s()):
                self._left_out += 1
                return
            self._lines.take(1)
            left_out, self._left_out = self._left_out, 0
        fields = {
            "call": call.call,
            "code": code,
            "reason": call.reason,
            "request_id": call.request_id,
            "milliseconds": round(seconds * 1_000),
            **({"left_out": left_out} if left_out else {}),
        }
        has_failed = code in OURS and call.reason != _GOING
        _log.info("call failed" if has_failed else "call refused", extra={"fields": fields})  # `refusals` tells the cause of a failure
