"""The end of a month: accounts are brought to what they should hold, once, and the month is closed to everything else.

Plan `plus` of the world: 30.00 a month in arrears, 3.00 in advance, a national call 0.10 a begun minute; revenue code of fees 5000, of
national calls 4010. Tax 6 %. Amounts below are cents.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing import invoicing, ledger
from billing.accounting import balances, check, closing, month_end, unbilled
from billing.accounting.month_end import month_of
from billing.documents import crediting, voiding
from billing.ledger import closed_months
from billing.ledger.closed_months import Standing, Who
from billing.persons import Turn
from billing.runs import cycle, reports, states
from billing.store import tables
from rating.errors import ProblemsError, UserError
from tests.billing.runs.world import Call

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.store.home import Home
    from tests.billing.runs.world import World

CENT = 10_000
FEES, CALLS = 5000, 4010


def clerk(world: World, uid: int = 1) -> Who:
    return Who(f"clerk {uid}", uid, world.tick())


def unbilled_cents(world: World, month: str) -> dict[int, int]:
    return {code: amount // CENT for (_, code, _), amount in unbilled.targets(world.home, month_of(month)).unbilled.items()}


def deferred_cents(world: World, month: str) -> dict[int, int]:
    wanted = month_of(month)
    with world.home.connect() as connection:
        found = month_end.deferred_targets(connection, wanted, unbilled.targets(world.home, wanted).ahead)
    return {code: amount // CENT for (_, code, _), amount in found.items()}


def close(world: World, month: str, *, dry_run: bool = False) -> closing.Closing:
    wanted = month_of(month)
    return closing.close(world.home, wanted, "", unbilled.targets(world.home, wanted), "", clerk(world), dry_run=dry_run)


def held(world: World, account: str, through: str) -> int:
    with world.home.connect() as connection:
        return balances.balance_of(connection, account, "", "CNY", dt.date.fromisoformat(through)) // CENT


@pytest.fixture
def plus(world: World) -> World:
    """One customer with bill day 15 since 1 October."""
    world.account("a", bill_day=15)
    world.subscription("s", "a", "shop/plus", "8613800000001")
    world.now_us = at_us("2026-01-05T00:00")
    return world


def at_us(text: str) -> int:
    return int(dt.datetime.fromisoformat(text + "+00:00").timestamp()) * 1_000_000


def test_unbilled_is_what_was_used_and_owed_by_the_last_day(plus: World) -> None:
    plus.take(Call("8613800000001", "2025-10-31T23:50", 120), Call("8613800000001", "2025-11-01T00:10", 60))
    plus.bill("2025-10-15")
    # 15 October: 30.00 x 14/30 in arrears and 3.00 x 14/30 for the first two weeks, 3.00 in advance to 15 November
    assert unbilled_cents(plus, "2025-10") == {FEES: 1645, CALLS: 20}  # 30.00 x 17/31 = 16.45; the call of 1 November is not October's
    plus.bill("2025-11-15")
    assert unbilled_cents(plus, "2025-10") == {FEES: 1645, CALLS: 20}, "what is invoiced later was unbilled at the end of October"
    assert unbilled_cents(plus, "2025-11") == {FEES: 1600}  # 30.00 x 16/30


def test_a_bill_dated_the_first_of_the_next_month_is_not_of_this_one(world: World) -> None:
    world.account("a")
    world.subscription("s", "a", "shop/plus", "8613800000001")
    before = unbilled_cents(world, "2025-10")
    world.bill("2025-11-01")
    assert before == {FEES: 3300}, "30.00 in arrears, and 3.00 in advance that no bill has had"
    assert unbilled_cents(world, "2025-10") == before
    assert unbilled_cents(world, "2025-11") == {FEES: 3000}, "the fee of November in advance is billed"


@pytest.mark.parametrize(
    ("minutes", "to_date", "cents"),
    [
        (15, None, 0),  # of 20 free ones
        (26, None, 60),
        (15, "2025-12-03", 30),  # known to end after 18 of 30 days: 12 free ones
    ],
)
def test_usage_within_the_allowance_of_the_whole_period_earns_nothing(world: World, minutes: int, to_date: str | None, cents: int) -> None:
    """0.10 a minute, from 15 November to 15 December: what the bill has for the calls of November is what November has earned."""
    world.account("a", bill_day=15, opened_on="2025-11-15")
    world.subscription("s", "a", "shop/basic", "8613800000001", from_date="2025-11-15", to_date=to_date)
    world.take(Call("8613800000001", "2025-11-20T10:00", minutes * 60))
    assert unbilled_cents(world, "2025-11").get(CALLS, 0) == cents
    world.bill("2025-12-15")
    assert [amount for text, *_, amount in world.lines("R-0000000001") if text == "National calls"] == [cents]


def test_a_fee_in_advance_is_deferred_by_the_days_ahead(plus: World) -> None:
    plus.bill("2025-10-15")
    assert deferred_cents(plus, "2025-10") == {FEES: 135}  # 3.00 x 14/31 = 1.3548


def test_closing_brings_accounts_to_their_targets_and_the_next_month_turns_them_back(plus: World) -> None:
    plus.bill("2025-10-15")
    close(plus, "2025-09")
    done = close(plus, "2025-10")
    assert [(each.kind, each.code, each.moved_micros // CENT) for each in done.entries] == [
        ("deferred", FEES, 135),
        ("unbilled", FEES, 1645),
    ]
    assert held(plus, "unbilled:5000", "2025-10-31") == 1645
    assert held(plus, "deferred:5000", "2025-10-31") == -135
    assert held(plus, "revenue:5000", "2025-10-31") == -(1400 + 140 + 300 + 1645 - 135)  # invoiced 14.00 + 1.40 + 3.00
    plus.bill("2025-11-15")
    done = close(plus, "2025-11")
    assert [(each.kind, each.held_micros // CENT, each.target_micros // CENT) for each in done.entries] == [
        ("deferred", 135, 140),  # 3.00 x 14/30 of 15 November to 15 December
        ("unbilled", 1645, 1600),
        ("provision", 0, 195),  # 19.50 is 32 days past due: 10 %
    ]
    assert all(each.ok for each in check.check(plus.home))


def test_a_month_is_closed_once_and_takes_nothing_more(plus: World) -> None:
    plus.bill("2025-10-15")
    close(plus, "2025-10")
    assert close(plus, "2025-10").entries == ()
    late = ledger.Posting("X-1", 1, "line", "receivable:a", "revenue:5000", "CNY", 500, "2025-10-31")
    with pytest.raises(UserError, match="the books for 2025-10 are closed"), plus.home.begin() as connection:
        ledger.post(connection, [late], plus.home.next_commit_seq(connection, "invoice", plus.tick()))
    assert all(each.ok for each in check.check(plus.home))


def reopened(world: World, month: str) -> None:
    for uid in (1, 2):
        closed_months.reopen(world.home, "", month, "a late document", clerk(world, uid))


@pytest.mark.parametrize(
    ("at", "closed"),
    [
        ("2025-10-31T15:59", False),  # 23:59 in Shanghai, where the customer lives
        ("2025-10-31T16:00", True),
        ("2024-12-31T00:00", False),
    ],
)
def test_a_month_is_closed_when_it_is_over_for_its_customers(plus: World, at: str, *, closed: bool) -> None:
    plus.now_us = at_us("2025-10-20T00:00")
    plus.bill("2025-10-15")
    plus.now_us = at_us(at)
    seen = close(plus, "2025-10", dry_run=True)
    assert any("2025-10 is not over" in each for each in seen.obstacles) is not closed
    if closed:
        assert close(plus, "2025-10").closed
    else:
        with pytest.raises(ProblemsError, match="1 mistake"):
            close(plus, "2025-10")
        assert held(plus, "unbilled:5000", "2025-10-31") == 0


def test_a_month_that_is_closed_again_posts_the_difference(plus: World) -> None:
    plus.bill("2025-10-15")
    close(plus, "2025-10")
    reopened(plus, "2025-10")
    credit_in_advance(plus, "2025-10-20")
    # the fee in advance was 3.00 to 15 November: 14 of 31 days ahead, 1.35; without 2.00 of it 1.00 x 14/31 = 0.45
    assert [(each.kind, each.moved_micros // CENT) for each in close(plus, "2025-10", dry_run=True).entries] == [("deferred", -90)]
    assert [(each.kind, each.moved_micros // CENT) for each in close(plus, "2025-10").entries] == [("deferred", -90)]
    assert held(plus, "deferred:5000", "2025-10-31") == -45
    assert close(plus, "2025-10", dry_run=True).entries == ()
    assert entries(plus) == ["deferred::2025-10", "deferred::2025-10:2", "unbilled::2025-10"]
    reopened(plus, "2025-10")
    assert close(plus, "2025-10").entries == (), "nothing has changed"
    assert all(each.ok for each in check.check(plus.home))


def test_a_heading_that_holds_nothing_any_more_is_turned_back_when_its_month_is_closed_again(plus: World) -> None:
    plus.bill("2025-10-15")
    close(plus, "2025-10")
    reopened(plus, "2025-10")
    voiding.void(plus.home, "R-0000000001", "wrong", clerk(plus), on=dt.date(2025, 10, 20))
    done = close(plus, "2025-10")
    assert [(each.kind, each.held_micros // CENT, each.target_micros // CENT) for each in done.entries if each.kind == "deferred"] == [
        ("deferred", 135, 0)
    ]
    assert held(plus, "deferred:5000", "2025-10-31") == 0


def test_the_entries_and_the_closing_are_one_commit(plus: World) -> None:
    plus.bill("2025-10-15")
    close(plus, "2025-10")
    with plus.home.connect() as connection:
        (closing_seq,) = [each.commit_seq for each in closed_months.events(connection)]
        found = set(connection.execute(sa.select(tables.journal_entries.c.commit_seq)).scalars())
        posted = set(connection.execute(sa.select(tables.postings.c.commit_seq).where(tables.postings.c.leg != "line")).scalars())
    assert found == posted == {closing_seq}


def entries(world: World) -> list[str]:
    row = tables.journal_entries.c
    with world.home.connect() as connection:
        return list(connection.execute(sa.select(row.document).order_by(row.document)).scalars())


def credit_in_advance(world: World, on: str) -> None:
    """Credit 2.00 of the fee in advance from 15 October to 15 November."""
    places = [each.line_no for each in invoicing.get_invoice(world.home, "R-0000000001").lines if each.period_to == "2025-11-15"]
    wanted = crediting.CreditRequest("late", "R-0000000001", places[0], 200 * CENT, "outside", "goodwill")
    crediting.credit(world.home, wanted, clerk(world), on=dt.date.fromisoformat(on))


@pytest.mark.parametrize(("void_on", "cents"), [(None, 45), ("2025-10-31", 135), ("2025-11-01", 45)])
def test_a_credit_note_holds_revenue_back_until_it_is_void(plus: World, void_on: str | None, cents: int) -> None:
    """3.00 in advance for 31 days, 2.00 of them given back, 14 days ahead: 3.00 x 14/31 = 1.35 less 2.00 x 14/31 = 0.90."""
    plus.bill("2025-10-15")
    credit_in_advance(plus, "2025-10-20")
    if void_on is not None:
        voiding.void(plus.home, "C-0000000001", "a mistake", clerk(plus), on=dt.date.fromisoformat(void_on))
    assert deferred_cents(plus, "2025-10") == {FEES: cents}


def test_reopening_takes_two_people(plus: World) -> None:
    plus.bill("2025-10-15")
    close(plus, "2025-10")
    turns: list[Turn] = []
    assert closed_months.reopen(plus.home, "", "2025-10", "a late invoice", clerk(plus), turns.append) is Standing.REOPEN_ASKED
    with pytest.raises(UserError, match="cannot agree to it"):
        closed_months.reopen(plus.home, "", "2025-10", "a late invoice", clerk(plus))
    with plus.home.connect() as connection, pytest.raises(UserError, match="are closed"):
        closed_months.require_open(connection, [("", "2025-10")])
    assert closed_months.reopen(plus.home, "", "2025-10", "seen", clerk(plus, uid=2), turns.append) is Standing.REOPENED
    assert turns == [Turn.ASKS, Turn.AGREES]
    with plus.home.connect() as connection:
        closed_months.require_open(connection, [("", "2025-10")])
    with pytest.raises(UserError, match="are not closed"):
        closed_months.reopen(plus.home, "", "2025-10", "once more", clerk(plus))


def test_the_newest_closed_month_is_reopened_first(plus: World) -> None:
    """What October ends with November begins with: nothing changes in it while November stands."""
    plus.bill("2025-10-15")
    plus.bill("2025-11-15")
    for month in ("2025-10", "2025-11"):
        close(plus, month)
    for uid in (1, 2):
        with pytest.raises(UserError, match="the books for 2025-11 are closed, and begin with what 2025-10 ends with") as caught:
            closed_months.reopen(plus.home, "", "2025-10", "a late document", clerk(plus, uid))
        assert "ratewright ledger reopen --month 2025-11 --reason" in (caught.value.remedy or "")
    reopened(plus, "2025-11")
    reopened(plus, "2025-10")
    voiding.void(plus.home, "R-0000000001", "wrong", clerk(plus), on=dt.date(2025, 10, 20))
    assert any("the books for 2025-10 are still open" in each for each in close(plus, "2025-11", dry_run=True).obstacles)
    # 33.50 is unbilled again: 15.40, and 16.45 and 1.65 of 30.00 and 3.00 for 17 of 31 days
    assert [(each.kind, each.target_micros // CENT) for each in close(plus, "2025-10").entries] == [("deferred", 0), ("unbilled", 3350)]
    close(plus, "2025-11")
    assert all(each.ok for each in check.check(plus.home))


def test_nothing_goes_into_a_month_without_postings_before_a_closed_one(plus: World) -> None:
    plus.bill("2025-10-15")
    close(plus, "2025-10")
    early = ledger.Posting("X-1", 1, "line", "receivable:a", "revenue:5000", "CNY", 500, "2025-08-31")
    with pytest.raises(UserError, match="the books for 2025-08 are closed, as are all through 2025-10"), plus.home.begin() as connection:
        ledger.post(connection, [early], plus.home.next_commit_seq(connection, "invoice", plus.tick()))
    with pytest.raises(ProblemsError) as caught:
        close(plus, "2025-08")
    assert [(each.message, each.remedy) for each in caught.value.problems] == [
        ("the books for 2025-10 are closed", "have two people reopen 2025-10, and close it after this one")
    ]


def test_every_month_before_is_in_the_way_while_it_is_open(plus: World) -> None:
    """October has postings, November and December have none."""
    plus.bill("2025-10-15")
    plus.now_us = at_us("2026-02-05T00:00")
    with pytest.raises(ProblemsError) as caught:
        close(plus, "2026-01")
    assert [(each.message, each.remedy) for each in caught.value.problems] == [
        ("the books for 2025-10 are still open", "close 2025-10 first")
    ]
    close(plus, "2025-10")
    assert close(plus, "2026-01", dry_run=True).obstacles == ()


@pytest.mark.parametrize("runs", [(), ("2025-11-15",), ("2025-11-15", "2025-12-15")])
def test_a_void_counts_by_its_date_whenever_it_is_recorded(plus: World, runs: tuple[str, ...]) -> None:
    """What was billed on 15 October is void since 20 October: 14.00 and 1.40, and of 30.00 and 3.00 17 of 31 days: 16.45 and 1.65."""
    plus.bill("2025-10-15")
    for date in runs:
        plus.bill(date)
    voiding.void(plus.home, "R-0000000001", "wrong", clerk(plus), on=dt.date(2025, 10, 20))
    assert (unbilled_cents(plus, "2025-10"), deferred_cents(plus, "2025-10")) == ({FEES: 1400 + 140 + 1645 + 165}, {})
    plus.bill("2026-01-15")
    assert (unbilled_cents(plus, "2025-10"), deferred_cents(plus, "2025-10")) == ({FEES: 3350}, {}), "billed again in January"


def test_an_invoice_that_is_made_anew_in_a_later_month_leaves_what_was_unbilled(plus: World) -> None:
    """What was billed on 15 November is void since the 20th: 30.00, and of 30.00 and 3.00 16 of 30 days: 16.00, 1.60; anew in January."""
    plus.bill("2025-10-15")
    plus.bill("2025-11-15")
    voiding.void(plus.home, "R-0000000002", "wrong", clerk(plus), on=dt.date(2025, 11, 20))
    owed = (unbilled_cents(plus, "2025-11"), deferred_cents(plus, "2025-11"))
    assert owed == ({FEES: 3000 + 1600 + 160}, {})
    voiding.reissue(plus.home, "R-0000000002", clerk(plus))
    assert invoicing.get_invoice(plus.home, "R-0000000003").summary.issued_on == "2026-01-05"
    assert (unbilled_cents(plus, "2025-11"), deferred_cents(plus, "2025-11")) == owed
    # December: of the bills of 15 November both months stand unbilled, and 17 of 31 days of the next one
    assert unbilled_cents(plus, "2025-12") == {FEES: 3000 + 3000 + 300 + 1645 + 165}


# first and second month of the account: 14.00 + 1.40 and, of 30.00 and 3.00 to 14 November, 17 of 31 days are October: 16.45 + 1.65
ORDERS = (
    ("run 10-15, void, run 10-30", "2025-10", 1645, 135, "the run of 30 October bills the first month again, and 3.00 in advance"),
    ("run 10-15, void, run 10-30, anew", "2025-10", 1645, 135, "there is nothing left to bill anew"),
    ("run 10-15, void, anew, run 10-30", "2025-10", 3350, 0, "it was billed anew in January: the run of 30 October finds nothing to bill"),
    ("run 11-15, run 10-30", "2025-10", 3350, 0, "what the run of 15 November billed is November's, whatever came after it"),
    ("run 10-15, void 11-20, run 10-30", "2025-10", 105, 435, "billed twice until 20 November: 16.45 - 15.40, and of 6.00 are 1.65 used"),
    ("run 11-15, void 12-02, run 10-30", "2025-11", -240, 140, "16.00, less 14.00 + 1.40 + 3.00 that stand billed twice until December"),
    ("run 10-15, void, anew, run 11-15", "2025-11", 3440, 140, "14.00 + 1.40 + 3.00 are anew in January; and 16.00 of 16 of 30 days"),
)  # fmt: skip


@pytest.mark.parametrize(("acts", "month", "owed", "ahead", "why"), ORDERS, ids=[each[0] for each in ORDERS])
def test_a_bill_is_of_its_own_month_in_any_order(plus: World, acts: str, month: str, owed: int, ahead: int, why: str) -> None:  # noqa: PLR0913, PLR0917 -- a row
    """It is 5 January. The void is of 20 October."""
    for act in acts.split(", "):
        if act.startswith("run"):
            plus.bill(f"2025-{act[4:]}")
        elif act.startswith("void"):
            voiding.void(plus.home, "R-0000000001", "wrong", clerk(plus), on=dt.date.fromisoformat(f"2025-{act[5:] or '10-20'}"))
        else:
            voiding.reissue(plus.home, "R-0000000001", clerk(plus))
    assert (unbilled_cents(plus, month), deferred_cents(plus, month)) == ({FEES: owed}, {FEES: ahead} if ahead else {}), why


def test_a_document_that_comes_while_the_month_is_closed_is_in_the_way(plus: World) -> None:
    plus.bill("2025-10-15")
    month = month_of("2025-10")
    charged = unbilled.targets(plus.home, month)
    voiding.void(plus.home, "R-0000000001", "wrong", clerk(plus), on=dt.date(2025, 10, 20))
    with pytest.raises(UserError, match="documents were issued or made void while the end of the month was worked out"):
        closing.close(plus.home, month, "", charged, "", clerk(plus))
    assert entries(plus) == []
    assert close(plus, "2025-10").closed


@pytest.mark.parametrize(("bill_date", "issued_on"), [("2025-10-15", None), ("2025-11-15", "2025-10-31")])
def test_a_run_that_begins_while_the_month_is_closed_is_in_the_way(
    plus: World, monkeypatch: pytest.MonkeyPatch, bill_date: str, issued_on: str | None
) -> None:
    """It is a run of October by its own date or by that of its invoices."""
    date, issued = dt.date.fromisoformat(bill_date), issued_on and dt.date.fromisoformat(issued_on)
    order = cycle.Order(trial=True, accounts=frozenset({"a"}), issued_on=issued or None)

    def checked(home: Home, *, real: Callable[[Home], list[check.Checked]] = check.check) -> list[check.Checked]:
        cycle.run(home, date, plus.tick(), order=order)
        return real(home)

    monkeypatch.setattr(check, "check", checked)
    with pytest.raises(ProblemsError) as caught:
        close(plus, "2025-10")
    assert [each.message for each in caught.value.problems] == [f"the bill run of {bill_date} is computed"]
    monkeypatch.undo()
    cycle.run(plus.home, date, plus.begun(date))
    assert close(plus, "2025-10").closed


def test_a_run_numbers_nothing_in_a_month_that_is_closed_by_then(plus: World) -> None:
    """It can still be abandoned."""
    cycle.run(plus.home, dt.date(2025, 10, 15), plus.begun(dt.date(2025, 10, 15)), order=cycle.Order(trial=True))
    closed_months.close(plus.home, "", "2025-10", "", clerk(plus))
    with pytest.raises(UserError, match="the books for 2025-10 are closed"):
        cycle.run(plus.home, dt.date(2025, 10, 15), plus.begun(dt.date(2025, 10, 15)))
    assert invoicing.list_invoices(plus.home) == []
    cycle.abandon(plus.home, dt.date(2025, 10, 15), states.Step(plus.tick()))
    plus.bill("2025-11-15")


def test_a_document_that_no_run_of_the_cycle_makes_is_refused_whole(plus: World) -> None:
    plus.bill("2025-10-15")
    close(plus, "2025-10")
    wanted = crediting.CreditRequest("n", "R-0000000001", 1, CENT, "outside", "goodwill")
    with pytest.raises(UserError, match="the books for 2025-10 are closed"):
        crediting.credit(plus.home, wanted, clerk(plus), on=dt.date(2025, 10, 31))
    assert [each.number for each in invoicing.list_invoices(plus.home)] == ["R-0000000001"]
    assert len(reports.list_runs(plus.home)) == 1


def test_a_run_whose_list_was_rejected_is_not_in_the_way(plus: World) -> None:
    report = cycle.run(plus.home, dt.date(2025, 10, 15), plus.begun(dt.date(2025, 10, 15)), order=cycle.Order(trial=True))
    states.decide(plus.home, report.run_id, states.DECISION_REJECTED, states.By("ada", 1), "wrong", plus.tick())
    assert close(plus, "2025-10").closed


def test_what_stands_in_the_way_is_told_at_once_and_nothing_is_posted(plus: World) -> None:
    plus.bill("2025-10-15")
    plus.bill("2025-11-15")
    plus.execute("UPDATE postings SET amount_micros = amount_micros + 10000 WHERE document = 'R-0000000002' AND line_no = 1")
    wrong = close(plus, "2025-11", dry_run=True)
    assert not wrong.closed
    assert any("the books for 2025-10 are still open" in each for each in wrong.obstacles)
    assert any("R-0000000002 1 line: amount_micros is" in each for each in wrong.obstacles)
    with pytest.raises(ProblemsError):
        close(plus, "2025-11")
    assert held(plus, "unbilled:5000", "2025-11-30") == 0


def test_the_check_names_the_first_difference(plus: World) -> None:
    plus.bill("2025-10-15")
    assert all(each.ok for each in check.check(plus.home))
    plus.execute("DELETE FROM postings WHERE line_no = 2")
    found = {each.name: each.first_difference for each in check.check(plus.home)}
    assert found["lines of documents = postings"] == "posting R-0000000001 2 line: is missing"


def test_a_posting_into_a_closed_month_behind_the_back_is_found(plus: World) -> None:
    plus.bill("2025-10-15")
    close(plus, "2025-10")
    plus.bill("2025-11-15")
    plus.execute("UPDATE postings SET posted_on = '2025-10-31' WHERE document = 'R-0000000002'")
    found = {each.name: each.first_difference for each in check.check(plus.home)}
    assert "when 2025-10 was closed" in found["closed months have nothing new"]


def test_more_than_a_posting_holds_is_refused() -> None:
    """The most is 2**63 - 1 micro-units."""
    held = month_end.Moved("unbilled", "", FEES, "CNY", 0, 2**63 - 1)
    assert month_end.posting_of(month_end.UNBILLED, month_of("2025-10"), "unbilled::2025-10", held).amount_micros == 2**63 - 1
    for target in (2**63, -(2**63)):
        more = month_end.Moved("unbilled", "", FEES, "CNY", 0, target)
        with pytest.raises(UserError, match=r"moves by -?9223372036854.775808 CNY: a posting holds 9223372036854.775807 at most"):
            month_end.posting_of(month_end.UNBILLED, month_of("2025-10"), "unbilled::2025-10", more)
