"""A client of bill runs and operations, and a world whose bills can be checked in the head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from google.longrunning import operations_pb2_grpc
from google.longrunning import operations_proto_pb2 as longrunning
from google.rpc import error_details_pb2
from google.type import date_pb2

from billing import acting
from billing.acting import Actor
from ratewright.v1 import bill_run_service_pb2_grpc
from ratewright.v1 import operation_pb2 as operation
from tests.billing.runs.world import Call

if TYPE_CHECKING:
    import grpc
    import pytest
    from google.protobuf.message import Message

    from tests.billing.runs.world import World

    Read = TypeVar("Read", bound=Message)

NOVEMBER = date_pb2.Date(year=2025, month=11, day=1)
OWNER = acting.of_process()  # for whom a server acts that is another process
ANA, BEN = Actor("ana", 2001), Actor("ben", 2002)


class Client:
    """Both services of one server."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.runs: Any = bill_run_service_pb2_grpc.BillRunServiceStub(channel)
        self.operations: Any = operations_pb2_grpc.OperationsStub(channel)

    def get(self, asked: longrunning.Operation) -> longrunning.Operation:
        """The operation as it is now."""
        return self.operations.GetOperation(longrunning.GetOperationRequest(name=asked.name))

    def wait(self, asked: longrunning.Operation) -> longrunning.Operation:
        """The operation when it is done."""
        found = self.operations.WaitOperation(longrunning.WaitOperationRequest(name=asked.name))
        assert found.done, told(found)
        return found

    def cancel(self, asked: longrunning.Operation) -> None:
        """End the operation."""
        self.operations.CancelOperation(longrunning.CancelOperationRequest(name=asked.name))


class Error(NamedTuple):
    """The error of an operation."""

    code: int
    reason: str
    message: str
    remedy: str


class Desk:
    """The operator who calls: each call of the service takes it from here."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.actor = ANA
        monkeypatch.setattr(acting, "of_process", lambda _call="": self.actor)


def told(found: longrunning.Operation) -> operation.OperationMetadata:
    """The metadata of an operation."""
    made = operation.OperationMetadata()
    assert found.metadata.Unpack(made)
    return made


def state(found: longrunning.Operation) -> str:
    """The state of an operation."""
    return operation.OperationState.Name(told(found).state).removeprefix("OPERATION_STATE_")


def response(found: longrunning.Operation, kind: type[Read]) -> Read:
    """The response of an operation that succeeded."""
    made = kind()
    assert found.response.Unpack(made), found.error
    return made


def error(found: longrunning.Operation) -> Error:
    """The error of an operation that did not succeed."""
    info = error_details_pb2.ErrorInfo()
    assert found.error.details[0].Unpack(info), found
    assert info.domain == "ratewright"
    return Error(found.error.code, info.reason, found.error.message, info.metadata.get("remedy", ""))


def micros(amounts: Any) -> dict[str, int]:  # noqa: ANN401 -- a repeated field
    """Amounts by currency, as the command line has them."""
    return {each.currency_code: each.units * 1_000_000 + each.nanos // 1_000 for each in amounts}


def october(world: World) -> World:
    """Two customers of October: Anna pays 10.00 and 5 minutes beyond her 20 free ones, 0.50; Bob pays 10.00 and has a call of no plan."""
    for place, name in enumerate(("anna", "bob"), 1):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/basic", f"100{place}")
    world.take(Call("1001", "2025-10-05T10:00:00", 25 * 60), Call("9", "2025-10-05T10:00:00", 60))
    return world
