"""A fresh home for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.store.home import Home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home.open(tmp_path / "home", create=True) as opened:
        yield opened
