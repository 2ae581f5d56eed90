"""The client of the benchmark: it sends and times batches of usage, and single calls."""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import grpc
import numpy as np
import pyarrow as pa
from google.protobuf import timestamp_pb2
from grpc_health.v1 import health_pb2

from benchmarks.closing import close_home, close_tariff
from benchmarks.service import serving
from mediation.stream import STREAM_V1
from ratewright.v1 import invoice_service_pb2, rating_service_pb2
from ratewright.v1 import usage_service_pb2 as pb
from ratewright.v1.usage_service_pb2_grpc import UsageServiceStub
from rating.model import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

DEADLINE_S: Final = 300.0
SYNC_BYTES: Final = 4_096
MONTH_MS: Final = 28 * 86_400_000
CODEC: Final[dict[str, Any]] = {"request_serializer": bytes, "response_deserializer": bytes}
OPTIONS: Final = (("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1))


class Spread(NamedTuple):
    """Middle and worst hundredth of many times, in microseconds."""

    p50: float
    p99: float


class Server:
    """A server as a process; `with Server(...) as server` ends it."""

    def __init__(self, kind: str, folder: Path, token: str = "") -> None:
        words = [sys.executable, "-m", "benchmarks.service.serving", kind, str(folder)]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 -- our own
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the server {kind} did not start"
        self.kind, self._address = kind, f"127.0.0.1:{int(line)}"
        self.channel = self.connect()
        self.metadata = (("authorization", f"Bearer {token}"),) if kind == "guarded" else ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def connect(self) -> grpc.Channel:
        """A connection of its own: one takes no more than so many streams."""
        return grpc.insecure_channel(self._address, options=OPTIONS)

    def connect_async(self) -> grpc.aio.Channel:
        """The same for a client of one thread."""
        return grpc.aio.insecure_channel(self._address, options=OPTIONS)

    def memory_mib(self) -> float:
        """The most memory that the process ever had."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))

    def call(self, method: str, request: Any) -> bytes:  # noqa: ANN401 -- a message
        """The bytes of an answer."""
        made = self.channel.unary_unary(f"/{method}", **CODEC)
        return bytes(made(request.SerializeToString(), timeout=DEADLINE_S, metadata=self.metadata))


def batches(count: int, rows: int, first: int) -> list[bytes]:
    """Arrow IPC streams of calls whose ids nobody sent before: `first` is the number of the first record."""
    return [_batch(rows, first + place * rows) for place in range(count)]


def _batch(rows: int, first: int) -> bytes:
    number = np.arange(first, first + rows)
    columns: dict[str, Any] = {
        "record_id": pa.array(number).cast(pa.string()),
        "service": np.full(rows, int(Service.VOICE)),
        "served": pa.array(close_home.FIRST_NUMBER + 1 + number % 1_000).cast(pa.string()),
        "other": pa.array(close_home.FIRST_NUMBER + 5_000 + number % 977).cast(pa.string()),
        "start_us": close_home.MONTH_FROM_US + number % MONTH_MS * 1_000,
        "duration_us": 1_000_000 + number % 600 * 1_000_000,
    }
    arrays = []
    for field in STREAM_V1:
        given = columns.get(field.name)
        arrays.append(pa.nulls(rows, field.type) if given is None else pa.array(given).cast(field.type))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, STREAM_V1) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=STREAM_V1))
    return sink.getvalue().to_pybytes()


def messages(contents: Sequence[bytes]) -> list[pb.StreamUsageRequest]:
    """Batches as they are sent, numbered from 1."""
    return [pb.StreamUsageRequest(batch=pb.UsageBatch(sequence=number, arrow_ipc=each)) for number, each in enumerate(contents, 1)]


def stream(server: Server, sent: Sequence[pb.StreamUsageRequest], channel: grpc.Channel | None = None) -> float:
    """Seconds from the first batch to the last ack; every row was accepted."""
    header = pb.StreamUsageRequest(header=pb.StreamHeader(source="stream", schema_version=1))
    since = time.perf_counter()
    stub = UsageServiceStub(server.channel if channel is None else channel)
    answers = stub.StreamUsage(iter([header, *sent]), timeout=DEADLINE_S, metadata=server.metadata)
    acks = [answer.ack for answer in answers if answer.HasField("ack")]
    seconds = time.perf_counter() - since
    assert len(acks) == len(sent), (len(acks), len(sent))
    assert all(ack.accepted and not ack.duplicate + ack.rejected + ack.conflicting for ack in acks)
    return seconds


def throw_away(server: Server, sent: Sequence[pb.StreamUsageRequest]) -> float:
    """Seconds in which a bare stream takes the same bytes, made in the same way."""
    since = time.perf_counter()
    made = server.channel.stream_stream(serving.METHOD, lambda each: each.SerializeToString(), bytes)
    count = sum(1 for _ in made(iter(sent), timeout=DEADLINE_S))
    assert count == len(sent)
    return time.perf_counter() - since


class AtOnce(NamedTuple):
    """Seconds in which many streams were opened, each on a connection of its own, and then from the first batch to the last ack."""

    opening: float
    streaming: float


def streams_at_once(server: Server, of_each: Sequence[Sequence[pb.StreamUsageRequest]]) -> AtOnce:
    """Times of many streams that are open together, as switches have them: one thread sends for all, so that the cores are the server's."""
    return asyncio.run(_at_once(server, of_each))


async def _at_once(server: Server, of_each: Sequence[Sequence[pb.StreamUsageRequest]]) -> AtOnce:
    header = pb.StreamUsageRequest(header=pb.StreamHeader(source="stream", schema_version=1))
    async with contextlib.AsyncExitStack() as stack:
        channels = [await stack.enter_async_context(server.connect_async()) for _ in of_each]
        since = time.perf_counter()
        calls = [UsageServiceStub(each).StreamUsage(timeout=DEADLINE_S, metadata=server.metadata) for each in channels]
        await asyncio.gather(*(_opened(call, header) for call in calls))
        begun = time.perf_counter()
        await asyncio.gather(*(_sent(call, sent) for call, sent in zip(calls, of_each, strict=True)))
        return AtOnce(begun - since, time.perf_counter() - begun)


async def _opened(call: Any, header: pb.StreamUsageRequest) -> None:  # noqa: ANN401 -- a call, which the stubs do not type
    await call.write(header)
    assert (await call.read()).HasField("opened")


async def _sent(call: Any, sent: Sequence[pb.StreamUsageRequest]) -> None:  # noqa: ANN401 -- as above
    writing = asyncio.create_task(_write(call, sent))
    acks = []
    while (answer := await call.read()) is not grpc.aio.EOF:
        acks += [answer.ack] if answer.HasField("ack") else []
    await writing
    assert len(acks) == len(sent), (len(acks), len(sent))
    assert all(ack.accepted and not ack.duplicate + ack.rejected + ack.conflicting for ack in acks)


async def _write(call: Any, sent: Sequence[pb.StreamUsageRequest]) -> None:  # noqa: ANN401 -- as above
    for each in sent:
        await call.write(each)
    await call.done_writing()


def spread(act: Callable[[], object], count: int) -> Spread:
    """Times of many calls, one after the other, after a tenth of them to get warm."""
    for _ in range(count // 10):
        act()
    times = []
    for _ in range(count):
        since = time.perf_counter_ns()
        act()
        times.append((time.perf_counter_ns() - since) / 1_000)
    return Spread(statistics.median(times), statistics.quantiles(times, n=100)[98])


def quote() -> rating_service_pb2.QuoteRequest:
    """A call of a minute at home."""
    start = timestamp_pb2.Timestamp(seconds=close_home.MONTH_FROM_US // 1_000_000 + 3_600)
    name = f"{close_tariff.IDENTITY}/{close_tariff.PLANS[1]}"
    return rating_service_pb2.QuoteRequest(
        plan=name,
        service=rating_service_pb2.SERVICE_VOICE,
        start_time=start,
        duration_us=60_000_000,
        destination=str(close_home.FIRST_NUMBER + 1),
    )


def invoice(name: str) -> invoice_service_pb2.GetInvoiceRequest:
    """An invoice with its lines."""
    return invoice_service_pb2.GetInvoiceRequest(name=name)


def nothing() -> health_pb2.HealthCheckRequest:
    """The health of all, which looks nothing up and asks nobody who they are."""
    return health_pb2.HealthCheckRequest()


class Acked:
    """A stream that is open: each call of `one` sends the next of its batches and waits for its ack."""

    def __init__(self, server: Server, sent: Sequence[pb.StreamUsageRequest]) -> None:
        """`sent`: batches of one record, made before any is timed."""
        header = pb.StreamUsageRequest(header=pb.StreamHeader(source="stream", schema_version=1))
        self._sent = iter([header, *sent])
        self._ready = threading.Semaphore(1)
        self._is_over = False
        self._answers = UsageServiceStub(server.channel).StreamUsage(self._requests(), timeout=DEADLINE_S, metadata=server.metadata)
        assert next(self._answers).HasField("opened")

    def one(self) -> None:
        """Send a record, and wait until it is durable."""
        self._ready.release()
        assert next(self._answers).ack.accepted == 1

    def close(self) -> None:
        """End the stream."""
        self._is_over = True
        self._ready.release()
        list(self._answers)

    def _requests(self) -> Iterator[pb.StreamUsageRequest]:
        while self._ready.acquire() and not self._is_over:
            yield next(self._sent)


def two_syncs(folder: Path) -> Callable[[], None]:
    """The cost of two files that are each written and synced: a journal and a database need no less."""
    descriptors = [os.open(folder / f"sync-{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for name in ("journal", "database")]
    data = bytes(SYNC_BYTES)

    def act() -> None:
        for each in descriptors:
            os.write(each, data)
            os.fsync(each)

    return act
