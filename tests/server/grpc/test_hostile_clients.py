"""Clients that want the service for themselves, or want it down: the others are served, and the health answers. Needs a loopback port."""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import time
from typing import TYPE_CHECKING

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ratewright.v1 import invoice_service_pb2 as invoice_pb
from ratewright.v1 import invoice_service_pb2_grpc, usage_service_pb2_grpc
from ratewright.v1 import usage_service_pb2 as pb
from server.grpc import service
from server.grpc.admission import Bound, Limits
from tests.server.grpc.calls import DEADLINE_S, HEADER, counts, ipc, records, refused, send

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
LOOPBACK = service.Address("127.0.0.1", 0)
SILENT_METHODS = ("/ratewright.v1.RatingService/Quote", "/ratewright.v1.InvoiceService/ListInvoices")
STREAM = "/ratewright.v1.UsageService/StreamUsage"
HEALTH = ("/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch")


def connection(running: service.Service) -> grpc.Channel:
    """A connection of its own."""
    return grpc.insecure_channel(str(running.address), options=(("grpc.use_local_subchannel_pool", 1),))


@pytest.fixture
def hostile(running: service.Service) -> Iterator[grpc.Channel]:
    """A connection of a client that means no good."""
    with connection(running) as channel:
        yield channel


def silent_calls(channel: grpc.Channel, method: str, number: int) -> list[grpc.Call]:
    """Calls that are begun and never send anything."""
    never: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    begin = channel.stream_stream(method, lambda message: message, lambda message: message)
    return [begin(iter(never.get, None)) for _ in range(number)]


def check(channel: grpc.Channel) -> int:
    """The health of the service."""
    stub = health_pb2_grpc.HealthStub(channel)
    return stub.Check(health_pb2.HealthCheckRequest(), timeout=DEADLINE_S).status


SERVING = health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("method", [*SILENT_METHODS, STREAM, *HEALTH])
def test_calls_that_never_send_keep_nobody_out(channel: grpc.Channel, running: service.Service, method: str) -> None:
    """Three hundred, which is more than may wait, from the address of the others."""
    hostile = [connection(running) for _ in range(3)]
    calls = [call for each in hostile for call in silent_calls(each, method, 100)]
    assert check(channel) == SERVING
    assert [counts(ack) for ack in send(channel, ipc(records([1])))] == [(1, 0, 0, 0)]
    invoices = invoice_service_pb2_grpc.InvoiceServiceStub(channel)
    assert list(invoices.ListInvoices(invoice_pb.ListInvoicesRequest(parent="accounts/-"), timeout=DEADLINE_S).invoices) == []
    assert check(channel) == SERVING
    assert not all(call.done() for call in calls), "some of them wait still"
    for each in hostile:
        each.close()


def test_a_call_that_never_sends_is_ended(world: World) -> None:
    listening = service.listen(LOOPBACK, limits=Limits(first_message_s=0.1))
    with service.Service.start(listening, world.home, world.tick) as running, grpc.insecure_channel(str(running.address)) as channel:
        for method in (*SILENT_METHODS, STREAM, *HEALTH):
            (call,) = silent_calls(channel, method, 1)
            refusal = refused(lambda call=call: list(call))  # type: ignore[misc] -- a call of a stream is an iterator
            assert refusal[:2] == (grpc.StatusCode.DEADLINE_EXCEEDED, "FIRST_MESSAGE_LATE"), method


def test_one_client_cannot_have_all_streams(world: World) -> None:
    """Two addresses of this machine are two peers; each has its part, and health answers both."""
    listening = service.listen(service.Address("127.0.0.1", 0), limits=Limits(streams=Bound(3, 2)))
    with service.Service.start(listening, world.home, world.tick) as running, grpc.insecure_channel(str(running.address)) as channel:
        stub = usage_service_pb2_grpc.UsageServiceStub(channel)
        ends: queue.SimpleQueue[pb.StreamUsageRequest | None] = queue.SimpleQueue()
        calls = []
        for _ in range(2):
            calls.append(stub.StreamUsage(opened_until(ends)))
            assert next(calls[-1]).HasField("opened")
        refusal = refused(lambda: list(stub.StreamUsage(iter([HEADER]), timeout=DEADLINE_S)))
        assert refusal[:2] == (grpc.StatusCode.RESOURCE_EXHAUSTED, "STREAMS_EXHAUSTED")
        assert "of this client" in refusal.message
        assert check(channel) == SERVING
        for call in calls:
            call.cancel()


def opened_until(ends: queue.SimpleQueue[pb.StreamUsageRequest | None]) -> Iterator[pb.StreamUsageRequest]:
    """A good header, and then nothing for long."""
    yield HEADER
    while (request := ends.get()) is not None:
        yield request


def test_who_watches_the_health_holds_nobody_up(channel: grpc.Channel, hostile: grpc.Channel) -> None:
    watch = health_pb2_grpc.HealthStub(hostile).Watch
    watchers = [watch(health_pb2.HealthCheckRequest(), timeout=DEADLINE_S) for _ in range(16)]
    assert [next(watcher).status for watcher in watchers] == [SERVING] * 16
    refusal = refused(lambda: list(watch(health_pb2.HealthCheckRequest(), timeout=DEADLINE_S)))
    assert refusal[:2] == (grpc.StatusCode.RESOURCE_EXHAUSTED, "CALLS_EXHAUSTED")
    assert check(channel) == SERVING
    watchers.pop().cancel()
    for _ in range(100):  # the place comes back
        again = watch(health_pb2.HealthCheckRequest(), timeout=DEADLINE_S)
        with contextlib.suppress(grpc.RpcError):
            assert next(again).status == SERVING
            break
        time.sleep(0.05)
    else:
        raise AssertionError("the place stayed taken")
    for watcher in (*watchers, again):
        watcher.cancel()


def test_connections_that_say_nothing_are_closed(world: World) -> None:
    patience = service.Patience(handshake_s=0.5)
    with service.Service.start(service.listen(LOOPBACK, patience=patience), world.home, world.tick) as running:
        with contextlib.ExitStack() as opened:
            idle = [opened.enter_context(socket.create_connection(running.address, DEADLINE_S)) for _ in range(40)]
            for connection in idle:
                while connection.recv(4_096):  # what the server says first; then its end
                    pass
        with grpc.insecure_channel(str(running.address)) as channel:
            assert check(channel) == SERVING


def test_connections_are_bounded(world: World) -> None:
    """Those above the bound are closed at once, and leave the store its file descriptors."""
    listening = service.listen(LOOPBACK, connections_max=5)
    with contextlib.ExitStack() as opened:
        running = opened.enter_context(service.Service.start(listening, world.home, world.tick))
        channel = opened.enter_context(grpc.insecure_channel(str(running.address)))
        assert check(channel) == SERVING
        idle = [opened.enter_context(socket.create_connection(running.address, DEADLINE_S)) for _ in range(8)]
        for connection in idle[4:]:  # the channel and four of these are within the bound
            while connection.recv(4_096):
                pass
        assert check(channel) == SERVING


@pytest.mark.parametrize("when", ["at once", "later"])
def test_a_client_that_cancels_before_its_header_is_no_error(
    channel: grpc.Channel, hostile: grpc.Channel, caplog: pytest.LogCaptureFixture, when: str
) -> None:
    caplog.set_level(logging.INFO)
    for method in (STREAM, *SILENT_METHODS):
        (call,) = silent_calls(hostile, method, 1)
        if when == "later":
            check(hostile)  # the call before it on this connection has reached the server
        call.cancel()
    assert check(channel) == SERVING
    for _ in range(100):
        if when == "at once" or "the client ended its call" in caplog.text:
            break
        time.sleep(0.05)
    else:
        raise AssertionError(caplog.text)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


LONG = "\U0001f600\n" * 100_000


def test_refusals_of_long_texts_arrive(channel: grpc.Channel) -> None:
    """Each repeats a part of what was sent, in ErrorInfo as well, and stays below what metadata may hold."""
    invoices = invoice_service_pb2_grpc.InvoiceServiceStub(channel)
    usage = usage_service_pb2_grpc.UsageServiceStub(channel)
    header = pb.StreamUsageRequest(header=pb.StreamHeader(source=LONG, schema_version=1))
    refusals = [
        refused(lambda: invoices.ListInvoices(invoice_pb.ListInvoicesRequest(parent=LONG), timeout=DEADLINE_S)),
        refused(lambda: invoices.ListInvoices(invoice_pb.ListInvoicesRequest(parent="accounts/" + LONG), timeout=DEADLINE_S)),
        refused(lambda: invoices.GetInvoice(invoice_pb.GetInvoiceRequest(name=f"accounts/{LONG}/invoices/{LONG}"), timeout=DEADLINE_S)),
        refused(lambda: list(usage.StreamUsage(iter([header]), timeout=DEADLINE_S))),
    ]
    reasons = [refusal.reason for refusal in refusals]
    assert reasons == ["MALFORMED_NAME", "ACCOUNT_UNKNOWN", "INVOICE_UNKNOWN", "SOURCE_UNKNOWN"]
    for refusal in refusals:
        assert "characters)" in refusal.message
        assert "\n" not in refusal.message
        assert all(len(value) <= 200 for value in refusal.metadata.values())


def test_a_long_account_is_unknown_and_said_so(channel: grpc.Channel) -> None:
    invoices = invoice_service_pb2_grpc.InvoiceServiceStub(channel)
    name = "x" * 300_000
    refusal = refused(lambda: invoices.ListInvoices(invoice_pb.ListInvoicesRequest(parent=f"accounts/{name}"), timeout=DEADLINE_S))
    assert refusal[:2] == (grpc.StatusCode.NOT_FOUND, "ACCOUNT_UNKNOWN")
    assert refusal.metadata["account"] == "x" * 200
    assert len(refusal.message) < 900
