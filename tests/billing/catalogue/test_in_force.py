"""Which versions price: corrections, repeals and ends, as a table. Instants are days; a version is `number: day it takes effect`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing.catalogue import Decision, Kind, Operator, Repeal, State, in_force_of, state_of
from tests.billing.files import a_catalogue

if TYPE_CHECKING:
    from rating.model import Catalogue

BOSS = Operator("boss", 7)

# versions (`2: 10 corrects 1 to 20`), repeals (`1: 15`), what prices (`number: day`; a tombstone has a number below zero)
ROWS = [
    ("1: 5", "", "1: 5"),
    ("1: 5, 2: 9", "", "1: 5, 2: 9"),
    ("1: 5, 2: 9", "2: 20", "1: 5, 2: 9, -2: 20"),  # nothing follows: version 1 does not come back
    ("1: 5, 2: 9", "2: 9", "1: 5"),  # it never takes effect
    ("1: 5, 2: 9", "2: 7", "1: 5"),
    ("1: 5, 2: 9", "1: 9", "1: 5, 2: 9"),  # 2 begins as 1 ends: no hole
    ("1: 5, 2: 9", "1: 8", "1: 5, -1: 8, 2: 9"),
    ("1: 5, 2: 9", "1: 30", "1: 5, 2: 9"),  # a version that was published later took over before
    ("1: 5, 2: 5 corrects 1", "", "2: 5"),
    ("1: 5, 2: 5 corrects 1, 3: 5 corrects 2", "", "3: 5"),
    ("1: 5, 2: 9, 3: 5 corrects 1", "", "2: 9, 3: 5"),
    ("1: 5, 2: 5 corrects 1", "1: 8", "2: 5, -2: 8"),  # the repeal stands for the place
    ("1: 5, 2: 5 corrects 1", "2: 8", "2: 5, -2: 8"),
    ("1: 5, 2: 9, 3: 9 corrects 2", "3: 9", "1: 5"),
    ("1: 5 to 20", "", "1: 5, -1: 20"),
    ("1: 5 to 20, 2: 20", "", "1: 5, 2: 20"),
    ("1: 5 to 20, 2: 25", "", "1: 5, -1: 20, 2: 25"),
    ("1: 5 to 20, 2: 15", "", "1: 5, 2: 15"),
    ("1: 5 to 20", "1: 12", "1: 5, -1: 12"),
    ("1: 5 to 20", "1: 30", "1: 5, -1: 20"),
]


@pytest.mark.parametrize(("versions", "repeals", "expected"), ROWS)
def test_rows(versions: str, repeals: str, expected: str) -> None:
    found = in_force_of([_version(text) for text in versions.split(", ")], _repeals(repeals))
    in_time = sorted(found, key=lambda each: each.effective_from_us)
    wanted = sorted(_numbers(expected), key=lambda each: each[1])
    assert [(each.version, each.effective_from_us) for each in in_time] == wanted
    assert [bool(each.plans) for each in in_time] == [number > 0 for number, _ in wanted]
    assert all(each.tax_classes for each in in_time)


def test_catalogues_do_not_touch_each_other() -> None:
    other = a_catalogue(1, identity="euro")
    found = in_force_of([_version("1: 5"), other], [Repeal("euro", 1, 8_000_000)])
    assert [(each.identity, each.version) for each in found] == [("euro", 1), ("euro", -1), ("mobile", 1)]


# versions, repeals, day, state of each version in turn
STATES = [
    ("1: 5", "", 4, "published"),
    ("1: 5", "", 5, "in force"),
    ("1: 5, 2: 9", "", 8, "in force, published"),
    ("1: 5, 2: 9", "", 9, "superseded, in force"),
    ("1: 5, 2: 9", "2: 12", 11, "superseded, in force"),
    ("1: 5, 2: 9", "2: 12", 12, "superseded, repealed"),
    ("1: 5, 2: 9", "2: 9", 6, "in force, repealed"),
    ("1: 5, 2: 9", "2: 9", 20, "in force, repealed"),
    ("1: 5, 2: 9", "1: 7", 20, "repealed, in force"),
    ("1: 5, 2: 5 corrects 1", "", 4, "superseded, published"),
    ("1: 5, 2: 5 corrects 1", "1: 8", 9, "superseded, repealed"),
    ("1: 5 to 20", "", 20, "ended"),
    ("1: 5 to 20", "1: 12", 20, "repealed"),
    ("1: 5 to 20, 2: 20", "", 20, "superseded, in force"),
]


@pytest.mark.parametrize(("versions", "repeals", "day", "expected"), STATES)
def test_states(versions: str, repeals: str, day: int, expected: str) -> None:
    published = [_version(text) for text in versions.split(", ")]
    decisions = [
        Decision(each.identity, each.version, b"", Kind.REPEALED, BOSS, 0, {"from_us": each.from_us}, 0) for each in _repeals(repeals)
    ]
    assert [state_of(each, decisions, published, day).value for each in published] == expected.split(", ")


WORDS = [("", "draft"), ("rejected", "draft"), ("reviewed", "reviewed"), ("rejected reviewed", "reviewed"), ("reviewed rejected", "draft")]


@pytest.mark.parametrize(("words", "expected"), WORDS)
def test_a_draft_is_what_the_last_word_about_it_says(words: str, expected: str) -> None:
    draft = msgspec.structs.replace(a_catalogue(), content_hash=b"this")
    of_another = Decision("mobile", 1, b"that", Kind.REJECTED if expected == "reviewed" else Kind.REVIEWED, BOSS, 0, {}, 0)
    decisions = [Decision("mobile", 1, b"this", Kind(word), BOSS, 0, {}, 0) for word in words.split()]
    assert state_of(draft, [*decisions, of_another], [], 0) is State(expected)


def _version(text: str) -> Catalogue:
    found = re.fullmatch(r"(\d+): (\d+)(?: corrects (\d+))?(?: to (\d+))?", text)
    assert found is not None, text
    number, day, corrects, to = (int(each) if each else None for each in found.groups())
    assert number is not None
    assert day is not None
    return msgspec.structs.replace(
        a_catalogue(number), effective_from_us=day, corrects=corrects, effective_to_us=to, content_hash=number.to_bytes(2)
    )


def _numbers(text: str) -> list[tuple[int, int]]:
    pairs = [each.split(": ") for each in text.split(", ") if each]
    return [(int(number), int(day)) for number, day in pairs]


def _repeals(text: str) -> list[Repeal]:
    return [Repeal("mobile", number, day) for number, day in _numbers(text)]
