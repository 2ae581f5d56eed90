"""The canonical deck: rows that begin on a day, end a zone, or refuse it; and what a version sees of them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from rating.model import Service, UsageRule
from tariffs.documents import deck_files
from tariffs.documents.csv_reader import CsvReader
from tests.tariffs.sample import SAMPLE, loaded
from tests.tariffs.test_load import DECK, problems

if TYPE_CHECKING:
    from pathlib import Path

    from tariffs.documents.document import Finding

LEDGER = """\
zone_id,zone,prefixes,rate,connect_fee,from,blocked
1,france,33 331,0.01,,,
2,italy,39,0.02,,,
1,france,33,0.03,0.1,2026-03-01,
3,france #2,331,0.04,,2026-03-01,
2,italy,,,,2026-04-01,
3,france #2,331,,,2026-05-01,true
"""


def rows_of(folder: Path, text: str) -> tuple[tuple[deck_files.DeckRow, ...], list[str]]:
    (folder / "deck.csv").write_text(text)
    findings: list[Finding] = []
    rows = deck_files.read_rows(CsvReader((), "deck.csv", findings), folder)
    return rows, [finding.message for finding in findings]


# day -> zone: (prefixes, rate or None where it is blocked) in force, and how many rows wait
DAYS = [
    ("2026-02-28", {"france": (("33", "331"), 10_000), "italy": (("39",), 20_000)}, 4),
    ("2026-03-01", {"italy": (("39",), 20_000), "france": (("33",), 30_000), "france #2": (("331",), 40_000)}, 2),
    ("2026-04-30", {"france": (("33",), 30_000), "france #2": (("331",), 40_000)}, 1),
    ("2026-05-01", {"france": (("33",), 30_000), "france #2": (("331",), None)}, 0),
]


@pytest.mark.parametrize(("day", "expected", "waiting"), DAYS)
def test_what_a_day_sees(tmp_path: Path, day: str, expected: dict[str, tuple[tuple[str, ...], int | None]], waiting: int) -> None:
    rows, mistakes = rows_of(tmp_path, LEDGER)
    assert mistakes == []
    cut = deck_files.cut(rows, dt.date.fromisoformat(day))
    assert {row.zone: (row.prefixes, None if row.blocked else row.rate_micros) for row in cut.in_force} == expected
    assert len(cut.waiting) == waiting


def test_a_zone_twice_on_one_day_is_handed_on_so_that_it_is_told(tmp_path: Path) -> None:
    rows, _ = rows_of(tmp_path, "zone_id,zone,prefixes,rate,from\n1,a,1,0.1,2026-01-01\n1,a,2,0.1,2026-01-01\n")
    assert len(deck_files.cut(rows, dt.date(2026, 1, 1)).in_force) == 2


# rows -> part of the mistake
MISTAKES = [
    ("1,a,,0.1,,", "no prefix"),
    ("1,a,1,,,", 'column rate: "" is not a decimal amount'),
    ("1,a,1,0.1,,true", "blocked, and has a rate"),
    ('1,"a,1,0.1,,\n2,b",2,0.1,,', "has a line break"),
    ("1,a,1,0.1,,yes", '"yes" is not true or false'),
    ("1,a,1,0.1,01.03.2026,", "column from"),
]


@pytest.mark.parametrize(("row", "mistake"), MISTAKES)
def test_mistakes(tmp_path: Path, row: str, mistake: str) -> None:
    _, [message] = rows_of(tmp_path, f"zone_id,zone,prefixes,rate,from,blocked\n{row}\n")
    assert "deck.csv line 2: " in message
    assert mistake in message


def test_a_catalogue_sees_the_deck_of_its_first_local_day(tmp_path: Path) -> None:
    (tmp_path / "deck.csv").write_text(
        "zone_id,zone,prefixes,rate,from\n50,france,33,0.1,\n50,france,33,0.2,2026-01-01\n50,france,33,0.3,2026-01-02\n"
    )
    assert "2026-01-01T00:00:00+01:00" in SAMPLE, "in UTC that is the day before"
    assert loaded(tmp_path, DECK).prices[-1].rates[0].steps[0].rate_micros == 200_000


def test_a_blocked_row_is_a_rule_without_price(tmp_path: Path) -> None:
    (tmp_path / "deck.csv").write_text("zone_id,zone,prefixes,rate,blocked\n50,france,33,,true\n51,italy,39,0.1,\n")
    catalogue = loaded(tmp_path, DECK)
    assert [price.name for price in catalogue.prices[-2:]] == ["sms", "world:italy"]
    assert catalogue.plans[0].rules[-2:] == (UsageRule(Service.VOICE, "france", None), UsageRule(Service.VOICE, "italy", "world:italy"))
    assert catalogue.zones[-2].prefixes == ("33",)


def test_a_name_over_two_lines_is_told_once(tmp_path: Path) -> None:
    """Not again at the zone, its title, its price and its rule."""
    (tmp_path / "deck.csv").write_text('zone_id,zone,prefixes,rate,increments\n50,"north\nfrance",33,0.1,1/1\n51,italy,39,0.1,1/1\n')
    [found] = problems(tmp_path, DECK)
    assert "deck.csv line 2: the name of its zone has a line break" in found.message


def test_a_mistake_of_a_deck_after_blocked_rows_is_told_where_its_file_is_named(tmp_path: Path) -> None:
    """A blocked row makes a zone and no price, which moves what comes after it."""
    (tmp_path / "deck.csv").write_text("zone_id,zone,prefixes,rate,blocked\n50,france,33,,true\n")
    (tmp_path / "more.csv").write_text("zone_id,zone,prefixes,rate,increments\n60,spain,34,0.1,1/1\n61,spain,351,0.1,1/1\n")
    entry = next(line for line in DECK.splitlines() if "file: deck.csv" in line)
    more = entry.replace("world", "more").replace("deck.csv", "more.csv").replace("1000", "2000")
    found = problems(tmp_path, DECK.replace(entry, f"{entry}\n{more}"))
    assert found
    assert all(problem.path.startswith("decks[1].file") for problem in found), found
