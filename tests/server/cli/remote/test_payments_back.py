"""Commands of money that waits and goes back, in a home and by a service: both print the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from billing import give_back_limit
from tests.billing.second_person import set_by_two
from tests.server.grpc.finance.asking import BANK_FILE, MAPPING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.cli.remote.conftest import Both

pytestmark = pytest.mark.slow
ON = ("--date", "2025-11-12")


def test_refund_chargeback_reversal(both: Both) -> None:
    """P-1 of 20.00 paid 11.55 of anna, 8.45 are left, of which 3.00 go back.

    A chargeback of 6.00 takes the 5.45 that are left, and 0.55 of the invoice, which P-2 of 5.00 settles: of the credit of 5.45 + 5.00
    before it 4.45 are left. 1.00 of the chargeback is won. When P-1 bounces, 20.00 - 3.00 - 6.00 + 1.00 = 12.00 go.
    """
    paid = ("payment", "record", "--account", "anna", "--date", "2025-11-10")
    both(*paid, "--id", "P-1", "--amount", "20")
    both(*paid, "--id", "P-2", "--amount", "5")
    refund = ("payment", "refund", "--id", "E-1", "--payment", "P-1", *ON, "--to", "anna", "--amount", "3", "--reason", "too much")
    assert both(*refund, "--dry-run").endswith("only tried: nothing was stored\n")
    assert both("payment", "events", "--json") == "[]\n"
    assert both(*refund) == "refund E-1: 3.00 CNY of account anna\n5.45 CNY left as credit\n"
    assert "was recorded before" in both(*refund)
    assert json.loads(both(*refund, "--json"))["existed"] is True
    back = ("payment", "chargeback", "--id", "E-2", "--payment", "P-1", *ON, "--amount", "6", "--fee", "0.50")
    told = json.loads(both(*back, "--json", "--dry-run"))
    assert (told["reopened"], told["resettled"]) == ([["R-0000000001", 550_000]], [["R-0000000001", 550_000]])
    assert (told["account_credit_before_micros"], told["account_credit_micros"]) == (10_450_000, 4_450_000)
    assert "0.55 CNY of invoice R-0000000001 is settled by other credit of the account instead" in both(*back)
    both("payment", "chargeback", "--id", "E-3", "--payment", "P-1", *ON, "--amount", "1", "--won")
    reversed_ = both("payment", "reverse", "--id", "E-4", "--payment", "P-1", *ON, "--fee", "2", "--reason", "bounced")
    assert reversed_.startswith("reversal E-4: 12.00 CNY of account anna, and a fee of 2.00 CNY\n")
    listed = json.loads(both("payment", "events", "--account", "anna", "--json"))
    assert [each["kind"] for each in listed] == ["refund", "chargeback", "chargeback_won", "reversal"]
    assert len(both("payment", "events").splitlines()) == 5


def test_what_waits_for_another_person(both: Both) -> None:
    """Above 1.00 nothing goes back before another person agrees; a limit of one's own is the same by both ways."""
    both("payment", "record", "--account", "anna", "--date", "2025-11-10", "--id", "P-1", "--amount", "20")
    both("payment", "deposit", "take", "--id", "D-1", "--account", "anna", "--amount", "30", "--date", "2025-11-10")
    for world in (both.twin, both.guarded.world):
        world.catch_up()
        set_by_two(world.home, give_back_limit.LIMIT, "1000000", world.tick)
    refund = ("payment", "refund", "--id", "E-1", "--payment", "P-1", *ON, "--to", "anna", "--reopen")
    assert "another person would have to agree" in both(*refund, "--dry-run")
    assert "proposal 1" in both(*refund)
    told = json.loads(both("payment", "reverse", "--id", "E-2", "--payment", "P-1", *ON, "--json"))
    assert (told["proposal"], told["reopened"], told["credit_micros"]) == (2, [], 8_450_000)
    assert "proposal 3" in both("payment", "deposit", "refund", "--id", "E-3", "--deposit", "D-1", *ON)


def test_a_bank_file_and_its_work_list(both: Both, tmp_path: Path) -> None:
    """T-1 names anna's invoice; T-2 and T-4 wait: one becomes a payment of berta, the other goes back."""
    (tmp_path / "bank.csv").write_bytes(BANK_FILE)
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    words = ("payment", "import", tmp_path / "bank.csv", "--mapping", tmp_path / "mapping.yaml")
    assert both(*words, "--dry-run").startswith("bank.csv: 3 payments; 1 outgoing line passed over\n")
    assert json.loads(both("payment", "worklist", "list", "--json")) == []
    assert "line 3 waits in the work list: CB/T-2" in both(*words)
    assert both(*words) == "bank.csv was imported before; nothing changed\n"
    assert json.loads(both(*words, "--json"))["existed"] is True
    assert [line.split()[0] for line in both("payment", "worklist", "list").splitlines()[1:]] == ["CB/T-2", "CB/T-4"]
    assign = ("payment", "worklist", "assign", "CB/T-2", "--account", "berta", "--invoice", "R-2", "--note", "she called")
    both(*assign, "--dry-run")
    assert both(*assign) == "7.00 CNY to invoice R-0000000002\n"
    assert "was assigned before" in both(*assign)
    send_back = ("payment", "worklist", "return", "CB/T-4", "--note", "unknown")
    assert both(*send_back, "--dry-run") == "2.00 CNY go back\nonly tried: nothing was stored\n"
    assert json.loads(both(*send_back, "--json"))["amount_micros"] == 2_000_000
    assert both("payment", "worklist", "return", "CB/T-4", "--note", "unknown") == "line CB/T-4 was returned before; nothing changed\n"
    assert [each["decision"] for each in json.loads(both("payment", "worklist", "list", "--decided", "--json"))] == ["assigned", "returned"]
    both("payment", "worklist", "list", "--decided")
    assert "error: " in both("payment", "worklist", "return", "CB/T-9", "--note", "unknown", status=1)


def test_a_file_or_a_mapping_that_cannot_be_read_is_not_sent(both: Both, tmp_path: Path) -> None:
    (tmp_path / "bank.csv").write_bytes(BANK_FILE)
    (tmp_path / "wrong.yaml").write_text("name: [")
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    both("payment", "import", tmp_path / "bank.csv", "--mapping", tmp_path / "wrong.yaml", status=1)
    assert "none.csv" in both("payment", "import", tmp_path / "none.csv", "--mapping", tmp_path / "mapping.yaml", status=2)


def test_cash_and_its_till(both: Both) -> None:
    cash = ("payment", "cash", "--till", "front", "--date", "2025-11-10")
    first = (*cash, "--id", "P-1", "--account", "anna", "--amount", "4", "--reference", "thanks")
    both(*first, "--dry-run")
    assert both(*first).startswith("receipt front-000001: 4.00 CNY from account anna\n")
    assert "was recorded before" in both(*first)
    assert json.loads(both(*cash, "--id", "P-2", "--account", "berta", "--amount", "1", "--json"))["receipt"] == "front-000002"
    assert both("payment", "till", "front").endswith("in till front: 5.00 CNY\n")
    assert json.loads(both("payment", "till", "front", "--date", "2025-11-09", "--json")) == {"receipts": [], "total_micros": {}}
    assert json.loads(both("payment", "till", "front", "--date", "2025-11-10", "--json"))["total_micros"] == {"CNY": 5_000_000}


def test_a_refusal_is_the_same_by_both(both: Both) -> None:
    assert "no payment has the id P-9" in both("payment", "refund", "--id", "E-1", "--payment", "P-9", *ON, "--to", "anna", status=1)
    assert "a refund is of one payment or one document" in both("payment", "refund", "--id", "E-1", *ON, "--to", "anna", status=2)
    for account in ("nobody", "-"):  # which means all accounts in a request
        for words in (("payment", "list"), ("payment", "events"), ("payment", "deposit", "list"), ("payment", "promise", "list")):
            assert f"no account has the id {account}" in both(*words, f"--account={account}", status=1)


def test_a_bank_file_that_no_call_takes(both: Both, tmp_path: Path) -> None:
    """A call takes some 8 MiB: more is refused with what to do, and nothing of it is stored."""
    (tmp_path / "bank.csv").write_bytes(BANK_FILE + b"T-9,2025-11-11,2.00,CNY,somebody," + b"x" * (9 << 20) + b"\n")
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    error = both.there("payment", "import", tmp_path / "bank.csv", "--mapping", tmp_path / "mapping.yaml", status=1)
    assert "remedy: send or ask for less at once, or give the command on the machine that holds the home" in error
    assert both.there("payment", "worklist", "list", "--json") == "[]\n"
