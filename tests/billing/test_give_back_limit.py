"""What one person may give back alone, and what a second one agrees to. The limit is 100.00; p1 is of anna and p2 of ben, 1000.00 each."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import agreeing, payments, setting_changes
from billing.accounts import agreements
from billing.accounts.kinds import DiscountFact
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.documents import crediting, undoing, voiding
from billing.payments import deposits, giving_back
from billing.persons import Who
from billing.store import approvals
from rating.errors import UserError
from tests.billing.documents.clerk import CENT, customer, totals, wrong
from tests.billing.payments.desk import UNIT, Desk, day
from tests.billing.runs.world import World, instant_us
from tests.billing.second_person import set_by_two

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
DAY_US = 86_400 * UNIT
ANA, BEN, CHIEF = Operator("ana", 2001), Operator("ben", 2002), Operator("chief", 2003)
PEOPLE = {each.name: each for each in (ANA, BEN, CHIEF)}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "home")
    made.account("ben")
    made.set("give_back_limit_micros", str(100 * UNIT))
    made.pay("p1", 1000)
    made.pay("p2", 1000, account_id="ben")
    yield made
    made.home.close()


def back(desk: Desk, reference: str, amount: int, by: Operator = ANA, payment: str = "p1", **more: object) -> giving_back.GivenBack:
    """A refund (or another `kind`) of so many units."""
    desk.now_us += 1
    told = giving_back.Back(reference, str(more.get("kind") or "refund"), day("02-20"), payment, amount_micros=amount * UNIT, reason="why")
    return giving_back.give_back(desk.home, told, payments.Act(by, desk.now_us, bool(more.get("dry_run"))))


def agree(desk: Desk | World, proposal: int, by: Operator = CHIEF) -> agreeing.Agreed:
    desk.now_us += 1
    return agreeing.agree(desk.home, proposal, "looked at", Who(by.name, by.uid, desk.now_us))


# who gives how much of which payment back, after how many days; the last one: alone, or by two. 40 and 60 are 100, and 101 are more.
SUMS = [
    ("ana 100 p1", "alone"),
    ("ana 101 p1", "two"),
    ("ana 40 p1, ana 60 p1", "alone"),
    ("ana 40 p1, ana 61 p1", "two"),
    ("ana 40 p1, ana 61 p2", "two"),  # the same person, of two accounts
    ("ana 40 p1, ben 61 p1", "two"),  # the same account, by two persons
    ("ana 40 p1, ben 61 p2", "alone"),
    ("ana 40 p1, 31 days, ana 61 p1", "alone"),
    ("ana 40 p1, 29 days, ana 61 p1", "two"),
    ("ana 10 p1, " * 9 + "ana 10 p1", "alone"),
    ("ana 10 p1, " * 10 + "ana 10 p1", "two"),
    ("ana 500 p1 agreed, ana 100 p1", "alone"),  # what a second person agreed to is not in the sum
    ("ana 500 p1 refused, ana 100 p1", "alone"),
    ("ana 40 p1 reversed, ana 61 p2", "two"),
]


@pytest.mark.parametrize(("told", "ends"), SUMS)
def test_sums(desk: Desk, told: str, ends: str) -> None:
    answers = []
    for place, act in enumerate(told.split(", ")):
        words = act.split()
        if words[1] == "days":
            desk.now_us += int(words[0]) * DAY_US
            continue
        name, amount, payment, *then = words
        kind = "chargeback" if "reversed" in then else "refund"
        answers.append(back(desk, f"f{place}", int(amount), PEOPLE[name], payment, kind=kind))
        if "agreed" in then:
            agree(desk, answers[-1].proposal)
        if "refused" in then:
            agreeing.refuse(desk.home, answers[-1].proposal, "no", Who("chief", 2003, desk.now_us))
    assert ["two" if each.needs_second else "alone" for each in answers][-1] == ends
    assert desk.wrong() == []


def test_a_refund_waits_and_is_done_by_the_agreement(desk: Desk) -> None:
    before = desk.credit()
    tried = back(desk, "f1", 300, dry_run=True)
    assert (tried.needs_second, tried.proposal, tried.amount_micros) == (True, 0, 300 * UNIT)
    asked = back(desk, "f1", 300)
    assert (asked.needs_second, asked.proposal, desk.credit()) == (True, 1, before), "nothing went back"
    assert back(desk, "f1", 300) == asked, "once more: it waits"
    with pytest.raises(UserError, match="refund f1 waits as proposal 1 of ana, with other data"):
        back(desk, "f1", 301)
    with pytest.raises(UserError, match="proposal 1 was made by ana, who cannot agree to it"):
        agree(desk, 1, ANA)
    done = agree(desk, 1)
    assert (done.approval.decided_by, done.result.amount_micros, desk.credit()) == ("chief", 300 * UNIT, "p1=700.00")
    (event,) = giving_back.list_events(desk.home, "anna")
    assert (event.by_name, event.agreed_by) == ("ana", "chief")
    assert back(desk, "f1", 300).existed
    with pytest.raises(UserError, match="proposal 1 was agreed by chief"):
        agree(desk, 1)
    assert desk.wrong() == []


def test_it_is_looked_at_anew(desk: Desk) -> None:
    """950.00 are asked for; by the time of the agreement 100.00 of the 1000.00 have gone back."""
    back(desk, "f1", 950)
    back(desk, "f2", 100, BEN)
    with pytest.raises(UserError, match=r"refund f1: 900\.00 CNY of payment p1 have not gone back; 950\.00 cannot go back"):
        agree(desk, 1)
    with desk.home.connect() as connection:
        assert approvals.find(connection, 1).state == "waits"
    assert desk.credit().startswith("p1=900.00")


def test_all_there_is_must_be_what_was_looked_at(desk: Desk) -> None:
    desk.now_us += 1
    told = giving_back.Back("f1", "refund", day("02-20"), "p1")
    giving_back.give_back(desk.home, told, payments.Act(ANA, desk.now_us))
    back(desk, "f2", 100, BEN)
    with pytest.raises(UserError, match=r"proposal 1 was about 1000\.00 CNY, and comes to 900\.00 CNY now"):
        agree(desk, 1)


def test_more_than_was_looked_at_does_not_go_back(desk: Desk) -> None:
    """All there is of 1000.00 was 800.00 while 200.00 were charged back. They came again, and nobody agreed to 1000.00."""
    agree(desk, back(desk, "c1", 200, kind="chargeback").proposal)
    desk.now_us += 1
    asked = giving_back.give_back(desk.home, giving_back.Back("f1", "refund", day("02-20"), "p1"), payments.Act(ANA, desk.now_us))
    back(desk, "w1", 200, BEN, kind="chargeback_won")
    with pytest.raises(UserError, match=r"proposal 2 was about 800\.00 CNY, and comes to 1000\.00 CNY now"):
        agree(desk, asked.proposal)
    assert desk.credit().startswith("p1=1000.00")


def test_a_deposit_and_a_chargeback(desk: Desk) -> None:
    desk.deposit("d1", 500)
    movement = deposits.Movement("r1", "d1", "refunded", day("02-20"), 400 * UNIT)
    desk.now_us += 1
    held = deposits.move(desk.home, movement, payments.Act(ANA, desk.now_us))
    assert (held.needs_second, held.held_micros) == (True, 500 * UNIT)
    assert agree(desk, held.proposal).result.held_micros == 100 * UNIT
    asked = back(desk, "c1", 1000, kind="chargeback")
    assert agree(desk, asked.proposal).result.amount_micros == 1000 * UNIT
    assert not back(desk, "w1", 1000, kind="chargeback_won").needs_second, "money that comes again needs nobody"
    assert desk.wrong() == []


@pytest.fixture
def billed(world: World) -> World:
    """Anna's invoice of 13.79 is above the limit of 10.00."""
    customer(world).bill("2025-11-01")
    set_by_two(world.home, "give_back_limit_micros", str(1000 * CENT), world.tick)
    world.now_us = instant_us("2025-11-05T12:00:00")
    return world


def test_a_credit_note(billed: World) -> None:
    wanted = crediting.CreditRequest("K-1", "R-0000000001", None, None, "outside", "goodwill")
    who = Who("ana", 2001, billed.tick())
    tried = crediting.credit(billed.home, wanted, who, dry_run=True)
    assert (tried.needs_second, tried.total_micros) == (True, -1379 * CENT)
    asked = crediting.credit(billed.home, wanted, who)
    assert (asked.number, asked.net_micros, asked.tax_micros, asked.proposal) == ("", -1301 * CENT, -78 * CENT, 1)
    assert billed.numbers() == ["R-0000000001"]
    done = agree(billed, 1)
    assert (done.result.number, done.result.total_micros, wrong(billed)) == ("C-0000000001", -1379 * CENT, [])
    assert crediting.credit(billed.home, wanted, who).existed


def test_a_void(billed: World) -> None:
    who = Who("ana", 2001, billed.tick())
    asked = voiding.void(billed.home, "R-0000000001", "wrong", who, on=dt.date(2025, 11, 3))
    assert (asked.needs_second, asked.proposal, asked.postings) == (True, 1, 0)
    done = agree(billed, 1)
    assert (done.result.on_date, done.result.postings > 0, wrong(billed)) == ("2025-11-03", True, [])


def test_what_was_paid_since_cannot_be_void(billed: World) -> None:
    voiding.void(billed.home, "R-0000000001", "wrong", Who("ana", 2001, billed.tick()))
    payments.record(billed.home, "p1", "anna", 1379 * CENT, dt.date(2025, 11, 5), "", billed.tick())
    with pytest.raises(UserError, match="R-0000000001 is paid by payment p1: it cannot be void"):
        agree(billed, 1)


def test_what_the_bank_takes_counts(desk: Desk) -> None:
    """A payment of 60.00 bounced, and the bank takes 41.00 for it: 101.00 are gone."""
    desk.pay("p3", 60)
    desk.now_us += 1
    told = giving_back.Back("v1", "reversal", day("02-20"), "p3", fee_micros=41 * UNIT)
    asked = giving_back.give_back(desk.home, told, payments.Act(ANA, desk.now_us))
    assert (asked.needs_second, asked.proposal > 0) == (True, True)
    assert not back(desk, "f1", 100).needs_second, "nothing has been done yet"
    agree(desk, asked.proposal)


def test_the_second_of_two_who_agree_is_told_that_it_is_decided(desk: Desk) -> None:
    """Both looked at it while it waited: the money goes back once, and one name stands at it."""
    asked = back(desk, "f1", 300)
    with desk.home.connect() as connection:
        found = approvals.find(connection, asked.proposal)
    agree(desk, asked.proposal, CHIEF)
    with pytest.raises(UserError, match="agreed"):
        giving_back.give_back_agreed(desk.home, approvals.Agreement(found, Who(BEN.name, BEN.uid, desk.now_us + 1), ""))
    assert desk.credit() == "p1=700.00"


def test_a_run_that_two_people_undid_is_in_no_sum(world: World) -> None:
    customer(world)
    world.account("ben")
    world.subscription("ben-1", "ben", "shop/plus", "1002")
    set_by_two(world.home, "give_back_limit_micros", str(2000 * CENT), world.tick)
    world.bill("2025-11-01")
    world.catch_up()
    for person in (ANA, BEN):
        undoing.undo(world.home, 1, "wrong tariff", Who(person.name, person.uid, world.tick()))
    world.bill("2025-11-01")
    world.now_us = max(world.now_us, instant_us("2025-11-03T12:00:00"))
    done = voiding.void(world.home, world.numbers("anna")[-1], "wrong", Who(BEN.name, BEN.uid, world.tick()))
    assert not done.needs_second


@pytest.mark.parametrize("reason", ["evil\x1b[31m", "one\ntwo", "\u200b", "a\u202eb"])
def test_a_reason_is_one_line_of_signs_that_can_be_seen(world: World, reason: str) -> None:
    customer(world)
    world.bill("2025-11-01")
    who = Who(ANA.name, ANA.uid, world.tick())
    for act in (
        lambda: undoing.undo(world.home, 1, reason, who),
        lambda: voiding.void(world.home, "R-0000000001", reason, who),
        lambda: setting_changes.put(world.home, "give_back_limit_micros", "1", ANA.name, ANA.uid, who.now_us, reason=reason),
        lambda: agreeing.refuse(world.home, 1, reason, who),
    ):
        with pytest.raises(UserError, match=r"line breaks or signs that cannot be printed|needs a reason"):
            act()


def test_a_discount_told_in_arrears_gives_back_with_one_person_as_far_back_as_periods_are_open(world: World) -> None:
    """Half of 10.00 a month and its tax, of April and of three of the six months before, though one person may give back nothing alone."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    set_by_two(world.home, "give_back_limit_micros", "0", world.tick)
    for month in ("2025-11", "2025-12", "2026-01", "2026-02", "2026-03", "2026-04"):
        world.bill(f"{month}-01")
    half = DiscountFact(name="half", percent_ppm=500_000)
    agreements.agree(world.home, Asked(ANA, world.tick()), "anna", "discount", dt.date(2025, 10, 1), None, half)
    world.bill("2026-05-01")
    assert totals(world, "anna") == [*[1060] * 6, 530 - 3 * 530]
