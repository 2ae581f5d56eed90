"""`ratewright serve`: answers gRPC calls until a signal ends it.

SIGTERM and SIGINT drain and end with status 0; every acked batch is durable, even if the process is killed.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
from pathlib import Path  # noqa: TC003 -- cyclopts reads the annotations when the command runs
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.errors import UserError
from server.cli.homes import DEFAULT_HOME, HomeFolder, Practice, made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing.store.home import Home
    from server.grpc.entrance import Access
    from server.grpc.service import Certified, Service
    from server.grpc.tls import Tls

_LOOK_AROUND_S = 0.5


def serve(
    *,
    home: HomeFolder = DEFAULT_HOME,
    address: str = "127.0.0.1:50051",
    port_file: Path | None = None,
    source: Annotated[list[str] | None, Parameter(negative="")] = None,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    certified_address: str | None = None,
    client_ca: Path | None = None,
    insecure_local: Annotated[bool, Parameter(negative="")] = False,
    practice: Practice = False,
) -> int:
    """Answer gRPC calls: usage streams, quotes, invoices, dunning, bill runs, health.

    Each call but health needs a token (`ratewright tokens issue`) or a client certificate (`ratewright certs issue`).
    SIGHUP reads keys again.

    Parameters
    ----------
    home
        Home folder; made when it does not exist.
    address
        HOST:PORT to listen on; port 0 takes a free one. Other than loopback needs TLS.
    port_file
        Write the port into this file once calls are answered.
    source
        Name, or YAML definition, of a source whose streams and files are taken; may be repeated. Default: stream.
    tls_cert
        Certificate with its chain, PEM.
    tls_key
        Its private key, PEM.
    certified_address
        A second HOST:PORT, whose clients have to show a certificate by --client-ca.
    client_ca
        Certificates of the authorities of clients, PEM; without it those of `ratewright certs init`.
    insecure_local
        Make no token, and answer nothing but health: to try that a port can be reached.
    practice
        Make a practice home, where there is none.

    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # gRPC's own log would say in ten lines what we say in one; read at its import

    import functools

    from server import clock
    from server.grpc import service, tls
    from server.grpc.usage import storing_sink

    where, files = service.parse_address(address), _tls(tls_cert, tls_key)
    if port_file is not None:
        _check_place(port_file)
    taken = storing_sink.stream_sources(source or storing_sink.DEFAULT_SOURCES)
    warning = "" if files is None else tls.check(files, clock.machine_now_us())
    if warning:
        print(f"warning: {warning}", file=sys.stderr, flush=True)
    certified = _certified(home, certified_address, client_ca)
    connections_max = _connections(service.CONNECTIONS_MAX, service.FILES_OF_HOME)
    listening = service.listen(where, files, certified=certified, connections_max=connections_max)
    stopping = queue.SimpleQueue[int]()  # a signal may come while its own lock is held; an Event would wait for itself
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda signum, _: stopping.put(signum))
    with made(home, practice=practice) as opened:
        now = functools.partial(clock.now_us, opened)
        now()  # a home that has no clock is not served
        with _access(opened, now) as access:
            token = None
            if insecure_local:
                print("warning: --insecure-local: nothing but health is answered", file=sys.stderr, flush=True)
            elif files is None:
                token = _local_token(opened, now())
                access.identities.read_keys()
            with service.Service.start(listening, opened, now, sources=taken, access=access) as running:
                _tell(running, opened, "" if files is None else " with TLS", port_file)
                if token is not None:
                    print(f"calls need a token; one of this account, for a day, is in {token}", flush=True)
                _wait(stopping, access.identities.read_keys)
                print("stopping: finishing what was begun", flush=True)
                running.stop()
    print("stopped", flush=True)
    sys.stderr.flush()
    # Everything is stored and closed. Python's own end would wait for a thread that waits for a database, and gRPC's threads, which it
    # does not know, may take its lock meanwhile: then it aborts (1 stop of 8 with a locked store).
    os._exit(0)


@contextlib.contextmanager
def _access(home: Home, clock_us: Callable[[], int]) -> Iterator[Access]:
    """Identities, roles and the trail, while the service runs."""
    from server.access.identity import Identities
    from server.access.trail import Trail
    from server.grpc.entrance import Access

    trail = Trail(home.path, clock_us())
    try:
        yield Access(Identities(home, clock_us), trail, clock_us)
    finally:
        trail.close()


def _local_token(home: Home, now_us: int) -> Path:
    from billing.persons import Who
    from server import operator
    from server.access import local

    who = operator.current()
    return local.provide(home, Who(who.name, who.uid, now_us))


def _certified(home: Path, address: str | None, authorities: Path | None) -> Certified | None:
    from server.access import certificates, key_files
    from server.grpc import service

    if address is None:
        if authorities is not None:
            raise UserError("--client-ca belongs to --certified-address", "name the address whose clients show certificates", exit_status=2)
        return None
    file = authorities or home / key_files.FOLDER / certificates.CA_FILE
    if not file.is_file():
        raise UserError(
            f"{file} does not exist", "make an authority with `ratewright certs init`, or name one with --client-ca", exit_status=2
        )
    return service.Certified(service.parse_address(address), file)


def _wait(stopping: queue.SimpleQueue[int], reload: Callable[[], None]) -> None:
    """Wait for a signal to stop; SIGHUP reads the keys again. Python sees a signal that arrives as a wait begins only when it ends."""
    while True:
        with contextlib.suppress(queue.Empty):
            if stopping.get(timeout=_LOOK_AROUND_S) != signal.SIGHUP:
                return
            reload()
            print("keys are read again", flush=True)


def _tell(running: Service, home: Home, how: str, port_file: Path | None) -> None:
    if port_file is not None:
        _write_whole(port_file, f"{running.address.port}\n")
    what = "practice home " if home.is_practice else ""
    print(f"serving {what}{home.path} on {running.address}{how}; stop with Ctrl-C or SIGTERM", flush=True)


def _tls(certificate: Path | None, key: Path | None) -> Tls | None:
    from server.grpc.tls import Tls

    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise UserError("--tls-cert and --tls-key belong together", "give both, or neither on a loopback address", exit_status=2)
    return Tls(certificate, key)


def _connections(wanted: int, kept_back: int) -> int:
    """Return how many connections there are files for, after the process was given as many as the system allows it."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = wanted + kept_back
    if soft != resource.RLIM_INFINITY and soft < files:
        soft = files if hard == resource.RLIM_INFINITY else min(files, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else max(min(wanted, soft - kept_back), 1)


def _check_place(port_file: Path) -> None:
    """Refuse a port file that cannot be written, before a home is made."""
    if port_file.is_dir() or not os.access(port_file.parent, os.W_OK | os.X_OK):
        raise UserError(f"port file {port_file} cannot be written", "name a file in a folder that exists and may be written", exit_status=2)


def _write_whole(path: Path, text: str) -> None:
    """Write so that a reader who waits for the file never sees half of it."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text)
    draft.replace(path)
