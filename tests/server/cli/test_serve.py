"""`ratewright serve` as a process: ready, killed, told to stop, with TLS. Needs a loopback port."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import grpc
import pytest

from billing.intake.taking import Intake
from billing.store.home import Home
from ratewright.v1 import invoice_service_pb2 as invoice_pb
from ratewright.v1 import invoice_service_pb2_grpc, usage_service_pb2_grpc
from server.grpc.service import DRAIN_S
from tests import postgres_server
from tests.server.grpc.calls import DEADLINE_S, HEADER, batch, counts, ipc, records, send
from tests.server.grpc.certificates import make
from tests.server.with_token import local_channel, make_local_token, with_token

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
COMMAND = Path(sys.executable).with_name("ratewright")
BATCH_ROWS = 20


class Serving(NamedTuple):
    """A server process that answers."""

    process: subprocess.Popen[str]
    address: str
    home: Path

    def channel(self) -> contextlib.AbstractContextManager[grpc.Channel]:
        """A channel with the token of the account that serves."""
        return local_channel(self.address, self.home)


@contextlib.contextmanager
def serving(folder: Path, *words: str) -> Iterator[Serving]:
    """Run a server over `folder`/home until the block ends."""
    port_file = folder / "port"
    port_file.unlink(missing_ok=True)
    call = [COMMAND, "serve", "--home", folder / "home", "--address", "127.0.0.1:0", "--port-file", port_file, *words]
    process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(400):
            if port_file.exists() or process.poll() is not None:
                break
            time.sleep(0.05)
        assert process.poll() is None, process.communicate()
        yield Serving(process, f"127.0.0.1:{port_file.read_text().strip()}", folder / "home")
    finally:
        process.kill()
        process.communicate(timeout=DEADLINE_S)


def stored(folder: Path) -> set[str]:
    """Ids of the records that count."""
    with Home.open(folder / "home") as home, home.connect() as connection:
        seq = home.head_seq(connection)
        return set(Intake(home).usage(["record_id"], seq).column("record_id").to_pylist())


def ids(sequence: int) -> set[str]:
    """Ids of the records of one batch of `stream`."""
    return {f"call-{sequence * BATCH_ROWS + row}" for row in range(BATCH_ROWS)}


def stream(server: Serving, acked: list[int], enough: threading.Event, enough_acks: int) -> None:
    """Send batches 1, 2, 3, ... until the server ends the stream; note what was acked."""

    def requests() -> Iterator[object]:
        yield HEADER
        for sequence in range(1, 100_000):
            yield batch(sequence, ipc(records(range(sequence * BATCH_ROWS, (sequence + 1) * BATCH_ROWS))))

    with server.channel() as channel, contextlib.suppress(grpc.RpcError):
        for answer in usage_service_pb2_grpc.UsageServiceStub(channel).StreamUsage(requests()):
            if answer.HasField("ack"):
                assert answer.ack.accepted == BATCH_ROWS
                acked.append(answer.ack.sequence)
                if len(acked) >= enough_acks:
                    enough.set()


@pytest.mark.parametrize(("number", "enough_acks"), [(signal.SIGKILL, 3), (signal.SIGKILL, 30), (signal.SIGTERM, 10), (signal.SIGINT, 1)])
def test_whatever_ends_the_server_nothing_acked_is_lost(tmp_path: Path, number: signal.Signals, enough_acks: int) -> None:
    acked: list[int] = []
    enough = threading.Event()
    with serving(tmp_path) as server:
        switch = threading.Thread(target=stream, args=(server, acked, enough, enough_acks))
        switch.start()
        assert enough.wait(DEADLINE_S)
        server.process.send_signal(number)
        status = server.process.wait(DRAIN_S + DEADLINE_S)  # a slow machine may need all the time that a stream is given
        switch.join(DEADLINE_S)
        _, err = server.process.communicate()
    assert status == (-signal.SIGKILL if number == signal.SIGKILL else 0)
    assert err == ""
    assert acked == list(range(1, len(acked) + 1))
    found = stored(tmp_path)
    assert set().union(*(ids(sequence) for sequence in acked)) <= found
    # What was sent and not acked is stored whole or not at all.
    assert all(ids(sequence) <= found or not ids(sequence) & found for sequence in range(len(acked) + 1, len(acked) + 2_000))
    with serving(tmp_path) as again, again.channel() as channel:
        [ack] = send(channel, ipc(records(range(BATCH_ROWS, 2 * BATCH_ROWS))))
        assert counts(ack) == (0, BATCH_ROWS, 0, 0)


@pytest.mark.sqlite
def test_sigterm_has_an_end_while_the_store_is_locked(tmp_path: Path) -> None:
    """A hundred batches wait. Each alone would wait ten seconds for the lock; none is acked, and none is stored."""
    acked: list[int] = []
    codes: list[grpc.StatusCode] = []
    begun = threading.Barrier(6)

    def switch(number: int) -> None:
        def requests() -> Iterator[object]:
            yield HEADER
            for sequence in range(1, 21):
                yield batch(sequence, ipc(records(range(number * 1_000 + sequence * 10, number * 1_000 + sequence * 10 + 10))))

        with server.channel() as channel, contextlib.suppress(threading.BrokenBarrierError):
            answers = usage_service_pb2_grpc.UsageServiceStub(channel).StreamUsage(requests())
            assert next(answers).HasField("opened")
            begun.wait(DEADLINE_S)
            try:
                acked.extend(answer.ack.sequence for answer in answers)
            except grpc.RpcError:
                codes.append(answers.code())

    with (
        serving(tmp_path) as server,
        contextlib.closing(sqlite3.connect(tmp_path / "home" / "ratewright.db", isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        switches = [threading.Thread(target=switch, args=(number,)) for number in range(5)]
        for thread in switches:
            thread.start()
        begun.wait(DEADLINE_S)
        server.process.terminate()
        status = server.process.wait(DRAIN_S + DEADLINE_S)
        for thread in switches:
            thread.join(DEADLINE_S)
        out, err = server.process.communicate()
    assert (status, out.splitlines()[-1]) == (0, "stopped"), err
    assert (acked, codes) == ([], [grpc.StatusCode.UNAVAILABLE] * 5)
    assert stored(tmp_path) == set()


@contextlib.contextmanager
def frozen(server: postgres_server.Server) -> Iterator[None]:
    """All processes of a database keep their connections and answer nothing, as behind a network that is gone."""
    processes = [int(each.name) for each in Path("/proc").glob("[0-9]*") if _is_of(each, server.folder)]
    for process in processes:
        for task in Path(f"/proc/{process}/task").iterdir():
            processes += map(int, (task / "children").read_text().split())
    for process in set(processes):
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in set(processes):
            os.kill(process, signal.SIGCONT)


def _is_of(process: Path, folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return b"postgres\0" in (words := (process / "cmdline").read_bytes()) and os.fsencode(folder) in words
    return False


def test_sigterm_has_an_end_while_the_database_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream and a short call wait in it, in threads that nothing ends."""
    goes_on = threading.Event()

    def requests() -> Iterator[object]:
        yield HEADER
        goes_on.wait(DEADLINE_S)
        yield batch(1, ipc(records(range(10))))
        threading.Event().wait(DRAIN_S + DEADLINE_S)

    with postgres_server.own() as database:
        monkeypatch.setenv("RATEWRIGHT_DATABASE", database.url)
        with serving(tmp_path) as server, server.channel() as channel, contextlib.ExitStack() as stack:
            assert [counts(ack) for ack in send(channel, ipc(records([100])))] == [(1, 0, 0, 0)], "there is a connection to wait on"
            answers = usage_service_pb2_grpc.UsageServiceStub(channel).StreamUsage(requests())
            assert next(answers).HasField("opened")
            stack.enter_context(frozen(database))
            goes_on.set()
            invoices = invoice_service_pb2_grpc.InvoiceServiceStub(channel)
            short = invoices.ListInvoices.future(invoice_pb.ListInvoicesRequest(parent="accounts/-"))  # type: ignore[attr-defined] -- grpc has it
            with pytest.raises(grpc.FutureTimeoutError):
                short.result(0.5)
            server.process.terminate()
            status = server.process.wait(DRAIN_S + DEADLINE_S)
            with pytest.raises(grpc.RpcError) as raised:
                list(answers)
            out, _ = server.process.communicate()
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
        assert (status, out.splitlines()[-1]) == (0, "stopped")


def test_ready_and_stopped_are_told(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.process.terminate()
        out, err = server.process.communicate(timeout=DEADLINE_S)
    assert out.splitlines() == [
        f"serving {tmp_path / 'home'} on {server.address}; stop with Ctrl-C or SIGTERM",
        f"calls need a token; one of this account, for a day, is in {tmp_path / 'home' / 'keys' / 'local-token'}",
        "stopping: finishing what was begun",
        "stopped",
    ]
    assert (err, server.process.returncode) == ("", 0)


def test_tls(tmp_path: Path) -> None:
    certificate, key = make(tmp_path)
    token = make_local_token(tmp_path / "home")
    with serving(tmp_path, "--tls-cert", str(certificate), "--tls-key", str(key)) as server:
        credentials = grpc.ssl_channel_credentials(certificate.read_bytes())
        name = (("grpc.ssl_target_name_override", "localhost"),)
        with grpc.secure_channel(server.address, credentials, options=name) as channel:
            assert [counts(ack) for ack in send(with_token(channel, token), ipc(records([1])))] == [(1, 0, 0, 0)]
        with grpc.insecure_channel(server.address) as plain, pytest.raises(grpc.RpcError) as raised:
            send(plain, ipc(records([2])))
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    assert stored(tmp_path) == {"call-1"}


def test_a_practice_home_is_served_as_one(tmp_path: Path) -> None:
    with serving(tmp_path, "--practice") as server:
        server.process.send_signal(signal.SIGTERM)
        told, _ = server.process.communicate(timeout=DRAIN_S)
    assert told.startswith(f"serving practice home {tmp_path / 'home'} on 127.0.0.1:")
