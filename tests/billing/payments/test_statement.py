"""Statements of account, promises and instalment plans as they stand on a date."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.payments import instalments, promises
from billing.payments.statement import statement
from rating.errors import UserError
from tests.billing.payments.desk import UNIT, day

if TYPE_CHECKING:
    from tests.billing.payments.desk import Desk

pytestmark = pytest.mark.slow

STATEMENT = """
2026-02-01  invoice      R-1   100.00  100.00
2026-02-01  invoice      R-2     7.00  107.00
2026-02-01  credit_note  C-1   -15.00   92.00
2026-02-10  payment      p1    -60.00   32.00
2026-02-12  payment      p2    -50.00  -18.00
2026-02-15  release      a1    -20.00  -38.00
2026-02-20  void         R-2    -7.00  -45.00
2026-02-21  refund       f1     10.00  -35.00
2026-02-22  reversal     b1     60.00   25.00
"""


def test_statement(desk: Desk) -> None:
    desk.deposit("d1", 30)
    desk.invoice("R-1", 100)
    desk.invoice("R-2", 7)
    desk.move("a1", "d1", "applied", 20, "02-15")
    desk.invoice("C-1", -15)
    desk.pay("p1", 60)
    desk.pay("p2", 50, "02-12")
    desk.void("R-2")
    desk.back("f1", "refund", "p2", 10, "02-21")
    desk.back("b1", "reversal", "p1", on="02-22", reason="no cover")
    desk.pay("p3", 1, "03-01")
    found = statement(desk.home, "anna", day("02-01"), day("03-01"))
    rows = [
        f"{each.on_date} {each.kind} {each.document} {each.amount_micros / UNIT:.2f} {each.balance_micros / UNIT:.2f}"
        for each in found.entries
    ]
    assert rows == [" ".join(row.split()) for row in STATEMENT.strip().splitlines()]
    assert (found.opening_micros, found.closing_micros, found.deposits_held_micros) == (0, 25 * UNIT, 10 * UNIT)
    everything = statement(desk.home, "anna")
    assert everything.closing_micros == desk.balances("receivable:anna")["receivable:anna"] * UNIT
    march = statement(desk.home, "anna", day("03-01"))
    assert (march.opening_micros, len(march.entries), march.closing_micros) == (25 * UNIT, 1, 24 * UNIT)
    assert sum(item.open_micros for item in march.open_items) == 24 * UNIT


BESIDE_VOIDS = """
2026-02-01 invoice R-1 100 100
2026-02-01 void R-1 -100 0
2026-02-01 invoice R-2 100 100
2026-02-05 void R-2 -100 0
2026-02-05 invoice R-3 101 101
"""


def test_customers_do_not_read_why_a_document_was_cancelled(desk: Desk) -> None:
    """The reason of a void (`wrong`) is for operators."""
    desk.invoice("R-1", 100)
    desk.void("R-1", "02-01")
    texts = [statement(desk.home, "anna", language=language).entries[-1].text for language in ("en", "zh")]
    assert texts == ["this document was cancelled", "本单据已作废"]


def test_a_void_stands_before_what_bills_the_same_again(desk: Desk) -> None:
    desk.invoice("R-1", 100)
    desk.void("R-1", "02-01")
    desk.invoice("R-2", 100)
    desk.void("R-2", "02-05")
    desk.invoice("R-3", 101, issued="02-05")
    rows = [
        f"{each.on_date} {each.kind} {each.document} {each.amount_micros // UNIT} {each.balance_micros // UNIT}"
        for each in statement(desk.home, "anna").entries
    ]
    assert rows == BESIDE_VOIDS.strip().splitlines()


AS_RECORDED = """
2026-02-01 invoice R-1 100 100
2026-02-05 credit_note C-1 -15 85
2026-02-05 payment p1 -85 0
2026-02-05 void R-1 -100 -100
"""


def test_entries_of_a_day_are_in_the_order_in_which_they_were_recorded(desk: Desk) -> None:
    """The account never owed -15: its invoice was credited and paid before it was void."""
    desk.invoice("R-1", 100)
    desk.invoice("C-1", -15, issued="02-05")
    desk.pay("p1", 85, "02-05")
    desk.void("R-1", "02-05")
    rows = [
        f"{each.on_date} {each.kind} {each.document} {each.amount_micros // UNIT} {each.balance_micros // UNIT}"
        for each in statement(desk.home, "anna").entries
    ]
    assert rows == AS_RECORDED.strip().splitlines()


def test_an_empty_span_and_an_unknown_account(desk: Desk) -> None:
    with pytest.raises(UserError, match="holds no day"):
        statement(desk.home, "anna", day("02-01"), day("02-01"))
    with pytest.raises(UserError, match="no account has the id ben"):
        statement(desk.home, "ben")
    assert statement(desk.home, "anna").entries == []


# what is promised, paid by its day, the day; how it stands
STATES = """
10 10 2026-02-09 kept
10 9  2026-02-10 open
10 9  2026-02-11 broken
10 11 2026-03-01 kept
10 0  2026-02-10 open
10 0  2026-02-11 broken
"""


@pytest.mark.parametrize("row", STATES.strip().splitlines())
def test_state_of_a_promise(row: str) -> None:
    amount, paid, as_of, expected = row.split()
    assert promises.state(int(amount), int(paid), "2026-02-10", as_of) == expected


def test_promises_are_kept_by_payments_that_stay(desk: Desk) -> None:
    desk.promise("v1", 10, "02-01", "02-10")
    desk.promise("v2", 5, "02-11", "02-20")

    def states(as_of: str) -> str:
        return " ".join(
            f"{each.promise_id}={each.state}:{each.paid_micros // UNIT}" for each in promises.list_promises(desk.home, day(as_of))
        )

    assert states("02-10") == "v1=open:0 v2=open:0"
    desk.pay("p1", 4, "02-01")
    desk.pay("p2", 6, "02-10")
    desk.pay("p3", 2, "02-21")
    assert states("02-21") == "v1=kept:10 v2=broken:0"
    desk.back("b1", "reversal", "p2", on="02-15")
    assert states("02-21") == "v1=broken:4 v2=broken:0"
    for as_of, expected in {"01-31": "open:0", "02-01": "open:4", "02-09": "open:4", "02-10": "kept:10", "02-15": "broken:4"}.items():
        assert (as_of, states(as_of).split()[0]) == (as_of, f"v1={expected}")
    assert states("02-14").split()[0] == "v1=kept:10", "it bounced the day after"
    assert [each.promise_id for each in promises.list_promises(desk.home, day("02-21"), "ben")] == []


# amount, parts, step; the parts
EQUAL = """
10000 3 100 | 3400 3300 3300
10000 4 100 | 2500 2500 2500 2500
200   3 100 | 100 100 0
10050 2 100 | 5050 5000
"""


@pytest.mark.parametrize("row", EQUAL.strip().splitlines())
def test_equal_parts(row: str) -> None:
    given, expected = row.split("|")
    parts = instalments.equal_parts(*map(int, given.split()))
    assert parts == list(map(int, expected.split()))
    assert sum(parts) == int(given.split()[0])


def test_a_month_after() -> None:
    assert [f"{instalments.month_after(day('01-31'), months):%m-%d}" for months in (0, 1, 2, 11, 12)] == [
        "01-31",
        "02-28",
        "03-31",
        "12-31",
        "01-31",
    ]


def test_split() -> None:
    assert instalments.split([(1, 10), (2, 5)], [4, 8, 3]) == [(1, 1, 4), (2, 1, 6), (2, 2, 2), (3, 2, 3)]


def test_an_agreed_plan_never_changes(desk: Desk) -> None:
    """30.00 in three parts of 10.00 from 1 March on."""
    desk.invoice("R-1", 20)
    desk.invoice("R-2", 10, "03-15")
    agreed = desk.agree("i1", equal=3, first="03-01")
    assert [(part.due_on, part.number, part.amount_micros) for part in agreed.parts] == [
        ("2026-03-01", "R-1", 10_000_000), ("2026-04-01", "R-1", 10_000_000), ("2026-05-01", "R-2", 10_000_000),
    ]  # fmt: skip
    assert desk.agree("i1", equal=3, first="03-01").existed
    assert desk.agree("i1", equal=3, first="03-01", numbers="R-2 R-1").existed, "both were open"
    assert desk.agree("i1", parts="03-01=10 04-01=10 05-01=10").existed
    for equal, first, parts in ((3, "05-01", ""), (2, "03-01", ""), (0, None, "03-01=10 04-01=10 06-01=10")):
        with pytest.raises(UserError, match="plan i1 exists with other parts"):
            desk.agree("i1", equal=equal, first=first, parts=parts)
    with pytest.raises(UserError, match="plan i1 exists with other invoices"):
        desk.agree("i1", equal=3, first="03-01", numbers="R-1")
    desk.agree("i2", parts="03-01=20 04-01=5 05-01=5")
    with pytest.raises(UserError, match="plan i2 exists with other parts"):
        desk.agree("i2", equal=3, first="03-01")  # 10.00 each on the same dates


def test_how_a_plan_stands(desk: Desk) -> None:
    desk.invoice("R-1", 10)
    desk.invoice("R-2", 20, "03-15")

    def stands(as_of: str) -> str:
        return " ".join(f"{plan.plan_id}={plan.state}:{plan.open_micros // UNIT}" for plan in instalments.list_plans(desk.home, day(as_of)))

    agreed = desk.agree("i1", equal=3, first="03-31")
    assert [(part.due_on, part.number, part.amount_micros // UNIT) for part in agreed.parts] == [
        ("2026-03-31", "R-1", 10), ("2026-04-30", "R-2", 10), ("2026-05-31", "R-2", 10),
    ]  # fmt: skip
    assert (stands("03-31"), stands("04-01")) == ("i1=running:30", "i1=behind:30")
    desk.pay("p1", 10)
    assert stands("04-30") == "i1=running:20"
    desk.agree("i2", "03-20", parts="06-01=20", numbers="R-2")
    assert stands("05-01") == "i1=finished:0 i2=running:20"
    desk.pay("p2", 20)
    assert stands("07-01") == "i1=finished:0 i2=finished:0"
    with pytest.raises(UserError, match="plan i2 is finished"):
        desk.end("i2")
    desk.back("b1", "reversal", "p2")
    assert stands("07-01") == "i1=finished:0 i2=behind:20"
    with pytest.raises(UserError, match="the end of plan i2 is dated 2026-03-19, before it was agreed on 2026-03-20"):
        desk.end("i2", "03-19")
    assert desk.end("i2", "03-25").plan_id == "i2/ended"
    assert desk.end("i2", "03-25").existed
    assert stands("07-01") == "i1=finished:0 i2=replaced:0 i2/ended=behind:20"
    assert desk.wrong() == []


def test_a_plan_that_is_ended_holds_nothing(desk: Desk) -> None:
    """Of 10.00 each in R-1, R-2 and R-3 the plan i1 gives R-3 away to i2, and is ended while R-1 is paid."""
    for place in (1, 2, 3):
        desk.invoice(f"R-{place}", 10, f"02-{10 + place}")
    desk.agree("i1", parts="06-01=10 07-01=20")
    desk.agree("i2", parts="09-01=10", numbers="R-3")
    desk.pay("p1", 10)
    assert desk.open() == "R-2@07-01=10.00 R-3@09-01=10.00"
    assert [(part.number, part.due_on, part.amount_micros // UNIT, part.open_micros // UNIT) for part in desk.end("i1").parts] == [
        ("R-1", "2026-02-11", 10, 0), ("R-2", "2026-02-12", 10, 10),
    ]  # fmt: skip
    desk.back("b1", "reversal", "p1")
    assert desk.open() == "R-1@02-11=10.00 R-2@02-12=10.00 R-3@09-01=10.00"
    plans = instalments.list_plans(desk.home, day("02-26"))
    assert [(plan.plan_id, plan.state, plan.open_micros // UNIT) for plan in plans] == [
        ("i1", "replaced", 0), ("i2", "running", 10), ("i1/ended", "behind", 20),
    ]  # fmt: skip
    assert desk.wrong() == []
