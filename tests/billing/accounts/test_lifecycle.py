"""What happens to subscriptions: what is said of it, what is kept, and that asking twice changes nothing."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing.accounts import agreements, lifecycle, lookup, numbers
from billing.accounts.facts import ends_learned_later, subscription_facts
from billing.store import tables
from rating.dates import instant_of
from rating.errors import UserError
from tests.billing.accounts.operator_home import ASKED, DRY, NOW_US, day, make

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing.accounts.lookup import AccountDetail, SubscriptionLine
    from billing.accounts.recording import Asked, Done
    from billing.store.home import Home

FACTS = (tables.subscriptions, tables.plan_facts, tables.guiding_facts, tables.account_facts, tables.subscription_facts, tables.commits)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with make(tmp_path_factory.mktemp("lifecycle")) as opened:
        yield opened


def counts(home: Home) -> list[int]:
    with home.connect() as connection:
        return [connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in FACTS]


def done_once(home: Home, act: Callable[[Asked], Done]) -> str:
    """What is said: the same by a dry run, which stores nothing; asked a second time nothing changes."""
    before = counts(home)
    rehearsed = act(DRY)
    assert counts(home) == before, "a dry run stores nothing"
    assert (rehearsed.dry_run, rehearsed.commit_seq, rehearsed.existed) == (True, None, False)
    done = act(ASKED)
    assert done.said == rehearsed.said
    assert not done.existed
    after = counts(home)
    assert after != before
    again = act(ASKED)
    assert (again.existed, again.commit_seq) == (True, None)
    assert counts(home) == after, "asked twice"
    return "\n".join(done.said)


def line(home: Home, account: str, subscription: str, on: str = "2026-03-10") -> SubscriptionLine:
    return next(each for each in show(home, account, on).subscriptions if each.subscription_id == subscription)


def show(home: Home, account: str, on: str = "2026-03-10") -> AccountDetail:
    return lookup.show_account(home, account, day(on))


def facts(home: Home, account: str) -> list[tuple[str, str, str, str | None, str]]:
    return [(each.about, each.kind, each.from_date, each.to_date, each.says) for each in show(home, account).facts]


def activate(home: Home, name: str, account: str = "A1", plan: str = "mobile/basic", on: str = "2026-03-10", *served: str) -> None:
    lifecycle.activate(home, ASKED, lifecycle.Activation(name, account, plan, day(on), served))


def test_activation(home: Home) -> None:
    wanted = lifecycle.Activation("A1-3", "A1", "mobile/basic", day("2026-03-10"), ("8613900000001",))
    said = done_once(home, lambda asked: lifecycle.activate(home, asked, wanted))
    assert said == (
        "A1-3 of A1 begins on 2026-03-10 with mobile/basic\n"
        "A1-3 has 8613900000001 from 2026-03-10 00:00:00+08:00 on\n"
        "mobile/basic: 22 of 31 days of the period to 2026-03-31\n"
        "Basic: 10.00 CNY a period, in arrears\n"
        "Activation: 5.00 CNY once\n"
        "the bill of 2026-04-01 is the first to show it"
    )
    made = line(home, "A1", "A1-3")
    assert (made.plan, made.from_date, made.to_date, made.numbers) == ("mobile/basic", "2026-03-10", None, ["8613900000001"])


# what is other than the subscription that is there, or cannot be | message
NOT_ACTIVATED = [
    (("A1-1", "A2", "mobile/basic", "2025-10-01", ()), "subscription A1-1 exists with account A1, not A2"),
    (("A1-1", "A1", "mobile/plus", "2025-10-01", ()), "subscription A1-1 exists with plan mobile/basic, not mobile/plus"),
    (("A1-1", "A1", "mobile/basic", "2025-10-02", ()), "subscription A1-1 exists with from 2025-10-01, not 2025-10-02"),
    (("A1-1", "A1", "mobile/basic", "2025-10-01", ("861",)), "subscription A1-1 exists without number 861"),
    (("N-1", "A9", "mobile/basic", "2026-03-10", ()), "account A9 is unknown"),
    (("N-1", "A1", "mobile/none", "2026-03-10", ()), "plan mobile/none is in no published catalogue"),
    (("N-1", "A1", "euro/basic", "2026-03-10", ()), "plan euro/basic is in EUR, account A1 in CNY"),
    (("N-1", "A1", "mobile/old", "2026-03-10", ()), "plan mobile/old is not sold on 2026-03-10"),
    (("N-1", "A1", "mobile/basic", "1969-03-10", ()), "account A1 is opened on 2025-10-01: the days before would be billed to no account"),
    (("N/1", "A1", "mobile/basic", "2026-03-10", ()), "subscription 'N/1' cannot be used"),
    (("N-1", "A1", "mobile/basic", "2026-03-10", ("+8613800000001",)), "number '+8613800000001' cannot be used"),
    (("N-1", "A1", "mobile/basic", "2026-03-10", ("8613800000001",)), "8613800000001 belongs to A1-1 from 2025-10-01 00:00:00+08:00"),
]


@pytest.mark.parametrize(("wanted", "message"), NOT_ACTIVATED)
def test_what_cannot_be_activated(home: Home, wanted: tuple[str, str, str, str, tuple[str, ...]], message: str) -> None:
    name, account, plan, from_date, served = wanted
    before = counts(home)
    with pytest.raises(UserError) as caught:
        lifecycle.activate(home, ASKED, lifecycle.Activation(name, account, plan, day(from_date), served))
    assert caught.value.message.startswith(message)
    assert counts(home) == before


def test_a_plan_change_within_a_period(home: Home) -> None:
    activate(home, "C-1", on="2026-01-05")
    said = done_once(home, lambda asked: lifecycle.change_plan(home, asked, "C-1", "mobile/plus", day("2026-03-11")))
    assert said == (
        "C-1 has mobile/plus from 2026-03-11 on, and mobile/basic until then\n"
        "mobile/basic: 10 of 31 days of the period to 2026-03-31\n"
        "mobile/plus: 21 of 31 days of the period to 2026-03-31\n"
        "Plus: 30.00 CNY a period, in advance\n"
        "the bill of 2026-03-01 is the first to show it, with the fees in advance"
    )
    assert line(home, "A1", "C-1", "2026-03-10").plan == "mobile/basic"
    assert line(home, "A1", "C-1", "2026-03-11").plan == "mobile/plus"


def test_a_plan_change_at_the_end_of_the_cycle_is_on_the_next_bill_date(home: Home) -> None:
    """Now is 1 March, 08:00 in Shanghai; B1 bills on the 15th."""
    said = done_once(home, lambda asked: lifecycle.change_plan(home, asked, "B1-1", "mobile/plus", None))
    assert said.startswith("B1-1 has mobile/plus from 2026-03-15 on, and mobile/basic until then")
    assert lifecycle.today(home, "B1-1", NOW_US) == day("2026-03-01")


def test_a_day_outside_the_life_has_no_plan_change(home: Home) -> None:
    with pytest.raises(UserError, match="A2-1 is not active on 2026-06-01"):
        lifecycle.change_plan(home, ASKED, "A2-1", "mobile/plus", day("2026-06-01"))


def test_add_ons_come_and_go(home: Home) -> None:
    activate(home, "O-1", plan="mobile/plus", on="2026-01-05")
    said = done_once(home, lambda asked: lifecycle.change_add_on(home, asked, "O-1", "travel", day("2026-03-20"), adds=True))
    assert said.startswith("O-1 has mobile/plus+travel from 2026-03-20 on, and mobile/plus until then")
    assert "Travel: 8.00 CNY a period, in arrears" in said
    said = done_once(home, lambda asked: lifecycle.change_add_on(home, asked, "O-1", "travel", day("2026-04-20"), adds=False))
    assert said.startswith("O-1 has mobile/plus from 2026-04-20 on, and mobile/plus+travel until then")
    with pytest.raises(UserError, match="plan mobile/plus has no add-on surf") as refused:
        lifecycle.change_add_on(home, ASKED, "O-1", "surf", day("2026-05-01"), adds=True)
    assert refused.value.remedy == "add-ons that it can have: travel"


def test_two_pauses_in_a_year(home: Home) -> None:
    activate(home, "P-1", on="2026-01-05")
    said = done_once(home, lambda asked: lifecycle.pause(home, asked, "P-1", day("2026-03-10"), None, "abroad"))
    assert said.startswith("P-1 is paused from 2026-03-10 until it is resumed")
    said = done_once(home, lambda asked: lifecycle.resume(home, asked, "P-1", day("2026-03-20")))
    assert said.startswith("P-1 is paused from 2026-03-10 and resumes on 2026-03-20")
    done_once(home, lambda asked: lifecycle.pause(home, asked, "P-1", day("2026-08-01"), day("2026-08-11"), ""))
    done_once(home, lambda asked: lifecycle.resume(home, asked, "P-1", day("2026-08-05")))
    assert [fact for fact in facts(home, "A1") if fact[0] == "P-1"] == [
        ("P-1", "pause", "2026-03-10", "2026-03-20", "paused (abroad)"),
        ("P-1", "pause", "2026-08-01", "2026-08-05", "paused"),
    ]


def test_a_pause_that_never_was_is_none_without_an_end_either(home: Home) -> None:
    activate(home, "N-1", on="2026-01-05")
    lifecycle.pause(home, ASKED, "N-1", day("2026-03-10"), None, "abroad")
    lifecycle.resume(home, ASKED, "N-1", day("2026-03-20"))
    with home.connect() as connection:
        pause = max(subscription_facts(connection, kinds=["pause"]), key=lambda each: each.commit_seq)
    agreements.retract(home, ASKED, "A1", pause.fact_id, "never asked for", of_subscription=True)
    with home.connect() as connection:
        now = subscription_facts(connection, kinds=["pause"])
        before = subscription_facts(connection, pause.commit_seq, kinds=["pause"])
    own = [[each.to_date for each in held if each.subject == pause.subject] for held in (before, now)]
    assert own == [[day("2026-03-20")], []]


def _pause(home: Home, from_date: str, to_date: str) -> Done:
    return lifecycle.pause(home, ASKED, "Q-1", day(from_date), day(to_date), "")


# act | message
NOT_PAUSED = [
    (lambda home: _pause(home, "2026-03-15", "2026-04-01"), "Q-1 is paused from 2026-03-10 to 2026-03-19, and again from 2026-03-15"),
    (lambda home: _pause(home, "2026-03-05", "2026-03-11"), "Q-1 is paused from 2026-03-05 to 2026-03-10, and again from 2026-03-10"),
    (lambda home: _pause(home, "2026-03-10", "2026-03-19"), "Q-1 has a fact pause from 2026-03-10 with to_date 2026-03-20, not 2026-03-19"),
    (lambda home: _pause(home, "2026-01-04", "2026-01-05"), "Q-1 is not active on 2026-01-04"),
    (lambda home: _pause(home, "2026-05-04", "2026-05-04"), "pause: to_date 2026-05-04 is not after"),
    (lambda home: lifecycle.resume(home, ASKED, "Q-1", day("2026-06-01")), "Q-1 is not paused on 2026-06-01"),
    (lambda home: lifecycle.outage(home, ASKED, "Q-1", day("2026-05-04"), day("2026-05-03"), "", ""), "outage: to_date 2026-05-03"),
    (lambda home: lifecycle.end(home, ASKED, "A2-1", day("2025-10-01"), ""), "A2-1 ends on 2025-10-01, and begins on 2025-10-01"),
    (lambda home: lifecycle.end(home, ASKED, "Q-9", day("2026-01-05"), ""), "subscription Q-9 is unknown"),
]


@pytest.mark.parametrize(("act", "message"), NOT_PAUSED)
def test_what_cannot_happen_to_a_subscription(home: Home, act: Callable[[Home], object], message: str) -> None:
    """Q-1 began on 5 January and is paused from 10 to 20 March."""
    activate(home, "Q-1", on="2026-01-05")
    lifecycle.pause(home, ASKED, "Q-1", day("2026-03-10"), day("2026-03-20"), "")
    before = counts(home)
    with pytest.raises(UserError) as caught:
        act(home)
    assert caught.value.message.startswith(message), caught.value.message
    assert counts(home) == before


def test_an_outage(home: Home) -> None:
    said = done_once(home, lambda asked: lifecycle.outage(home, asked, "A1-1", day("2026-02-01"), day("2026-02-04"), "storm", "T-77"))
    assert "3 days are not charged, of fees that say so" in said
    assert ("A1-1", "outage", "2026-02-01", "2026-02-04", "out of order (storm T-77)") in facts(home, "A1")


def test_an_end_frees_the_numbers_and_may_be_moved_and_undone(home: Home) -> None:
    activate(home, "F-1", "A1", "mobile/basic", "2026-01-05", "8613900000009")
    said = done_once(home, lambda asked: lifecycle.end(home, asked, "F-1", day("2026-05-01"), "moves"))
    assert said.splitlines()[:2] == [
        "F-1 ends: 2026-05-01 is the first day without it",
        "its numbers are free from then on: 8613900000009",
    ]
    assert "Early end: 4.00 CNY once for each month of the least time that is left" in said
    said = done_once(home, lambda asked: lifecycle.end(home, asked, "F-1", day("2026-04-20"), ""))
    assert said.splitlines()[0] == "F-1 ends: 2026-04-20 is the first day without it, not on 2026-05-01"
    assert line(home, "A1", "F-1").to_date == "2026-04-20"
    done_once(home, lambda asked: lifecycle.revive(home, asked, "F-1", "stays"))
    assert line(home, "A1", "F-1").to_date is None
    with home.connect() as connection:
        key = connection.execute(sa.select(tables.subscriptions.c.subscription_key).filter_by(subscription_id="F-1")).scalar_one()
        assert ends_learned_later(connection)[key] is None
    said = done_once(home, lambda asked: numbers.give(home, asked, "8613900000009", "F-1", day("2026-04-20"), 90))
    assert said.startswith("F-1 has 8613900000009 from 2026-04-20 00:00:00+08:00 on"), "its own number needs no quarantine"


def test_a_change_of_owner(home: Home) -> None:
    activate(home, "X-1", "A1", "mobile/basic", "2026-01-05", "8613900000021")
    lifecycle.change_plan(home, ASKED, "X-1", "mobile/plus", day("2026-06-01"))
    said = done_once(home, lambda asked: lifecycle.transfer(home, asked, "X-1", "A2", day("2026-04-10"), "X-2"))
    assert said == (
        "X-1 ends: 2026-04-10 is the first day without it\n"
        "X-2 of A2 begins on 2026-04-10 with mobile/basic; no fee is due for the end or the beginning\n"
        "its numbers go with it, each for as long as X-1 had it: 8613900000021\n"
        "its change to mobile/plus on 2026-06-01 goes with it\n"
        "A1: the bill of 2026-05-01 is the first to show it\n"
        "A2: the bill of 2026-05-01 is the first to show it"
    )
    new = line(home, "A2", "X-2", "2026-06-01")
    assert (new.transferred_from, new.plan, new.numbers) == ("X-1", "mobile/plus", ["8613900000021"])
    assert new.transferred_from_account == "A1"
    assert ("X-1", "end", "2026-04-10", None, "has another owner (transferred to A2)") in facts(home, "A1")
    with pytest.raises(UserError, match="X-1 has another owner from 2026-04-10 on, as X-2"):
        lifecycle.revive(home, ASKED, "X-1", "")
    with pytest.raises(UserError, match=r"subscription X-2 exists with from 2026-04-10, not 2026-04-11"):
        lifecycle.transfer(home, ASKED, "X-1", "A2", day("2026-04-11"), "X-2")


def test_what_is_known_of_the_days_after_a_change_of_owner_goes_with_it(home: Home) -> None:
    activate(home, "K-1", "A1", "mobile/basic", "2026-01-05", "8613900000041", "8613900000042")
    numbers.take(home, ASKED, "8613900000041", "K-1", day("2026-05-01"))
    numbers.give(home, ASKED, "8613900000043", "K-1", day("2026-05-10"), 0)
    lifecycle.end(home, ASKED, "K-1", day("2026-06-01"), "moves abroad")
    said = done_once(home, lambda asked: lifecycle.transfer(home, asked, "K-1", "A2", day("2026-04-10"), "K-2"))
    assert "its numbers go with it, each for as long as K-1 had it: 8613900000041, 8613900000042, 8613900000043" in said
    assert "its end on 2026-06-01 goes with it" in said
    assert line(home, "A2", "K-2").to_date == "2026-06-01"
    with home.connect() as connection:
        owned = {each: numbers.owners_of(connection, each) for each in ("8613900000041", "8613900000042", "8613900000043")}
    april, may, tenth, june = (
        int(dt.datetime.fromisoformat(f"2026-{each}T00:00:00+08:00").timestamp()) * 10**6 for each in ("04-10", "05-01", "05-10", "06-01")
    )
    assert [[(begin, end) for begin, end, _ in spans][-1] for spans in owned.values()] == [(april, may), (april, june), (tenth, june)]
    owners = [spans[-1][2] for spans in owned.values()]
    assert len(set(owners)) == 1
    assert owned["8613900000042"][0][2] not in owners, "K-1 had it before"


def test_nothing_is_recorded_with_a_clock_that_was_set_back(home: Home) -> None:
    before = counts(home)
    with pytest.raises(UserError, match="it was set back"):
        lifecycle.outage(home, ASKED._replace(now_us=ASKED.now_us - 10**13), "A1-1", day("2026-03-01"), day("2026-03-02"), "", "")
    assert counts(home) == before


@pytest.mark.parametrize(
    ("subscription", "account", "on", "message"),
    [
        ("A1-1", "A1", "2026-04-10", "A1-1 belongs to A1 already"),
        ("A1-1", "E1", "2026-04-10", "A1 is in CNY and Asia/Shanghai, E1 in EUR and Asia/Shanghai"),
        ("A1-1", "T1", "2026-04-10", "A1 is in CNY and Asia/Shanghai, T1 in CNY and Europe/Berlin"),
        ("A2-1", "A1", "2026-06-01", "A2-1 is not active before and on 2026-06-01"),
    ],
)
def test_what_cannot_be_transferred(home: Home, subscription: str, account: str, on: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        lifecycle.transfer(home, ASKED, subscription, account, day(on), "NEW")
    assert caught.value.message == message


def test_a_number_is_given_again_after_a_quarantine(home: Home) -> None:
    activate(home, "R-1", "A1", "mobile/basic", "2026-01-05", "8613900000031")
    activate(home, "R-2", "A2", "mobile/basic", "2026-01-05")
    said = done_once(home, lambda asked: numbers.take(home, asked, "8613900000031", "R-1", day("2026-03-01")))
    assert said.startswith("8613900000031 belongs to no subscription from 2026-03-01 00:00:00+08:00 on")
    with pytest.raises(UserError) as caught:
        numbers.give(home, ASKED, "8613900000031", "R-2", day("2026-05-29"), 90)
    assert caught.value.message == "8613900000031 was R-1's to 2026-03-01 00:00:00+08:00, and is not to be given for 90 days"
    assert caught.value.remedy == "give it from 2026-05-30 00:00:00+08:00 on, or with fewer --quarantine-days"
    with pytest.raises(UserError, match="and is not to be given for 999999999 days"):
        numbers.give(home, ASKED, "8613900000031", "R-2", day("2026-05-30"), 999_999_999)
    said = done_once(home, lambda asked: numbers.give(home, asked, "8613900000031", "R-2", day("2026-05-30"), 90))
    assert said.startswith("R-2 has 8613900000031 from 2026-05-30 00:00:00+08:00 on, after R-1")
    with pytest.raises(UserError, match="R-1 does not have 8613900000031 then"):
        numbers.take(home, ASKED, "8613900000031", "R-1", day("2026-04-01"))


def test_the_numbers_shown_are_those_of_the_day(home: Home) -> None:
    """NO-1 has one number until noon of 1 April, and another one for April alone; on that day it has both."""
    activate(home, "NO-1", "A1", "mobile/basic", "2026-03-10", "8613900000061")
    noon = instant_of(dt.datetime.fromisoformat("2026-04-01T12:00:00+08:00"))
    numbers.take(home, ASKED, "8613900000061", "NO-1", noon)
    numbers.give(home, ASKED, "8613900000062", "NO-1", day("2026-04-01"), 0)
    numbers.take(home, ASKED, "8613900000062", "NO-1", day("2026-05-01"))
    shown = {on: line(home, "A1", "NO-1", on).numbers for on in ("2026-03-09", "2026-03-10", "2026-04-01", "2026-04-02", "2026-05-01")}
    assert shown == {
        "2026-03-09": [],
        "2026-03-10": ["8613900000061"],
        "2026-04-01": ["8613900000061", "8613900000062"],
        "2026-04-02": ["8613900000062"],
        "2026-05-01": [],
    }
    assert [span.served_id for span in line(home, "A1", "NO-1").spans] == ["8613900000061", "8613900000062"], "all it ever had"


def test_days_of_a_quarantine_are_those_of_the_clock(home: Home) -> None:
    """On 29 March 2026 the clock of Berlin goes forward: 90 days from midnight to midnight are an hour short of 90 times 24 hours."""
    for name in ("QB-1", "QB-2"):
        activate(home, name, "T1", "mobile/basic", "2026-01-05", *(["8613900000951"] if name == "QB-1" else []))
    done_once(home, lambda asked: numbers.take(home, asked, "8613900000951", "QB-1", day("2026-01-10")))
    with pytest.raises(UserError) as caught:
        numbers.give(home, ASKED, "8613900000951", "QB-2", day("2026-04-09"), 90)
    assert caught.value.remedy == "give it from 2026-04-10 00:00:00+02:00 on, or with fewer --quarantine-days"
    said = done_once(home, lambda asked: numbers.give(home, asked, "8613900000951", "QB-2", day("2026-04-10"), 90))
    assert said.startswith("QB-2 has 8613900000951 from 2026-04-10 00:00:00+02:00 on, after QB-1")
