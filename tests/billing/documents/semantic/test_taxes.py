"""Taxes of semantic documents: several rates, exempt, reverse charge, outside, prices with tax, third parties; worked out by hand."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import catalogue
from billing.accounts.kinds import TaxFact
from billing.accounts.parties import kinds, recording
from billing.accounts.parties.recording import Named
from billing.accounts.parties.stored import NewFact
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.documents.semantic.invoices import charged
from rating.model import FeeTiming, Plan, RecurringFee, TaxClass, TaxRate
from tests.billing.documents.clerk import CENT, tell
from tests.billing.documents.semantic.whole import differing
from tests.billing.runs.world import START_US, World, shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import msgspec

    from billing.documents.semantic.model import Charged

pytestmark = pytest.mark.slow
FIRST = "R-0000000001"
AGENCY = 4700  # revenue code of charges of another provider
YEAR = "2025-01-01"


def _class(name: str, code: int, ppm: int) -> TaxClass:
    return TaxClass(name, code, (TaxRate(dt.date(2020, 1, 1), ppm),), {"en": name.capitalize()})


def _fee(price_id: int, name: str, cents: int, tax_class: str, revenue_code: int = 5000) -> RecurringFee:
    return RecurringFee(price_id, name, price_id, revenue_code, tax_class, cents * CENT, FeeTiming.ARREARS)


CLASSES = (_class("standard", 1, 60_000), _class("reduced", 2, 90_000), _class("stamps", 3, 0), _class("agency", 4, 0))
FEES = (
    _fee(301, "Line", 1010, "standard"),
    _fee(302, "Second line", 15, "standard"),
    _fee(303, "Paper", 505, "reduced"),
    _fee(304, "Postage", 300, "stamps"),
)
FILMS = _fee(305, "Films", 470, "agency", AGENCY)
TAXED_FILMS = _fee(306, "Films", 470, "standard", AGENCY)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Plans of fees in four tax classes, of which two have no tax, with and without charges of another provider; prices with tax beside."""
    plans = tuple(
        Plan(name, (), {"en": name}, (), fees)
        for name, fees in (("many", FEES), ("films", (*FEES, FILMS)), ("taxed", (FEES[0], TAXED_FILMS)), ("only", (FILMS,)))
    )
    found = World(tmp_path, catalogues=(shop(plans=(*shop().plans, *plans), tax_classes=CLASSES),))
    yield found
    found.home.close()


def bill(world: World, plan: str, fact: TaxFact | None = None) -> Charged:
    """The bill of October of anna on a plan."""
    world.account("anna")
    world.subscription("anna-1", "anna", f"shop/{plan}", "1001")
    if fact is not None:
        tell(world, "anna", "tax", fact, "2025-10-01")
    world.bill("2025-11-01")
    assert differing(world.home) == []
    return charged(world.home, FIRST)


def issuer(world: World, kind: str, name: str, detail: msgspec.Struct) -> None:
    """A fact about the issuer without a name."""
    asked = Asked(Operator("clerk", 1), world.tick())
    recording.record(world.home, asked, Named(entity=""), NewFact(kind, name, dt.date.fromisoformat(YEAR), None, detail))


def rows(found: Charged) -> list[tuple[str, int, int, int]]:
    """Category, rate, taxed amount and tax of each row of the tax table, amounts in cents."""
    return [(each.category, each.rate_ppm, each.taxable_micros // CENT, each.tax_micros // CENT) for each in found.taxes]


def codes(found: Charged) -> set[str]:
    """Codes of findings that are not about missing data of the parties in general."""
    return {each.code for each in found.findings} & {"exemption_text", "buyer_vat_id", "third_party_taxed", "tax_rate", "two_rates"}


def test_several_rates(world: World) -> None:
    """9 % of 5.05 is 0.4545; 6 % of 10.10 + 0.15 is 0.615, half a cent up; 3.00 at a rate of 0."""
    found = bill(world, "many")
    assert rows(found) == [("S", 90_000, 505, 45), ("S", 60_000, 1025, 62), ("Z", 0, 300, 0)]
    assert (found.totals.net_micros, found.totals.tax_micros, found.totals.total_micros) == (1830 * CENT, 107 * CENT, 1937 * CENT)
    assert found.taxes[1].off_micros == 5_000
    assert codes(found) == set()


def test_a_customer_who_is_exempt(world: World) -> None:
    """All amounts are exempt; the issuer says why for one class, and for all others together."""
    issuer(world, "exemption", "exempt", kinds.Exemption({"en": "Exempt as agreed", "de": "Befreit"}))
    issuer(world, "exemption", "reduced", kinds.Exemption({"en": "Exempt paper"}, "VATEX-EU-132"))
    found = bill(world, "many", TaxFact(("*",), {}, "certificate 7"))
    assert rows(found) == [("E", 0, 1830, 0)]
    (row,) = found.taxes
    assert (row.reason, row.reason_code) == ("Exempt as agreed; Exempt paper", "VATEX-EU-132")
    assert {part.certificate for part in row.parts} == {"certificate 7"}
    assert {line.category for line in found.lines} == {"E"}
    assert codes(found) == set()


def test_an_exemption_without_words_is_a_finding(world: World) -> None:
    found = bill(world, "many", TaxFact(("reduced",), {}, ""))
    assert rows(found) == [("S", 60_000, 1025, 62), ("E", 0, 505, 0), ("Z", 0, 300, 0)]
    (finding,) = [each for each in found.findings if each.code == "exemption_text"]
    assert finding.message == "no fact of the issuer says why reduced has no tax"
    assert finding.remedy == "ratewright entity set - exemption reduced --from DATE texts.en=..."


def test_a_class_of_rate_0_with_a_reason_is_exempt(world: World) -> None:
    issuer(world, "exemption", "stamps", kinds.Exemption({"en": "Postal service"}, "VATEX-EU-132"))
    found = bill(world, "many")
    assert rows(found)[2] == ("E", 0, 300, 0)
    assert found.taxes[2].reason == "Postal service"


def test_reverse_charge(world: World) -> None:
    issuer(world, "exemption", "reverse_charge", kinds.Exemption({"en": "Reverse charge"}))
    found = bill(world, "many", TaxFact(("*",), {}, "", "reverse_charge"))
    assert rows(found) == [("AE", 0, 1830, 0)]
    assert (found.taxes[0].reason, found.taxes[0].reason_code) == ("Reverse charge", "VATEX-EU-AE")
    assert codes(found) == {"buyer_vat_id"}


@pytest.mark.parametrize(("code", "category"), [("", "O"), ("VATEX-EU-G", "G"), ("VATEX-EU-IC", "K")])
def test_outside(world: World, code: str, category: str) -> None:
    """A supply outside is not subject to tax (O); the issuer's code says where it is an export or a supply within the Union."""
    issuer(world, "exemption", "outside", kinds.Exemption({"en": "Outside"}, code))
    found = bill(world, "many", TaxFact(("*",), {}, "", "outside"))
    assert rows(found) == [(category, 0, 1830, 0)]
    assert found.taxes[0].reason_code == (code or "VATEX-EU-O")


def test_prices_that_hold_their_tax(world: World) -> None:
    """10.10 + 0.15 with 6 % are 9.67 net (10.25 / 1.06 = 9.6698) and 0.58 tax; 5.05 with 9 % are 4.63 and 0.42; 3.00 has none."""
    plan = Plan("gross", (), {"en": "gross"}, (), FEES)
    made = shop(1, START_US, identity="held", plans=(plan,), tax_classes=CLASSES, tax_inclusive=True)
    catalogue.publish(world.home, made, world.tick())
    world.account("anna")
    world.subscription("anna-1", "anna", "held/gross", "1001")
    world.bill("2025-11-01")
    assert differing(world.home) == []
    found = charged(world.home, FIRST)
    assert rows(found) == [("S", 90_000, 463, 42), ("S", 60_000, 967, 58), ("Z", 0, 300, 0)]
    assert found.totals.total_micros == 1830 * CENT
    assert [line.with_tax_micros for line in found.lines] == [1010 * CENT, 15 * CENT, 505 * CENT, 300 * CENT]


def test_amounts_of_a_third_party_are_outside_net_and_tax(world: World) -> None:
    issuer(world, "third_party", "film_portal", kinds.ThirdParty("Film Portal AG", AGENCY, "films.example"))
    found = bill(world, "films")
    assert rows(found) == [("S", 90_000, 505, 45), ("S", 60_000, 1025, 62), ("Z", 0, 300, 0)]
    (others,) = found.third_parties
    assert (others.name, others.provider, others.amount_micros) == ("film_portal", "Film Portal AG", 470 * CENT)
    totals = found.totals
    assert (totals.total_micros, totals.third_parties_micros, totals.to_pay_micros) == (1937 * CENT, 470 * CENT, 2407 * CENT)
    assert [line.text for line in found.of_role("third_party")] == ["Films"]


def test_a_bill_of_a_third_party_alone_has_no_total_of_ours(world: World) -> None:
    issuer(world, "third_party", "film_portal", kinds.ThirdParty("Film Portal AG", AGENCY))
    found = bill(world, "only")
    assert (found.taxes, found.totals.total_micros, found.totals.to_pay_micros) == ((), 0, 470 * CENT)


def test_a_third_party_whose_charges_are_taxed_stays_with_the_issuer(world: World) -> None:
    issuer(world, "third_party", "film_portal", kinds.ThirdParty("Film Portal AG", AGENCY))
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/taxed", "1001")
    world.bill("2025-11-01")
    found = charged(world.home, FIRST)
    assert (codes(found), found.third_parties) == ({"third_party_taxed"}, ())
    assert found.totals.net_micros == 1480 * CENT
