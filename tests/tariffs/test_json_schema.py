"""The schema accepts every good catalogue, refuses what a schema can see, and tells what every field means."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tariffs.documents import document, parsing
from tariffs.documents.decode import decode
from tariffs.language.entries import Document
from tariffs.reference import json_schema
from tests.tariffs.rich import REST, RICH, changed
from tests.tariffs.sample import SAMPLE

if TYPE_CHECKING:
    from collections.abc import Iterator

CATALOGS = Path(__file__).parents[2] / "tariffs" / "catalogs"
WHOLE = jsonschema.Draft202012Validator(json_schema.of())
PART = jsonschema.Draft202012Validator(json_schema.of(part=True))


def faults(text: str, validator: jsonschema.Draft202012Validator = WHOLE) -> list[str]:
    return sorted({error.json_path for error in validator.iter_errors(parsing.parse_text(text).fields)})


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema.of())
    jsonschema.Draft202012Validator.check_schema(json_schema.of(part=True))


@pytest.mark.parametrize("text", [SAMPLE, RICH])
def test_good_catalogues_are_accepted(text: str) -> None:
    assert faults(text) == []


def test_every_word_is_accepted() -> None:
    assert faults(REST, PART) == []


@pytest.mark.parametrize("file", sorted(CATALOGS.glob("*/*.yaml")), ids=lambda file: f"{file.parent.name}/{file.name}")
def test_files_of_folders_are_accepted_as_parts(file: Path) -> None:
    assert faults(file.read_text(encoding="utf-8"), PART) == []


# a word of the rich catalogue put another way, and the place that the schema refuses
WRONG = [
    ("identity: rich\n", "", "$"),
    ("version: 1\n", 'version: "1"\n', "$.version"),
    ("timezone: Europe/Berlin\n", "timezone: Europe/Berlin\nsurprise: 1\n", "$"),
    ("2026-01-01T00:00:00+01:00", "2026-01-01T00:00:00", "$.effective_from"),
    ('percent: "19"', "percent: 19.5", "$.tax_classes[0].rates[0].percent"),
    ("days: mon-fri", "days: monday", "$.calendars[0].bands[0].days"),
    ('to: "20:00"', 'to: "19:59"', "$.calendars[0].bands[0].to"),
    ("holidays: true", "holidays: yes", "$.calendars[0].bands[1].holidays"),
    ("months: [jul, 8]", "months: [july, 13]", "$.calendars[0].bands[2].months"),
    ('prefixes: ["49"]', 'prefixes: ["+49"]', "$.zones[0].prefixes[0]"),
    ('plmns: ["208-01"', 'plmns: ["208"', "$.roaming_zones[0].plmns[0]"),
    ('rate: "0.09"', "rate: 0.09", "$.prices[1].rates[0].rate"),
    ('rate: "0.09"', 'rate: "015"', "$.prices[1].rates[0].rate"),
    ("increments: 60/1", "increments: 60/0", "$.prices[1].increments"),
    ("per: 60s\n    rates", "per: 60\n    rates", "$.prices[1].per"),
    ("clock: home", "clock: their", "$.prices[1].clock"),
    ("{size: 10MB, ", "{", "$.prices[3].package"),
    ("service: voice, zone: emergency", "service: telex, zone: emergency", "$.plans[0].rules[0].service"),
    ("zone: emergency, price: free}", "zone: emergency}", "$.plans[0].rules[0]"),
    ("window: day", "window: week", "$.plans[0].caps[0].window"),
    ("at: end}\n      - {id: 104", "at: noon}\n      - {id: 104", "$.plans[1].one_offs[1].at"),
    ("scope: account", "scope: family", "$.plans[1].volume_tiers[0].scope"),
    ("prices: [data]", "prices: data", "$.plans[1].volume_tiers[0].prices"),
    ("kinds: [usage, volume]", "kinds: [tax]", "$.plans[1].invoice_discounts[0].kinds[0]"),
    ('percent: "10", kinds', "percent: 10%, kinds", "$.plans[1].invoice_discounts[0].percent"),
    ("late_usage: arrival_period", "late_usage: later", "$.plans[1].late_usage"),
    ("id: 2, name: much,", "name: much,", "$.plans[1].bill_thresholds[1]"),
    ("activation_hours: 48", 'activation_hours: "48"', "$.plans[1].terms"),
    ("excludes: [travel]", "excludes: travel", "$.add_ons[0].excludes"),
    ("{en: Sample prices.}", "{en: 5}", "$.disclosure.en"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "path"), WRONG)
def test_mistakes_are_refused(old: str, new: str, path: str) -> None:
    found = faults(changed(old, new))
    assert [each for each in found if each.startswith(path)]
    assert all(each.startswith(path) for each in found)


VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 1.5, 10**9, "", "x", "0.5", "015", "1,5", "60s", "60/1", "mon-fri", "08:00", "2026-01-01", "voice",
    "any text", [], {}, ["x"], [1], {"en": "x"}, {"en": 1}, {"surprise": 1}, "2026-01-01T00:00:00Z", "112", "26201",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_the_schema_and_the_reader_agree(seed: int) -> None:
    """Whatever stands in whatever place: the schema refuses what cannot be read, and nothing that can."""
    draw = random.Random(seed)
    for _ in range(60):
        fields = parsing.parse_text(RICH).fields
        holder, key = draw.choice(list(_places(fields)))
        holder[key] = draw.choice(VALUES)
        findings: list[document.Finding] = []
        decode(fields, Document, (), findings)
        assert WHOLE.is_valid(fields) is (findings == []), (key, holder[key], findings)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - what a YAML file holds
    """Every place of a document: the set or list that it stands in, and its name or number there."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield value, key
        yield from _places(inner)


def test_a_part_may_lack_any_field_and_not_have_any_other() -> None:
    assert faults("zones: []\n", PART) == []
    assert faults("zones: []\n", WHOLE) == ["$"]
    assert faults("zone: []\n", PART) == ["$"]


def test_every_field_is_told() -> None:
    told = dict(_descriptions(json_schema.of()))
    assert len(told) > 150
    assert all(text.endswith(".") and ".." not in text for text in told.values())
    assert told["Price.counting"].endswith("Without it: `event`.")


def _descriptions(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, entry in {"Document": schema, **schema["$defs"]}.items():
        assert entry["description"]
        for field, value in entry["properties"].items():
            yield f"{name}.{field}", value["description"]
