"""A home copied from one database to the other and back is the same, and a copy that breaks off is nothing."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from billing.controls import books
from billing.runs import cycle, trial
from billing.store import bulk, copying, location, tables
from billing.store.checks import checking
from billing.store.home import Home
from billing.store.schema import SCHEMA_VERSIONS
from rating.errors import UserError
from server.cli.app import main
from tests.billing.runs.world import Call, World
from tests.billing.store.test_bulk import raw_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres_server import Server

pytestmark = pytest.mark.slow

NOVEMBER = dt.date(2025, 11, 1)
CHARGES = b"what a run charged"
SEGMENT = b"one batch, another batch"


@pytest.fixture
def home(tmp_path: Path, both: str) -> Iterator[Home]:
    """A home with rows of every type and a file of each kind."""
    assert both
    with Home.open(tmp_path / "home", create=True, hash_key=b"sixteen bytes ok") as made:
        with made.begin() as connection:
            made.next_commit_seq(connection, "usage", 1)
            bulk.insert(connection, tables.raw_files, raw_files(10_000))
            manifest = {
                "form": "journal",
                "rows": 1,
                "start_min_us": 0,
                "start_max_us": 0,
                "commit_seq": 1,
                "path": "usage/journal/1.arrow",
            }
            for byte_from, byte_to in ((0, 9), (9, len(SEGMENT))):
                digest = hashlib.sha256(SEGMENT[byte_from:byte_to]).digest()
                values = {**manifest, "byte_from": byte_from, "byte_to": byte_to, "sha256": digest}
                connection.execute(tables.usage_manifest.insert().values(**values))
            charges = {"run_id": 1, "path": "charges/1/0.parquet", "rows": 1, "charge_micros": -(2**62), "commit_seq": 1}
            connection.execute(tables.charge_manifest.insert().values(**charges, sha256=hashlib.sha256(CHARGES).digest()))
            connection.execute(tables.charge_manifest.insert().values(**charges, sha256=hashlib.sha256(CHARGES).digest()))
        (made.path / "charges" / "1").mkdir()
        (made.path / "charges" / "1" / "0.parquet").write_bytes(CHARGES)
        (made.path / "charges" / "1" / "garbage.parquet").write_bytes(b"a crash left it")
        (made.path / "usage" / "journal" / "1.arrow").write_bytes(SEGMENT + b"not committed")
        yield made


def stored(home: Home) -> dict[str, Any]:
    with home.connect() as connection:
        return {
            table.name: connection.execute(sa.select(table).order_by(*table.primary_key.columns)).all()
            for table in tables.metadata.sorted_tables
        }


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_copy_is_the_same(home: Home, tmp_path: Path, postgresql: Server, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    copied = copying.copy(home, tmp_path / "copy", postgresql.url if target == "postgresql" else None)
    rows = {table.table: table.rows for table in copied.tables}
    assert (rows["raw_files"], rows["commits"], rows["settings"], copied.files) == (10_000, 1, 3, 2)
    monkeypatch.delenv("RATEWRIGHT_DATABASE", raising=False)
    with Home.open(tmp_path / "copy") as copy:
        assert copy.engine.dialect.name == target
        assert stored(copy) == stored(home)
        assert (copy.installation_id, copy.hash_key) == (home.installation_id, home.hash_key)
        assert sorted(str(path.relative_to(copy.path)) for path in copy.path.rglob("*.*") if "ratewright.db" not in path.name) == [
            "charges/1/0.parquet",
            *(["database.json"] if target == "postgresql" else []),
            "usage/journal/1.arrow",
        ]
        checked = checking.check(copy)
        assert (checked.findings, checked.files) == ([], 4)
        assert next(each for each in checked.tables if each.table == "charge_manifest").sums_micros == {"charge_micros": -(2**63)}
        with copy.begin() as connection:
            assert copy.next_commit_seq(connection, "usage", 2) == 2, "the copy goes on where the home was"


def test_a_copy_goes_to_an_empty_folder_only(home: Home, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a home folder already"):
        copying.copy(home, home.path, None)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").touch()
    with pytest.raises(UserError, match=r"not empty: it holds letter\.txt"):
        copying.copy(home, tmp_path / "other", None)


def test_a_schema_that_holds_something_is_left_alone(home: Home, tmp_path: Path, postgresql: Server) -> None:
    place = location.new(tmp_path / "copy", postgresql.url, "the test")
    with postgresql.connect() as connection:
        connection.execute(f"CREATE SCHEMA {place.schema}; CREATE TABLE {place.schema}.music (title text)")
    with pytest.raises(UserError, match=f"schema {place.schema} of the database is not empty"):
        copying.copy(home, tmp_path / "copy", postgresql.url)
    with pytest.raises(UserError, match="is not a home folder"):
        Home.open(tmp_path / "copy")


def test_a_changed_file_is_not_copied(home: Home, tmp_path: Path) -> None:
    (home.path / "charges" / "1" / "0.parquet").write_bytes(b"something else")
    with pytest.raises(UserError, match=r"0\.parquet is not what was written"):
        copying.copy(home, tmp_path / "copy", None)
    with pytest.raises(UserError, match="is not a home folder"):
        Home.open(tmp_path / "copy")


def test_a_copy_that_differs_is_no_home(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that keeps another sum than it was given is found by what is read back."""

    def insert(connection: sa.Connection, table: sa.Table, columns: dict[str, Any]) -> None:
        if table is tables.charge_manifest:
            columns = {**columns, "charge_micros": pa.array([-(2**62), 1 - 2**62])}
        written(connection, table, columns)

    written = bulk.insert
    monkeypatch.setattr(bulk, "insert", insert)
    with pytest.raises(
        UserError, match=f"the copy is not the same: charge_manifest.charge_micros adds up to {-(2**63)}, its copy to {1 - 2**63}"
    ):
        copying.copy(home, tmp_path / "copy", None)
    with pytest.raises(UserError, match="is not a home folder"):
        Home.open(tmp_path / "copy")


@pytest.fixture
def waiting(tmp_path: Path, both: str) -> Iterator[World]:
    """A home whose run of November waits: anna called 30 minutes, 20 of them free."""
    assert both
    world = World(tmp_path / "home")
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.take(Call("1001", "2025-10-05T10:00", 30 * 60))
    cycle.run(world.home, NOVEMBER, world.begun(NOVEMBER), order=cycle.Order(trial=True))
    with contextlib.closing(world.home):
        yield world


WAITING = ["frozen/heads.parquet", "frozen/index.json", "frozen/leftovers.parquet", "frozen/lines.parquet", "part-00000.parquet"]


def test_a_list_that_waits_is_copied_and_numbered_there(waiting: World, tmp_path: Path) -> None:
    copying.copy(waiting.home, tmp_path / "copy", None)
    with Home.open(tmp_path / "copy") as copy:
        folder = copy.charges_folder / "run=1"
        assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*")) == WAITING
        done = cycle.run(copy, NOVEMBER, waiting.tick(), order=cycle.Order(resume=True))
        assert done.total_micros == {"CNY": 11_660_000}, "10.00 + 10 x 0.10, and 6 %"
        assert (checking.check(copy).findings, [book.name for book in books(copy) if not book.ok]) == ([], [])
        copying.copy(copy, tmp_path / "posted", None)
    with Home.open(tmp_path / "posted") as posted:
        assert trial.compare(posted, 1).total_micros_now == {"CNY": 11_660_000}, "the list of a posted run is shown"


def test_a_check_names_what_is_wrong_with_a_list_that_waits(waiting: World) -> None:
    folder = waiting.home.charges_folder / "run=1"
    before = checking.check(waiting.home)
    assert (before.findings, before.files) == ([], 6), "the journal, the four files of the list, the charges"
    (folder / "frozen" / "heads.parquet").unlink()
    (folder / "part-00000.parquet").write_bytes(b"something else")
    assert [tuple(finding) for finding in checking.check(waiting.home).findings] == [
        ("charges/run=1/frozen/heads.parquet", "cannot be read: No such file or directory (run_drafts)"),
        ("charges/run=1/part-00000.parquet", "is not what was written: its hash differs (run_drafts)"),
    ]
    (folder / "frozen" / "index.json").write_text("{}")
    assert [finding.what for finding in checking.check(waiting.home).findings] == ["is not what was written: its hash differs (run_drafts)"]


COPY = "import sys; from server.cli.app import main; sys.exit(main(sys.argv[1:]))"


@pytest.mark.parametrize("point", ["copy.before_commit", "copy.database_copied", "copy.committed"])
def test_a_copy_that_is_killed_is_nothing_or_whole(home: Home, tmp_path: Path, postgresql: Server, point: str) -> None:
    call = [sys.executable, "-c", COPY, "db", "copy", "--home", home.path, "--to", tmp_path / "copy", "--database", postgresql.url]
    root = Path(__file__).parents[3]
    killed = subprocess.run(call, check=False, env={**os.environ, "RATEWRIGHT_KILL_AT": point}, cwd=root, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    if point != "copy.committed":
        with pytest.raises(UserError, match="is not a home folder"):
            Home.open(tmp_path / "copy")
        again = subprocess.run(call, check=False, cwd=root, capture_output=True, text=True)
        assert (again.returncode, "both sides are the same" in again.stdout) == (0, True), again.stderr
    with Home.open(tmp_path / "copy") as copy:
        assert stored(copy) == stored(home)


def test_the_commands(home: Home, tmp_path: Path, both: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["db", "where", "--home", str(home.path)]) == 0
    assert ("database.json" if both == "sqlite" else "ratewright.db") not in capsys.readouterr().out
    assert main(["db", "upgrade", "--home", str(home.path)]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert main(["db", "upgrade", "--to", "0003", "--dry-run", "--home", str(home.path)]) == 0
    above = ", ".join(reversed(SCHEMA_VERSIONS[SCHEMA_VERSIONS.index("0003") + 1 :]))
    assert capsys.readouterr().out == f"would undo {above}: schema {SCHEMA_VERSIONS[-1]} -> 0003\n"
    assert main(["db", "upgrade", "--to", "77", "--home", str(home.path)]) == 2
    assert main(["db", "check", "--home", str(home.path)]) == 0
    assert "0 findings" in capsys.readouterr().out
    assert main(["db", "check", "--json", "--home", str(home.path)]) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []
    assert main(["db", "copy", "--json", "--to", str(tmp_path / "told"), "--home", str(home.path)]) == 0
    told = json.loads(capsys.readouterr().out)["tables"]
    assert {each[0] for each in told} == {table.name for table in tables.metadata.sorted_tables}
    assert main(["db", "copy", "--to", str(tmp_path / "copy"), "--home", str(home.path)]) == 0
    assert "both sides are the same" in capsys.readouterr().out
    (tmp_path / "copy" / "charges" / "1" / "0.parquet").unlink()
    assert main(["db", "check", "--home", str(tmp_path / "copy")]) == 1
    assert "charges/1/0.parquet: cannot be read: No such file or directory" in capsys.readouterr().out


BREAKAGES = [
    ("UPDATE charge_manifest SET sha256 = {blob}", "is not what was written"),
    ("DROP INDEX ix_suspense_event_key", "add index"),
    ("ALTER TABLE raw_files DROP COLUMN archived_path", "add column"),
]


@pytest.mark.parametrize(("statement", "told"), BREAKAGES)
def test_a_check_names_what_is_wrong(home: Home, both: str, statement: str, told: str) -> None:
    with home.begin() as connection:
        connection.exec_driver_sql(statement.format(blob="x'00'" if both == "sqlite" else "'\\x00'"))
    if "DROP COLUMN" in statement:
        with home.connect() as connection:
            findings = checking._schema(connection)  # noqa: SLF001 -- without the column nothing else can be read
    else:
        findings = checking.check(home).findings
    assert [told in finding.what for finding in findings] == [True] * max(len(findings), 1)


BAD_POSTING = {"sqlite": ["INSERT INTO postings VALUES (x'00', 'R-1', 1, 'net', 'a', 'b', 'EUR', -5, '2026-01-01', 1, '')"]}


def test_a_check_asks_again_what_the_database_enforces(home: Home, both: str) -> None:
    """As after a repair with the constraints off."""
    off = {
        "sqlite": ["PRAGMA query_only = OFF", "PRAGMA foreign_keys = OFF", "PRAGMA ignore_check_constraints = ON"],
        "postgresql": ["SET session_replication_role = replica"],
    }
    with home.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        for statement in (*off[both], "INSERT INTO plan_facts VALUES (1, 99, 'a/b', '2026-01-01', 1)", *BAD_POSTING.get(both, [])):
            driver.execute(statement)
        driver.commit()
        connection.invalidate()
    findings = {finding.place: finding.what for finding in checking.check(home).findings}
    assert findings["plan_facts"] == "1 row names no row of subscriptions"
    if both == "sqlite":
        assert findings["postings"] == "1 row breaks the rule amount_positive: amount_micros > 0"
