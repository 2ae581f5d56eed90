"""One list: what intake put into suspense and what rating refused, with age, value and where it lies."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.enquiries.home import status
from billing.enquiries.page_slow import SLOW
from billing.intake.taking import Intake
from billing.store.home import Home
from billing.suspense import recycling, writing_off
from billing.suspense.listing import listing
from billing.suspense.rule import rule_of
from billing.suspense.selection import Selection, checked_ids
from rating.dates import DAY_US
from rating.errors import UserError
from rating.schema import Direction, UsageFlag
from tests.billing.runs.test_pools_and_late import arrive
from tests.billing.runs.world import START_US, Call, instant_us
from tests.billing.suspense.world import asking, asterisk_row, listed, save, take_rows, write_off
from tests.billing.usage_rows import Event, batch

if TYPE_CHECKING:
    from pathlib import Path

    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
ANNA = "8613800000001"
STRANGER = "8613700000000"
# the record; what it may be worth in micro-units, and what that goes by. A national minute costs 0.10, a premium one 2.005.
VALUES: list[tuple[Call, int, str]] = [
    (Call(ANNA, "2025-10-05T10:00", 90), 200_000, "own plan"),
    (Call(ANNA, "2025-10-05T10:00", 60, number=8690000000001), 2_005_000, "own plan"),
    (Call(STRANGER, "2025-10-05T10:00", 600), 1_000_000, "commonest plan"),
    (Call(ANNA, "2025-10-05T10:00", 60, number=4412345678), 300_000, "mean of source"),
    (Call(ANNA, "2025-10-05T10:00", 60, flags=int(UsageFlag.UNANSWERED)), 0, "does not bill"),
    (Call(ANNA, "2025-10-05T10:00", 60, direction=Direction.TERMINATING), 0, "does not bill"),
]


@pytest.mark.parametrize(("call", "micros", "basis"), VALUES, ids=[f"{call.served} {call.number} {basis}" for call, _, basis in VALUES])
def test_what_a_record_may_be_worth(world: World, call: Call, micros: int, basis: str) -> None:
    world.take(Call("8613800000002", "2025-10-01T10:00", 180))  # all that the source is known by: three minutes
    world.take(call._replace(key="one"))
    world.take(call._replace(key="one", seconds=call.seconds + 3600))  # in conflict, so that it waits
    entry = next(each for each in listed(world).rows if each.duration_us == call.seconds * 1_000_000)
    assert (entry.estimated_micros, entry.basis, entry.currency) == (micros, basis, "" if basis == "does not bill" else "CNY")


def test_without_any_tariff_values_are_unknown(tmp_path: Path) -> None:
    with Home.open(tmp_path / "bare", create=True) as home:
        Intake(home).take_batch("sw1", batch(Event("a", 5), rejects=["?"]), START_US)
        Intake(home).take_batch("sw1", batch(Event("a", 6)), START_US)
        found = listing(home, Selection(), START_US)
        assert {each.reason: (each.rows, each.estimated, each.unknown) for each in found.counts} == {
            "conflicting": (2, {}, 1),  # two versions of one record
            "wrong_column_count": (1, {}, 1),
        }
        assert listing(home, Selection("sw2"), START_US).counts == ()


def test_groups_and_ages(world: World) -> None:
    for day in (400, 90, 89, 30, 29, 7, 6, 1, 0):
        if day == 90:
            world.take(Call(ANNA, "2025-10-01T10:00", 60))  # what a record of any source is worth: 0.10
        Intake(world.home).take_batch("sw1", batch(rejects=[f"broken {day}"]), START_US + (400 - day) * DAY_US)
    (group,) = listing(world.home, Selection("sw1"), START_US + 400 * DAY_US).counts
    assert group.ages == {"under 1 day": 1, "1 to 7 days": 2, "7 to 30 days": 2, "30 to 90 days": 2, "over 90 days": 2}
    assert (group.last_seen_us - group.first_seen_us) // DAY_US == 400
    assert (group.rows, group.estimated) == (9, {"CNY": 900_000})


def test_sums_count_a_record_in_conflict_once_by_its_version_of_most_worth(world: World) -> None:
    """Minutes cost 0.10: versions of 1, 61 and 2 minutes are worth 6.10 together; one of 3 and one of 4 minutes 0.40; 6.50 in all."""
    for key, day, minutes in (("one", 5, (1, 61, 2)), ("two", 6, (4, 3))):
        for each in minutes:
            world.take(Call(ANNA, f"2025-10-0{day}T10:00", each * 60, key=key))
    found = listed(world)
    (group,) = found.counts
    assert (group.records, group.rows, found.total) == (2, 5, 5)
    assert (group.estimated, group.unknown) == ({"CNY": 6_500_000}, 0)
    assert sum(group.ages.values()) == 2
    row = next(each for name, _, each in SLOW if name == "suspense and its worth")
    slow = row(world.home, world.tick())
    assert slow.says == "2 records (5 rows), worth about 6.50 CNY"
    assert slow.figures == {"records": 2, "rows": 5, "estimated_micros": {"CNY": 6_500_000}, "unknown": 0}
    quick = next(each for each in status(world.home, world.tick()) if each.name == "put aside at intake")
    assert (quick.says, quick.figures) == ("2 conflicting", {"reasons": {"conflicting": 2}})
    wanted = writing_off.subject(world.home, Selection(reasons=("conflicting",)), asking(world))
    assert (wanted.rows, wanted.estimated, wanted.unknown) == (2, {"CNY": 6_500_000}, 0)
    given_up = write_off(world, reasons=("conflicting",))
    assert (given_up.rows, given_up.estimated, listed(world).total) == (2, {"CNY": 6_500_000}, 0)


def test_versions_without_an_estimate_leave_a_record_the_worth_of_the_others(world: World) -> None:
    """The age of a record is that of the version that came first, whichever is worth the most."""
    world.take(Call(ANNA, "2025-10-05T10:00", 60, key="one"))
    world.now_us += 40 * DAY_US
    world.take(Call(ANNA, "2025-10-05T10:00", 120, key="one"))
    (group,) = listing(world.home, Selection(), world.tick()).counts
    assert (group.records, group.estimated, list(group.ages)) == (1, {"CNY": 200_000}, ["30 to 90 days"])


def test_rows_stand_oldest_first_with_their_place(world: World, tmp_path: Path) -> None:
    good = asterisk_row("u1", ANNA, "2025-10-05 10:00:00", 60)
    take_rows(world, tmp_path, "one.csv", good, "first\n", "second\n")
    found = listing(world.home, Selection(), world.tick(), limit=1)
    (entry,) = found.rows
    assert (found.total, entry.raw, entry.file, entry.offset, entry.length) == (2, "first", str(tmp_path / "one.csv"), len(good), 5)


def test_what_the_runs_refused_stands_as_the_last_of_them_left_it(world: World) -> None:
    world.take(Call(STRANGER, "2025-10-05T10:00", 60), Call("8613700000009", "2025-10-05T10:00", 60))
    assert listed(world).counts == ()  # no run has looked at it yet
    ahead = listing(world.home, Selection(), world.tick(), bill_date=dt.date(2025, 11, 1))
    assert [(each.reason, each.rows) for each in ahead.counts] == [("UNKNOWN_SUBSCRIPTION", 2)]
    world.bill("2025-11-01")
    assert [each.mended for each in listed(world).rows] == [False, False]
    world.own(STRANGER, "bert-1")
    assert sorted((each.served_id or "", each.mended) for each in listed(world).rows) == [(STRANGER, True), ("8613700000009", False)]
    world.bill("2025-12-01")
    (left,) = listed(world).rows
    assert (left.served_id, left.first_seen_us < left.last_seen_us) == ("8613700000009", True)


def test_what_was_refused_is_as_old_as_its_arrival(world: World) -> None:
    """It came at noon of 6 October, and the run of 1 November refused it first: at noon of 8 November it has waited for 33 days."""
    came_us, now_us = instant_us("2025-10-06T12:00"), instant_us("2025-11-08T12:00")
    arrive(world, "2025-10-06T12:00", Call(STRANGER, "2025-10-05T10:00", 60, key="one"))
    ahead = listing(world.home, Selection(), world.tick(), bill_date=dt.date(2025, 11, 1))
    world.bill("2025-11-01")
    found = listing(world.home, Selection(), now_us)
    for told in (*ahead.counts, *ahead.rows, *found.counts, *found.rows):
        assert 0 <= told.first_seen_us - came_us < 1_000, told
    assert ([each.age_days for each in found.rows], found.counts[0].ages) == ([33], {"30 to 90 days": 1})
    assert found.rows[0].last_seen_us >= instant_us("2025-11-01T00:00"), "the run that refused it last"


def test_a_run_that_does_not_look_at_an_event_says_nothing_of_it(world: World) -> None:
    world.account("carl", bill_day=15)
    world.subscription("carl-1", "carl", "shop/basic", "8613800000003")
    world.take(Call("8613800000003", "2025-10-01T10:00", 60, number=4412345678))
    world.bill("2025-10-15")  # of carl alone
    assert [each.reason for each in listed(world).rows] == ["NO_ZONE"]
    world.bill("2025-11-01")  # of all others
    assert [each.reason for each in listed(world).rows] == ["NO_ZONE"]


@pytest.mark.parametrize("text", ["", "twelve", "e-", "e-12", "e-xyzxyz", "-1", "1e3", "9" * 30])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="names no record"):
        checked_ids([text])


def test_a_preview_shows_what_a_rule_cannot_mend(world: World) -> None:
    world.take(Call("13700000001", "2025-10-05T10:00", 60), Call("137000000012345", "2025-10-05T10:00", 60))
    world.bill("2025-11-01")
    rule = rule_of({"source": "switch", "served": {"begins": "1", "add": "86"}}, "test")
    seen = recycling.preview(*recycling.found(world.home, Selection("switch"), rule, asking(world)))
    assert (seen.rows, seen.coming_back, seen.estimated) == (2, 1, {"CNY": 100_000})
    assert seen.left == {"86137000000012345 is not a number in E.164": 1}
    assert save(world, {"source": "switch", "served": {"begins": "1", "add": "86"}}).subject.rows == 1
