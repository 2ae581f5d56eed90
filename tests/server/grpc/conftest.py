"""A real server over a fresh home, on a free loopback port."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest

from server.grpc import service
from tests.billing.runs.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOOPBACK = service.Address("127.0.0.1", 0)
NOW_US = 1_763_000_000_000_000  # 13 November 2025


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An operator with the shop's tariffs."""
    made = World(tmp_path / "home")
    yield made
    made.home.close()


@pytest.fixture
def running(world: World) -> Iterator[service.Service]:
    """The server of that operator; it lives in November 2025."""
    with service.Service.start(service.listen(LOOPBACK), world.home, lambda: NOW_US) as running:
        yield running


@pytest.fixture
def channel(running: service.Service) -> Iterator[grpc.Channel]:
    """A connection to it."""
    with grpc.insecure_channel(str(running.address)) as channel:
        yield channel
