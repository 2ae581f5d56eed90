"""Commands of deposits, promises and instalments, in a home and by a service: both print the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.server.cli.remote.conftest import Both

pytestmark = pytest.mark.slow
ON = ("--deposit", "D-1", "--date", "2025-11-12")


def test_deposits(both: Both) -> None:
    """Of 30.00 held, 11.55 pay the invoice, and 10.00 go back: 8.45 are held."""
    take = ("payment", "deposit", "take", "--id", "D-1", "--account", "anna", "--amount", "30", "--date", "2025-11-10")
    both(*take, "--dry-run")
    assert both(*take) == "30.00 CNY held of deposit D-1 for account anna\n"
    assert "was taken before" in both(*take)
    release = ("payment", "deposit", "release", "--id", "E-1", "--reason", "due", *ON)
    assert json.loads(both(*release, "--dry-run", "--json"))["allocated"] == [["R-0000000001", 11_550_000]]
    assert both(*release) == "11.55 CNY to invoice R-0000000001\n18.45 CNY held of deposit D-1\n"
    assert "was recorded before" in both(*release)
    refund = ("payment", "deposit", "refund", "--id", "E-2", "--amount", "10.00", *ON)
    assert both(*refund, "--dry-run") == "8.45 CNY held of deposit D-1\nonly tried: nothing was stored\n"
    assert json.loads(both(*refund, "--json"))["held_micros"] == 8_450_000
    assert len(both("payment", "deposit", "list").splitlines()) == 2
    assert json.loads(both("payment", "deposit", "list", "--account", "berta", "--json")) == []
    assert json.loads(both("payment", "deposit", "list", "--json"))[0]["moved_by"] == "boss"
    both("payment", "deposit", "refund", "--id", "E-3", "--amount", "10.00", *ON, status=1)


def test_promises(both: Both) -> None:
    add = (
        "payment",
        "promise",
        "add",
        "--id",
        "M-1",
        "--account",
        "anna",
        "--amount",
        "4",
        "--until",
        "2025-11-11",
        "--made",
        "2025-11-08",
    )
    both(*add, "--note", "by phone", "--dry-run")
    both(*add, "--note", "by phone")
    assert "was recorded before" in both(*add, "--note", "by phone")
    assert json.loads(both(*add, "--note", "by phone", "--json"))[0]["existed"] is True
    both("payment", "promise", "list")
    for day, state in (((), "broken"), (("--date", "2025-11-09"), "open")):
        assert [each["state"] for each in json.loads(both("payment", "promise", "list", *day, "--json"))] == [state]
    assert "error: " in both(*add, "--note", "another", status=1)


def test_instalments(both: Both) -> None:
    """11.55 in three parts are 3.85 each; the plan ends, and one in two dated parts takes its place."""
    agree = ("payment", "instalments", "agree", "--account", "anna", "--date", "2025-11-10")
    equal = (*agree, "--id", "I-1", "--parts", "3", "--first", "2025-11-30", "--invoice", "R-1", "--note", "as agreed")
    assert both(*equal, "--dry-run").endswith("only tried: nothing was stored\n")
    assert both(*equal).count("3.85") == 6
    assert "agreed before; nothing changed" in both(*equal)
    end = ("payment", "instalments", "end", "I-1", "--date", "2025-11-12", "--note", "changed")
    both(*end, "--dry-run")
    both(*end)
    dated = (*agree, "--id", "I-2", "--part", "2025-11-20=1.55", "--part", "2025-12-20=10")
    assert [part["amount_micros"] for part in json.loads(both(*dated, "--json"))[0]["parts"]] == [1_550_000, 10_000_000]
    both("payment", "instalments", "list")
    for day, states in (((), ["replaced", "replaced", "running"]), (("--date", "2025-11-21"), ["replaced", "replaced", "behind"])):
        listed = json.loads(both("payment", "instalments", "list", "--account", "anna", *day, "--json"))
        assert [each["state"] for each in listed] == states
    both(*agree, "--id", "I-3", "--part", "2025-11-20=1000", status=1)
    both(*agree, "--id", "I-3", "--parts", 2**40, "--first", "2025-11-30", status=2)
