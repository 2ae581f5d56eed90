"""Many connections that say nothing, or nothing but hello: others are answered, and the idle ones are closed. Needs a loopback port."""

from __future__ import annotations

import contextlib
import resource
import select
import socket
import ssl
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ratewright.v1 import invoice_service_pb2 as invoice_pb
from ratewright.v1 import invoice_service_pb2_grpc
from server.grpc.tls import Tls
from tests.server.cli.test_serve import serving
from tests.server.grpc.calls import DEADLINE_S, counts, ipc, records, send
from tests.server.grpc.certificates import make
from tests.server.with_token import local_token, make_local_token, with_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
CONNECTIONS = 1_100
FILES_OF_TEST = 400  # beside those connections
CLOSED_WITHIN_S = 60  # a bound of the test alone: they are closed after five seconds
HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)  # the preface of HTTP/2, and settings that set nothing


class Server(NamedTuple):
    """The address of a server, and its certificate."""

    host: str
    port: int
    files: Tls | None
    token: str = ""

    def channel(self) -> grpc.Channel:
        """The connection of somebody who means well."""
        if self.files is None:
            return with_token(grpc.insecure_channel(f"{self.host}:{self.port}"), self.token)
        credentials = grpc.ssl_channel_credentials(self.files.certificate.read_bytes())
        name = (("grpc.ssl_target_name_override", "localhost"),)
        return with_token(grpc.secure_channel(f"{self.host}:{self.port}", credentials, options=name), self.token)


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    """As many files as the connections need may be open here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, CONNECTIONS + FILES_OF_TEST), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def silent(server: Server) -> socket.socket:
    """A connection that says nothing."""
    return socket.create_connection((server.host, server.port), DEADLINE_S)


def encrypted(server: Server) -> ssl.SSLSocket:
    """A connection that shakes hands by TLS, and then says nothing."""
    assert server.files is not None
    context = ssl.create_default_context(cafile=str(server.files.certificate))
    context.set_alpn_protocols(["h2"])
    return context.wrap_socket(silent(server), server_hostname="localhost")


def greeting(server: Server) -> socket.socket:
    """A connection that speaks HTTP/2, and never opens a stream."""
    made = silent(server) if server.files is None else encrypted(server)
    made.sendall(HELLO)
    return made


def serves_others(server: Server) -> None:
    """Health, a stream of usage and a short call are answered on a new connection."""
    with server.channel() as channel:
        health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=DEADLINE_S)
        assert health.status == health_pb2.HealthCheckResponse.SERVING
        sent = [counts(ack) for ack in send(channel, ipc(records([1])))]
        assert sent in ([(1, 0, 0, 0)], [(0, 1, 0, 0)]), "stored, or known since the last time"
        invoices = invoice_service_pb2_grpc.InvoiceServiceStub(channel)
        assert list(invoices.ListInvoices(invoice_pb.ListInvoicesRequest(parent="accounts/-"), timeout=DEADLINE_S).invoices) == []


def open_ones(connections: list[socket.socket]) -> list[socket.socket]:
    """Those that the server has not closed; what it said is read away."""
    poll = select.poll()
    of_file = {each.fileno(): each for each in connections}
    for number in of_file:
        poll.register(number, select.POLLIN)
    ended = {number for number, _ in poll.poll(100) if _has_ended(of_file[number])}
    return [each for number, each in of_file.items() if number not in ended]


def _has_ended(connection: socket.socket) -> bool:
    connection.settimeout(0)
    try:
        return not connection.recv(65_536)
    except (ssl.SSLWantReadError, BlockingIOError):
        return False
    except OSError:  # cut off
        return True


def hold_and_be_closed(server: Server, connect: Callable[[Server], socket.socket]) -> None:
    """Open them all; others are served meanwhile and afterwards, and in the end none of them is open."""
    with contextlib.ExitStack() as opened:
        idle = [opened.enter_context(connect(server)) for _ in range(CONNECTIONS)]
        left = open_ones(idle)
        assert len(left) > CONNECTIONS * 9 // 10, "they are open at once"
        serves_others(server)
        until_s = time.monotonic() + CLOSED_WITHIN_S
        while left and time.monotonic() < until_s:
            left = open_ones(left)
        assert left == []
    serves_others(server)


def half_a_greeting(server: Server) -> socket.socket:
    """A connection that begins to speak HTTP/2, and does not go on."""
    made = silent(server)
    made.sendall(HELLO[:10])
    return made


@pytest.mark.parametrize(
    ("connect", "with_tls"),
    [(silent, False), (half_a_greeting, False), (silent, True), (encrypted, True)],
    ids=lambda each: getattr(each, "__name__", "tls" if each else "plain"),
)
def test_connections_that_do_not_shake_hands_are_closed(
    tmp_path: Path, connect: Callable[[Server], socket.socket], *, with_tls: bool
) -> None:
    files = make(tmp_path) if with_tls else None
    words = () if files is None else ("--tls-cert", str(files.certificate), "--tls-key", str(files.key))
    token = make_local_token(tmp_path / "home")
    with serving(tmp_path, *words) as running:
        host, _, port = running.address.rpartition(":")
        hold_and_be_closed(Server(host, int(port), files, token if with_tls else local_token(tmp_path / "home")), connect)


PATIENT = """
import pathlib, sys, threading
from billing.store.home import Home
from server import clock
from server.cli.serve import _connections
from server.grpc import service
from server.grpc.tls import Tls
home, *files = map(pathlib.Path, sys.argv[1:])
listening = service.listen(
    service.Address("127.0.0.1", 0),
    Tls(*files) if files else None,
    patience=service.Patience(idle_s=5.0),
    connections_max=_connections(service.CONNECTIONS_MAX, service.FILES_OF_HOME),
)
with Home.open(home, create=True) as opened, service.Service.start(listening, opened, lambda: clock.now_us(opened)) as running:
    print(running.address.port, flush=True)
    threading.Event().wait()
"""


@pytest.mark.parametrize("with_tls", [False, True], ids=["plain", "tls"])
def test_connections_without_a_stream_are_closed(tmp_path: Path, *, with_tls: bool) -> None:
    """After five seconds here; a server of an operator leaves them two minutes."""
    files = make(tmp_path) if with_tls else None
    call = [sys.executable, "-c", PATIENT, str(tmp_path / "home"), *(map(str, files or ()))]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            hold_and_be_closed(Server("127.0.0.1", int(process.stdout.readline()), files), greeting)
        finally:
            process.kill()
