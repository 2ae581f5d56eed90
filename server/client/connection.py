"""A connection to the service: address, TLS, who calls, deadlines and retries."""

from __future__ import annotations

import ipaddress
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import grpc

from server.client import errors
from server.client.retries import Retries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.message import Message

    from server.client.errors import CallError

DEADLINE_S: Final = 30.0
REASON_HEADER: Final = "ratewright-reason"
OTHERS: Final = 0o077  # rights of a file for all but its owner
TOKEN_CHARACTERS_MAX: Final = 4_096
PRACTICE_HEADER: Final = "ratewright-practice"  # of answers of a practice home
OPTIONS: Final = (
    ("grpc.enable_http_proxy", 0),  # a proxy of the environment would be sent the token, of calls to this machine as well
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),  # a service that starts again is found soon
    ("grpc.keepalive_time_ms", 60_000),  # a network that is gone is noticed while a stream waits
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_receive_message_length", 64 << 20),  # a batch of records in Arrow, a document of many lines
)


Asked = TypeVar("Asked", bound="Message")
Answer = TypeVar("Answer")


class Connection:
    """One channel to the service, for any number of clients and threads.

    `token_file` holds the token of the operator. It is read at each call, so that a new token needs no new connection.
    With `ca`, the certificate of the authority (`ca.pem`), the connection is over TLS; without it a token leaves for no other machine.
    `certificate` and `key` are for the address that asks for client certificates.
    `reason` is why personal data is read: the audit trail keeps it, and a support operator sees whole numbers with it.
    `deadline_s` is of each attempt of a call. `new_id` makes the ids of requests that have none.
    `is_practice` says whether the last answer of a call came from a practice home: what it says is not a bill.
    """

    def __init__(  # noqa: PLR0913 -- what a connection is made of
        self,
        address: str,
        *,
        token_file: Path | str | None = None,
        ca: Path | str | None = None,
        certificate: Path | str | None = None,
        key: Path | str | None = None,
        reason: str = "",
        deadline_s: float = DEADLINE_S,
        retries: Retries = Retries(),  # noqa: B008 -- it cannot be changed
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
        told: Callable[[CallError, float], None] | None = None,
        received: Callable[[Message], None] | None = None,
    ) -> None:
        """`told` is called before each further attempt, with the error and the pause in seconds.

        `received` is called with each answer before it is given, and may change it.
        """
        self.deadline_s, self.retries, self.new_id = deadline_s, retries, new_id
        self.is_practice = False
        self._reason = reason
        self._token_file = None if token_file is None else Path(token_file)
        self._told, self._received = told, received
        if ca is None:
            if token_file is not None and not _is_loopback(address):
                errors.refuse_plain(address)
            self.channel = grpc.insecure_channel(address, options=OPTIONS)
        else:
            pair = (None, None) if certificate is None or key is None else (_read(key), _read(certificate))
            self.channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(_read(ca), *pair), options=OPTIONS)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all calls."""
        self.close()

    def close(self) -> None:
        """End all calls."""
        self.channel.close()

    def metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """The metadata that shows the token, and the reason."""
        told: list[tuple[str, str | bytes]] = []
        if self._token_file is not None:
            told.append(("authorization", f"Bearer {_read_token(self._token_file)}"))
        if self._reason:
            is_plain = self._reason.isascii() and self._reason.isprintable()
            told.append((REASON_HEADER, self._reason) if is_plain else (f"{REASON_HEADER}-bin", self._reason.encode()))
        return tuple(told)

    def call(self, method: grpc.UnaryUnaryMultiCallable[Asked, Answer], request: Asked, *, deadline_s: float | None = None) -> Answer:
        """The answer to a call. Each attempt sends the same request: a write has one request id, made here where there is none.

        A deadline that is later than the service takes is set to the latest that it takes.
        """
        request = self._with_id(request)
        within_s = self.deadline_s if deadline_s is None else deadline_s
        attempt = 1
        while True:
            try:
                answer, call = method.with_call(request, timeout=within_s, metadata=self.metadata())
            except grpc.RpcError as error:
                found = errors.of_call(error)
                if found.deadline_max_s is not None and found.deadline_max_s < within_s:
                    within_s = found.deadline_max_s
                    continue
                self.pause_or_raise(found, attempt)
                attempt += 1
            else:
                self.is_practice = (PRACTICE_HEADER, "true") in tuple(call.trailing_metadata() or ())
                self.note_received(answer)
                return answer

    def whole_stream(
        self, method: grpc.UnaryStreamMultiCallable[Asked, Answer], request: Asked, *, deadline_s: float | None = None
    ) -> list[Answer]:
        """All messages of a stream that reads. It is read again from its beginning where the connection broke."""
        attempt = 1
        while True:
            call: Any = method(request, timeout=self.deadline_s if deadline_s is None else deadline_s, metadata=self.metadata())
            try:
                found = list(call)
            except grpc.RpcError as error:
                self.pause_or_raise(errors.of_call(error), attempt)
                attempt += 1
            else:
                self.is_practice = (PRACTICE_HEADER, "true") in tuple(call.trailing_metadata() or ())
                for each in found:
                    self.note_received(each)
                return found

    def note_received(self, answer: Any) -> None:  # noqa: ANN401 -- any message
        """Tell of an answer, or of a message inside one that is unpacked later."""
        if self._received is not None:
            self._received(answer)

    def pause_or_raise(self, error: CallError, attempt: int) -> None:
        """Wait before the next attempt, or raise the error where there is none."""
        pause_s = self.retries.pause(error, attempt)
        if pause_s is None:
            raise error
        if self._told is not None:
            self._told(error, pause_s)
        self.retries.sleep(pause_s)

    def pages(self, method: grpc.UnaryUnaryMultiCallable[Any, Any], request: Any, field: str, limit: int | None = None) -> Iterator[Any]:  # noqa: ANN401 -- of any list
        """The messages of a list, page by page as they are asked for; at most `limit`. `request` has the size of a page."""
        asked = type(request)()
        asked.CopyFrom(request)
        left = limit
        if left is not None:
            if left <= 0:
                return
            asked.page_size = min(left, asked.page_size)
        for page in self.each_page(method, asked):
            found = getattr(page, field)
            yield from found
            if left is not None:
                left -= len(found)
                if left <= 0:
                    return
                asked.page_size = min(left, asked.page_size)

    def each_page(
        self,
        method: grpc.UnaryUnaryMultiCallable[Any, Answer],
        asked: Any,  # noqa: ANN401 -- as `pages`
        *,
        deadline_s: float | None = None,
    ) -> Iterator[Answer]:
        """The answers of a list, as they are asked for; `asked` gets the token of each. Raises CallError for a token that came before."""
        came: set[str] = set()
        while True:
            page: Any = self.call(method, asked, deadline_s=deadline_s)
            yield page
            token = page.next_page_token
            if not token:
                return
            if token in came:  # the list would have no end
                errors.refuse_page_token()
            came.add(token)
            asked.page_token = token

    def _with_id(self, request: Asked) -> Asked:
        if "request_id" not in request.DESCRIPTOR.fields_by_name or request.request_id:  # type: ignore[attr-defined] # it has one here
            return request
        named = type(request)()
        named.CopyFrom(request)
        named.request_id = self.new_id()  # type: ignore[attr-defined] # as above
        return named


def _read(file: Path | str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        errors.refuse_to_read(file, error)


def _read_token(file: Path) -> str:
    """The token in a file that only its owner may read. Raises CallError KEY_FILE for another one, and for what is no token."""
    data = _read(file)
    if file.stat().st_mode & OTHERS:
        errors.refuse_open(file)
    text = data.decode("ascii", "replace").strip()
    if len(text) > TOKEN_CHARACTERS_MAX or not text.isascii() or not text.isprintable() or " " in text:
        errors.refuse_token(file)
    return text


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
