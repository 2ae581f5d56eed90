"""The books balance, and a change behind the product's back makes exactly those books fail that speak of it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from billing import dunning, payments
from billing.controls import books
from tests.billing import behind
from tests.billing.runs.world import Call, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCUMENTS = "documents, run 1 of 2025-11-01: as numbered"
TOTALS, POSTINGS = "documents CNY: lines = totals", "posting: lines of documents = postings"
INVOICED, OWED = "posting CNY: invoiced = receivable", "receivables CNY: ledger = open items"
AGED = "receivables CNY: by age = ledger"
CASH, PAID = "cash CNY: what came less what went = ledger", "payments: postings = what follows from them"
BILLING, TAX = "billing, run 1 of 2025-11-01 CNY", "tax, run 1 of 2025-11-01 CNY: computed = tax lines"
ALLOCATED, IDS, NUMBERS = "allocations: stored", "ledger: postings = postings with the id", "numbers R: given = issued"
LATE, NOT_DUE = "late usage: usage = what becomes of it", "late usage: not due = what coming runs compute"
ONCE = "charges: events on bills = events on one bill"
STEPS, BARS, VERSIONS = "dunning: steps", "dunning: bars", "catalogues: versions that charges name"
CHANGES = "catalogues: publications and repeals committed"
CHAIN = "commits: given = with the hash"
TAXES, FEES = "tax, run 1 of 2025-11-01: taxes", "fees, run 1 of 2025-11-01: fees due"
ANY_TAXES, ANY_FEES = "tax, run", "fees, run"
FILES, RATED = "charges, run 1 of 2025-11-01: ", "rating, run 1 of 2025-11-01"
TAMPERED = [
    ("UPDATE invoice_lines SET amount_micros = amount_micros + 1 WHERE (invoice_key, line_no) = (1, 2)",
     {BILLING, TOTALS, POSTINGS, DOCUMENTS}),
    ("UPDATE invoice_lines SET amount_micros = amount_micros + 10000 WHERE kind = 'tax' AND invoice_key = 1",
     {TAX, TOTALS, POSTINGS, DOCUMENTS}),
    ("UPDATE invoice_lines SET amount_micros = amount_micros + 10000 * (3 - 2 * line_no) WHERE invoice_key = 1 AND line_no < 3",
     {POSTINGS, DOCUMENTS, FEES}),
    ("UPDATE invoice_lines SET tax_class = 9 WHERE (invoice_key, line_no) = (1, 2)", {DOCUMENTS, TAXES}),
    ("UPDATE invoice_lines SET revenue_code = 9 WHERE (invoice_key, line_no) = (1, 2)", {DOCUMENTS, POSTINGS}),
    ("UPDATE invoice_lines SET events = events + 1 WHERE (invoice_key, line_no) = (1, 2)", {DOCUMENTS}),
    ("UPDATE invoice_lines SET period_from = '2025-09-01' WHERE (invoice_key, line_no) = (1, 2)", {DOCUMENTS, TAXES}),
    ("UPDATE invoice_lines SET text = 'Calls' WHERE (invoice_key, line_no) = (1, 2)", {DOCUMENTS}),
    ("UPDATE invoices SET net_micros = net_micros + 10000, total_micros = total_micros + 10000 WHERE invoice_key = 1",
     {TOTALS, INVOICED, OWED, AGED, ALLOCATED, DOCUMENTS, STEPS}),
    ("UPDATE invoices SET due_on = '2026-12-31' WHERE invoice_key = 1", {DOCUMENTS, ALLOCATED}),
    ("UPDATE invoices SET number = 'R-0000000009' WHERE number = 'R-0000000002'", {NUMBERS, DOCUMENTS, POSTINGS}),
    ("UPDATE postings SET amount_micros = amount_micros + 1 WHERE (document, line_no) = ('R-0000000001', 1)",
     {INVOICED, OWED, AGED, POSTINGS}),
    ("UPDATE postings SET amount_micros = amount_micros + 10000 WHERE document = 'p1'", {CASH, OWED, AGED, PAID}),
    ("UPDATE postings SET credit_account = 'revenue:9' WHERE (document, line_no) = ('R-0000000001', 1)", {POSTINGS}),
    ("UPDATE postings SET debit_account = 'receivable:ben' WHERE (document, line_no) = ('R-0000000001', 1)", {POSTINGS}),
    ("UPDATE postings SET posted_on = '2025-11-02' WHERE (document, line_no) = ('R-0000000001', 1)", {POSTINGS}),
    ("DELETE FROM postings WHERE document = 'p1'", {CASH, OWED, AGED, PAID}),
    ("UPDATE postings SET document = 'p2' WHERE document = 'p1'", {IDS, PAID}),
    ("UPDATE payments SET amount_micros = amount_micros + 10000", {CASH, PAID, AGED, ALLOCATED, STEPS}),
    ("UPDATE payments SET account_key = 2", {PAID, ALLOCATED, STEPS}),
    ("UPDATE payments SET received_on = '2025-12-02'", {PAID, AGED}),
    ("UPDATE settlements SET amount_micros = amount_micros - 10000 WHERE invoice_key = 1", {ALLOCATED, OWED}),
    ("UPDATE settlements SET amount_micros = amount_micros + 10000 WHERE invoice_key = 3", {ALLOCATED, OWED}),
    ("DELETE FROM settlements WHERE invoice_key = 1", {ALLOCATED, OWED}),
    ("UPDATE number_series SET next_number = next_number + 1", {NUMBERS}),
    ("DELETE FROM number_series", {NUMBERS}),
    ("UPDATE dunning_steps SET overdue_micros = overdue_micros + 1 WHERE step_id = 1", {STEPS}),
    ("UPDATE dunning_steps SET level = 0 WHERE step_id = 1", {STEPS}),
    ("UPDATE dunning_steps SET action = 'remind' WHERE level = 2", {BARS}),
    ("UPDATE dunning_steps SET oldest_due_on = '2025-11-01' WHERE step_id = 1", {STEPS}),
    ("DELETE FROM dunning_steps WHERE level = 2", {BARS}),
    ("DELETE FROM account_facts", {BARS}),
    ("UPDATE account_facts SET kind = 'unbar'", {BARS}),
    ("UPDATE account_facts SET from_date = '2026-03-03'", {BARS}),
    ("UPDATE run_terms SET amount_micros = amount_micros + 1 WHERE run_id = 1 AND term = 'recurring:CNY'", {BILLING}),
    ("UPDATE run_terms SET amount_micros = amount_micros + 1 WHERE run_id = 1 AND term = 'invoiced_tax:CNY'", {TAX}),
    ("UPDATE run_terms SET amount_micros = amount_micros + 1 WHERE run_id = 1 AND term = 'usage:CNY'", {FILES + "money CNY as counted"}),
    ("UPDATE run_terms SET amount_micros = amount_micros + 1 WHERE run_id = 1 AND term = 'documents.digest'", {DOCUMENTS}),
    ("DELETE FROM run_terms WHERE run_id = 1 AND term = 'documents.digest'", {DOCUMENTS}),
    ("UPDATE run_terms SET amount_micros = amount_micros + 1 WHERE run_id = 1 AND term = 'documents.periods'", {DOCUMENTS}),
    ("DELETE FROM run_terms WHERE run_id = 2 AND term = 'documents.periods'", {"documents, run 2 of 2025-12-01: as numbered"}),
    ("UPDATE invoice_lines SET billed_with = '2025-09-01' WHERE (invoice_key, line_no) = (1, 2)", {DOCUMENTS}),
    ("UPDATE run_terms SET rows = rows + 1 WHERE run_id = 1 AND term = 'left_out.not_due'", {RATED}),
    ("UPDATE run_terms SET rows = rows + 1 WHERE run_id = 1 AND term = 'events.RATED'", {RATED + ": events by status"}),
    ("UPDATE bill_runs SET state = 'computing' WHERE run_id = 2", {"runs: runs that numbered"}),
    ("UPDATE bill_runs SET pinned_seq = pinned_seq + 1 WHERE run_id = 1", {"runs: runs that numbered"}),
    ("UPDATE charge_manifest SET rows = rows + 1 WHERE run_id = 1", {FILES + "rows"}),
    ("UPDATE charge_manifest SET charge_micros = charge_micros + 1 WHERE run_id = 1", {FILES + "money"}),
    ("UPDATE intake_counts SET duration_us = duration_us + 1 WHERE outcome = 'answered'", {"intake switch: answered"}),
    ("UPDATE publications SET content_hash = zeroblob(32)",
     {"catalogue shop version 1: published", VERSIONS, LATE, NOT_DUE, ANY_TAXES, ANY_FEES}),
    ("UPDATE publications SET effective_from_us = effective_from_us + 1", {"catalogue shop version 1: listed"}),
    ("DELETE FROM publications", {VERSIONS, CHANGES, LATE, NOT_DUE, ANY_TAXES, ANY_FEES}),
    ("UPDATE commits SET kind = 'repeal' WHERE commit_seq = 2", {CHANGES, LATE, NOT_DUE, CHAIN, ANY_TAXES, ANY_FEES}),
    ("UPDATE commits SET at_us = at_us + 1 WHERE kind = 'usage'", {CHAIN}),
    ("DELETE FROM commits WHERE commit_seq = 2", {"commits: given = kept", CHAIN}),
]  # fmt: skip


@pytest.fixture(scope="module")
def balanced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two runs, a payment and a step of dunning; each test works on a copy."""
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
    for day in (dt.date(2026, 1, 3), dt.date(2026, 1, 20)):
        dunning.run(world.home, day, world.begun(day))
    world.home.close()
    return folder


@pytest.fixture
def billed(balanced: Path, tmp_path: Path) -> Iterator[World]:
    behind.copy_home(balanced, tmp_path / "home")
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
    assert found["billing, run 2 of 2025-12-01 CNY"].terms["billed before"] == 10_500_000, "nothing touched anna: her October stands"
    assert found["receivables CNY: ledger = open items"].left == found["posting CNY: invoiced = receivable"].left - 15_000_000


def test_a_home_without_runs_balances(world: World) -> None:
    assert failing(world) == set()


@pytest.mark.parametrize(("statement", "expected"), TAMPERED, ids=[statement[:60] for statement, _ in TAMPERED])
def test_tampering_is_found_by_the_right_books(billed: World, statement: str, expected: set[str]) -> None:
    assert billed.changed(statement), "the statement changes something"
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
        "billing, run 1 of 2025-11-01 CNY", "charges, run 1 of 2025-11-01: files = files with their hash", NOT_DUE,
        "charges, run 1 of 2025-11-01: money CNY as counted", "rating, run 1 of 2025-11-01: events by status",
    }  # fmt: skip


def test_a_charge_file_that_is_gone(billed: World) -> None:
    next(billed.home.charges_folder.glob("run=2/*.parquet")).unlink()
    found = {book.name: book for book in books(billed.home) if not book.ok}
    assert {name.split(",")[0] for name in found} == {"rating", "charges", "billing", LATE, NOT_DUE, ONCE}
    assert all("run 2" in name for name in found if name not in {LATE, NOT_DUE, ONCE})
    assert all("cannot be worked out" in next(iter(found[name].terms)) for name in (LATE, NOT_DUE, ONCE))
    assert list(found["charges, run 2 of 2025-12-01: rows"].terms) == ["missing charges/run=2/part-00000.parquet"]
