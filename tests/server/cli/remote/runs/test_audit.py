"""Commands of the audit trail, in a home and by the service in front of it: both print the same."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from server.access import trail

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.cli.remote.persons import Persons

pytestmark = pytest.mark.slow


def same(persons: Persons, *words: object, status: int = 0) -> str:
    """The output of a command, in the home behind the service and by the service: first the one that writes nothing into the trail."""
    here = persons.behind(*words, status=status)
    assert persons.there(*words, status=status) == here
    return here


def test_show(billed: Persons) -> None:
    with billed.acting("the-finance"):
        billed.there("payment", "list")
        billed.there("payment", "record", "--id", "P-1", "--account", "anna", "--date", "2025-11-10", "--amount", "4")
        billed.there("bill", "run", "--date", "2025-11-01", status=1)  # which finance may not
    of_finance = same(billed, "audit", "show", "--operator", "the-finance")
    outcomes = [word for line in of_finance.splitlines()[1:] for word in line.split() if word in {"OK", "ROLE_MISSING"}]
    assert outcomes == ["OK", "OK", "ROLE_MISSING"]
    told = json.loads(same(billed, "audit", "show", "--json"))
    assert len({each["number"] for each in told if each["operator"] in {"boss", "the-finance"}}) == 2
    recorded = json.loads(same(billed, "audit", "show", "--call", "RecordPayment", "--json"))
    assert {each["call"] for each in recorded} == {"ratewright.v1.PaymentService/RecordPayment"}
    newest = json.loads(same(billed, "audit", "show", "--limit", "2", "--json"))
    assert len(newest) == 2
    assert json.loads(same(billed, "audit", "show", "--limit", "0", "--json")) == []
    of_day = json.loads(same(billed, "audit", "show", "--day", "2025-11-13", "--call", "PaymentService", "--json"))
    assert len(of_day) == 1 + len(recorded)
    assert json.loads(same(billed, "audit", "show", "--day", "2025-11-12", "--call", "PaymentService", "--json")) == []
    assert len(json.loads(same(billed, "audit", "show", "--operator", "", "--limit", "3", "--json"))) == 3, "of any"
    of_boss = json.loads(same(billed, "audit", "show", "--operator", "boss", "--json"))
    assert {each["number"] for each in of_boss} == {os.getuid()}
    assert len({each["operator"] for each in of_boss}) == 2, "by its name, and by the account that wrote in a shell"
    assert "is not a date" in same(billed, "audit", "show", "--day", "yesterday", status=2)
    with billed.acting("the-finance"):
        assert "needs the role admin or auditor" in billed.there("audit", "show", status=1)


def test_verify(billed: Persons, tmp_path: Path) -> None:
    billed.there("payment", "list")
    assert same(billed, "audit", "verify") == "commits and audit trail are as they were written\n"
    assert json.loads(same(billed, "audit", "verify", "--json")) == {"problems": []}
    billed.hides_commits = False
    ends = tmp_path / "ends.json"
    ends.write_text(billed.behind("audit", "export"))
    assert same(billed, "audit", "verify", "--ends", ends) == "commits and audit trail are as they were written\n"
    document = json.loads(ends.read_text())
    ends.write_text(json.dumps({**document, "chain": "00" * 32}))
    cut = same(billed, "audit", "verify", "--ends", ends, status=1)
    assert "it is not the commit that was exported" in cut
    for wrong in ({**document, "commit_seq": 2**70}, {**document, "day_ends": [{"day": 1, "entries": "x", "hash": 2, "signature": []}]}):
        ends.write_text(json.dumps(wrong))
        assert "is not what `audit export` prints" in billed.there("audit", "verify", "--ends", ends, status=2)
    file = trail.files(billed.guarded.home.path)[0]
    file.write_bytes(file.read_bytes().replace(b"ListPayments", b"ListReceipts", 1))
    assert same(billed, "audit", "verify", status=1).startswith(f"{file.name}:1: ")
    assert len(json.loads(same(billed, "audit", "verify", "--json", status=1))["problems"]) == 1
