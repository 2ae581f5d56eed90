"""Titles of a deck's zones in other languages: on zones and prices of the model, from there on sheets and bills, and kept by updates."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from tariffs.documents import deck_titles
from tariffs.documents.csv_reader import CsvReader
from tariffs.reading.load import load_located
from tariffs.sheets import content, text
from tests.tariffs.sample import loaded
from tests.tariffs.test_load import DECK, problems

if TYPE_CHECKING:
    from pathlib import Path

    from tariffs.documents.document import Finding

ROWS = "zone_id,zone,prefixes,rate\n50,France,33,0.1\n51,France #2,331,0.2\n52,Chad,235,0.5\n"
TITLES = "zone,en,zh\nFrance,France,法国\nChad,,乍得\n"
ENTRY = next(line for line in DECK.splitlines() if "file: deck.csv" in line)
TITLED = DECK.replace(ENTRY, ENTRY.replace("file: deck.csv", "file: deck.csv, titles_file: titles.csv"))


def files(folder: Path, titles: str = TITLES) -> Path:
    (folder / "deck.csv").write_text(ROWS, encoding="utf-8")
    (folder / "titles.csv").write_text(titles, encoding="utf-8")
    return folder


def test_zones_and_prices_have_titles_and_a_part_of_a_destination_its_number(tmp_path: Path) -> None:
    catalogue = loaded(files(tmp_path), TITLED)
    assert {zone.name: zone.title for zone in catalogue.zones[-3:]} == {
        "France": {"en": "France", "zh": "法国"},
        "France #2": {"en": "France #2", "zh": "法国 #2"},
        "Chad": {"zh": "乍得"},
    }
    titles = {price.name: price.title for price in catalogue.prices[-3:]}
    assert titles["world:France #2"] == {"en": "France #2", "zh": "法国 #2"}


def test_a_price_is_called_as_its_deck_and_its_zone(tmp_path: Path) -> None:
    entry = ENTRY.replace("file: deck.csv", "file: deck.csv, titles_file: titles.csv, title: {en: Calls, zh: 通话}")
    catalogue = loaded(files(tmp_path), DECK.replace(ENTRY, entry))
    titles = {price.name: price.title for price in catalogue.prices[-3:]}
    assert titles["world:France"] == {"en": "Calls, France", "zh": "通话, 法国"}
    assert titles["world:Chad"] == {"en": "Calls, Chad", "zh": "通话, 乍得"}


def test_a_deck_without_titles_is_as_it_was(tmp_path: Path) -> None:
    catalogue = loaded(files(tmp_path), DECK)
    assert [zone.title for zone in catalogue.zones[-3:]] == [{}, {}, {}]
    assert [price.title for price in catalogue.prices[-3:]] == [{}, {}, {}]


def test_a_chinese_sheet_has_the_chinese_names(tmp_path: Path) -> None:
    catalogue = loaded(files(tmp_path), TITLED)
    plan = next(each for each in catalogue.plans if any(rule.price == "world:Chad" for rule in each.rules))
    shown = "\n".join(text.lines(content.sheet(catalogue, plan, "zh", as_of=dt.date(2026, 6, 1))))
    assert "法国 #2" in shown
    assert "乍得" in shown
    assert "France" not in shown
    assert "Chad" not in shown


# titles -> part of the mistake
MISTAKES = [
    ("zone,en\nFrance,F\nFrance,G\n", "zone `France` is there twice"),
    ("destination,en\nFrance,F\n", "column `zone` is missing"),
    ("zone,English\nFrance,F\n", "column `English` is unknown"),
    ("zone,en,en\nFrance,F,G\n", "there twice"),
    ('zone,en\nFrance,"F\nG"\n', "has a line break"),
]


@pytest.mark.parametrize(("titles", "mistake"), MISTAKES)
def test_mistakes_are_told_at_the_field_that_names_the_file(tmp_path: Path, titles: str, mistake: str) -> None:
    found = problems(files(tmp_path, titles), TITLED)
    assert [(problem.path.startswith("decks[0].titles_file"), mistake in problem.message) for problem in found] == [(True, True)]


def test_what_the_deck_does_not_know_and_what_has_no_title_is_doubtful(tmp_path: Path) -> None:
    files(tmp_path, "zone,en,zh\nFrance,France,法国\nFrance #7,x,y\nItaly,Italy,意大利\n")
    (tmp_path / "sample.yaml").write_text(TITLED, encoding="utf-8")
    found = [(each.code, each.finding.message) for each in load_located(tmp_path / "sample.yaml").notes]
    assert found == [
        ("unknown-zone", "deck `world`: 2 zones have a title and are in no row of it, such as `France #7`"),
        ("language-missing", "deck `world`: 1 zone has no title in en, such as `Chad`"),
        ("language-missing", "deck `world`: 1 zone has no title in zh, such as `Chad`"),
    ]


def test_cells_that_are_empty_say_nothing(tmp_path: Path) -> None:
    files(tmp_path)
    findings: list[Finding] = []
    assert deck_titles.read(CsvReader((), "titles.csv", findings), tmp_path)["Chad"] == {"zh": "乍得"}
    assert findings == []
