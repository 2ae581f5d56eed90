"""What a user reads when money is refused. Nothing is stored by any of these calls."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from server import operator
from tests.billing.payments.desk import ANA, Desk

if TYPE_CHECKING:
    from tests.errors.conftest import Provoke

pytestmark = pytest.mark.slow
EXAMPLES = Path(__file__).parents[2] / "examples" / "payments"


@pytest.fixture
def owing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Anna owes 10.00 of 30.00 in CNY, left a deposit of 5.00, and a line of a bank file waits."""
    monkeypatch.setattr(operator, "current", lambda: ANA)
    desk = Desk(tmp_path / "home")
    monkeypatch.setattr("server.clock.machine_now_us", lambda: desk.act.now_us)
    desk.invoice("R-1", 10)
    desk.invoice("R-2", 20, "03-15")
    desk.pay("p1", 20)
    desk.deposit("d1", 5)
    desk.home.close()
    return tmp_path / "home"


PAID = ["--account", "anna", "--date", "2026-02-10"]
CALLS = {
    "negative": (["record", "--id", "p9", "--amount", "-5.00", *PAID], 2),
    "zero": (["record", "--id", "p9", "--amount", "0", *PAID], 2),
    "other_currency": (["record", "--id", "p9", "--amount", "5", "--currency", "EUR", *PAID], 1),
    "too_fine": (["record", "--id", "p9", "--amount", "5.001", *PAID], 2),
    "no_amount": (["record", "--id", "p9", "--amount", "five", *PAID], 2),
    "not_begun": (["record", "--id", "p9", "--amount", "5", "--account", "anna", "--date", "2099-01-01"], 2),
    "promise_not_begun": (
        ["promise", "add", "--id", "v1", "--account", "anna", "--amount", "5", "--made", "2099-01-01", "--until", "2099-02-01"],
        2,
    ),
    "no_utf8": (["record", "--id", "p9", "--amount", "5", "--reference", "M\udcfcller", *PAID], 2),
    "no_account": (["record", "--id", "p9", "--amount", "5", "--account", "ben", "--date", "2026-02-10"], 1),
    "other_data": (["record", "--id", "p1", "--amount", "21", "--reference", "bank", *PAID], 1),
    "not_its_invoice": (["record", "--id", "p9", "--amount", "5", "--invoice", "R-9", *PAID], 1),
    "no_till": (["cash", "--id", "c9", "--amount", "5", "--till", "a b", *PAID], 2),
    "refund_of_nothing": (["refund", "--id", "f1", "--payment", "p1", "--date", "2026-02-20", "--to", "Anna"], 1),
    "refund_too_much": (
        ["refund", "--id", "f1", "--payment", "p1", "--amount", "20.01", "--date", "2026-02-20", "--to", "Anna", "--reopen"],
        1,
    ),
    "refund_of_what": (["refund", "--id", "f1", "--date", "2026-02-20", "--to", "Anna"], 2),
    "no_payment": (["reverse", "--id", "b1", "--payment", "p9", "--date", "2026-02-20"], 1),
    "before_it_came": (["chargeback", "--id", "c1", "--payment", "p1", "--date", "2026-02-09"], 2),
    "deposit_too_much": (["deposit", "release", "--id", "a1", "--deposit", "d1", "--amount", "6", "--date", "2026-02-20"], 1),
    "promise_negative": (
        ["promise", "add", "--id", "v1", "--account", "anna", "--amount", "-1", "--made", "2026-02-10", "--until", "2026-02-20"],
        2,
    ),
    "promise_before": (
        ["promise", "add", "--id", "v1", "--account", "anna", "--amount", "5", "--made", "2026-02-10", "--until", "2026-02-09"],
        2,
    ),
    "parts_do_not_add_up": (["instalments", "agree", "--id", "i1", *PAID, "--part", "2026-03-01=9"], 1),
    "no_parts": (["instalments", "agree", "--id", "i1", *PAID], 2),
    "no_line": (["worklist", "return", "x", "--note", "n"], 1),
    "no_order": (["order", "newest"], 2),
    "empty_span": (["statement", "anna", "--from", "2026-02-02", "--to", "2026-02-01"], 2),
}


@pytest.mark.parametrize(("name", "words", "status"), [(name, *call) for name, call in CALLS.items()], ids=CALLS)
def test_what_is_refused(provoke: Provoke, owing: Path, name: str, words: list[str], status: int) -> None:
    provoke(["payment", *words, "--home", owing], status=status, golden=f"payment/{name}", unchanged=owing)


@pytest.mark.parametrize("name", ["cut_short", "changed_sum", "negative_line", "several"])
def test_bank_files(provoke: Provoke, owing: Path, tmp_path: Path, name: str) -> None:
    mapping = tmp_path / "bank.yaml"
    how = "refuse" if name == "negative_line" else "ignore"
    mapping.write_text((EXAMPLES / "city-bank.yaml").read_text().replace("outgoing: ignore", f"outgoing: {how}"))
    file = Path(shutil.copy(EXAMPLES / "city-bank.csv", tmp_path))
    text = file.read_text()
    changes = {
        "cut_short": text[:-30],
        "changed_sum": text.replace(";50,00;", ";51,00;"),
        "negative_line": text,
        "several": text.replace("09.11.2026", "9 November").replace("35,00", "35.00").replace("T-1005", "T-1001"),
    }
    file.write_text(changes[name])
    words = ["payment", "import", file, "--mapping", mapping, "--home", owing]
    provoke(words, status=1, golden=f"payment/{name}", unchanged=owing)


STATEMENTS = {
    "statement_totals": ('"EUR">5.94<', '"EUR">5.95<'),
    "statement_laughs": ("\n<Document", "\n<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'>]><Document"),
    "statement_version": ("camt.053.001.08", "camt.053.001.04"),
    "statement_cut": ("</Stmt>", "</St"),
    "statement_iban": ("DE89370400440532013000", "DE88370400440532013000"),
    "statement_of_nobody": ("", ""),
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_statements_of_banks(provoke: Provoke, owing: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / "bank.xml"
    file.write_text((EXAMPLES / "north-bank-1.xml").read_text().replace(*STATEMENTS[name]))
    provoke(["payment", "import", file, "--home", owing], status=1, golden=f"payment/{name}", unchanged=owing)


def test_a_file_that_needs_a_mapping(provoke: Provoke, owing: Path, tmp_path: Path) -> None:
    words = ["payment", "import", shutil.copy(EXAMPLES / "city-bank.csv", tmp_path), "--home", owing]
    provoke(words, status=2, golden="payment/needs_mapping", unchanged=owing)


def test_a_last_line_without_an_end(provoke: Provoke, owing: Path, tmp_path: Path) -> None:
    """1250.50 of which the last digits are missing looks like an amount."""
    mapping = tmp_path / "bank.yaml"
    words = "name: b\ncolumns: {id: Id, date: Day, amount: Amount, reference: [Text]}\ndate: '%Y-%m-%d'\n"
    mapping.write_text(words + "currency: CNY\nmatch: {invoice: 'R-[0-9]'}\n")
    file = tmp_path / "bank.csv"
    file.write_text("Id,Day,Text,Amount\n1,2026-02-10,R-1,5.00\n2,2026-02-11,R-2,1250.50\n"[:-4])
    provoke(["payment", "import", file, "--mapping", mapping, "--home", owing], status=1, golden="payment/no_line_end", unchanged=owing)


def test_a_mapping_whose_values_have_another_form(provoke: Provoke, owing: Path, tmp_path: Path) -> None:
    """A text where a list is wanted, a number where a text is: said with what is wanted and how to write it."""
    mapping = tmp_path / "bank.yaml"
    text = (EXAMPLES / "city-bank.yaml").read_text()
    text = re.sub(r"reference: .*", "reference: Zweck", text)
    mapping.write_text(re.sub(r"outgoing: .*", "outgoing: keep", text) + "credit_words: [1]\nentity: 7\nencoding: [utf-8]\n")
    words = ["payment", "import", EXAMPLES / "city-bank.csv", "--mapping", mapping, "--home", owing]
    provoke(words, status=1, golden="payment/mapping_forms", unchanged=owing)


def test_a_mapping_that_is_no_yaml(provoke: Provoke, owing: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "bank.yaml"
    mapping.write_text("name: bank\ncolumns: {date: [A\nmatch: x\n")
    words = ["payment", "import", EXAMPLES / "city-bank.csv", "--mapping", mapping, "--home", owing]
    provoke(words, status=1, golden="payment/mapping_no_yaml", unchanged=owing)
    mapping.write_text("name: bank\ndate: 2026-02-30\n")
    provoke(words, status=1, golden="payment/mapping_no_date", unchanged=owing)


def test_a_chart_of_accounts_whose_values_have_another_form(provoke: Provoke, owing: Path, tmp_path: Path) -> None:
    chart = tmp_path / "chart.yaml"
    chart.write_text("accounts:\n  - {ours: revenue, theirs: 5001}\n  - {ours: [cash], their: '1000'}\n")
    words = ["ledger", "export", "--month", "2025-01", "--mapping", chart, "--out", tmp_path / "gl.csv", "--home", owing]
    provoke(words, status=1, golden="payment/chart_forms", unchanged=owing)


def test_a_mapping_with_mistakes(provoke: Provoke, owing: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "bank.yaml"
    text = (EXAMPLES / "city-bank.yaml").read_text()
    mapping.write_text(text.replace("%d.%m.%Y", "%d.%m").replace('"R-[0-9]{10}"', '"R-[0-9"').replace('delimiter: ";"', "delimiter: ';;'"))
    words = ["payment", "import", EXAMPLES / "city-bank.csv", "--mapping", mapping, "--home", owing]
    provoke(words, status=1, golden="payment/mapping", unchanged=owing)
