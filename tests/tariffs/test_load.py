"""Files to a catalogue: what the words mean, and every mistake at once with file, place, line and remedy."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from rating.errors import ProblemsError, UserError
from rating.model import ANY_BAND, Band, BandPolicy, FeeTiming, QuantityUnit, Rate, Step
from rating.money import RoundingMode
from tariffs.reading.load import load
from tests.tariffs.sample import SAMPLE, changed, loaded, problems


def test_what_the_words_mean(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, SAMPLE)
    home, far, data, sms = catalogue.prices
    assert catalogue.minor_digits == 2
    assert catalogue.calendars[0].bands == (
        Band("peak", (1, 2, 3, 4, 5), 28_800, 64_800),
        Band("night", (), 79_200, 86_400),
        Band("night", (), 0, 21_600),
    )
    assert [rate.band for rate in home.rates] == ["peak", "night", "other"]
    assert home.rates[0] == Rate("peak", (Step(0, 90_000, 60_000, 1_000),), 60_000)
    assert far.rates == (Rate(ANY_BAND, (Step(0, 500_000, 60_000, 60_000), Step(600_000, 400_000, 60_000, 1_000)), 60_000),)
    assert (far.minimum_micros, far.maximum_micros, far.rounding_mode, far.rounding_step_micros) == (
        100_000,
        9_000_000,
        RoundingMode.HALF_UP,
        10_000,
    )
    assert (home.band_policy, home.rounding_mode, home.rounding_step_micros) == (BandPolicy.SPLIT, RoundingMode.HALF_EVEN, 1)
    assert (data.unit, data.band_policy) == (QuantityUnit.BYTE, BandPolicy.START)
    assert sms.rates == (Rate(ANY_BAND, (Step(0, 70_000, 1, 1),), 1),)
    plan = catalogue.plans[0]
    assert [rule.price for rule in plan.rules][-1] is None
    assert (plan.allowances[0].quantity, plan.recurring[0].timing) == (6_000_000, FeeTiming.ADVANCE)
    assert len(catalogue.content_hash) == 32


# old text, new text -> place, part of the message, part of the remedy
AFTER = "quantity: 100min, zones: [land]}\n"
SECOND_MINUTES = "      - {id: 82, name: more, service: voice, quantity: 1min}\n"
SAME_ID = "      - {id: 81, name: texts, service: sms, quantity: 9 messages}\n"
MISTAKES = [
    ("currency: EUR", "curency: EUR", "curency (line 3)", "unknown field `curency`", "did you mean `currency`?"),
    ("version: 1\n", "", "document (line 1)", "field `version` is missing", "add `version`"),
    ("version: 1\n", "version: one\n", "version (line 2)", "expected a whole number", "digits"),
    ("version: 1\n", "version: 0\n", "version (line 2)", "not above zero", "from 1"),
    ("version: 1\n", "version: 1\nversion: 2\n", "version (line 2)", " is here twice", "keep one"),
    ("currency: EUR", "currency: euro", "currency (line 3)", "not a currency", "ISO 4217"),
    ("currency: EUR", "currency: EEE", "currency (line 3)", "not a currency", "ISO 4217"),
    ("Europe/Berlin", "Europe/Berlim", "timezone (line 4)", "not a known time zone", "IANA"),
    ("00:00+01:00", "00:00", "effective_from (line 5)", "no offset", "+01:00"),
    ("identity: sample", "identity: My Sample", "identity (line 1)", "cannot be an identity", "small letters"),
    ('percent: "19"', 'percent: "190"', "tax_classes[0].rates (line 7)", "more than 100 percent", "0 to 100"),
    ('percent: "19"', "percent: 19.0", "tax_classes[0].rates[0].percent (line 7)", "must be text", "quotes"),
    ("from: 2020-01-01", "from: 2027-01-01", "tax_classes[0].rates (line 7)", "no rate on 2026-01-01", "in force"),
    ("code: 1,", "code: 99999,", "tax_classes[0].code (line 7)", "out of range", "32767"),
    ("name: peak", "name: other", "calendars[0]", "cannot be called `other`", "another name"),
    ('to: "18:00"', 'to: "17:59"', "calendars[0].bands[0].to (line 11)", "leaves out", '"18:00"'),
    ("days: mon-fri", "days: weekdays", "calendars[0].bands[0].days (line 11)", "does not name days", "mon-fri"),
    ("id: 1, name: land", "id: 0, name: land", "zones[0].id (line 14)", "out of range", "65534"),
    ("id: 1, name: land", "id: 2, name: land", "zones[1].id (line 15)", "zone id `2` is here twice", "its own"),
    ("id: 2, name: far", "id: 2, name: land", "zones[1].name (line 15)", "zone `land` is here twice", "its own"),
    ('["1", "86"]', '["49", "86"]', "zones[1].prefixes (line 15)", "prefix 49 of zone `far` is in zone `land`", "one zone"),
    ('["1", "86"]', '["86", "86"]', "zones[1].prefixes (line 15)", "prefix 86", "once"),
    ('["1", "86"]', "[]", "zones[1].prefixes (line 15)", "has no prefix", "add one"),
    ('["1", "86"]', '["+1"]', "zones[1].prefixes[0] (line 15)", "not a prefix", "without +"),
    ('["1", "86"]', '"86"', "zones[1].prefixes (line 15)", "expected a list", "- "),
    ("id: 12\n", "id: 11\n", "prices[1].id (line 29)", "id 11 belongs to another", "its own"),
    ("id: 91,", "id: 11,", "plans[0].recurring[0].id (line 55)", "id 11 belongs to another", "its own"),
    ("name: far-voice", "name: home-voice", "prices[1].name (line 30)", "price `home-voice` is here twice", "its own"),
    ("charge_code: 2", "charge_code: 0", "prices[1].charge_code (line 31)", "out of range", "1 to"),
    ("revenue_code: 402", "revenue_code: 40000", "prices[1].revenue_code (line 32)", "out of range", "32767"),
    ("tax_class: standard\n    cal", "tax_class: reduced\n    cal", "prices[0].tax_class (line 21)", "unknown tax class", "standard"),
    ("calendar: week", "calendar: weak", "prices[0].calendar (line 22)", "unknown calendar `weak`", "week"),
    ("band: night, r", "band: nite, r", "prices[0].rates[1].band (line 27)", "unknown band `nite`", "night, other, peak"),
    ("band: night, r", "band: peak, r", "prices[0] (line 17)", "two rates for band `peak`", "keep one"),
    ('rate: "0.09"', "rate: 0.09", "prices[0].rates[0].rate (line 26)", "must be text", 'quotes: "0.09"'),
    ('rate: "0.09"', 'rate: "09"', "prices[0].rates[0].rate (line 26)", "needless zero", '"9"'),
    ('{band: peak, rate: "0.09"}', "{band: peak}", "prices[0].rates[0] (line 26)", "has no `rate`", "per: 60s"),
    ('{rate: "0.50", per: 60s}', '{from: 1s, rate: "0.50", per: 60s}', "prices[1].steps[0]", "does not begin at 0", "begin at 0"),
    ("from: 10min", "from: 0s", "prices[1].steps[1]", "does not begin after", "sort"),
    ("increment: 1s}", "increment: 0s}", "prices[1].steps[1]", "increment is not above zero", "60/1"),
    ("increment: 1s}", "increment: 1MB}", "prices[1] (line 29)", "mixes time and volume", "one kind"),
    ("    increments: 60/60\n", "", "prices[1] (line 29)", "has no increments", "60/1"),
    ("    increments: 60/60\n", "    increments: 60/60\n    increment: 1s\n", "prices[1] (line 29)", "both `increments`", "one way"),
    ("    steps:\n", '    rate: "1"\n    steps:\n', "prices[1] (line 29)", "both `rate` and `steps`", "keep one"),
    ('rate: "0.50", per: 60s', 'rate: "0.50", per: 0s', "prices[1].steps[0]", "`per` is not above zero", "60s"),
    ('maximum: "9.00"', 'maximum: "0.05"', "prices[1].maximum (line 39)", "below its minimum", "raise"),
    ("mode: half_up", "mode: bankers", "prices[1].rounding.mode (line 40)", "not a rounding mode", "half_even"),
    ('step: "0.01"', 'step: "0"', "prices[1].rounding.step (line 40)", "steps of nothing", '"0.01"'),
    ('rate: "0.01", per: 1MB', 'rate: "999999999", per: 7B', "prices[2] (line 41)", "does not fit into 64 bits", "smaller"),
    ("per: 1 message}", "per: 1 message, band_policy: split}", "prices[3].band_policy (line 42)", "cannot split", "start"),
    ("zone: far, price", "zone: near, price", "plans[0].rules[1].zone (line 48)", "unknown zone `near`", "far, land"),
    ("price: far-voice", "price: far-vioce", "plans[0].rules[1].price (line 48)", "unknown price `far-vioce`", "far-voice"),
    ("price: far-voice", "price: sms", "plans[0].rules[1].price (line 48)", "is for messages, but voice is counted in time", "time"),
    ("zone: far, price", "zone: land, price", "plans[0].rules[1] (line 48)", "two rules for voice to `land`", "keep one"),
    (", price: null}", "}", "plans[0].rules[4] (line 51)", "field `price` is missing", "add `price`"),
    ("service: voice, zone: far", "service: fax, zone: far", "plans[0].rules[1].service (line 48)", "not a service", "voice, sms"),
    ("quantity: 100min", "quantity: 2GiB", "plans[0].allowances[0].quantity (line 53)", "is not in time", "100min"),
    ("quantity: 100min", "quantity: 0min", "plans[0].allowances[0].quantity (line 53)", "is empty", "more than nothing"),
    ("zones: [land]", "zones: [hame]", "plans[0].allowances[0].zones[0] (line 53)", "unknown zone `hame`", "home"),
    ("zones: [land]", "zones: []", "plans[0].allowances[0]", "serves no zone", '"*"'),
    ("{en: Basic, zh: 基本}", "{}", "plans[0].title (line 45)", "has no title", "customers"),
    ("{en: Basic, zh: 基本}", "Basic", "plans[0].title (line 45)", "expected texts by language", "language codes"),
    ("name: basic", "name: Basic Plan", "plans[0].name (line 44)", "cannot be the name", "small letters"),
    ("timing: advance", "timing: monthly", "plans[0].recurring[0].timing", "not a timing", "arrears"),
    (AFTER, AFTER + SECOND_MINUTES, None, "", ""),
    (AFTER, AFTER + SAME_ID, "plans[0].allowances[1].id", "id 81", "its own"),
    ("from: 10min", "from: 9999999999999999h", "prices[1] (line 29)", "begins beyond the largest event", "steps"),
    ("quantity: 100min", "quantity: 9999999999999999h", "plans[0].allowances[0].quantity (line 53)", "larger than anything", "less"),
    ('prefixes: ["1", "86"]', 'prefixes_file: "a\\0b"', "zones[1].prefixes_file (line 15)", "cannot be read", "readable"),
    ('rate: "0.09"', 'rate: !!float "0.09"', "prices[0].rates[0].rate (line 26)", "a YAML tag", "!"),
    ("plans:\n", "decks: []\nplans:\n", None, "", ""),
    ("    recurring:", "    decks: [world]\n    recurring:", "plans[0].decks[0] (line 54)", "unknown deck `world`", "add it"),
]  # fmt: skip


@pytest.mark.parametrize("row", MISTAKES)
def test_one_mistake(tmp_path: Path, row: tuple[str, str, str | None, str, str]) -> None:
    old, new, place, message, remedy = row
    found = problems(tmp_path, changed(old, new))
    if place is None:
        assert found == []
        return
    matching = [p for p in found if p.path.startswith(place) and message in p.message and remedy in p.remedy]
    assert matching, found
    assert all(p.file.endswith("sample.yaml") for p in found)


def test_mistakes_of_every_kind_are_shown_together(tmp_path: Path) -> None:
    text = SAMPLE
    for old, new in [
        ("minimum:", "minimun:"),
        ('rate: "0.09"', "rate: 0.09"),
        ("zone: far,", "zone: near,"),
        ('to: "18:00"', 'to: "17:59"'),
    ]:
        text = text.replace(old, new, 1)
    messages = [problem.message for problem in problems(tmp_path, text)]
    assert len(messages) == 4
    assert all(any(part in message for message in messages) for part in ("minimun", "0.09", "near", "17:59"))


def test_what_cannot_be_read_is_not_judged_as_well(tmp_path: Path) -> None:
    text = SAMPLE.replace("id: 11\n", "id: eleven\n").replace("id: 12\n", "id: twelve\n").replace("{id: 13,", "{")
    assert [problem.message for problem in problems(tmp_path, text)] == [
        "expected a whole number",
        "expected a whole number",
        "field `id` is missing",
    ]


def test_a_folder_is_one_document(tmp_path: Path) -> None:
    whole = loaded(tmp_path / "..", SAMPLE)
    head, tail = SAMPLE.split("zones:\n", 1)
    first, second = ("zones:\n" + tail).split("plans:\n", 1)
    (tmp_path / "a.yaml").write_text(head)
    (tmp_path / "b.yaml").write_text(first)
    (tmp_path / "c.yml").write_text("plans:\n" + second)
    assert load(tmp_path) == whole


def test_mistakes_in_a_folder_name_their_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SAMPLE)
    (tmp_path / "b.yaml").write_text(
        "version: 2\nprices:\n  - {id: 14, name: more, charge_code: 1, revenue_code: 1, tax_class: standard, rate: 1, per: 1 message}\n"
    )
    with pytest.raises(ProblemsError) as caught:
        load(tmp_path)
    assert {(p.file, p.path) for p in caught.value.problems} == {
        (str(tmp_path / "b.yaml"), "version (line 1)"),
        (str(tmp_path / "b.yaml"), "prices[0].rate (line 3)"),
        (str(tmp_path / "b.yaml"), "prices[0].id (line 3)"),
    }


def test_broken_yaml_in_one_file_does_not_hide_the_mistakes_of_another(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SAMPLE.split("plans:\n", maxsplit=1)[0].replace('rate: "0.09"', "rate: 0.09"))
    (tmp_path / "b.yaml").write_text("plans: [\n")
    with pytest.raises(ProblemsError) as caught:
        load(tmp_path)
    assert [(Path(p.file).name, p.path) for p in caught.value.problems] == [
        ("b.yaml", "document (line 2)"),
        ("a.yaml", "prices[0].rates[0].rate (line 26)"),
    ]


def test_what_editors_leave_in_a_folder_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SAMPLE)
    for name in (".a.yaml", "a.yaml~", "a.yaml.bak", "notes.txt"):
        (tmp_path / name).write_text("identity: other")
    (tmp_path / ".#a.yaml").symlink_to("nobody@nowhere")
    (tmp_path / "old.yaml").mkdir()
    assert load(tmp_path).identity == "sample"


def test_an_instant_that_cannot_be_read_makes_no_other_mistakes(tmp_path: Path) -> None:
    for wrong in ("effective_from: soon", "effective: 2026-01-01T00:00:00+01:00"):
        places = {p.path for p in problems(tmp_path, changed("effective_from: 2026-01-01T00:00:00+01:00", wrong))}
        assert all(place.startswith(("effective", "document")) for place in places), places


def test_the_search_for_cycles_goes_on_after_a_load(tmp_path: Path) -> None:
    for text in (SAMPLE, "identity: [\n"):
        problems(tmp_path, text)
        assert gc.isenabled()


def test_nothing_to_load(tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    rows = [("none", "no such file"), ("loop.yaml", "no such file"), ("pipe.yaml", "neither a file nor a folder"), (".", "no tariff file")]
    for name, message in rows:
        path = tmp_path / name
        with pytest.raises(UserError, match=message):
            load(path)


DECK = changed(
    "plans:\n",
    "decks:\n  - {name: world, file: deck.csv, service: voice, price_ids_from: 1000, charge_code: 7, revenue_code: 7, tax_class: standard,"
    ' per: 60s, increments: 1/1, minimum: "0.01"}\nplans:\n',
).replace("    recurring:", "    decks: [world]\n    recurring:")


def test_a_deck_makes_zones_prices_and_rules(tmp_path: Path) -> None:
    rows = "zone_id,zone,prefixes,rate,increments,connect_fee\n50,france,33 331,0.0049,,\n51,italy,39,0.0051,60/60,0.05\n"
    (tmp_path / "deck.csv").write_text(rows)
    catalogue = loaded(tmp_path, DECK)
    france, italy = catalogue.prices[-2:]
    assert [(zone.zone_id, zone.name, zone.prefixes) for zone in catalogue.zones[-2:]] == [
        (50, "france", ("33", "331")),
        (51, "italy", ("39",)),
    ]
    assert (france.price_id, france.name, france.minimum_micros) == (1050, "world:france", 10_000)
    assert france.rates == (Rate(ANY_BAND, (Step(0, 4_900, 60_000, 1_000),), 1_000),)
    assert italy.rates == (Rate(ANY_BAND, (Step(0, 5_100, 60_000, 60_000),), 60_000, 50_000),)
    assert [(rule.zone, rule.price) for rule in catalogue.plans[0].rules[-2:]] == [("france", "world:france"), ("italy", "world:italy")]


# content of deck.csv (None: no file) -> part of the message
BAD_DECKS = [
    (None, "deck.csv: there is no such file"),
    ("", "column `zone_id` is missing"),
    ("zone_id;zone;prefixes;rate\n50;france;33;0,1\n", "not parted by commas"),
    ("zone_id,zone,prefixes,rate\n50,france,33,0.1\n51,,39,0.1\n", "line 3: no zone"),
    ("zone_id,zone,prefixes,rate\n" + "9" * 5_000 + ",france,33,0.1\n", "is not a whole number"),
    ('zone_id,zone,prefixes,rate\n50,"france,33,0.1\n', "not a CSV file"),
    ("zone_id,zone,prefixes,rate\n50,fran\xe7e,33,0.1\n".encode("latin-1"), "line 2 is not UTF-8 text"),
    ("zone_id,zone,prefixes\n", "column `rate` is missing"),
    ("zone_id,zone,prefixes,rate,speed\n", "column `speed` is unknown"),
    ("zone_id,zone,prefixes,rate\n50,france,33\n", "line 2: 3 cells instead of 4"),
    ("zone_id,zone,prefixes,rate\n50,france,33,0.1\n51,italy,,0.1\n", "line 3: no prefix"),
    ("zone_id,zone,prefixes,rate\n50,france,33,1,5\n", "line 2: 5 cells instead of 4"),
    ("zone_id,zone,prefixes,rate\nx,france,33,0.1\n", 'line 2: column zone_id: "x" is not a whole number'),
    ("zone_id,zone,prefixes,rate\n50,france,+33,0.1\n", 'line 2: column prefixes: "+33" is not a prefix'),
    ("zone_id,zone,prefixes,rate\n50,france,33,free\n", 'line 2: column rate: "free" is not a decimal amount'),
    ("zone_id,zone,prefixes,rate\n50,france,49,0.1\n", "prefix 49 of zone `france` is in zone `land` already"),
    ("zone_id,zone,prefixes,rate\n1,france,33,0.1\n", "zone id `1` is here twice"),
]


@pytest.mark.parametrize(("content", "message"), BAD_DECKS)
def test_mistakes_in_a_deck(tmp_path: Path, content: str | bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "deck.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    found = problems(tmp_path, DECK)
    assert any(message in problem.message and problem.path.startswith("decks[0]") for problem in found), found


def test_prefixes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "far.csv").write_text("prefix\n7\n61\n")
    catalogue = loaded(tmp_path, changed('prefixes: ["1", "86"]', 'prefixes: ["1"], prefixes_file: far.csv'))
    assert catalogue.zones[1].prefixes == ("1", "61", "7")


def test_ten_thousand_wrong_rows_are_ten_thousand_mistakes(tmp_path: Path) -> None:
    (tmp_path / "deck.csv").write_text("zone_id,zone,prefixes,rate\n" + "50,france,33,x\n" * 10_000)
    assert sum("line " in problem.message for problem in problems(tmp_path, DECK)) == 10_000
