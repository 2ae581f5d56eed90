"""Statements that are written once: they answer as SQLAlchemy's do, and fail as those do. And whether anybody has committed anything."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from billing.store import tables
from billing.store.database import Changes
from billing.store.home import Home
from billing.store.location import DATABASE_NAME
from billing.store.prepared import KEYS_MAX, Prepared, insert
from rating.errors import StoreError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
about_sqlite = pytest.mark.parametrize("both", ["sqlite"], indirect=True)
COMMITS = 100


@pytest.fixture(autouse=True)
def _on_both(both: str) -> str:
    return both


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home.open(tmp_path / "home", create=True) as opened:
        with opened.begin() as connection:
            insert(connection, tables.commits, [_commit(seq) for seq in range(1, COMMITS + 1)])
        yield opened


def _commit(seq: int) -> dict[str, Any]:
    return {"commit_seq": seq, "kind": "even" if seq % 2 == 0 else "odd", "at_us": 10 * seq, "chain": bytes([seq])}


def _some() -> sa.Select[Any]:
    commit = tables.commits.c
    word = sa.func.coalesce(commit.role, "nobody")
    query = sa.select(commit.commit_seq, commit.kind, commit.chain, word, commit.reason).order_by(commit.commit_seq)
    named = commit.commit_seq.in_(sa.bindparam("keys", expanding=True))
    return query.where(named, commit.kind == sa.bindparam("kind"), commit.at_us < sa.bindparam("before_us"))


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, KEYS_MAX, KEYS_MAX + 1])
def test_a_prepared_query_finds_what_it_finds_unprepared(home: Home, count: int) -> None:
    """Of the keys 1 .. count the even ones; from 500 us on (key 50) none."""
    prepared, asked = Prepared(_some), {"keys": list(range(1, count + 1)), "kind": "even", "before_us": 500}
    with home.connect() as connection:
        for _ in range(2):  # written, and as it was written
            rows = prepared.rows(connection, **asked)
            assert [tuple(row) for row in rows] == [tuple(row) for row in connection.execute(_some(), asked)]
        assert [row.commit_seq for row in rows] == list(range(2, min(count, 49) + 1, 2))
        assert all((row.kind, row.chain, row[3], row.reason) == ("even", bytes([row.commit_seq]), "nobody", None) for row in rows)
        assert [row.commit_seq for row in prepared.rows(connection, keys=[2, 3, 5], kind="odd", before_us=500)] == [3, 5]


def test_one_row_or_none(home: Home) -> None:
    prepared = Prepared(lambda: sa.select(tables.commits.c.kind).where(tables.commits.c.commit_seq == sa.bindparam("seq")))
    with home.connect() as connection:
        assert prepared.one_or_none(connection, seq=7).kind == "odd"
        assert prepared.one_or_none(connection, seq=COMMITS + 1) is None


def test_a_view_stays_as_it_was_when_it_was_first_asked(home: Home) -> None:
    prepared = Prepared(lambda: sa.select(sa.func.count().label("found")).select_from(tables.commits))
    with home.connect() as connection:
        assert prepared.rows(connection)[0].found == COMMITS
        with home.begin() as other:
            insert(other, tables.commits, [_commit(COMMITS + 1)])
        assert prepared.rows(connection)[0].found == COMMITS
    with home.connect() as connection:
        assert prepared.rows(connection)[0].found == COMMITS + 1


def test_what_fails_fails_as_it_does_unprepared(home: Home) -> None:
    with pytest.raises(sa.exc.IntegrityError), home.begin() as connection:
        insert(connection, tables.commits, [_commit(COMMITS + 2), _commit(1)])
    with home.connect() as connection:  # none of both
        assert connection.execute(sa.select(sa.func.max(tables.commits.c.commit_seq))).scalar_one() == COMMITS
    with home.connect() as connection, pytest.raises(sa.exc.DBAPIError):  # a view is for reading
        insert(connection, tables.commits, [_commit(COMMITS + 2)])


@about_sqlite
def test_a_locked_database_is_told(tmp_path: Path) -> None:
    Home.open(tmp_path / "home", create=True).close()
    with Home.open(tmp_path / "home", busy_timeout_ms=1) as home:
        other = sqlite3.connect(tmp_path / "home" / DATABASE_NAME, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UserError, match="is locked"), home.begin():
            pass
        other.close()
        with home.begin() as connection:
            insert(connection, tables.commits, [_commit(1)])


@about_sqlite
def test_changes_are_those_of_everybody(home: Home, tmp_path: Path) -> None:
    """The number is another one after each commit, by this process or another connection, and the same after a view or what was undone."""
    before = home.changes()
    with home.connect() as connection:
        home.head_seq(connection)
    with home.begin(dry_run=True) as connection:
        insert(connection, tables.commits, [_commit(COMMITS + 1)])
    assert home.changes() == before
    seen = [before]
    with home.begin() as connection:
        insert(connection, tables.commits, [_commit(COMMITS + 1)])
        assert home.changes() == before  # not committed
    seen.append(home.changes())
    with Home.open(tmp_path / "home") as other, other.begin() as connection:
        insert(connection, tables.commits, [_commit(COMMITS + 2)])
    seen.append(home.changes())
    driver = sqlite3.connect(tmp_path / "home" / DATABASE_NAME)
    driver.execute("DELETE FROM commits WHERE commit_seq > 50")
    driver.commit()
    driver.close()
    seen.append(home.changes())
    assert len(set(seen)) == len(seen)
    assert None not in seen
    assert home.changes() == seen[-1]


@pytest.mark.parametrize("both", ["postgresql"], indirect=True)
def test_a_server_tells_no_changes(home: Home) -> None:
    assert home.changes() is None


@about_sqlite
def test_a_database_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    """The first look is the one that opens the file; a name with a sign of addresses is a name."""
    folder = tmp_path / "a?b #1"
    with Home.open(folder, create=True) as home:
        assert home.changes() is not None
    changes = Changes(folder / DATABASE_NAME, 100)
    for each in folder.glob(f"{DATABASE_NAME}*"):
        each.unlink()
    with pytest.raises(StoreError, match="cannot be opened"):
        changes.number()
    assert not (folder / DATABASE_NAME).exists()
