"""Admission of calls, so that no client can take the service away from the others.

    call -> waiting room: until its first message has come -> a slot: while it is worked on

A call that sends nothing is ended after a time, or sooner, when others need its place in the waiting room: the oldest call of the peer
that has the most there goes first. Slots are taken only by calls that have sent something, and each peer has a part of them. A peer is
an IPv4 address, the first 64 bits of an IPv6 address, or all of this machine. Health checks have a waiting room and slots of their own.

Refuses: DEADLINE_EXCEEDED: FIRST_MESSAGE_LATE; RESOURCE_EXHAUSTED: WAITING_ROOM_FULL, CALLS_EXHAUSTED, STREAMS_EXHAUSTED.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import ipaddress
import threading
import time
import urllib.parse
from concurrent import futures
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import grpc

from server.grpc.refusals import Refusal, answering, invalid, shutting_down

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    _Handler = grpc.RpcMethodHandler[Any, Any]
    _Interceptor = grpc.ServerInterceptor[Any, Any]
else:
    _Interceptor = grpc.ServerInterceptor

Request = TypeVar("Request")
CALLS_OF_CONNECTION_MAX: Final = 100
PEERS_REMEMBERED: Final = 4_096  # with their ports, so connections
WAIT: Final = "/google.longrunning.Operations/WaitOperation"
HEALTH_PREFIX: Final = "/grpc.health.v1.Health/"
_LOOK_AROUND_S: Final = 0.02
IPV6_PREFIX_BITS: Final = 64  # the address of one site; a host may take any in it


class Bound(NamedTuple):
    """The most calls at once, of all peers and of one."""

    total: int
    per_peer: int


AGAIN_S: Final = 1.0  # after which a client may find a place free


class Limits(NamedTuple):
    """Limits of the service. One connection alone, with CALLS_OF_CONNECTION_MAX calls at once, has its short calls answered."""

    first_message_s: float = 10.0
    waiting: Bound = Bound(300, 128)
    calls: Bound = Bound(128, CALLS_OF_CONNECTION_MAX)
    streams: Bound = Bound(48, 32)
    health_waiting: Bound = Bound(200, 128)
    health: Bound = Bound(128, CALLS_OF_CONNECTION_MAX)
    watchers: Bound = Bound(64, 16)  # of the health
    waits: Bound = Bound(48, 16)  # for the ends of operations

    @property
    def threads(self) -> int:
        """Enough for every call that is let in, and some for refusing the others at once."""
        bounds = (self.waiting, self.calls, self.streams, self.health_waiting, self.health, self.watchers, self.waits)
        return sum(bound.total for bound in bounds) + 32


def peer_of(context: grpc.ServicerContext) -> str:
    """The peer of a call, without the port."""
    return _peer(str(context.peer()))


@functools.lru_cache(PEERS_REMEMBERED)
def _peer(text: str) -> str:
    kind, _, rest = text.partition(":")
    host = urllib.parse.unquote(rest).rpartition(":")[0].strip("[]").partition("%")[0]
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        if address.version == 6 and not address.is_loopback:  # noqa: PLR2004 -- the other kind of address
            return str(ipaddress.ip_network((address, IPV6_PREFIX_BITS), strict=False))
        return str(address)
    return kind


class Slots:
    """Places that are taken and given back; a peer may have a part of them."""

    def __init__(self, bound: Bound, reason: str, what: str) -> None:
        self._bound, self._reason, self._what = bound, reason, what
        self._taken: collections.Counter[str] = collections.Counter()
        self._lock = threading.Lock()

    def take(self, peer: str) -> None:
        """Take a place, or raise the Refusal that there is none."""
        with self._lock:
            if self._taken.total() >= self._bound.total:
                raise self._refusal(f"{self._bound.total} {self._what} are open, which is all that this server takes; try again later")
            if self._taken[peer] >= self._bound.per_peer:
                raise self._refusal(f"{self._bound.per_peer} {self._what} of this client are open, which is all that it may have")
            self._taken[peer] += 1

    def give_back(self, peer: str) -> None:
        """End what `take` began."""
        with self._lock:
            self._taken[peer] -= 1
            self._taken += collections.Counter()  # drops peers that have none

    @property
    def are_free(self) -> bool:
        """True where no place is taken."""
        with self._lock:
            return not self._taken.total()

    @contextlib.contextmanager
    def taken(self, peer: str) -> Iterator[None]:
        """A place while the block lasts."""
        self.take(peer)
        try:
            yield
        finally:
            self.give_back(peer)

    def _refusal(self, message: str) -> Refusal:
        return Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, self._reason, message, retry_after_s=AGAIN_S)


class WaitingRoom:
    """Calls without a message so far."""

    def __init__(self, bound: Bound, wait_s: float) -> None:
        self._bound, self._wait_s = bound, wait_s
        self._readers = futures.ThreadPoolExecutor(2 * bound.total, thread_name_prefix="first-message")
        self._waiting: dict[futures.Future[Any], str] = {}  # peers, the oldest call first
        self._closed = False
        self._lock = threading.Lock()

    def first_message(self, requests: Iterator[Request], peer: str) -> Request | None:
        """The first message of a call; None where it ends without one. A Refusal when it does not come in time.

        The reading goes on in a thread of its own until the call has ended, which the Refusal sees to.
        """
        waiter: futures.Future[Request | None] = futures.Future()
        self._enter(waiter, peer)
        try:
            self._readers.submit(_read, requests, waiter)
            return waiter.result(self._wait_s)
        except futures.TimeoutError:
            raise _late(f"no message came within {self._wait_s:g} s") from None
        finally:
            with self._lock:
                self._waiting.pop(waiter, None)

    def close(self) -> None:
        """End the calls that wait, and let no more in."""
        with self._lock:
            self._closed = True
            waiting = list(self._waiting)
        for waiter in waiting:
            _settle(waiter, error=shutting_down())
        self._readers.shutdown(wait=False)

    def _enter(self, waiter: futures.Future[Any], peer: str) -> None:
        with self._lock:
            if self._closed:
                raise shutting_down()
            of_peer = collections.Counter(self._waiting.values())
            if of_peer[peer] >= self._bound.per_peer:
                self._send_away(peer)
            elif len(self._waiting) >= self._bound.total:
                self._send_away(of_peer.most_common(1)[0][0])
            self._waiting[waiter] = peer

    def _send_away(self, peer: str) -> None:
        """End the oldest call of a peer."""
        oldest = next(waiter for waiter, each in self._waiting.items() if each == peer)
        del self._waiting[oldest]
        _settle(
            oldest, error=Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "WAITING_ROOM_FULL", "no message came, and others need the place")
        )


class Gate(_Interceptor):
    """Lets calls with one request in. Streams of usage ask for themselves, by `room` and `streams`."""

    def __init__(self, limits: Limits) -> None:
        self.room = WaitingRoom(limits.waiting, limits.first_message_s)
        self.streams = Slots(limits.streams, "STREAMS_EXHAUSTED", "usage streams")
        self._calls = Slots(limits.calls, "CALLS_EXHAUSTED", "calls")
        self._health_room = WaitingRoom(limits.health_waiting, limits.first_message_s)
        self._health_calls = Slots(limits.health, "CALLS_EXHAUSTED", "health checks")
        self._watchers = Slots(limits.watchers, "CALLS_EXHAUSTED", "watchers of the health")
        self._waits = Slots(limits.waits, "CALLS_EXHAUSTED", "waits for operations")

    def close(self) -> None:
        """Let no more in, and end the calls that have sent nothing."""
        self.room.close()
        self._health_room.close()

    def calls_have_ended(self, within_s: float) -> bool:
        """True where each single call that was let in has its answer; waits up to `within_s` for it."""
        return _are_free((self._calls,), within_s)

    def has_emptied(self, within_s: float) -> bool:
        """True where all that was let in has left; waits up to `within_s` for it, since a call that must end needs a moment."""
        return _are_free((self.streams, self._calls, self._health_calls, self._watchers, self._waits), within_s)

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], _Handler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler | None:
        """The handler, behind the gate. Arities change on our side alone: on the wire one request is a stream of one."""
        found = continuation(handler_call_details)
        if found is None or found.request_streaming:
            return found
        handler: Any = found
        is_health = handler_call_details.method.startswith(HEALTH_PREFIX)
        room = self._health_room if is_health else self.room
        codec = {"request_deserializer": handler.request_deserializer, "response_serializer": handler.response_serializer}
        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(_watched(handler.unary_stream, room, self._watchers), **codec)
        is_wait = handler_call_details.method == WAIT
        slots = self._health_calls if is_health else self._waits if is_wait else self._calls
        return grpc.stream_unary_rpc_method_handler(_answered(handler.unary_unary, room, slots), **codec)


def _are_free(slots: Sequence[Slots], within_s: float) -> bool:
    until_s = time.monotonic() + within_s
    while not all(each.are_free for each in slots):
        if time.monotonic() >= until_s:
            return False
        time.sleep(_LOOK_AROUND_S)
    return True


def _answered(method: Callable[..., Any], room: WaitingRoom, slots: Slots) -> Callable[..., Any]:
    """A method of one request and one answer, behind the gate."""

    def call(requests: Iterator[Any], context: grpc.ServicerContext) -> Any:  # noqa: ANN401 -- messages of any method
        with contextlib.ExitStack() as held:
            with answering(context):
                request = _request(room, requests, context)
                held.enter_context(slots.taken(peer_of(context)))
            return method(request, context)

    return call


def _watched(method: Callable[..., Any], room: WaitingRoom, slots: Slots) -> Callable[..., Any]:
    """A method of one request and many answers, behind the gate."""

    def call(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        with contextlib.ExitStack() as held:
            with answering(context):
                request = _request(room, requests, context)
                held.enter_context(slots.taken(peer_of(context)))
            yield from method(request, context)

    return call


def _request(room: WaitingRoom, requests: Iterator[Request], context: grpc.ServicerContext) -> Request:
    request = room.first_message(requests, peer_of(context))
    if request is None:
        raise invalid("MALFORMED_REQUEST", "the call ended without a request")
    return request


def _read(requests: Iterator[Request], waiter: futures.Future[Request | None]) -> None:
    """Body of a reader: the first message, the end or an error settles the waiter."""
    try:
        message = next(requests, None)
    except Exception as error:  # noqa: BLE001 -- the edge of a thread: the call's own thread sees it
        _settle(waiter, error=error)
    else:
        _settle(waiter, message)


def _settle(waiter: futures.Future[Any], message: object = None, *, error: BaseException | None = None) -> None:
    with contextlib.suppress(futures.InvalidStateError):  # settled by another
        if error is None:
            waiter.set_result(message)
        else:
            waiter.set_exception(error)


def _late(message: str) -> Refusal:
    return Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "FIRST_MESSAGE_LATE", message)
