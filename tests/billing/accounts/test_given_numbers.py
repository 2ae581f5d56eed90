"""Numbers beside ends that move: what another has in the way, what is left, and numbers that are given when an end is known.

M-1 of A1 has ONE from 1 October 2026 on; M-2 of A2 has no number. Midnights are Shanghai's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing import accounts, catalogue
from billing.accounts import entities, exporting, lifecycle, numbers
from billing.store.home import Home
from rating.errors import UserError
from tests.billing.accounts.operator_home import ASKED, NOW_US, catalogues, day, make
from tests.billing.accounts.test_moved_ends import ONE, TWO, end, free, spans

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with make(tmp_path) as opened:
        for name, account, served in (("M-1", "A1", (ONE,)), ("M-2", "A2", ())):
            lifecycle.activate(opened, ASKED, lifecycle.Activation(name, account, "mobile/basic", day("2026-10-01"), served))
        yield opened


def theirs(text: str, until: str | None = None) -> str:
    """The sentence about ONE that M-2 has from a day on."""
    span = "for good" if until is None else f"until {until} 00:00:00+08:00"
    return f"{ONE}: it is M-2's from {text} 00:00:00+08:00 {span}, and that stays"


@pytest.fixture
def moved(home: Home) -> Home:
    """M-1's end moves from 10 to 28 December when M-2 has ONE from the 12th on: M-1 keeps it until then."""
    end(home, "2026-12-10")
    numbers.give(home, ASKED, ONE, "M-2", day("2026-12-12"), 0)
    assert theirs("2026-12-12") in end(home, "2026-12-28")
    assert spans(home, ONE) == [("2026-10-01", "2026-12-12")]
    return home


def test_what_is_in_the_way_is_named_again(moved: Home) -> None:
    assert theirs("2026-12-12") in end(moved, "2026-12-30")
    assert lifecycle.revive(moved, ASKED, "M-1", "stays").said[1] == theirs("2026-12-12")


def test_what_another_gave_up_is_free_to_be_given_back(moved: Home) -> None:
    """M-2 gives ONE up on the 15th: the days from then on are M-1's again by the command that is named, up to its end."""
    numbers.take(moved, ASKED, ONE, "M-2", day("2026-12-15"))
    said = end(moved, "2026-12-30")
    assert said[1:3] == [theirs("2026-12-12", "2026-12-15"), free(ONE, "2026-12-15", " --quarantine-days 0")]
    numbers.give(moved, ASKED, ONE, "M-1", day("2026-12-15"), 0)
    assert spans(moved, ONE) == [("2026-10-01", "2026-12-12"), ("2026-12-15", "2026-12-30")]


def test_a_number_that_another_never_had_stays_without_a_gap(moved: Home) -> None:
    """M-2 ends on the 11th: ONE was to come on the 12th, and does not. M-1 has it until its next end."""
    end(moved, "2026-12-11", "M-2")
    end(moved, "2026-12-30")
    assert spans(moved, ONE) == [("2026-10-01", "2026-12-30")]


def test_the_days_before_another_has_it_are_given_back(home: Home) -> None:
    """The end of 10 December is undone; M-2 has ONE from the 12th to the 14th. M-1 gets the 10th and 11th, and what begins on the 15th."""
    end(home, "2026-12-10")
    numbers.give(home, ASKED, ONE, "M-2", day("2026-12-12"), 0)
    numbers.take(home, ASKED, ONE, "M-2", day("2026-12-15"))
    assert lifecycle.revive(home, ASKED, "M-1", "stays").said[1:4] == (
        free(ONE, "2026-12-10", until="2026-12-12"),
        theirs("2026-12-12", "2026-12-15"),
        free(ONE, "2026-12-15", " --quarantine-days 0"),
    )
    said = numbers.give(home, ASKED, ONE, "M-1", day("2026-12-10"), 90).said
    assert said[0] == f"M-1 has {ONE} from 2026-12-10 00:00:00+08:00 until 2026-12-12 00:00:00+08:00"
    numbers.give(home, ASKED, ONE, "M-1", day("2026-12-15"), 0)
    assert spans(home, ONE) == [("2026-10-01", "2026-12-10"), ("2026-12-10", "2026-12-12"), ("2026-12-15", None)]
    assert spans(home, ONE, "A2", "M-2") == [("2026-12-12", "2026-12-15")]


def test_another_does_not_get_the_days_before_it_begins(home: Home) -> None:
    """The number of M-1 is not M-2's for the days before, which it never had."""
    numbers.take(home, ASKED, ONE, "M-1", day("2026-10-02"))
    numbers.give(home, ASKED, ONE, "M-1", day("2026-12-12"), 0)
    with pytest.raises(UserError, match=f"{ONE} belongs to M-1 from 2026-12-12"):
        numbers.give(home, ASKED, ONE, "M-2", day("2026-12-10"), 0)


def test_a_number_is_given_until_the_end_that_is_known(home: Home) -> None:
    """M-1 ends on 20 December. From then on TWO is free for M-2; an end that moves takes it along."""
    end(home, "2026-12-20")
    said = numbers.give(home, ASKED, TWO, "M-1", day("2026-12-05"), 0).said
    assert said[0] == f"M-1 has {TWO} from 2026-12-05 00:00:00+08:00 until 2026-12-20 00:00:00+08:00"
    assert spans(home, TWO) == [("2026-12-05", "2026-12-20")]
    assert numbers.give(home, ASKED, TWO, "M-1", day("2026-12-05"), 0).existed
    end(home, "2026-12-28")
    assert spans(home, TWO) == [("2026-12-05", "2026-12-28")]
    end(home, "2026-12-15")
    assert spans(home, TWO) == [("2026-12-05", "2026-12-15")]
    numbers.give(home, ASKED, TWO, "M-2", day("2026-12-22"), 0)
    assert spans(home, TWO, "A2", "M-2") == [("2026-12-22", None)]


@pytest.mark.parametrize("on", ["2026-12-20", "2026-12-21"])
def test_a_subscription_that_has_ended_by_then_gets_no_number(home: Home, on: str) -> None:
    end(home, "2026-12-20")
    with pytest.raises(UserError, match="M-1 ends: 2026-12-20 is the first day without it") as caught:
        numbers.give(home, ASKED, TWO, "M-1", day(on), 0)
    assert caught.value.remedy == "give it from an earlier instant, or move the end first: `ratewright accounts end` or `revive`"


def test_an_export_with_a_number_given_before_an_end_comes_back_equal(home: Home, tmp_path: Path) -> None:
    end(home, "2026-12-20")
    numbers.give(home, ASKED, TWO, "M-1", day("2026-12-05"), 0)
    exporting.export_files(home, tmp_path / "one", "csv")
    with Home.open(tmp_path / "other", create=True) as other:
        for each in catalogues():
            catalogue.publish(other, each, NOW_US - 1)
        entities.add(other, entities.Entity("north", "North Ltd", "N", "NC"), ASKED)
        accounts.import_files(other, tmp_path / "one", ASKED.now_us)
        exporting.export_files(other, tmp_path / "two", "csv")
    assert (tmp_path / "one" / "numbers.csv").read_text() == (tmp_path / "two" / "numbers.csv").read_text()
