"""Commands of the ledger and of the books, in a home and by a service: both print the same."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from server.cli.remote.ledger import reading as ledger

if TYPE_CHECKING:
    from tests.server.cli.remote.conftest import Both

pytestmark = pytest.mark.slow
CHART = Path(__file__).parents[4] / "examples" / "ledger" / "chart.yaml"
RECORD = ("payment", "record", "--account", "anna", "--date", "2025-11-10")
CHANGED = "UPDATE postings SET amount_micros = amount_micros + 10000 WHERE document = 'R-0000000001' AND line_no = 1"


@pytest.fixture
def paid(both: Both) -> Both:
    """Anna owes 11.55 and has paid 4.00, berta 10.60."""
    both(*RECORD, "--id", "P-1", "--amount", "4")
    return both


def test_balances_and_ageing(paid: Both) -> None:
    for words in ((), ("--customers",), ("--through", "2025-11-05", "--entity", "")):
        told = json.loads(paid("ledger", "balance", *words, "--json"))
        assert paid("ledger", "balance", *words).count("\n") == len(told) + 1
    assert "no legal entity" in paid("ledger", "balance", "--entity", "north", status=1)
    aged = json.loads(paid("ledger", "ageing", "--date", "2025-12-01", "--json"))
    assert [(each["account_id"], each["buckets"]["1-30"]) for each in aged] == [("anna", 7_550_000), ("berta", 10_600_000)]
    assert "7.55" in paid("ledger", "ageing", "--date", "2025-12-01", "--account", "anna")
    assert "nobody" in paid("ledger", "ageing", "--date", "2025-12-01", "--account", "nobody", status=1)


def test_an_export_is_written_where_the_command_runs(paid: Both, tmp_path: Path) -> None:
    """The file, the text and the JSON are those of a command in the home; the second export says that nothing is new."""
    words = ("ledger", "export", "--month", "2025-11", "--mapping", CHART, "--out")
    out = tmp_path / "out.csv"
    first = paid.here(*words, out)
    content = out.read_bytes()
    assert f"{out} is there already" in paid.there(*words, out, status=2)
    assert paid.there(*words, out, "--overwrite") == first
    assert out.read_bytes() == content
    assert hashlib.sha256(content).hexdigest() in first
    assert ": as the export before" in paid(*words, out, "--overwrite")
    paid(*RECORD, "--id", "P-2", "--amount", "1")
    told = json.loads(paid(*words, out, "--overwrite", "--json", "--detail"))
    assert (told["new_postings"], told["new_micros"], told["file"]) == (1, {"CNY": 1_000_000}, str(out))
    assert "north" in paid(*words, tmp_path / "other.csv", "--entity", "north", status=1)
    assert not (tmp_path / "other.csv").exists()


def test_an_account_that_the_mapping_lacks(paid: Both, tmp_path: Path) -> None:
    """Every mistake is named, as the home does it; nothing is written."""
    chart = tmp_path / "chart.yaml"
    chart.write_text("accounts:\n- {ours: cash, theirs: '1000', name: Cash}\n")
    words = ("ledger", "export", "--month", "2025-11", "--mapping", chart, "--out", tmp_path / "out.csv")
    here = paid.here(*words, status=1)
    there = paid.there(*words, status=1)
    for name in ("receivable", "revenue"):
        assert f"mapping: {name}: " in here
        assert f"mapping: {name}: " in there
    assert not (tmp_path / "out.csv").exists()


def test_a_posting_that_comes_while_the_file_is_written(paid: Both, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The note has another hash than the file: both are made again. Where one always comes, the command fails."""
    out, write = tmp_path / "out.csv", ledger.output_files.write
    payments = iter(range(2, 9))
    written: list[int] = []

    def late(path: Path, content: bytes, **more: Any) -> None:  # noqa: ANN401 -- as `write`
        write(path, content, **more)
        written.append(len(content))
        if len(written) <= most:
            paid.there(*RECORD, "--id", f"P-{next(payments)}", "--amount", "1")

    monkeypatch.setattr(ledger.output_files, "write", late)
    words = ("ledger", "export", "--month", "2025-11", "--mapping", CHART, "--detail", "--overwrite", "--out", out)
    most = 1
    told = paid.there(*words)
    assert (len(written), hashlib.sha256(out.read_bytes()).hexdigest() in told) == (2, True)
    most = 9
    assert "postings of 2025-11 came while it was written" in paid.there(*words, status=1)


def test_the_check(paid: Both) -> None:
    """All is right, until a posting is changed behind our back."""
    for status in (0, 1):
        shown = paid.printed("ledger", "check", status=status)
        assert ("DIFFERS" in shown) is bool(status)
        told = json.loads(paid.printed("ledger", "check", "--json", status=status))
        assert any(each["first_difference"] for each in told) is bool(status)
        paid.guarded.world.changed("UPDATE postings SET amount_micros = amount_micros + 10000 WHERE document = 'P-1'")


def test_books_and_findings(both: Both) -> None:
    """Kept once, given to ben, closed."""
    both.printed("controls", status=0)
    assert json.loads(both.printed("controls", "--json", status=0))["books"]
    assert both("controls", "findings") == "no finding is open\n"
    for world in (both.twin, both.guarded.world):
        world.changed(CHANGED)
    assert "22,150,000" in both.printed("controls", status=1)
    for way in (both.here, both.there):
        assert way("controls", "--keep", status=1) == "", "it is no error"
        way("controls", "--keep", "--json", status=1)
    assert json.loads(both("controls", "findings", "--json"))["findings"][0]["owner"] == "boss"
    assign = ("controls", "findings", "assign", "1", "--due", "2025-11-20", "--owner")
    assert " ben " in both(*assign, "ben")
    close = ("controls", "findings", "close", "1", "--note", "put right")
    assert json.loads(both(*close, "--json"))["findings"][0]["closed_by"] == "boss"
    both("controls", "findings", "list")
    assert "closed by boss: put right" in both("controls", "findings", "list", "--all")
    unknown = ("controls", "findings", "close", "99", "--note", "x")
    both(*unknown, status=1)
    both(*close, status=1)
