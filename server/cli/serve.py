"""`ratewright serve`: answers gRPC calls until a signal ends it.

SIGTERM and SIGINT drain and end with status 0; every acked batch is durable, even if the process is killed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from rating.errors import UserError
from server.cli import serve_options
from server.cli.homes import Practice, made
from server.cli.serve_options import ServeOptions
from server.configuration import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing.store.home import Home
    from server.configuration.reading import Configuration
    from server.grpc.entrance import Access
    from server.grpc.service import Certified, Service
    from server.observing.prometheus import PrometheusMeter

_LOOK_AROUND_S = 0.5
_log = logging.getLogger(__name__)


def serve(*, options: ServeOptions = ServeOptions(), practice: Practice = False) -> int:
    """Answer gRPC calls: usage streams, quotes, invoices, dunning, bill runs, health.

    Each call but health needs a token (`ratewright tokens issue`) or a client certificate (`ratewright certs issue`).
    Options come from the command line, else the environment, else a TOML file: `ratewright config show`. SIGHUP reads keys again.
    """
    found = serve_options.settled(options)

    import functools

    from server import clock, process_limits
    from server.configuration.addresses import parse_address
    from server.grpc import service, tls
    from server.grpc.usage import storing_sink

    process_limits.dump_no_core()
    where, files = parse_address(found.value("serve.address")), serve_options.tls_of(found)
    warning = "" if files is None else tls.check(files, clock.machine_now_us())
    told = _Told(found.value("serve.log_format"))
    if warning:
        told.warn(warning)
    connections_max = _connections(service.CONNECTIONS_MAX, service.FILES_OF_HOME)
    listening = service.listen(where, files, certified=_certified(found), connections_max=connections_max)
    stopping = queue.SimpleQueue[int]()  # a signal may come while its own lock is held; an Event would wait for itself
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda signum, _: stopping.put(signum))
    with made(Path(found.value(table.HOME)), practice=practice) as opened, contextlib.ExitStack() as held:
        now = functools.partial(clock.now_us, opened)
        now()  # a home that has no clock is not served
        meter = _meter(found, opened, told, held)
        access = held.enter_context(_access(opened, now, found, meter))
        token = None
        if found.value("serve.insecure_local"):
            told.warn("--insecure-local: nothing but health is answered")
        elif files is None:
            token = _local_token(opened, now())
            access.identities.read_keys()
        sources = storing_sink.stream_sources(found.value("serve.source"))
        started = service.Service.start(
            listening, opened, now, sources=sources, access=access, has_reflection=found.value("serve.reflection")
        )
        with started as running:
            _tell(running, opened, "" if files is None else " with TLS", serve_options.path(found, "serve.port_file"), told)
            if token is not None:
                told.say("token_written", f"calls need a token; one of this account, for a day, is in {token}", file=str(token))
            _wait(stopping, access.identities.read_keys, told)
            told.say("stopping", "stopping: finishing what was begun")
            running.stop()
    told.say("stopped", "stopped")
    sys.stderr.flush()
    # Everything is stored and closed. Python's own end would wait for a thread that waits for a database, and gRPC's threads, which it
    # does not know, may take its lock meanwhile: then it aborts (1 stop of 8 with a locked store).
    os._exit(0)


class _Told:
    """Tells what happens to the service: in sentences on stdout, or in the log as JSON."""

    def __init__(self, log_format: str) -> None:
        from rating.dates import utc_time
        from server import clock
        from server.observing import logs

        self._is_json = log_format == "json"
        if self._is_json:
            setattr(warnings, "showwarning", lambda message, *_: self.warn(str(message)))  # noqa: B010 -- as in `app`
        logs.configure(log_format, lambda: f"{utc_time(clock.machine_now_us()):%Y-%m-%dT%H:%M:%S.%fZ}")

    def say(self, event: str, text: str, **fields: str) -> None:
        """An event, in one of both forms."""
        if self._is_json:
            _log.info(event, extra={"fields": fields})
        else:
            print(text, flush=True)

    def warn(self, text: str) -> None:
        """A doubt that stops nothing."""
        if self._is_json:
            _log.warning("warning", extra={"fields": {"text": text}})
        else:
            print(f"warning: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _access(home: Home, clock_us: Callable[[], int], found: Configuration, meter: PrometheusMeter | None) -> Iterator[Access]:
    """Identities, roles, limits and the trail, while the service runs."""
    from server.access.identity import Identities
    from server.access.trail import Trail
    from server.grpc.entrance import Access
    from server.observing.meter import Meter

    trail = Trail(home.path, clock_us())
    try:
        yield Access(Identities(home, clock_us), trail, clock_us, serve_options.limits_of(found), meter or Meter())
    finally:
        trail.close()


def _meter(found: Configuration, home: Home, told: _Told, held: contextlib.ExitStack) -> PrometheusMeter | None:
    """The meter, answered on its address while the service runs; None where it has no address."""
    text = found.value("serve.metrics_address")
    if text is None:
        return None
    from server.configuration.addresses import parse_address
    from server.grpc import tls
    from server.observing import prometheus, state

    meter = prometheus.PrometheusMeter(lambda: state.of(home))
    files = serve_options.tls_of(found)
    if files is not None:
        meter.certificate_ends(tls.end_us(files.certificate))
    where = parse_address(text)
    answering, port = prometheus.listen(meter, where)
    held.callback(answering.shutdown)
    address = str(where._replace(port=port))
    told.say("metrics_answered", f"metrics are on http://{address}/metrics", address=address)
    return meter


def _local_token(home: Home, now_us: int) -> Path:
    from billing.persons import Who
    from server import operator
    from server.access import local

    who = operator.current()
    return local.provide(home, Who(who.name, who.uid, now_us))


def _certified(found: Configuration) -> Certified | None:
    from server.configuration.addresses import parse_address
    from server.grpc import service

    address = found.value("serve.certified_address")
    return None if address is None else service.Certified(parse_address(address), serve_options.authorities_of(found))


def _wait(stopping: queue.SimpleQueue[int], reload: Callable[[], None], told: _Told) -> None:
    """Wait for a signal to stop; SIGHUP reads the keys again. Python sees a signal that arrives as a wait begins only when it ends."""
    while True:
        with contextlib.suppress(queue.Empty):
            if stopping.get(timeout=_LOOK_AROUND_S) != signal.SIGHUP:
                return
            try:
                reload()
            except UserError as error:  # a mistake in a key file ends no service: the keys of before go on
                told.warn(f"keys are not read again: {error.message}; remedy: {error.remedy}")
            else:
                told.say("keys_read", "keys are read again")


def _tell(running: Service, home: Home, how: str, port_file: Path | None, told: _Told) -> None:
    if port_file is not None:
        _write_whole(port_file, f"{running.address.port}\n")
    what = "practice home " if home.is_practice else ""
    text = f"serving {what}{home.path} on {running.address}{how}; stop with Ctrl-C or SIGTERM"
    told.say("serving", text, home=str(home.path), address=str(running.address), tls=str(bool(how)).lower())


def _connections(wanted: int, kept_back: int) -> int:
    """Return how many connections there are files for, after the process was given as many as the system allows it."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = wanted + kept_back
    if soft != resource.RLIM_INFINITY and soft < files:
        soft = files if hard == resource.RLIM_INFINITY else min(files, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else max(min(wanted, soft - kept_back), 1)


def _write_whole(path: Path, text: str) -> None:
    """Write so that a reader who waits for the file never sees half of it."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text)
    draft.replace(path)
