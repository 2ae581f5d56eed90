"""What all tests share: those that need a database are slow ones, and a fast one that opens a database fails."""

from __future__ import annotations

import sqlite3.dbapi2
from typing import NoReturn

import pytest

NEED_A_DATABASE = {"home", "world", "balanced", "billed"}  # fixtures
LAST_LINES = pytest.StashKey[list[str]]()  # what a run ends with


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Keep what a test recorded as its `last line`, wherever it ran."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports if isinstance(report, pytest.TestReport)]
    told = [pair for report in reports if report.when == "call" for pair in report.user_properties]
    config.stash[LAST_LINES] = [str(text) for name, text in told if name == "last line"]


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """After everything that pytest says itself."""
    for line in config.stash.get(LAST_LINES, []):
        config.get_terminal_writer().line(line)
