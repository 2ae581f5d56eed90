"""Books of taxes and fees: what a run billed, against published rates and the facts, by plain code.

Each fault is patched into a run that posts all the same. Its own sums agree, since both sides of them have the fault.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from billing import catalogue, controls
from billing.charges.charge_keys import Kind
from billing.controls import recomputed
from billing.runs import computing
from billing.runs.contracts.price_list import PriceList
from rating.model import FeeOccasion, OneOffFee, TaxClass, TaxRate
from tests.billing.runs.world import BASIC_FEE, LINE_RENT, Call, shop

if TYPE_CHECKING:
    from billing.charges.lines import Lines
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
TAXES = "tax, run {} of {}: taxes of periods = those of the published rates"
FEES = "fees, run {} of {}: fees due = fees billed"
NOVEMBER, DECEMBER = "2025-11-01", "2025-12-01"


@pytest.fixture
def three(world: World) -> World:
    """Anna on plan basic (10.00), bert on plus (30.00, and 3.00 in advance), and dora on basic from the 16th on; anna talks for 0.50."""
    for name, plan, number, day in (("anna", "basic", "1001", "01"), ("bert", "plus", "1002", "01"), ("dora", "basic", "1003", "16")):
        world.account(name)
        world.subscription(f"{name}-1", name, f"shop/{plan}", number, from_date=f"2025-10-{day}")
    world.take(Call("1001", "2025-10-05T10:00:00", 25 * 60))
    return world


def failing(world: World) -> dict[str, tuple[int, int, list[str]]]:
    """Books that do not balance: both sides, and what they name."""
    return {each.name: (each.left, each.right, list(each.terms)) for each in controls.books(world.home) if not each.ok}


def sides(world: World, name: str) -> tuple[int, int]:
    return next((each.left, each.right) for each in controls.books(world.home) if each.name == name)


def test_taxes_and_fees_of_two_months(three: World) -> None:
    """October: a tax of each customer, and one on bert's fee in advance; fees 10.00, 30.00, 3.00, 3.00 ahead, and 5.16 of 16 days in 31."""
    assert three.bill(NOVEMBER).invoices == 3
    assert sides(three, TAXES.format(1, NOVEMBER)) == (4, 4)
    assert sides(three, FEES.format(1, NOVEMBER)) == (5, 5)
    assert three.bill(DECEMBER).invoices == 3
    assert sides(three, FEES.format(2, DECEMBER)) == (5, 5)
    assert failing(three) == {}


def test_a_rate_of_tax_that_is_read_as_none(three: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """10.00 and 0.50 of anna, 33.00 and 3.00 of bert, 5.16 of dora: at 6 % 0.63, 1.98, 0.18 and 0.3096."""
    monkeypatch.setattr(PriceList, "rate_ppm", lambda *_args: 0)
    assert three.bill(NOVEMBER).state == "posted"
    monkeypatch.undo()
    left, right, named = failing(three)[TAXES.format(1, NOVEMBER)]
    assert (left, right, list(failing(three))) == (4, 0, [TAXES.format(1, NOVEMBER)])
    assert named == [
        "anna 2025-10-01 class 1: tax 0 on 10500000, the rate says 630000",
        "bert 2025-10-01 class 1: tax 0 on 33000000, the rate says 1980000",
        "bert 2025-11-01 class 1: tax 0 on 3000000, the rate says 180000",
        "dora 2025-10-01 class 1: tax 0 on 5160000, the rate says 309600",
    ]


def test_a_rate_of_the_day_after_the_period(three: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rate rises to 9 % on 1 November: tax of October by it is too much."""
    rates = (TaxRate(dt.date(2020, 1, 1), 60_000), TaxRate(dt.date(2025, 11, 1), 90_000))
    catalogue.publish(three.home, shop(2, three.tick(), tax_classes=(TaxClass("standard", 1, rates),)), three.tick())
    real = PriceList.rate_ppm
    monkeypatch.setattr(PriceList, "rate_ppm", lambda prices, name, code, day: real(prices, name, code, day + dt.timedelta(days=1)))
    three.bill(NOVEMBER)
    monkeypatch.undo()
    left, right, named = failing(three)[TAXES.format(1, NOVEMBER)]
    assert (left, right) == (4, 1), "the fee in advance is of November"
    assert named[0] == "anna 2025-10-01 class 1: tax 950000 on 10500000, the rate says 630000"


DROPPED = [
    (LINE_RENT, "bert-1 from 2025-10-01: 3000000 is due, 0 is billed"),  # in advance, also of November
    (BASIC_FEE, "anna-1 from 2025-10-01: 10000000 is due, 0 is billed"),
]


@pytest.mark.parametrize(("price_id", "told"), DROPPED)
def test_a_fee_that_is_dropped(three: World, monkeypatch: pytest.MonkeyPatch, price_id: int, told: str) -> None:
    real = computing.fee_lines
    monkeypatch.setattr(computing, "fee_lines", lambda inputs: without(real(inputs), price_id))
    assert three.bill(NOVEMBER).state == "posted"
    monkeypatch.undo()
    found = failing(three)
    assert (found[FEES.format(1, NOVEMBER)][:2], list(found)) == ((5, 3), [FEES.format(1, NOVEMBER)])
    assert found[FEES.format(1, NOVEMBER)][2][0] == f"recurring fee {price_id} of {told}"
    three.bill(DECEMBER)
    assert sides(three, FEES.format(2, DECEMBER)) == (5, 5), "the next run bills what is missing"


def without(lines: Lines, price_id: int) -> Lines:
    """The lines without those of a fee."""
    left: Lines = lines[lines["price_id"] != price_id]
    assert left.size == lines.size - 2
    return left


def test_a_fee_that_is_charged_twice_or_by_half(three: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = computing.fee_lines

    def doubled(inputs: Any) -> Lines:  # noqa: ANN401 -- as the stage takes it
        lines = real(inputs)
        whole = lines[lines["amount_micros"] == 10_000_000]
        lines["amount_micros"][lines["amount_micros"] == 5_160_000] //= 2
        found: Lines = np.concatenate([lines, whole])
        return found

    monkeypatch.setattr(computing, "fee_lines", doubled)
    three.bill(NOVEMBER)
    monkeypatch.undo()
    assert failing(three)[FEES.format(1, NOVEMBER)] == (
        5,
        3,
        [
            "recurring fee 200 of anna-1 from 2025-10-01: 10000000 is due, 20000000 is billed",
            "recurring fee 200 of dora-1 from 2025-10-01: 5160000 is due, 2580000 is billed",
        ],
    )


def test_a_fee_of_a_beginning_that_is_dropped(three: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dora's plan costs 20.00 once, on its first day."""
    once = OneOffFee(300, "start", 300, 5000, "standard", 20_000_000, FeeOccasion.ACTIVATION)
    plan = msgspec.structs.replace(shop().plans[0], one_offs=(once,))
    catalogue.publish(three.home, shop(identity="mix", plans=(plan,)), three.tick())
    three.account("emma")
    three.subscription("emma-1", "emma", "mix/basic", "1004", from_date="2025-10-10")
    real = computing.fee_lines
    monkeypatch.setattr(computing, "fee_lines", lambda inputs: (lines := real(inputs))[lines["kind"] != Kind.ONE_OFF])
    three.bill(NOVEMBER)
    monkeypatch.undo()
    assert failing(three)[FEES.format(1, NOVEMBER)] == (7, 6, ["one_off fee 300 of emma-1 from 2025-10-01: 20000000 is due, 0 is billed"])
    three.bill(DECEMBER)
    assert list(failing(three)) == [FEES.format(1, NOVEMBER)]


def test_a_run_that_ends_looks_at_some_accounts_and_the_next_one_at_others(three: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two accounts at once, of three: one account in two, by the number of the run."""
    monkeypatch.setattr(recomputed, "ACCOUNTS_AT_ONCE", 2)
    keys = {name: three.key("accounts", "account_key", "account_id", name) for name in ("anna", "bert", "dora")}
    monkeypatch.setattr(PriceList, "rate_ppm", lambda *_args: 0)
    for run_id, date in ((1, NOVEMBER), (2, DECEMBER)):
        three.bill(date)
        found = {each.name: each for each in controls.of_run(three.home, run_id)}[TAXES.format(run_id, date)]
        named = {told.split(" ")[0] for told in found.terms if " class " in told}
        assert found.terms["one account in"] == 2
        assert named == {name for name, key in keys.items() if key % 2 == run_id % 2}
        fees = {each.name: each for each in controls.of_run(three.home, run_id)}[FEES.format(run_id, date)]
        assert fees.ok
        assert fees.left == {1: 2, 0: 3}[run_id % 2], "anna and dora have one fee each, bert has three"
