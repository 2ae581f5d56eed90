"""A server that is killed while it stores batches of a stream, and the next one: each batch is stored once, acked or not."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import grpc
import pytest

from billing.store import commit_points
from ratewright.v1 import usage_service_pb2 as pb
from tests.server.cli.test_serve import serving
from tests.server.grpc.calls import DEADLINE_S
from tests.server.grpc.usage.streams import at, get, header, make, outline, send, stored, stub
from tests.server.with_token import local_channel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
NAME = "usageStreams/switch-7"
BATCHES = [at(offset, range(offset * 5, offset * 5 + 5)) for offset in range(6)]


KILLS = [("intake.before_commit:2", range(1, 2)), ("intake.committed:2", range(2, 7))]


@pytest.mark.parametrize(("point", "next_offsets"), KILLS, ids=["before", "after"])
def test_what_was_not_acked_is_sent_again_and_stored_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, next_offsets: range
) -> None:
    """Batch 0 is acked. The server dies over the next group, before or after its commit: no further ack comes in either case."""
    acked = threading.Event()

    def requests() -> Iterator[pb.StreamUsageRequest]:
        yield header(NAME)
        yield BATCHES[0]
        acked.wait(DEADLINE_S)
        yield from BATCHES[1:]

    monkeypatch.setenv(commit_points.VARIABLE, point)
    with serving(tmp_path) as server, local_channel(server.address, tmp_path / "home") as channel:
        make(channel, "switch-7")
        call = stub(channel).StreamUsage(requests(), timeout=DEADLINE_S)
        assert next(call).HasField("opened")
        assert next(call).ack.offset == 0
        acked.set()
        with pytest.raises(grpc.RpcError) as ended:
            next(call)
        assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
    monkeypatch.delenv(commit_points.VARIABLE)
    with serving(tmp_path) as again, local_channel(again.address, tmp_path / "home") as channel:
        before = get(channel, NAME).next_offset
        assert before in next_offsets
        sent = send(channel, NAME, *BATCHES[1:])  # without asking: all that was not acked
        assert outline(sent.acks) == [(offset, offset < before, 5, 0) for offset in range(1, 6)]
        assert get(channel, NAME).rows == pb.RowCounts(accepted=30)
    assert stored(tmp_path / "home") == sorted(f"call-{each}" for each in range(30))
