"""`ratewright documents write`: files of a home, in all forms and languages, whose amounts are those of the ledger."""

from __future__ import annotations

import datetime as dt
import itertools
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from billing.accounts.kinds import DiscountFact
from billing.accounts.parties import kinds, logos, recording
from billing.accounts.parties.recording import Named
from billing.accounts.parties.stored import NewFact
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.documents.rendering.words import LANGUAGES
from billing.documents.semantic.invoices import charged
from server.cli import app
from tests.billing.documents.clerk import credit, customer, tell
from tests.billing.documents.rendering.reading import amounts_in, amounts_of, pages_of, read_html
from tests.billing.documents.rendering.test_forms import PNG
from tests.billing.runs.world import Call, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import msgspec

pytestmark = pytest.mark.slow
NUMBERS = ("R-0000000001", "R-0000000002", "C-0000000001")
YEAR = dt.date(2025, 1, 1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Anna with a discount and usage, a bill of October, one of November that corrects it, and a credit note."""
    found = customer(World(tmp_path))
    tell(found, "anna", "discount", DiscountFact("loyal", percent_ppm=100_000), "2025-10-01")
    found.bill("2025-11-01")
    found.take(Call("1001", "2025-10-09T10:00:00", 180))
    found.bill("2025-12-01")
    credit(found, NUMBERS[0], 2, 250, on="2025-12-05")
    yield found
    found.home.close()


def party(world: World, named: Named, kind: str, name: str, detail: msgspec.Struct) -> None:
    """A fact about a party since the beginning of the year."""
    recording.record(world.home, Asked(Operator("clerk", 1), world.tick()), named, NewFact(kind, name, YEAR, None, detail))


def write(world: World, *words: object) -> int:
    """The exit status of the command."""
    return app.main(["documents", "write", *map(str, words), "--home", str(world.home.path)])


@pytest.mark.parametrize("form", ["pdf", "html", "text"])
def test_each_document_in_each_form(world: World, tmp_path: Path, form: str) -> None:
    for number, language in itertools.product(NUMBERS, LANGUAGES):
        file = tmp_path / f"{number}-{language}.{form}"
        assert write(world, number, "--format", form, "--language", language, "--output", file) == 0
        content = file.read_bytes()
        readers = {
            "pdf": lambda drawn: "\n".join(pages_of(drawn)),
            "html": lambda page: "".join(read_html(page).texts),
            "text": bytes.decode,
        }
        text = readers[form](content)
        assert amounts_in(text, language) == amounts_of(charged(world.home, number)), file.name


def test_a_text_is_printed_and_what_is_missing_is_told(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """10.00 + 1.00 + 2.01 less 1.30 is 11.71; 6 % of it 0.70."""
    assert write(world, "R-1", "--format", "text") == 0
    told = capsys.readouterr()
    assert "To pay: CNY\u00a012.41\nby 15 November 2025" in told.out
    assert "warning: account anna has no address; ratewright party set anna address" in told.err


def test_usage_is_itemised_as_the_customer_chose(world: World, tmp_path: Path) -> None:
    anna, file = Named("anna"), tmp_path / "bill.txt"
    words = ("R-1", "--format", "text", "--output", file, "--overwrite")
    write(world, *words)
    assert "Itemised usage" not in file.read_text(encoding="utf-8")
    party(world, anna, "delivery", "", kinds.Delivery("paper", "masked"))
    write(world, *words)
    text = file.read_text(encoding="utf-8")
    assert "2025-10-07 10:00:00  8690000000xxx" in text
    assert Decimal("2.005") in amounts_in(text, "en")
    write(world, *words, "--itemised", "full")
    assert "8690000000001" in file.read_text(encoding="utf-8")
    write(world, *words, "--itemised", "none")
    assert "8690000000" not in file.read_text(encoding="utf-8")


def test_the_logo_of_the_issuer(world: World, tmp_path: Path) -> None:
    asked = Asked(Operator("clerk", 1), world.tick())
    logos.record(world.home, asked, Named(entity=""), PNG, (YEAR, None))
    file = tmp_path / "bill.html"
    assert write(world, "R-1", "--format", "html", "--output", file) == 0
    assert 'src="data:image/png;base64,' in file.read_text(encoding="utf-8")


def test_a_file_that_is_there_stays(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bill.pdf"
    file.write_text("another's", encoding="utf-8")
    assert write(world, "R-1", "--output", file) == 2
    assert file.read_text(encoding="utf-8") == "another's"
    assert write(world, "R-1") == 2
    assert "a PDF is not for the terminal" in capsys.readouterr().err
    assert write(world, "R-77", "--format", "text") == 1
