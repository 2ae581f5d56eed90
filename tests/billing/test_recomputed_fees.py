"""The fees book: which accounts it compares, and that prices with their tax are compared within the rounding of a line."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from billing import controls
from billing.accounts import agreements, kinds
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.documents import undoing
from billing.ledger.closed_months import Who
from billing.runs import computing, cycle, quarantine_retry
from billing.runs.cycle import Order
from billing.runs.states import By, Step
from rating.model import RecurringFee, TaxClass, TaxRate, TaxShare
from server.cli import app
from tests.billing.runs.world import BASIC_FEE, World, shop

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.charges.lines import Lines
    from rating.model import Catalogue

pytestmark = pytest.mark.slow
NOVEMBER = dt.date(2025, 11, 1)
FEES = "fees, run {} of 2025-11-01: fees due = fees billed"
BEFORE = "accounts not compared, billed by a run before"
ANA = By("ana", 1001)


def run(world: World, day: dt.date = NOVEMBER, **order: Any) -> int:  # noqa: ANN401 -- fields of an order
    """Run the cycle; the number of the run."""
    world.catch_up()
    return cycle.run(world.home, day, world.begun(day), order=Order(by=ANA, **order)).run_id


@pytest.fixture
def dropping(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """A run that bills no fee of plan basic."""

    def dropped(world: World, day: dt.date = NOVEMBER, **order: Any) -> int:  # noqa: ANN401 -- as above
        real = computing.fee_lines
        with monkeypatch.context() as patch:
            patch.setattr(computing, "fee_lines", lambda inputs: without(real(inputs)))
            return run(world, day, **order)

    return dropped


def without(lines: Lines) -> Lines:
    left: Lines = lines[lines["price_id"] != BASIC_FEE]
    return left


def two(world: World) -> World:
    """Anna and dora have plan basic, 10.00 a month in arrears."""
    for name in ("anna", "dora"):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/basic", name)
    return world


def book(world: World, name: str) -> tuple[int, int, dict[str, int]]:
    return next((each.left, each.right, each.terms) for each in controls.books(world.home) if each.name == name)


def missing(name: str) -> str:
    return f"recurring fee 200 of {name}-1 from 2025-10-01: 10000000 is due, 0 is billed"


def test_a_run_of_all_after_one_of_some_of_the_same_date(world: World, dropping: Callable[..., int]) -> None:
    two(world)
    assert run(world, accounts=frozenset({"anna"})) == 1
    assert dropping(world) == 2
    assert book(world, FEES.format(1)) == (1, 1, {"accounts not compared, not asked for": 1})
    assert book(world, FEES.format(2)) == (1, 0, {missing("dora"): 1, BEFORE: 1})


def test_a_run_that_is_made_again_compares_nothing_and_says_so(world: World) -> None:
    two(world)
    run(world)
    assert run(world) == 2
    assert book(world, FEES.format(2)) == (0, 0, {BEFORE: 2, "accounts compared": 0})


def test_a_book_that_compares_nothing_is_not_shown_as_a_check(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the run that is made again; the first one compared two fees."""
    two(world)
    run(world)
    monkeypatch.setenv("RATEWRIGHT_HOME", str(world.home.path))
    monkeypatch.setattr("server.clock.machine_now_us", world.tick)
    told = f"{FEES.format(2)}: {BEFORE}: 2, accounts compared: 0"
    assert app.main(["bill", "run", "--date", "2025-11-01"]) == 0
    assert told in capsys.readouterr().out.splitlines()
    assert app.main(["controls"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert told in shown
    assert [line.split()[0] for line in shown if "fees due = fees billed  " in line] == ["ok", "none"]


def test_a_run_after_one_of_a_later_date_that_was_given_up(world: World, dropping: Callable[..., int]) -> None:
    two(world)
    later = dt.date(2025, 12, 1)
    run(world, later, trial=True)
    cycle.abandon(world.home, later, Step(world.tick(), ANA))
    assert dropping(world) == 2
    assert book(world, FEES.format(2)) == (2, 0, {missing("anna"): 1, missing("dora"): 1})


def test_a_run_after_one_that_was_undone_for_some(world: World, dropping: Callable[..., int]) -> None:
    two(world)
    run(world)
    for who in (Who("ana", 1001, world.tick()), Who("ben", 1002, world.tick())):
        undoing.undo(world.home, 1, "wrong", who, accounts=frozenset({"anna"}))
    assert dropping(world) == 2
    assert book(world, FEES.format(2)) == (1, 0, {missing("anna"): 1, BEFORE: 1})


def test_a_retry(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dora's plan is priced in another currency than her account's, until that is mended."""
    two(world)
    world.execute("UPDATE accounts SET currency = 'EUR' WHERE account_id = 'dora'")
    run(world)
    assert book(world, FEES.format(1)) == (1, 1, {"accounts not compared, put aside (quarantined)": 1})
    world.execute("UPDATE accounts SET currency = 'CNY' WHERE account_id = 'dora'")
    real = computing.fee_lines
    monkeypatch.setattr(computing, "fee_lines", lambda inputs: without(real(inputs)))
    assert quarantine_retry.retry(world.home, 1, world.tick(), ANA).run_id == 2
    assert book(world, FEES.format(2)) == (1, 0, {missing("dora"): 1, "accounts not compared, not asked for": 1})


def test_an_account_that_a_run_of_another_bill_day_catches_up(world: World, dropping: Callable[..., int]) -> None:
    """Anna's bills are held until 11-10. Her October is billed by the run of 11-15, of bill day 15, to which dora has nothing to add."""
    two(world)
    asked = Asked(Operator("ana", 1001), world.tick())
    agreements.agree(world.home, asked, "anna", "hold", dt.date(2025, 10, 25), dt.date(2025, 11, 10), kinds.HoldFact("complaint"))
    run(world)
    assert book(world, FEES.format(1)) == (1, 1, {"accounts not compared, put aside (held)": 1})
    assert dropping(world, dt.date(2025, 11, 15)) == 2
    assert book(world, "fees, run 2 of 2025-11-15: fees due = fees billed") == (1, 0, {missing("anna"): 1, BEFORE: 1})


def test_all_months_that_one_run_is_the_first_to_bill(world: World, dropping: Callable[..., int]) -> None:
    """October and November of two customers."""
    two(world)
    dropping(world, dt.date(2025, 12, 1))
    left, right, told = book(world, "fees, run 1 of 2025-12-01: fees due = fees billed")
    assert (left, right) == (4, 0)
    assert missing("anna") in told


def priced(micros: int, **changes: Any) -> Catalogue:  # noqa: ANN401 -- fields of a catalogue
    """The shop with fees of an amount each month."""

    def changed(fee: RecurringFee) -> RecurringFee:
        return msgspec.structs.replace(fee, amount_micros=micros)

    plans = tuple(msgspec.structs.replace(plan, recurring=tuple(map(changed, plan.recurring))) for plan in shop().plans)
    return shop(plans=plans, **changes)


# Fee of a month with its tax of 6 % (micro-units), first day in October, and the net of the line in cents.
NETS = [
    (1_990_000, "01", 188),  # 1.99 / 1.06 = 1.8774
    (9_990_000, "26", 182),  # 6 of 31 days: 1.9335, so 1.93 / 1.06 = 1.8208
    (20_000, "01", 2),  # 0.0189
    (10_000, "01", 1),  # 0.0094
]


@pytest.mark.parametrize(("micros", "first", "cents"), NETS)
def test_fees_that_hold_their_tax(tmp_path: Path, micros: int, first: str, cents: int) -> None:
    """Beside a catalogue whose minor unit is a hundred times as large."""
    tokyo = priced(500_000_000, identity="tokyo", currency="JPY", minor_digits=0)
    world = World(tmp_path / "home", catalogues=(tokyo, priced(micros, identity="berlin", currency="EUR", tax_inclusive=True)))
    world.account("anna", currency="EUR")
    world.subscription("anna-1", "anna", "berlin/basic", "1001", from_date=f"2025-10-{first}")
    run(world)
    assert [line[-1] for line in world.lines(world.numbers()[0]) if line[0] == "Basic"] == [cents]
    assert book(world, FEES.format(1)) == (1, 1, {})
    world.home.close()


def of_two_classes(path: Path) -> World:
    """A fee of 9.99 with its tax: 70 % standard at 6 %, 30 % reduced at 3 %. 6.99 / 1.06 = 6.5943 and 3.00 / 1.03 = 2.9126."""
    classes = tuple(TaxClass(name, code, (TaxRate(dt.date(2020, 1, 1), ppm),)) for name, code, ppm in PPM_OF)
    shares = (TaxShare("standard", 700_000, 5000), TaxShare("reduced", 300_000, 5005))
    fee = RecurringFee(BASIC_FEE, "Basic", BASIC_FEE, 5000, "standard", 9_990_000, shop().plans[0].recurring[0].timing, shares=shares)
    plan = msgspec.structs.replace(shop().plans[0], recurring=(fee,))
    world = World(path / "home", catalogues=(shop(identity="mix", plans=(plan,), tax_classes=classes, tax_inclusive=True),))
    world.account("anna")
    world.subscription("anna-1", "anna", "mix/basic", "1001")
    return world


PPM_OF = (("standard", 1, 60_000), ("reduced", 2, 30_000))


def test_a_fee_of_two_classes_that_holds_its_tax(tmp_path: Path) -> None:
    world = of_two_classes(tmp_path)
    run(world)
    assert sorted(line[-1] for line in world.lines(world.numbers()[0]) if line[0] == "Basic") == [291, 659]
    assert book(world, FEES.format(1)) == (1, 1, {})
    world.home.close()


def test_a_payer_who_is_exempt(tmp_path: Path) -> None:
    """Of a fee that holds its tax the exempt payer has all as net: 9.99. That is not what others have, 9.42."""
    world = World(tmp_path / "home", catalogues=(priced(9_990_000, identity="mix", tax_inclusive=True),))
    for name in ("anna", "bert"):
        world.account(name)
        world.subscription(f"{name}-1", name, "mix/basic", name)
    asked = Asked(Operator("ana", 1001), world.tick())
    agreements.agree(world.home, asked, "anna", "tax", dt.date(2025, 10, 1), None, kinds.TaxFact(("standard",)))
    run(world)
    assert sorted(line[-1] for number in world.numbers() for line in world.lines(number) if line[0] == "Basic") == [942, 999]
    assert book(world, FEES.format(1)) == (2, 2, {})
    world.home.close()


def test_a_fee_that_holds_its_tax_and_is_a_little_too_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """9.97 / 1.06 = 9.4057, so 9.41; 9.99 / 1.06 = 9.4245, so 9.42 or 9.43."""
    world = World(tmp_path / "home", catalogues=(priced(9_990_000, identity="mix", tax_inclusive=True),))
    world.account("anna")
    world.subscription("anna-1", "anna", "mix/basic", "1001")
    real = computing.fee_lines

    def smaller(inputs: Any) -> Lines:  # noqa: ANN401 -- as the stage takes it
        lines = real(inputs)
        lines["amount_micros"] -= 20_000
        return lines

    monkeypatch.setattr(computing, "fee_lines", smaller)
    run(world)
    monkeypatch.undo()
    told = "recurring fee 200 of anna-1 from 2025-10-01: 9990000 is due, 9410000 is billed"
    assert book(world, FEES.format(1)) == (1, 0, {told: 1})
    world.home.close()
