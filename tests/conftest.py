"""What all tests share: those that need a database are slow ones, and a fast one that opens a database fails."""

from __future__ import annotations

import sqlite3.dbapi2
from typing import NoReturn

import pytest

NEED_A_DATABASE = {"home", "world", "balanced", "billed"}  # fixtures


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what opens a home folder as slow, without saying so in every file."""
    for item in items:
        if NEED_A_DATABASE & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def _no_database_in_a_fast_test(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("slow") is None:
        monkeypatch.setattr(sqlite3.dbapi2, "connect", _refuse)


def _refuse(*_words: object, **_options: object) -> NoReturn:
    pytest.fail("a test that needs a database is marked slow")
