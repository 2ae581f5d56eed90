"""Calls of the client, and its repeats: against a service that answers as a script says, over a socket."""

from __future__ import annotations

import datetime as dt
from concurrent import futures
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from ratewright.v1 import payment_service_pb2 as pb
from ratewright.v1 import payment_service_pb2_grpc
from server.client import CallError, Connection, Finance, Retries, micros, money

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
DAY = dt.date(2026, 11, 10)
UNAVAILABLE, EXHAUSTED = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED


class Scripted(payment_service_pb2_grpc.PaymentServiceServicer):
    """Answers payments with the statuses of `script`, one a call, then as recorded; keeps what came."""

    def __init__(self) -> None:
        self.script: list[status_pb2.Status] = []
        self.asked: list[pb.RecordPaymentRequest] = []
        self.seconds: list[float] = []
        self.tokens: list[str] = []

    def RecordPayment(self, request: pb.RecordPaymentRequest, context: Any) -> pb.RecordPaymentResponse:  # noqa: ANN401, N802 -- as grpc has them
        """The next answer of the script."""
        self.asked.append(request)
        self.seconds.append(context.time_remaining())
        self.tokens.append(dict(context.invocation_metadata()).get("authorization", ""))
        if self.script:
            context.abort_with_status(rpc_status.to_status(self.script.pop(0)))
        return pb.RecordPaymentResponse(payment="payments/1")


def status(code: grpc.StatusCode, *, retry_s: int | None = None, reason: str = "", **metadata: str) -> status_pb2.Status:
    """A refusal with its details."""
    told = [error_details_pb2.ErrorInfo(reason=reason, domain="ratewright", metadata=metadata)] if reason else []
    if retry_s is not None:
        told.append(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=retry_s)))
    details = [any_pb2.Any() for _ in told]
    for detail, each in zip(details, told, strict=True):
        detail.Pack(each)
    return status_pb2.Status(code=code.value[0], message="as the script says", details=details)


@pytest.fixture
def service() -> Iterator[tuple[Scripted, str]]:
    """The service and its address."""
    scripted = Scripted()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    payment_service_pb2_grpc.add_PaymentServiceServicer_to_server(scripted, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield scripted, f"127.0.0.1:{port}"
    server.stop(None).wait()


def pay(address: str, pauses: list[float], **words: Any) -> str:  # noqa: ANN401 -- of a connection
    """One payment; notes the pauses that are made before further attempts."""
    retries = Retries(attempts_max=4, sleep=pauses.append)
    ids = iter(["id-1", "id-2"])
    with Connection(address, retries=retries, new_id=lambda: next(ids), **words) as connection:
        return Finance(connection).record_payment("accounts/anna", "B-1", money(20_500_000), DAY).payment


def test_a_write_is_sent_again_with_the_same_request_id(service: tuple[Scripted, str]) -> None:
    scripted, address = service
    scripted.script = [status(UNAVAILABLE), status(UNAVAILABLE)]
    pauses: list[float] = []
    assert pay(address, pauses) == "payments/1"
    assert [each.request_id for each in scripted.asked] == ["id-1"] * 3
    assert scripted.asked[0] == scripted.asked[2]
    assert pauses == [0.25, 0.5]


def test_a_request_id_of_the_caller_is_kept(service: tuple[Scripted, str]) -> None:
    scripted, address = service
    with Connection(address) as connection:
        Finance(connection).record_payment("accounts/anna", "B-1", money(1), DAY, request_id="mine")
    assert [each.request_id for each in scripted.asked] == ["mine"]


def test_a_call_is_made_again_where_the_service_says_when(service: tuple[Scripted, str]) -> None:
    scripted, address = service
    scripted.script = [status(EXHAUSTED, retry_s=3)]
    pauses: list[float] = []
    assert pay(address, pauses) == "payments/1"
    assert pauses == [3.0]


@pytest.mark.parametrize(
    "refusal",
    [
        status(EXHAUSTED, reason="CALLS_EXHAUSTED"),
        status(EXHAUSTED, retry_s=61),
        status(grpc.StatusCode.DEADLINE_EXCEEDED),
        status(grpc.StatusCode.INTERNAL),
        status(grpc.StatusCode.ABORTED),
        status(grpc.StatusCode.FAILED_PRECONDITION, reason="REFUSED"),
    ],
    ids=["exhausted", "asks for too long", "deadline", "internal", "aborted", "refused"],
)
def test_nothing_else_is_tried_again(service: tuple[Scripted, str], refusal: status_pb2.Status) -> None:
    scripted, address = service
    scripted.script = [refusal]
    with pytest.raises(CallError):
        pay(address, [])
    assert len(scripted.asked) == 1


def test_attempts_end(service: tuple[Scripted, str]) -> None:
    scripted, address = service
    scripted.script = [status(UNAVAILABLE)] * 9
    pauses: list[float] = []
    with pytest.raises(CallError) as raised:
        pay(address, pauses)
    assert (raised.value.code, len(scripted.asked), pauses) == (UNAVAILABLE, 4, [0.25, 0.5, 1.0])


def test_an_error_has_code_reason_remedy_and_metadata(service: tuple[Scripted, str]) -> None:
    scripted, address = service
    scripted.script = [status(grpc.StatusCode.INVALID_ARGUMENT, reason="REFUSED", remedy="name another day", field="receive_date")]
    with pytest.raises(CallError) as raised:
        pay(address, [])
    error = raised.value
    assert (error.code, error.reason, error.remedy) == (grpc.StatusCode.INVALID_ARGUMENT, "REFUSED", "name another day")
    assert error.metadata == {"remedy": "name another day", "field": "receive_date"}
    assert (error.message, str(error)) == ("as the script says", "as the script says (REFUSED)")


def test_each_attempt_has_a_deadline(service: tuple[Scripted, str]) -> None:
    scripted, address = service
    scripted.script = [status(UNAVAILABLE)]
    pay(address, [], deadline_s=7.0)
    assert [0 < each < 8 for each in scripted.seconds] == [True, True]


def test_a_deadline_is_shortened_to_what_the_service_takes(service: tuple[Scripted, str]) -> None:
    """30 s are refused where 5 s are the most; a second refusal of the same is an error."""
    scripted, address = service
    refusal = status(grpc.StatusCode.INVALID_ARGUMENT, reason="DEADLINE_REQUIRED", deadline_max_s="5")
    scripted.script = [refusal]
    pauses: list[float] = []
    assert pay(address, pauses) == "payments/1"
    assert ([round(each) for each in scripted.seconds], pauses) == ([30, 5], [])
    scripted.script = [refusal] * 2
    with pytest.raises(CallError):
        pay(address, pauses)
    assert len(scripted.asked) == 4


def test_a_token_that_was_renewed_is_read_at_the_next_call(service: tuple[Scripted, str], tmp_path: Path) -> None:
    scripted, address = service
    token = tmp_path / "token"
    with Connection(address, token_file=token) as connection:
        for text in ("first\n", "second\n"):
            token.write_text(text)
            Finance(connection).record_payment("accounts/anna", "B-1", money(1), DAY)
        token.unlink()
        with pytest.raises(CallError) as raised:
            Finance(connection).record_payment("accounts/anna", "B-1", money(1), DAY)
    assert scripted.tokens == ["Bearer first", "Bearer second"]
    assert (raised.value.reason, raised.value.remedy) == ("KEY_FILE", "name a file that exists and that this account may read")


@pytest.mark.parametrize(("amount", "units", "nanos"), [(20_500_001, 20, 500_001_000), (-1_250_000, -1, -250_000_000), (-1, 0, -1_000)])
def test_money_is_micro_units_both_ways(amount: int, units: int, nanos: int) -> None:
    sent = money(amount, "EUR")
    assert (sent.units, sent.nanos, sent.currency_code) == (units, nanos, "EUR")
    assert micros(sent) == amount


@pytest.mark.parametrize(
    ("content", "mode", "told"),
    [
        ("a.b.c", 0o640, "may be read or changed by others than its owner"),
        ("a.b.c", 0o602, "may be read or changed by others than its owner"),
        ("id,date,amount\n1,2025-11-10,4.00\n", 0o600, "does not hold a token"),
        ("x" * 5_000, 0o600, "does not hold a token"),
        ("\x00\xff", 0o600, "does not hold a token"),
    ],
)
def test_a_token_is_in_a_file_of_its_owner_alone(tmp_path: Path, content: str, mode: int, told: str) -> None:
    """No call is made: nothing listens at that port, and the error is not that."""
    token = tmp_path / "switch.token"
    token.write_text(content)
    token.chmod(mode)
    with Connection("127.0.0.1:1", token_file=token) as connection, pytest.raises(CallError, match=told) as refused:
        Finance(connection).invoice("accounts/anna/invoices/R-1")
    assert (refused.value.reason, bool(refused.value.remedy)) == ("KEY_FILE", True)
