"""Calls that make, read and finalize usage streams: ids, owners, requests that count once, trials, and every refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest
import sqlalchemy as sa

from billing import acting
from billing.acting import Actor
from billing.store import requests, tables
from mediation.sources import model
from ratewright.v1 import usage_service_pb2 as pb
from server.grpc import service
from tests.server.grpc.calls import DEADLINE_S, refused
from tests.server.grpc.conftest import LOOPBACK, NOW_US
from tests.server.grpc.usage.streams import at, finalize, get, header, make, outline, send, stored, stub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
BEN = Actor("ben", 1002)
STREAM = pb.UsageStream(source="stream")


@pytest.fixture(autouse=True)
def _on_both(both: str) -> str:
    return both


@pytest.fixture
def running(world: World) -> Iterator[service.Service]:
    """A server that takes two sources, and gives the ids s-1, s-2 and so on."""
    ids = iter(range(1, 100))
    sources = [model.Source(name=name, format=model.Format.FREESWITCH, layouts=()) for name in ("stream", "other")]
    options = {"sources": sources, "new_stream_id": lambda: f"s-{next(ids)}"}
    with service.Service.start(service.listen(LOOPBACK), world.home, lambda: NOW_US, **options) as running:
        yield running


def made(world: World) -> list[str]:
    """Ids of all streams."""
    with world.home.connect() as connection:
        return list(connection.execute(sa.select(tables.usage_streams.c.stream_id)).scalars())


def test_a_stream_that_is_new(channel: grpc.Channel) -> None:
    first, second = make(channel), make(channel, "switch-7")
    assert (first.name, second.name) == ("usageStreams/s-1", "usageStreams/switch-7")
    expected = pb.UsageStream(name="usageStreams/switch-7", source="stream", state=pb.UsageStream.STATE_OPEN, rows=pb.RowCounts())
    expected.create_time.FromMicroseconds(NOW_US)
    assert second == expected == get(channel, second.name)


def test_ids_that_cannot_be(channel: grpc.Channel, world: World) -> None:
    for stream_id in ("abc", "a" * 64, "Abcd", "1bcd", "ab_d", "abc-", "abcd\n", "../x", "\0abcd"):
        refusal = refused(lambda sent=stream_id: make(channel, sent))
        assert refusal[:3] == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST", {"field": "usage_stream_id"}), stream_id
    assert made(world) == []


def test_refusals_of_calls(channel: grpc.Channel, world: World) -> None:
    make(channel, "mine")
    assert refused(lambda: make(channel, "mine"))[:2] == (grpc.StatusCode.ALREADY_EXISTS, "STREAM_EXISTS")
    nowhere = pb.CreateUsageStreamRequest(usage_stream=pb.UsageStream(source="nobody"))
    assert refused(lambda: stub(channel).CreateUsageStream(nowhere))[:2] == (grpc.StatusCode.NOT_FOUND, "SOURCE_UNKNOWN")
    for call in (get, finalize):
        assert refused(lambda call=call: call(channel, "usageStreams/none"))[:2] == (grpc.StatusCode.NOT_FOUND, "STREAM_UNKNOWN")
        for name in ("", "mine", "usageStreams/", "usageStreams/a/b", "usageStreams/a\0"):
            refusal = refused(lambda call=call, name=name: call(channel, name))
            assert refusal[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_NAME")
    assert made(world) == ["mine"]


def test_refusals_of_headers_and_batches(channel: grpc.Channel, world: World) -> None:
    name = make(channel, "mine").name
    batch = at(0, [1]).batch
    both_forms = pb.UsageBatch(offset=0, arrow_ipc=batch.arrow_ipc, columns=pb.UsageColumns(record_id=["a"]))
    for first, content, code, reason in [
        (header("usageStreams/none"), batch, grpc.StatusCode.NOT_FOUND, "STREAM_UNKNOWN"),
        (header("none"), batch, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_NAME"),
        (header(name, "other"), batch, grpc.StatusCode.INVALID_ARGUMENT, "SOURCE_MISMATCH"),
        (header(name), pb.UsageBatch(arrow_ipc=batch.arrow_ipc), grpc.StatusCode.INVALID_ARGUMENT, "OFFSET_MISSING"),
        (header(name), pb.UsageBatch(offset=-1, arrow_ipc=batch.arrow_ipc), grpc.StatusCode.INVALID_ARGUMENT, "OFFSET_NEGATIVE"),
        (header(name), both_forms, grpc.StatusCode.INVALID_ARGUMENT, "BATCH_CONTENT"),
        (header(name), pb.UsageBatch(offset=2**62, arrow_ipc=batch.arrow_ipc), grpc.StatusCode.OUT_OF_RANGE, "OFFSET_AHEAD"),
    ]:
        messages = [first, pb.StreamUsageRequest(batch=content)]
        assert refused(lambda sent=messages: list(stub(channel).StreamUsage(iter(sent), timeout=DEADLINE_S)))[:2] == (code, reason)
    assert stored(world.home.path) == []
    assert outline(send(channel, name, at(0, [1])).acks) == [(0, False, 1, 0)]


def test_a_stream_is_of_the_operator_that_made_it(channel: grpc.Channel, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    name = make(channel, "mine").name
    send(channel, name, at(0, [1]))
    with monkeypatch.context() as patched:
        patched.setattr(acting, "of_process", lambda call="": BEN._replace(call=call))
        calls = [lambda: get(channel, name), lambda: finalize(channel, name)]
        for call in calls:
            assert refused(call)[:2] == (grpc.StatusCode.PERMISSION_DENIED, "STREAM_OF_ANOTHER")
        sent = send(channel, name, at(1, [2]))
        assert sent.refusal is not None
        assert (sent.acks, sent.refusal[:2]) == ([], (grpc.StatusCode.PERMISSION_DENIED, "STREAM_OF_ANOTHER"))
        theirs = make(channel, "theirs").name
    assert refused(lambda: get(channel, theirs))[:2] == (grpc.StatusCode.PERMISSION_DENIED, "STREAM_OF_ANOTHER")
    assert stored(world.home.path) == ["call-1"]
    assert get(channel, name).state == pb.UsageStream.STATE_OPEN


def test_a_call_with_a_request_id_counts_once(channel: grpc.Channel, world: World) -> None:
    first = make(channel, request_id="make-1")
    assert make(channel, request_id="make-1") == first
    assert made(world) == ["s-1"]
    refusal = refused(lambda: make(channel, "another", request_id="make-1"))
    assert refusal[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
    assert refused(lambda: make(channel, request_id="x" * 129))[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID")
    ended = finalize(channel, first.name, request_id="end-1")
    assert finalize(channel, first.name, request_id="end-1") == ended
    assert ended.state == pb.UsageStream.STATE_FINALIZED


def test_a_call_that_died_before_its_answer_is_answered_from_its_commit(
    channel: grpc.Channel, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(requests, "answered", die)
        assert refused(lambda: make(channel, request_id="make-1"))[1] == "INTERNAL"
    assert make(channel, request_id="make-1").name == "usageStreams/s-1"
    send(channel, "usageStreams/s-1", at(0, [1]))
    with monkeypatch.context() as patched:
        patched.setattr(requests, "answered", die)
        assert refused(lambda: finalize(channel, "usageStreams/s-1", request_id="end-1"))[1] == "INTERNAL"
    ended = finalize(channel, "usageStreams/s-1", request_id="end-1")
    assert (ended.state, ended.next_offset) == (pb.UsageStream.STATE_FINALIZED, 1)
    assert made(world) == ["s-1"]


def test_a_trial_stores_nothing(channel: grpc.Channel, world: World) -> None:
    assert make(channel, "mine", validate_only=True).name == "usageStreams/mine"
    assert made(world) == []
    name = make(channel, "mine").name
    assert refused(lambda: make(channel, "mine", validate_only=True))[1] == "STREAM_EXISTS"
    assert finalize(channel, name, validate_only=True).state == pb.UsageStream.STATE_FINALIZED
    assert get(channel, name).state == pb.UsageStream.STATE_OPEN
