"""Usage without an owner that comes after the bill of its month: a run refuses it while its owner can still be recorded.

Nothing of the month is computed for any account otherwise. A call of 10 minutes costs 1.00, and anna and bert have 0.10 billed of it.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.accounts import agreements, numbers
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.left_out.words import sentences
from billing.runs import refused_events
from billing.runs.selection import usage_changes
from billing.usage_report.rating_book import rating_book
from billing.usage_report.span import Span
from billing.verification.explain_line import explain_record
from billing.verification.rerate_sample import rerate
from tests.billing.runs.test_pools_and_late import arrive
from tests.billing.runs.world import Call
from tests.billing.suspense import world as suspense
from tests.billing.too_late.late_world import ANA, NUMBERS, open_records, usage_cents, wrong
from tests.billing.too_late.test_deciding import found_as

if TYPE_CHECKING:
    from tests.billing.runs.world import World

UNKNOWN = NUMBERS["nobody"]
IN_OCTOBER = Call(UNKNOWN, "2025-10-05T10:00:00", 600, key="x")
YEARS = Span(dt.date(2024, 1, 1), dt.date(2027, 1, 1))
REFUSES = "The next run of all accounts refuses it, unless `ratewright accounts number give` records its owner."


@pytest.fixture
def anna(world: World) -> World:
    for name in ("anna", "bert"):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/plus", NUMBERS[name])
    world.take(*(Call(NUMBERS[name], "2025-10-06T10:00:00", 60) for name in ("anna", "bert")))
    world.bill("2025-11-01")
    return world


def words(world: World, language: str = "en") -> list[str]:
    """The last sentence of each explanation."""
    return [sentences(each, language)[-1] for each in explain_record(world.home, "x").left_out]


def in_suspense(world: World) -> list[str]:
    return [each.reason for each in suspense.listed(world).rows]


def fates(world: World) -> dict[str, int]:
    (line,) = rating_book(world.home, 10**6, YEARS)
    assert line.ok
    return {name: each.rows for name, each in line.right.items() if each.rows}


def give(world: World) -> None:
    world.catch_up()
    numbers.give(world.home, Asked(Operator(*ANA), world.tick()), UNKNOWN, "anna-1", dt.date(2025, 10, 1), 0)


def test_the_next_run_refuses_it_and_lists_have_it_until_it_is_closed(anna: World) -> None:
    arrive(anna, "2025-11-10T12:00:00", IN_OCTOBER)
    assert (words(anna), in_suspense(anna)) == ([REFUSES], [])
    report = anna.bill("2025-12-01")
    assert (report.events, report.left_out["settled"]) == ({"UNKNOWN_SUBSCRIPTION": 1}, 2), "usage of others is settled"
    for date in ("2026-01-01", "2026-02-01"):
        assert (in_suspense(anna), open_records(anna), fates(anna), wrong(anna)) == (
            ["UNKNOWN_SUBSCRIPTION"], [], {"rated": 2, "suspended": 1}, set(),
        )  # fmt: skip
        assert found_as(anna, "x", "nobody") == "rating refused it: UNKNOWN_SUBSCRIPTION"
        assert explain_record(anna.home, "x").left_out == ()
        assert anna.bill(date).events == {}, "it is read and refused once"
    assert refused_events.refusals(anna.home, 2).counts == {"UNKNOWN_SUBSCRIPTION": 1}
    report = rerate(anna.home, 2, 10, 1)
    assert (report.events, report.disagreements) == (1, 0)
    anna.bill("2026-03-01")
    assert (in_suspense(anna), open_records(anna), fates(anna), wrong(anna)) == ([], ["x"], {"rated": 2, "too_late": 1}, set())


@pytest.mark.parametrize("runs_before", [0, 1, 2])
def test_its_number_is_recorded_in_time(anna: World, runs_before: int) -> None:
    arrive(anna, "2025-11-10T12:00:00", IN_OCTOBER)
    dates = ["2025-12-01", "2026-01-01", "2026-02-01"]
    for date in dates[:runs_before]:
        anna.bill(date)
    give(anna)
    anna.bill(dates[runs_before])
    assert (usage_cents(anna, "anna"), in_suspense(anna), fates(anna), wrong(anna)) == (110, [], {"rated": 3}, set())


def test_what_is_closed_when_it_comes_is_never_promised_a_refusal(anna: World) -> None:
    arrive(anna, "2025-11-10T12:00:00", IN_OCTOBER._replace(at="2025-03-05T10:00:00"))
    (told,) = explain_record(anna.home, "x").left_out
    said = sentences(told)
    assert said[0].endswith("its period is closed, for good")
    assert said[-1].startswith("No run bills it. That run looks at it first")
    assert said[-2] == "No run has read it yet; the next one is that of 2025-12-01."
    assert "下一次出账日为 2025-12-01" in sentences(told, "zh")[-2]
    assert anna.bill("2025-12-01").events == {}
    assert (open_records(anna), in_suspense(anna), wrong(anna)) == (["x"], [], set())


def test_a_number_whose_subscription_had_ended_with_its_account(anna: World) -> None:
    anna.begun(dt.date(2025, 11, 10))
    agreements.close(anna.home, Asked(Operator(*ANA), anna.tick()), "anna", dt.date(2025, 11, 15), "leaves")
    for date in ("2025-12-01", "2026-01-01"):
        anna.bill(date)
    arrive(anna, "2026-01-10T12:00:00", Call(NUMBERS["anna"], "2025-11-20T10:00:00", 600, key="x"))
    assert words(anna) == [REFUSES]
    anna.bill("2026-02-01")
    assert (in_suspense(anna), fates(anna), wrong(anna)) == (["UNKNOWN_SUBSCRIPTION"], {"rated": 2, "suspended": 1}, set())


def test_what_runs_of_before_have_not_read(anna: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs did not look for it, and none of those to come does: only its number, or its closing, brings it up."""
    arrive(anna, "2025-11-10T12:00:00", IN_OCTOBER)
    with monkeypatch.context() as patched:
        patched.setattr(usage_changes.Places, "_note_unowned", lambda *_: None)
        assert anna.bill("2025-12-01").events == {}
    assert words(anna)[0].startswith("No run has read it. Once `ratewright accounts number give` records its owner, the next run bills it")
    assert words(anna, "zh")[0].startswith("尚无出账读取该记录。")
    assert (
        found_as(anna, "x", "nobody") == "its number had no owner, and no run has read it: the next one bills it once an owner is recorded"
    )
    assert anna.bill("2026-01-01").events == {}
    give(anna)
    anna.bill("2026-02-01")
    assert (usage_cents(anna, "anna"), wrong(anna)) == (110, set())
