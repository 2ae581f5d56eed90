"""Batches of rows that cannot be read, while the store is busy: they wait undecoded, and count for what they take."""

from __future__ import annotations

import threading
import time
from concurrent import futures
from typing import TYPE_CHECKING, Any

from billing.intake.streams.offsets import Line
from billing.intake.taking import Intake
from mediation import stream
from ratewright.v1 import usage_service_pb2 as pb
from server.grpc.usage import storing_sink
from server.grpc.usage.group_commit import WAITING_BYTES_MAX
from server.grpc.usage.storing_sink import DECODED_MAX, REJECT_BYTES, StoringSink, size_bytes, stream_sources
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
