"""What a client reads for each kind of failure."""

from __future__ import annotations

import grpc
import pytest

from rating.errors import NotFoundError, UnusableBatchError, UserError
from server.grpc.refusals import Refusal, as_refusal, invalid

FAILURES = [
    # what was raised, code, reason, message
    (invalid("PAGE_SIZE", "too small"), grpc.StatusCode.INVALID_ARGUMENT, "PAGE_SIZE", "too small"),
    (UserError("database x is locked", "wait"), grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE", "database x is locked"),
    (UnusableBatchError("too much", "send less"), grpc.StatusCode.INVALID_ARGUMENT, "BATCH_UNUSABLE", "too much; send less"),
    (NotFoundError("no account", "look"), grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE", "no account"),  # a servicer says better
    (
        OSError(28, "No space left on device", "/srv/home/usage/journal/1"),
        grpc.StatusCode.UNAVAILABLE,
        "STORE_UNAVAILABLE",
        "the store failed: No space left on device",
    ),
    (ZeroDivisionError("inside"), grpc.StatusCode.INTERNAL, "INTERNAL", "internal error; the server's log says more"),
]


@pytest.mark.parametrize(("error", "code", "reason", "message"), FAILURES)
def test_failure(error: Exception, code: grpc.StatusCode, reason: str, message: str) -> None:
    refusal = as_refusal(error)
    assert (refusal.code, refusal.reason, refusal.message) == (code, reason, message)


def test_a_sentence_of_a_place_has_more_room_the_fewer_there_are() -> None:
    """Eight places of 200 characters are 1,600: of two each has 800 bytes, as a message has, of eight 200 characters."""
    remedy = "x" * 300

    def told(places: int) -> set[str]:
        found = Refusal(grpc.StatusCode.FAILED_PRECONDITION, "NOT_READY", "not yet", None, [("review", remedy)] * places)
        return {text for _, text in found.violations}

    assert told(1) == told(3) == told(5) == {remedy}
    assert told(8) == told(9) == {"x" * 200 + "..."}
    [(_, cut)] = Refusal(grpc.StatusCode.FAILED_PRECONDITION, "NOT_READY", "not yet", None, [("a", "x" * 1_000)]).violations
    assert cut == "x" * 800 + "..."
