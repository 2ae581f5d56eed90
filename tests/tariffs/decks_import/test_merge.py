"""What an update makes of a deck: rows, zones that keep their ids, days, duplicates."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from rating.errors import ProblemsError, UserError
from tariffs.decks_import import ledger, merge
from tests.tariffs.decks_import.helpers import DEFAULTS, HEADER, ON, deck, merged, source, text

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "zone_id,zone,prefixes,rate,increments\n"
OLD = f"{HEAD}1,Egypt,20,0.05,1/1\n2,Egypt Mobile,2010 2011 2012,0.09,1/1\n3,Italy,39,0.01,1/1\n"
DATED = "zone_id,zone,prefixes,rate,increments,from\n1,Egypt,20,0.05,1/1,\n2,Egypt Mobile,2010 2011 2012,0.09,1/1,\n3,Italy,39,0.01,1/1,\n"


def test_a_first_deck_has_no_days(tmp_path: Path) -> None:
    made = merged(
        tmp_path, "", "20,Egypt,0.05,,\n2010,Egypt Mobile,0.09,2026-01-01,\n2011,Egypt Mobile,0.09,,\n2012,Egypt Mobile,0.08,,\n", full=True
    )
    assert text(made) == f"{HEAD}1,Egypt,20,0.05,1/1\n2,Egypt Mobile,2010 2011,0.09,1/1\n3,Egypt Mobile #2,2012,0.08,1/1\n"


# rows of the update, full -> rows that are added to the deck
UPDATES = [
    ("nothing new", "20,Egypt,0.05,,\n", False, ""),
    ("all prefixes of a destination get dearer: its zone stays", "2010-2012,Egypt Mobile,0.10,,\n", False,
     "2,Egypt Mobile,2010 2011 2012,0.10,1/1,2026-12-01\n"),
    ("one of them: it leaves for a zone of its own", "2012,Egypt Mobile,0.10,,\n", False,
     "2,Egypt Mobile,2010 2011,0.09,1/1,2026-12-01\n4,Egypt Mobile #2,2012,0.10,1/1,2026-12-01\n"),
    ("on a later day", "2012,Egypt Mobile,0.10,2026-12-15,\n", False,
     "2,Egypt Mobile,2010 2011,0.09,1/1,2026-12-15\n4,Egypt Mobile #2,2012,0.10,1/1,2026-12-15\n"),
    ("on a day that is past: with the version", "39,Italy,0.02,2026-01-01,\n", False, "3,Italy,39,0.02,1/1,2026-12-01\n"),
    ("a new destination", "34,Spain,0.02,,\n", False, "4,Spain,34,0.02,1/1,2026-12-01\n"),
    ("a prefix moves", "2012,Egypt,0.05,,\n", False,
     "2,Egypt Mobile,2010 2011,0.09,1/1,2026-12-01\n1,Egypt,20 2012,0.05,1/1,2026-12-01\n"),
    ("a prefix goes", "2012,,,,X\n", False, "2,Egypt Mobile,2010 2011,0.09,1/1,2026-12-01\n"),
    ("a destination goes", "39,Italy,,,X\n", False, "3,Italy,,,,2026-12-01\n"),
    ("a full deck without Italy", "20,Egypt,0.05,,\n2010-2012,Egypt Mobile,0.09,,\n", True, "3,Italy,,,,2026-12-01\n"),
    ("a full deck that says the same", "2010-2012,Egypt Mobile,0.09,,\n20,Egypt,0.05,,\n39,Italy,0.01,,\n", True, ""),
    ("two steps of one price", "39,Italy,0.02,,\n39,Italy,0.03,2026-12-24,\n", False,
     "3,Italy,39,0.02,1/1,2026-12-01\n3,Italy,39,0.03,1/1,2026-12-24\n"),
    ("of two days that are past the last counts", "39,Italy,0.03,2026-11-20,\n39,Italy,0.02,2026-11-10,\n", False,
     "3,Italy,39,0.03,1/1,2026-12-01\n"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "rows", "full", "added"), UPDATES)
def test_updates(tmp_path: Path, what: str, rows: str, full: bool, added: str) -> None:  # noqa: FBT001 - a column of the table
    made = text(merged(tmp_path, OLD, rows, full=full))
    assert made == (DATED + added if added else OLD), what


def test_blocked_prefixes(tmp_path: Path) -> None:
    made = merged(tmp_path, OLD, "39,,,,B\n2012,Egypt Mobile,,2026-12-15,B\n")
    assert text(made).splitlines()[4:] == [
        "3,Italy,39,,,2026-12-01,true",
        "2,Egypt Mobile,2010 2011,0.09,1/1,2026-12-15,",
        "4,Egypt Mobile #2,2012,,,2026-12-15,true",
    ]


def test_the_same_update_twice_changes_nothing(tmp_path: Path) -> None:
    rows = "2012,Egypt Mobile,0.10,,\n39,,,2026-12-20,X\n34,Spain,0.02,2026-12-15,N\n20,,,,B\n"
    once = text(merged(tmp_path, OLD, rows))
    assert text(merged(tmp_path, once, rows)) == once
    assert once != OLD


def test_ids_are_never_given_away_again(tmp_path: Path) -> None:
    gone = text(merged(tmp_path, OLD, "39,,,,X\n"))
    later = dt.date(2027, 1, 1)
    assert text(merged(tmp_path, gone, "34,Spain,0.02,,\n", on=later)).splitlines()[-1] == "4,Spain,34,0.02,1/1,2027-01-01"
    again = text(merged(tmp_path, gone, "39,Italy,0.02,,\n", on=later))
    assert again.splitlines()[-1] == "3,Italy,39,0.02,1/1,2027-01-01", "and a destination that comes back has its own"


def test_ids_of_the_rest_of_the_catalogue_are_left_out(tmp_path: Path) -> None:
    made = merge.merge(deck(tmp_path, OLD), source(tmp_path, f"{HEADER}34,Spain,0.02,,\n"), full=False, on=ON, taken={4, 5, 7})
    assert made.rows[-1].zone_id == 6


def test_too_many_zones(tmp_path: Path) -> None:
    rows = "".join(f"{number},d{number},0.01,,\n" for number in range(10_000, 10_003))
    with pytest.raises(UserError, match="more than 65,534 zones"):
        merged(tmp_path, f"{HEAD}65532,x,1,0.1,\n", rows)


def test_planned_changes(tmp_path: Path) -> None:
    """A partial update replaces what is planned for its prefixes from its day on; a full one all that is planned."""
    planned = text(merged(tmp_path, OLD, "39,Italy,0.02,2026-12-10,\n39,Italy,0.03,2026-12-20,\n20,Egypt,0.06,2026-12-20,\n"))
    partial = merged(tmp_path, planned, "39,Italy,0.04,2026-12-15,\n")
    assert text(partial).splitlines()[4:] == [
        "3,Italy,39,0.02,1/1,2026-12-10",
        "3,Italy,39,0.04,1/1,2026-12-15",
        "1,Egypt,20,0.06,1/1,2026-12-20",
    ]
    assert partial.cancelled == 1
    full = merged(tmp_path, planned, "39,Italy,0.04,2026-12-15,\n20,Egypt,0.05,,\n2010-2012,Egypt Mobile,0.09,,\n", full=True)
    assert text(full).splitlines()[4:] == ["3,Italy,39,0.04,1/1,2026-12-15"]
    assert full.cancelled == 3


def test_duplicates_and_conflicts(tmp_path: Path) -> None:
    made = merged(tmp_path, "", "1808,USA - Hawaii,0.02,,\n1808,HAWAII,0.02,,\n1,USA,0.01,,\n1,USA,0.01,,\n")
    assert made.duplicates == (("1808", 2, 3), ("1", 4, 5))
    assert [row.zone for row in made.rows] == ["USA - Hawaii", "USA"]
    with pytest.raises(ProblemsError) as error:
        merged(tmp_path, "", "1808,USA - Hawaii,0.02,,\n1808,HAWAII,0.03,,\n1,a,0.1,,\n1,a,,,X\n2,b,0.1,,\n2,b,0.2,2026-11-01,\n")
    assert [(p.path, p.message) for p in error.value.problems] == [
        ("line 3", "prefix 1808 has other terms in line 2"),
        ("line 5", "prefix 1 has other terms in line 4"),
        ("line 7", "prefix 2 has other terms in line 6"),
    ]


def test_too_many_days(tmp_path: Path) -> None:
    days = [dt.date(2027, 1, 1) + dt.timedelta(days=each) for each in range(366)]
    rows = "".join(f"{1000 + i},a,0.1,{day},\n" for i, day in enumerate(days))
    assert merged(tmp_path, "", rows).rows
    with pytest.raises(UserError, match="more than 366 days"):
        merged(tmp_path, "", f"{rows}5,b,0.1,2029-01-01,\n")


def test_a_deck_that_would_grow_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prefix a day leaves a large destination: each day has a row of all that is left."""
    rows = "100-199,a,0.1,,\n" + "".join(f"{100 + day},a,0.2,2027-01-{day + 1:02d},\n" for day in range(20))
    assert sum(len(row.prefixes) for row in merged(tmp_path, "", rows).rows) > 2_000
    monkeypatch.setattr(merge, "WRITTEN_MAX", 2_000)
    with pytest.raises(UserError, match="more than 2,000 prefixes"):
        merged(tmp_path, "", rows)


def test_a_destination_that_looks_like_a_numbered_zone(tmp_path: Path) -> None:
    made = merged(tmp_path, "", "1,Route #2,0.1,,\n2,Route,0.2,,\n3,Route,0.3,,\n")
    assert [row.zone for row in made.rows] == ["Route no. 2", "Route", "Route #2"]
    assert text(merged(tmp_path, text(made), "1,Route #2,0.1,,\n2,Route,0.2,,\n3,Route,0.3,,\n", full=True)) == text(made)


def test_a_zone_with_most_of_the_prefixes_keeps_its_id(tmp_path: Path) -> None:
    """All get new terms; the larger part stays in the zone."""
    made = merged(tmp_path, OLD, "2010,Egypt Mobile,0.20,,\n2011-2012,Egypt Mobile,0.10,,\n")
    assert text(made).splitlines()[4:] == [
        "2,Egypt Mobile,2011 2012,0.10,1/1,2026-12-01",
        "4,Egypt Mobile #2,2010,0.20,1/1,2026-12-01",
    ]


def test_a_deck_is_the_same_by_rows_and_by_prefix(tmp_path: Path) -> None:
    """Whatever the zones: each prefix of the file costs on each day what the timelines say."""
    made = merged(tmp_path, OLD, "2012,Egypt Mobile,0.10,,\n20,Egypt,0.01,2026-12-10,\n2013-2015,Egypt Mobile,0.10,2026-12-10,\n39,,,,X\n")
    (tmp_path / "again").mkdir()
    again = ledger.timelines(deck(tmp_path / "again", text(made), DEFAULTS))
    for day in (dt.date(2026, 11, 30), ON, dt.date(2026, 12, 10)):
        for prefix, timeline in made.after.items():
            assert ledger.at(again[prefix], day) == ledger.at(timeline, day), (prefix, day)
