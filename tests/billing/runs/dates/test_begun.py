"""Bill runs of a date that has not begun: whom that is about, what is said, and how a run is made ahead all the same."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import pytest

from billing import setting_changes
from billing.documents import voiding
from billing.ledger.closed_months import Who
from billing.runs import cycle, quarantine_retry, reports, states, trial
from billing.runs.cycle import Order
from billing.runs.states import By
from billing.store import settings
from rating.errors import UserError
from tests.billing.runs.world import EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.runs.reports import RunReport
    from tests.billing.runs.world import World

ADA, BEN = By("ada", 1001), By("ben", 1002)
DECEMBER: Final = dt.date(2025, 12, 1)
NOT_BEGUN: Final = "a bill run of 2025-12-01 is refused: that day has not begun on the clock of {}, where it is 2025-11-30"

# A bill run of 2025-12-01 at an instant (UTC): zones and bill days of accounts since 2025-10-01, whom it names, the clock that refuses
CLOCKS = """
2025-11-30T15:59  Asia/Shanghai/1                          all   Asia/Shanghai
2025-11-30T16:00  Asia/Shanghai/1                          all   -
2025-11-30T16:00  Asia/Shanghai/1    Europe/Berlin/1       all   Europe/Berlin
2025-11-30T23:00  Asia/Shanghai/1    Europe/Berlin/1       all   -
2025-12-01T09:59  Pacific/Honolulu/1 Europe/Berlin/1       all   Pacific/Honolulu
2025-12-01T10:00  Pacific/Honolulu/1 Europe/Berlin/1       all   -
2025-12-01T00:00  Pacific/Honolulu/1 America/New_York/1    all   Pacific/Honolulu
2025-11-30T16:00  Asia/Shanghai/1    Europe/Berlin/1       a0    -
2025-11-30T16:00  Asia/Shanghai/1    Europe/Berlin/1       a1    Europe/Berlin
2025-11-30T16:00  Asia/Shanghai/1    Europe/Berlin/15      all   -
2025-11-30T15:59  Asia/Shanghai/15   Europe/Berlin/15      all   Asia/Shanghai
"""


def run(world: World, now_us: int, **order: object) -> RunReport:
    return cycle.run(world.home, DECEMBER, now_us, order=Order(**{"by": ADA, **order}))  # type: ignore[arg-type] # fields of an order


def at(text: str) -> int:
    return (dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC) - EPOCH) // dt.timedelta(microseconds=1)


@pytest.fixture
def anna(world: World) -> World:
    """Anna on plan basic since October, 10.00 a month, billed in November."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.bill("2025-11-01")
    return world


@pytest.mark.parametrize("row", CLOCKS.strip().splitlines())
def test_a_date_has_begun_for_all_whom_a_run_touches(world: World, row: str) -> None:
    """A run of a date touches who is due; those of bill day 15 had their bill in November."""
    instant, *accounts, named, clock = row.split()
    for place, each in enumerate(accounts):
        zone, _, bill_day = each.rpartition("/")
        world.account(f"a{place}", timezone=zone, bill_day=int(bill_day))
    world.bill("2025-11-15")
    only = None if named == "all" else frozenset({named})
    order, refused = Order(accounts=only), NOT_BEGUN.format(clock)
    looked_at = cycle.preview(world.home, DECEMBER, at(instant), order=order)
    if clock == "-":
        assert (looked_at.refused, run(world, at(instant), accounts=only).state) == ("", "posted")
        return
    with pytest.raises(UserError) as caught:
        run(world, at(instant), accounts=only)
    assert caught.value.message == refused
    assert looked_at.refused == f"{refused}; remedy: {caught.value.remedy}"
    assert "wait until it is 2025-12-01 there" in caught.value.remedy
    assert [each.bill_date for each in reports.list_runs(world.home)] == ["2025-11-15"], "nothing is stored"


def test_a_period_that_is_not_over_is_looked_at_and_not_billed(anna: World) -> None:
    now_us = at("2025-11-20T12:00")
    for date in (DECEMBER, dt.date(2028, 12, 1)):
        assert cycle.preview(anna.home, date, now_us).drafts[0].net_micros >= 10_000_000
        for trial_only in (False, True):
            with pytest.raises(UserError, match=r"has not begun on the clock of Asia/Shanghai, where it is 2025-11-20") as caught:
                cycle.run(anna.home, date, now_us, order=Order(trial=trial_only))
            assert f"ratewright bill run --date {date} --ahead REASON" in caught.value.remedy
    assert len(anna.numbers()) == 1
    assert anna.bill("2025-12-01").invoices == 1, "the right run bills her"


def test_a_run_that_is_ahead_waits_for_another_person_whatever_is_set(anna: World) -> None:
    now_us = at("2025-11-20T12:00")
    with anna.home.connect() as connection:
        assert settings.text(connection, "approval") == "none"
    assert cycle.preview(anna.home, DECEMBER, now_us, order=Order(ahead="the year's close")).waits
    done = run(anna, now_us, ahead="the year's close")
    assert (done.state, done.ahead, done.drafts, len(anna.numbers())) == ("computed", "the year's close", 1, 1)
    assert run(anna, now_us).state == "computed", "the same command goes on with it, and numbers nothing"
    with pytest.raises(UserError, match="bill run 2 of 2025-12-01 waits for approval"):
        run(anna, now_us, resume=True)
    with pytest.raises(UserError, match="bill run 2 was started by ada, who cannot approve it"):
        states.decide(anna.home, 2, states.APPROVED, ADA, "", now_us)
    assert trial.compare(anna.home, 2).ahead == "the year's close"
    states.decide(anna.home, 2, states.APPROVED, BEN, "", now_us)
    done = run(anna, now_us, resume=True)
    assert (done.state, done.invoices, done.ahead) == ("posted", 1, "the year's close")
    assert [each.ahead for each in reports.list_runs(anna.home)] == ["", "the year's close"]
    assert anna.bill("2025-12-01").invoices == 0


def test_a_reason_is_for_what_is_ahead_and_for_the_run_that_began_with_it(anna: World) -> None:
    begun_us = at("2025-12-01T12:00")
    with pytest.raises(UserError, match="2025-12-01 has begun on the clocks of all accounts: nothing is ahead of it") as caught:
        run(anna, begun_us, ahead="in a hurry")
    assert caught.value.remedy == "leave out --ahead"
    run(anna, at("2025-11-20T12:00"), ahead="in a hurry")
    with pytest.raises(UserError, match="was begun ahead: in a hurry") as caught:
        run(anna, at("2025-11-20T12:00"), ahead="another reason")
    assert "--resume" in caught.value.remedy
    assert run(anna, begun_us).state == "computed", "it waits, also when its date has come"


def test_a_list_of_a_clock_that_was_ahead_gets_no_numbers(anna: World) -> None:
    """The clock was ten days ahead when the list was computed; it is right again, and excused as its error says."""
    run(anna, at("2025-12-01T12:00"), trial=True)
    with anna.home.connect() as connection:
        head = anna.home.head_seq(connection)
    now_us = at("2025-11-21T12:00")
    setting_changes.put(anna.home, settings.CLOCK_AHEAD, str(head), "ada", 1001, now_us, reason="the clock was ahead")
    with pytest.raises(UserError, match="has not begun on the clock of Asia/Shanghai, where it is 2025-11-21") as caught:
        run(anna, now_us, resume=True)
    assert caught.value.remedy.endswith("ratewright bill abandon --date 2025-12-01 gives up the run, which has numbered nothing")
    assert len(anna.numbers()) == 1
    assert cycle.abandon(anna.home, DECEMBER, states.Step(now_us)) == 2


def test_what_is_tried_again_of_a_run_ahead_waits_for_its_date(anna: World) -> None:
    """The list that was approved had Bert in quarantine and made Anna's invoice, which is void at once."""
    anna.account("bert", currency="EUR")
    anna.subscription("bert-1", "bert", "shop/basic", "1002")
    now_us = at("2025-11-20T12:00")
    run(anna, now_us, ahead="the year's close")
    states.decide(anna.home, 2, states.APPROVED, BEN, "", now_us)
    run(anna, now_us)
    anna.execute("UPDATE accounts SET currency = 'CNY' WHERE account_id = 'bert'")
    voiding.void(anna.home, "R-0000000002", "wrong address", Who("ada", 1001, now_us))
    again: tuple[Callable[[int], RunReport], ...] = (
        lambda us: quarantine_retry.retry(anna.home, 2, us, BEN),
        lambda us: voiding.reissue(anna.home, "R-0000000002", Who("ada", 1001, us)),
    )
    for each in again:
        with pytest.raises(UserError, match="a bill run of 2025-12-01 is refused: that day has not begun on the clock of Asia/Shanghai"):
            each(now_us)
    assert [each(at("2025-12-01T00:00")).invoices for each in again] == [1, 1]
