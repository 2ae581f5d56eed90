"""Late changes of sessions: what was billed in time stays, and what the change adds is too late.

All at 0.10 a begun minute. Of a session of running totals in time 10 and 50 minutes came, billed as 1.00 and 4.00; the record of 30
minutes adds nothing. Of the joined call in time two minutes came, with a gap of one; that minute comes late.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.accounts import agreements, kinds
from billing.accounts.picture import account_keys, load
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.documents.usage_list import usage_list
from billing.enquiries.usage import State, find
from billing.enquiries.usage_rows import Instants
from billing.late_decisions import BILLED, WRITTEN_OFF
from billing.left_out.words import sentences
from billing.rerate import jobs
from billing.rerate.request import request
from billing.runs.selection.left_out import LeftOut
from billing.verification.explain_line import explain_record
from rating.errors import UserError
from tests.billing.documents.clerk import void
from tests.billing.too_late.late_world import ANA, CENT, NUMBERS, decide, take_back
from tests.billing.too_late.session_world import (
    MONTHS,
    Arrived,
    agreed_by_all,
    arrive,
    begin,
    closing,
    comes_to,
    keep_what_is_there,
    live,
    opened,
    opening,
    piece,
    ruled,
    total,
    usage_lines,
)

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
TWO_OF_THREE = Arrived("2025-10-06", (opening(60), closing(120, 60)))
MIDDLE = piece(60, 60)


@pytest.mark.parametrize(
    ("rule", "came", "billed", "too_late"),
    [
        ("none", "2025-11-20", 30, 0),
        ("none", "2026-04-10", 20, 10),  # October is closed
        ("days", "2025-10-20", 30, 0),
        ("days", "2025-11-20", 20, 10),
        ("days", "2026-04-10", 20, 10),
        ("waive", "2025-10-20", 30, 0),
        ("waive", "2025-11-20", 20, 10),
        ("arrival", "2025-11-20", 30, 0),
        ("arrival", "2026-04-10", 20, 10),
        ("both", "2025-11-20", 20, 10),
        ("both, long", "2026-04-10", 20, 10),
    ],
)
def test_of_a_joined_call_only_what_came_late_is_too_late(world: World, rule: str, came: str, billed: int, too_late: int) -> None:
    begin(world, rule)
    live(world, TWO_OF_THREE, Arrived(came, (MIDDLE,)))
    assert comes_to(world) == (billed, too_late)
    agreed_by_all(world)


@pytest.mark.parametrize(
    ("rule", "came"),
    [
        ("none", "2025-11-20"),
        ("none", "2026-04-10"),
        ("days", "2025-11-20"),
        ("days", "2026-04-10"),
        ("waive", "2025-11-20"),
        ("arrival", "2025-11-20"),
        ("arrival", "2026-04-10"),
        ("both", "2025-11-20"),
        ("both, long", "2025-11-20"),
        ("both, long", "2026-04-10"),
    ],
)
def test_a_total_between_two_that_are_billed_adds_nothing(world: World, rule: str, came: str) -> None:
    begin(world, rule)
    live(world, Arrived("2025-10-06", (total(10), total(50))), Arrived(came, (total(30),)))
    assert comes_to(world) == (500, 0)
    agreed_by_all(world)
    assert [each for each in usage_lines(world) if each[1]] == [("2025-10-01", 500)]


def test_a_change_that_came_before_the_first_run_is_judged_as_after_it(world: World) -> None:
    begin(world, "days")
    arrive(world, TWO_OF_THREE.day, *TWO_OF_THREE.segments)
    arrive(world, "2025-11-20", MIDDLE)
    world.bill("2025-12-01")
    assert comes_to(world) == (20, 10)
    agreed_by_all(world)


def test_a_late_segment_in_front_moves_the_begin_and_adds_what_it_holds(world: World) -> None:
    """The record that opens the call is missing, and a person decided that the two minutes after it are all there is."""
    begin(world, "days")
    arrive(world, "2025-10-06", piece(60, 60), closing(120, 60))
    keep_what_is_there(world)
    live(world, Arrived("2025-11-20", (opening(60),)))
    assert comes_to(world) == (20, 10)
    assert [each.record.record_id for each in opened(world)] == [opening(60).record_id]
    agreed_by_all(world)


def test_a_late_segment_within_a_begun_minute_adds_nothing(world: World) -> None:
    """70 and 80 seconds are three begun minutes, and so are 180."""
    begin(world, "days")
    live(world, Arrived("2025-10-06", (opening(70), closing(100, 80))), Arrived("2025-11-20", (piece(70, 30),)))
    assert comes_to(world) == (30, 0)


def test_late_segments_of_a_call_in_two_commits(world: World) -> None:
    """Three minutes came in time; the second one and the fourth come late, one after the other."""
    begin(world, "days")
    in_time = Arrived("2025-10-06", (opening(60), piece(120, 60), closing(240, 60)))
    live(world, in_time, Arrived("2025-11-20", (piece(60, 60),)), Arrived("2025-12-20", (piece(180, 60),)))
    assert comes_to(world) == (30, 20)
    assert [each.worth_micros // CENT for each in opened(world)] == [10, 10]
    agreed_by_all(world)


@pytest.mark.parametrize("rule", ["days", "waive", "both"])
def test_late_totals_in_two_commits(world: World, rule: str) -> None:
    """30 and 20 lie between what is billed; 70 minutes are 20 more than 50."""
    begin(world, rule)
    in_time = Arrived("2025-10-06", (total(10), total(50)))
    live(world, in_time, Arrived("2025-11-20", (total(30),)), Arrived("2025-12-20", (total(20), total(70))))
    assert comes_to(world) == (500, 200)
    agreed_by_all(world)


def test_a_total_that_takes_the_place_of_a_billed_one(world: World) -> None:
    """A second record says 50 minutes earlier in the session: the billed one adds nothing any more, and counts on."""
    begin(world, "days")
    live(world, Arrived("2025-10-06", (total(10), total(50))), Arrived("2025-11-20", (total(50)._replace(number=None, name="again"),)))
    assert comes_to(world) == (500, 0)
    agreed_by_all(world)


def test_what_is_added_after_a_late_total_is_billed_by_itself(world: World) -> None:
    """Late usage of the month it comes in: 20 minutes more are November's, and the record between changes neither month."""
    begin(world, "arrival")
    live(world, Arrived("2025-10-06", (total(10), total(50))), Arrived("2025-11-10", (total(70),)), Arrived("2025-12-20", (total(60),)))
    assert comes_to(world) == (700, 0)
    assert [each for each in usage_lines(world) if each[1]] == [("2025-10-01", 500), ("2025-11-01", 200)]
    agreed_by_all(world)


def test_a_change_leaves_a_session_in_the_month_of_the_rows_that_it_replaces(world: World) -> None:
    """Late is what came after 10 November. 10 and 50 minutes came before, so they are October's, though they came in November.

    The total between comes after that day. It makes other parts of the session: 10, 20 and 20 minutes. They stay where the 50 were.
    """
    begin(world, "arrival after 10 days")
    live(world, Arrived("2025-11-05", (total(10), total(50))), Arrived("2025-11-20", (total(30),)), months=MONTHS[:2])
    assert [each for each in usage_lines(world) if each[1]] == [("2025-10-01", 500)]


def test_a_void_in_between_bills_again_what_came_in_time(world: World) -> None:
    begin(world, "days")
    live(world, TWO_OF_THREE, Arrived("2025-11-20", (MIDDLE,)), months=MONTHS[:2])
    void(world, world.numbers("anna")[0], "2025-12-02")
    live(world, months=MONTHS[2:4])
    assert comes_to(world) == (20, 10)
    agreed_by_all(world)


def test_a_void_opens_a_closed_period_to_the_whole_call(world: World) -> None:
    begin(world, "none")
    live(world, TWO_OF_THREE, Arrived("2026-02-10", (MIDDLE,)), months=MONTHS[:5])
    assert comes_to(world) == (20, 10)
    void(world, world.numbers("anna")[0], "2026-03-02")
    assert comes_to(world)[1] == 0
    world.bill("2026-04-01")
    assert comes_to(world) == (30, 0)
    agreed_by_all(world)


@pytest.mark.parametrize(("rule", "came"), [("days", "2025-11-20"), ("none", "2026-02-10")])
def test_what_a_change_adds_is_billed_by_decision(world: World, rule: str, came: str) -> None:
    """Then the first invoice is void: the call is billed again as it was, since a person billed the rest."""
    begin(world, rule)
    live(world, TWO_OF_THREE, Arrived(came, (MIDDLE,)), months=MONTHS[:5])
    done = decide(world, BILLED, MIDDLE.record_id)
    assert [(each.records, each.amount_micros) for each in done.groups] == [((MIDDLE.record_id,), 10 * CENT)]
    world.bill("2026-04-01")
    assert comes_to(world) == (20, 0)
    agreed_by_all(world)
    void(world, world.numbers("anna")[0], "2026-04-02")
    world.bill("2026-05-01")
    assert comes_to(world) == (20, 0)
    agreed_by_all(world)


def test_what_a_change_adds_is_written_off_and_taken_back(world: World) -> None:
    begin(world, "days")
    live(world, TWO_OF_THREE, Arrived("2025-11-20", (MIDDLE,)), months=MONTHS[:2])
    done = decide(world, WRITTEN_OFF, account="anna")
    assert (done.records, done.groups[0].worth_micros, comes_to(world)) == (1, 10 * CENT, (20, 0))
    world.bill("2026-01-01")
    assert comes_to(world) == (20, 0)
    agreed_by_all(world)
    take_back(world, done.groups[0].decision_id)
    assert comes_to(world) == (20, 10)
    world.bill("2026-02-01")
    assert comes_to(world) == (20, 10)
    agreed_by_all(world)


def test_what_comes_after_a_decision_is_open_by_itself(world: World) -> None:
    begin(world, "days")
    in_time = Arrived("2025-10-06", (opening(60), piece(120, 60), closing(240, 60)))
    live(world, in_time, Arrived("2025-11-20", (piece(60, 60),)), months=MONTHS[:2])
    decide(world, BILLED, piece(60, 60).record_id)
    arrive(world, "2025-12-20", piece(180, 60))
    world.bill("2026-01-01")
    assert comes_to(world) == (30, 10)
    assert [each.record.record_id for each in opened(world)] == [piece(180, 60).record_id]
    agreed_by_all(world)


def test_nothing_is_billed_of_a_total_that_adds_nothing(world: World) -> None:
    begin(world, "days")
    live(world, Arrived("2025-10-06", (total(10), total(50))), Arrived("2025-11-20", (total(30),)), months=MONTHS[:2])
    with pytest.raises(UserError, match=r"it is worth 0\.00 CNY, which is nothing that can be billed"):
        decide(world, BILLED, total(30).record_id)
    decide(world, WRITTEN_OFF, account="anna")
    world.bill("2026-01-01")
    assert comes_to(world) == (500, 0)
    agreed_by_all(world)


def test_a_longer_rule_takes_the_change_in(world: World) -> None:
    begin(world, "days")
    live(world, TWO_OF_THREE, Arrived("2025-11-20", (MIDDLE,)), months=MONTHS[:2])
    assert comes_to(world) == (20, 10)
    ruled(world, 3, {"late_usage_days_max": 400})
    world.bill("2026-01-01")
    assert comes_to(world) == (30, 0)
    agreed_by_all(world)


def test_a_shorter_rule_takes_off_what_was_added_too_late_by_it(world: World) -> None:
    begin(world, "none")
    live(world, TWO_OF_THREE, Arrived("2025-11-20", (MIDDLE,)), months=MONTHS[:2])
    assert comes_to(world) == (30, 0)
    ruled(world, 2, {"late_usage_days_max": 20})
    world.bill("2026-01-01")
    assert comes_to(world) == (20, 10)
    agreed_by_all(world)


@pytest.mark.parametrize(("rule", "version"), [("days", 2), ("none", 1)])
def test_a_rerating_leaves_what_was_changed_too_late(world: World, rule: str, version: int) -> None:
    begin(world, rule)
    live(world, TWO_OF_THREE, Arrived("2026-02-10", (MIDDLE,)), months=MONTHS[:5])
    assert jobs.preview(world.home, request("shop/plus", version, "2025-10")).net_micros == {}


def test_screens_tell_the_segment_and_the_call(world: World) -> None:
    begin(world, "days")
    live(world, TWO_OF_THREE, Arrived("2025-11-20", (MIDDLE,)), months=MONTHS[:2])
    (told,) = explain_record(world.home, MIDDLE.record_id).left_out
    assert told.reason is LeftOut.TOO_LATE
    assert "it came later than its plan bills, for good" in sentences(told)[0]
    explained = explain_record(world.home, "call")
    assert ([each.charge_micros // CENT for each in explained.outcomes], explained.left_out) == ([20], ())
    found = {each.record_id: each.state for each in find(world.home, NUMBERS["anna"], Instants()).records}
    assert (found["call"], found[MIDDLE.record_id]) == (State.BILLED, State.TOO_LATE)
    (record,) = usage_list(world.home, world.numbers("anna")[0]).records
    assert (record.record_id, record.duration_us, record.charge_micros) == ("call", 120_000_000, 20 * CENT)


def test_a_call_that_was_computed_for_tests_by_mistake_is_too_late_with_the_segment_that_came_late(world: World) -> None:
    """It is on no bill, so all three minutes are listed: nothing of them is billed already."""
    begin(world, "none")
    agreements.agree(world.home, _asked(world), "anna", "category", dt.date(2025, 10, 1), None, kinds.CategoryFact("test"))
    live(world, TWO_OF_THREE, months=MONTHS[:5])
    world.catch_up()
    with world.home.connect() as connection:
        (key,) = account_keys(connection, ["anna"]).values()
        (fact,) = [each for each in load(connection, [key]).customers[key].facts if each.kind == "category"]
    agreements.retract(world.home, _asked(world), "anna", fact.fact_id, "mistake", of_subscription=False)
    assert comes_to(world) == (0, 20)
    arrive(world, "2026-03-10", MIDDLE)
    world.bill(MONTHS[5])
    assert comes_to(world) == (0, 30)
    agreed_by_all(world)


def _asked(world: World) -> Asked:
    return Asked(Operator(*ANA), world.tick())
