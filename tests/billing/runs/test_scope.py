"""Which period an event lies in: instants at the very edges, zones that skip midnight, accounts that begin inside a cycle."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pytest

from billing.charges.proration import Span
from billing.runs.contracts.agreements import NOBODY, NOTHING, Relation
from billing.runs.contracts.facts import Account, Facts
from billing.runs.contracts.midnights import Midnights
from billing.runs.selection import due_accounts, scope
from billing.runs.selection.coverage import Covered, CoveringRun, computed_seq
from rating.dates import NEVER_DAY, day_number

# zone, bill day, billed from, instant (UTC), period or reason; the run is for 2025-11-10
PLACES = """
Asia/Shanghai        1   2025-10-01  2025-09-30T15:59:59.999999  closed
Asia/Shanghai        1   2025-10-01  2025-09-30T16:00:00         0
Asia/Shanghai        1   2025-10-01  2025-10-31T15:59:59.999999  0
Asia/Shanghai        1   2025-10-01  2025-10-31T16:00:00         not_due
Asia/Shanghai        1   2025-09-20  2025-09-19T16:00:00         0
Asia/Shanghai        1   2025-09-20  2025-09-19T15:59:59         closed
Asia/Shanghai        1   2025-09-20  2025-09-30T16:00:00         1
America/New_York     9   2025-10-09  2025-11-09T04:59:59         0
America/New_York     9   2025-10-09  2025-11-09T05:00:00         not_due
Europe/Berlin        26  2025-09-26  2025-10-25T22:00:00         not_due
Europe/Berlin        27  2025-09-27  2025-10-26T22:59:59         0
Europe/Berlin        27  2025-09-27  2025-10-26T23:00:00         not_due
America/Santiago     7   2025-08-07  2025-09-07T03:59:59         0
America/Santiago     7   2025-08-07  2025-09-07T04:00:00         1
Asia/Shanghai        11  2025-11-01  2025-11-02T00:00:00         other_run
"""
REASONS = {"closed": scope.CLOSED, "not_due": scope.NOT_DUE, "other_run": scope.OTHER_RUN}


@pytest.mark.parametrize("row", PLACES.strip().splitlines())
def test_place(row: str) -> None:
    zone, bill_day, billed_from, instant, expected = row.split()
    account = Account(5, "a", "CNY", zone, int(bill_day), "en", dt.date.fromisoformat(billed_from), 14, 1)
    facts = Facts.of([account])
    decided = scope.decide(facts, Covered.nobody(1), dt.date(2025, 11, 10), Midnights())
    start_us = (dt.datetime.fromisoformat(instant + "+00:00") - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    if decided.window is None:
        assert expected == "other_run"
    else:
        found = decided.place(np.array([0]), np.array([start_us]))
        assert found.tolist() == [REASONS[expected] if expected in REASONS else int(expected)]


def test_a_midnight_that_the_clock_skips_is_the_instant_of_the_change() -> None:
    skipped = Midnights().instant_us("America/Santiago", dt.date(2025, 9, 7))
    assert skipped == dt.datetime(2025, 9, 7, 4, tzinfo=dt.UTC).timestamp() * 1_000_000


# billed from, closed on, bill dates of runs that covered it, first touched day; then the periods that a run for 2026-02-01 computes
COMPUTED = """
2025-10-01 -          -                                           -           2025-10-01 2025-11-01 2025-12-01 2026-01-01
2025-10-01 -          2026-01-01                                  -           2026-01-01
2025-10-01 -          2025-12-01                                  -           2025-12-01 2026-01-01
2025-10-01 -          2026-01-01                                  2025-12-31  2025-12-01 2026-01-01
2025-10-01 -          2026-01-01                                  2020-01-01  2025-10-01 2025-11-01 2025-12-01 2026-01-01
2025-07-01 -          2026-01-01                                  2025-08-01  2025-10-01 2025-11-01 2025-12-01 2026-01-01
2025-10-01 -          2026-01-01,2026-02-01                       -
2025-10-01 -          2026-01-01,2026-02-01                       2026-01-15  2026-01-01
2025-10-01 -          2026-01-01,2026-02-01,2026-02-02            2026-01-15
2025-10-01 2026-01-11 2026-01-01                                  -           2026-01-01
2025-10-01 2026-01-11 2026-01-01,2026-01-15                       -
2025-10-01 2026-01-11 2026-01-01,2026-01-15                       2026-01-05  2026-01-01
2025-10-01 2025-10-11 2025-11-01,2025-12-01,2026-01-01            2025-10-05  2025-10-01
2025-08-01 2025-09-11 2025-11-01,2025-12-01,2026-01-01            2025-09-05
2026-01-20 -          -                                           -           2026-01-20
2026-02-01 -          -                                           -
"""


def account(number: int, **changes: object) -> Account:
    """One of several accounts."""
    plain = Account(number, f"a{number}", "CNY", "Asia/Shanghai", 1, "en", dt.date(2025, 10, 1), 14, 1)
    return plain._replace(**changes)


def covered_by(accounts: int, *days: str, first_seq: int = 10) -> Covered:
    """All accounts were covered by runs of these dates."""
    runs = [CoveringRun(number, dt.date.fromisoformat(day), first_seq * number, restricted=False) for number, day in enumerate(days, 1)]
    return Covered(np.zeros(accounts, np.int64), [tuple(runs)])


def starts(decided: scope.Scope) -> list[list[str]]:
    """First days of the computed periods of each account."""
    return [[str(period.start) for period in periods] for periods in decided.periods]


@pytest.mark.parametrize("row", [line.split() for line in COMPUTED.strip().splitlines()], ids=" ".join)
def test_computed_periods(row: list[str]) -> None:
    billed_from, closed, runs, touched, *expected = row
    known = account(1, billed_from=dt.date.fromisoformat(billed_from), closed_on=None if closed == "-" else dt.date.fromisoformat(closed))
    day = NEVER_DAY if touched == "-" else day_number(dt.date.fromisoformat(touched))
    covered = covered_by(1, *(runs.split(",") if runs != "-" else ()))
    facts = Facts.of([known])
    decided = scope.decide(facts, covered, dt.date(2026, 2, 1), Midnights(), touched=np.array([day]))
    assert starts(decided) == [expected]
    assert [str(day) for day in decided.begins(facts).values()] == expected[:1], "what rolls over comes from before the oldest one"


def test_accounts_of_a_rating_unit_are_computed_from_one_day_on_and_named_together() -> None:
    facts = Facts.of([account(1), account(2, unit_key=1), account(3)])
    covered, never = covered_by(3, "2025-12-01", "2026-01-01"), np.full(3, NEVER_DAY)
    touched = never.copy()
    touched[1] = day_number(dt.date(2025, 12, 10))
    decided = scope.decide(facts, covered, dt.date(2026, 2, 1), Midnights(), touched=touched)
    assert starts(decided) == [["2025-12-01", "2026-01-01"], ["2025-12-01", "2026-01-01"], ["2026-01-01"]]
    only = scope.decide(facts, covered, dt.date(2026, 2, 1), Midnights(), {"a2"}, touched=never)
    assert starts(only) == [["2026-01-01"], ["2026-01-01"], []]
    assert only.left_out == {}, "who was not asked for is not left out"


def test_accounts_of_a_rating_unit_are_open_from_the_earliest_day_of_any() -> None:
    """The second one was never billed. A void invoice opens a single account as well."""
    facts = Facts.of([account(1, billed_from=dt.date(2025, 6, 1)), account(2, unit_key=1), account(3, billed_from=dt.date(2025, 6, 1))])
    runs = covered_by(1, "2025-07-01", "2026-01-01").classes[0]
    covered = Covered(np.array([0, 1, 0]), [runs, ()])
    usual = ["2025-11-01", "2025-12-01", "2026-01-01"]
    decided = scope.decide(facts, covered, dt.date(2026, 2, 1), Midnights(), reopen_periods_max=2)
    assert starts(decided) == [["2025-10-01", *usual], ["2025-10-01", *usual], usual]
    void = Covered(np.zeros(3, np.int64), [runs], {0: dt.date(2025, 9, 1)})
    reopened = scope.decide(facts, void, dt.date(2026, 2, 1), Midnights(), reopen_periods_max=2, touched=np.full(3, NEVER_DAY))
    assert starts(reopened)[2] == ["2025-09-01", "2025-10-01", *usual]


def held(*relations: Relation) -> Facts:
    """The second of three accounts has a hold from 20 January to 10 February; the first pays for it by these agreements."""
    payers = {1: relations} if relations else {}
    agreed = dataclasses.replace(NOTHING, holds={1: (Span(dt.date(2026, 1, 20), dt.date(2026, 2, 10)),)}, payers=payers)
    return dataclasses.replace(Facts.of([account(1), account(2, unit_key=1), account(3)]), agreed=agreed)


def pays(*days: str | None, other: int = 0, kinds: tuple[str, ...] = ()) -> Relation:
    start, end = (None if each is None else dt.date.fromisoformat(each) for each in (*days, None)[:2])
    assert start is not None
    return Relation(Span(start, end), other, kinds)


def test_a_hold_keeps_the_whole_unit_out_until_it_is_over() -> None:
    facts, covered = held(pays("2025-10-01")), covered_by(3, "2026-01-01")
    decided = scope.decide(facts, covered, dt.date(2026, 2, 1), Midnights())
    assert [bool(periods) for periods in decided.periods] == [False, False, True]
    assert decided.left_out == dict.fromkeys((1, 2), ("held", "its bills are held on 2026-02-01"))
    after = scope.decide(facts, covered, dt.date(2026, 3, 1), Midnights(), touched=np.full(3, NEVER_DAY))
    assert starts(after) == [["2026-01-01", "2026-02-01"]] * 3, "the first one after catches up"


# What the run of 1 February computes reaches back to 1 December.
TOGETHER = {
    "never": ((), False),
    "it goes on": ((pays("2025-10-01"),), True),
    "until what is open begins": ((pays("2025-10-01", "2025-12-01"),), False),
    "in an open period": ((pays("2025-10-01", "2026-01-01"),), True),
    "ended by a later agreement": ((pays("2025-10-01"), pays("2025-12-01", other=NOBODY)), False),
    "ended for usage": ((pays("2025-10-01"), pays("2025-12-01", other=NOBODY, kinds=("usage",))), True),
    "interrupted": ((pays("2025-10-01"), pays("2025-12-01", "2026-01-01", other=NOBODY)), True),
    "fees in advance": ((pays("2026-02-01"),), True),
    "later": ((pays("2026-03-01"),), False),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_a_hold_keeps_those_out_that_are_billed_with_it_in_an_open_period(name: str) -> None:
    relations, together = TOGETHER[name]
    decided = scope.decide(held(*relations), covered_by(3, "2026-01-01"), dt.date(2026, 2, 1), Midnights(), reopen_periods_max=1)
    assert sorted(decided.left_out) == ([1, 2] if together else [2])
    assert starts(decided) == [[] if together else ["2025-12-01", "2026-01-01"], [], ["2025-12-01", "2026-01-01"]]


# commits as of which account 1 and account 2 were looked at; the payer of account 1 is retracted in commit 50
@pytest.mark.parametrize(
    ("looked_at", "together"),
    [
        ((40, 40), [0, 1]),
        ((60, 40), [0, 1]),  # what the second paid by mistake is still to be given back
        ((40, 60), [0, 1]),
        ((50, 50), [0]),
        ((60, 60), [0]),
    ],
)
def test_a_retracted_payer_is_billed_with_an_account_until_both_were_looked_at_since(
    looked_at: tuple[int, int], together: list[int]
) -> None:
    agreed = dataclasses.replace(NOTHING, parted={0: ((1, 50),)})
    facts = dataclasses.replace(Facts.of([account(1), account(2), account(3)]), agreed=agreed)
    open_day = np.full(3, day_number(dt.date(2026, 1, 1)), np.int64)
    found = due_accounts.Together(facts, dt.date(2026, 2, 1), open_day, np.array([*looked_at, 40], np.int64))
    assert found.with_others([0]) == together


def test_test_accounts_are_left_out_and_billed_from_when_that_ends() -> None:
    ends = {1: ((Span(dt.date.min, None), "test"), (Span(dt.date(2026, 1, 15), None), "normal"))}
    facts = Facts.of([account(1, category="test"), account(2, category="test"), account(3)])
    facts = dataclasses.replace(facts, agreed=dataclasses.replace(NOTHING, categories=ends))
    decided = scope.decide(facts, Covered.nobody(3), dt.date(2026, 1, 1), Midnights())
    assert decided.left_out == {1: ("test", "test account"), 2: ("test", "test account")}
    later = scope.decide(facts, Covered.nobody(3), dt.date(2026, 2, 1), Midnights())
    assert later.left_out == {1: ("test", "test account")}
    assert starts(later)[1] == ["2026-01-15"]


def test_a_few_old_periods_are_read_of_their_accounts_alone() -> None:
    facts, covered = Facts.of([account(number) for number in range(1, 6)]), covered_by(5, "2025-12-01", "2026-01-01")
    touched = np.full(5, NEVER_DAY)
    touched[3] = day_number(dt.date(2025, 11, 10))
    decided = scope.decide(facts, covered, dt.date(2026, 2, 1), Midnights(), touched=touched)
    instant = [Midnights().instant_us("Asia/Shanghai", dt.date(*day)) for day in ((2025, 11, 1), (2026, 1, 1), (2026, 2, 1))]
    assert (decided.reopened, decided.main) == (scope.Window(*instant[:2]), scope.Window(*instant[1:]))
    assert decided.reopened_accounts.tolist() == [False, False, False, True, False]
    everything = scope.decide(facts, covered, dt.date(2026, 2, 1), Midnights())
    assert (everything.reopened, everything.reopened_accounts.any()) == (None, False)
    places = decided.place(np.array([0, 0, 0, 3, 3]), np.array([instant[0], instant[1], instant[2], instant[0], instant[1]]))
    assert places.tolist() == [scope.SETTLED, 0, scope.NOT_DUE, 0, 2]


def test_an_account_was_looked_at_by_the_first_run_after_its_bill_date_and_its_repetitions() -> None:
    days = ("2026-01-01", "2026-01-02", "2026-02-01", "2026-02-01", "2026-02-05")
    runs = covered_by(1, *days).classes[0]
    assert computed_seq(runs, dt.date(2026, 2, 1)) == 40
    assert computed_seq(runs, dt.date(2026, 1, 2)) == 20
    assert computed_seq(runs, dt.date(2026, 2, 6)) is None
    again = covered_by(1, "2026-01-01", "2026-01-01", "2026-01-15", "2026-01-01").classes[0]
    assert computed_seq(again, dt.date(2026, 1, 1)) == 20, "once a run of a later date covers it, it is in none of an earlier one"
    ground = due_accounts.prepare(Facts.of([account(1), account(2, bill_day=2)]), covered_by(2, *days), dt.date(2026, 3, 2), 3)
    assert ground.looked_at_seq.tolist() == [40, 50]


def test_accounts_that_are_alike_share_a_calendar_and_others_do_not() -> None:
    accounts = [account(1), account(2), account(3, bill_day=15), account(4, billed_from=dt.date(2026, 1, 10)), account(5, timezone="UTC")]
    decided = scope.decide(Facts.of(accounts), covered_by(5, "2025-12-20"), dt.date(2026, 2, 1), Midnights())
    assert decided.calendar[0] == decided.calendar[1]
    assert len(set(decided.calendar.tolist())) == len(decided.calendars) == 4
    ahead = decided.ahead[decided.calendar[0]]
    assert ahead is not None
    assert (str(ahead.start), str(ahead.end)) == ("2026-02-01", "2026-03-01")
