"""Two legal entities through runs, credit notes and an entity that nobody added: each has numbers of its own without a gap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing import invoicing
from billing.accounting import balances
from billing.accounts import entities
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.runs import quarantine_retry, reports, states
from billing.runs.settlement import settlement
from billing.store import tables
from tests.billing.documents.clerk import credit, wrong

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
NORTH = entities.Entity("north", "North Ltd", "N", "NC")


def belong(world: World, account: str, entity: str) -> None:
    """An account on plan basic (10.00 a month, 10.60 with tax) of a legal entity."""
    world.account(account)
    world.subscription(f"{account}-1", account, "shop/basic", f"9{account}")
    with world.home.begin() as connection:
        table = tables.accounts
        connection.execute(table.update().where(table.c.account_id == account).values(legal_entity=entity or None))


def add(world: World, entity: entities.Entity) -> None:
    entities.add(world.home, entity, Asked(Operator("ana", 1001), world.tick()))


def numbers(world: World) -> dict[str, list[str]]:
    """The documents of each account."""
    found: dict[str, list[str]] = {}
    for each in invoicing.list_invoices(world.home):
        found.setdefault(each.account_id, []).append(each.number)
    return {account: sorted(given) for account, given in sorted(found.items())}


def test_invoices_and_credit_notes_of_two_entities(world: World) -> None:
    add(world, NORTH)
    for account, entity in (("anna", ""), ("bert", "north"), ("carl", ""), ("dora", "north")):
        belong(world, account, entity)
    assert world.bill("2025-11-01").numbers == (
        reports.NumberRange("", "R-0000000001", "R-0000000002"),
        reports.NumberRange("north", "N-0000000001", "N-0000000002"),
    )
    for number in ("R-0000000002", "N-0000000001", "R-0000000001"):
        credit(world, number, 1, 100, on="2025-11-05", reference=number)
    world.bill("2025-12-01")
    credit(world, "N-0000000003", 1, 100, on="2025-12-05")
    assert numbers(world) == {
        "anna": ["C-0000000002", "R-0000000001", "R-0000000003"],
        "bert": ["N-0000000001", "N-0000000003", "NC-0000000001", "NC-0000000002"],
        "carl": ["C-0000000001", "R-0000000002", "R-0000000004"],
        "dora": ["N-0000000002", "N-0000000004"],
    }
    with world.home.connect() as connection:
        found = {(each.entity, each.account): each.balance_micros for each in balances.trial_balance(connection)}
    # four invoices of 10.60 each less two credits of 1.06
    assert (found["", "receivable"], found["north", "receivable"]) == (40_280_000, 40_280_000)
    assert wrong(world) == []


def test_an_entity_that_nobody_added_stops_its_accounts_alone(world: World) -> None:
    belong(world, "anna", "")
    belong(world, "bert", "north")
    done = world.bill("2025-11-01")
    reason = "no legal entity is called 'north'; add it with `ratewright accounts entity add north ...`, or correct the account"
    assert (done.state, done.quarantined) == ("posted", {"bert": reason})
    assert numbers(world) == {"anna": ["R-0000000001"]}
    add(world, NORTH)
    assert quarantine_retry.retry(world.home, done.run_id, world.tick(), states.By("ana", 1001)).invoices == 1
    assert numbers(world) == {"anna": ["R-0000000001"], "bert": ["N-0000000001"]}
    assert wrong(world) == []


def test_accounts_of_an_entity_after_a_block_that_bills_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block of accounts is one account here; anna is not billed on this day."""
    monkeypatch.setattr(settlement, "ACCOUNTS_A_BLOCK", 1)
    add(world, NORTH)
    world.account("anna", bill_day=15)
    belong(world, "bert", "north")
    belong(world, "carl", "")
    world.bill("2025-11-01")
    assert numbers(world) == {"bert": ["N-0000000001"], "carl": ["R-0000000001"]}
    assert wrong(world) == []
