"""What an invoice as a whole comes to when it is credited: what it charges, less what later documents took off."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any, Final

import pytest

from billing.charges.charge_keys import KEY_FIELDS
from billing.documents.creditable import Standing, whole

CENT: Final = 10_000
VAT: Final = "tax"


def _row(document: int, name: str, cents: int, about: int | None = None) -> Any:  # noqa: ANN401 -- a row of the database
    """A line: its charge is named, the first letter of the name is its tax class, `x:tax` is the tax of class x."""
    kind = VAT if name.endswith(VAT) else "usage"
    fields: dict[str, Any] = dict.fromkeys(KEY_FIELDS, 0)
    fields |= {"period_from": "2026-01-01", "period_to": "2026-02-01", "kind": kind, "charge_code": name, "tax_class": ord(name[0])}
    return SimpleNamespace(**fields, invoice_key=document, about=about, amount_micros=cents * CENT, line_no=0)


def _rows(text: str) -> list[Any]:
    """Documents in order, each with its lines: `usage 1000, tax 190 | usage -300`. All about one class."""
    found = []
    for document, lines in enumerate(text.split("|"), 1):
        for line in lines.split(","):
            name, cents = line.split()
            found.append(_row(document, f"a:{name}", int(cents)))
    return found


def _credited(rows: list[Any], document: int) -> dict[str, int]:
    """Cents that are credited by name of the charge."""
    own = [row for row in rows if row.invoice_key == document]
    return {each.row.charge_code[2:]: each.micros // CENT for each in whole(own, Standing(rows, document), CENT)}


# what happened, the document that is credited as a whole, what is credited of each of its charges
TABLE: Final = """
usage 1000, tax 190                                              1   usage 1000, tax 190
usage 1000, tax 190 | usage -300, tax -57                        1   usage 700, tax 133
usage 1000, tax 190 | usage 200, tax 38                          1   usage 1000, tax 190
usage 1000, tax 190 | usage 200, tax 38                          2   usage 200, tax 38
usage 1000, discount -100, tax 171                               1   usage 1000, discount -100, tax 171
usage 1000, discount -100, tax 171 | discount 20, tax 4          2   discount 20, tax 4
usage 1000, discount -100, tax 171 | discount 20, fee 5, tax 5   2   discount 20, fee 5, tax 5
usage 1000, discount -100, tax 171 | discount 20, tax 4          1   usage 1000, discount -100, tax 171
usage 1000, discount -100, tax 171 | usage -500, discount 50, tax -86  1  usage 500, discount -50, tax 85
usage 1000, discount -100, tax 171 | discount 20, tax 4 | discount -5, tax -1   2   discount 15, tax 3
usage 1000, tax 190 | usage -1000, tax -190                      1
usage 1000, tax 190 | usage -1000, other 1000                    1
usage 1000, tax 191 | tax -1                                     1   usage 1000, tax 190
usage 1000, tax 190 | tax 1                                      2   tax 1
"""


@pytest.mark.parametrize("line", TABLE.strip().splitlines())
def test_the_whole_of_an_invoice(line: str) -> None:
    history, document, *expected = [each for each in line.rstrip().split("  ") if each.strip()]
    wanted = {name: int(cents) for name, cents in (each.split() for each in expected[0].split(",")) if int(cents)} if expected else {}
    assert _credited(_rows(history), int(document)) == wanted


def test_a_class_in_which_the_invoice_gave_is_taken_back_with_it() -> None:
    rows = [_row(1, "a:usage", 5000), _row(1, "a:tax", 950), _row(1, "b:correction", -500), _row(1, "b:tax", -35)]
    found = whole(rows, Standing(rows, 1), CENT)
    assert [(each.row.charge_code, each.micros // CENT) for each in found] == [
        ("a:usage", 5000), ("a:tax", 950), ("b:correction", -500), ("b:tax", -35),
    ]  # fmt: skip


def _history(chance: random.Random) -> list[Any]:
    """Up to six documents with lines of any sign on few charges of two classes, tax at 19 % rounded by document."""
    rows = []
    for document in range(1, chance.randint(2, 6)):
        for group in "ab":
            names = chance.sample(["usage", "fee", "discount", "volume"], chance.randint(0, 3))
            amounts = {name: chance.randint(-300, 900) * (-1 if name == "discount" else 1) for name in names}
            rows += [_row(document, f"{group}:{name}", cents) for name, cents in amounts.items() if cents]
            tax = (sum(amounts.values()) * 19 + 50) // 100
            rows += [_row(document, f"{group}:tax", tax)] if tax else []
    return rows


def _net(rows: list[Any], group: int) -> int:
    return sum(row.amount_micros for row in rows if row.tax_class == group and row.kind != VAT)


def _note(row: Any, about: int, micros: int) -> Any:  # noqa: ANN401 -- rows of the database
    """The line of a credit note."""
    return SimpleNamespace(**{**vars(row), "about": about, "invoice_key": 100 + about, "amount_micros": -micros})


@pytest.mark.parametrize("seed", range(300))
def test_a_class_gives_no_more_than_was_charged(seed: int) -> None:
    rows = _history(random.Random(seed))
    for document in {row.invoice_key for row in rows}:
        own = [row for row in rows if row.invoice_key == document]
        found = [each.row for each in whole(own, Standing(rows, document), CENT)]
        given = {each.row.charge_code: each.micros for each in whole(own, Standing(rows, document), CENT)}
        for group in {row.tax_class for row in own}:
            amount = sum(given[row.charge_code] for row in found if row.tax_class == group and row.kind != VAT)
            assert min(_net(own, group), 0) <= amount <= max(_net(own, group), 0)


@pytest.mark.parametrize("seed", range(300))
def test_the_newest_is_credited_to_the_cent_and_nothing_stands_in_the_end(seed: int) -> None:
    rows = _history(random.Random(seed))
    for document in sorted({row.invoice_key for row in rows}, reverse=True):
        own = [row for row in rows if row.invoice_key == document]
        found = whole(own, Standing(rows, document), CENT)
        assert [each for each in found if _net(own, each.row.tax_class) and each.micros != each.row.amount_micros] == []
        rows += [_note(each.row, document, each.micros) for each in found]
        assert whole(own, Standing(rows, document), CENT) == [], "once"
    assert {_net(rows, group) for group in {row.tax_class for row in rows}} <= {0}
