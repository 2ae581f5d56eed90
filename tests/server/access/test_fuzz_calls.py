"""Random and damaged messages to every call: each is answered, or refused with a reason. The service lives on, and the books balance."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from billing.operators import Role
from server.access.roles import rules
from server.actions import controls
from server.operations import processes
from tests.billing.runs.world import World
from tests.server.access.conftest import Guarded
from tests.server.access.random_messages import random_bytes
from tests.server.access.test_role_table import api
from tests.server.grpc.finance.conftest import bill_two

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from google.protobuf.descriptor import MethodDescriptor

    from billing.store.home import Home

pytestmark = pytest.mark.slow
DEADLINE_S = 30
MESSAGES = 10  # of each call and seed
# Ours are never INTERNAL or UNKNOWN. gRPC itself refuses what is larger than it takes, without a reason of ours.
REFUSED = frozenset(
    {
        *(grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.PERMISSION_DENIED),
        *(grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.ABORTED),
        grpc.StatusCode.UNIMPLEMENTED,
    }
)


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guarded]:
    """Two billed accounts behind the entrance. Operations are stored, and their processes never begin."""

    def no_process(_home: Home, _name: str, _descriptor: int) -> None:
        return

    monkeypatch.setattr(processes, "spawn", no_process)

    world = World(tmp_path / "home")
    made = Guarded.of(world, bill_two)
    made.start()
    made.now_us = max(made.now_us, world.now_us)
    try:
        yield made
    finally:
        made.stop()
        world.home.close()


def _caller(call: str) -> str:
    roles = rules()[call].roles
    return "boss" if Role.ADMIN in roles else f"the-{min(roles)}"


def _send(channel: grpc.Channel, call: str, method: MethodDescriptor, messages: list[bytes]) -> grpc.RpcError | None:
    codec: dict[str, Any] = {"request_serializer": bytes, "response_deserializer": bytes}
    kinds = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, False): channel.stream_unary,
        (True, True): channel.stream_stream,
    }
    made = kinds[method.client_streaming, method.server_streaming](f"/{call}", **codec)
    try:
        answer: Any = made(iter(messages) if method.client_streaming else messages[0], timeout=DEADLINE_S)
        if method.server_streaming:
            list(answer)
    except grpc.RpcError as error:
        return error
    return None


def _reasons(error: grpc.RpcError) -> list[str]:
    status = rpc_status.from_call(error)
    found = []
    for detail in status.details if status is not None else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            found.append(info.reason)
    return found


@pytest.mark.parametrize("seed", range(1, 9))
def test_each_call_answers_or_refuses(guarded: Guarded, seed: int) -> None:
    random = Random(seed)
    wrong = []
    answered = 0
    for call, method in api().items():
        if rules()[call].anybody:
            continue
        channel = guarded.channel(_caller(call))
        for _ in range(MESSAGES):
            messages = [random_bytes(random, method.input_type) for _ in range(3 if method.client_streaming else 1)]
            error = _send(channel, call, method, messages)
            if error is None:
                answered += 1
            elif error.code() not in REFUSED or not _reasons(error) or str(guarded.home.path) in str(error.details()):
                wrong.append((call, error.code(), error.details(), messages))
    assert wrong == []
    assert answered > 0
    health = health_pb2_grpc.HealthStub(guarded.plain).Check(health_pb2.HealthCheckRequest(), timeout=DEADLINE_S)
    assert health.status == health_pb2.HealthCheckResponse.SERVING
    assert [book.name for book in controls.check(guarded.home) if not book.ok] == []
