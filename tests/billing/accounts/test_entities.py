"""Legal entities: added once, with series of numbers that nobody else has, and known before an account belongs to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing import accounts
from billing.accounts import entities
from billing.accounts.entities import Entity
from billing.payments import Payment, cash_desk
from billing.payments.writing import Act
from rating.errors import ProblemsError, UserError
from tests.billing.accounts.operator_home import ACCOUNTS, ANN, ASKED, DRY, NOW_US, day, make, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.store.home import Home

SOUTH = Entity("south", "South B.V.", "BV", "BV-C")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """North is there already, with N and NC."""
    with make(tmp_path) as opened:
        yield opened


def test_an_entity_is_added_once(home: Home) -> None:
    assert entities.add(home, SOUTH, DRY).said == (
        "south (South B.V.) numbers its invoices from BV-0000000001 on, its credit notes from BV-C-0000000001 on",
    )
    assert [each.entity for each in entities.list_all(home)] == ["north"], "a dry run stores nothing"
    assert not entities.add(home, SOUTH, ASKED).existed
    assert entities.add(home, SOUTH, ASKED).existed
    assert entities.list_all(home) == [Entity("north", "North Ltd", "N", "NC"), SOUTH]
    for field, value in (("name", "South Ltd"), ("invoice_prefix", "S"), ("credit_prefix", "SC")):
        with pytest.raises(UserError, match=f"legal entity south exists with {field} .*, not '{value}'"):
            entities.add(home, SOUTH._replace(**{field: value}), ASKED)


# prefixes of invoices and credit notes; what is said
CLASHES = """
R   X   | R numbers documents of the legal entity without a name
X   C   | C numbers documents of the legal entity without a name
O   X   | O numbers documents of the legal entity without a name
X   RO  | RO numbers documents of the legal entity without a name
N   X   | N numbers documents of legal entity north
X   NC  | NC numbers documents of legal entity north
NO  X   | NO numbers documents of legal entity north
X   FRONT | FRONT numbers documents of the receipts of till FRONT
X   X   | south would give one number to two documents
X   XO  | south would give one number to two documents
x   XC  | 'x' is not a prefix
X-  XC  | 'X-' is not a prefix
X   ''  | '' is not a prefix
"""


@pytest.mark.parametrize("row", CLASHES.strip().splitlines())
def test_no_two_documents_have_one_number(home: Home, row: str) -> None:
    prefixes, told = (part.strip() for part in row.split(" | "))
    invoice, credit = prefixes.replace("''", "\0").split()
    cash_desk.pay(home, "FRONT", Payment("c1", "A1", 5_000_000, day("2026-03-01"), ""), Act(ANN, NOW_US))
    with pytest.raises(UserError) as caught:
        entities.add(home, Entity("south", "South", invoice, credit.replace("\0", "")), ASKED)
    assert caught.value.message == told
    assert [each.entity for each in entities.list_all(home)] == ["north"]


@pytest.mark.parametrize(("entity", "name"), [("a b", "South"), ("", "South"), ("south", " ")])
def test_an_entity_has_names(home: Home, entity: str, name: str) -> None:
    with pytest.raises(UserError, match="name"):
        entities.add(home, Entity(entity, name, "X", "XC"), ASKED)


def test_an_account_of_an_entity_that_nobody_added_is_not_imported(home: Home, tmp_path: Path) -> None:
    head = ACCOUNTS.lstrip().splitlines()[0]
    rows = [f"X{place},X,CNY,Asia/Shanghai,1,en,2026-03-01,,standard,14,{name},\n" for place, name in enumerate(("", "north", "south"))]
    folder = write(tmp_path / "more", accounts=f"{head}\n" + "".join(rows))
    with pytest.raises(ProblemsError) as caught:
        accounts.import_files(home, folder, NOW_US)
    (problem,) = [each for each in caught.value.problems if "accounts.csv" in each.file]
    assert (problem.path, problem.message) == ("line 4, legal_entity", "no legal entity is called 'south'")
    assert "ratewright accounts entity add south" in problem.remedy
    entities.add(home, SOUTH, ASKED)
    assert accounts.import_files(home, folder, NOW_US).accounts_added == 3
