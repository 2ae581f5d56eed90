"""Ids and dates of money that is new; what is stored is told again as it is."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing import payments
from billing.payments import bank_file, deposits, giving_back, instalments, promises
from billing.payments.mapping import read_mapping
from billing.store import tables
from billing.store.checks import checking
from rating.errors import ProblemsError, UserError
from tests.billing.payments.desk import ANA, UNIT, Desk, day

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EARLY = dt.date(1999, 12, 31)
NEW = {  # something new under this id, on this date
    "payment": lambda desk, name, on: payments.record(desk.home, name, "anna", UNIT, on, "", desk.act.now_us, by=ANA),
    "deposit": lambda desk, name, on: deposits.take(desk.home, deposits.Deposit(name, "anna", UNIT, on), desk.act),
    "release": lambda desk, name, on: deposits.move(desk.home, deposits.Movement(name, "d1", "applied", on, UNIT), desk.act),
    "refund": lambda desk, name, on: giving_back.give_back(
        desk.home, giving_back.Back(name, "refund", on, "p1", None, UNIT, payee="Anna"), desk.act
    ),
    "promise": lambda desk, name, on: promises.promise(desk.home, promises.Promise(name, "anna", UNIT, on, day("12-01")), desk.act),
    "plan": lambda desk, name, on: instalments.agree(
        desk.home, instalments.PlanRequest(name, "anna", on, equal=2, first_on=day("04-01")), desk.act
    ),
}
ODD = ("p  9", " p9", "p9\u200e", "-p9", "=p9", "cafe\u0301", "p" * 129)


@pytest.fixture
def owing(desk: Desk) -> Desk:
    """Anna owes 10.00, paid 5.00 and left a deposit."""
    desk.invoice("R-1", 10)
    desk.pay("p1", 5)
    desk.deposit("d1", 5)
    return desk


@pytest.mark.parametrize("what", NEW)
def test_a_new_id_keeps_the_rule(owing: Desk, what: str) -> None:
    for name in ODD:
        with pytest.raises(UserError, match=f"the id of the {what}"):
            NEW[what](owing, name, day("03-01"))
    NEW[what](owing, "x9", day("03-01"))


@pytest.mark.parametrize("what", NEW)
def test_no_money_is_dated_in_another_century(owing: Desk, what: str) -> None:
    with pytest.raises(UserError, match=r"is dated 1999-12-31, before (the money came on )?20"):
        NEW[what](owing, "x9", EARLY)


def test_a_stored_payment_is_told_again(owing: Desk) -> None:
    again: Callable[[str], payments.Recorded] = lambda name: payments.record(  # noqa: E731 -- told twice
        owing.home, name, "anna", 5 * UNIT, EARLY, "bank", owing.act.now_us, by=ANA
    )
    with owing.home.begin() as connection:  # a payment of before the rule
        known = connection.execute(sa.select(tables.payments).where(tables.payments.c.payment_id == "p1")).mappings().one()
        before = {**known, "payment_id": " p1", "received_on": EARLY.isoformat()}
        connection.execute(tables.payments.insert().values(before))
        credit = {"credit_kind": "payment", "credit_id": " p1", "account_key": known["account_key"], "left_micros": 5 * UNIT}
        connection.execute(tables.credits_left.insert().values(**credit, commit_seq=known["commit_seq"]))
    assert again(" p1").existed
    told = checking.check(owing.home).notes
    assert [tuple(each) for each in told] == [("payments", "1 id would be refused today: ' p1' has a blank at an end, or two in a row")]


def test_a_bank_file_of_1900(tmp_path: Path) -> None:
    (tmp_path / "bank.yaml").write_text(
        'name: bank\ncolumns: {id: Id, date: Day, amount: Amount}\ndate: "%d.%m.%Y"\ncurrency: CNY\nmatch: {account: "A[0-9]+"}\n'
    )
    mapping = read_mapping(tmp_path / "bank.yaml")
    (tmp_path / "bank.csv").write_text(
        "Id,Day,Amount\n1,31.12.1999,5.00\n2,\u0660\u0661.01.2026,5.00\n3,01.01.2026,\u0665.00\n- 4,01.01.2026,5.00\n"
    )
    with pytest.raises(ProblemsError) as caught:
        bank_file.read_file(tmp_path / "bank.csv", mapping)
    assert [(each.path, each.message) for each in caught.value.problems] == [
        ("line 2", "1999-12-31 is before 2000-01-01"),
        ("line 3", "'\u0660\u0661.01.2026' is not a date such as 30.11.2026"),
        ("line 4", "'\u0665.00' is not an amount such as 1234.50"),
    ]
