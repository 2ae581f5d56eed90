"""Waiting room and slots, without a network: who is let in, who is sent away, and that places come back."""

from __future__ import annotations

import queue
import threading
from concurrent import futures
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import grpc
import pytest

from server.grpc.admission import AGAIN_S, Bound, Slots, WaitingRoom, peer_of
from server.grpc.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

WAIT_S = 10.0

PEERS = [
    # what grpc says, whose it is
    ("ipv4:127.0.0.1:50000", "127.0.0.1"),
    ("ipv4:10.1.2.3:1", "10.1.2.3"),
    ("ipv6:%5B::1%5D:50000", "::1"),
    ("ipv6:[::1]:50000", "::1"),
    ("ipv6:%5B2001:db8:1:2:3:4:5:6%5D:50000", "2001:db8:1:2::/64"),
    ("ipv6:%5B2001:db8:1:2:ffff::9%5D:50001", "2001:db8:1:2::/64"),
    ("ipv6:%5Bfe80::1%25eth0%5D:50001", "fe80::/64"),
    ("unix:/run/ratewright.sock", "unix"),
]


@pytest.mark.parametrize(("peer", "whose"), PEERS)
def test_a_peer_is_an_address_without_its_port(peer: str, whose: str) -> None:
    context = cast("grpc.ServicerContext", SimpleNamespace(peer=lambda: peer))
    assert peer_of(context) == whose


def test_slots_are_bounded_for_all_and_for_each_and_come_back() -> None:
    slots = Slots(Bound(3, 2), "FULL", "things")
    for peer in ("a", "a", "b"):
        slots.take(peer)
    with pytest.raises(Refusal, match="3 things are open"):
        slots.take("c")
    slots.give_back("b")
    with pytest.raises(Refusal, match="2 things of this client") as raised:
        slots.take("a")
    assert (raised.value.code, raised.value.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "FULL")
    assert raised.value.retry_after_s == AGAIN_S
    with slots.taken("c"), pytest.raises(Refusal):
        slots.take("b")
    slots.take("b")


class Calls:
    """Calls that wait in one room, each in a thread of its own, and send when told to."""

    def __init__(self, room: WaitingRoom) -> None:
        self._room = room
        self._threads = futures.ThreadPoolExecutor(32)
        self._sending: list[queue.SimpleQueue[str]] = []

    def begin(self, peer: str) -> futures.Future[str | None]:
        """A call that waits: returns when it is in the room."""
        sending: queue.SimpleQueue[str] = queue.SimpleQueue()
        entered = threading.Event()

        def requests() -> Iterator[str]:
            entered.set()
            yield sending.get()

        answer = self._threads.submit(self._room.first_message, requests(), peer)
        answer.add_done_callback(lambda _: sending.put("nobody reads it"))  # as grpc ends the reading with the call
        assert entered.wait(WAIT_S)
        self._sending.append(sending)
        return answer

    def send(self, number: int) -> None:
        """Let the call that came as `number` send."""
        self._sending[number].put("hello")

    def end(self) -> None:
        """Let all send, so that no thread is left."""
        for sending in self._sending:
            sending.put("late")
        self._threads.shutdown()


def test_a_message_that_comes_is_the_answer() -> None:
    calls = Calls(WaitingRoom(Bound(2, 2), WAIT_S))
    answer = calls.begin("a")
    calls.send(0)
    assert answer.result(WAIT_S) == "hello"
    calls.end()


def test_a_call_that_ends_without_a_message_is_told_apart() -> None:
    assert WaitingRoom(Bound(2, 2), WAIT_S).first_message(iter([]), "a") is None


def test_silence_ends() -> None:
    calls = Calls(WaitingRoom(Bound(2, 2), 0.05))
    silent = calls.begin("a").exception(WAIT_S)
    assert isinstance(silent, Refusal)
    assert (silent.code, silent.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "FIRST_MESSAGE_LATE")
    calls.end()


def test_a_full_room_sends_the_oldest_away_of_whoever_has_the_most() -> None:
    """A client that sends at once is never refused because of others that are silent."""
    calls = Calls(WaitingRoom(Bound(4, 3), WAIT_S))
    hostile = [calls.begin("hostile") for _ in range(3)]
    quick = calls.begin("switch")
    other = calls.begin("other")  # no place is left: the oldest of the hostile one's calls goes
    gone = hostile[0].exception(WAIT_S)
    assert isinstance(gone, Refusal)
    assert gone.reason == "WAITING_ROOM_FULL"
    hostile += [calls.begin("hostile") for _ in range(9)]  # these drive out one another alone
    calls.send(3)
    calls.send(4)
    assert [quick.result(WAIT_S), other.result(WAIT_S)] == ["hello", "hello"]
    assert all(isinstance(each.exception(WAIT_S), Refusal) for each in hostile[:10])
    assert not any(each.done() for each in hostile[10:])
    calls.end()


def test_what_the_client_says_before_it_sends_reaches_the_call() -> None:
    def broken() -> Iterator[Any]:
        raise grpc.RpcError
        yield

    with pytest.raises(grpc.RpcError):
        WaitingRoom(Bound(2, 2), WAIT_S).first_message(broken(), "a")


def test_a_closed_room_ends_who_waits_and_lets_nobody_in() -> None:
    room = WaitingRoom(Bound(2, 2), WAIT_S)
    calls = Calls(room)
    waiting = calls.begin("a")
    room.close()
    ended = waiting.exception(WAIT_S)
    assert isinstance(ended, Refusal)
    assert ended.reason == "SHUTTING_DOWN"
    with pytest.raises(Refusal, match="stopping"):
        room.first_message(iter([]), "a")
    calls.end()
