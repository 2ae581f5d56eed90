"""Answers that no honest service gives: a page that comes again, details that are not of their status, amounts that are none."""

from __future__ import annotations

from concurrent import futures
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from google.type import money_pb2

from ratewright.v1 import payment_service_pb2 as pb
from ratewright.v1 import payment_service_pb2_grpc
from server.client import CallError, Connection, Finance, Retries, micros

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
DETAILS = "grpc-status-details-bin"
REFUSED = grpc.StatusCode.FAILED_PRECONDITION


class Odd(payment_service_pb2_grpc.PaymentServiceServicer):
    """Lists pages with the tokens of `tokens`, one payment each; behind them it refuses with `details`."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.details = b""
        self.asked: list[str] = []

    def ListPayments(self, request: pb.ListPaymentsRequest, context: Any) -> pb.ListPaymentsResponse:  # noqa: ANN401, N802 -- as grpc has them
        """The next page."""
        self.asked.append(request.page_token)
        if not self.tokens:
            context.set_trailing_metadata(((DETAILS, self.details),))
            context.abort(REFUSED, "no more")
        return pb.ListPaymentsResponse(payments=[pb.Payment()], next_page_token=self.tokens.pop(0))


@pytest.fixture
def odd() -> Iterator[tuple[Odd, Finance]]:
    servicer = Odd()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    payment_service_pb2_grpc.add_PaymentServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with Connection(f"127.0.0.1:{port}", retries=Retries(attempts_max=2)) as connection:
        yield servicer, Finance(connection)
    server.stop(None).wait()


@pytest.mark.parametrize("tokens", [["a", "a"], ["a", "b", "a"]])
def test_a_page_token_that_comes_again_ends_the_list(odd: tuple[Odd, Finance], tokens: list[str]) -> None:
    servicer, finance = odd
    servicer.tokens = [*tokens, "never asked for"]
    with pytest.raises(CallError) as raised:
        list(finance.payments())
    assert (raised.value.code, raised.value.reason, bool(raised.value.remedy)) == (grpc.StatusCode.INTERNAL, "PAGE_TOKEN_AGAIN", True)
    assert servicer.asked == ["", *tokens[:-1]]


def test_pages_are_read_to_the_last(odd: tuple[Odd, Finance]) -> None:
    servicer, finance = odd
    servicer.tokens = ["a", "b", ""]
    assert len(list(finance.payments())) == 3
    assert servicer.asked == ["", "a", "b"]


def of_another_status() -> bytes:
    return status_pb2.Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message="else").SerializeToString()


def of_no_message() -> bytes:
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return status_pb2.Status(
        code=REFUSED.value[0], message="no more", details=[any_pb2.Any(type_url=kind, value=b"\xff")]
    ).SerializeToString()


@pytest.mark.parametrize("details", [of_another_status(), of_no_message(), b"\xff"])
def test_details_that_cannot_be_read_leave_the_status(odd: tuple[Odd, Finance], details: bytes) -> None:
    servicer, finance = odd
    servicer.details = details
    with pytest.raises(CallError) as raised:
        list(finance.payments())
    assert (raised.value.code, raised.value.message, raised.value.reason) == (REFUSED, "no more", "")


def test_a_pause_beyond_all_calendars_is_not_waited_for(odd: tuple[Odd, Finance]) -> None:
    servicer, finance = odd
    told = status_pb2.Status(code=REFUSED.value[0], message="no more")
    told.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=10**15, nanos=500_000_000)))
    servicer.details = told.SerializeToString()
    with pytest.raises(CallError) as raised:
        list(finance.payments())
    assert (raised.value.retry_after_s, len(servicer.asked)) == (10**15 + 0.5, 1)


@pytest.mark.parametrize(("units", "nanos"), [(1, 1), (1, -1_000), (-1, 1_000)])
def test_an_amount_beside_micro_units_or_of_two_signs_is_none(units: int, nanos: int) -> None:
    with pytest.raises(ValueError, match="do not make whole micro-units"):
        micros(money_pb2.Money(units=units, nanos=nanos))
