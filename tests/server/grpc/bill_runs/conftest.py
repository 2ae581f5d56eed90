"""A server over a home with a month to bill; in most tests operations are done by its own process, at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest

from server import clock
from server.grpc import service
from server.operations import doing, processes
from tests.billing.runs.world import World
from tests.server.grpc.bill_runs.client import Client, Desk, october
from tests.server.grpc.conftest import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.store.home import Home


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An operator with two customers of October."""
    made = october(World(tmp_path / "home"))
    yield made
    made.home.close()


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Ana calls, until a test lets another one."""
    return Desk(monkeypatch)


@pytest.fixture
def running(world: World, desk: Desk) -> Iterator[service.Service]:
    """A server whose operations are processes. All clocks are that of the machine."""
    assert desk
    with service.Service.start(service.listen(LOOPBACK), world.home, lambda: clock.now_us(world.home)) as running:
        yield running


@pytest.fixture
def client(running: service.Service) -> Iterator[Client]:
    """A connection to it."""
    with grpc.insecure_channel(str(running.address)) as channel:
        yield Client(channel)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Operations are done before they are answered, by the same functions as in a process of their own."""

    def spawn(home: Home, name: str, _descriptor: int) -> None:
        doing.do(home.path, name)

    monkeypatch.setattr(processes, "spawn", spawn)
