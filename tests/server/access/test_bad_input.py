"""Bad input over real sockets: each kind has its code and reason, the service lives on, and nothing is lost or doubled.

The page [service](../../../docs/service.md#bad-input) names the test of each kind.
"""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pyarrow as pa
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from billing.operators import Role
from billing.store import database
from mediation.stream import STREAM_V1
from ratewright.v1 import (
    invoice_service_pb2,
    invoice_service_pb2_grpc,
    payment_service_pb2_grpc,
    usage_service_pb2,
    usage_service_pb2_grpc,
)
from rating.dates import DAY_US
from tests.server.access.test_entrance import reason_of
from tests.server.grpc.calls import HEADER, batch, ipc, records
from tests.server.grpc.finance.asking import payment
from tests.server.grpc.finance.conftest import bill_two
from tests.server.grpc.usage.streams import stored
from tests.server.with_token import with_token

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def test_arrow_that_is_large_once_it_is_unpacked(guarded: Guarded) -> None:
    """It is refused by its head: neither a compressed body nor ten million rows of nothing are ever unpacked."""
    unpacked = pa.record_batch({"record_id": pa.array([" " * 1_000] * 60_000)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, unpacked.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_batch(unpacked)
    compressed = sink.getvalue().to_pybytes()
    assert len(compressed) < 1_000_000
    rows = pa.record_batch({"record_id": pa.nulls(10_000_000)})
    assert streamed(guarded, compressed) == (grpc.StatusCode.INVALID_ARGUMENT, "ARROW_MALFORMED")
    assert streamed(guarded, whole(rows)) == (grpc.StatusCode.INVALID_ARGUMENT, "BATCH_TOO_LARGE")
    assert stored(guarded.home.path) == []
    assert is_serving(guarded)


@pytest.mark.parametrize(
    "values",
    [pa.array([float("nan")]), pa.array([2**63], pa.uint64()), pa.array([float(2**63)])],
    ids=["NaN", "2^63", "2^63 as a float"],
)
def test_quantities_that_are_no_int64(guarded: Guarded, values: pa.Array[Any]) -> None:
    """They come in a column of another type alone, which is refused. 2^63 in a column of protobuf is no message."""
    good = pa.RecordBatch.from_pylist(records([1]), schema=STREAM_V1)
    place = good.schema.get_field_index("duration_us")
    assert streamed(guarded, whole(good.set_column(place, "duration_us", values))) == (grpc.StatusCode.INVALID_ARGUMENT, "ARROW_SCHEMA")
    with pytest.raises(ValueError, match="9223372036854775808"):
        usage_service_pb2.UsageColumns(duration_us=[2**63])
    assert stored(guarded.home.path) == []


def test_a_page_token_is_of_its_query_and_of_its_caller(guarded: Guarded) -> None:
    guarded.world.catch_up()
    bill_two(guarded.world)
    guarded.now_us = max(guarded.now_us, guarded.world.now_us)
    guarded.add("fay", Role.FINANCE)

    def listed(name: str, **fields: Any) -> invoice_service_pb2.ListInvoicesResponse:  # noqa: ANN401 -- fields of the message
        asked = invoice_service_pb2.ListInvoicesRequest(**{"parent": "accounts/-", "page_size": 1, **fields})
        return invoice_service_pb2_grpc.InvoiceServiceStub(guarded.channel(name)).ListInvoices(asked, timeout=20)

    token = listed("the-finance").next_page_token
    assert [each.number for each in listed("the-finance", page_token=token).invoices] == ["R-0000000002"]
    for name, fields in (("fay", {}), ("boss", {}), ("the-finance", {"parent": "accounts/anna"})):
        with pytest.raises(grpc.RpcError) as refused:
            listed(name, page_token=token, **fields)
        assert (refused.value.code(), reason_of(refused.value)) == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN")


def test_three_hundred_streams(guarded: Guarded) -> None:
    """Of one client 32 are open at a time; the others are refused with a time to come back, and what is acked is stored once."""
    stub = usage_service_pb2_grpc.UsageServiceStub(guarded.channel("the-switch"))
    ends = threading.Event()

    def sent(number: int) -> Iterator[usage_service_pb2.StreamUsageRequest]:
        yield HEADER
        yield batch(1, ipc(records([number])))
        ends.wait(60)

    calls = [stub.StreamUsage(sent(number), timeout=60) for number in range(300)]
    open_calls, reasons = [], Counter[tuple[grpc.StatusCode, str]]()
    for number, call in enumerate(calls):
        try:
            assert next(call).HasField("opened")
            open_calls.append((number, call))
        except grpc.RpcError as error:
            reasons[error.code(), reason_of(error)] += 1
    assert is_serving(guarded)
    assert [next(call).ack.accepted for _, call in open_calls] == [1] * len(open_calls)
    ends.set()
    assert (len(open_calls), sum(reasons.values())) == (32, 268)
    assert reasons.keys() <= {(grpc.StatusCode.RESOURCE_EXHAUSTED, name) for name in ("STREAMS_EXHAUSTED", "CALLS_EXHAUSTED")}
    assert stored(guarded.home.path) == sorted(f"call-{number}" for number, _ in open_calls)
    assert is_serving(guarded)


def test_a_store_that_is_gone_comes_back(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads, writes and batches are refused meanwhile, and nothing of them is stored."""
    guarded.world.catch_up()
    bill_two(guarded.world)
    guarded.now_us = max(guarded.now_us, guarded.world.now_us)
    invoices = invoice_service_pb2_grpc.InvoiceServiceStub(guarded.channel("the-finance"))
    pay = payment_service_pb2_grpc.PaymentServiceStub(guarded.channel("the-finance")).RecordPayment
    asked, before = invoice_service_pb2.ListInvoicesRequest(parent="accounts/-"), stored(guarded.home.path)
    good = ipc(records([1]))
    with monkeypatch.context() as patched:
        patched.setattr(guarded.home, "engine", database.engine(Path("/nowhere/at/all.sqlite"), 100))
        for refuse in (lambda: invoices.ListInvoices(asked, timeout=20), lambda: pay(payment(request_id="once"), timeout=20)):
            with pytest.raises(grpc.RpcError) as refused:
                refuse()
            assert (refused.value.code(), reason_of(refused.value)) == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
        assert streamed(guarded, good) == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
    assert stored(guarded.home.path) == before
    assert pay(payment(request_id="once"), timeout=20).payment
    assert streamed(guarded, good) is None
    assert is_serving(guarded)


def streamed(guarded: Guarded, content: bytes) -> tuple[grpc.StatusCode, str] | None:
    """The code and the reason with which a batch is refused; None where it is stored."""
    call = usage_service_pb2_grpc.UsageServiceStub(guarded.channel("the-switch")).StreamUsage(iter([HEADER, batch(1, content)]), timeout=20)
    try:
        return None if [each.ack.accepted for each in call if each.HasField("ack")] else (grpc.StatusCode.OK, "")
    except grpc.RpcError as error:
        return error.code(), reason_of(error)


def whole(rows: pa.RecordBatch) -> bytes:
    """A batch as one Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_batch(rows)
    return sink.getvalue().to_pybytes()
