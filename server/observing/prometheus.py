"""Metrics of the service in the form that Prometheus reads. Labels are calls, statuses and reasons: nothing of a customer.

`State` is what a scrape looks up: the store, operations, findings. It is looked up at most once in LOOK_S seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import start_http_server
from prometheus_client.registry import Collector

from rating.errors import UserError
from server.observing.meter import Meter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from wsgiref.simple_server import WSGIServer

    from prometheus_client import Metric

    from server.configuration.addresses import Address

LOOK_S: Final = 10.0
ACK_BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
CALL_BOUNDS_S: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0)


class Work(NamedTuple):
    """An operation that works: its kind, stage, and how much of the stage is done (`total` 0: not known)."""

    kind: str
    stage: str
    done: int
    total: int


class State(NamedTuple):
    """Counts that a scrape looks up. `interrupted`: operations whose process is gone before its end."""

    work: Sequence[Work]
    interrupted: int
    findings_open: int


class PrometheusMeter(Meter):
    """Counts in a registry of its own."""

    def __init__(self, look: Callable[[], State], clock_s: Callable[[], float] = time.monotonic) -> None:
        """`look` reads the state of the home; it may raise UserError or OSError where the store does not answer."""
        self.registry = registry = CollectorRegistry()
        self._calls = Counter("ratewright_calls", "Calls that ended, by status.", ["call", "code"], registry=registry)
        self._refusals = Counter("ratewright_refusals", "Calls that were refused, by reason.", ["reason"], registry=registry)
        self._call_s = Histogram("ratewright_call_seconds", "Time of a call.", ["service"], registry=registry, buckets=CALL_BOUNDS_S)
        self._streams = Gauge("ratewright_streams_open", "Usage streams that are open.", registry=registry)
        self._acks = Counter("ratewright_acks", "Batches that were acked.", ["repeated"], registry=registry)
        self._ack_s = Histogram("ratewright_ack_seconds", "From a batch's reading to its ack.", registry=registry, buckets=ACK_BOUNDS_S)
        self._rows = Counter("ratewright_rows", "Rows of acked batches, repeats left out, by status.", ["status"], registry=registry)
        self._queue = Gauge("ratewright_queue_batches", "Batches that wait for the store.", registry=registry)
        self._queue_bytes = Gauge("ratewright_queue_bytes", "Memory that they occupy.", registry=registry)
        self._store_s = Histogram(
            "ratewright_store_write_seconds", "Time in which a group of batches is stored.", registry=registry, buckets=ACK_BOUNDS_S
        )
        self._sealing = Gauge("ratewright_journal_sealing", "1: the journal is sealed as it grows; 0: it failed.", registry=registry)
        self._serving = Gauge("ratewright_serving", "1: calls are answered; 0: it starts, stops or has no store.", registry=registry)
        self._certificate = Gauge("ratewright_certificate_end_timestamp_seconds", "End of the TLS certificate; 0: none.", registry=registry)
        registry.register(_Looked(look, clock_s))
        ProcessCollector(registry=registry)

    def call_ended(self, call: str, code: str, reason: str, seconds: float) -> None:
        """Count a call."""
        self._calls.labels(call, code).inc()
        self._call_s.labels(call.partition("/")[0]).observe(seconds)
        if reason:
            self._refusals.labels(reason).inc()

    def stream_opened(self) -> None:
        """One more."""
        self._streams.inc()

    def stream_ended(self) -> None:
        """One less."""
        self._streams.dec()

    def acked(self, rows: Mapping[str, int], seconds: float, *, repeated: bool) -> None:
        """Count an ack, and the rows of a batch that is new."""
        self._acks.labels("yes" if repeated else "no").inc()
        self._ack_s.observe(seconds)
        for status, count in rows.items():
            self._rows.labels(status).inc(0 if repeated else count)

    def stored(self, batches: int, seconds: float) -> None:
        """Observe a write."""
        assert batches > 0, batches
        self._store_s.observe(seconds)

    def waiting(self, batches: int, size_bytes: int) -> None:
        """Note the queue."""
        self._queue.set(batches)
        self._queue_bytes.set(size_bytes)

    def sealing(self, *, is_well: bool) -> None:
        """Note whether the last try went well."""
        self._sealing.set(int(is_well))

    def serving(self, *, is_serving: bool) -> None:
        """Note whether calls are answered."""
        self._serving.set(int(is_serving))

    def certificate_ends(self, at_us: int) -> None:
        """Note the end of the TLS certificate."""
        self._certificate.set(at_us // 1_000_000)


class _Looked(Collector):
    """Metrics that are looked up in the home."""

    def __init__(self, look: Callable[[], State], clock_s: Callable[[], float]) -> None:
        self._look, self._clock_s = look, clock_s
        self._lock = threading.Lock()
        self._known: tuple[float, State | None, float] | None = None

    def describe(self) -> Iterator[Metric]:
        """Nothing is looked up as the registry learns of it."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        state, seconds = self._state()
        yield GaugeMetricFamily("ratewright_store_up", "1: the store answers.", value=int(state is not None))
        yield GaugeMetricFamily("ratewright_store_read_seconds", "Time of the last look into the store.", value=seconds)
        if state is None:
            return
        yield GaugeMetricFamily("ratewright_findings_open", "Findings of the books that are open.", value=state.findings_open)
        yield GaugeMetricFamily("ratewright_operations_interrupted", "Operations whose process is gone.", value=state.interrupted)
        running = GaugeMetricFamily("ratewright_operation_running", "Operations that work.", labels=["kind", "stage"])
        done = GaugeMetricFamily("ratewright_operation_done", "Done of the stage that works.", labels=["kind", "stage"])
        total = GaugeMetricFamily("ratewright_operation_total", "Of how many; 0: not known.", labels=["kind", "stage"])
        for name, works in _by_stage(state.work).items():
            running.add_metric(name, len(works))
            done.add_metric(name, sum(each.done for each in works))
            total.add_metric(name, sum(each.total for each in works))
        yield from (running, done, total)

    def _state(self) -> tuple[State | None, float]:
        with self._lock:
            now_s = self._clock_s()
            if self._known is not None and now_s - self._known[0] < LOOK_S:
                return self._known[1:]
            try:
                state = self._look()
            except (UserError, OSError):
                state = None
            self._known = (now_s, state, self._clock_s() - now_s)
            return self._known[1:]


def _by_stage(work: Sequence[Work]) -> dict[tuple[str, str], list[Work]]:
    found: dict[tuple[str, str], list[Work]] = {}
    for each in work:
        found.setdefault((each.kind, each.stage), []).append(each)
    return found


def listen(meter: PrometheusMeter, address: Address) -> tuple[WSGIServer, int]:
    """Answer GET on an address of this machine, which the caller has checked to be one; the server and its real port."""
    try:
        server, _ = start_http_server(address.port, address.host, meter.registry)
    except OSError as error:
        raise UserError(
            f"cannot answer metrics on {address}: {error.strerror}",
            "stop the other program, or choose another port with --metrics-address (port 0 takes a free one)",
        ) from error
    return server, server.server_port
