"""Books of taxes and fees where they cannot know a figure exactly: they hold to bounds that are proved, and blame no legal run."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue, controls
from billing.accounts import agreements, kinds
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.documents import adjusting
from billing.ledger.closed_months import Who
from billing.runs.contracts.price_list import PriceList
from rating.model import TaxClass, TaxRate
from tests.billing.runs.world import World, shop

if TYPE_CHECKING:
    from pathlib import Path

    from rating.model import Catalogue

pytestmark = pytest.mark.slow
TAXES = "tax, run 1 of 2025-11-01: taxes of periods = those of the published rates"
OCTOBER, NOVEMBER = dt.date(2025, 10, 1), "2025-11-01"


def taxed_as(shown: Catalogue, name: str, *classes: TaxClass) -> Catalogue:
    """The catalogue with prices and fees of one tax class alone."""
    prices = tuple(msgspec.structs.replace(each, tax_class=name) for each in shown.prices)
    plans = tuple(
        msgspec.structs.replace(plan, recurring=tuple(msgspec.structs.replace(fee, tax_class=name) for fee in plan.recurring))
        for plan in shown.plans
    )
    return msgspec.structs.replace(shown, prices=prices, plans=plans, tax_classes=classes)


def rate(name: str, code: int, ppm: int) -> TaxClass:
    return TaxClass(name, code, (TaxRate(dt.date(2020, 1, 1), ppm),))


def made(path: Path, *catalogues: Catalogue) -> World:
    """Anna has plan basic of the first catalogue, 10.00 a month."""
    world = World(path / "home", catalogues=catalogues)
    world.account("anna")
    world.subscription("anna-1", "anna", f"{catalogues[0].identity}/basic", "1001")
    return world


def of_two_rates(path: Path) -> World:
    """Class standard is 9 % from October on in shop, as its second version says, and still 6 % in mix. Anna's plan is of shop."""
    world = made(path, shop(), shop(identity="mix"))
    rates = (TaxRate(dt.date(2020, 1, 1), 60_000), TaxRate(OCTOBER, 90_000))
    catalogue.publish(world.home, shop(2, world.tick() + 1, tax_classes=(TaxClass("standard", 1, rates),)), world.tick())
    return world


def exempted(world: World, *exempt: str, **classes: str) -> None:
    asked = Asked(Operator("ana", 1001), world.tick())
    agreements.agree(world.home, asked, "anna", "tax", OCTOBER, None, kinds.TaxFact(exempt, classes))


def adjusted(world: World, micros: int, catalogue: str, tax_class: str) -> None:
    day = OCTOBER + dt.timedelta(days=14)
    reference = f"r{world.begun(day + dt.timedelta(days=5))}"
    request = adjusting.AdjustmentRequest(reference, "anna", day, micros, "goodwill", "t", catalogue, tax_class)
    adjusting.add(world.home, request, Who("ana", 1001, world.tick()))


def failing(world: World) -> dict[str, tuple[int, int, list[str]]]:
    return {each.name: (each.left, each.right, list(each.terms)) for each in controls.books(world.home) if not each.ok}


def taxes(world: World) -> list[int]:
    """In cents."""
    return [cents for number in world.numbers() for text, *_, cents in world.lines(number) if text.startswith("Tax")]


def test_a_class_that_is_named_otherwise_in_another_catalogue(tmp_path: Path) -> None:
    """Code 1 is reduced in mix and standard in shop. Anna is exempt from standard alone: 6 % of 10.00 are due."""
    world = made(tmp_path, taxed_as(shop(identity="mix"), "reduced", rate("reduced", 1, 60_000)), shop())
    exempted(world, "standard")
    world.bill(NOVEMBER)
    assert taxes(world) == [60]
    assert failing(world) == {}
    world.home.close()


def test_lines_of_two_rates_and_signs(tmp_path: Path) -> None:
    """10.00 at 9 % and -9.00 at 6 %: 0.90 - 0.54 = 0.36 on 1.00. Lines allow 10.00 at 6 and -9.00 at 9 % (-0.21), to 0.36."""
    world = of_two_rates(tmp_path)
    adjusted(world, -9_000_000, "mix", "standard")
    world.bill(NOVEMBER)
    assert taxes(world) == [36]
    assert failing(world) == {}
    world.home.close()


def test_a_rate_that_no_catalogue_states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """19 % of 10.00 are 1.90, where the catalogues of the currency allow 0.60 to 0.90."""
    world = of_two_rates(tmp_path)
    monkeypatch.setattr(PriceList, "rate_ppm", lambda *_: 190_000)
    world.bill(NOVEMBER)
    monkeypatch.undo()
    assert failing(world)[TAXES] == (1, 0, ["anna 2025-10-01 class 1: tax 1900000 on 10000000, the rates say 600000 to 900000"])
    world.home.close()


def test_a_class_that_is_replaced_and_exempt(tmp_path: Path) -> None:
    """All in class reduced: 10.00 and -76.00 of standard, exempt, and 80.00 that were reduced before: 3 % of them, 2.40, on 14.00."""
    world = made(tmp_path, shop(identity="both", tax_classes=(rate("standard", 1, 60_000), rate("reduced", 2, 30_000))))
    exempted(world, "standard", standard="reduced")
    adjusted(world, 80_000_000, "both", "reduced")
    adjusted(world, -76_000_000, "both", "standard")
    world.bill(NOVEMBER)
    assert taxes(world) == [240]
    assert failing(world) == {}
    world.home.close()


def test_a_class_that_is_replaced_has_its_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard (6 %) becomes reduced (3 %): 0.30 on 10.00. At the rate of standard it would be 0.60, which no line allows."""
    world = made(tmp_path, shop(identity="both", tax_classes=(rate("standard", 1, 60_000), rate("reduced", 2, 30_000))))
    exempted(world, standard="reduced")
    monkeypatch.setattr(PriceList, "rate_ppm", lambda *_: 60_000)
    world.bill(NOVEMBER)
    monkeypatch.undo()
    assert failing(world)[TAXES] == (1, 0, ["anna 2025-10-01 class 2: tax 600000 on 10000000, the rate says 300000"])
    world.home.close()
