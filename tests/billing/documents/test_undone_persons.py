"""Documents of a run that was undone name both persons: the one who proposed it, and the one who agreed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing import invoicing
from billing.documents import finding
from billing.documents.aftermath import aftermath
from billing.documents.explaining import explain
from billing.invoicing import corrections
from tests.billing.documents.clerk import ANA, BEN, customer
from tests.billing.documents.test_undoing import run, undo

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("accounts", ["", "anna"])
def test_who_proposed_and_who_agreed(world: World, accounts: str) -> None:
    customer(world)
    world.account("ben")
    world.subscription("ben-1", "ben", "shop/plus", "1002")
    number = run(world, "2025-11-01")
    undo(world, number, accounts, by=(ANA, BEN))
    (document,) = world.numbers("anna")
    for found in (invoicing.get_invoice(world.home, document).summary, invoicing.list_invoices(world.home, "anna")[0]):
        assert (found.voided_by, found.void_agreed_by) == ("ana", "ben")
    with world.home.connect() as connection:
        head = finding.find(connection, document)
        void = finding.voided_of(connection, head.invoice_key)
        assert void is not None
        assert (void.by_name, void.agreed_by) == ("ana", "ben")
        after = aftermath(connection, head, corrections.documents_of(connection, head.account_key))
        assert (after.voided_by, after.void_agreed_by) == ("ana", "ben")
    said = "This document is void as of 2025-11-01 by ana, agreed to by ben: "
    assert any(line.startswith(said) for line in explain(world.home, document).foot)


def test_a_void_of_an_earlier_version_is_by_the_person_who_agreed(world: World) -> None:
    customer(world)
    undo(world, run(world, "2025-11-01"), by=(ANA, BEN))
    assert world.changed("UPDATE invoice_events SET by_name = 'ben', by_uid = 1002 WHERE kind = 'voided'") == 1
    found = invoicing.get_invoice(world.home, world.numbers("anna")[0]).summary
    assert (found.voided_by, found.void_agreed_by) == ("ben", "")
