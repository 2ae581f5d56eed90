"""Killed at every commit point of money that comes and goes, and called again: the same rows and amounts as without the kill."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from billing.payments import importing, worklist
from billing.payments.mapping import read_mapping
from billing.store import commit_points, tables
from tests.billing.payments.banking import bank
from tests.billing.payments.desk import Desk
from tests.crash_images import Crashes

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples" / "payments"
ACTS = (
    "pay", "cash", "refund", "reverse", "chargeback", "win", "deposit", "release", "return", "promise", "agree", "end", "import", "assign",
    "give back", "statement",
)  # fmt: skip
POINTS = [name for name in commit_points.POINTS if name.startswith("payment.")]
KEPT = (
    (tables.payments, ("payment_id", "amount_micros", "channel", "receipt")),
    (tables.settlements, ("credit_kind", "credit_id", "invoice_key", "amount_micros")),
    (tables.credits_left, ("credit_kind", "credit_id", "left_micros")),
    (tables.payment_events, ("reference", "kind", "amount_micros")),
    (tables.deposits, ("deposit_id", "amount_micros")),
    (tables.deposit_events, ("reference", "kind", "amount_micros")),
    (tables.promises, ("promise_id", "amount_micros")),
    (tables.instalments, ("plan_id", "invoice_key", "part_no", "due_on", "amount_micros")),
    (tables.bank_files, ("file_name", "rows", "amount_micros")),
    (tables.bank_lines, ("line_id", "state", "payment_id")),
    (tables.bank_statements, ("statement_id", "number", "closing_micros")),
    (tables.bank_debits, ("line_id", "state", "amount_micros")),
    (tables.bank_line_decisions, ("line_id", "kind", "payment_id")),
    (tables.number_series, ("series", "next_number")),
    (tables.postings, ("document", "line_no", "leg", "debit_account", "credit_account", "amount_micros")),
)


def work(folder: Path) -> None:
    """Each act once, in the order of ACTS. Called again, those that were done change nothing."""
    desk = Desk(folder, fresh=False)
    line = "DE-6222-0001/T-1003"
    desk.pay("p1", 12)
    desk.cash("p2", 3)
    desk.back("f1", "refund", "p1", 1)
    desk.back("b1", "reversal", "p2")
    desk.back("c1", "chargeback", "p1", 5)
    desk.back("w1", "chargeback_won", "p1", 2)
    desk.deposit("d1", 9)
    desk.move("a1", "d1", "applied", 4)
    desk.move("a2", "d1", "refunded", 5)
    desk.promise("v1", 5, "02-01", "02-10")
    desk.agree("i1", equal=2, first="04-01")
    desk.end("i1")
    importing.import_file(desk.home, EXAMPLES / "city-bank.csv", read_mapping(EXAMPLES / "city-bank.yaml"), desk.act)
    worklist.assign(desk.home, line, "A000001", "", desk.act)
    worklist.give_back(desk.home, "DE-6222-0001/T-1002", "", desk.act)
    bank.take(desk, "statement_02.xml")
    desk.home.close()


def kept(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that an auditor would see, in order; every book balances."""
    desk = Desk(folder, fresh=False)
    assert desk.wrong() == []
    with desk.home.connect() as connection:
        rows = {table.name: connection.execute(sa.select(*(table.c[name] for name in names))).all() for table, names in KEPT}
    desk.home.close()
    return {name: sorted((tuple(row) for row in found), key=str) for name, found in rows.items()}


def prepare(folder: Path) -> None:
    """Anna owes 30.00 in two invoices; one account of the bank file exists."""
    desk = Desk(folder)
    desk.account("A000001", "EUR")
    desk.account("A000003", "EUR")
    bank.own(desk)
    desk.invoice("R-1", 10)
    desk.invoice("R-2", 20, "03-15")
    desk.home.close()


@pytest.fixture(scope="module")
def crashes(tmp_path_factory: pytest.TempPathFactory) -> Crashes:
    return Crashes(tmp_path_factory.mktemp("crashes"), prepare, work, by_kill=[point_of("refund")])


@pytest.fixture(scope="module")
def expected(crashes: Crashes) -> dict[str, list[tuple[object, ...]]]:
    return kept(crashes.unharmed())


def point_of(act: str) -> str:
    """An act is written, not committed."""
    return f"payment.before_commit:{ACTS.index(act) + 1}"


def test_every_act_commits_once(expected: dict[str, list[tuple[object, ...]]], crashes: Crashes) -> None:
    """So that the numbers below are the acts; one that is added has to be added here."""
    assert len(ACTS) == 16
    assert kept(crashes.at(f"payment.committed:{len(ACTS)}")) == expected


@pytest.mark.parametrize("act", ["cash", "refund", "win", "release", "agree", "import", "assign", "give back"])
def test_a_kill_and_a_second_call_end_alike(expected: dict[str, list[tuple[object, ...]]], crashes: Crashes, act: str) -> None:
    folder = crashes.at(point_of(act))
    before = kept(folder)  # readable at once, and every book balances, before anyone mends anything
    assert before != expected
    work(folder)
    assert kept(folder) == expected


@pytest.mark.parametrize("point", POINTS)
def test_every_point_is_reached(expected: dict[str, list[tuple[object, ...]]], crashes: Crashes, point: str) -> None:
    folder = crashes.at(point)
    work(folder)
    assert kept(folder) == expected
