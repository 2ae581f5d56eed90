"""What all tests share: those that need a database are slow ones, a fast one that opens a database fails, and either database may be used.

RATEWRIGHT_TEST_STORE=postgresql makes every new home on a real PostgreSQL; otherwise it is SQLite's. A test that is about SQLite itself
is marked `sqlite` and left out on PostgreSQL; one that asks for `postgresql` has that server either way.
"""

from __future__ import annotations

import os
import sqlite3.dbapi2
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from tests import statements, tiers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres_server import Server

NEED_A_DATABASE = {"home", "world", "balanced", "billed", "postgresql", "both"}  # fixtures
LAST_LINES = pytest.StashKey[list[str]]()  # what a run ends with
STORE = os.environ.get("RATEWRIGHT_TEST_STORE", "sqlite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make test` and `make test-deep` each run a tier; by hand all runs that is named."""
    names = [tiers.TEST, tiers.DEEP, tiers.POSTGRESQL]
    parser.addoption("--tier", default="", choices=names, help="run the tests of a tier alone; see tests/tiers.py")
    parser.addoption("--statements", help="note in this file which SQL statements each test sends; see tests/statements.py")


def pytest_configure(config: pytest.Config) -> None:
    """Tests make their homes where RATEWRIGHT_TEST_STORE says, whatever the user's own homes do."""
    if config.option.statements is not None:
        config.pluginmanager.register(statements.Noting(Path(config.option.statements)))
    assert STORE in {"sqlite", "postgresql"}, f"RATEWRIGHT_TEST_STORE={STORE}"
    os.environ.pop("RATEWRIGHT_DATABASE", None)
    os.environ["RATEWRIGHT_HASH_KEY"] = b"ratewright-keys1".hex()  # events of one instant go by their keys: each run finds the same


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what opens a home folder as slow, without saying so in every file; leave out the other database and tier."""
    for item in items:
        if NEED_A_DATABASE & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
    is_on_postgresql = STORE == "postgresql"
    ids, tier = [item.nodeid for item in items], config.option.tier
    config.stash[tiers.COLLECTED] = ids
    if not is_on_postgresql:
        wanted = tiers.chosen(ids, tier, tiers.load(), tiers.costly())
    else:
        wanted = tiers.chosen_on_postgresql(ids, tier, tiers.load(), tiers.covering())
        wanted -= {item.nodeid for item in items if item.get_closest_marker("sqlite") is not None}
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in wanted])
    items[:] = [item for item in items if item.nodeid in wanted]


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PostgreSQL server, one for all workers; each home has a schema of its own in it."""
    from tests import postgres_server  # noqa: PLC0415 -- the driver is loaded for those who ask

    folder = tmp_path_factory.getbasetemp()
    with postgres_server.shared(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) as server:
        yield server


@pytest.fixture(scope="session", autouse=STORE == "postgresql")
def _homes_on_postgresql(request: pytest.FixtureRequest) -> Iterator[None]:
    if STORE == "postgresql":
        os.environ["RATEWRIGHT_DATABASE"] = request.getfixturevalue("postgresql").url  # child processes inherit it
    yield
    os.environ.pop("RATEWRIGHT_DATABASE", None)


@pytest.fixture(scope="session", autouse=True)
def _quick_databases(request: pytest.FixtureRequest) -> None:
    if any(item.get_closest_marker("slow") for item in request.session.items):
        from tests import quick_databases  # noqa: PLC0415 -- fast tests need no store

        quick_databases.set_up()


@pytest.fixture(autouse=True)
def _quick_homes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if request.node.get_closest_marker("slow") is None:
        yield
        return
    from billing.store import schema  # noqa: PLC0415 -- fast tests need no store
    from tests import quick_homes  # noqa: PLC0415 -- as above

    monkeypatch.setattr(schema, "migrate", quick_homes.migrate)
    before = quick_homes.made_so_far()
    yield
    quick_homes.give_back(before)


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The test runs twice, with new homes on SQLite and on PostgreSQL; this is which."""
    if request.param == "postgresql":
        monkeypatch.setenv("RATEWRIGHT_DATABASE", request.getfixturevalue("postgresql").url)
    else:
        monkeypatch.delenv("RATEWRIGHT_DATABASE", raising=False)
    return str(request.param)


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
