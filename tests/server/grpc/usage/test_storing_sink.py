"""Batches of rows that cannot be read, while the store is busy: they wait undecoded, and count for what they take."""

from __future__ import annotations

import threading
import time
from concurrent import futures
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from billing.intake.streams.offsets import Line
from billing.intake.taking import Intake
from mediation import stream
from ratewright.v1 import usage_service_pb2 as pb
from server.grpc.usage import storing_sink
from server.grpc.usage.group_commit import WAITING_BYTES_MAX
from server.grpc.usage.storing_sink import DECODED_MAX, REJECT_BYTES, StoringSink, size_bytes, stream_sources
from server.observing.meter import Meter
from tests.server.grpc.calls import ipc, records

if TYPE_CHECKING:
    import pytest

    from tests.billing.runs.world import World

WAIT_S = 60
ROWS = WAITING_BYTES_MAX // REJECT_BYTES + 1  # one such batch waits alone
SOURCES = stream_sources(["stream"])


def test_rows_that_cannot_be_read_count_for_what_they_take() -> None:
    batch = storing_sink.arrow_batches.read_batch(ipc(records(range(100), service=77)), stream.STREAM_V1)
    decoded = stream.to_usage(batch, SOURCES[0])
    assert len(decoded.rejects) == 100
    assert size_bytes(decoded) == decoded.usage.nbytes + sum(len(each.raw) for each in decoded.rejects) + 100 * REJECT_BYTES
    assert size_bytes(decoded._replace(rejects=[])) == decoded.usage.nbytes


def test_a_small_batch_counts_for_the_whole_message_that_it_keeps(world: World) -> None:
    """One row, in a message with a megabyte of metadata beside it: as long as the row waits, all of it is in memory."""
    noted: list[int] = []

    class Noting(Meter):
        def waiting(self, batches: int, size_bytes: int) -> None:  # noqa: ARG002 - as the meter is told
            noted.append(size_bytes)

    out = pa.BufferOutputStream()
    schema = stream.STREAM_V1.with_metadata({"note": "x" * 1_000_000})
    with pa.ipc.new_stream(out, schema) as writer:
        writer.write_batch(pa.RecordBatch.from_pylist(records([1], start_us=1_730_000_000_000_000), schema=schema))
    sink = StoringSink(world.home, SOURCES, world.tick, Noting())
    with Intake(world.home)._exclusive("a test", world.tick()):  # noqa: SLF001 -- to keep the store busy
        answers = [sink.submit(Line("stream"), pb.UsageBatch(arrow_ipc=out.getvalue().to_pybytes())) for _ in range(3)]
    assert max(noted) > 1_000_000
    assert [answer.result(WAIT_S).counts[:2] for answer in answers] == [(1, 0), (0, 1), (0, 1)]
    sink.close(WAIT_S)


def test_batches_wait_undecoded_while_the_store_is_busy(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve clients send the same rejects: one batch is being stored, one waits, and no more are decoded than may be."""
    decoded: list[object] = []

    def counted(*arguments: Any, **options: Any) -> object:  # noqa: ANN401 -- passed on
        decoded.append(None)
        return plain(*arguments, **options)

    plain = stream.to_usage
    monkeypatch.setattr(stream, "to_usage", counted)
    sink = StoringSink(world.home, SOURCES, world.tick)
    content = ipc(records(range(ROWS), service=77))
    clients = futures.ThreadPoolExecutor(12)
    with Intake(world.home)._exclusive("a test", world.tick()):  # noqa: SLF001 -- to keep the store busy
        answers = [clients.submit(sink.submit, Line("stream"), pb.UsageBatch(arrow_ipc=content)) for _ in range(12)]
        until = 2 + DECODED_MAX
        for _ in range(600):
            if len(decoded) >= until:
                break
            time.sleep(0.05)
        threading.Event().wait(0.3)
        assert len(decoded) == until
    receipts = [answer.result(WAIT_S).result(WAIT_S) for answer in answers]
    assert sorted((each.counts.rejected, each.counts.duplicate) for each in receipts) == [(0, ROWS)] * 11 + [(ROWS, 0)]
    sink.close(WAIT_S)
