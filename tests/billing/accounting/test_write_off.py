"""Write-offs of one invoice: each once by its id, within what is open, taken back one by one, on their own dates. Amounts are cents."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.accounting import ageing, check, write_off
from billing.ledger.closed_months import Who
from billing.payments.statement import statement
from billing.persons import Turn
from rating.errors import UserError

if TYPE_CHECKING:
    from tests.billing.runs.world import World

CENT = 10_000
NUMBER = "R-0000000001"


@pytest.fixture
def billed(world: World) -> World:
    """October of a customer on plan plus: 30.00 + 3.00 + 3.00 and 6 % tax, 38.16, issued on 1 November."""
    world.account("a")
    world.subscription("sa", "a", "shop/plus", "8613800000001")
    world.bill("2025-11-01")
    return world


def lose(world: World, on: str, cents: int | None = None, reason: str = "gone", *, reference: str = "") -> write_off.WriteOff:
    who, amount = Who("clerk", 7, world.tick()), None if cents is None else cents * CENT
    return write_off.write_off(
        world.home, NUMBER, dt.date.fromisoformat(on), reason, who, amount_micros=amount, limit_micros=100_000 * CENT, reference=reference
    )


def undo(world: World, on: str, reference: str = "") -> write_off.WriteOff:
    return write_off.undo(world.home, NUMBER, dt.date.fromisoformat(on), "found", Who("clerk", 7, world.tick()), reference=reference)


def owed(world: World) -> int:
    with world.home.connect() as connection:
        return sum(item.open_micros for item in ageing.items(connection, dt.date(2099, 1, 1))) // CENT


@pytest.mark.parametrize(
    ("on", "cents", "reason", "field"),
    [
        ("2025-11-20", 500, "gone", "amount 10.00, not 5.00"),
        ("2025-11-21", 1000, "gone", "date '2025-11-20', not '2025-11-21'"),
        ("2025-11-20", 1000, "bankrupt", "reason 'gone', not 'bankrupt'"),
    ],
)
def test_other_data_under_the_same_id_is_an_error(billed: World, on: str, cents: int, reason: str, field: str) -> None:
    assert not lose(billed, "2025-11-20", 1000).existed
    assert lose(billed, "2025-11-20", 1000).existed
    assert lose(billed, "2025-11-20").existed, "without an amount: the one that it has"
    with pytest.raises(UserError, match=f"the write-off of {NUMBER} exists with {field}") as caught:
        lose(billed, on, cents, reason)
    assert "its own --id" in caught.value.remedy
    assert owed(billed) == 3816 - 1000


def test_a_second_write_off_has_its_own_id_and_each_is_taken_back_alone(billed: World) -> None:
    lose(billed, "2025-11-20", 1000)
    lose(billed, "2025-11-21", 500, reference="rest")
    assert owed(billed) == 3816 - 1500
    assert undo(billed, "2025-11-22").amount_micros == 1000 * CENT
    assert undo(billed, "2025-11-22").existed
    assert owed(billed) == 3816 - 500
    assert undo(billed, "2025-11-23", "rest").amount_micros == 500 * CENT
    assert owed(billed) == 3816
    assert all(each.ok for each in check.check(billed.home)), check.check(billed.home)


def test_undoing_names_the_ids_that_stand(billed: World) -> None:
    with pytest.raises(UserError, match="nothing was written off of invoice R-0000000001") as caught:
        undo(billed, "2025-11-22")
    assert "invoice show" in caught.value.remedy
    lose(billed, "2025-11-21", 500, reference="rest")
    with pytest.raises(UserError) as caught:
        undo(billed, "2025-11-22")
    assert "--id rest" in caught.value.remedy


def test_what_was_taken_back_can_be_written_off_again(billed: World) -> None:
    lose(billed, "2025-11-20", 1000)
    undo(billed, "2025-11-22")
    assert not lose(billed, "2025-11-25", 700).existed
    assert owed(billed) == 3816 - 700


@pytest.mark.parametrize(
    ("on", "micros", "message"),
    [
        ("2025-10-31", 10_000, "was issued on 2025-11-01: the entry cannot be dated 2025-10-31"),
        ("2025-11-20", 5_001_000, "has more than the 2 decimal places of CNY"),
    ],
)
def test_what_cannot_be_is_refused(billed: World, on: str, micros: int, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        write_off.write_off(billed.home, NUMBER, dt.date.fromisoformat(on), "gone", Who("clerk", 7, billed.tick()), amount_micros=micros)
    assert "bank" not in caught.value.remedy, "no bank has booked it"


def test_taking_back_is_not_dated_before_the_write_off(billed: World) -> None:
    lose(billed, "2025-11-20", 1000)
    with pytest.raises(UserError, match="was written off on 2025-11-20: the entry cannot be dated 2025-11-19"):
        undo(billed, "2025-11-19")


def test_both_need_a_reason(billed: World) -> None:
    on, who = dt.date(2025, 11, 20), Who("clerk", 7, billed.tick())
    for act in (write_off.write_off, write_off.undo):
        with pytest.raises(UserError, match="needs a reason"):
            act(billed.home, NUMBER, on, " ", who)


def test_a_statement_shows_them_on_their_own_dates(billed: World) -> None:
    lose(billed, "2025-11-20", 1000)
    lose(billed, "2025-11-21", 500, reference="W-2")
    undo(billed, "2025-11-22")
    undo(billed, "2025-11-23", "W-2")
    found = [(each.on_date, each.kind, each.text, each.amount_micros // CENT) for each in statement(billed.home, "a").entries]
    assert found == [
        ("2025-11-01", "invoice", "2025-10-01 to 2025-10-31", 3816),
        ("2025-11-20", "write_off", f"of {NUMBER}", -1000),
        ("2025-11-21", "write_off", f"of {NUMBER} id W-2", -500),
        ("2025-11-22", "write_off_reversal", f"of {NUMBER}", 1000),
        ("2025-11-23", "write_off_reversal", f"of {NUMBER} id W-2", 500),
    ]
    assert statement(billed.home, "a", language="zh").entries[-1].text == f"关于 {NUMBER} 编号 W-2"


def test_agreeing_is_to_the_same_amount_and_date(billed: World) -> None:
    turns: list[Turn] = []

    def ask(on: str, cents: int, uid: int) -> bool:
        who = Who("clerk", uid, billed.tick())
        done = write_off.write_off(
            billed.home, NUMBER, dt.date.fromisoformat(on), "gone", who, amount_micros=cents * CENT, allow=turns.append
        )
        with billed.home.connect() as connection:
            assert write_off.stored_by(billed.home, billed.home.head_seq(connection)) == done
        return done.waits

    assert ask("2025-11-20", 1000, 7)
    assert ask("2025-11-20", 900, 8), "another amount is another wish"
    assert ask("2025-11-21", 900, 7), "so is another date"
    assert not ask("2025-11-21", 900, 8)
    assert turns == [Turn.ASKS, Turn.ASKS, Turn.ASKS, Turn.AGREES]
    assert owed(billed) == 3816 - 900


def test_each_of_two_persons_repeats_the_own_command(billed: World) -> None:
    """Ana asks for 10.00 with a reason of hers, and Ben agrees with one of his."""

    def give(uid: int, reason: str, on: str = "2025-11-20", cents: int | None = 1000) -> write_off.WriteOff:
        amount = None if cents is None else cents * CENT
        return write_off.write_off(
            billed.home, NUMBER, dt.date.fromisoformat(on), reason, Who("clerk", uid, billed.tick()), amount_micros=amount
        )

    assert give(7, "gone").waits
    assert not give(8, "agreed, gone").waits
    for uid, reason in ((7, "gone"), (8, "agreed, gone"), (8, "gone")):
        done = give(uid, reason)
        assert (done.existed, done.waits, done.amount_micros, done.reason) == (True, False, 1000 * CENT, "agreed, gone")
    assert give(7, "gone", cents=None).existed
    for reason, on, cents in (("bankrupt", "2025-11-20", 1000), ("gone", "2025-11-21", 1000), ("gone", "2025-11-20", 900)):
        with pytest.raises(UserError, match=f"the write-off of {NUMBER} exists with"):
            give(7, reason, on, cents)
    assert owed(billed) == 3816 - 1000
    undo(billed, "2025-11-22")
    assert give(7, "gone").waits, "after it was taken back it is asked for anew"


def test_an_asking_for_another_amount_is_not_repeated(billed: World) -> None:
    who = Who("clerk", 7, billed.tick())
    assert write_off.write_off(billed.home, NUMBER, dt.date(2025, 11, 20), "asked", who, amount_micros=900 * CENT).waits
    assert not lose(billed, "2025-11-20", 1000).waits
    with pytest.raises(UserError, match="exists with reason 'gone', not 'asked'"):
        lose(billed, "2025-11-20", 1000, "asked")


def test_of_what_is_settled_there_is_no_part_to_give(billed: World) -> None:
    lose(billed, "2025-11-20")
    for amount in (None, CENT):
        who = Who("clerk", 7, billed.tick())
        with pytest.raises(UserError, match=r"R-0000000001 has 0\.00 CNY open") as refused:
            write_off.write_off(billed.home, NUMBER, dt.date(2025, 11, 21), "gone", who, amount_micros=amount, reference="two")
        assert refused.value.remedy == "`ratewright invoice show R-0000000001` shows what settled it"
