"""The credit of a re-rating settles the invoices that it corrects, each by what it takes off it, and only then the oldest.

Four customers have invoices of October and November open; the correction halves national calls. Amounts are cents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing import invoicing
from billing.accounting import check
from billing.allocations import corrected
from billing.store import tables
from tests.billing.documents.clerk import wrong
from tests.billing.rerate.test_rerate import CENT, apply, asked, billed  # noqa: F401 -- the fixture

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("billed")]


def open_cents(world: World, account_id: str = "a") -> list[int]:
    """Cents that are open of each document of an account, credit notes last."""
    own = [each for each in invoicing.list_invoices(world.home) if each.account_id == account_id]
    return [each.open_micros // CENT for each in sorted(own, key=lambda each: (each.document_type != "invoice", each.number))]


def proved(world: World) -> bool:
    """Books and the ledger's check agree with what is settled."""
    return wrong(world) == [] and all(each.ok for each in check.check(world.home))


@pytest.mark.parametrize(
    ("months", "october", "november"),
    [("2025-10", -53, 0), ("2025-11", 0, -53), ("2025-10..2025-11", -53, -53)],
)
def test_each_month_is_settled_by_what_is_taken_off_it(world: World, months: str, october: int, november: int) -> None:
    """Ten minutes a month, 0.05 less each, with 6 % tax: 0.53."""
    before = open_cents(world)
    apply(world, asked(("a",), months))
    assert open_cents(world) == [before[0] + october, before[1] + november, 0]
    assert proved(world)


def test_what_was_settled_by_the_rule_of_before_stays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of before: its credit settled the oldest invoice. `ledger check` replays that; what comes later goes by the new rule."""
    before = open_cents(world)
    with monkeypatch.context() as old:
        old.setattr(corrected, "of_keys", lambda *_: {})
        apply(world, asked(("a",), "2025-11"))
    assert open_cents(world) == [before[0] - 53, before[1], 0], "the oldest"
    assert not proved(world), "the check knows the rule"
    with world.home.begin() as connection:
        from_seq = world.home.head_seq(connection) + 1
        connection.execute(tables.settlement_rules.insert().values(rule=corrected.RULE, from_seq=from_seq))
    assert proved(world), "by the rule of its time"
    settled = open_cents(world, "b")
    apply(world, asked(("b",), "2025-11"))
    assert open_cents(world, "b") == [settled[0], settled[1] - 53, 0], "by the new one"
    assert proved(world)
