"""The beginning of several tests happens once in a process, on either database, and no test sees what another one does to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing import invoicing
from tests.billing.runs.world import World

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.usefixtures("both")
def test_a_life_is_lived_once_and_each_world_goes_on_alone(tmp_path: Path) -> None:
    """10.00 for October and as much for November, with 6 % tax, each."""
    lived = []

    def billed(world: World) -> int:
        lived.append(world)
        world.account("anna")
        world.subscription("anna-1", "anna", "shop/basic", "1001")
        return world.bill("2025-11-01").invoices

    one, other = World(tmp_path / "one"), World(tmp_path / "other")
    assert [one.lived(billed), other.lived(billed)] == [1, 1]
    assert len(lived) == 1
    assert (one.now_us, one.home.path.name, other.home.path.name) == (other.now_us, "one", "other")
    one.bill("2025-12-01")
    assert [[each.total_micros for each in invoicing.list_invoices(world.home)] for world in (one, other)] == [
        [10_600_000] * 2,
        [10_600_000],
    ]
    other.bill("2025-12-01")
    assert other.numbers() == one.numbers() == ["R-0000000001", "R-0000000002"]
    for world in (one, other):
        world.home.close()


@pytest.mark.slow
def test_another_key_is_another_life(tmp_path: Path) -> None:
    def of_one(name: str, key: str) -> World:
        world = World(tmp_path / name)
        world.lived(lambda fresh: fresh.account(key), key)
        return world

    worlds = [of_one(*names) for names in (("a", "anna"), ("b", "bert"), ("c", "anna"))]
    found = []
    for world in worlds:
        with world.home.connect() as connection:
            found.append(connection.exec_driver_sql("SELECT account_id FROM accounts").scalars().all())
        world.home.close()
    assert found == [["anna"], ["bert"], ["anna"]]
