"""Calls that are made again: those that no service answered (UNAVAILABLE), and those with a pause that the service asks for (RetryInfo).

Nothing else is tried again: a refusal stays one, and a deadline that is over leaves open what happened.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import grpc

if TYPE_CHECKING:
    from server.client.errors import CallError


class Retries(NamedTuple):
    """Number of attempts of a call, and the pauses between them; times in seconds."""

    attempts_max: int = 9  # of one call; 1 is no retry. 31 s in all with these pauses
    pause_s: float = 0.25  # before the second attempt; twice as long before each further one
    pause_max_s: float = 8.0
    asked_max_s: float = 60.0  # a service that asks for a longer pause is not waited for
    sleep: Callable[[float], None] = time.sleep

    def pause(self, error: CallError, attempt: int) -> float | None:
        """The pause after attempt number `attempt`, from 1; None where the call is not to be made again."""
        if attempt >= self.attempts_max:
            return None
        if error.retry_after_s is not None:
            return error.retry_after_s if error.retry_after_s <= self.asked_max_s else None
        if error.code is not grpc.StatusCode.UNAVAILABLE:
            return None
        return float(min(self.pause_s * 2 ** (attempt - 1), self.pause_max_s))
