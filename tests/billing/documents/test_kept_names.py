"""Price lists that an open home keeps for the names on documents: read once, and still those of the run of each document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing import catalogue
from billing.runs.contracts import price_list
from billing.runs.contracts.price_list import KEPT_MAX
from tests.billing.runs.world import START_US, World, shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.runs.contracts.price_list import PriceList

pytestmark = pytest.mark.slow
DAY_US = 86_400_000_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "home")
    yield made
    made.home.close()


def kept(world: World, seq: int | None = None) -> PriceList:
    with world.home.connect() as connection:
        return price_list.load_kept(world.home, connection, world.home.head_seq(connection) if seq is None else seq)


def test_a_price_list_is_read_once_until_something_is_published(world: World) -> None:
    with world.home.connect() as connection:
        before = world.home.head_seq(connection)
    first = kept(world)
    world.account("anna")  # a commit that publishes nothing
    assert kept(world) is first
    catalogue.publish(world.home, shop(2, START_US + DAY_US), world.tick())
    second = kept(world)
    assert [each.version for each in second.catalogues] == [1, 2]
    assert kept(world, before) is first
    assert [each.version for each in first.catalogues] == [1]


def test_only_the_last_few_are_kept(world: World) -> None:
    with world.home.connect() as connection:
        before = world.home.head_seq(connection)
    first = kept(world)
    for version in range(2, KEPT_MAX + 3):
        catalogue.publish(world.home, shop(version, START_US + version * DAY_US), world.tick())
        assert len(kept(world).catalogues) == version
    again = kept(world, before)
    assert again is not first
    assert [each.version for each in again.catalogues] == [1]
