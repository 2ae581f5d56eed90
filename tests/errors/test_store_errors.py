"""What a user reads when the home folder, an import or a usage file cannot be used. To change a text on purpose see conftest.py."""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from billing.intake import lock, taking
from billing.store import home as home_module
from billing.store.home import DATABASE_NAME, Home
from billing.store.migrations import long_step
from tests.billing import files

if TYPE_CHECKING:
    from tests.errors.conftest import Provoke

FILES = Path(__file__).parent / "files"
ROW = (
    '"","8613800000001","8613900000002","ctx","x","SIP/a-1","SIP/b-1","Dial","x","2026-03-01 10:00:00","2026-03-01 10:00:05",'
    '"2026-03-01 10:01:05",65,60,"ANSWERED","DOCUMENTATION","u1",""\n'
)


def sql(home: Path, text: str) -> None:
    connection = sqlite3.connect(home / DATABASE_NAME)
    with connection:
        connection.execute(text)
    connection.close()


@pytest.fixture
def usage_file(tmp_path: Path) -> Path:
    path = tmp_path / "Master.csv"
    path.write_text(ROW)
    return path


def test_no_home(provoke: Provoke, tmp_path: Path) -> None:
    provoke(["usage", "suspense", "--home", tmp_path / "nowhere"], status=2, golden="store/no_home")
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_that_is_no_home(provoke: Provoke, tmp_path: Path, usage_file: Path) -> None:
    provoke(["usage", "suspense", "--home", tmp_path], status=2, golden="store/not_a_home", unchanged=tmp_path)
    ingest = ["usage", "ingest", usage_file, "--source", "asterisk", "--home"]
    provoke([*ingest, tmp_path], status=2, golden="store/not_empty", unchanged=tmp_path)
    provoke([*ingest, usage_file], status=2, golden="store/a_file", unchanged=tmp_path)


def test_locked_database(provoke: Provoke, home: Path, usage_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_module, "BUSY_TIMEOUT_MS", 10)
    with Home.open(home) as other, other.begin():
        provoke(["usage", "ingest", usage_file, "--source", "asterisk", "--home", home], status=1, golden="store/locked")
    with Home.open(home) as opened, opened.connect() as connection:
        assert opened.head_seq(connection) == 0


def test_another_intake(provoke: Provoke, home: Path, usage_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "LOCK_WAIT_S", 0.0)
    with lock.exclusive(home / "usage" / "intake.lock", "sealing of the journal", 1_767_225_600_000_000, 0.0):
        words = ["usage", "ingest", usage_file, "--source", "asterisk", "--home", home]
        provoke(words, status=1, golden="store/another_intake", unchanged=home)


def test_read_only_home(provoke: Provoke, home: Path, usage_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system says so; tests/billing/store has a folder that truly is."""
    plain = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: plain(path, mode) and not mode & os.W_OK)
    words = ["usage", "ingest", usage_file, "--source", "asterisk", "--home", home]
    provoke(words, status=1, golden="store/read_only", unchanged=home)


def test_newer_schema(provoke: Provoke, home: Path) -> None:
    sql(home, "UPDATE alembic_version SET version_num = '0999'")
    provoke(["usage", "suspense", "--home", home], status=1, golden="store/newer_schema", unchanged=home)


def test_an_upgrade_that_takes_long(provoke: Provoke, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sql(home, "UPDATE alembic_version SET version_num = '0014'")
    monkeypatch.setattr(long_step, "is_long", lambda _: True)
    provoke(["usage", "suspense", "--home", home], status=1, golden="store/long_upgrade", unchanged=home)


def test_an_upgrade_that_was_stopped(provoke: Provoke, home: Path) -> None:
    sql(home, "INSERT INTO settings VALUES ('long_step', '0015 500')")
    provoke(["usage", "suspense", "--home", home], status=1, golden="store/unfinished_upgrade", unchanged=home)


def test_an_edited_commit(provoke: Provoke, home: Path) -> None:
    """A way back and forth gives it no hash anew."""
    with Home.open(home) as opened:
        files.publish(opened)
    sql(home, "UPDATE commits SET at_us = at_us + 1, chain = NULL")
    provoke(["db", "upgrade", "--to", "0011", "--home", home], status=1, golden="store/commit_edited", unchanged=home)


def test_damaged_database(provoke: Provoke, home: Path) -> None:
    (home / DATABASE_NAME).write_bytes(b"dear diary, " * 500)
    provoke(["accounts", "list", "--home", home], status=1, golden="store/damaged")


def test_changed_tariff(provoke: Provoke, home: Path, tmp_path: Path) -> None:
    with Home.open(home) as opened:
        files.publish(opened)
    sql(home, "UPDATE publications SET document = CAST(replace(CAST(document AS TEXT), 'Smart M', 'Smart N') AS BLOB)")
    folder = files.write(tmp_path / "in")
    provoke(["accounts", "import", folder, "--home", home], status=1, golden="store/changed_tariff", unchanged=home)


def test_mistakes_of_an_import(provoke: Provoke, home: Path, tmp_path: Path) -> None:
    with Home.open(home) as opened:
        files.publish(opened)
    shutil.copytree(FILES / "accounts", tmp_path / "in")
    provoke(["accounts", "import", tmp_path / "in", "--home", home], status=1, golden="accounts/mistakes", unchanged=home)


FACT_FILES = {
    "accounts": "account_id,name,currency,timezone,bill_day,language,opened_on,billed_through,dunning_policy,payment_days\n"
    "A1,Anna,EUR,Europe/Berlin,1,en,2026-01-01,,standard,14\n",
    "subscriptions": "subscription_id,account_id,plan,from_date,to_date\n",
    "numbers": "served_id,subscription_id,from,to\n",
    "account_facts": "account_id,kind,from_date,to_date,detail\n"
    'A1,discount,2026-01-01,,"{""name"": ""Friends"", ""percent_ppm"": ""5"", ""kinds"": ""usage""}"\n'
    'A1,payer,2026-01-01,,"{""codes"": [1]}"\n'
    'A1,tax,2026-01-01,,"{""exempt"": true, ""classes"": ""standard""}"\n',
}


def test_facts_of_an_import_of_another_form(provoke: Provoke, home: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name, text in FACT_FILES.items():
        (tmp_path / "in" / f"{name}.csv").write_text(text)
    provoke(["accounts", "import", tmp_path / "in", "--home", home], status=1, golden="accounts/fact_forms", unchanged=home)


@pytest.mark.parametrize(("text", "golden"), [('{"accounts": {"A1": {}}}', "document_form"), ('{"accounts": [\n{]}', "document_no_json")])
def test_a_document_of_another_form(provoke: Provoke, home: Path, tmp_path: Path, text: str, golden: str) -> None:
    (tmp_path / "in.json").write_text(text)
    words = ["accounts", "import", tmp_path / "in.json", "--home", home]
    provoke(words, status=1, golden=f"accounts/{golden}", unchanged=home)


@pytest.mark.parametrize(("text", "golden"), [('{"url": 5}', "location_form"), ('{"url": "x",\n}', "location_no_json")])
def test_a_location_of_another_form(provoke: Provoke, home: Path, text: str, golden: str) -> None:
    (home / "database.json").write_text(text)
    provoke(["accounts", "list", "--home", home], status=1, golden=f"store/{golden}")


def test_import_folder(provoke: Provoke, home: Path, tmp_path: Path) -> None:
    provoke(["accounts", "import", tmp_path / "nowhere", "--home", home], status=2, golden="accounts/no_folder", unchanged=home)
    (tmp_path / "empty").mkdir()
    provoke(["accounts", "import", tmp_path / "empty", "--home", home], status=1, golden="accounts/empty_folder", unchanged=home)


def test_unknown_account(provoke: Provoke, home: Path) -> None:
    provoke(["accounts", "show", "A1", "--home", home], status=1, golden="accounts/unknown", unchanged=home)


# content of the file -> golden text
USAGE_FILES = [
    (b"", "empty"),
    (b"a,b,c\n1,2,3\n", "wrong_columns"),
    (ROW.encode("utf-16"), "utf16"),
    (gzip.compress(ROW.encode() * 100, mtime=0)[:-20], "truncated_gz"),
    (b"PK\x03\x04 and so on", "zip"),
]


@pytest.mark.parametrize(("content", "golden"), USAGE_FILES)
def test_usage_files(provoke: Provoke, home: Path, tmp_path: Path, content: bytes, golden: str) -> None:
    path = tmp_path / "Master.csv"
    path.write_bytes(content)
    words = ["usage", "ingest", path, "--source", "asterisk", "--home", home]
    provoke(words, status=1, golden=f"usage/{golden}", unchanged=home)


def test_a_pipe(provoke: Provoke, home: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for command in ("ingest", "inspect"):
        words = ["usage", command, tmp_path / "pipe", "--source", "asterisk", *(["--home", home] if command == "ingest" else [])]
        provoke(words, status=1, golden="usage/pipe", unchanged=home)


def test_missing_usage_files(provoke: Provoke, home: Path, tmp_path: Path, usage_file: Path) -> None:
    """The good one among them is not taken either."""
    after = ["--source", "asterisk", "--home", home]
    provoke(["usage", "ingest", tmp_path / "missing.csv", *after], status=1, golden="usage/missing", unchanged=home)
    provoke(["usage", "ingest", tmp_path, *after], status=1, golden="usage/folder", unchanged=home)
    provoke(
        ["usage", "ingest", usage_file, tmp_path / "one", tmp_path / "two", *after], status=1, golden="usage/two_missing", unchanged=home
    )


def test_a_name_that_is_no_utf8(provoke: Provoke, home: Path, tmp_path: Path) -> None:
    words = ["usage", "ingest", tmp_path / os.fsdecode(b"caf\xe9.csv"), "--source", "asterisk", "--home", home, "--json"]
    provoke(words, status=1, golden="usage/no_utf8_name", unchanged=home, process=True)


def test_unknown_source(provoke: Provoke, home: Path, usage_file: Path) -> None:
    provoke(["usage", "ingest", usage_file, "--source", "asterix", "--home", home], status=2, golden="usage/unknown_source", unchanged=home)
