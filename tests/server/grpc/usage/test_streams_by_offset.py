"""Batches of usage streams by offset, over real connections and on both databases: each is stored once, in its place, or not at all."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import grpc
import pytest

from billing.intake import counting
from billing.intake.streams import offsets
from billing.runs.lock import only_run
from billing.store.home import Home
from ratewright.v1 import usage_service_pb2 as pb
from server.grpc import service
from server.grpc.usage import storing_sink
from tests.server.grpc.calls import DEADLINE_S, HEADER, ipc, records, refused
from tests.server.grpc.conftest import LOOPBACK, NOW_US
from tests.server.grpc.usage.streams import at, finalize, get, header, in_columns, make, outline, send, stored, stub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
MINUTE_US = 60_000_000


@pytest.fixture(autouse=True)
def _on_both(both: str) -> str:
    return both


@pytest.fixture
def name(channel: grpc.Channel) -> str:
    return make(channel).name


def test_a_repeat_is_acked_as_it_was_and_stores_nothing(channel: grpc.Channel, world: World, name: str) -> None:
    """Record 2 is in both batches: a duplicate of the second one. Sent again, the first one would be two duplicates by its keys alone."""
    first = send(channel, name, at(0, [1, 2]), at(1, [2, 3]))
    assert outline(first.acks) == [(0, False, 2, 0), (1, False, 1, 1)]
    again = send(channel, name, at(0, [1, 2]), at(1, [2, 3]), at(2, [4]))
    assert outline(again.acks) == [(0, True, 2, 0), (1, True, 1, 1), (2, False, 1, 0)]
    assert [ack.commit_seq for ack in again.acks[:2]] == [ack.commit_seq for ack in first.acks]
    assert stored(world.home.path) == ["call-1", "call-2", "call-3", "call-4"]
    found = get(channel, name)
    assert (found.next_offset, found.rows.accepted, found.rows.duplicate) == (3, 4, 1)


def test_answers_of_the_last_batches_are_kept(channel: grpc.Channel, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of five batches with three kept, 0 and 1 are known to be stored, and nothing else of them."""
    monkeypatch.setattr(offsets, "KEPT_BATCHES", 3)
    for offset in range(5):
        assert outline(send(channel, name, at(offset, [offset])).acks) == [(offset, False, 1, 0)]
    again = send(channel, name, *(at(offset, [offset]) for offset in range(5))).acks
    assert outline(again) == [(0, True, 0, 0), (1, True, 0, 0), (2, True, 1, 0), (3, True, 1, 0), (4, True, 1, 0)]
    assert [ack.commit_seq == 0 for ack in again] == [True, True, False, False, False]


def test_other_records_at_a_stored_offset_are_refused_with_all_behind_them(channel: grpc.Channel, world: World, name: str) -> None:
    """A client that counts wrongly would lose batches by acks of others. Offset 1 is free, and not taken behind the refusal."""
    send(channel, name, at(0, [1]))
    sent = send(channel, name, at(0, [9]), at(1, [2]))
    assert sent.acks == []
    assert sent.refusal is not None
    assert sent.refusal[:2] == (grpc.StatusCode.ALREADY_EXISTS, "OFFSET_REUSED")
    assert (sent.refusal.metadata["offset"], sent.refusal.metadata["next_offset"]) == ("0", "1")
    assert stored(world.home.path) == ["call-1"]


def test_the_same_records_in_columns_are_the_same_batch(channel: grpc.Channel, world: World, name: str) -> None:
    assert outline(send(channel, name, at(0, [1, 2]), in_columns(1, [3])).acks) == [(0, False, 2, 0), (1, False, 1, 0)]
    assert outline(send(channel, name, in_columns(0, [1, 2]), at(1, [3])).acks) == [(0, True, 2, 0), (1, True, 1, 0)]
    assert stored(world.home.path) == ["call-1", "call-2", "call-3"]


def test_a_batch_ahead_is_refused(channel: grpc.Channel, world: World, name: str) -> None:
    sent = send(channel, name, at(0, [1]), at(2, [3]), at(1, [2]))
    assert outline(sent.acks) == [(0, False, 1, 0)]
    assert sent.refusal is not None
    assert sent.refusal[:2] == (grpc.StatusCode.OUT_OF_RANGE, "OFFSET_AHEAD")
    assert (sent.refusal.metadata["offset"], sent.refusal.metadata["next_offset"]) == ("2", "1")
    assert stored(world.home.path) == ["call-1"], "nothing behind the refusal, though 1 was free"


def test_nothing_behind_a_batch_that_fails_is_stored(
    channel: grpc.Channel, world: World, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eighteen minutes are more than the ten that can be counted here."""
    monkeypatch.setattr(counting, "_INT64_MAX", 10 * MINUTE_US)
    sent = send(channel, name, at(0, [1]), at(1, [2]), at(2, range(10, 28)), at(3, [3]))
    assert outline(sent.acks) == [(0, False, 1, 0), (1, False, 1, 0)]
    assert sent.refusal is not None
    assert sent.refusal[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "BATCH_UNUSABLE")
    assert stored(world.home.path) == ["call-1", "call-2"]
    assert get(channel, name).next_offset == 2
    assert outline(send(channel, name, at(2, range(10, 14)), at(3, [3])).acks) == [(2, False, 4, 0), (3, False, 1, 0)]


def test_nothing_behind_a_batch_that_cannot_be_read_is_stored(channel: grpc.Channel, world: World, name: str) -> None:
    damaged = pb.StreamUsageRequest(batch=pb.UsageBatch(offset=1, sequence=7, arrow_ipc=ipc(records([2]))[:-9]))
    sent = send(channel, name, at(0, [1]), damaged, at(1, [3]))
    assert outline(sent.acks) == [(0, False, 1, 0)]
    assert sent.refusal is not None
    assert sent.refusal[:3] == (grpc.StatusCode.INVALID_ARGUMENT, "ARROW_MALFORMED", {"sequence": "7"})
    assert stored(world.home.path) == ["call-1"]


def test_after_lost_acks_what_is_stored_is_what_was_sent(channel: grpc.Channel, world: World, name: str) -> None:
    """The connection breaks after each third ack, with more under way; the client goes on where the server says."""
    batches = [at(offset, range(offset * 10, offset * 10 + 10)) for offset in range(12)]
    rows = 0
    while (begin := get(channel, name).next_offset) < len(batches):
        call = stub(channel).StreamUsage(iter([header(name), *batches[begin:]]), timeout=DEADLINE_S)
        for answer in call:
            if answer.HasField("ack"):
                rows += 1
                if rows % 3 == 0:
                    call.cancel()
                    break
    assert stored(world.home.path) == sorted(f"call-{each}" for each in range(120))
    assert get(channel, name).rows == pb.RowCounts(accepted=120), "none came twice, so that none is a duplicate"


def test_two_connections_and_two_servers_store_each_batch_once(running: service.Service, world: World, channel: grpc.Channel) -> None:
    """Each of four clients sends all thirty batches of one stream; two of them on another server over the same home."""
    name = make(channel).name
    acks: list[pb.BatchAck] = []
    refusals: list[object] = []

    def switch(address: str) -> None:
        with grpc.insecure_channel(address) as own:
            sent = send(own, name, *(at(offset, range(offset * 4, offset * 4 + 4)) for offset in range(30)))
        acks.extend(sent.acks)
        refusals.append(sent.refusal)

    with Home.open(world.home.path) as other, service.Service.start(service.listen(LOOPBACK), other, lambda: NOW_US) as second:
        addresses = [str(running.address), str(second.address)] * 2
        threads = [threading.Thread(target=switch, args=(address,)) for address in addresses]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_S)
    assert refusals == [None] * 4
    assert sorted(ack.offset for ack in acks if not ack.repeated) == list(range(30))
    assert [ack.accepted for ack in acks] == [4] * 120
    assert stored(world.home.path) == sorted(f"call-{each}" for each in range(120))
    assert get(channel, name).rows == pb.RowCounts(accepted=120)


def test_errors_of_single_rows_are_told_by_index(channel: grpc.Channel, world: World, name: str) -> None:
    """Row 1 cannot be read, 3 conflicts with the record of the first batch, 4 lies in the future; the others are stored."""
    send(channel, name, at(0, [7]))
    ahead_us = 2_000_000_000_000_000
    rows = records([1]) + records([2], service=77) + records([3]) + records([7], duration_us=1) + records([4], start_us=ahead_us)
    batch = pb.StreamUsageRequest(batch=pb.UsageBatch(offset=1, arrow_ipc=ipc(rows)))
    (ack,) = send(channel, name, batch).acks
    assert [(each.row, each.reason) for each in ack.row_errors] == [(1, "unknown_service"), (3, "conflicting"), (4, "future_time")]
    assert (ack.accepted, ack.conflicting, ack.rejected) == (2, 1, 2)
    assert stored(world.home.path) == ["call-1", "call-3"]
    (again,) = send(channel, name, batch).acks
    assert [(each.row, each.reason) for each in again.row_errors] == [(1, "unknown_service")]
    assert (again.accepted, again.conflicting, again.rejected, again.repeated) == (2, 1, 2, True)


def test_a_repeat_names_no_row_that_counted_as_a_duplicate(channel: grpc.Channel, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows 1 and 2 of the second batch cannot be read; the first of them came with the first batch, and is a duplicate.

    Each batch is sent alone: of two batches of one commit with the same bad row in the same place, the second ack names none.
    """
    bad, worse = records([8], service=77), records([9], service=77)
    batches = [
        pb.StreamUsageRequest(batch=pb.UsageBatch(offset=offset, arrow_ipc=ipc(records([offset]) + rows)))
        for offset, rows in enumerate((bad, bad + worse, bad + worse))
    ]

    def told() -> list[tuple[int, int, list[int]]]:
        acks = [ack for batch in batches for ack in send(channel, name, batch).acks]
        return [(ack.duplicate, ack.rejected, [each.row for each in ack.row_errors]) for ack in acks]

    first = told()
    assert first == [(0, 1, [1]), (1, 1, [2]), (2, 0, [])]
    assert told() == first
    monkeypatch.setattr(offsets, "KEPT_BATCHES", 1)
    assert told() == [(0, 0, []), (0, 0, []), (2, 0, [])]


def test_a_thousand_row_errors_are_told_and_all_are_counted(channel: grpc.Channel, name: str) -> None:
    (ack,) = send(channel, name, at(0, range(1_500), service=77)).acks
    assert [each.row for each in ack.row_errors] == list(range(1_000))
    assert ack.rejected == 1_500


def test_a_finalized_stream_answers_its_rows_and_takes_no_more(channel: grpc.Channel, world: World, name: str) -> None:
    send(channel, name, at(0, [1, 2]), at(1, [2]), at(2, [3], service=77))
    ended = finalize(channel, name)
    assert (ended.state, ended.next_offset) == (pb.UsageStream.STATE_FINALIZED, 3)
    assert ended.rows == pb.RowCounts(accepted=2, duplicate=1, rejected=1)
    sent = send(channel, name, at(2, [3], service=77), at(3, [4]))
    assert [(ack.offset, ack.repeated) for ack in sent.acks] == [(2, True)], "a lost ack can still be had"
    assert sent.refusal is not None
    assert sent.refusal[:2] == (grpc.StatusCode.FAILED_PRECONDITION, "STREAM_FINALIZED")
    assert finalize(channel, name) == ended == get(channel, name)
    assert stored(world.home.path) == ["call-1", "call-2"]


def test_streams_without_a_name_have_no_offsets(channel: grpc.Channel) -> None:
    """A batch with one is refused: its client believes in a promise that nobody gave."""
    refusal = refused(lambda: list(stub(channel).StreamUsage(iter([HEADER, at(0, [1])]), timeout=DEADLINE_S)))
    assert refusal[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "OFFSET_WITHOUT_STREAM")


@contextlib.contextmanager
def _impatient(world: World) -> Iterator[grpc.Channel]:
    """A server whose store waits for others a twentieth of a second."""
    with (
        Home.open(world.home.path, busy_timeout_ms=50) as home,
        service.Service.start(service.listen(LOOPBACK), home, lambda: NOW_US) as running,
        grpc.insecure_channel(str(running.address)) as channel,
    ):
        yield channel


@pytest.mark.parametrize("named", [True, False])
def test_batches_wait_while_a_run_keeps_the_store(world: World, monkeypatch: pytest.MonkeyPatch, named: bool) -> None:  # noqa: FBT001 -- a parameter
    """The store is tried three times while it is locked; the batch is acked once the run lets go."""
    asked = threading.Semaphore(0)

    def noted(home: Home) -> bool:
        asked.release()
        return plain(home)

    plain = storing_sink.is_at_work
    monkeypatch.setattr(storing_sink, "is_at_work", noted)
    with _impatient(world) as channel:
        first = [header(make(channel).name), at(0, [1])]
        if not named:
            first = [HEADER, pb.StreamUsageRequest(batch=pb.UsageBatch(sequence=1, arrow_ipc=ipc(records([1]))))]
        with only_run(world.home, "the run of a test", NOW_US), world.home.begin():
            call = stub(channel).StreamUsage(iter(first), timeout=DEADLINE_S)
            assert next(call).HasField("opened")
            for _ in range(3):
                assert asked.acquire(timeout=DEADLINE_S)
        assert next(call).ack.accepted == 1
    assert stored(world.home.path) == ["call-1"]


def test_batches_do_not_wait_for_another_that_keeps_the_store(world: World) -> None:
    with _impatient(world) as channel:
        name = make(channel).name
        with world.home.begin():
            sent = send(channel, name, at(0, [1]), at(1, [2]))
            for call in (make, lambda each: finalize(each, name)):
                assert refused(lambda call=call: call(channel))[:2] == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
        assert sent.refusal is not None
        assert (sent.acks, sent.refusal[:2]) == ([], (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE"))
        assert get(channel, name).next_offset == 0, "nor is the second one stored"
    assert stored(world.home.path) == []
