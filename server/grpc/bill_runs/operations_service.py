"""The standard google.longrunning.Operations over the operations of a home."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import grpc
from google.longrunning import operations_pb2_grpc
from google.longrunning import operations_proto_pb2 as longrunning
from google.protobuf import empty_pb2

from server.grpc import calls, paging
from server.grpc.bill_runs import names
from server.grpc.bill_runs.operation_messages import message
from server.grpc.bill_runs.rights import require_role
from server.grpc.refusals import Refusal, invalid
from server.operations import operating, rows

if TYPE_CHECKING:
    from server.grpc.calls import Door

WAIT_MAX_S: Final = 30.0  # of one call; a client that wants more asks again


class OperationsService(operations_pb2_grpc.OperationsServicer):
    """Servicer of google.longrunning.Operations over one home."""

    def __init__(self, door: Door, page_token_key: bytes) -> None:
        self._door = door
        self._page_token_key = page_token_key
        self._stopping = threading.Event()

    def close(self) -> None:
        """Let calls that wait be answered now."""
        self._stopping.set()

    def ListOperations(
        self, request: longrunning.ListOperationsRequest, context: grpc.ServicerContext
    ) -> longrunning.ListOperationsResponse:
        """One page, newest first."""

        def find() -> longrunning.ListOperationsResponse:
            if request.filter:
                raise invalid("FILTER", "operations have no filter", {"field": "filter"})
            page = paging.page(request, self._page_token_key)
            shown, token = page.parted(rows.page(self._door.home, page.after_number, page.limit), lambda each: each.key)
            listed = [message(self._door.home, each, with_response=False) for each in shown]
            return longrunning.ListOperationsResponse(operations=listed, next_page_token=token)

        return calls.read(context, find)

    def GetOperation(self, request: longrunning.GetOperationRequest, context: grpc.ServicerContext) -> longrunning.Operation:
        """One operation as it is now."""
        home = self._door.home
        return calls.read(context, lambda: message(home, rows.find(home, names.parse_operation_name(request.name))))

    def WaitOperation(self, request: longrunning.WaitOperationRequest, context: grpc.ServicerContext) -> longrunning.Operation:
        """One operation when it is done, or as it is after the time that the client gives, or WAIT_MAX_S."""
        home = self._door.home

        def find() -> longrunning.Operation:
            name = names.parse_operation_name(request.name)
            wanted_s = request.timeout.ToNanoseconds() / 1e9 if request.HasField("timeout") else WAIT_MAX_S
            gives_up = lambda: self._stopping.is_set() or not context.is_active()  # noqa: E731 -- one line of one use
            return message(home, operating.wait(home, name, min(wanted_s, WAIT_MAX_S), gives_up))

        return calls.read(context, find)

    def CancelOperation(self, request: longrunning.CancelOperationRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """End an operation so that it can be gone on with."""

        def act() -> empty_pb2.Empty:
            home, name = self._door.home, names.parse_operation_name(request.name)
            require_role(rows.find(home, name).kind)
            operating.cancel(home, name, self._door.clock_us())
            return empty_pb2.Empty()

        return calls.read(context, act)  # it has no request id: again, it changes nothing

    def DeleteOperation(self, _request: longrunning.DeleteOperationRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Refused: operations are part of the audit trail."""

        def refuse() -> empty_pb2.Empty:
            raise Refusal(grpc.StatusCode.UNIMPLEMENTED, "KEPT", "operations are kept: they are part of the audit trail")

        return calls.read(context, refuse)
