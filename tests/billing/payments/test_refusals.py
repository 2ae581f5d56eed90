"""Once by its id, never with other data, and what is refused. Each refusal leaves everything as it was."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from billing import payments
from billing.ledger import closed_months
from billing.payments import cash_desk, deposits, giving_back, importing
from billing.payments.mapping import read_mapping
from rating.errors import UserError
from tests.billing.payments.desk import ANA, UNIT, Desk, day, units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

# What is done once; the same again; and again with something else, and what is said then.
AGAIN: dict[str, tuple[Callable[[Desk], Any], dict[str, Callable[[Desk], Any]]]] = {
    "payment": (
        lambda desk: desk.pay("p9", 4, numbers=("R-1",)),
        {
            "payment p9 exists with amount 4.00, not 5.00": lambda desk: desk.pay("p9", 5, numbers=("R-1",)),
            "payment p9 exists with reference 'bank', not 'x'": lambda desk: desk.pay("p9", 4, reference="x", numbers=("R-1",)),
            "payment p9 exists with account_id 'anna', not 'ben'": lambda desk: desk.pay("p9", 4, account_id="ben", numbers=("R-1",)),
            "payment p9 exists with received_on '2026-02-10', not '2026-02-11'": lambda desk: desk.pay("p9", 4, "02-11", numbers=("R-1",)),
            "payment p9 exists with invoices '[\"R-1\"]', not ''": lambda desk: desk.pay("p9", 4),
        },
    ),
    "payment of cash": (
        lambda desk: desk.pay("p9", 4),
        {"payment p9 exists with channel 'bank', not 'cash'": lambda desk: desk.cash("p9", 4)},
    ),
    "cash": (
        lambda desk: desk.cash("c9", 4),
        {
            "payment c9 exists with receipt 'front-000001', not one of till 'back'": lambda desk: desk.cash("c9", 4, "back"),
            "payment c9 exists with amount 4.00, not 5.00": lambda desk: desk.cash("c9", 5),
        },
    ),
    "refund": (
        lambda desk: desk.back("f9", "refund", "p1", 2, payee="Anna"),
        {
            "event f9 exists with amount 2.00, not 3.00": lambda desk: desk.back("f9", "refund", "p1", 3, payee="Anna"),
            "event f9 exists with payee 'Anna', not 'Ben'": lambda desk: desk.back("f9", "refund", "p1", 2, payee="Ben"),
            "event f9 exists with kind 'refund', not 'reversal'": lambda desk: desk.back("f9", "reversal", "p1", 2, payee="Anna"),
            "event f9 exists with fee 0.00, not 1.00": lambda desk: desk.back("f9", "refund", "p1", 2, payee="Anna", fee=1),
        },
    ),
    "deposit": (
        lambda desk: desk.deposit("d9", 20),
        {
            "deposit d9 exists with amount 20.00, not 30.00": lambda desk: desk.deposit("d9", 30),
            "deposit d9 exists with account_id 'anna', not 'ben'": lambda desk: desk.deposit("d9", 20, account_id="ben"),
        },
    ),
    "release": (
        lambda desk: desk.move("a9", "d1", "applied", 2),
        {
            "movement a9 exists with amount 2.00, not 3.00": lambda desk: desk.move("a9", "d1", "applied", 3),
            "movement a9 exists with kind 'applied', not 'refunded'": lambda desk: desk.move("a9", "d1", "refunded", 2),
        },
    ),
    "promise": (
        lambda desk: desk.promise("v9", 5, "02-01", "02-10"),
        {"promise v9 exists with due_on '2026-02-10', not '2026-02-11'": lambda desk: desk.promise("v9", 5, "02-01", "02-11")},
    ),
    "plan": (
        lambda desk: desk.agree("i9", equal=3, first="03-01"),
        {
            "plan i9 exists with other parts": lambda desk: desk.agree("i9", equal=2, first="03-01"),
            "plan i9 exists with another date": lambda desk: desk.agree("i9", "02-21", equal=3, first="03-01"),
        },
    ),
}


def furnish(desk: Desk) -> Desk:
    """Anna owes 30.00 in two invoices, has paid 20.00, and left a deposit of 10.00; ben pays in CNY as well, and eva in EUR."""
    desk.account("ben")
    desk.account("eva", "EUR")
    desk.invoice("R-1", 10)
    desk.invoice("R-2", 20, "03-15")
    desk.invoice("R-7", 5, account_id="ben")
    desk.pay("p1", 20)
    desk.deposit("d1", 10)
    return desk


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """A desk of one's own."""
    return furnish(desk)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One for all that change nothing."""
    made = Desk(tmp_path_factory.mktemp("shared") / "home")
    yield furnish(made)
    made.home.close()


@pytest.mark.parametrize("name", AGAIN)
def test_once(desk: Desk, name: str) -> None:
    act, others = AGAIN[name]
    first = act(desk)
    before = desk.rows()
    again = act(desk)
    existed = again.recorded.existed if name == "cash" else again.existed
    assert existed
    assert type(again) is type(first)
    for message, other in others.items():
        with pytest.raises(UserError) as caught:
            other(desk)
        assert caught.value.message == message
    assert desk.rows() == before
    assert desk.wrong() == []


@pytest.mark.parametrize("name", AGAIN)
def test_tried(desk: Desk, name: str) -> None:
    """Tried, it says what it would do, and does nothing; done after that, it says the same."""
    before = desk.rows(), desk.open(), desk.credit()
    desk.tried = True
    tried = AGAIN[name][0](desk)
    assert (desk.rows(), desk.open(), desk.credit()) == before
    desk.tried = False
    assert AGAIN[name][0](desk) == tried
    assert desk.rows() != before[0]


REFUSED: dict[str, Callable[[Desk], Any]] = {
    "payment p9 of 0.00 is not above zero": lambda desk: desk.pay("p9", 0),
    "payment p9 of -5.00 is not above zero": lambda desk: desk.pay("p9", -5),
    "no account has the id nobody": lambda desk: desk.pay("p9", 5, account_id="nobody"),
    "payment p9 is in EUR, account anna in CNY": lambda desk: payments.record(
        desk.home, "p9", "anna", UNIT, day("02-01"), "", desk.act.now_us, currency="EUR"
    ),
    "payment p9 of 1.001 has more than the 2 decimal places of CNY": lambda desk: payments.record(
        desk.home, "p9", "anna", 1_001_000, day("02-01"), "", desk.act.now_us
    ),
    "the id of the payment is empty": lambda desk: desk.pay(" ", 5),
    "payment p9 names invoice R-7, which account anna does not have": lambda desk: desk.pay("p9", 5, numbers=("R-7",)),
    "'a b' is not a name of a till": lambda desk: desk.cash("c9", 5, "a b"),
    "no payment has the id p9": lambda desk: desk.back("f9", "refund", "p9", 1),
    "refund f9 of -1.00 is not above zero": lambda desk: desk.back("f9", "refund", "p1", -1),
    "refund f9 is dated 2026-02-09, before the money came on 2026-02-10": lambda desk: desk.back("f9", "refund", "p1", 1, "02-09"),
    "refund f9: 0.00 CNY of payment p1 are left; 1.00 cannot go back": lambda desk: desk.back("f9", "refund", "p1", 1, reopens=False),
    "refund f9: 0.00 CNY of payment p1 are left; there is nothing to give back": lambda desk: desk.back(
        "f9", "refund", "p1", reopens=False
    ),
    "refund f9: 20.00 CNY of payment p1 have not gone back; 21.00 cannot go back": lambda desk: desk.back("f9", "refund", "p1", 21),
    "chargeback_won w9: 0.00 CNY of payment p1 are charged back and not won; there is nothing to give back": lambda desk: desk.back(
        "w9", "chargeback_won", "p1"
    ),
    "document R-1 is not a credit": lambda desk: desk.back("f9", "refund", None, 1, number="R-1"),
    "no document has the number R-9": lambda desk: desk.back("f9", "refund", None, 1, number="R-9"),
    "reversal b9 has a fee of -1.00": lambda desk: desk.back("b9", "reversal", "p1", fee=-1),
    "the fee of reversal b9 of 0.0015 has more than the 2 decimal places of CNY": lambda desk: giving_back.give_back(
        desk.home, giving_back.Back("b9", "reversal", day("02-20"), "p1", fee_micros=1_500), desk.act
    ),
    "deposit d9 is in EUR, account anna in CNY": lambda desk: deposits.take(
        desk.home, deposits.Deposit("d9", "anna", UNIT, day("02-01"), "", "EUR"), desk.act
    ),
    "no deposit has the id d9": lambda desk: desk.move("a9", "d9", "applied"),
    "release a9 of deposit d1: held are 10.00 CNY; 11.00 cannot be moved": lambda desk: desk.move("a9", "d1", "applied", 11),
    "promise v9 is for 2026-02-01, before it is made on 2026-02-10": lambda desk: desk.promise("v9", 5, "02-10", "02-01"),
    "a plan needs parts": lambda desk: desk.agree("i9"),
    "a plan has parts of its own or equal ones, not both": lambda desk: desk.agree("i9", parts="03-01=10", equal=2, first="04-01"),
    "the parts are 9.00 CNY, what is open is 10.00": lambda desk: desk.agree("i9", parts="03-01=9"),
    "the dates of the parts do not grow from the day of the agreement on": lambda desk: desk.agree("i9", parts="03-02=5 03-01=5"),
    "account anna has no invoice R-7": lambda desk: desk.agree("i9", equal=2, first="03-01", numbers="R-7"),
    "invoice R-1 has nothing open": lambda desk: desk.agree("i9", equal=2, first="03-01", numbers="R-1"),
    "a part of 0.00 CNY is not possible": lambda desk: desk.agree("i9", parts="03-01=0 04-01=10"),
    "no plan has the id i9": lambda desk: desk.end("i9"),
}


@pytest.mark.parametrize("message", REFUSED)
def test_refused(shared: Desk, message: str) -> None:
    before = shared.rows()
    with pytest.raises(UserError) as caught:
        REFUSED[message](shared)
    assert caught.value.message == message
    assert caught.value.remedy
    assert shared.rows() == before


def test_a_release_is_never_more_than_is_open(desk: Desk) -> None:
    desk.pay("p2", 7)
    with pytest.raises(UserError, match=r"the invoices of account anna that are open hold 3.00 CNY; 5.00 cannot be moved"):
        desk.move("a9", "d1", "applied", 5)
    assert desk.move("a9", "d1", "applied").held_micros == units(7)
    assert desk.wrong() == []


def test_a_release_is_not_dated_before_what_it_pays(desk: Desk) -> None:
    """Anna owes 30.00 from 1 February on, 10.00 from 10 February on, 15.00 from 12 February on, and 35.00 when p1 bounces on the 20th."""
    desk.invoice("R-3", 5, issued="02-12")
    desk.deposit("d2", 50)
    with pytest.raises(UserError, match=r"release a9 is dated 2026-02-11, before 15.00 CNY were open on 2026-02-12"):
        desk.move("a9", "d2", "applied", 15, "02-11")
    assert desk.move("a1", "d2", "applied", 10, "02-11").held_micros == units(40)
    desk.back("b1", "reversal", "p1")
    with pytest.raises(UserError, match=r"release a9 is dated 2026-02-19, before 25.00 CNY were open on 2026-02-20"):
        desk.move("a9", "d2", "applied", on="02-19")
    desk.move("a9", "d2", "applied")
    assert (desk.open(), desk.wrong()) == ("", [])


def test_a_release_waits_for_an_invoice_that_is_dated_ahead(desk: Desk) -> None:
    """It is 1 December at the desk, and 10.00 are open."""
    desk.invoice("R-9", 50, issued="12-20", due="12-30")
    desk.deposit("d2", 50)
    with pytest.raises(UserError, match=r"40.00 CNY are open from 2026-12-20 on, which has not begun yet") as caught:
        desk.move("a9", "d2", "applied", 40, "12-01")
    assert caught.value.remedy == "release it on 2026-12-20"
    assert desk.move("a9", "d2", "applied", 10, "12-01").held_micros == units(40)


def test_nothing_goes_back_before_it_came(desk: Desk) -> None:
    """Of 20.00 that came on 10 February 5.00 and 3.00 are charged back, and won again."""
    desk.back("c1", "chargeback", "p1", 5, "02-20")
    desk.back("c2", "chargeback", "p1", 3, "02-25")
    with pytest.raises(UserError, match=r"chargeback_won w1 is dated 2026-02-24, before 8.00 CNY were charged back on 2026-02-25"):
        desk.back("w1", "chargeback_won", "p1", 8, "02-24")
    desk.back("w1", "chargeback_won", "p1", 5, "02-22")
    desk.back("w2", "chargeback_won", "p1", 3, "02-27")
    with pytest.raises(UserError, match="refund f1 is dated 2026-02-26, before the money came on 2026-02-27"):
        desk.back("f1", "refund", "p1", on="02-26")
    assert desk.back("f1", "refund", "p1", 12, "02-15").amount_micros == units(12), "15.00 were there from 20 to 21 February"
    assert desk.wrong() == []


def test_receipts_have_no_gap_and_each_till_its_own(desk: Desk) -> None:
    with pytest.raises(UserError):
        desk.cash("c0", 5, account_id="nobody")
    desk.tried = True
    assert desk.cash("c1", 5).receipt == "front-000001"
    desk.tried = False
    assert [desk.cash(f"c{place}", place).receipt for place in (1, 2)] == ["front-000001", "front-000002"]
    assert desk.cash("c3", 3, "back").receipt == "back-000001"
    assert desk.cash("c4", 4, on="02-11").receipt == "front-000003"
    assert desk.cash("c2", 2).receipt == "front-000002"
    desk.back("b1", "reversal", "c2")
    desk.back("k1", "chargeback", "c4", 3)
    desk.back("k2", "chargeback_won", "c4", 2, "02-21")
    shown = [
        (each.receipt, each.amount_micros, each.gone_micros, each.cashier) for each in cash_desk.receipts(desk.home, "front", "2026-02-10")
    ]
    assert shown == [("front-000001", units(1), 0, "ana"), ("front-000002", units(2), units(2), "ana")]
    (receipt,) = cash_desk.receipts(desk.home, "front", "2026-02-11")
    assert (receipt.amount_micros, receipt.gone_micros) == (units(4), units(1)), "3 of the 4 were charged back, 2 of them won"
    assert desk.balances("cash:front", "cash:back") == {"cash:front": 1 + 4 - 3 + 2, "cash:back": 3}


def test_postings_go_into_the_books_of_the_account_s_entity(desk: Desk) -> None:
    desk.account("gmbh", "EUR", entity="de")
    payments.record(desk.home, "p9", "gmbh", UNIT, dt.date(2026, 2, 1), "", desk.act.now_us, by=ANA)
    with desk.home.connect() as connection:
        rows = connection.exec_driver_sql("SELECT entity, debit_account FROM postings WHERE document = 'p9'").all()
    assert [tuple(row) for row in rows] == [("de", "cash")]
    assert desk.wrong() == []


def test_all_the_books_notice(desk: Desk) -> None:
    """A change of any row behind the product's back is noticed by one of the books."""
    desk.back("f1", "refund", "p1", 3)
    desk.pay("p2", 30)
    desk.move("a1", "d1", "refunded", 1)
    assert desk.wrong() == []
    settled, left, posted = (
        "allocations: stored = computed again",
        "credit: left over = computed again",
        "payments: postings = what follows from them",
    )
    cash = "cash CNY: what came less what went = ledger"
    for statement, expected in (
        ("UPDATE settlements SET amount_micros = amount_micros - 10000 WHERE settlement_id = 1", {settled}),
        ("UPDATE settlements SET credit_id = 'p2' WHERE settlement_id = 1", {settled}),
        ("DELETE FROM settlements WHERE amount_micros < 0", {settled}),
        ("DELETE FROM settlements", {settled}),
        ("UPDATE credits_left SET left_micros = left_micros + 10000", {left}),
        ("DELETE FROM credits_left", {left}),
        ("UPDATE payments SET amount_micros = amount_micros + 10000 WHERE payment_id = 'p2'", {left, posted, cash}),
        ("UPDATE payment_events SET amount_micros = amount_micros + 10000", {settled, posted, cash}),
        ("DELETE FROM postings WHERE leg = 'refund'", {posted, cash}),
        ("UPDATE postings SET posted_on = '2026-01-01' WHERE leg = 'payment'", {posted}),
        ("UPDATE deposits SET amount_micros = amount_micros + 10000", {posted, cash, "deposits CNY: what came less what went = ledger"}),
    ):
        with desk.home.begin() as connection:
            connection.exec_driver_sql(statement)
            found = desk.wrong_in(connection)
            connection.rollback()
        assert (statement, expected <= set(found)) == (statement, True), found


def test_nothing_goes_into_a_month_that_is_closed(desk: Desk, tmp_path: Path) -> None:
    closed_months.close(desk.home, "", "2026-02", "done", closed_months.Who("ana", 2001, desk.act.now_us))
    before = desk.rows()
    file = tmp_path / "bank.csv"
    file.write_text("id,day,amount,text\n1,2026-02-10,5.00,R-1\n2,2026-03-01,5.00,R-1\n")
    mapping = "name: b\ncolumns: {id: id, date: day, amount: amount, reference: [text]}\ndate: '%Y-%m-%d'\n"
    (tmp_path / "bank.yaml").write_text(mapping + "currency: CNY\nmatch: {invoice: 'R-[0-9]'}\n")
    for act in (
        lambda: desk.pay("p9", 5),
        lambda: desk.cash("c9", 5),
        lambda: desk.back("f9", "refund", "p1", 1),
        lambda: desk.deposit("d9", 5),
        lambda: desk.move("a9", "d1", "refunded", 1),
        lambda: importing.import_file(desk.home, file, read_mapping(tmp_path / "bank.yaml"), desk.act),
    ):
        with pytest.raises(UserError, match="2026-02"):
            act()
    assert desk.rows() == before
    assert desk.pay("p9", 5, "03-01").allocated
    assert desk.wrong() == []


def test_a_credit_is_not_paid_out_beside_a_debt_that_was_written_off(desk: Desk) -> None:
    """R-8, 10.00, is written off; R-9 takes back 4.00."""
    desk.invoice("R-8", 10)
    desk.write_off("w1", "R-8", 10)
    desk.invoice("R-9", -4)
    before = desk.rows()
    with pytest.raises(UserError, match="invoice R-8 of account anna is written off, so a credit of the account is not paid out"):
        desk.back("f1", "refund", None, number="R-9")
    assert desk.rows() == before
    desk.write_off("w1", "R-8", -10)
    assert "R-9>R-2=4.00" in desk.settled(), "taken back, the credit settles what is owed, the oldest first"
