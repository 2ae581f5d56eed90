"""A desk for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.billing.payments.desk import Desk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the desk keeps its books."""
    return tmp_path / "home"


@pytest.fixture
def desk(home: Path) -> Iterator[Desk]:
    """Anna's account, and nothing else."""
    made = Desk(home)
    yield made
    made.home.close()
