"""The home folder: what opens it, what it refuses, and what its transactions promise."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import sqlalchemy as sa

from billing.store import database, location, tables, user_namespace
from billing.store.home import Home
from billing.store.location import DATABASE_NAME
from billing.store.schema import SCHEMA_VERSIONS
from rating.errors import UserError
from tests import quick_databases

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
about_sqlite = pytest.mark.parametrize("both", ["sqlite"], indirect=True)

NOW_US = 1_772_323_200_000_000
OTHER_KEY = b"sixteen bytes ok"


@pytest.fixture(autouse=True)
def _on_both(both: str) -> str:
    return both


def made(path: Path) -> Home:
    return Home.open(path / "home", create=True)


def test_a_home_keeps_its_identity(tmp_path: Path) -> None:
    with Home.open(tmp_path / "home", create=True, hash_key=OTHER_KEY) as first:
        installation_id = first.installation_id
    with Home.open(tmp_path / "home", hash_key=b"0123456789abcdef") as again:
        assert (again.installation_id, again.hash_key) == (installation_id, OTHER_KEY)
    with made(tmp_path / "other") as other:
        assert other.installation_id != installation_id
        assert {folder.name for folder in (other.journal_folder, other.sealed_folder, other.charges_folder) if folder.is_dir()} == {
            "journal",
            "sealed",
            "charges",
        }


def test_a_hash_key_has_sixteen_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="3 bytes"):
        Home.open(tmp_path / "home", create=True, hash_key=b"abc")
    monkeypatch.setenv("RATEWRIGHT_HASH_KEY", "616263")
    with pytest.raises(UserError, match="RATEWRIGHT_HASH_KEY is not a key of 16 bytes"):
        Home.open(tmp_path / "other", create=True)


def test_every_home_has_keys_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is known from another home or from the source, nor is the installation id; what is not named is random."""
    monkeypatch.delenv("RATEWRIGHT_HASH_KEY")
    seen = set()
    for name in ("one", "two"):
        with Home.open(tmp_path / name, create=True) as home:
            known = (home.hash_key, home.page_token_key(), home.installation_id)
            assert (len(home.hash_key), len(home.page_token_key())) == (16, 32)
        with Home.open(tmp_path / name, hash_key=OTHER_KEY) as again:
            assert (again.hash_key, again.page_token_key(), again.installation_id) == known
        seen.update(known)
    assert len(seen) == 6
    monkeypatch.setenv("RATEWRIGHT_HASH_KEY", OTHER_KEY.hex())
    with Home.open(tmp_path / "named", create=True) as named:
        assert named.hash_key == OTHER_KEY


def test_a_home_of_before_keeps_its_event_keys_and_gets_a_key_for_page_tokens(tmp_path: Path) -> None:
    with Home.open(tmp_path / "home", create=True, hash_key=b"ratewright-keys1") as before, before.connect() as connection:
        assert {row.name for row in connection.execute(sa.select(tables.settings))} == {"hash_key", "installation_id", user_namespace.NAME}
    with Home.open(tmp_path / "home") as home:
        assert home.hash_key == b"ratewright-keys1"
        assert home.page_token_key() == home.page_token_key() != b"ratewright-keys1"


def test_commits_are_numbered_one_by_one(tmp_path: Path) -> None:
    with made(tmp_path) as home:
        with home.begin() as connection:
            assert home.head_seq(connection) == 0
            assert [home.next_commit_seq(connection, "usage", NOW_US) for _ in range(3)] == [1, 2, 3]
        with pytest.raises(ZeroDivisionError), home.begin() as connection:
            _ = home.next_commit_seq(connection, "usage", NOW_US) // 0
        with home.begin() as connection:
            assert home.next_commit_seq(connection, "usage", NOW_US) == 4, "a number is taken only by what is committed"


def test_a_reader_sees_one_state_while_others_write(tmp_path: Path) -> None:
    with made(tmp_path) as home, home.connect() as reader:
        assert home.head_seq(reader) == 0
        with home.begin() as writer:
            home.next_commit_seq(writer, "usage", NOW_US)
        assert home.head_seq(reader) == 0
        with home.connect() as later:
            assert home.head_seq(later) == 1


def test_writing_through_a_reader_is_a_mistake_of_ours(tmp_path: Path) -> None:
    with made(tmp_path) as home:
        with home.connect() as connection, pytest.raises(sa.exc.DBAPIError, match=r"readonly|read-only"):
            home.next_commit_seq(connection, "usage", NOW_US)
        with home.begin() as connection:
            assert home.next_commit_seq(connection, "usage", NOW_US) == 1, "the connection goes back to the pool unharmed"
        with home.connect() as connection, pytest.raises(sa.exc.DBAPIError, match=r"readonly|read-only"):
            home.next_commit_seq(connection, "usage", NOW_US)  # nor may it write after a transaction that did
        with home.begin() as connection:
            assert home.next_commit_seq(connection, "usage", NOW_US) == 2


DURABLE = {
    "sqlite": ("PRAGMA {}", {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}),
    "postgresql": ("SHOW {}", {"synchronous_commit": "on", "transaction_isolation": "read committed", "transaction_read_only": "off"}),
}


def test_commits_survive_a_power_cut(tmp_path: Path, both: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "engine", quick_databases.real_engine)
    ask, expected = DURABLE[both]
    with made(tmp_path) as home, home.begin() as connection:
        assert {name: connection.exec_driver_sql(ask.format(name)).scalar_one() for name in expected} == expected


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.int16, np.int8])
def test_numbers_of_numpy_are_stored_as_numbers(tmp_path: Path, kind: type[np.signedinteger]) -> None:
    with made(tmp_path) as home:
        with home.begin() as connection:
            connection.execute(tables.commits.insert().values(commit_seq=kind(7), kind="usage", at_us=kind(8)))
        with home.connect() as connection:
            assert connection.execute(sa.select(tables.commits)).one()[:4] == (7, "usage", 8, None)


def test_text_is_not_stored_where_a_number_belongs(tmp_path: Path) -> None:
    with made(tmp_path) as home, pytest.raises(sa.exc.DBAPIError, match=r"cannot store TEXT|invalid input"), home.begin() as connection:
        connection.execute(tables.commits.insert().values(commit_seq=1, kind="usage", at_us="today"))


def test_a_home_must_exist(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist") as caught:
        Home.open(tmp_path / "home")
    assert caught.value.exit_status == 2
    assert not (tmp_path / "home").exists()


def test_a_folder_of_others_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match=r"holds no ratewright\.db"):
        Home.open(tmp_path)
    with pytest.raises(UserError, match=r"not empty: it holds letter\.txt"):
        Home.open(tmp_path, create=True)
    assert [item.name for item in tmp_path.iterdir()] == ["letter.txt"]


def test_a_file_is_no_home(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(UserError, match="is a file"):
        Home.open(tmp_path / "home", create=True)


def test_a_home_half_made_is_finished(tmp_path: Path, both: str) -> None:
    folder = tmp_path / "home"
    (folder / "usage" / "journal").mkdir(parents=True)
    if both == "sqlite":
        (folder / DATABASE_NAME).touch()
    else:
        location.write(folder, location.new(folder, os.environ[location.VARIABLE], "the test"))
    with Home.open(folder) as home, home.connect() as connection:
        assert home.head_seq(connection) == 0


_MAKE = """
import sys, time
from pathlib import Path
from billing.store.home import Home
folder = Path(sys.argv[1])
(folder / sys.argv[2]).touch()
while not (folder / "go").exists():
    time.sleep(0.001)
for number in range(8):
    with Home.open(folder / f"home{number}", create=True) as home:
        print(home.installation_id)
"""


def test_a_home_made_by_several_at_once_is_one_home(tmp_path: Path) -> None:
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", _MAKE, str(tmp_path), f"ready{index}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for index in range(3)
    ]
    while len(list(tmp_path.glob("ready*"))) < len(makers):
        assert all(maker.poll() is None for maker in makers)
    (tmp_path / "go").touch()
    told = [maker.communicate(timeout=120) for maker in makers]
    assert [errors for _, errors in told] == [""] * len(makers)
    assert len({ids for ids, _ in told}) == 1
    assert not [path for number in range(8) for path in (tmp_path / f"home{number}").iterdir() if location.is_beside(path.name)]


def test_what_a_stopped_maker_left_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "database.json.k3j2.new").write_bytes(b"{")
    with Home.open(tmp_path, create=True) as home, home.connect() as connection:
        assert home.head_seq(connection) == 0


@about_sqlite
def test_a_foreign_database_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / DATABASE_NAME)
    connection.execute("CREATE TABLE music (title TEXT)")
    connection.close()
    with pytest.raises(UserError, match="not a database of ratewright"):
        Home.open(tmp_path)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    with made(tmp_path) as home, home.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UserError, match="schema 9999, newer than this program's") as caught:
        Home.open(tmp_path / "home")
    assert SCHEMA_VERSIONS[-1] in caught.value.message


@about_sqlite
@pytest.mark.parametrize("damage", [b"this is no database, this is a letter to you", b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_database_is_told(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / DATABASE_NAME).write_bytes(damage)
    with pytest.raises(UserError, match="is damaged"):
        Home.open(tmp_path)
    assert (tmp_path / DATABASE_NAME).read_bytes() == damage


def test_a_locked_database_is_told(tmp_path: Path) -> None:
    with made(tmp_path) as home, home.begin():
        with Home.open(home.path, busy_timeout_ms=1) as other, pytest.raises(UserError, match="is locked"), other.begin():
            pass
        with Home.open(home.path, busy_timeout_ms=1) as reader, reader.connect() as connection:
            assert reader.head_seq(connection) == 0, "reading goes on"


@about_sqlite
def test_a_database_that_shuts_everyone_out_is_told(tmp_path: Path) -> None:
    made(tmp_path).close()
    other = sqlite3.connect(tmp_path / "home" / DATABASE_NAME, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(UserError, match="is locked"):
        Home.open(tmp_path / "home", busy_timeout_ms=1)
    other.close()


READ_ONLY = """
import os, sys
from billing.store.home import Home
from rating.errors import UserError
if os.getuid() == 0:
    os.setuid(65534)
try:
    Home.open(sys.argv[1], create=sys.argv[2] == "create")
except UserError as error:
    print(error.message)
"""


@about_sqlite
@pytest.mark.parametrize(("what", "how"), [("home", "open"), ("home/ratewright.db", "open"), (".", "create")])
def test_a_read_only_folder_is_told(tmp_path: Path, what: str, how: str) -> None:
    """In a process of its own: root may write anything, so it becomes another user there."""
    if how == "open":
        made(tmp_path).close()
    everything = [tmp_path, *tmp_path.rglob("*")]
    parents = [folder for folder in tmp_path.parents if len(folder.parts) > 2]
    for item in [*everything, *parents]:
        item.chmod(0o777 if item.is_dir() else 0o666)
    (tmp_path / what).chmod(0o555 if (tmp_path / what).is_dir() else 0o444)
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY, str(tmp_path / "home"), how], capture_output=True, text=True, check=False, env={**os.environ}
    )
    (tmp_path / what).chmod(0o777)
    assert (done.stdout, done.stderr) == (f"home folder {tmp_path / 'home'} cannot be written\n", "")
