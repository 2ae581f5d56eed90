"""A discount is had by whoever pays what it is off, so that no bill falls below zero because its lines went elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import controls, invoicing
from billing.accounts.kinds import DiscountFact, PayerFact
from billing.store import tables

if TYPE_CHECKING:
    from tests.billing.runs.world import World


def told(world: World, table: str, kind: str, detail: msgspec.Struct) -> None:
    """A fact about account a or its subscription, from 1 October on."""
    of_account = table == "account_facts"
    subject = {"account_key": world.key("accounts", "account_key", "account_id", "a")}
    if not of_account:
        subject = {"subscription_key": world.key("subscriptions", "subscription_key", "subscription_id", "sa")}
    values = {
        "kind": kind,
        "from_date": "2025-10-01",
        "to_date": None,
        "detail": msgspec.json.encode(detail).decode(),
        "by_name": "",
        "by_uid": 0,
    }
    with world.home.begin() as connection:
        seq = world.home.next_commit_seq(connection, "fact", world.tick())
        connection.execute(tables.metadata.tables[table].insert().values(**subject, **values, commit_seq=seq))


# what account b pays of a's subscription (fees in arrears 30.00, in advance 3.00 twice); net in cents of a and of b, 10 % off
PAYS = (
    ((), (), 0, 3240),  # everything: 36.00 less 3.60
    (("recurring",), (), 0, 3240),
    ((), (201,), 540, 2700),  # the fee in arrears alone: 30.00 less 3.00; a has 6.00 less 0.60
)


@pytest.mark.parametrize(("kinds", "codes", "of_a", "of_b"), PAYS)
def test_a_discount_goes_with_what_it_is_off(world: World, kinds: tuple[str, ...], codes: tuple[int, ...], of_a: int, of_b: int) -> None:
    world.account("a")
    world.account("b")
    world.subscription("sa", "a", "shop/plus", "8613800000001")
    told(world, "account_facts", "discount", DiscountFact("loyal", percent_ppm=100_000))
    told(world, "subscription_facts", "payer", PayerFact("b", kinds, codes))
    report = world.bill("2025-11-01")
    assert report.quarantined == {}
    net = {each.account_id: each.net_micros // 10_000 for each in invoicing.list_invoices(world.home)}
    assert (net.get("a", 0), net.get("b", 0)) == (of_a, of_b)
    assert [each.name for each in controls.books(world.home) if not each.ok] == []
