"""The standard health service (grpc.health.v1): whether this server answers, asked once or watched.

No lock is held while an answer is sent. grpc's own implementation does that; there a watcher that comes while another one goes can stop
the thread that all calls need.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from grpc_health.v1 import health_pb2, health_pb2_grpc

from server.grpc.refusals import answering, not_found

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import grpc

SERVING: Final = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING
_UNKNOWN: Final = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


class Health(health_pb2_grpc.HealthServicer):
    """Servicer of grpc.health.v1.Health. `services`: names that are asked for; the empty one is the whole server."""

    def __init__(self, services: Iterable[str]) -> None:
        self._services = frozenset(services)
        self._status: int = NOT_SERVING
        self._changed = threading.Condition()

    def set(self, status: int) -> None:
        """From now on all services have this status."""
        with self._changed:
            self._status = status
            self._changed.notify_all()

    def Check(self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext) -> health_pb2.HealthCheckResponse:
        """The status now; NOT_FOUND for a service that is none of ours."""
        with answering(context):
            if request.service not in self._services:
                raise not_found("SERVICE_UNKNOWN", "this server has no such service", {"service": request.service})
            return health_pb2.HealthCheckResponse(status=self._status)
        raise AssertionError("the call was ended above")

    def List(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401, ARG002 -- messages that the stubs do not have yet
        """The status of every service now."""
        status = health_pb2.HealthCheckResponse(status=self._status)
        return health_pb2.HealthListResponse(statuses=dict.fromkeys(self._services, status))  # type: ignore[attr-defined] # as above

    def Watch(self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext) -> Iterator[health_pb2.HealthCheckResponse]:
        """The status now, and whenever it changes."""
        if not context.add_callback(self._wake):
            return
        told = None
        while context.is_active():
            with self._changed:
                while told == (status := self._status_of(request.service)) and context.is_active():
                    self._changed.wait()
            if status != told:
                told = status
                yield health_pb2.HealthCheckResponse(status=status)

    def _status_of(self, service: str) -> int:
        return self._status if service in self._services else _UNKNOWN

    def _wake(self) -> None:
        """A watcher has gone: its thread is to see it."""
        with self._changed:
            self._changed.notify_all()
