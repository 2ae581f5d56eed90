"""What an update is said to change."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from rating.model import QuantityUnit
from tariffs.decks_import import merge, preview
from tariffs.decks_import.ledger import Deck, Defaults, Entry, Terms
from tariffs.decks_import.preview import Kind, Notice
from tariffs.language.texts import Quantity
from tests.tariffs.decks_import.helpers import MINUTE, ON, merged, seen, source, text

if TYPE_CHECKING:
    from pathlib import Path

OLD = """\
zone_id,zone,prefixes,rate,increments,connect_fee,blocked
1,Egypt,20,0.05,1/1,,
2,Egypt Mobile,2010 2011 2012,0.09,1/1,,
3,Italy,39,0.01,60/1,0.02,
4,Cuba,53,,,,true
"""

# what, row of the update -> what happens to its prefix
KINDS = [
    ("a new destination", "34,Spain,0.02,,", Kind.ADDED),
    ("the same again", "20,Egypt,0.05,,", Kind.UNCHANGED),
    ("another name", "20,Egypt Fixed,0.05,,", Kind.MOVED),
    ("a rate that rises", "20,Egypt,0.06,,", Kind.RAISED),
    ("a rate that falls", "20,Egypt,0.04,,", Kind.LOWERED),
    ("a dearer block inside", "2099,Egypt Special,1.00,,", Kind.RAISED),
    ("a cheaper block inside", "2013,Egypt Mobile,0.01,,", Kind.LOWERED),
    ("a block inside with the terms of what is around", "2013,Egypt,0.05,,", Kind.UNCHANGED),
    ("the same block under another name", "2013,Egypt Mobile,0.05,,", Kind.MOVED),
    ("a prefix goes, and the cheaper one around it counts", "2010,,,,X", Kind.LOWERED),
    ("a prefix goes, and nothing is around it", "39,,,,X", Kind.REMOVED),
    ("a prefix that never was goes", "7,,,,X", Kind.UNCHANGED),
    ("a rate rises, increments and connect fee fall", "39,Italy,0.02,,", Kind.MIXED),
    ("refused from now on", "20,,,,B", Kind.BLOCKED),
    ("refused as before", "53,,,,B", Kind.UNCHANGED),
    ("refused as before, under another name", "53,Kuba,,,B", Kind.MOVED),
    ("sold again", "53,Cuba,0.90,,", Kind.ADDED),
]


@pytest.mark.parametrize(("what", "row", "kind"), KINDS)
def test_kinds(tmp_path: Path, what: str, row: str, kind: Kind) -> None:
    found = seen(merged(tmp_path, OLD, f"{row}\n"))
    counts = {each: getattr(found, each.value) for each in Kind}
    assert counts == {**dict.fromkeys(Kind, 0), kind: 1}, what


def test_every_prefix_is_counted_once(tmp_path: Path) -> None:
    rows = "20,Egypt,0.06,,\n2010-2011,Egypt Mobile,0.08,,\n34,Spain,0.01,,\n341,Spain Madrid,0.01,,\n53,,,,B\n"
    found = seen(merged(tmp_path, OLD, rows, full=True))
    assert (found.raised, found.lowered, found.added, found.unchanged) == (1, 3, 2, 1), "2012 goes, and Egypt is cheaper"
    assert (found.removed, found.moved, found.zones) == (1, 0, 5)
    assert [(c.kind, c.destination, c.old, c.new, c.percent, c.prefixes, c.example) for c in found.largest] == [
        (Kind.LOWERED, "Egypt", "0.09 per 60s, 1/1", "0.06 per 60s, 1/1", "-33.3 %", 1, "2012"),
        (Kind.RAISED, "Egypt", "0.05 per 60s, 1/1", "0.06 per 60s, 1/1", "+20.0 %", 1, "20"),
        (Kind.LOWERED, "Egypt Mobile", "0.09 per 60s, 1/1", "0.08 per 60s, 1/1", "-11.1 %", 2, "2010"),
        (Kind.REMOVED, "Italy", "0.01 per 60s, 60/1, connect 0.02", "", "", 1, "39"),
    ]


def test_the_largest_come_first_and_no_more_than_twenty(tmp_path: Path) -> None:
    """By share of the old rate, up or down; from nothing to something before all."""
    zones = [(f"d{n}", f"{100 + n}") for n in range(30)]
    old = "zone_id,zone,prefixes,rate,increments\n" + "".join(
        f"{i + 1},{d},{p},{'0' if d == 'd7' else '0.10'},1/1\n" for i, (d, p) in enumerate(zones)
    )
    rows = "".join(f"{p},{d},0.{10 + i if i % 2 else 10 - i // 4:02d},,\n" for i, (d, p) in enumerate(zones))
    found = seen(merged(tmp_path, old, rows))
    shares = [each.percent for each in found.largest]
    assert len(shares) == preview.LARGEST_SHOWN
    assert shares[:4] == ["", "+290.0 %", "+270.0 %", "+250.0 %"]


NOTICE = Notice(7, dt.date(2026, 11, 25))
# row -> whether it is announced too late
NOTICES = [
    ("20,Egypt,0.06,,", True),
    ("20,Egypt,0.06,2026-12-01,", True),
    ("20,Egypt,0.06,2026-12-02,", False),
    ("20,Egypt,0.06,2026-01-01,", True),
    ("20,Egypt,0.04,,", False),
    ("39,Italy,0.02,,", True),
    ("34,Spain,0.02,,", False),
    ("39,,,,X", False),
    ("2099,Egypt Special,1.00,,", True),
]


@pytest.mark.parametrize(("row", "is_late"), NOTICES)
def test_notice(tmp_path: Path, row: str, is_late: bool) -> None:  # noqa: FBT001 - a column of the table
    made = merged(tmp_path, OLD, f"{row}\n")
    found = seen(made, notice=NOTICE)
    assert bool(found.notice_breaches) == found.is_doubtful == is_late
    assert seen(made).notice_breaches == ()


# row -> what is wrong with its action ("": nothing)
ACTIONS = [
    ("34,Spain,0.02,,N", ""),
    ("20,Egypt,0.05,,N", ""),
    ("20,Egypt,0.06,,N", "says new, and the deck has it already; its price is raised"),
    ("2099,Egypt Special,1.00,,N", ""),
    ("20,Egypt,0.06,,I", ""),
    ("20,Egypt,0.04,,I", "says increase, and its price is lowered"),
    ("34,Spain,0.02,,I", "says increase, and it is not in the deck"),
    ("20,Egypt,0.04,,D", ""),
    ("20,Egypt,0.06,,D", "says decrease, and its price is raised"),
    ("34,Spain,0.02,,d", "says decrease, and it is not in the deck"),
    ("39,,,,X", ""),
    ("34,,,,X", "says delete, and it is not in the deck"),
    ("20,,,,B", ""),
]


@pytest.mark.parametrize(("row", "message"), ACTIONS)
def test_actions(tmp_path: Path, row: str, message: str) -> None:
    found = seen(merged(tmp_path, OLD, f"{row}\n"))
    assert [each.text for each in found.contradictions] == ([message] if message else [])
    assert [each.line for each in found.contradictions] == ([2] if message else [])
    assert found.is_doubtful == bool(message)


def test_an_update_that_came_before_contradicts_nothing(tmp_path: Path) -> None:
    rows = "34,Spain,0.02,,N\n20,Egypt,0.06,,I\n39,,,,X\n"
    first = merged(tmp_path, OLD, rows)
    again = seen(merged(tmp_path, text(first), rows))
    assert (again.contradictions, again.unchanged) == ((), 3)


def test_what_was_deleted_may_be_new_again(tmp_path: Path) -> None:
    deleted = text(merged(tmp_path, OLD, "20,Egypt,0.05,,N\n2010,Egypt Mobile,0.10,,N\n"))
    deleted = text(merged(tmp_path, deleted, "2010,,,,X\n"))
    found = seen(merged(tmp_path, deleted, "2010,Egypt Mobile,0.20,2026-12-05,N\n"))
    assert (found.raised, found.contradictions) == (1, ())


def test_a_first_deck_contradicts_nothing(tmp_path: Path) -> None:
    """Its actions are about what the carrier sent somebody before."""
    assert seen(merged(tmp_path, "", "34,Spain,0.02,,I\n20,Egypt,0.06,,D\n39,,,,X\n", full=True)).contradictions == ()


def test_what_else_is_told(tmp_path: Path) -> None:
    found = seen(merged(tmp_path, OLD, "20,Egypt,0.06,2026-11-01,\n2010,Egypt Mobile,0.1,2027-01-01,\n34,S,0.1,,\n34,S,0.1,,\n"))
    assert (found.backdated, found.duplicates, found.cancelled) == (1, 1, 0)
    assert found.days == (ON, dt.date(2027, 1, 1))
    assert [(each.prefix, each.kept_line, each.dropped_line) for each in found.duplicate_rows] == [("34", 4, 5)]


def test_prices_that_were_over_before_are_told(tmp_path: Path) -> None:
    found = seen(merged(tmp_path, OLD, "20,Egypt,0.06,2026-10-01,\n20,Egypt,0.07,2026-11-01,\n"))
    assert (found.over, found.backdated, found.largest[0].new) == (1, 2, "0.07 per 60s, 1/1")


def test_terms_in_words() -> None:
    assert preview.terms_text(Entry("x", Terms(14_200, (500, 60_000), 50_000)), MINUTE) == "0.0142 per 60s, 500ms/60, connect 0.05"
    assert preview.terms_text(Entry("x", None), MINUTE) == "blocked"
    megabyte = Quantity(1_000_000, QuantityUnit.BYTE)
    assert preview.terms_text(Entry("x", Terms(10_000, (100_000, 1), 0)), megabyte) == "0.01 per 1000000B, 100000/1"
    message = Quantity(1, QuantityUnit.MESSAGE)
    assert preview.terms_text(Entry("x", Terms(10_000, (1, 1), 0)), message) == "0.01 per 1 messages, 1/1"


def test_increments_that_nobody_said(tmp_path: Path) -> None:
    """A deck without terms of its own, onto which rows without increments come: only what is known is compared."""
    made = merge.merge(
        Deck((), Defaults(Quantity(1, QuantityUnit.MESSAGE))),
        source(tmp_path, "p,d,r\n49,Germany,0.05\n", "columns: {prefix: p, destination: d, rate: r}\nrate_per: 1 message\n",
               defaults=Defaults(Quantity(1, QuantityUnit.MESSAGE))),
        full=True, on=ON,
    )  # fmt: skip
    assert made.rows[0].increments is None
    assert preview.preview(made, on=ON, per=Quantity(1, QuantityUnit.MESSAGE)).added == 1
