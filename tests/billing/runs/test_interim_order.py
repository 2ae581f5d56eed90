"""Interim bills in the order of dates: who had more billed or void after the date of a run is passed by, and nothing is billed twice.

Anna is on plus: 30.00 and 3.00 in advance a month, 0.10 a minute, thresholds at 50.00 and 100.00; tax is 6 %. Amounts are cents.
"""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from billing import catalogue
from billing.accounts.kinds import PayerFact
from billing.documents import interim
from billing.ledger.closed_months import Who
from billing.runs import cycle
from rating.model import CapWindow, LimitAction, Service, SpendLimit
from tests.billing.documents.clerk import cents, credit, tell, void, wrong
from tests.billing.runs.test_interim import opened
from tests.billing.runs.world import START_US, Call, World, shop

MONTHS = ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01")
FEES = 30_00 + 3_00


@pytest.fixture
def heavy(world: World) -> World:
    """Anna, who used 60.00 on 5 October."""
    opened(world, "shop", 2)
    use(world, "2025-10-05", 600)
    return world


def use(world: World, day: str, minutes: int, number: str = "1001") -> None:
    world.take(Call(number, f"{day}T10:00:00", minutes * 60))


def taxed(net_cents: int) -> int:
    return net_cents * 106 // 100


def bill(world: World, date: str) -> tuple[int, list[str], list[str]]:
    """How many interim bills, what was reached and billed or told, and what was passed by: a dry run says the same before."""
    day = dt.date.fromisoformat(date)
    looked_at = interim.preview(world.home, day, world.begun(day))
    done = interim.run(world.home, day, Who("ada", 1001, world.tick()))
    assert looked_at == msgspec.structs.replace(done, run_id=0)
    assert wrong(world) == []
    billed = [f"{each.threshold} of {each.subscription_id}" for each in done.reached]
    told = [f"{each.limit} of {each.subscription_id}" for each in done.limits]
    return done.invoices, billed + told, [f"{each.limit} of {each.subscription_id}: {each.reason}" for each in done.passed_by]


def passed_by(limit: str, date: str) -> str:
    why = f"it, or an account that it is billed with, has a bill or a void of {date}"
    return f"{limit}: {why}: an interim run of that date or a later one, or the cycle, bills what is left"


def test_what_the_cycle_billed_is_not_billed_in_mid_cycle_afterwards(heavy: World, capsys: pytest.CaptureFixture[str]) -> None:
    from server.cli.app import main  # noqa: PLC0415 -- heavy, for this test alone

    heavy.bill("2025-11-01")
    owed = taxed(60_00 + FEES) + taxed(3_00)
    assert cents(heavy) == owed
    assert bill(heavy, "2025-10-16") == (0, [], [passed_by("fifty of anna-1", "2025-11-01")])
    assert main(["bill", "thresholds", "--date", "2025-10-16", "--dry-run", "--home", str(heavy.home.path)]) == 0
    assert capsys.readouterr().out == f"reached by 2025-10-16, but not billed: {passed_by('fifty of anna-1', '2025-11-01')}\n"
    assert bill(heavy, "2025-11-01") == (0, [], [])
    for date in ("2025-11-01", "2025-12-01"):
        heavy.bill(date)
    assert cents(heavy) == owed + taxed(FEES)


def test_nor_where_the_month_is_not_open_any_more(heavy: World) -> None:
    """Nothing would take it back: October was last looked at on 1 February."""
    for date in MONTHS:
        heavy.bill(date)
    owed = taxed(60_00) + 6 * taxed(FEES) + taxed(3_00)
    assert cents(heavy) == owed
    assert bill(heavy, "2025-10-16") == (0, [], [passed_by("fifty of anna-1", "2026-04-01")])
    heavy.bill("2026-05-01")
    assert cents(heavy) == owed + taxed(FEES)


def test_what_a_later_interim_bill_has_is_not_billed_again(heavy: World) -> None:
    """60.00 more become known after it, less than the second threshold. On the date of the first run what is new is billed, and once."""
    assert bill(heavy, "2025-10-20") == (1, ["fifty of anna-1"], [])
    use(heavy, "2025-10-06", 600)
    assert bill(heavy, "2025-10-16") == (0, [], [passed_by("hundred of anna-1", "2025-10-20")])
    assert (bill(heavy, "2025-10-20"), cents(heavy)) == ((0, [], []), taxed(60_00))
    use(heavy, "2025-10-07", 400)
    assert (bill(heavy, "2025-10-20"), cents(heavy)) == ((1, ["hundred of anna-1"], []), taxed(160_00))
    heavy.bill("2025-11-01")
    assert cents(heavy) == taxed(160_00 + FEES) + taxed(3_00)


def test_others_are_billed_and_who_is_billed_with_one_that_is_passed_by_is_not(heavy: World) -> None:
    """Anna has paid for Carl since 20 October. Bert has nothing to do with them."""
    for name, number in (("bert", "1002"), ("carl", "1003")):
        heavy.account(name)
        heavy.subscription(f"{name}-1", name, "shop/plus", number)
        use(heavy, "2025-10-05", 500, number)
    tell(heavy, "carl", "payer", PayerFact("anna"), "2025-10-20")
    order = cycle.Order(accounts=frozenset({"anna"}))
    cycle.run(heavy.home, dt.date(2025, 11, 1), heavy.begun(dt.date(2025, 11, 1)), order=order)
    of_both = cents(heavy, "anna") + cents(heavy, "carl")
    assert of_both == taxed(60_00 + 50_00 + 2 * FEES) + taxed(2 * 3_00)
    late = [passed_by(f"fifty of {name}-1", "2025-11-01") for name in ("anna", "carl")]
    assert bill(heavy, "2025-10-16") == (1, ["fifty of bert-1"], late)
    assert (cents(heavy, "bert"), cents(heavy, "anna") + cents(heavy, "carl")) == (taxed(50_00), of_both)
    heavy.bill("2025-11-01")
    assert (cents(heavy, "bert"), cents(heavy, "anna") + cents(heavy, "carl")) == (taxed(50_00 + FEES) + taxed(3_00), of_both)


def test_spend_limits_of_who_is_passed_by_are_not_told(world: World) -> None:
    """A limit of 50.00 that bars: Bert's was reached in a month that is not billed, Anna's in one that is."""
    limit = SpendLimit(1, "calls", 50_000_000, CapWindow.PERIOD, LimitAction.BAR, (Service.VOICE,), ("national",))
    basic, plus = shop().plans
    catalogue.publish(world.home, shop(2, START_US + 1, plans=(basic, msgspec.structs.replace(plus, spend_limits=(limit,)))), world.tick())
    for name, number in (("anna", "1001"), ("bert", "1002")):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/plus", number)
        use(world, "2025-10-05", 600, number)
    cycle.run(world.home, dt.date(2025, 11, 1), world.begun(dt.date(2025, 11, 1)), order=cycle.Order(accounts=frozenset({"anna"})))
    anna = [passed_by("calls of anna-1", "2025-11-01")]
    assert bill(world, "2025-10-16") == (0, ["calls of bert-1"], anna)
    assert bill(world, "2025-10-16") == (0, [], anna), "once a period; who is passed by is named as often as it is asked"


def test_what_was_credited_by_the_date_and_counts_again_since_is_not_billed_twice(heavy: World) -> None:
    """60.00 were billed, credited on 12 October ahead of a correction, and the note was void on the 18th. 50.00 more become known."""
    bill(heavy, "2025-10-10")
    note = credit(heavy, "R-0000000001", 1, 60_00, "advance", on="2025-10-12")
    void(heavy, note.number, "2025-10-18")
    use(heavy, "2025-10-06", 500)
    assert bill(heavy, "2025-10-16") == (0, [], [passed_by("hundred of anna-1", "2025-10-18")])
    assert (bill(heavy, "2025-10-20"), cents(heavy)) == ((0, [], []), taxed(60_00))
    heavy.bill("2025-11-01")
    assert cents(heavy) == taxed(110_00 + FEES) + taxed(3_00)


def test_a_bill_of_a_later_date_that_is_void_is_in_nobodys_way(heavy: World) -> None:
    """A run of 1 November that was a slip of the pen: its bill is void, and October goes on."""
    heavy.bill("2025-11-01")
    void(heavy, "R-0000000001", "2025-11-01", at="2025-10-10")
    assert (bill(heavy, "2025-10-16"), cents(heavy)) == ((1, ["fifty of anna-1"], []), taxed(60_00))
    heavy.bill("2025-11-01")
    assert cents(heavy) == taxed(60_00 + FEES) + taxed(3_00)
