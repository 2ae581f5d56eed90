"""Bad input that no other test has: a message that is small on the wire alone, and a clock that was set back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ratewright.v1 import payment_service_pb2_grpc, usage_service_pb2_grpc
from rating.dates import DAY_US
from tests.server.access.test_entrance import reason_of
from tests.server.grpc.calls import HEADER, batch, ipc, records
from tests.server.grpc.finance.asking import payment
from tests.server.grpc.finance.conftest import bill_two
from tests.server.grpc.usage.streams import stored
from tests.server.with_token import with_token

if TYPE_CHECKING:
    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
BOMB = bytes(64 * 1024 * 1024)  # some 64 kB on the wire
CODEC: dict[str, Any] = {"request_serializer": bytes, "response_deserializer": bytes}


def is_serving(guarded: Guarded) -> bool:
    answer = health_pb2_grpc.HealthStub(guarded.plain).Check(health_pb2.HealthCheckRequest(), timeout=20)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@pytest.mark.parametrize("call", ["InvoiceService/ListInvoices", "UsageService/StreamUsage"])
def test_a_message_that_is_small_on_the_wire_alone(guarded: Guarded, call: str) -> None:
    """It is refused while it is unpacked, at the size that a message may have."""
    unbounded = (("grpc.max_send_message_length", -1),)
    with grpc.insecure_channel(str(guarded.service.address), compression=grpc.Compression.Gzip, options=unbounded) as channel:
        named = with_token(channel, guarded.tokens["boss"])
        make = named.stream_stream if call.endswith("StreamUsage") else named.stream_unary  # a message is a stream of one
        with pytest.raises(grpc.RpcError) as refused:
            list(make(f"/ratewright.v1.{call}", **CODEC)(iter([BOMB]), timeout=60))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert is_serving(guarded)


def test_a_clock_that_was_set_back_stores_nothing(guarded: Guarded) -> None:
    """Days before the last commit nothing is written: neither a payment nor a batch. Once the clock is right, both are."""
    guarded.world.catch_up()
    bill_two(guarded.world)
    guarded.issue("boss", days=30)
    now_us = guarded.now_us = guarded.world.now_us + 10 * DAY_US
    pay = payment_service_pb2_grpc.PaymentServiceStub(guarded.channel("boss")).RecordPayment
    stream = usage_service_pb2_grpc.UsageServiceStub(guarded.channel("boss")).StreamUsage
    sent, before = [HEADER, batch(1, ipc(records([1, 2])))], stored(guarded.home.path)
    assert pay(payment("P-0"), timeout=20).payment
    guarded.now_us = now_us - 3 * DAY_US
    for refuse in (lambda: pay(payment(), timeout=20), lambda: list(stream(iter(sent), timeout=20))):
        with pytest.raises(grpc.RpcError) as refused:
            refuse()
        assert (refused.value.code(), reason_of(refused.value)) == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
        assert "it was set back" in refused.value.details()
    assert stored(guarded.home.path) == before
    guarded.now_us = now_us
    assert pay(payment(), timeout=20).payment
    assert [each.ack.accepted for each in stream(iter(sent), timeout=20) if each.HasField("ack")] == [2]
    assert is_serving(guarded)
