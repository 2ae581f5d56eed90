"""What is written as YAML is read back as it was, and amounts are quoted."""

from __future__ import annotations

import datetime as dt

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tariffs.documents.parsing import parse_text
from tariffs.documents.yaml_text import WIDTH, dump

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "0.15",
        "015",
        "1",
        "-3",
        "null",
        "~",
        "true",
        "No",
        "",
        " ",
        "*any",
        "*",
        "60s",
        "1e5",
        "2026-01-01",
        "08:00",
        "- a",
        "a: b",
        "#",
        "'",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers(-(10**17), 10**17) | TEXTS
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=30) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=60)


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=5))
def test_there_and_back(fields: dict[str, object]) -> None:
    parsed = parse_text(dump(fields))
    assert (parsed.findings, parsed.fields) == ([], fields)


@pytest.mark.parametrize("text", ["0.15", "015", "15", "1e5", "null", "yes", "08:00", "*", "a: b", "", "\ud800"])
def test_what_could_be_taken_for_something_else_is_quoted(text: str) -> None:
    assert dump({"rate": text}).startswith('rate: "')


def test_other_readers_see_the_same() -> None:
    fields = {"rate": "0.15", "per": "60s", "weight": 3, "open": True, "name": "on", "none": None, "text": '"\\\n\u2028'}
    assert yaml.safe_load(dump(fields)) == fields


LAYOUT = """\
identity: mobile
version: 1
title: {en: "Smart S", zh: "智选 S"}

calendars:
  - name: week
    bands:
      - {name: peak, days: mon-fri, from: "08:00"}
    holidays: [2026-01-01]

zones:
  - {id: 1, name: far, prefixes: ["44"]}
"""


def test_layout() -> None:
    fields = {
        "identity": "mobile",
        "version": 1,
        "title": {"en": "Smart S", "zh": "智选 S"},
        "calendars": [{"name": "week", "bands": [{"name": "peak", "days": "mon-fri", "from": "08:00"}], "holidays": [dt.date(2026, 1, 1)]}],
        "zones": ({"id": 1, "name": "far", "prefixes": ("44",)},),
    }
    assert dump(fields) == LAYOUT


def test_long_lists_are_wrapped() -> None:
    prefixes = [str(number) for number in range(1000, 1400)]
    text = dump({"zones": [{"id": 1, "prefixes": prefixes}]})
    assert max(map(len, text.splitlines())) <= WIDTH
    assert parse_text(text).fields == {"zones": [{"id": 1, "prefixes": prefixes}]}


def test_a_float_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError, match="float"):
        dump({"rate": 0.15})
