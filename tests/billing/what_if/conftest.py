"""Homes of a test, closed when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.billing.what_if.operator_month import month

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rating.model import Catalogue
    from tests.billing.runs.world import World


@pytest.fixture
def a_month(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes October of an operator under a tariff, in a home of its own."""
    made: list[World] = []

    def make(published: Catalogue, seed: int = 1) -> World:
        made.append(month(tmp_path / f"home{len(made)}", published, seed))
        return made[-1]

    yield make
    for world in made:
        world.home.close()
