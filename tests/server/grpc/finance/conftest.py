"""Two customers with a bill each, a service in front of them, and the same customers again for the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ratewright.v1 import payment_service_pb2_grpc
from server.cli import app
from tests.billing.runs.world import Call, World
from tests.server.grpc.conftest import NOW_US

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import grpc


def bill_two(world: World) -> World:
    """Anna owes 11.55 (R-1: 10.00 and nine minutes of 0.10 with 6 % tax), berta 10.60 (R-2)."""
    for place, name in enumerate(("anna", "berta")):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/basic", f"100{place}")
    world.take(Call("1000", "2025-10-05T10:00:00", 29 * 60))
    assert world.bill("2025-11-01").invoices == 2
    return world


@pytest.fixture
def world(world: World, request: pytest.FixtureRequest) -> World:
    """An operator with the shop's tariffs; a test that asks for `billed` finds both bills before the service begins."""
    if "billed" in request.fixturenames:
        world.lived(bill_two)
    return world


@pytest.fixture
def billed(world: World) -> World:
    """The home of the service."""
    return world


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[World]:
    """The same home again, for the command line."""
    made = World(tmp_path / "twin")
    made.lived(bill_two)
    yield made
    made.home.close()


@pytest.fixture
def payments(channel: grpc.Channel, billed: World) -> payment_service_pb2_grpc.PaymentServiceStub:
    """The service of payments."""
    assert billed.numbers() == ["R-0000000001", "R-0000000002"]
    return payment_service_pb2_grpc.PaymentServiceStub(channel)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command on a home, when it is for the service; what it prints with --json."""
    monkeypatch.setattr("server.clock.machine_now_us", lambda: NOW_US)

    def call(world: World, *words: object, status: int = 0) -> Any:  # noqa: ANN401 -- JSON is anything
        capsys.readouterr()
        assert app.main([*map(str, words), "--home", str(world.home.path), "--json"]) == status
        return json.loads(capsys.readouterr().out)

    return call
