"""`documents check`: all data that is missing, of issuers and accounts, until facts about parties are there; and a run that demands it."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import pytest

from billing.accounts.kinds import ClosedFact, TaxFact
from billing.accounts.parties import kinds, recording
from billing.accounts.parties.recording import Named
from billing.accounts.parties.stored import NewFact
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.documents.semantic.checking import check
from billing.documents.semantic.invoices import charged
from billing.runs.cycle import Order
from rating.errors import UserError
from server.actions import bill_runs
from server.cli import app
from tests.billing.documents.clerk import customer, tell
from tests.billing.runs.world import World
from tests.billing.second_person import set_by_two

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import msgspec

pytestmark = pytest.mark.slow
DAY = dt.date(2025, 11, 1)
OF_ISSUER = ["seller_name", "seller_address", "seller_tax_id", "seller_bank_account", "seller_contact"]
BERLIN = kinds.Address("Berlin", "DE", street="Invalidenstr.", building="117", postal_code="10115")
ISSUER: dict[tuple[str, str], msgspec.Struct] = {
    ("identity", ""): kinds.Identity("North Telecom GmbH"),
    ("address", "billing"): BERLIN,
    ("tax_id", "vat"): kinds.TaxId("DE136695976"),
    ("bank_account", "main"): kinds.BankAccount("North", iban="DE89370400440532013000", currency="CNY"),
    ("contact", "billing"): kinds.Contact("Desk", "desk@example.com"),
}
CUSTOMER: dict[tuple[str, str], msgspec.Struct] = {
    ("identity", ""): kinds.Identity("Anna Muster", "consumer"),
    ("address", "billing"): BERLIN,
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Anna, on plan basic."""
    found = customer(World(tmp_path))
    yield found
    found.home.close()


def record(world: World, party: Named, facts: dict[tuple[str, str], msgspec.Struct]) -> None:
    """Facts about a party, from 2025 on."""
    for (kind, name), detail in facts.items():
        asked = Asked(Operator("clerk", 1), world.tick())
        recording.record(world.home, asked, party, NewFact(kind, name, dt.date(2025, 1, 1), None, detail))


def codes(world: World, **wanted: str) -> list[str]:
    """The codes of what is missing, in their order."""
    return [each.code for each in check(world.home, DAY, **wanted).findings]


def test_all_at_once_until_nothing_is_missing(world: World) -> None:
    assert codes(world) == [*OF_ISSUER, "buyer_category", "buyer_address"]
    record(world, Named(entity=""), ISSUER)
    assert codes(world) == ["buyer_category", "buyer_address"]
    record(world, Named("anna"), CUSTOMER)
    found = check(world.home, DAY)
    assert (found.issuers, found.accounts, found.findings) == (1, 1, ())
    world.bill("2025-11-01")
    document = charged(world.home, "R-0000000001")
    assert document.findings == ()
    assert (document.seller.name, document.seller.vat_id, document.buyer.name) == ("North Telecom GmbH", "DE136695976", "Anna Muster")
    assert (document.payment.means, [each.iban for each in document.payment.accounts]) == ("30", ["DE89370400440532013000"])


def test_parties_are_those_of_the_date_of_issue(world: World) -> None:
    record(world, Named("anna"), CUSTOMER)
    world.bill("2025-11-01")
    later = NewFact("identity", "", dt.date(2025, 11, 2), None, kinds.Identity("Anna Neu", "consumer"))
    recording.record(world.home, Asked(Operator("clerk", 1), world.tick()), Named("anna"), later)
    assert charged(world.home, "R-0000000001").buyer.name == "Anna Muster"


def test_what_a_customer_needs_more(world: World) -> None:
    record(world, Named(entity=""), ISSUER)
    authority = {**CUSTOMER, ("identity", ""): kinds.Identity("City", "public"), ("delivery", ""): kinds.Delivery("e_invoice")}
    record(world, Named("anna"), authority)
    tell(world, "anna", "tax", TaxFact(("*",), {}, "", "reverse_charge"), "2025-10-01")
    assert codes(world) == ["exemption_text", "buyer_reference", "buyer_electronic_address", "buyer_vat_id"]
    record(world, Named(entity=""), {("exemption", "reverse_charge"): kinds.Exemption({"en": "Reverse charge"})})
    assert codes(world) == ["buyer_reference", "buyer_electronic_address", "buyer_vat_id"]


def test_the_reason_of_an_exemption_may_be_that_of_all(world: World) -> None:
    record(world, Named(entity=""), ISSUER)
    record(world, Named("anna"), CUSTOMER)
    tell(world, "anna", "tax", TaxFact(("standard",), {}, "certificate 7"), "2025-10-01")
    assert [each.message for each in check(world.home, DAY).findings] == ["no fact of the issuer says why standard has no tax"]
    record(world, Named(entity=""), {("exemption", "exempt"): kinds.Exemption({"en": "Exempt"})})
    assert codes(world) == []


def test_accounts_without_bills_are_left_out(world: World) -> None:
    world.account("ben")
    assert check(world.home, DAY).accounts == 2
    tell(world, "ben", "closed", ClosedFact(), "2025-11-01")
    assert check(world.home, DAY).accounts == 1
    assert check(world.home, DAY, account_id="ben").accounts == 1
    world.changed("UPDATE accounts SET category = 'test' WHERE account_id = 'anna'")
    assert (check(world.home, DAY).issuers, check(world.home, DAY).accounts) == (0, 0)


def test_who_is_not_there(world: World) -> None:
    with pytest.raises(UserError, match="no legal entity is called 'south'"):
        check(world.home, DAY, entity="south")
    with pytest.raises(UserError, match="zoe"):
        check(world.home, DAY, account_id="zoe")
    with pytest.raises(UserError, match="an account has one issuer"):
        check(world.home, DAY, entity="", account_id="anna")


def test_a_run_that_demands_it(world: World) -> None:
    """Off by default; then a run does not begin, a trial does, and what was begun goes on."""
    set_by_two(world.home, "document_data", "required", world.tick)
    with pytest.raises(UserError, match="7 findings about data that documents need; the first: the issuer without a name has no name"):
        run(world, Order())
    assert run(world, Order(trial=True)).run.state == "computed"
    assert run(world, Order()).run.state == "posted"


def run(world: World, order: Order) -> bill_runs.Ended:
    """The run of October."""
    return bill_runs.run(world.home, DAY, order, lambda: world.begun(DAY), threads=1, progress=lambda *_: None)


def test_the_command(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["documents", "check", "--date", "2025-11-01", "--home", str(world.home.path)]
    assert app.main(words) == 1
    rows = capsys.readouterr().out.splitlines()
    assert rows[1].split("  ")[0] == "the issuer without a name"
    assert rows[-1] == "7 findings: 1 issuer, 1 account on 2025-11-01"
    assert app.main([*words, "--account", "anna", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["as_of"], told["accounts"], told["findings"][0]["code"]) == ("2025-11-01", 1, "seller_name")
    record(world, Named(entity=""), ISSUER)
    record(world, Named("anna"), CUSTOMER)
    assert app.main([*words, "--entity", "-"]) == 0
    assert capsys.readouterr().out == "nothing is missing: 1 issuer, 1 account on 2025-11-01\n"
