"""Ends that move, and ends that are taken back: who has the numbers by then, and which ends are still to come.

The end of M-1 moves from 10 to 20 December 2026. Midnights are Shanghai's: 2026-12-10T00:00+08:00 is 2026-12-09T16:00Z.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.accounts import agreements, lifecycle, lookup, numbers
from rating.dates import instant_of
from tests.billing.accounts.operator_home import ASKED, DRY, day, make

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.store.home import Home

pytestmark = pytest.mark.slow
ONE, TWO = "8613900000071", "8613900000072"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """M-1 of A1 has two numbers from 1 October 2026 on; M-2 of A2 has none."""
    with make(tmp_path) as opened:
        for name, account, served in (("M-1", "A1", (ONE, TWO)), ("M-2", "A2", ())):
            lifecycle.activate(opened, ASKED, lifecycle.Activation(name, account, "mobile/basic", day("2026-10-01"), served))
        yield opened


def at(text: str) -> int:
    """An instant in Shanghai."""
    return instant_of(dt.datetime.fromisoformat(f"{text}T00:00:00+08:00"))


def spans(home: Home, served_id: str, account: str = "A1", name: str = "M-1") -> list[tuple[str, str | None]]:
    """The days from and to which a subscription has a number."""
    shown = lookup.show_account(home, account, day("2026-12-01"))
    found = next(each.spans for each in shown.subscriptions if each.subscription_id == name)
    return [(on(span.from_us), None if span.to_us is None else on(span.to_us)) for span in found if span.served_id == served_id]


def on(instant_us: int) -> str:
    """A midnight in Shanghai as its day."""
    told = dt.datetime.fromtimestamp(instant_us / 10**6, dt.timezone(dt.timedelta(hours=8)))
    assert (told.hour, told.minute, told.second) == (0, 0, 0)
    return told.date().isoformat()


def end(home: Home, text: str, name: str = "M-1") -> list[str]:
    rehearsed = lifecycle.end(home, DRY, name, day(text), "moves")
    done = lifecycle.end(home, ASKED, name, day(text), "moves")
    assert rehearsed.said == done.said
    return list(done.said)


def free(served_id: str, text: str, options: str = "", until: str | None = None) -> str:
    """The sentence about a number that M-1 has no more; `until`: the day from which another one has it."""
    command = f"`ratewright accounts number give {served_id} M-1 --from {text}{options}`"
    span = "on until it is given again" if until is None else f"until {until} 00:00:00+08:00 unless it is given again"
    return f"{served_id} stays free from {text} 00:00:00+08:00 {span}: {command}"


def test_the_numbers_stay_until_the_later_day(home: Home) -> None:
    end(home, "2026-12-10")
    assert spans(home, ONE) == [("2026-10-01", "2026-12-10")]
    said = end(home, "2026-12-20")
    assert said[:4] == [
        "M-1 ends: 2026-12-20 is the first day without it, not on 2026-12-10",
        f"{ONE}, which the end before had freed, stays with it from 2026-12-10 00:00:00+08:00 until 2026-12-20 00:00:00+08:00",
        f"{TWO}, which the end before had freed, stays with it from 2026-12-10 00:00:00+08:00 until 2026-12-20 00:00:00+08:00",
        f"its numbers are free from then on: {ONE}, {TWO}",
    ]
    assert spans(home, ONE) == spans(home, TWO) == [("2026-10-01", "2026-12-20")]
    end(home, "2026-12-31")
    assert spans(home, ONE) == [("2026-10-01", "2026-12-31")], "moved twice"
    end(home, "2026-12-05")
    end(home, "2026-12-15")
    assert spans(home, ONE) == [("2026-10-01", "2026-12-15")], "to an earlier day, and to a later one again"


def test_a_move_to_a_later_day_is_about_the_days_from_the_earlier_one_on(home: Home) -> None:
    """From 30 December to 20 January: the fee of 30 and 31 December is on the bill of 1 January, not first on that of 1 February."""
    end(home, "2026-12-30")
    said = end(home, "2027-01-20")
    assert said[-1] == "the bill of 2027-01-01 is the first to show it"


def test_a_number_taken_by_hand_stays_taken(home: Home) -> None:
    """ONE is taken on 1 December, before the end; TWO on 15 December, after the end has moved."""
    numbers.take(home, ASKED, ONE, "M-1", day("2026-12-01"))
    end(home, "2026-12-10")
    assert not any(ONE in each for each in end(home, "2026-12-20"))
    assert spans(home, ONE) == [("2026-10-01", "2026-12-01")]
    numbers.take(home, ASKED, TWO, "M-1", day("2026-12-15"))
    assert not any(TWO in each for each in end(home, "2026-12-25"))
    assert spans(home, TWO) == [("2026-10-01", "2026-12-15")]


def test_a_number_that_another_has_by_then_stays_there(home: Home) -> None:
    """M-2 has ONE from 12 to 14 December, and TWO from 10 December on for good."""
    end(home, "2026-12-10")
    numbers.give(home, ASKED, ONE, "M-2", day("2026-12-12"), 0)
    numbers.take(home, ASKED, ONE, "M-2", day("2026-12-15"))
    numbers.give(home, ASKED, TWO, "M-2", day("2026-12-10"), 0)
    said = end(home, "2026-12-20")
    assert said[1:5] == [
        f"{ONE}, which the end before had freed, stays with it from 2026-12-10 00:00:00+08:00 until 2026-12-12 00:00:00+08:00",
        f"{ONE}: it is M-2's from 2026-12-12 00:00:00+08:00 until 2026-12-15 00:00:00+08:00, and that stays",
        free(ONE, "2026-12-15", " --quarantine-days 0"),
        f"{TWO}: it is M-2's from 2026-12-10 00:00:00+08:00 for good, and that stays",
    ]
    assert not any(each.startswith("its numbers are free") for each in said), "none is M-1's on 19 December"
    assert (spans(home, ONE), spans(home, ONE, "A2", "M-2")) == ([("2026-10-01", "2026-12-12")], [("2026-12-12", "2026-12-15")])
    assert (spans(home, TWO), spans(home, TWO, "A2", "M-2")) == ([("2026-10-01", "2026-12-10")], [("2026-12-10", None)])
    numbers.give(home, ASKED, ONE, "M-1", day("2026-12-15"), 0)
    assert spans(home, ONE) == [("2026-10-01", "2026-12-12"), ("2026-12-15", "2026-12-20")], "the command that is named works"


def test_a_number_given_back_by_hand_ends_with_the_subscription(home: Home) -> None:
    end(home, "2026-12-10")
    lifecycle.revive(home, ASKED, "M-1", "stays")
    numbers.give(home, ASKED, ONE, "M-1", day("2026-12-10"), 90)
    end(home, "2026-12-20")
    assert spans(home, ONE) == [("2026-10-01", "2026-12-10"), ("2026-12-10", "2026-12-20")]
    end(home, "2026-12-31")
    assert spans(home, ONE) == [("2026-10-01", "2026-12-10"), ("2026-12-10", "2026-12-31")]


def test_a_number_given_back_after_a_revival_moves_with_later_ends(home: Home) -> None:
    """Given again from 10 December on; an end on the 5th takes that back, and one on the 20th has the days from the 5th on as one span."""
    end(home, "2026-12-10")
    lifecycle.revive(home, ASKED, "M-1", "stays")
    numbers.give(home, ASKED, ONE, "M-1", day("2026-12-10"), 0)
    end(home, "2026-12-05")
    said = lifecycle.revive(home, DRY, "M-1", "stays").said
    assert [each for each in said if each.startswith(f"{ONE} ")] == [free(ONE, "2026-12-05")]
    assert sum(each.startswith(ONE) for each in end(home, "2026-12-20")) == 1
    assert spans(home, ONE) == [("2026-10-01", "2026-12-20")]


def test_a_number_that_was_to_come_after_the_end_comes_all_the_same(home: Home) -> None:
    """A third number begins on 15 December: the end on the 10th takes it back, the one on the 20th does not."""
    numbers.give(home, ASKED, "8613900000073", "M-1", day("2026-12-15"), 0)
    end(home, "2026-12-10")
    assert spans(home, "8613900000073") == []
    end(home, "2026-12-20")
    assert spans(home, "8613900000073") == [("2026-12-15", "2026-12-20")]


def test_an_end_that_came_with_an_import_or_a_change_of_owner_moves_too(home: Home) -> None:
    """A2-1 and its number are imported to 1 June 2026; M-1 goes to A2 on 1 December with its end on the 10th."""
    end(home, "2026-06-20", "A2-1")
    assert spans(home, "8613800000003", "A2", "A2-1") == [("2025-10-01", "2026-06-20")]
    end(home, "2026-12-10")
    lifecycle.transfer(home, ASKED, "M-1", "A2", day("2026-12-01"), "M-3")
    end(home, "2026-12-20", "M-3")
    assert spans(home, ONE, "A2", "M-3") == [("2026-12-01", "2026-12-20")]
    assert spans(home, ONE) == [("2026-10-01", "2026-12-01")]


def test_an_end_undone_names_the_instant_from_which_a_number_is_free(home: Home) -> None:
    """The moved end holds: ONE is free from the 20th on, not from the 10th. TWO is M-2's from 22 December on."""
    end(home, "2026-12-10")
    end(home, "2026-12-20")
    numbers.give(home, ASKED, TWO, "M-2", day("2026-12-22"), 0)
    said = lifecycle.revive(home, ASKED, "M-1", "stays").said
    assert said[:4] == (
        "M-1 goes on as if it had not ended on 2026-12-20",
        free(ONE, "2026-12-20"),
        free(TWO, "2026-12-20", until="2026-12-22"),
        f"{TWO}: it is M-2's from 2026-12-22 00:00:00+08:00 for good, and that stays",
    )
    numbers.give(home, ASKED, ONE, "M-1", day("2026-12-20"), 90)
    assert spans(home, ONE) == [("2026-10-01", "2026-12-20"), ("2026-12-20", None)]


def test_a_retracted_end_moves_the_numbers_as_well(home: Home) -> None:
    """Without the end on the 20th the one on the 10th holds again; without that one there is none."""
    end(home, "2026-12-10")
    end(home, "2026-12-20")

    def retract() -> tuple[str, ...]:
        fact = max(each.fact_id for each in lookup.show_account(home, "A1").facts if each.about == "M-1")
        return agreements.retract(home, ASKED, "A1", fact, "mistyped", of_subscription=True).said

    said = retract()
    assert said[1:3] == ("M-1 ends: 2026-12-10 is the first day without it", f"its numbers are free from then on: {ONE}, {TWO}")
    assert spans(home, ONE) == [("2026-10-01", "2026-12-10")]
    said = retract()
    assert said[1] == "M-1 goes on: it has no end"
    assert said[2] == free(ONE, "2026-12-10")


def ends(home: Home, as_of: str = "2026-12-01") -> list[tuple[str, str, int | None]]:
    shown = lookup.show_account(home, "A1", day(as_of))
    return [(each.from_date, each.says, each.replaced_by) for each in shown.facts if each.about == "M-1"]


def coming(home: Home) -> list[tuple[str, str]]:
    shown = lookup.show_account(home, "A1", day("2026-12-01"))
    return [(each.from_date, each.says) for each in shown.coming if each.about == "M-1"]


def test_ends_that_hold_no_longer_are_not_to_come_and_are_marked(home: Home) -> None:
    end(home, "2026-12-10")
    end(home, "2026-12-20")
    assert coming(home) == [("2026-12-20", "ends (moves)")]
    first, second = ends(home)
    number = max(each.fact_id for each in lookup.show_account(home, "A1").facts if each.about == "M-1")
    assert first == ("2026-12-10", f"ends (moves); no longer holds since fact {number}, moved: it ends on 2026-12-20", number)
    assert second == ("2026-12-20", "ends (moves)", None)
    lifecycle.revive(home, ASKED, "M-1", "stays")
    assert coming(home) == []
    marked = ends(home)
    undoing = number + 1
    assert marked == [
        ("2026-12-10", f"ends (moves); no longer holds since fact {undoing}, taken back: it has no end", undoing),
        ("2026-12-20", f"ends (moves); no longer holds since fact {undoing}, taken back: it has no end", undoing),
        ("2026-12-20", "goes on: the end is undone (stays)", None),
    ]
    end(home, "2026-12-10")
    assert coming(home) == [("2026-12-10", "ends (moves)")]
    assert [replaced for _, _, replaced in ends(home)] == [None, undoing + 1, undoing + 1], "asked again for its first day"
