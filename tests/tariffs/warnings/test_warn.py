"""Every warning, a row each: what is put another way in a good sample, and what is told of it, where, and on which line."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tariffs.reading.load import load, load_located
from tariffs.warnings import CODES, warn
from tests.tariffs.sample import SAMPLE, changed, loaded

if TYPE_CHECKING:
    from pathlib import Path

    from rating.errors import Problem
    from tariffs.warnings import Warning  # noqa: A004 -- see there

FAR = "      - {service: voice, zone: far, price: far-voice}\n"
BANDS = """\
      - {name: peak, days: mon-fri, from: "08:00", to: "18:00"}
      - {name: night, days: daily, from: "22:00", to: "06:00"}
"""
FEE = '      - {id: 91, name: fee, charge_code: 9, revenue_code: 400, tax_class: standard, amount: "9.99", timing: advance}\n'
CHEAP = "".join(
    f'  - {{id: 1{i}0, name: p{i}, charge_code: 5, revenue_code: 1, tax_class: standard, rate: "0.0{i}", per: 60s, increments: 1/1}}\n'
    for i in range(1, 6)
)
COMMITMENT = (
    "    commitments:\n"
    '      - {id: 95, name: least, charge_code: 9, revenue_code: 400, tax_class: standard, amount: "15", counts: usage}\nd'
)
LIMIT = '    spend_limits:\n      - {id: 1, name: careful, amount: "15", window: period}\nd'
TIER = (
    "    volume_tiers:\n"
    "      - {id: 95, name: much, charge_code: 9, revenue_code: 400, tax_class: standard, prices: [far-voice, idle],\n"
    '         steps: [{rate: "0.01", per: 60s}]}\nd'
)
IDLE = '  - {id: 96, name: idle, charge_code: 1, revenue_code: 1, tax_class: standard, rate: "0.01", per: 60s, increments: 1/1}\n'
DISCOUNTS = """\
    discounts:
      - {id: 1, name: spring, percent: "10", service: voice, from: 2026-03-01T00:00:00+01:00, to: 2026-05-01T00:00:00+02:00}
      - {id: 2, name: april, percent: "20", service: voice, from: 2026-04-01T00:00:00+02:00}
d"""


class Row(NamedTuple):
    """A change of the sample and its warning."""

    old: str
    new: str
    code: str
    path: str
    line: str  # stands on the line that is told
    message: str


ROWS = [
    # Rules of which only the order decides
    Row(
        FAR,
        FAR.replace("}", ", on_net: true}") + FAR.replace("far-voice}", "home-voice, roaming: home}") + FAR,
        "overlapping-rules",
        "plans[0].rules[2]",
        "home-voice, roaming: home",
        "rules[1] and rules[2] for voice to `far` both hold for on_net true and roaming home; rules[1] prices it",
    ),
    Row(
        FAR,
        FAR.replace("}", ", direction: originating}") + FAR.replace("}", ", direction: terminating}").replace("far-voice", "null") + FAR,
        "shadowed-rule",
        "plans[0].rules[3]",
        "zone: far, price: far-voice}",
        "the rule for voice to `far` is never met: those before it take everything together",
    ),
    Row(
        FAR,
        FAR.replace("}", ", on_net: true}"),
        "no-price",
        "plans[0]",
        "- name: basic",
        "voice to `far` (such as 1): priced only under conditions",
    ),
    # Calendars
    Row(
        BANDS,
        BANDS.replace('"08:00", to: "18:00"', '"06:01", to: "22:00"'),
        "band-gap",
        "calendars[0]",
        "- name: week",
        "calendar `week`: no band covers 06:00 to 06:01, such as on Thursday 2026-01-01",
    ),
    Row(
        BANDS,
        BANDS + "      - {name: old, years: [2020], weight: 5}\n",
        "idle-band",
        "calendars[0]",
        "- name: week",
        "band `old` never prevails from the version's start on",
    ),
    Row(
        BANDS,
        BANDS + "      - {name: peak, holidays: true, weight: 5}\n    holidays: [2026-01-06]\n",
        "holidays-end",
        "calendars[0].holidays",
        "holidays: [2026",
        "the last holiday is 2026-01-06",
    ),
    # Prices
    Row(
        "prices:\n",
        "prices:\n" + CHEAP.replace('"0.05"', '"0.5"'),
        "price-jump-neighbours",
        "prices[4]",
        "name: p5",
        "price `p5` is 16.7 times the median of the other prices of charge code 5",
    ),
    Row(
        'rate: "0.07", per: 1 message',
        'rate: "300000", per: 1 message',
        "near-bound",
        "prices[3]",
        "name: sms",
        "price `sms`: with rates 2 times as high the charge of the largest event, or the minimum, is above half the limit of money",
    ),
    # Grants, tax, texts, terms
    Row(
        "service: voice, quantity: 100min, zones: [land]",
        'service: content, quantity: 5 messages, zones: ["*"]',
        "serves-nothing",
        "plans[0].allowances[0]",
        "name: minutes",
        "allowance `minutes` serves nothing: plan `basic` has no priced rule for content",
    ),
    Row(
        "service: voice, quantity: 100min, zones: [land]",
        'service: mms, quantity: 5 messages, zones: ["*"]',
        "serves-nothing",
        "plans[0].allowances[0]",
        "name: minutes",
        "has no priced rule for mms",  # it is not sold
    ),
    Row(
        'percent: "19"',
        'percent: "0"',
        "untaxed",
        "plans[0]",
        "- name: basic",
        "fee `fee` is of tax class `standard`, 0 percent on 2026-01-01",
    ),
    Row("{en: Basic, zh: 基本}", "{en: Basic}", "language-missing", "plans[0].title", "{en: Basic}", "plan `basic` has no text in zh"),
    Row(
        "disclosure: {en: Sample prices., zh: 示例价格。}",
        "disclosure: {en: Sample}",
        "language-missing",
        "disclosure",
        "disclosure: ",
        "in zh",
    ),
    Row("disclosure:", LIMIT + "isclosure:", "not-billed-yet", "plans[0].spend_limits[0]", "name: careful", "is for alarms only"),
    # Ranges
    Row("disclosure:", DISCOUNTS + "isclosure:", "range-overlap", "plans[0].discounts[1]", "name: april", "both hold from 2026-04-01"),
    Row(
        "disclosure:",
        DISCOUNTS.replace("2026-03", "2025-03").replace("2026-05", "2025-05") + "isclosure:",
        "range-hole",
        "plans[0].discounts[0].to",
        "name: spring",
        "discount `spring` of plan `basic` ends before the version takes effect",
    ),
    Row(
        "    title: {en: Basic",
        "    sold_to: 2025-12-31\n    title: {en: Basic",
        "range-hole",
        "plans[0].sold_to",
        "sold_to",
        "sold to 2025-12-31",
    ),
]


def warned(folder: Path, text: str) -> list[tuple[Warning, Problem]]:
    """The warnings about `text`, each with its place in the file."""
    (folder / "sample.yaml").write_text(text, encoding="utf-8")
    located = load_located(folder / "sample.yaml")
    return [(each, located.locate(each.finding)) for each in (*warn(located.catalogue), *located.notes)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.code} {row.message[:20]}")
def test_rows(tmp_path: Path, row: Row) -> None:
    text = changed(row.old, row.new)
    found = warned(tmp_path, text)
    assert [each.code for each, _ in found] == [row.code], found
    problem = found[0][1]
    path, line = problem.path.removesuffix(")").split(" (line ")
    assert (path, row.line in text.splitlines()[int(line) - 1]) == (row.path, True), problem
    assert row.message in problem.message, problem
    assert problem.remedy
    assert problem.file == str(tmp_path / "sample.yaml")


def test_the_sample_has_none(tmp_path: Path) -> None:
    assert warned(tmp_path, SAMPLE) == []


def test_a_volume_tier_of_a_price_that_nobody_meets(tmp_path: Path) -> None:
    text = changed("disclosure:", TIER + "isclosure:").replace("plans:\n", IDLE + "plans:\n", 1)
    [(found, problem)] = warned(tmp_path, text)
    assert (found.code, problem.path.partition(" ")[0]) == ("serves-nothing", "plans[0].volume_tiers[0].prices[1]")
    assert problem.message == "volume tier `much` adds up price `idle`, which no usage of plan `basic` meets"


def test_a_commitment_is_billed(tmp_path: Path) -> None:
    """So that nothing is said of it."""
    assert warned(tmp_path, changed("disclosure:", COMMITMENT + "isclosure:")) == []


def test_a_special_case_before_the_general_one_says_nothing(tmp_path: Path) -> None:
    rules = FAR.replace("}", ", on_net: true, roaming: home}") + FAR.replace("far-voice}", "home-voice, roaming: home}") + FAR
    assert warned(tmp_path, changed(FAR, rules)) == []


def test_a_rule_for_what_comes_in_overlaps_with_none_that_does_not_say_so(tmp_path: Path) -> None:
    rules = FAR.replace("}", ", direction: terminating}") + FAR.replace("far-voice}", "home-voice, roaming: home}") + FAR
    assert warned(tmp_path, changed(FAR, rules)) == []
    both = rules.replace("roaming: home", "direction: terminating, roaming: home").replace("terminating}", "terminating, on_net: true}", 1)
    assert [each.code for each, _ in warned(tmp_path, changed(FAR, both))] == ["overlapping-rules"]


DECK = changed(
    "plans:\n",
    "decks:\n  - {name: world, file: deck.csv, service: voice, price_ids_from: 1000, charge_code: 7, revenue_code: 7, tax_class: standard,"
    " per: 60s, increments: 1/1}\nplans:\n",
).replace("    recurring:", "    decks: [world]\n    recurring:")
CHINA = "".join(f"5{i},china-{i},861{i},0.01\n" for i in range(4))
# rows of the deck -> code and message
DECKS = [
    ("50,france,33,0.1\n50,france,33,0.1\n51,italy,39,0.1\n", "duplicate-row", "the row of zone 50 `france` is there 2 times"),
    (
        CHINA + "60,china-9,8619,0.11\n",
        "price-jump-neighbours",
        "price `world:china-9` is 11.0 times the median of the other prices to +86",
    ),
    (CHINA + "60,egypt,20,0.11\n", "price-jump-neighbours", "price `world:egypt` is 11.0 times"),
    (CHINA + "60,egypt,20,0.09\n", "", ""),
]


@pytest.mark.parametrize(("rows", "code", "message"), DECKS)
def test_decks(tmp_path: Path, rows: str, code: str, message: str) -> None:
    (tmp_path / "deck.csv").write_text("zone_id,zone,prefixes,rate\n" + rows)
    found = warned(tmp_path, DECK)
    assert [(each.code, message in problem.message) for each, problem in found] == ([(code, True)] if code else []), found
    assert all(problem.path == "decks[0].file (line 44)" for _, problem in found)


def test_of_all_that_is_shared_without_a_word_how_one_is_told(tmp_path: Path) -> None:
    minutes = "{id: 81, name: minutes, service: voice, quantity: 100min, zones: [land]"
    two = f"{minutes}, shared: SHARED}}\n      - {minutes.replace('81', '82').replace('minutes', 'more')}, shared: SHARED"
    text = changed(minutes, two)
    [(found, problem)] = warned(tmp_path, text.replace("SHARED", "true"))
    assert (found.code, problem.path.partition(" ")[0]) == ("shared-true", "plans[0].allowances[0].shared")
    assert problem.message == "allowance `minutes` has `shared: true`, which is `pooled`: every line brings its own quantity"
    assert (
        warned(tmp_path, text.replace("SHARED", "pooled")) == warned(tmp_path, text.replace("SHARED", "one, at_plan_change: carry")) == []
    )


def test_rows_that_wait_for_a_later_version(tmp_path: Path) -> None:
    (tmp_path / "deck.csv").write_text(
        "zone_id,zone,prefixes,rate,from\n50,france,33,0.1,\n50,france,33,0.2,2026-12-01\n51,italy,39,0.1,\n"
    )
    [(each, problem)] = warned(tmp_path, DECK)
    assert (each.code, problem.path) == ("range-hole", "decks[0].file (line 44)")
    assert problem.message == "deck `world`: 1 row takes effect on 2026-12-01, after this version does"


# the version before, and what is put another way in the new one -> code and message
VERSIONS = [
    ('rate: "0.07"', 'rate: "0.7"', "", ""),  # ten times is not more than ten times
    ('rate: "0.07"', 'rate: "0.71"', "price-jump-version", "price `sms` is 10.1 times that of version 1"),
    ('rate: "0.07"', 'rate: "0.0069"', "price-jump-version", "price `sms` is a 10.1th of that of version 1"),
    ('rate: "0.03"', 'rate: "0.31"', "price-jump-version", "price `home-voice` in band `night` is 10.3 times that of version 1"),
    ('minimum: "0.10"', 'minimum: "1.01"', "price-jump-version", "least charge of price `far-voice` is 10.1 times that of version 1"),
    ('maximum: "9.00"', 'maximum: "91.00"', "price-jump-version", "largest charge of price `far-voice` is 10.1 times that of version 1"),
    ('rate: "0.40"', 'rate: "4.20"', "price-jump-version", "price `far-voice` is 10.5 times that of version 1"),
    ('amount: "9.99"', 'amount: "99.99"', "price-jump-version", "fee `fee` of plan `basic` is 10.0 times that of version 1"),
    ("currency: EUR", "currency: USD", "", ""),
]


@pytest.mark.parametrize(("old", "new", "code", "message"), VERSIONS)
def test_against_the_version_before(tmp_path: Path, old: str, new: str, code: str, message: str) -> None:
    (tmp_path / "one.yaml").write_text(SAMPLE, encoding="utf-8")
    (tmp_path / "two.yaml").write_text(changed(old, new).replace("version: 1", "version: 2"), encoding="utf-8")
    found = warn(load(tmp_path / "two.yaml"), before=load(tmp_path / "one.yaml"))
    assert [(each.code, each.finding.message) for each in found] == ([(code, message)] if code else [])


# what a price of version 1 says of a message, what version 2 says -> message
ONCE = [
    ('flat: "0.07"', 'flat: "0.70"', ""),
    ('flat: "0.07"', 'flat: "0.71"', "price `sms` is 10.1 times that of version 1"),
    (
        'rate: "0.07", connect_fee: "0.01"',
        'rate: "0.07", connect_fee: "0.20"',
        "connect fee of price `sms` is 20.0 times that of version 1",
    ),
    ('rate: "0.07", connect_fee: "0.01"', 'rate: "0.07"', ""),
]


@pytest.mark.parametrize(("was", "is_", "message"), ONCE)
def test_flat_prices_and_connect_fees_against_the_version_before(tmp_path: Path, was: str, is_: str, message: str) -> None:
    (tmp_path / "one.yaml").write_text(changed('rate: "0.07"', was), encoding="utf-8")
    (tmp_path / "two.yaml").write_text(changed('rate: "0.07"', is_).replace("version: 1", "version: 2"), encoding="utf-8")
    found = warn(load(tmp_path / "two.yaml"), before=load(tmp_path / "one.yaml"))
    assert [each.finding.message for each in found] == ([message] if message else [])


def test_day_passes_against_the_version_before(tmp_path: Path) -> None:
    sold = "    day_passes:\n      - {id: 82, name: day, fee: FEE, service: data}\n    recurring:"
    (tmp_path / "one.yaml").write_text(changed("    recurring:", sold.replace("FEE", '"1.90"')), encoding="utf-8")
    (tmp_path / "two.yaml").write_text(
        changed("    recurring:", sold.replace("FEE", '"19.90"')).replace("version: 1", "version: 2"), encoding="utf-8"
    )
    [each] = warn(load(tmp_path / "two.yaml"), before=load(tmp_path / "one.yaml"))
    assert each.finding.message == "day pass `day` of plan `basic` is 10.5 times that of version 1"


# rates of three prices of one charge code, such as a tariff of three zones -> which one is told
THREE = [
    (("0.09", "0.15", "0.12"), ""),
    (("0.09", "15", "0.12"), "far-voice"),  # a lost point
    (("0.09", "1.20", "0.12"), ""),  # ten times is not more than ten times
    (("0.09", "0.50", "0.009"), ""),  # not more than ten times both others
]


@pytest.mark.parametrize("form", ["rate: RATE, per: 60s, increments: 1/1", "flat: RATE, unit: seconds"])
@pytest.mark.parametrize(("amounts", "told"), THREE)
def test_few_neighbours(tmp_path: Path, form: str, amounts: tuple[str, ...], told: str) -> None:
    names = ("home-voice", "far-voice", "near")
    codes = "charge_code: 50, revenue_code: 1, tax_class: standard"
    prices = "".join(
        f"  - {{id: {50 + place}, name: n{name}, {codes}, {form.replace('RATE', repr(amount))}}}\n"
        for place, (name, amount) in enumerate(zip(names, amounts, strict=True))
    )
    found = warn(loaded(tmp_path, changed("plans:\n", prices + "plans:\n")))
    jumps = [each.finding.message for each in found if each.code == "price-jump-neighbours"]
    assert [message.split("`")[1] for message in jumps] == ([f"n{told}"] if told else [])


# effective_from, effective_to of version 2; version 1 is from 2026-01-01 to 2026-07-01, version 3 from 2027-01-01 -> codes and messages
JOINTS = [
    ("2026-07-01T00:00:00+02:00", "2027-01-01T00:00:00+01:00", []),
    ("2026-07-01T00:00:00+02:00", "", []),
    ("2026-08-01T00:00:00+02:00", "", [("range-hole", "nothing prices from 2026-07-01, where version 1 ends, to 2026-08-01")]),
    ("2026-06-01T00:00:00+02:00", "", [("range-overlap", "version 1 ends on 2026-07-01, but version 2 takes its place on 2026-06-01")]),
    ("2026-07-01T00:00:00+02:00", "2026-12-01T12:00:00+01:00", [("range-hole", "nothing prices from 2026-12-01 12:00")]),
    ("2026-07-01T00:00:00+02:00", "2027-02-01T00:00:00+01:00", [("range-overlap", "version 2 ends on 2027-02-01")]),
]


@pytest.mark.parametrize(("from_", "to", "told"), JOINTS)
def test_ranges_of_versions(tmp_path: Path, from_: str, to: str, told: list[tuple[str, str]]) -> None:
    def version(number: int, begin: str, end: str) -> Path:
        text = SAMPLE.replace("version: 1", f"version: {number}").replace("2026-01-01T00:00:00+01:00", begin)
        path = tmp_path / f"{number}.yaml"
        path.write_text(text + (f"effective_to: {end}\n" if end else ""), encoding="utf-8")
        return path

    first = load(version(1, "2026-01-01T00:00:00+01:00", "2026-07-01T00:00:00+02:00"))
    third = load(version(3, "2027-01-01T00:00:00+01:00", ""))
    found = warn(load(version(2, from_, to)), others=[first, third])
    assert [each.code for each in found] == [code for code, _ in told]
    assert all(message in each.finding.message for each, (_, message) in zip(found, told, strict=True)), found


def test_every_code_is_told_by_some_row() -> None:
    told = {"shared-true"} | {row.code for row in ROWS} | {code for _, code, _ in DECKS} | {code for *_, code, _ in VERSIONS}
    assert told - {""} == CODES.keys() - {"unknown-zone"}, "tests/tariffs/test_deck_titles.py has that one"
