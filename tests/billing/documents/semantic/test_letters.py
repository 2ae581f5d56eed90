"""Statements, dunning letters and deposit receipts as semantic documents, with the header that all documents have."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import dunning, payments
from billing.accounts.kinds import TermsFact
from billing.accounts.parties import kinds
from billing.accounts.parties.recording import Named
from billing.catalogue import Operator
from billing.documents.semantic.letters import DepositReceipt, DunningLetter, FeeNote, Statement, TariffChangeNotice
from billing.documents.semantic.letters_made import deposit_receipt, dunning_letter, statement
from billing.documents.semantic.model import CreditNote, Days, Header, Invoice
from billing.payments import deposits
from billing.payments.deposits import Deposit
from billing.payments.writing import Act
from rating.errors import NotFoundError, UserError
from tests.billing.documents.clerk import CENT, customer, tell
from tests.billing.documents.semantic.test_checking import CUSTOMER, ISSUER, record
from tests.billing.runs.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOVEMBER = Days(dt.date(2025, 11, 1), dt.date(2025, 11, 30))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Anna with a bill of 13.79 of 1 November, due on the 15th, and 5.00 of it paid on the 20th."""
    found = customer(World(tmp_path))
    record(found, Named(entity=""), {**ISSUER, ("legal_text", "dunning"): kinds.LegalText({"en": "Pay now."})})
    record(found, Named("anna"), CUSTOMER)
    found.bill("2025-11-01")
    payments.record(found.home, "P-1", "anna", 500 * CENT, dt.date(2025, 11, 20), "bank", found.begun(dt.date(2025, 11, 20)))
    yield found
    found.home.close()


@pytest.mark.slow
def test_a_statement(world: World) -> None:
    found = statement(world.home, "anna", dt.date(2025, 12, 1), NOVEMBER)
    assert (found.seller.name, found.buyer.name, found.notes, found.findings) == ("North Telecom GmbH", "Anna Muster", (), ())
    assert [(each.on, each.document, each.amount_micros, each.balance_micros) for each in found.entries] == [
        (dt.date(2025, 11, 1), "R-0000000001", 1379 * CENT, 1379 * CENT),
        (dt.date(2025, 11, 20), "P-1", -500 * CENT, 879 * CENT),
    ]
    assert (found.opening_micros, found.closing_micros, found.payment.means) == (0, 879 * CENT, "30")
    assert [(each.number, each.due_on, each.open_micros) for each in found.open_items] == [
        ("R-0000000001", dt.date(2025, 11, 15), 879 * CENT)
    ]
    after = statement(world.home, "anna", dt.date(2026, 1, 1), Days(dt.date(2025, 12, 1), dt.date(2025, 12, 31)))
    assert (after.opening_micros, after.entries, after.closing_micros) == (879 * CENT, (), 879 * CENT)


@pytest.mark.slow
def test_a_letter_is_in_the_language_of_its_day(world: World) -> None:
    tell(world, "anna", "terms", TermsFact(language="zh"), "2025-12-01")
    assert statement(world.home, "anna", dt.date(2025, 11, 30)).language == "en"
    assert statement(world.home, "anna", dt.date(2025, 12, 1)).language == "zh"


@pytest.mark.slow
def test_a_dunning_letter(world: World) -> None:
    """Of the first step on 1 December: 8.79 are past due since 15 November."""
    day = dt.date(2025, 12, 1)
    dunning.run(world.home, day, world.begun(day))
    found = dunning_letter(world.home, 1)
    assert (found.issued_on, found.level, found.overdue_micros, found.oldest_due_on) == (day, 1, 879 * CENT, dt.date(2025, 11, 15))
    assert [each.text for each in found.notes] == ["Pay now."]
    with pytest.raises(NotFoundError, match="no step of dunning has the number 9"):
        dunning_letter(world.home, 9)


@pytest.mark.slow
def test_a_deposit_receipt(world: World) -> None:
    day = dt.date(2025, 11, 21)
    deposits.take(world.home, Deposit("D-1", "anna", 5000 * CENT, day, "cash"), Act(Operator("ana", 1), world.begun(day)))
    found = deposit_receipt(world.home, "D-1")
    assert (found.number, found.issued_on, found.amount_micros, found.reference) == ("D-1", day, 5000 * CENT, "cash")
    with pytest.raises(NotFoundError, match="no deposit has the id D-2"):
        deposit_receipt(world.home, "D-2")
    with pytest.raises(UserError, match="zoe"):
        statement(world.home, "zoe", day)


def test_each_kind_has_a_word_of_its_own() -> None:
    every = (Invoice, CreditNote, Statement, DunningLetter, DepositReceipt, FeeNote, TariffChangeNotice)
    words = [each.__struct_config__.tag for each in every]
    assert words == ["invoice", "credit_note", "statement", "dunning_letter", "deposit_receipt", "fee_note", "tariff_change_notice"]
    assert all(issubclass(each, Header) and each.__struct_config__.tag_field == "document" for each in every)
    assert {each.name for each in msgspec.structs.fields(Header)} <= set.intersection(*({*each.__struct_fields__} for each in every))
