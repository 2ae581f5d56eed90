"""docs/documents.md: its example is what the command prints, and its tables are the fields of the code with their terms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from billing.accounts.parties.recording import Named
from billing.documents.semantic import model, parties
from billing.documents.semantic.categories import table
from billing.documents.semantic.terms import described
from server.cli import app
from tests.billing.documents.clerk import customer
from tests.billing.documents.semantic.test_checking import CUSTOMER, ISSUER, record
from tests.billing.runs.world import World

if TYPE_CHECKING:
    import msgspec

PAGE = Path(__file__).parents[4] / "docs" / "documents.md"
STRUCTS: dict[str, type[msgspec.Struct]] = {
    "invoice, credit note": model.CreditNote,
    "seller": parties.Seller,
    "buyer": parties.Buyer,
    "line": model.Line,
    "usage of a line": model.Usage,
    "correction": model.Correction,
    "tax": model.Tax,
    "part of a tax": model.TaxPart,
    "totals": model.Totals,
    "payment": model.Payment,
    "third party": model.ThirdParty,
    "preceding document": model.Preceding,
    "last bill": model.LastBill,
    "difference to the last bill": model.BillDifference,
}


def tables() -> list[str]:
    """The lines of the tables: one a struct."""
    lines: list[str] = []
    for name, struct in STRUCTS.items():
        lines += [f"### {name.capitalize()}", "", "| field | EN 16931 | what it is |", "|---|---|---|"]
        lines += [f"| `{each.name}` | {each.term} | {each.says} |" for each in described(struct)]
        lines.append("")
    return lines


def test_the_page_has_every_field() -> None:
    assert "\n".join(tables()) in PAGE.read_text(encoding="utf-8")


def test_the_page_has_every_category() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for case in table().cases.values():
        assert f"| `{case.category}` |" in text


@pytest.mark.slow
def test_the_example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line of it is printed, in this order; `...` stands for lines that are left out."""
    world = customer(World(tmp_path))
    record(world, Named(entity=""), ISSUER)
    record(world, Named("anna"), CUSTOMER)
    world.bill("2025-11-01")
    world.home.close()
    assert app.main(["documents", "show", "R-1", "--home", str(tmp_path)]) == 0
    printed = iter(capsys.readouterr().out.splitlines())
    _, _, block = PAGE.read_text(encoding="utf-8").partition("$ ratewright documents show R-1\n")
    example = block.partition("```")[0].splitlines()
    assert len(example) > 20
    missing = [line for line in example if line.strip() != "..." and line not in printed]
    assert missing == []
