"""Usage streams into a real store: durability, resending, conflicts, nonsense. Needs a loopback port."""

from __future__ import annotations

import contextlib
import datetime as dt
import random
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import grpc
import pytest

from billing.intake import counting
from billing.intake.taking import Intake
from billing.store.home import Home
from ratewright.v1 import usage_service_pb2 as pb
from ratewright.v1 import usage_service_pb2_grpc
from server.grpc import service
from server.grpc.admission import Bound, Limits
from server.grpc.usage import arrow_batches
from tests.server.grpc.calls import DEADLINE_S, HEADER, batch, counts, ipc, records, refused, send

if TYPE_CHECKING:
    from pathlib import Path

    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow


def stored(folder: Path) -> list[str]:
    """Ids of the records that count, as another process finds them on disk."""
    with Home.open(folder) as home, home.connect() as connection:
        seq = home.head_seq(connection)
        return sorted(Intake(home).usage(["record_id"], seq).column("record_id").to_pylist())


def test_what_is_acked_is_on_disk_when_the_ack_comes(channel: grpc.Channel, world: World) -> None:
    go_on = threading.Event()

    def requests() -> object:
        yield HEADER
        yield batch(1, ipc(records([1, 2])))
        go_on.wait(DEADLINE_S)

    call = usage_service_pb2_grpc.UsageServiceStub(channel).StreamUsage(requests(), timeout=DEADLINE_S)
    next(call)
    ack = next(call).ack
    assert stored(world.home.path) == ["call-1", "call-2"]
    with world.home.connect() as connection:
        assert ack.commit_seq == world.home.head_seq(connection)
    go_on.set()
    assert list(call) == []


def test_a_batch_sent_again_counts_once(channel: grpc.Channel, world: World) -> None:
    first, second = ipc(records([1, 2])), ipc(records([2, 3]))
    assert [counts(ack) for ack in send(channel, first, second)] == [(2, 0, 0, 0), (1, 1, 0, 0)]
    assert [counts(ack) for ack in send(channel, first, second)] == [(0, 2, 0, 0), (0, 2, 0, 0)]
    assert stored(world.home.path) == ["call-1", "call-2", "call-3"]


def test_other_content_under_a_known_id_waits_in_suspense(channel: grpc.Channel, world: World) -> None:
    assert [counts(ack) for ack in send(channel, ipc(records([1, 2])))] == [(2, 0, 0, 0)]
    assert [counts(ack) for ack in send(channel, ipc(records([1], duration_us=61_000_000)))] == [(0, 0, 1, 0)]
    assert stored(world.home.path) == ["call-2"]


NONSENSE = [
    # what is wrong with the row
    {"record_id": ""},
    {"record_id": None},
    {"served": ""},
    {"service": 77},
    {"duration_us": None},
    {"duration_us": -1},
    {"start_us": 0},
    {"start_us": 2**62},
]


def test_rows_of_nonsense_are_rejected_and_the_rest_is_taken(channel: grpc.Channel, world: World) -> None:
    rows = records([1]) + [{**records([50 + place])[0], **wrong} for place, wrong in enumerate(NONSENSE)] + records([2])
    assert [counts(ack) for ack in send(channel, ipc(rows))] == [(2, 0, 0, len(NONSENSE))]
    assert stored(world.home.path) == ["call-1", "call-2"]


def test_a_malformed_batch_stores_nothing_and_the_connection_lives(channel: grpc.Channel, world: World) -> None:
    whole = ipc(records([1]))
    stub = usage_service_pb2_grpc.UsageServiceStub(channel)
    for damaged, reason in [
        (whole[:-9], "ARROW_MALFORMED"),
        (b"", "ARROW_MALFORMED"),
        (b"\xff" * 64, "ARROW_MALFORMED"),
        (bytes(arrow_batches.BATCH_BYTES_MAX + 1), "BATCH_TOO_LARGE"),
    ]:
        refusal = refused(lambda sent=damaged: list(stub.StreamUsage(iter([HEADER, batch(4, sent)]), timeout=DEADLINE_S)))
        assert refusal[:3] == (grpc.StatusCode.INVALID_ARGUMENT, reason, {"sequence": "4"})
    assert stored(world.home.path) == []
    assert [counts(ack) for ack in send(channel, whole)] == [(1, 0, 0, 0)]


@pytest.mark.parametrize("seed", [1, 2])
def test_damaged_batches_never_store_half(channel: grpc.Channel, world: World, seed: int) -> None:
    """Whatever arrives: all rows of a batch get an outcome and an ack, or none is stored and the stream says why."""
    chance = random.Random(seed)
    stub = usage_service_pb2_grpc.UsageServiceStub(channel)
    accepted, refusals = 0, set()
    for turn in range(60):
        damaged = bytearray(ipc(records(range(turn * 100, turn * 100 + 4))))
        for _ in range(2):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            answers = list(stub.StreamUsage(iter([HEADER, batch(1, bytes(damaged))]), timeout=DEADLINE_S))
            assert sum(counts(answers[1].ack)) == 4
            accepted += answers[1].ack.accepted
        except grpc.RpcError as error:
            refusals.add(error.code())
    assert refusals == {grpc.StatusCode.INVALID_ARGUMENT}
    assert 0 < len(stored(world.home.path)) <= accepted  # fewer, when a damaged id met that of another record


def test_a_message_beyond_all_limits_ends_the_call_and_not_the_server(channel: grpc.Channel) -> None:
    stub = usage_service_pb2_grpc.UsageServiceStub(channel)
    too_long = batch(1, bytes(service.MESSAGE_BYTES_MAX + 1))
    with pytest.raises(grpc.RpcError) as raised:
        list(stub.StreamUsage(iter([HEADER, too_long]), timeout=DEADLINE_S))
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert [counts(ack) for ack in send(channel, ipc(records([1])))] == [(1, 0, 0, 0)]


def test_streams_of_many_switches_at_once_lose_and_double_nothing(running: service.Service, world: World) -> None:
    acks: list[int] = []

    def switch(number: int) -> None:
        with grpc.insecure_channel(str(running.address)) as own:
            contents = [ipc(records(range(number * 1000 + turn * 10, number * 1000 + turn * 10 + 15))) for turn in range(20)]
            acks.extend(ack.accepted for ack in send(own, *contents))

    threads = [threading.Thread(target=switch, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    expected = sorted(f"call-{number * 1000 + each}" for number in range(4) for each in range(205))
    assert stored(world.home.path) == expected
    assert sum(acks) == len(expected)


FROZEN = """
import sys, threading, grpc
from tests.server.grpc.calls import HEADER
from ratewright.v1 import usage_service_pb2_grpc
def requests():
    yield HEADER
    threading.Event().wait()
call = usage_service_pb2_grpc.UsageServiceStub(grpc.insecure_channel(sys.argv[1])).StreamUsage(requests())
next(call)
print("opened", flush=True)
threading.Event().wait()
"""


def test_a_switch_that_vanished_gives_its_stream_back(world: World) -> None:
    """A frozen process keeps its connection and answers nothing, as a machine without power does."""
    world.begun(dt.date(2026, 12, 31))  # the records have ended
    patience, limits = service.Patience(silence_s=0.2, answer_s=0.2), Limits(streams=Bound(1, 1))
    listening = service.listen(service.Address("127.0.0.1", 0), patience=patience, limits=limits)
    with service.Service.start(listening, world.home, world.tick) as running:
        switch = subprocess.Popen([sys.executable, "-c", FROZEN, str(running.address)], stdout=subprocess.PIPE, text=True)
        try:
            assert switch.stdout is not None
            assert switch.stdout.readline() == "opened\n"
            switch.send_signal(signal.SIGSTOP)
            with grpc.insecure_channel(str(running.address)) as channel:
                assert _sent_at_last(channel) == (1, 0, 0, 0)
        finally:
            switch.kill()
            switch.communicate()


def _sent_at_last(channel: grpc.Channel) -> tuple[int, int, int, int]:
    """Counts of a batch that is tried until the only stream is free."""
    for _ in range(50):
        with contextlib.suppress(grpc.RpcError):
            return counts(send(channel, ipc(records([1])))[0])
        time.sleep(0.1)
    raise AssertionError("the stream stayed taken")


def test_quantities_beyond_counting_are_rejected_and_the_rest_is_taken(channel: grpc.Channel) -> None:
    rows = records([1]) + records([2, 3], duration_us=2**63 - 1) + records([4, 5], service=2, duration_us=None, units=2**62)
    assert [counts(ack) for ack in send(channel, ipc(rows))] == [(1, 0, 0, 4)]


def test_quantities_of_another_service_that_cannot_be_counted_are_rejected(channel: grpc.Channel) -> None:
    """They were answered UNAVAILABLE as a batch, again and again."""
    rows = records([1], volume_bytes=2**62) + records([2], volume_bytes=2**62) + records([3]) + records([4], units=-(2**63))
    assert [counts(ack) for ack in send(channel, ipc(rows))] == [(1, 0, 0, 3)]


def test_texts_that_no_database_keeps_are_rejected(channel: grpc.Channel) -> None:
    """In the row of a stream that waits for another reason, too."""
    ahead_us = 2_000_000_000_000_000
    rows = records([1], served="a\0b") + records([2], other="\0", start_us=ahead_us) + records([3], record_id="\0") + records([4])
    assert [counts(ack) for ack in send(channel, ipc(rows))] == [(1, 0, 0, 3)]


def test_a_batch_that_can_never_be_stored_is_told_so_once(channel: grpc.Channel, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told apart from a store that fails for now: a client would send it for ever. What is sent beside it is stored."""
    monkeypatch.setattr(counting, "_INT64_MAX", 10 * 60_000_000)
    stub = usage_service_pb2_grpc.UsageServiceStub(channel)
    call = stub.StreamUsage(iter([HEADER, batch(1, ipc(records([1]))), batch(7, ipc(records(range(2, 20))))]), timeout=DEADLINE_S)
    refusal = refused(lambda: list(call))
    assert refusal[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "BATCH_UNUSABLE")
    assert refusal.metadata == {
        "sequence": "7",
        "remedy": "check the units of the source, or send fewer records together; nothing of it was stored",
    }
    assert stored(world.home.path) == ["call-1"]


def test_unknown_sources_are_refused_even_when_they_name_a_file(channel: grpc.Channel, tmp_path: Path) -> None:
    definition = tmp_path / "source.yaml"
    definition.write_text("name: x\nformat: asterisk\n")
    stub = usage_service_pb2_grpc.UsageServiceStub(channel)
    for name in ("", "nobody", str(definition), "../x"):
        header = pb.StreamUsageRequest(header=pb.StreamHeader(source=name, schema_version=1))
        refusal = refused(lambda sent=header: list(stub.StreamUsage(iter([sent]), timeout=DEADLINE_S)))
        assert refusal[:2] == (grpc.StatusCode.NOT_FOUND, "SOURCE_UNKNOWN")
