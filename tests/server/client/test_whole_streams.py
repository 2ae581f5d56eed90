"""Streams that the client reads to their end: again from the beginning where they broke, and never in parts."""

from __future__ import annotations

from concurrent import futures
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from ratewright.v1 import ledger_service_pb2 as pb
from ratewright.v1 import ledger_service_pb2_grpc as stubs
from server.client import CallError, Connection, Retries

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
PIECES = [b"a", b"b", b"x" * (5 << 20)]  # the last one is larger than what gRPC takes by default
MISTAKES = [("mapping: revenue", "1 posting is on accounts that the mapping does not know"), ("mapping: tax", "as above")]


class Breaking(stubs.LedgerServiceServicer):
    """Sends the pieces; as often as `breaks` has a status, it ends with it behind the first one."""

    def __init__(self) -> None:
        self.breaks: list[status_pb2.Status] = []
        self.calls = 0

    def StreamLedgerExport(self, _request: pb.StreamLedgerExportRequest, context: Any) -> Iterator[pb.StreamLedgerExportResponse]:  # noqa: ANN401, N802 -- as grpc has them
        """The file."""
        self.calls += 1
        for piece in PIECES:
            yield pb.StreamLedgerExportResponse(content=piece)
            if self.breaks:
                context.abort_with_status(rpc_status.to_status(self.breaks.pop(0)))
        context.set_trailing_metadata((("ratewright-practice", "true"),))


@pytest.fixture
def breaking() -> Iterator[tuple[Breaking, Connection, list[float]]]:
    """The service, a connection that tries three times, and its pauses."""
    servicer, pauses = Breaking(), list[float]()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    stubs.add_LedgerServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with Connection(f"127.0.0.1:{port}", retries=Retries(attempts_max=3, sleep=pauses.append)) as connection:
        yield servicer, connection, pauses
    server.stop(None).wait()


def read(connection: Connection) -> list[bytes]:
    method = stubs.LedgerServiceStub(connection.channel).StreamLedgerExport
    return [each.content for each in connection.whole_stream(method, pb.StreamLedgerExportRequest(month="2025-11"))]


def status(code: grpc.StatusCode) -> status_pb2.Status:
    """A refusal that names two mistakes."""
    made = status_pb2.Status(code=code.value[0], message="2 mistakes found")
    violations = [error_details_pb2.BadRequest.FieldViolation(field=field, description=text) for field, text in MISTAKES]
    made.details.add().Pack(error_details_pb2.BadRequest(field_violations=violations))
    return made


def test_a_stream_that_broke_is_read_again(breaking: tuple[Breaking, Connection, list[float]]) -> None:
    servicer, connection, pauses = breaking
    servicer.breaks = [status(grpc.StatusCode.UNAVAILABLE)] * 2
    assert read(connection) == PIECES
    assert (servicer.calls, pauses, connection.is_practice) == (3, [0.25, 0.5], True)


def test_a_stream_that_breaks_each_time_is_an_error(breaking: tuple[Breaking, Connection, list[float]]) -> None:
    servicer, connection, _ = breaking
    servicer.breaks = [status(grpc.StatusCode.UNAVAILABLE)] * 3
    with pytest.raises(CallError):
        read(connection)
    assert servicer.calls == 3


def test_a_refusal_names_the_mistakes_and_is_not_tried_again(breaking: tuple[Breaking, Connection, list[float]]) -> None:
    servicer, connection, _ = breaking
    servicer.breaks = [status(grpc.StatusCode.INVALID_ARGUMENT)]
    with pytest.raises(CallError) as raised:
        read(connection)
    assert (list(raised.value.places), servicer.calls) == (MISTAKES, 1)
