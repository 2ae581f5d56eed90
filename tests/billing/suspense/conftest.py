"""A small operator whose records wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.billing.runs.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[[str], World]]:
    """An operator with two accounts on plan basic (20 free minutes, then 0.10 a minute), as often as wanted."""
    opened: list[World] = []

    def make(name: str = "home") -> World:
        made = World(tmp_path / name)
        opened.append(made)
        for account, number in (("anna", "8613800000001"), ("bert", "8613800000002")):
            made.account(account)
            made.subscription(f"{account}-1", account, "shop/basic", number)
        return made

    yield make
    for each in opened:
        each.home.close()


@pytest.fixture
def world(make_world: Callable[[str], World]) -> World:
    return make_world("home")
