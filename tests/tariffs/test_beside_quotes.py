"""What is said beside a quote: only what holds of the price and plan that were quoted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from server.cli import app
from tariffs.beside_quotes import sentences
from tariffs.reading.load import load

if TYPE_CHECKING:
    from rating.model import Catalogue

CATALOGS = Path(__file__).parents[2] / "tariffs" / "catalogs"
TAX = "The charge includes its tax."
TIER = "At the end of the bill period all of its quantity is priced together by volume tier {}; the bill has the difference."
OFF = "Taken off the bill, and not here: Text discount, Welcome discount."
# plan, price -> what is said
ROWS = [
    ("team", "texts", [TAX, TIER.format("Text messages of a line"), OFF]),
    ("team", "calls", [TAX, TIER.format("Calls of the company"), OFF]),
    ("team", "data", [TAX, OFF]),
    ("team+data-50g", "texts", [TAX, TIER.format("Text messages of a line"), OFF]),
    ("desk", "texts", [TAX]),
]


@pytest.fixture(scope="module")
def business() -> Catalogue:
    return load(CATALOGS / "business")


@pytest.mark.parametrize(("name", "price", "said"), ROWS)
def test_rows(business: Catalogue, name: str, price: str, said: list[str]) -> None:
    plan = next(each for each in business.plans if each.name == name)
    assert list(sentences(business, plan, price, "en")) == said
    assert len(list(sentences(business, plan, price, "zh"))) == len(said)


def test_a_price_without_tax_and_tiers_says_nothing() -> None:
    fixed = load(CATALOGS / "fixed-line")
    assert list(sentences(fixed, fixed.plans[0], "local", "en")) == []


def test_the_command_says_it_below_the_charge(capsys: pytest.CaptureFixture[str]) -> None:
    event = ["--service", "sms", "--to", "+8613", "--at", "2026-03-02T12:00:00+08:00"]
    assert app.main(["quote", "--plan", "business/team", *event, "--catalog", str(CATALOGS / "business")]) == 0
    assert capsys.readouterr().out.splitlines()[-4:] == ["5. Charge: CNY 0.10", TAX, TIER.format("Text messages of a line"), OFF]
