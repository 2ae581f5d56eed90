"""Statements that tests send: their normal form, what is noted of a test, and which tests are chosen so that each is sent."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import statements, tiers
from tests.statements import ANSWERED, FAILED, Noted

if TYPE_CHECKING:
    from pathlib import Path

SENDS = """
from pathlib import Path
import pytest
import sqlalchemy as sa
from billing.store import tables
from billing.store.home import Home

pytestmark = pytest.mark.slow

def test_one(tmp_path):
    with Home.open(tmp_path / "home", create=True) as home, home.connect() as connection:
        connection.execute(sa.select(tables.accounts.c.name).where(tables.accounts.c.account_id.in_(["anna", "ben"]))).all()

def test_two(tmp_path):
    with Home.open(tmp_path / "home", create=True) as home, home.connect() as connection:
        connection.execute(sa.select(tables.accounts.c.name).where(tables.accounts.c.account_id.in_(["anna"]))).all()
        connection.execute(sa.select(sa.func.count()).select_from(tables.accounts)).all()
        with pytest.raises(sa.exc.OperationalError):
            connection.exec_driver_sql("DELETE FROM accounts")
"""
NAMES = "SELECT accounts.name FROM accounts WHERE accounts.account_id IN (...)"
COUNT = "SELECT count(*) AS count_1 FROM accounts"
DELETE = "DELETE FROM accounts"


@pytest.mark.parametrize(
    ("statement", "normal"),
    [
        ("SELECT a,\n    b  FROM t ", "SELECT a, b FROM t"),
        ("SELECT a FROM t WHERE b IN (?, ?, ?) AND c = ?", "SELECT a FROM t WHERE b IN (...) AND c = ?"),
        ("SELECT a FROM t WHERE b IN (1, -2) OR c NOT IN ('x', 'it''s')", "SELECT a FROM t WHERE b IN (...) OR c NOT IN (...)"),
        ("SELECT a FROM t WHERE (b, c) IN (VALUES (?, ?), (?, ?))", "SELECT a FROM t WHERE (b, c) IN (...)"),
        ("INSERT INTO t (a, b) VALUES (?, ?), (?, ?)", "INSERT INTO t (a, b) VALUES (...)"),
        ("SELECT coalesce(a, ?) FROM t WHERE b IN (SELECT c FROM u)", "SELECT coalesce(a, ?) FROM t WHERE b IN (SELECT c FROM u)"),
    ],
)
def test_the_normal_form_has_no_lengths(statement: str, normal: str) -> None:
    assert statements.normal(statement) == normal


@pytest.mark.slow
def test_what_a_test_sends_is_noted_with_what_came_of_it(tmp_path: Path) -> None:
    path, log = tmp_path / "test_sends.py", tmp_path / "log"
    path.write_text(SENDS)
    words = ["-p", "tests.conftest", "-p", "no:xdist", "--rootdir", str(tiers.ROOT), "--statements", str(log), str(path)]
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", *words], cwd=tiers.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    one, two = (set(each.statements) for each in statements.read(log.read_bytes()))
    assert (one - two, NAMES in one, NAMES in two, NAMES + ANSWERED in two) == (set(), True, True, False)
    assert two - one == {COUNT, COUNT + ANSWERED, DELETE, DELETE + FAILED}


def test_the_cheapest_that_send_every_statement_are_chosen() -> None:
    noted = [
        Noted("all-but-d", 9.0, ("a", "b", "c")),
        Noted("a", 0.1, ("a",)),
        Noted("a-b", 0.5, ("a", "b")),
        Noted("c-e", 0.1, ("c", "e")),
        Noted("d", 5.0, ("d",)),
        Noted("e", 0.1, ("e",)),
    ]
    found = statements.fewest(noted, {"d"})
    assert ([each.test for each in found.tests], found.statements, found.anyway) == (["a-b", "c-e"], 5, 1)


def test_a_test_run_twice_is_noted_as_it_was_last() -> None:
    log = b'{"test":"a","seconds":1.0,"statements":["x"]}\n{"test":"a","seconds":2.0,"statements":["y"]}\n'
    assert statements.read(log) == [Noted("a", 2.0, ("y",))]


def test_what_runs_on_both_databases_covers_its_statements() -> None:
    lines = [
        b'{"test":"tests/x.py::test_a[sqlite-1]","seconds":1.0,"statements":["a"]}',
        b'{"test":"tests/x.py::test_a[postgresql-1]","seconds":1.0,"statements":[]}',
        b'{"test":"tests/x.py::test_b[about sqlite]","seconds":1.0,"statements":["b"]}',
        b'{"test":"tests/x.py::test_c","seconds":3.0,"statements":["a","c"]}',
    ]
    chosen, told = tiers.covering_of(b"\n".join(lines))
    assert chosen == ["  1.00 tests/x.py::test_b[about sqlite]", "  3.00 tests/x.py::test_c"]
    assert told.startswith("3 statements of 4 tests (6 s): 1 are sent by 0 tests that are named and 1 that run on both databases")
