"""Texts of a catalogue for people hold nothing that moves a terminal's cursor or turns a line; a mistake a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tariffs.checks.readable import harmful
from tests.tariffs.sample import changed, problems

if TYPE_CHECKING:
    from pathlib import Path

ROWS = {
    '{en: "Ba\\e[2Jsic", zh: 基本}': "U+001B",
    '{en: "Ba\\u202esic", zh: 基本}': "U+202E",
    '{en: "Ba\\u2067sic", zh: 基本}': "U+2067",
    '{en: Basic, zh: "基\\u200f本"}': "U+200F",
    '{en: "Ba\\nsic", zh: 基本}': "U+000A",
    '{en: "Ba\\u2028sic", zh: 基本}': "U+2028",
}
GOOD = (
    '{en: "Ba\\u00a0sic", zh: "基\\u3000本"}',
    '{en: "Ba\\u00adsic", zh: "\\u0646\\u200c\\u0627"}',
    '{en: "Basic \\U0001F680", zh: 基本}',
)


@pytest.mark.parametrize("title", ROWS)
def test_a_title(tmp_path: Path, title: str) -> None:
    [problem] = problems(tmp_path, changed("{en: Basic, zh: 基本}", title))
    assert problem.path.startswith("plans[0].title")
    assert problem.message == f"the text holds the character {ROWS[title]}, which moves the cursor or turns the line"


@pytest.mark.parametrize("title", GOOD)
def test_a_title_that_may_be(tmp_path: Path, title: str) -> None:
    assert problems(tmp_path, changed("{en: Basic, zh: 基本}", title)) == []


def test_names_within_entries_and_long_texts(tmp_path: Path) -> None:
    text = changed("name: fee,", 'name: "fee\\u202e",').replace("{en: Sample prices.,", '{en: "Sample\\nprices\\e[1m.",')
    assert [each.path.partition(" ")[0] for each in problems(tmp_path, text)] == ["plans[0].recurring[0].name", "disclosure.en"]


def test_a_long_text_may_have_lines(tmp_path: Path) -> None:
    assert problems(tmp_path, changed("{en: Sample prices.,", '{en: "Sample\\nprices.",')) == []


def test_the_first_character_is_named() -> None:
    assert (harmful("a\x9b1m\u202e"), harmful("plain"), harmful("a\n", "\n")) == ("U+009B", None, None)
