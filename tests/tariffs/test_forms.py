"""What a form says of a text is what its reader accepts: over every text that the readers are tested with."""

from __future__ import annotations

from typing import Any, get_args

import jsonschema
import pytest

from tariffs.language import words
from tariffs.language.texts import Text, TextError
from tariffs.reference import json_schema
from tests.tariffs import test_digits, test_texts

TEXTS: dict[str, Text] = {
    name: mark for name, each in vars(words).items() for mark in get_args(each)[1:] if isinstance(mark, Text)
}  # by the name of the kind of value
MORE = [
    "10",
    "60/1",
    "100KB/100KB",
    "1/0",
    "fri - mon, wed",
    "Sat",
    "2026-12-25",
    "20:58",
    "20:59:59",
    "2026-01-01 00:00+0130",
    "voice",
    "Voice",
    "split",
]
WRITTEN: list[Any] = [*(row[1] for rows in (test_texts.GOOD, test_texts.BAD, test_digits.GOOD, test_digits.BAD) for row in rows), *MORE]
# What a pattern cannot see: whether a quantity is a whole number of its unit, and how many days a month has.
NOT_WHOLE = ("0.5ms", "0.0001ms", "60.000400s", "0.5 messages")
ONLY_READ = {("Date", "2026-02-30"), *((name, raw) for name in ("Measure", "Grant") for raw in NOT_WHOLE)}


def accepts(name: str, raw: object) -> bool:
    return jsonschema.Draft202012Validator(json_schema.of_text(TEXTS[name].form)).is_valid(raw)


def reads(name: str, raw: object) -> bool:
    try:
        TEXTS[name].parse(raw)
    except TextError:
        return False
    return True


def test_there_are_such_texts() -> None:
    assert {"Amount", "Measure", "Instant", "Days", "Prefix", "Network", "Occasion"} <= TEXTS.keys()


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_the_form_accepts_what_is_read_and_nothing_else(name: str) -> None:
    differ = {(name, raw) for raw in WRITTEN if accepts(name, raw) is not reads(name, raw)}
    assert differ <= ONLY_READ


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_every_example_is_read(name: str) -> None:
    form = TEXTS[name].form
    assert form.examples or form.words
    assert all(reads(name, each) and accepts(name, each) for each in (*form.examples, *form.words))


def test_what_only_the_reader_refuses_is_refused() -> None:
    assert all(accepts(name, raw) and not reads(name, raw) for name, raw in ONLY_READ)
