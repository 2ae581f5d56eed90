"""Interim bills: what reaches a threshold in mid-cycle is billed at once, each threshold once, and the cycle bills the rest."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from billing import catalogue, invoicing
from billing.accounts import numbers
from billing.accounts.kinds import ClosedFact, HoldFact, PayerFact
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.controls import books
from billing.documents import explaining, interim
from billing.documents.usage_list import usage_list
from billing.ledger import closed_months
from billing.runs import cycle, reports
from billing.store import tables
from rating.errors import UserError
from rating.model import BillThreshold, CapWindow, LimitAction, Service, SpendLimit
from server.cli.bill import thresholds
from server.cli.homes import Place
from tests.billing.documents import clerk
from tests.billing.runs.world import START_US, Call, World, instant_us, shop

PREMIUM_NUMBER = 8690000000001


@pytest.fixture
def heavy(world: World) -> World:
    """Anna on plus (no free minutes, 3.00 in advance), with thresholds at 50.00 and 100.00 of unbilled usage."""
    return opened(world, "shop", 2)


@pytest.fixture
def inclusive(world: World) -> World:
    """The same, where prices hold their tax of 6 %."""
    return opened(world, "gross", 1, tax_inclusive=True)


def opened(world: World, identity: str, version: int, **changes: object) -> World:
    basic, plus = shop().plans
    limits = (BillThreshold(1, "fifty", 50_000_000), BillThreshold(2, "hundred", 100_000_000))
    plans = (basic, msgspec.structs.replace(plus, bill_thresholds=limits))
    catalogue.publish(world.home, shop(version, START_US + 1, identity=identity, plans=plans, **changes), world.tick())
    world.account("anna")
    world.subscription("anna-1", "anna", f"{identity}/plus", "1001")
    return world


def bill(world: World, date: str) -> tuple[int, list[str]]:
    """How many interim bills, and which thresholds."""
    day = dt.date.fromisoformat(date)
    done = interim.run(world.home, day, closed_months.Who("ada", 1001, world.begun(day)))
    return done.invoices, [each.threshold for each in done.reached]


def balanced(world: World) -> bool:
    return [book.name for book in books(world.home) if not book.ok] == []


def test_a_month_with_two_thresholds(heavy: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A minute costs 0.10. What is billed in mid-cycle is usage alone; fees come with the cycle, and all taxes add up to 6 % of all."""
    heavy.take(Call("1001", "2025-10-03T10:00:00", 490 * 60))
    assert bill(heavy, "2025-10-05") == (0, []), "49.00 is below the first threshold"
    heavy.take(Call("1001", "2025-10-06T10:00:00", 10 * 60))
    assert interim.preview(heavy.home, dt.date(2025, 10, 7), heavy.now_us).invoices == 1
    thresholds.thresholds(date="2025-10-07", dry_run=True, at=Place(heavy.home.path))
    assert capsys.readouterr().out.splitlines()[-1] == "1 interim bill would be made"
    assert heavy.numbers() == [], "a preview stores nothing"
    assert bill(heavy, "2025-10-07") == (1, ["fifty"]), "50.00 reaches it"
    assert bill(heavy, "2025-10-07") == (0, []), "each once"
    assert [(each.kind, each.accounts, each.invoices) for each in reports.list_runs(heavy.home)] == [("threshold", 1, 1)]
    assert heavy.lines("R-0000000001") == [
        ("National calls", "2025-10-01", "2025-11-01", 2, 5000), ("Tax standard 6 %", "2025-10-01", "2025-11-01", 0, 300),
    ]  # fmt: skip
    heavy.take(Call("1001", "2025-10-10T10:00:00", 700 * 60))
    assert bill(heavy, "2025-10-11") == (0, []), "70.00 more: the first has acted, and the second counts what is unbilled"
    heavy.take(Call("1001", "2025-10-12T10:00:00", 301 * 60))
    assert bill(heavy, "2025-10-13") == (1, ["hundred"])
    heavy.take(Call("1001", "2025-10-20T10:00:00", 60))
    heavy.bill("2025-11-01")
    assert [(text, cents) for text, _, _, _, cents in heavy.lines("R-0000000003")] == [
        ("Plus", 3000), ("Line rent", 300), ("National calls", 10), ("Line rent", 300),
        ("Tax standard 6 %", 198), ("Tax standard 6 %", 18),
    ]  # fmt: skip
    october = [line for number in heavy.numbers() for line in heavy.lines(number) if line[1] == "2025-10-01"]
    taxes = [cents for text, *_, cents in october if text.startswith("Tax")]
    assert taxes == [300, 601, 198], "6 % of 3000 + 300 + 15020 is 1099.2; what was billed in mid-cycle is subtracted"
    assert balanced(heavy)


# minutes of 0.10 -> net and tax in cents. 6 % of 48.58 would be 2.91. Of 52.20 with 3.87 and 0.39 of fees by then 53.26 are net, and the
# largest remainder is that of the second fee
INSIDE = [(500, 47_17, 2_83), (515, 48_58, 2_92), (522, 49_24, 2_96)]


@pytest.mark.parametrize(("minutes", "net", "tax"), INSIDE)
def test_prices_that_hold_their_tax_are_what_is_paid_in_mid_cycle(inclusive: World, minutes: int, net: int, tax: int) -> None:
    """The cycle bills 30.00 and 3.00, and 3.00 in advance."""
    inclusive.take(Call("1001", "2025-10-03T10:00:00", minutes * 60))
    assert bill(inclusive, "2025-10-05") == (1, ["fifty"])
    assert [cents for *_, cents in inclusive.lines("R-0000000001")] == [net, tax]
    assert explained(inclusive, "R-0000000001") == [net, tax]
    inclusive.bill("2025-11-01")
    assert totals(inclusive) == [minutes * 10, 36_00]
    assert balanced(inclusive)


def test_a_threshold_holds_its_tax_where_prices_do(inclusive: World) -> None:
    inclusive.take(Call("1001", "2025-10-03T10:00:00", 499 * 60))
    assert bill(inclusive, "2025-10-05") == (0, [])
    inclusive.take(Call("1001", "2025-10-04T10:00:00", 60))
    assert bill(inclusive, "2025-10-05") == (1, ["fifty"])
    inclusive.take(Call("1001", "2025-10-06T10:00:00", 999 * 60))
    assert bill(inclusive, "2025-10-07") == (0, []), "99.90 are not billed"
    inclusive.take(Call("1001", "2025-10-06T20:00:00", 60))
    assert bill(inclusive, "2025-10-07") == (1, ["hundred"])
    assert totals(inclusive) == [50_00, 100_00]


def test_all_that_is_billed_of_a_month_comes_to_its_prices(inclusive: World) -> None:
    """The rent of November is billed in advance when its usage is billed in mid-cycle, twice."""
    inclusive.bill("2025-11-01")
    for day, minutes, interim_bill in (("05", 515, "R-0000000002"), ("10", 1007, "R-0000000003")):
        inclusive.take(Call("1001", f"2025-11-{day}T10:00:00", minutes * 60))
        bill(inclusive, f"2025-11-{day[0]}{int(day[1]) + 1}")
        assert sum(explained(inclusive, interim_bill)) == minutes * 10
    inclusive.bill("2025-12-01")
    assert totals(inclusive) == [36_00, 51_50, 100_70, 33_00]
    assert balanced(inclusive)


# calls of 50.00 of November are billed on 5 November; whether October was billed before; what it is billed then: net and tax in cents
LATE = [
    (False, 46_00, 2_76, "fees of 33.00, 10.00 of calls, 3.00 in advance: 6 % of 43.00 and of 3.00"),
    (True, 1_00, 6, "a call of 10 minutes that came late"),
]


@pytest.mark.parametrize(("billed_before", "net", "tax", "why"), LATE)
def test_a_run_of_an_earlier_date_leaves_what_was_billed_in_mid_cycle(
    heavy: World,
    billed_before: bool,  # noqa: FBT001 -- a column
    net: int,
    tax: int,
    why: str,
) -> None:
    heavy.take(Call("1001", "2025-10-05T10:00:00", 100 * 60))
    if billed_before:
        heavy.bill("2025-11-01")
        heavy.take(Call("1001", "2025-10-06T10:00:00", 10 * 60))
    heavy.take(Call("1001", "2025-11-03T10:00:00", 500 * 60))
    assert bill(heavy, "2025-11-05") == (1, ["fifty"])
    heavy.bill("2025-11-01")
    newest = heavy.numbers()[-1]
    made = invoicing.get_invoice(heavy.home, newest).summary
    assert (made.net_micros // 10_000, made.tax_micros // 10_000) == (net, tax), why
    assert sum(explained(heavy, newest)) == net + tax
    heavy.bill("2025-11-01")
    assert heavy.numbers()[-1] == newest, "nothing is left"
    heavy.bill("2025-12-01")
    october = 43_00 + (1_00 if billed_before else 0)
    nets = (october, 33_00 + 50_00, 3_00)  # of October, November, and December in advance
    assert sum(totals(heavy)) == sum(each + each * 6 // 100 for each in nets)
    assert balanced(heavy)


def test_a_run_for_who_pays_leaves_what_was_billed_in_the_running_period_of_another(heavy: World) -> None:
    """Bert, with bill day 15, pays for Anna, with bill day 1. His period ends on 15 November; 50.00 of hers were billed on the 5th."""
    heavy.account("bert", bill_day=15)
    heavy.subscription("bert-1", "bert", "shop/basic", "1002")
    fact(heavy, "anna", "payer", PayerFact("bert"))
    for date in ("2025-10-15", "2025-11-01"):
        heavy.bill(date)
    heavy.take(Call("1001", "2025-11-03T10:00:00", 500 * 60))
    assert bill(heavy, "2025-11-05") == (1, ["fifty"])
    heavy.bill("2025-11-15")
    assert totals(heavy)[-1] == 10_60, "Basic, and 6 % of it"
    heavy.bill("2025-12-01")
    assert totals(heavy)[-1] == 33_00 + 1_98, "her fees"
    assert balanced(heavy)


def test_what_was_billed_in_mid_cycle_is_given_back_where_the_account_closed_before(heavy: World) -> None:
    """Anna closed on 1 November, as is learnt on the 6th: no later run computes November, so this one does."""
    heavy.bill("2025-11-01")
    heavy.take(Call("1001", "2025-11-03T10:00:00", 500 * 60))
    assert bill(heavy, "2025-11-05") == (1, ["fifty"])
    fact(heavy, "anna", "closed", ClosedFact(), from_date="2025-11-01")
    heavy.bill("2025-11-01")
    assert totals(heavy)[-1] == -(53_00 + 3_18), "50.00 of calls, 3.00 in advance, 6 % of both"
    assert balanced(heavy)


@pytest.mark.parametrize("identity", ["gross", "with-tax"])  # before and after `shop` in the order of names
def test_one_charge_at_prices_with_tax_and_without(heavy: World, identity: str) -> None:
    """10 minutes of prices without tax, 1.00 + 0.06; then 515 that hold it, 48.58 + 2.92. All of it at 6 % of 49.58 would be 2.97.

    1000 minutes more: of 151.50 then 142.92 is net and 8.58 is tax. The cycle bills a fee and a rent as well, 10 of 31 days without tax
    (9.68 and 0.97, so 11.65 + 0.70 with the calls), 21 days with it (20.32 and 2.03, so 173.85).
    """
    (_, plus) = catalogue.in_force(heavy.home)[-1].plans
    catalogue.publish(heavy.home, shop(1, START_US + 2, identity=identity, plans=(plus,), tax_inclusive=True), heavy.tick())
    heavy.plan("anna-1", f"{identity}/plus", "2025-10-11")
    heavy.take(Call("1001", "2025-10-05T10:00:00", 10 * 60), Call("1001", "2025-10-15T10:00:00", 515 * 60))
    assert bill(heavy, "2025-10-16") == (1, ["fifty"])
    assert [cents for *_, cents in heavy.lines("R-0000000001")] == [49_58, 2_98] == explained(heavy, "R-0000000001")
    heavy.take(Call("1001", "2025-10-16T10:00:00", 1000 * 60))
    assert bill(heavy, "2025-10-17") == (1, ["hundred"])
    assert [cents for *_, cents in heavy.lines("R-0000000002")] == [94_34, 5_66] == explained(heavy, "R-0000000002")
    note = clerk.credit(heavy, "R-0000000001", 1, 20_00, on="2025-10-18")
    assert (note.net_micros // 10_000, note.tax_micros // 10_000) == (-20_00, -1_20), "2.98 x 20.00 / 49.58"
    heavy.bill("2025-11-01")
    october = [line for number in heavy.numbers() if number[0] == "R" for line in heavy.lines(number) if line[1] == "2025-10-01"]
    assert sum(cents for *_, cents in october) == 11_65 + 70 + 173_85
    assert balanced(heavy)


def test_held_bills_wait_in_mid_cycle_as_well(heavy: World) -> None:
    """Bert, who is held, pays for Anna's usage: both are of one rating unit."""
    heavy.account("bert")
    fact(heavy, "anna", "payer", PayerFact("bert"))
    fact(heavy, "bert", "hold", HoldFact("a dispute"), to_date="2025-10-20")
    heavy.take(Call("1001", "2025-10-03T10:00:00", 500 * 60))
    day = dt.date(2025, 10, 19)
    done = interim.run(heavy.home, day, closed_months.Who("ada", 1001, heavy.begun(day)))
    assert (done.run_id, done.invoices, done.reached, [each.threshold for each in done.held]) == (0, 0, (), ["fifty"])
    assert heavy.numbers() == []
    assert bill(heavy, "2025-10-20") == (1, ["fifty"])


def test_the_new_owner_of_a_number_has_usage_once_a_run_takes_it_off_an_interim_bill(heavy: World) -> None:
    """Anna's bills are held as her number moves to Bert for an earlier day: the interim bill has 50.00 of its usage."""
    heavy.account("bert")
    heavy.subscription("bert-1", "bert", "shop/plus", "1002")
    heavy.take(Call("1001", "2025-10-03T10:00:00", 500 * 60))
    assert bill(heavy, "2025-10-05") == (1, ["fifty"])
    fact(heavy, "anna", "hold", HoldFact("a dispute"), from_date="2025-10-06", to_date="2025-11-20")
    asked = Asked(Operator("ada", 1001), heavy.tick())
    numbers.take(heavy.home, asked, "1001", "anna-1", dt.date(2025, 10, 2))
    numbers.give(heavy.home, asked, "1001", "bert-1", dt.date(2025, 10, 2), 0)

    def usage() -> dict[str, int]:
        return {
            name: sum(cents for number in heavy.numbers(name) for text, *_, cents in heavy.lines(number) if text.startswith("National"))
            for name in ("anna", "bert")
        }

    assert (heavy.bill("2025-11-01").quarantined, usage()) == ({}, {"anna": 50_00, "bert": 0})
    heavy.bill("2025-12-01")
    assert (usage(), balanced(heavy)) == ({"anna": 0, "bert": 50_00}, True)


@pytest.mark.parametrize(
    ("minutes", "to_date", "cents"),
    [
        (15, None, 0),  # of 20 free ones
        (26, None, 60),
        (15, "2025-11-19", 30),  # known to end after 18 of 30 days: 12 free ones
    ],
)
def test_what_is_free_in_the_whole_period_is_free_in_mid_cycle(world: World, minutes: int, to_date: str | None, cents: int) -> None:
    """Plan basic with a threshold and a limit of 0.20, asked on 11 November: the cycle has nothing to give back."""
    basic, plus = shop().plans
    limit = SpendLimit(1, "calls", 200_000, CapWindow.PERIOD, LimitAction.BAR, (Service.VOICE,), ("national",))
    basic = msgspec.structs.replace(basic, bill_thresholds=(BillThreshold(1, "cents", 200_000),), spend_limits=(limit,))
    catalogue.publish(world.home, shop(2, START_US + 1, plans=(basic, plus)), world.tick())
    world.account("anna", opened_on="2025-11-01")
    world.subscription("anna-1", "anna", "shop/basic", "1001", from_date="2025-11-01", to_date=to_date)
    world.take(Call("1001", "2025-11-05T10:00:00", minutes * 60))
    day = dt.date(2025, 11, 11)
    done = interim.run(world.home, day, closed_months.Who("ada", 1001, world.begun(day)))
    assert [each.unbilled_micros for each in done.reached] == [each.spent_micros for each in done.limits] == [cents * 10_000] * (cents > 0)
    for number in world.numbers():  # explained from what it knew: with the allowance of the whole period
        (line,) = usage_list(world.home, number).lines
        assert (line.charge_micros, line.amount_micros, explaining.explain(world.home, number).number) == (cents * 10_000,) * 2 + (number,)
    world.bill("2025-12-01")
    calls = [cents for number in world.numbers() for text, *_, cents in world.lines(number) if text == "National calls"]
    assert calls == ([cents] if cents else [0]), "once, in mid-cycle or, of nothing, by the cycle"
    assert balanced(world)


def fact(  # noqa: PLR0913 -- columns of account_facts
    world: World, account: str, kind: str, detail: msgspec.Struct, *, from_date: str = "2025-10-01", to_date: str | None = None
) -> None:
    with world.home.begin() as connection:
        seq = world.home.next_commit_seq(connection, "fact", world.tick())
        key = world.key("accounts", "account_key", "account_id", account)
        told = {"account_key": key, "kind": kind, "from_date": from_date, "to_date": to_date}
        connection.execute(tables.account_facts.insert().values(**told, detail=msgspec.json.encode(detail).decode(), commit_seq=seq))


def explained(world: World, number: str) -> list[int]:
    """What the parts of each line come to, less what was billed before, in cents."""
    return [(each.due_micros - each.before_micros) // 10_000 for each in explaining.explain(world.home, number).lines]


def totals(world: World) -> list[int]:
    return [each.total_micros // 10_000 for each in invoicing.list_invoices(world.home)]


def test_spend_limits_are_told_once_a_window(world: World) -> None:
    """20.00 of premium calls a day (2.005 a minute), and 100.00 of all calls a period: who reaches one is told once in its window."""
    basic, plus = shop().plans
    limits = (
        SpendLimit(1, "premium a day", 20_000_000, CapWindow.DAY, LimitAction.NOTIFY, (Service.VOICE,), ("premium",)),
        SpendLimit(2, "calls a period", 100_000_000, CapWindow.PERIOD, LimitAction.BAR, (Service.VOICE,), ("national", "premium")),
    )
    catalogue.publish(world.home, shop(2, START_US + 1, plans=(basic, msgspec.structs.replace(plus, spend_limits=limits))), world.tick())
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", "1001")
    world.take(
        Call("1001", "2025-10-03T23:00:00", 9 * 60, PREMIUM_NUMBER),  # 18.045
        Call("1001", "2025-10-04T00:10:00", 5 * 60, PREMIUM_NUMBER),  # 10.025, on the next day
        Call("1001", "2025-10-05T10:00:00", 10 * 60, PREMIUM_NUMBER),  # 20.05
    )
    assert told(world, "2025-10-06") == [("premium a day", 20_050_000, "2025-10-05", "notify")]
    assert told(world, "2025-10-06") == []
    world.take(Call("1001", "2025-10-07T10:00:00", 600 * 60))  # 60.00: 108.12 in all
    assert told(world, "2025-10-08") == [("calls a period", 108_120_000, "2025-10-01", "bar")]
    assert told(world, "2025-10-08") == []
    assert (world.numbers(), balanced(world)) == ([], True)


def told(world: World, date: str) -> list[tuple[str, int, str, str]]:
    day = dt.date.fromisoformat(date)
    done = interim.run(world.home, day, closed_months.Who("ada", 1001, world.begun(day)))
    return [(each.limit, each.spent_micros, each.window_from, each.action) for each in done.limits]


def test_a_dry_run_says_what_is_refused(heavy: World) -> None:
    """50.00 is reached on 6 October; first the bill run of 1 October waits, then October is closed."""
    heavy.take(Call("1001", "2025-10-03T10:00:00", 500 * 60))
    day = dt.date(2025, 10, 6)
    assert interim.preview(heavy.home, day, heavy.begun(day)).refused == ""

    def both() -> str:
        looked_at = interim.preview(heavy.home, day, heavy.now_us)
        assert (looked_at.invoices, [each.unbilled_micros for each in looked_at.reached]) == (1, [50_000_000])
        with pytest.raises(UserError) as caught:
            bill(heavy, "2025-10-06")
        assert looked_at.refused == f"{caught.value.message}; remedy: {caught.value.remedy}"
        return caught.value.message

    cycle.run(heavy.home, dt.date(2025, 10, 1), heavy.begun(dt.date(2025, 10, 1)), order=cycle.Order(trial=True))
    assert both() == "the bill run of 2025-10-01 is not finished"
    heavy.bill("2025-10-01")
    closed_months.close(heavy.home, "", "2025-10", "done", closed_months.Who("ada", 1001, heavy.tick()))
    assert both() == "the books for 2025-10 are closed"
    assert heavy.numbers() == []


def test_a_date_that_has_not_begun_is_looked_at_and_not_billed(heavy: World) -> None:
    heavy.take(Call("1001", "2025-10-03T10:00:00", 500 * 60))
    before_us = instant_us("2025-10-05T23:59:00")
    for day in (dt.date(2025, 10, 6), dt.date(2025, 10, 20)):
        looked_at = interim.preview(heavy.home, day, before_us)
        with pytest.raises(UserError) as caught:
            interim.run(heavy.home, day, closed_months.Who("ada", 1001, before_us))
        where = "that day has not begun on the clock of Asia/Shanghai, where it is 2025-10-05"
        assert caught.value.message == f"an interim run of {day} is refused: {where}"
        assert (looked_at.invoices, looked_at.refused) == (1, f"{caught.value.message}; remedy: {caught.value.remedy}")
    heavy.account("dora", timezone="Pacific/Honolulu")  # who has reached nothing
    assert bill(heavy, "2025-10-06") == (1, ["fifty"])
