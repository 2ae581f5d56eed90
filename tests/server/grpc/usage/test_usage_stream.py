"""One usage stream over a sink that syncs when the test says so: acks, order, errors, back-pressure, the end. Needs a loopback port."""

from __future__ import annotations

import queue
import threading
from concurrent import futures
from concurrent.futures import Future
from typing import TYPE_CHECKING

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from billing.intake.streams.offsets import Line, Stored
from billing.intake.streams.registry import Counts
from ratewright.v1 import usage_service_pb2 as pb
from ratewright.v1 import usage_service_pb2_grpc
from server.grpc.admission import Bound, Gate, Limits
from server.grpc.refusals import invalid, not_found
from server.grpc.usage.group_commit import ClosedError
from server.grpc.usage.stream_calls import StreamCalls
from server.grpc.usage.usage_service import UsageService
from server.grpc.usage.usage_stream import UNDER_WAY_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
WAIT_S = 10
HEADER = pb.StreamUsageRequest(header=pb.StreamHeader(source="switch", schema_version=1, stream_id="s"))


class Sink:
    """Accepts any bytes but b"bad"; durable when the test calls `sync`."""

    def __init__(self) -> None:
        self.submitted: queue.SimpleQueue[tuple[bytes, Future[Stored]]] = queue.SimpleQueue()
        self._answers: list[Future[Stored]] = []
        self.within_s: float | None = None

    def open(self, header: pb.StreamHeader) -> Line:
        """Know one source, and one stream."""
        if header.source != "switch":
            raise not_found("SOURCE_UNKNOWN", f"no source {header.source}")
        return Line("switch", 1 if header.usage_stream else None)

    def submit(self, line: Line, batch: pb.UsageBatch) -> Future[Stored]:
        """Take the bytes."""
        assert line.source == "switch"
        arrow_ipc = batch.arrow_ipc
        if arrow_ipc == b"bad":
            raise invalid("ARROW_MALFORMED", "bad bytes")
        answer: Future[Stored] = Future()
        self._answers.append(answer)
        self.submitted.put((arrow_ipc, answer))
        return answer

    def end_by(self, within_s: float) -> None:
        """Note it."""
        self.within_s = within_s

    def close(self, wait_s: float) -> bool:
        """Nothing to do."""
        return wait_s >= 0

    def sync(self, error: Exception | None = None) -> bytes:
        """Answer the oldest batch."""
        content, answer = self.submitted.get(timeout=WAIT_S)
        if error is None:
            answer.set_result(Stored(7, Counts(accepted=len(content))))
        else:
            answer.set_exception(error)
        return content

    def give_up(self) -> None:
        """Refuse what was never synced: its stream would wait for ever, and the process of the tests with it."""
        for answer in self._answers:
            if not answer.done():
                answer.set_exception(ClosedError())


class Client:
    """A stream that sends when told to."""

    def __init__(self, stub: usage_service_pb2_grpc.UsageServiceStub, *first: pb.StreamUsageRequest) -> None:
        self._requests: queue.SimpleQueue[pb.StreamUsageRequest | None] = queue.SimpleQueue()
        self.call = stub.StreamUsage(iter(self._requests.get, None), timeout=WAIT_S)
        for request in first:
            self._requests.put(request)

    def send(self, sequence: int, content: bytes = b"x") -> None:
        """Send one batch."""
        self._requests.put(pb.StreamUsageRequest(batch=pb.UsageBatch(sequence=sequence, arrow_ipc=content)))

    def finish(self) -> None:
        """Send no more."""
        self._requests.put(None)

    def refusal(self) -> tuple[grpc.StatusCode, str, dict[str, str]]:
        """The code, reason and metadata with which the call ends."""
        with pytest.raises(grpc.RpcError) as raised:
            for _ in self.call:
                pass
        error = raised.value
        assert isinstance(error, grpc.Call)
        status = rpc_status.from_call(error)
        assert status is not None
        info = error_details_pb2.ErrorInfo()
        assert status.details[0].Unpack(info)
        assert info.domain == "ratewright"
        return error.code(), info.reason, dict(info.metadata)


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def service(sink: Sink) -> UsageService:
    streams = StreamCalls(None, sink.open, str)  # type: ignore[arg-type] -- not asked, as all that is None
    return UsageService(sink, Gate(Limits(streams=Bound(2, 2))), streams, None, None, None, None, None, None)  # type: ignore[arg-type] # no test here asks for more than streams


@pytest.fixture
def stub(service: UsageService, sink: Sink) -> Iterator[usage_service_pb2_grpc.UsageServiceStub]:
    server = grpc.server(futures.ThreadPoolExecutor(4))
    usage_service_pb2_grpc.add_UsageServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield usage_service_pb2_grpc.UsageServiceStub(channel)
    stopped = server.stop(0)
    sink.give_up()
    assert stopped.wait(WAIT_S)


def test_acks_follow_the_sync_in_the_order_of_the_batches(stub: usage_service_pb2_grpc.UsageServiceStub, sink: Sink) -> None:
    client = Client(stub, HEADER)
    assert next(client.call).opened.batch_rows_max == 65_536
    client.send(5, b"a")
    client.send(9, b"bb")
    answers: queue.SimpleQueue[pb.StreamUsageResponse] = queue.SimpleQueue()
    reader = threading.Thread(target=lambda: [answers.put(answer) for answer in client.call])
    reader.start()
    with pytest.raises(queue.Empty):
        answers.get(timeout=0.2)  # received, not durable: no ack
    assert [sink.sync(), sink.sync()] == [b"a", b"bb"]
    first, second = answers.get(timeout=WAIT_S).ack, answers.get(timeout=WAIT_S).ack
    assert [(ack.sequence, ack.commit_seq, ack.accepted) for ack in (first, second)] == [(5, 7, 1), (9, 7, 2)]
    client.finish()
    reader.join(WAIT_S)
    assert client.call.code() is grpc.StatusCode.OK


BATCH = pb.StreamUsageRequest(batch=pb.UsageBatch(sequence=1, arrow_ipc=b"x"))
REFUSED_AT_ONCE = [
    ([BATCH], grpc.StatusCode.INVALID_ARGUMENT, "HEADER_MISSING"),
    ([pb.StreamUsageRequest()], grpc.StatusCode.INVALID_ARGUMENT, "HEADER_MISSING"),
    ([pb.StreamUsageRequest(header=pb.StreamHeader(source="switch"))], grpc.StatusCode.INVALID_ARGUMENT, "SCHEMA_VERSION"),
    ([pb.StreamUsageRequest(header=pb.StreamHeader(source="?", schema_version=1))], grpc.StatusCode.NOT_FOUND, "SOURCE_UNKNOWN"),
    (
        [pb.StreamUsageRequest(header=pb.StreamHeader(source="switch", schema_version=1, stream_id="x" * 129))],
        grpc.StatusCode.INVALID_ARGUMENT,
        "MALFORMED_REQUEST",
    ),
    ([HEADER, HEADER], grpc.StatusCode.INVALID_ARGUMENT, "HEADER_REPEATED"),
]


@pytest.mark.parametrize(("requests", "code", "reason"), REFUSED_AT_ONCE)
def test_refused_at_once(
    stub: usage_service_pb2_grpc.UsageServiceStub, requests: list[pb.StreamUsageRequest], code: grpc.StatusCode, reason: str
) -> None:
    assert Client(stub, *requests).refusal()[:2] == (code, reason)


def test_a_bad_batch_ends_the_stream_after_the_acks_before_it(stub: usage_service_pb2_grpc.UsageServiceStub, sink: Sink) -> None:
    client = Client(stub, HEADER)
    client.send(1)
    client.send(2, b"bad")
    next(client.call)
    sink.sync()
    assert next(client.call).ack.sequence == 1
    assert client.refusal() == (grpc.StatusCode.INVALID_ARGUMENT, "ARROW_MALFORMED", {"sequence": "2"})
    again = Client(stub, HEADER)  # the connection lives
    assert next(again.call).HasField("opened")
    again.finish()


def test_sequence_must_grow(stub: usage_service_pb2_grpc.UsageServiceStub, sink: Sink) -> None:
    client = Client(stub, HEADER)
    client.send(3)
    client.send(3)
    sink.sync()
    assert client.refusal() == (grpc.StatusCode.INVALID_ARGUMENT, "SEQUENCE_NOT_GROWING", {"sequence": "3"})


def test_a_failing_store_is_not_acked(stub: usage_service_pb2_grpc.UsageServiceStub, sink: Sink) -> None:
    client = Client(stub, HEADER)
    client.send(1)
    sink.sync(OSError(28, "No space left on device"))
    assert client.refusal() == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE", {"sequence": "1"})


def test_our_own_mistake_shows_nothing_of_its_inside(
    stub: usage_service_pb2_grpc.UsageServiceStub, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(stub, HEADER)
    client.send(1)
    sink.sync(RuntimeError("inside"))
    assert client.refusal() == (grpc.StatusCode.INTERNAL, "INTERNAL", {"sequence": "1"})
    assert "inside" not in str(client.call.details())
    assert "RuntimeError: inside" in caplog.text


def test_a_stream_is_held_back_while_too_many_batches_wait_for_their_ack(stub: usage_service_pb2_grpc.UsageServiceStub, sink: Sink) -> None:
    client = Client(stub, HEADER)
    for sequence in range(UNDER_WAY_MAX + 50):
        client.send(sequence)
    next(client.call)
    taken = [sink.submitted.get(timeout=WAIT_S) for _ in range(UNDER_WAY_MAX)]
    with pytest.raises(queue.Empty):
        sink.submitted.get(timeout=0.2)
    for _, answer in taken:
        answer.set_result(Stored(1, Counts(accepted=1)))
    for _ in range(50):
        sink.sync()
    client.finish()
    assert [answer.ack.sequence for answer in client.call] == list(range(UNDER_WAY_MAX + 50))


def test_stopping_acks_what_was_read_and_says_to_come_back(
    stub: usage_service_pb2_grpc.UsageServiceStub, service: UsageService, sink: Sink
) -> None:
    client = Client(stub, HEADER)
    client.send(1)
    next(client.call)
    content, answer = sink.submitted.get(timeout=WAIT_S)
    service.end_streams(wait_s=0.0)
    assert sink.within_s == 0.0
    answer.set_result(Stored(1, Counts(accepted=len(content))))
    assert next(client.call).ack.sequence == 1
    assert client.refusal()[:2] == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
    assert Client(stub, HEADER).refusal()[:2] == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")


def test_what_is_not_begun_before_the_end_is_to_be_sent_again(stub: usage_service_pb2_grpc.UsageServiceStub, sink: Sink) -> None:
    client = Client(stub, HEADER)
    client.send(1)
    sink.sync(ClosedError())
    assert client.refusal()[:2] == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")


def test_streams_are_limited_and_a_broken_one_makes_room(stub: usage_service_pb2_grpc.UsageServiceStub) -> None:
    first, second = Client(stub, HEADER), Client(stub, HEADER)
    assert next(first.call).HasField("opened")
    assert next(second.call).HasField("opened")
    assert Client(stub, HEADER).refusal()[:2] == (grpc.StatusCode.RESOURCE_EXHAUSTED, "STREAMS_EXHAUSTED")
    first.call.cancel()
    for _ in range(100):
        third = Client(stub, HEADER)
        try:
            next(third.call)
            break
        except grpc.RpcError:
            threading.Event().wait(0.05)
    assert third.call.is_active()
    for client in (second, third):
        client.finish()
