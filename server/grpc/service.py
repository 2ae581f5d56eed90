"""The server: which services answer, where it listens, how it starts and how it stops.

It listens on the loopback interface unless it has a certificate: usage and invoices do not cross a network in the clear.
Stopping drains. New calls are refused, streams get the answer to come back later, what was read is stored, and only then is the store
closed.
"""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent import futures
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import grpc
from google.longrunning import operations_pb2_grpc
from grpc_health.v1 import health_pb2_grpc

from billing.intake import taking  # noqa: F401 -- loaded before the first call, as are kernels: nobody waits for the compiler
from billing.runs.usage import usage_kernel  # noqa: F401 -- as above
from billing.what_if import adding_kernel  # noqa: F401 -- as above
from ratewright.v1 import (
    account_service_pb2_grpc,
    approval_service_pb2_grpc,
    audit_service_pb2_grpc,
    bill_run_service_pb2_grpc,
    dunning_service_pb2_grpc,
    invoice_service_pb2_grpc,
    party_service_pb2_grpc,
    rating_service_pb2_grpc,
    settings_service_pb2_grpc,
    tariff_service_pb2_grpc,
    usage_service_pb2_grpc,
)
from rating import kernel, order  # noqa: F401 -- as above
from rating.errors import UserError
from server.configuration import checking
from server.configuration.addresses import Address
from server.grpc import calls, finance, health, tls
from server.grpc.accounts.account_service import AccountService
from server.grpc.accounts.party_service import PartyService
from server.grpc.admission import CALLS_OF_CONNECTION_MAX, Gate, Limits
from server.grpc.bill_runs.operations_service import OperationsService
from server.grpc.bill_runs.service import BillRunService
from server.grpc.calls import Door
from server.grpc.dunning_service import DunningService
from server.grpc.entrance import Access, Entrance
from server.grpc.invoice_service import InvoiceService
from server.grpc.oversight.approval_service import ApprovalService
from server.grpc.oversight.audit_service import AuditService
from server.grpc.oversight.settings_service import SettingsService
from server.grpc.rating_service import RatingService
from server.grpc.spool import Spool
from server.grpc.store_watch import StoreWatch
from server.grpc.tariffs.tariff_service import TariffService
from server.grpc.usage import arrow_batches
from server.grpc.usage.file_calls import FileCalls, sources_of_files
from server.grpc.usage.find_calls import FindCalls
from server.grpc.usage.late_calls import LateCalls
from server.grpc.usage.report_calls import ReportCalls
from server.grpc.usage.storing_sink import DEFAULT_SOURCES, StoringSink, stream_sources
from server.grpc.usage.stream_calls import StreamCalls, random_id
from server.grpc.usage.suspense_calls import SuspenseCalls
from server.grpc.usage.upkeep_calls import UpkeepCalls
from server.grpc.usage.usage_service import UsageService
from server.observing.meter import Meter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from billing.store.home import Home
    from mediation.sources.model import Source
    from server.grpc.tls import Tls

MESSAGE_BYTES_MAX: Final = arrow_batches.BATCH_BYTES_MAX + 64 * 1024
DRAIN_S: Final = 20.0
SHORT_CALL_S: Final = 2.0  # what is left of the time for those that only watch or wait
SILENCE_S: Final = 60.0  # a peer that shows no sign of life for this long is asked for one
ANSWER_S: Final = 20.0  # and cut off when none comes: a switch that lost its power would hold its stream for ever
PINGS_S: Final = 10.0  # how often a peer may ask the same of us; gRPC cuts off one that asks more often
HANDSHAKE_S: Final = 5.0  # a connection that does not speak HTTP/2, and TLS, by then is closed
IDLE_S: Final = 120.0  # so is one without calls; clients connect again by themselves
CONNECTIONS_MAX: Final = 2_048
FILES_OF_HOME: Final = 256  # file descriptors that connections leave to the store
SERVICE_NAMES: Final = tuple(
    f"ratewright.v1.{name}Service"
    for name in (
        "Usage",
        "Rating",
        "Invoice",
        "Dunning",
        "Account",
        "Party",
        "Approval",
        "Audit",
        "BillRun",
        "Tariff",
        "Settings",
        *finance.SERVICES,
    )
)


def check_reach(address: Address, files: Tls | None) -> None:
    """Refuse to listen on a network without TLS."""
    error = checking.reach(address, has_tls=files is not None)
    if error is not None:
        raise error


OPERATIONS_NAME: Final = "google.longrunning.Operations"
HEALTH_NAME: Final = "grpc.health.v1.Health"


class Listening(NamedTuple):
    """A server that has its port and does not answer yet."""

    server: grpc.Server
    address: Address  # with the real port
    gate: Gate
    entrance: Entrance
    certified: Address | None = None  # where client certificates are required


class Certified(NamedTuple):
    """A second address, whose clients show a certificate by one of these authorities (PEM)."""

    address: Address
    authorities: Path


class Patience(NamedTuple):
    """The longest times that the server waits for a connection."""

    silence_s: float = SILENCE_S
    answer_s: float = ANSWER_S
    handshake_s: float = HANDSHAKE_S
    idle_s: float = IDLE_S


def listen(  # noqa: PLR0913 -- each has its default
    address: Address,
    files: Tls | None = None,
    *,
    certified: Certified | None = None,
    patience: Patience | None = None,
    limits: Limits | None = None,
    connections_max: int = CONNECTIONS_MAX,
) -> Listening:
    """Take the ports, before anything is opened or made. Refuses a network without TLS, and a port that is in use."""
    check_reach(address, files)
    if certified is not None and files is None:
        raise UserError("clients cannot show a certificate without TLS", "add --tls-cert FILE --tls-key FILE", exit_status=2)
    patience, limits = patience or Patience(), limits or Limits()
    gate, entrance = Gate(limits), Entrance()
    server = grpc.server(
        futures.ThreadPoolExecutor(limits.threads, thread_name_prefix="grpc"),
        interceptors=[entrance, gate],
        options=(
            ("grpc.so_reuseport", 0),  # or a second server would silently share the port
            ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
            ("grpc.max_concurrent_streams", CALLS_OF_CONNECTION_MAX),
            ("grpc.max_allowed_incoming_connections", connections_max),
            ("grpc.server_handshake_timeout_ms", int(patience.handshake_s * 1_000)),
            ("grpc.max_connection_idle_ms", int(patience.idle_s * 1_000)),
            ("grpc.keepalive_time_ms", int(patience.silence_s * 1_000)),
            ("grpc.http2.ping_timeout_ms", int(patience.answer_s * 1_000)),
            ("grpc.http2.min_ping_interval_without_data_ms", int(PINGS_S * 1_000)),
        ),
    )
    bound = address._replace(port=_bind(server, address, None if files is None else tls.credentials(files)))
    second = None
    if certified is not None and files is not None:
        demanding = tls.credentials(files, client_authorities=certified.authorities)
        second = certified.address._replace(port=_bind(server, certified.address, demanding))
    return Listening(server, bound, gate, entrance, second)


class Service:
    """A running server over one home. `with Service.start(listen(...), ...) as service:` stops it at the end."""

    def __init__(  # noqa: PLR0913, PLR0917 -- what has been started, which `start` alone knows
        self,
        listening: Listening,
        usage: UsageService,
        operations: OperationsService,
        health_servicer: health.Health,
        look: Callable[[], object],
        meter: Meter,
        spool: Spool,
    ) -> None:
        """`look` raises where the store does not answer."""
        self.address = listening.address  # with the real port
        self.certified = listening.certified
        self._entrance = listening.entrance
        self._server = listening.server
        self._gate = listening.gate
        self._usage = usage
        self._operations = operations
        self._health = health_servicer
        self._spool = spool
        self._has_ended: bool | None = None  # as `stop` says
        self._meter, self._is_stopping = meter, False
        self._lock = threading.Lock()
        self.note_store(answers=True)
        self._watch = StoreWatch(look, self.note_store)

    @classmethod
    def start(  # noqa: PLR0913 -- what is answered, and whom
        cls,
        listening: Listening,
        home: Home,
        clock_us: Callable[[], int],
        *,
        sources: Sequence[Source] | None = None,
        access: Access | None = None,
        new_stream_id: Callable[[], str] = random_id,
        has_reflection: bool = False,
    ) -> Self:
        """Answer calls. `clock_us` gives microseconds UTC; usage streams of `sources` are taken, with ids of `new_stream_id`.

        `access`: what is asked of each call; without it everybody may make every call, as tests of single services need it.
        `has_reflection`: operators may ask which calls there are.
        """
        server = listening.server
        if access is not None:
            listening.entrance.guard(access)
        meter = Meter() if access is None else access.meter
        taken = stream_sources(DEFAULT_SOURCES) if sources is None else sources
        sink = StoringSink(home, taken, clock_us, meter)
        door, page_token_key = Door(home, clock_us), home.page_token_key()
        streams = StreamCalls(door, sink.allow, new_stream_id)
        spool = Spool(home.path)
        files = FileCalls(door, sources_of_files(taken), sink.intake, spool, page_token_key)
        suspense = SuspenseCalls(door, sources_of_files(taken), page_token_key)
        late, reads = LateCalls(door, page_token_key), (FindCalls(door), ReportCalls(door), UpkeepCalls(door, sink.intake))
        usage = UsageService(sink, listening.gate, streams, files, suspense, late, *reads, meter)
        usage_service_pb2_grpc.add_UsageServiceServicer_to_server(usage, server)
        rating_service_pb2_grpc.add_RatingServiceServicer_to_server(RatingService(home), server)
        invoice_service_pb2_grpc.add_InvoiceServiceServicer_to_server(InvoiceService(home, clock_us, page_token_key), server)
        dunning_service_pb2_grpc.add_DunningServiceServicer_to_server(DunningService(door, page_token_key), server)
        account_service_pb2_grpc.add_AccountServiceServicer_to_server(AccountService(door, page_token_key, spool), server)
        party_service_pb2_grpc.add_PartyServiceServicer_to_server(PartyService(door), server)
        approval_service_pb2_grpc.add_ApprovalServiceServicer_to_server(ApprovalService(door, page_token_key), server)
        audit_service_pb2_grpc.add_AuditServiceServicer_to_server(AuditService(door, page_token_key), server)
        settings_service_pb2_grpc.add_SettingsServiceServicer_to_server(SettingsService(door), server)
        tariff_service_pb2_grpc.add_TariffServiceServicer_to_server(TariffService(door, page_token_key, spool), server)
        finance.add_to(server, home, clock_us)
        bill_run_service_pb2_grpc.add_BillRunServiceServicer_to_server(BillRunService(door, page_token_key), server)
        operations = OperationsService(door, page_token_key)
        operations_pb2_grpc.add_OperationsServicer_to_server(operations, server)
        calls.forget_old(door)
        health_servicer = health.Health(("", *SERVICE_NAMES))
        health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
        if has_reflection:
            _reflect(server)
        server.start()
        return cls(listening, usage, operations, health_servicer, lambda: _head(home), meter, spool)

    def note_store(self, answers: bool) -> None:  # noqa: FBT001 -- what a watch has seen
        """Say in the health of all services whether the store answers: without it no call is let in. Nothing once it stops."""
        with self._lock:
            if not self._is_stopping:
                self._show(is_serving=answers)

    def _show(self, *, is_serving: bool) -> None:
        self._health.set(health.SERVING if is_serving else health.NOT_SERVING)
        self._meter.serving(is_serving=is_serving)

    def stop(self, drain_s: float = DRAIN_S) -> bool:
        """Finish what was begun, within `drain_s`; every acked batch is durable anyway. May be called twice.

        A store that is locked or full all the while keeps no thread longer: what was not acked is to be sent again. False where a thread
        waits still, for a database that does not answer: it would keep the process.
        """
        if self._has_ended is None:
            self._has_ended = self._stop(drain_s)
        return self._has_ended

    def _stop(self, drain_s: float) -> bool:
        until_s = time.monotonic() + drain_s
        with self._lock:
            self._is_stopping = True
            self._show(is_serving=False)
        self._watch.close()
        self._server.stop(drain_s)
        self._gate.close()
        self._operations.close()
        self._usage.end_streams(drain_s)
        self._gate.calls_have_ended(max(until_s - time.monotonic() - SHORT_CALL_S, 0.0))
        self._server.stop(min(drain_s, SHORT_CALL_S)).wait()  # whoever only watches the health would stay to the end
        self._entrance.close()
        has_stored = self._usage.close(max(until_s - time.monotonic(), SHORT_CALL_S))
        has_emptied = self._gate.has_emptied(SHORT_CALL_S)
        self._spool.close()
        return has_emptied and has_stored

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _head(home: Home) -> int:
    with home.connect() as connection:
        return home.head_seq(connection)


def _reflect(server: grpc.Server) -> None:
    """Answer which calls there are."""
    try:
        from server.grpc import reflection  # noqa: PLC0415 -- of an extra
    except ImportError:
        raise UserError("--reflection needs the package grpcio-reflection", "install ratewright[reflection]") from None
    reflection.add_to(server, (*SERVICE_NAMES, OPERATIONS_NAME, HEALTH_NAME))


def _bind(server: grpc.Server, address: Address, credentials: grpc.ServerCredentials | None) -> int:
    """The port that `server` now listens on."""
    port = 0
    with contextlib.suppress(RuntimeError):  # how grpc says that it cannot, in one version; in another it returns 0
        port = server.add_insecure_port(str(address)) if credentials is None else server.add_secure_port(str(address), credentials)
    if port == 0:
        raise UserError(
            f"cannot listen on {address}: the port is in use, or the address is not one of this machine",
            "stop the other server, or choose another port with --address (port 0 takes a free one)",
        )
    return port
