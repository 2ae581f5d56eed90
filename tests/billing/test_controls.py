"""The books balance, and a change behind the product's back makes exactly those books fail that speak of it."""

from __future__ import annotations

import datetime as dt
import shutil
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from billing import payments
from billing.controls import books
from tests.billing.runs.world import Call, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TAMPERED = [
    ("UPDATE invoice_lines SET amount_micros = amount_micros + 1 WHERE (invoice_key, line_no) = (1, 1)", {"billing, run 1", "documents"}),
    ("UPDATE invoices SET net_micros = net_micros + 10000, total_micros = total_micros + 10000 WHERE invoice_key = 1",
     {"documents", "posting", "receivables"}),
    ("UPDATE postings SET amount_micros = amount_micros + 1 WHERE (document, line_no) = ('R-0000000001', 1)", {"posting", "receivables"}),
    ("UPDATE postings SET amount_micros = amount_micros + 10000 WHERE document = 'p1'", {"payments", "receivables"}),
    ("DELETE FROM postings WHERE document = 'p1'", {"payments", "receivables"}),
    ("UPDATE postings SET document = 'p2' WHERE document = 'p1'", {"ledger: postings"}),
    ("UPDATE payments SET amount_micros = amount_micros + 10000", {"payments", "receivables"}),
    ("UPDATE invoices SET number = 'R-0000000009' WHERE number = 'R-0000000002'", {"numbers"}),
    ("UPDATE number_series SET next_number = next_number + 1", {"numbers"}),
    ("UPDATE run_terms SET amount_micros = amount_micros + 1 WHERE run_id = 1 AND term = 'recurring:CNY'", {"billing, run 1"}),
    ("UPDATE run_terms SET rows = rows + 1 WHERE run_id = 1 AND term = 'left_out.not_due'", {"rating, run 1"}),
    ("UPDATE charge_manifest SET rows = rows + 1 WHERE run_id = 1", {"charges, run 1 of 2025-11-01: rows"}),
    ("UPDATE charge_manifest SET charge_micros = charge_micros + 1 WHERE run_id = 1", {"charges, run 1 of 2025-11-01: money"}),
    ("UPDATE intake_counts SET duration_us = duration_us + 1 WHERE outcome = 'answered'", {"intake switch: answered"}),
    ("UPDATE publications SET content_hash = zeroblob(32)", {"catalogue shop"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def balanced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two runs and a payment; each test works on a copy."""
    folder = tmp_path_factory.mktemp("balanced") / "home"
    world = World(folder)
    for name, number in (("anna", "1001"), ("ben", "1002")):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/basic", number)
    world.take(
        Call("1001", "2025-10-05T10:00:00", 1500),
        Call("1002", "2025-10-05T10:00:00", 1500),
        Call("9", "2025-10-05T10:00:00", 60),
        Call("1001", "2025-10-06T10:00:00", 60, flags=1),
    )
    world.take(Call("1001", "2025-10-05T10:00:00", 1500))
    world.bill("2025-11-01")
    world.take(Call("1002", "2025-10-07T10:00:00", 600))
    world.bill("2025-12-01")
    payments.record(world.home, "p1", "anna", 15_000_000, dt.date(2025, 12, 1), "", world.tick())
    world.home.close()
    return folder


@pytest.fixture
def billed(balanced: Path, tmp_path: Path) -> Iterator[World]:
    shutil.copytree(balanced, tmp_path / "home")
    copy = World(tmp_path / "home", fresh=False)
    yield copy
    copy.home.close()


def failing(world: World) -> set[str]:
    return {book.name for book in books(world.home) if not book.ok}


def test_all_books_balance_and_both_sides_are_figures(billed: World) -> None:
    found = {book.name: book for book in books(billed.home)}
    assert [book.name for book in found.values() if book.left != book.right or not book.ok] == []
    assert found["rating, run 1 of 2025-11-01"].left == 3, "unanswered and duplicate calls do not count"
    assert found["rating, run 1 of 2025-11-01"].terms["events.UNKNOWN_SUBSCRIPTION"] == 1
    assert found["billing, run 1 of 2025-11-01 CNY"].left == 21_000_000
    assert found["billing, run 2 of 2025-12-01 CNY"].terms["billed before"] == 21_000_000
    assert found["receivables CNY: ledger = open items"].left == found["posting CNY: invoiced = receivable"].left - 15_000_000


def test_a_home_without_runs_balances(world: World) -> None:
    assert failing(world) == set()


@pytest.mark.parametrize(("statement", "expected"), TAMPERED, ids=[statement[:60] for statement, _ in TAMPERED])
def test_tampering_is_found_by_the_right_books(billed: World, statement: str, expected: set[str]) -> None:
    billed.execute(statement)
    found = failing(billed)
    for name in expected:
        assert any(each.startswith(name) for each in found), f"{name} does not fail"
    assert all(any(each.startswith(name) for name in expected) for each in found), f"others fail: {found}"


def test_a_row_that_is_gone_from_a_charge_file(billed: World) -> None:
    file = next(billed.home.charges_folder.glob("run=1/*.parquet"))
    table = pq.read_table(file, partitioning=None)
    pq.write_table(table.slice(1), file, store_decimal_as_integer=True)
    assert failing(billed) == {
        "rating, run 1 of 2025-11-01", "charges, run 1 of 2025-11-01: rows", "charges, run 1 of 2025-11-01: money",
        "billing, run 1 of 2025-11-01 CNY", "charges, run 1 of 2025-11-01: files = files with their hash",
    }  # fmt: skip


def test_a_charge_file_that_is_gone(billed: World) -> None:
    next(billed.home.charges_folder.glob("run=2/*.parquet")).unlink()
    found = {book.name: book for book in books(billed.home) if not book.ok}
    assert {name.split(",")[0] for name in found} == {"rating", "charges", "billing"}
    assert all("run 2" in name for name in found)
    assert list(found["charges, run 2 of 2025-12-01: rows"].terms) == ["missing charges/run=2/part-00000.parquet"]
