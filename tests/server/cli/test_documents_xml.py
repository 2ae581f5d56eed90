"""`ratewright documents xml`: a file that the official rules accept, findings beside it, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.accounts.parties.recording import Named
from server.cli import app
from tests.billing.documents.clerk import customer
from tests.billing.documents.semantic.test_checking import CUSTOMER, ISSUER, record
from tests.billing.runs.world import World

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def test_a_file_is_written_and_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = customer(World(tmp_path))
    record(world, Named(entity=""), ISSUER)
    record(world, Named("anna"), CUSTOMER)
    world.bill("2025-11-01")
    world.home.close()
    out, usage = tmp_path / "R-1.xml", tmp_path / "usage.csv"
    usage.write_text("to\n", encoding="utf-8")
    words = ["documents", "xml", "R-1", "--syntax", "ubl", "--home", str(tmp_path)]
    assert app.main([*words, "--attach", str(usage), "--output", str(out), "--validate"]) == 0
    told = capsys.readouterr()
    assert (told.out, told.err) == (f"wrote {out}\n", "R-0000000001: valid\n")
    assert b'filename="usage.csv"' in out.read_bytes()
    assert app.main([*words, "--output", str(out)]) == 2  # it is there
    assert app.main([*words[:4], "cii", *words[5:], "--profile", "peppol"]) == 1
    assert "peppol has no cii" in capsys.readouterr().err


def test_missing_data_is_told_and_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = customer(World(tmp_path))
    world.bill("2025-11-01")
    world.home.close()
    assert app.main(["documents", "xml", "R-1", "--syntax", "cii", "--home", str(tmp_path), "--validate"]) == 1
    told = capsys.readouterr()
    assert told.out.startswith("<?xml")
    assert "has no address\n  remedy: ratewright entity set" in told.err
    assert "faults by the official rules of EN 16931" in told.err
