"""Statements of banks by a command, in a home and by a service: both print the same, and the same file again changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.server.cli.remote.conftest import Both

pytestmark = pytest.mark.slow
FILE = Path(__file__).parents[4] / "examples" / "payments" / "north-bank-1.xml"


def test_a_statement(both: Both, tmp_path: Path) -> None:
    """Without the bank account it is refused; then it is tried, taken, and known. No account of the home is named in it."""
    file = tmp_path / "statement.xml"
    file.write_text(FILE.read_text().replace("2026-11-", "2025-11-"))
    for told in (both.here("payment", "import", file, status=1), both.there("payment", "import", file, status=1)):
        assert "is a bank account of no issuer" in told
    both("entity", "set", "-", "bank_account", "main", "--from", "2025-01-01", "holder=North", "iban=DE89370400440532013000")
    tried = both("payment", "import", file, "--dry-run")
    assert tried.startswith("statement.xml: camt.053, 4 lines\n")
    assert "charged" in tried
    assert both("payment", "import", file, "--format", "camt.053") == tried.replace("only tried: nothing was stored\n", "")
    told = json.loads(both("payment", "import", file, "--json"))
    assert (told["existed"], told["format"], told["lines"]) == (True, "camt.053", 4)
    assert "is not a format of bank files" in both.here("payment", "import", file, "--format", "ofx", status=2)
    listed = json.loads(both("payment", "worklist", "list", "--json"))
    assert [each["amount_micros"] for each in listed] == [5_940_000, 30_000_000, 20_000_000]
    (tmp_path / "bank.csv").write_text("Id;Date\n")
    assert "is neither camt nor MT940, and CSV needs a mapping" in both.here("payment", "import", tmp_path / "bank.csv", status=2)
    mapping = tmp_path / "m.yaml"
    mapping.write_text("name: x\n")
    assert "is not a set with the field match alone" in both.here("payment", "import", file, "--mapping", mapping, status=1)
    assert "is not a set with the field match alone" in both.there("payment", "import", file, "--mapping", mapping, status=1)
