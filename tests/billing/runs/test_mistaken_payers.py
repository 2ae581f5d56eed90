"""A payer that was a mistake gets back what it was billed, once, whoever of the two is billed first; and the other one pays it.

Anna and ben have plan basic, 10.00 a month, with 6 % tax. Anna paid 21.20 for both of October; it was not her to pay for ben.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.accounts.kinds import HoldFact, PayerFact, PoolFact, SponsorFact
from billing.runs import cycle
from tests.billing.documents.clerk import retract, tell, totals, wrong

if TYPE_CHECKING:
    import msgspec

    from tests.billing.runs.world import World

MONTHS = ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01")
PAID = 6 * 1060


@pytest.fixture
def both(world: World) -> World:
    for name, number in (("anna", "1001"), ("ben", "1002")):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/basic", number)
    return world


def bill_ben(world: World, date: str) -> None:
    day = dt.date.fromisoformat(date)
    cycle.run(world.home, day, world.begun(day), order=cycle.Order(accounts=frozenset({"ben"})))


def hold(world: World, account_id: str, *dates: str) -> None:
    """Nothing is billed on these dates."""
    for date in dates:
        tell(world, account_id, "hold", HoldFact("dispute"), date, date[:-2] + "02")


FIRST = ("ben alone", "both", "anna is held", "ben is held, then anna", "ben is held, and October comes again")


@pytest.mark.parametrize(
    ("subject", "anew", "first"),
    [*(("ben", "retracted", first) for first in FIRST), *(("ben-1", how, "ben alone") for how in ("retracted", "nobody pays")),
     ("ben", "nobody pays", "ben alone"), ("ben", "nobody pays", "ben is held, then anna")],
)  # fmt: skip
def test_what_was_paid_by_mistake_comes_back(both: World, subject: str, anew: str, first: str) -> None:
    tell(both, subject, "payer", PayerFact("anna"), "2025-10-01")
    both.bill(MONTHS[0])
    assert (totals(both, "anna"), totals(both, "ben")) == ([2120], [])
    if anew == "retracted":
        retract(both, subject, "payer")
    else:
        tell(both, subject, "payer", PayerFact(""), "2025-10-01")
    if first == "ben alone":
        bill_ben(both, MONTHS[0])
    elif first == "anna is held":
        hold(both, "anna", MONTHS[0], MONTHS[1])
    elif first != "both":
        hold(both, "ben", MONTHS[1])
    if first == "ben is held, then anna":
        hold(both, "anna", MONTHS[2])
    for month in (*MONTHS[1:2], MONTHS[0], *MONTHS[2:]) if first.endswith("again") else (MONTHS[0], *MONTHS[1:]):
        both.bill(month)
    assert (sum(totals(both, "ben")), sum(totals(both, "anna"))) == (PAID, PAID)
    assert wrong(both) == []


def test_a_hold_of_one_keeps_back_the_other_until_both_were_billed_since(both: World) -> None:
    tell(both, "ben", "payer", PayerFact("anna"), "2025-10-01")
    both.bill(MONTHS[0])
    retract(both, "ben", "payer")
    hold(both, "anna", MONTHS[1], MONTHS[3])
    assert both.bill(MONTHS[1]).put_aside.keys() == {"anna", "ben"}
    both.bill(MONTHS[2])
    assert both.bill(MONTHS[3]).put_aside.keys() == {"anna"}
    assert (totals(both, "anna"), totals(both, "ben")) == ([2120, 1060], [3180, 1060])


@pytest.mark.parametrize(("kind", "detail"), [("sponsor", SponsorFact("anna")), ("pool", PoolFact("anna"))])
def test_other_mistakes_come_back_as_well(both: World, kind: str, detail: msgspec.Struct) -> None:
    tell(both, "ben", kind, detail, "2025-10-01")
    both.bill(MONTHS[0])
    retract(both, "ben", kind)
    bill_ben(both, MONTHS[0])
    for month in MONTHS[1:]:
        both.bill(month)
    assert (sum(totals(both, "ben")), sum(totals(both, "anna"))) == (PAID, PAID)
    assert wrong(both) == []
