"""A commit is signed with what persons did in it, by queries that are written once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing.store import commit_chain, tables
from billing.store.home import Home

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def test_further_commits_write_no_queries_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each commit asks nine tables. Writing the queries took as long as asking."""
    with Home.open(tmp_path / "home", create=True) as home:
        _commit(home, 1)
        monkeypatch.setattr(sa, "table", None)
        _commit(home, 2)
        with home.connect() as connection:
            assert commit_chain.broken(connection) == []
        with home.begin() as connection:
            connection.exec_driver_sql("UPDATE billing_settings SET value = '9' WHERE setting_id = 1")
        with home.connect() as connection:
            assert commit_chain.broken(connection) == [1], "from the first commit on, whatever was asked before"


@pytest.mark.parametrize("kinds", [("usage",), ("usage", "usage"), ("usage", "settings"), ("settings", "usage")])
def test_commits_of_usage_are_signed_alone_and_beside_others(tmp_path: Path, kinds: tuple[str, ...]) -> None:
    """No person signs a commit of usage: alone it has its hash when it is added, beside others at the end."""
    with Home.open(tmp_path / "home", create=True) as home:
        with home.begin() as connection:
            for number, kind in enumerate(kinds, 1):
                seq = home.next_commit_seq(connection, kind, number)
                if kind == "settings":
                    by = {"by_name": "ana", "by_uid": 1, "at_us": number, "commit_seq": seq}
                    connection.execute(tables.billing_settings.insert().values(name="a name", value="7", **by))
        _commit(home, len(kinds) + 1)
        with home.connect() as connection:
            assert commit_chain.broken(connection) == []
        with home.begin() as connection:
            connection.exec_driver_sql("UPDATE commits SET by_name = 'eve' WHERE commit_seq = 1")
        with home.connect() as connection:
            assert commit_chain.broken(connection) == [1]


def _commit(home: Home, number: int) -> None:
    with home.begin() as connection:
        by = {"by_name": "ana", "by_uid": 1, "at_us": number, "commit_seq": home.next_commit_seq(connection, "settings", number)}
        connection.execute(tables.billing_settings.insert().values(name="a name", value=str(number), **by))
