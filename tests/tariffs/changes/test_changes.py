"""One word of a tariff put another way, and what is told of it; the words are those that a tariff manager reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pytest

from rating import model
from tariffs.changes import Change, changes, fields, lines
from tariffs.changes.plans import GRANTS
from tests.tariffs.rich import RICH, changed
from tests.tariffs.sample import loaded

if TYPE_CHECKING:
    from pathlib import Path

    from rating.model import Catalogue

NONE, MAY, DEARER, CHEAPER = "", "may cost more", "dearer", "cheaper"


class Row(NamedTuple):
    """What is put another way, and each change told of it: text, old, new, effect."""

    old: str
    new: str
    told: list[tuple[str, str, str, str]]


HOME, EU, DATA = "price home-voice (11): ", "price eu-voice (12): ", "price data (13): "
RENT = '      - {id: 900, name: rent, charge_code: 9, revenue_code: 4, tax_class: standard, amount: "3.00"}\n'
MINUTES, DAY = "plan rich, allowance minutes (81): ", "plan rich, day pass day (91): "
PRICES = [
    Row(
        'band: peak, rate: "0.09"',
        'band: peak, rate: "0.12"',
        [(HOME + "rate in band peak", "0.09 EUR a minute", "0.12 EUR a minute", DEARER)],
    ),
    Row(
        'band: holiday, flat: "0.20"',
        'band: holiday, flat: "0.15"',
        [(HOME + "connect fee in band holiday", "0.20 EUR", "0.15 EUR", CHEAPER)],
    ),
    Row('\n      - {band: holiday, flat: "0.20"}', "", [(HOME + "rate in band holiday", "0.20 EUR an event", "not priced", MAY)]),
    Row(
        'size: 10min, price: "0.25"}, c',
        'size: 20min, price: "0.50"}, c',
        [
            (HOME + "increment in band other", "10 min", "20 min", MAY),
            (HOME + "first increment in band other", "10 min", "20 min", MAY),
        ],
    ),
    Row(
        "increments: 60/1\n",
        "increments: 1/1\n",
        [
            (HOME + "first increment in band peak", "60 s", "1 s", MAY),
            (HOME + "first increment in band holiday", "60 s", "1 s", MAY),
        ],
    ),
    Row(
        '- {rate: "0.50", per: 60s}', '- {rate: "0.01", per: 1s}', [(EU + "rate from 0", "0.50 EUR a minute", "0.60 EUR a minute", DEARER)]
    ),
    Row('- {rate: "0.50", per: 60s}', '- {rate: "5.00", per: 10min}', []),  # the same, written otherwise
    Row("from: 100h", "from: 50h", [(EU + "rate from 3,000 min", "0.50 EUR a minute", "0.40 EUR a minute", CHEAPER)]),
    Row("minimum_quantity: 30s", "minimum_quantity: 60s", [(HOME + "least quantity", "30 s", "60 s", DEARER)]),
    Row(
        "counting: graduated\n    counter: 5\n    increments: 1/1",
        'minimum: "0.10"\n    maximum: "9.00"\n    increments: 1/1',
        [
            (EU + "where steps count from", "graduated", "event", MAY),
            (EU + "counter", "5", "0", MAY),
            (EU + "least charge", "0.00 EUR", "0.10 EUR", DEARER),
            (EU + "highest charge", "none", "9.00 EUR", CHEAPER),
        ],
    ),
    Row('content_percent: "30"', 'content_percent: "35"', [("price content (15): share of the content amount", "30 %", "35 %", DEARER)]),
    Row(
        "name: sms, charge_code: 4",
        'name: sms, rounding: {mode: up, step: "0.01"}, title: {zh: 短信}, charge_code: 40',
        [
            ("price sms (14): charge code", "4", "40", NONE),
            ("price sms (14): rounding", "half_even", "up", DEARER),
            ("price sms (14): rounded to", "0.000001 EUR", "0.01 EUR", MAY),
            ("price sms (14): title", "none", "zh: 短信", NONE),
        ],
    ),
]
PARTS = [
    Row("notice_days: 10\n", "notice_days: 30\n", [("catalogue: days of notice for dearer prices", "10", "30", NONE)]),
    Row("Sample prices.", "Other words.", [("catalogue: text shown with the tariff", "en: Sample prices.", "en: Other words.", NONE)]),
    Row(
        'percent: "19"', 'percent: "20"', [("tax class standard (1): percentages", "19 % from 2020-01-01", "20 % from 2020-01-01", DEARER)]
    ),
    Row(
        'days: mon-fri, from: "08:00"',
        'days: mon-sat, from: "07:00"',
        [("calendar year: band peak", "mon-fri 08:00-20:00", "mon-sat 07:00-20:00", MAY)],
    ),
    Row(
        "[2026-12-25, 2026-01-01]",
        "[2026-12-25, 2027-01-01]",
        [
            ("calendar year: 1 holiday fewer", "2026-01-01", "", MAY),
            ("calendar year: 1 holiday more", "", "2027-01-01", MAY),
        ],
    ),
    Row(
        'plmns: ["208-01", 22210]',
        'plmns: ["208-01", 22201]',
        [
            ("roaming zone eu (1): 1 network gone", "222-010", "", MAY),
            ("roaming zone eu (1): 1 network gained", "", "222-001", MAY),
        ],
    ),
    Row("title: {en: Basic}", "title: {en: Base}", [("plan basic: title", "en: Basic", "en: Base", NONE)]),
    Row("fallbacks: [basic]", "fallbacks: []", [("plan rich: plans asked after it", "basic", "none", MAY)]),
    Row("quantity: 100min", "quantity: 90min", [(MINUTES + "grant in a period", "100 min", "90 min", DEARER)]),
    Row("        zones: [land]\n", "", [(MINUTES + "zones", "land", "anywhere", MAY)]),
    Row(
        "{periods: 2, maximum: 500MB}",
        "{periods: 1}",
        [
            ("plan rich, allowance data (83): periods that the rest stays", "2", "1", DEARER),
            ("plan rich, allowance data (83): most that rolls over", "500 MB", "no limit", CHEAPER),
        ],
    ),
    Row('fee: "1.99"', 'fee: "2.49"', [(DAY + "fee of a day", "1.99 EUR", "2.49 EUR", DEARER)]),
    Row(
        '      - {id: 1, name: daily, amount: "5.00", window: day, service: data}\n',
        "",
        [
            ("plan rich, cap daily (1): gone", "at most 5.00 EUR a day for data to anywhere", "", DEARER),
        ],
    ),
    Row('amount: "50.00"', 'amount: "40.00"', [("plan rich, cap monthly (2): limit", "50.00 EUR", "40.00 EUR", CHEAPER)]),
    Row('percent: "10.5"', 'percent: "12"', [("plan rich, discount spring (2): percentage", "10.5 %", "12 %", CHEAPER)]),
    Row(
        "    caps:\n",
        f"    recurring:\n{RENT}    caps:\n",
        [
            ("plan rich, fee rent (900): new", "", "3.00 EUR a period, in arrears", DEARER),
        ],
    ),
    Row(
        'late_credit_percent: "5", minimum_months: 12',
        'late_credit_percent: "4", minimum_months: 24',
        [
            ("plan basic: credit for each day it is late", "5 %", "4 %", DEARER),
            ("plan basic: least months of contract", "12", "24", DEARER),
        ],
    ),
    Row(
        'amount: "20", title: {en: Set-up}',
        'amount: "25", at: end, title: {en: Set-up}',
        [
            ("plan basic, one-off fee setup (102): amount", "20.00 EUR", "25.00 EUR", DEARER),
            ("plan basic, one-off fee setup (102): charged", "at activation", "at the end", MAY),
        ],
    ),
    Row(
        'amount: "15", counts: usage_and_fees',
        'amount: "10", counts: usage_and_fees',
        [
            ("plan basic, commitment least (105): least amount a period", "15.00 EUR", "10.00 EUR", CHEAPER),
        ],
    ),
    Row(
        '{rate: "0.05", per: 1MB}\n',
        '{rate: "0.04", per: 1MB}\n',
        [
            (
                "plan basic, volume tier much-data (110): steps",
                "0.05 EUR a MB; from 10 GB: 0.03 EUR a MB and 2.00 EUR",
                "0.04 EUR a MB; from 10 GB: 0.03 EUR a MB and 2.00 EUR",
                CHEAPER,
            )
        ],
    ),
    Row(
        'rate: "0.03", per: 1MB, flat: "2.00"',
        'rate: "0.02", per: 1MB, flat: "3.00"',
        [
            (
                "plan basic, volume tier much-data (110): steps",
                "0.05 EUR a MB; from 10 GB: 0.03 EUR a MB and 2.00 EUR",
                "0.05 EUR a MB; from 10 GB: 0.02 EUR a MB and 3.00 EUR",
                MAY,
            )
        ],
    ),
    Row(
        'from: 10GB, rate: "0.03"',
        'from: 9GB, rate: "0.03"',
        [
            (
                "plan basic, volume tier much-data (110): steps",
                "0.05 EUR a MB; from 10 GB: 0.03 EUR a MB and 2.00 EUR",
                "0.05 EUR a MB; from 9 GB: 0.03 EUR a MB and 2.00 EUR",
                MAY,
            )
        ],
    ),
    Row(
        "scope: account",
        "scope: subscription",
        [("plan basic, volume tier much-data (110): whose quantity", "account", "subscription", MAY)],
    ),
    Row(
        'percent: "10", kinds: [usage, volume]',
        'percent: "12", kinds: [usage]',
        [
            ("plan basic, invoice discount loyal (111): percentage", "10 %", "12 %", CHEAPER),
            ("plan basic, invoice discount loyal (111): off lines of", "usage, volume", "usage", MAY),
        ],
    ),
    Row("months: 6", "months: 3", [("plan basic, invoice discount welcome (112): for months", "6", "3", DEARER)]),
    Row(
        ", charge_codes: [3, 9], months: 6",
        "",
        [
            ("plan basic, invoice discount welcome (112): off charge codes", "3, 9", "all", MAY),
            ("plan basic, invoice discount welcome (112): for months", "6", "always", CHEAPER),
        ],
    ),
    Row(
        '      - {id: 112, name: welcome, charge_code: 9, revenue_code: 400, amount: "5", charge_codes: [3, 9], months: 6}\n',
        "",
        [("plan basic, invoice discount welcome (112): gone", "5.00 EUR off all fees and usage for 6 months", "", DEARER)],
    ),
    Row("shared: pooled", "shared: one", [("plan rich, allowance texts (82): granted once to all lines together", "no", "yes", DEARER)]),
    Row("shared: pooled", "shared: true", []),
    Row('amount: "500"', 'amount: "400"', [("plan basic, bill threshold much (2): billed at once from", "500.00 EUR", "400.00 EUR", NONE)]),
    Row("late_after_days: 5", "late_after_days: 6", [("plan basic: days after a period in which usage is not late", "5", "6", MAY)]),
    Row("    late_usage_days_max: 90\n", "", [("plan basic: days after which usage is not billed", "90", "none", DEARER)]),
    Row(
        "        per_remaining_month: true\n", "", [("plan basic, one-off fee early (106): for each month that is left", "yes", "no", MAY)]
    ),
    Row(
        "timing: advance, prorate: false}",
        "timing: advance, prorate: false, while_paused: charged, outage_credit: false}",
        [
            ("plan basic, fee fee (101): while paused", "free", "charged", DEARER),
            ("plan basic, fee fee (101): days of an outage are not charged", "yes", "no", DEARER),
        ],
    ),
    Row("currency: EUR\n", "currency: EUR\ntax_inclusive: true\n", [("catalogue: amounts hold their tax", "no", "yes", CHEAPER)]),
    Row("action: bar", "action: notify", [("plan basic, spend limit careful (1): when it is reached", "bar", "notify", NONE)]),
    Row(
        "quantity: 5GB, prorate: false",
        "quantity: 4GB, prorate: false",
        [("add-on booster, allowance more-data (201): grant in a period", "5 GB", "4 GB", DEARER)],
    ),
    Row(
        'amount: "0.50", at: end',
        'amount: "0.40", at: end',
        [
            ("add-on travel, one-off fee travel-end (212): amount", "0.50 EUR", "0.40 EUR", CHEAPER),
        ],
    ),
]
HOME_VOICE = "home-voice (11): peak 0.09 EUR a minute; holiday 0.20 EUR an event; other 0.025 EUR a minute + 0.01 EUR an event"
CONTENT = ("content (15): 0.10 EUR a message, 30 % of the content amount", "shop (16): 0.00 EUR a message, 100 % of the content amount")
RULES = [
    Row(
        "      - {service: voice, zone: land, roaming: home, price: home-voice}\n",
        "",
        [
            ("plan rich: voice to land, at home", HOME_VOICE, "no rule of its own", MAY),
        ],
    ),
    Row('zone: "*", price: sms', 'zone: "*", price: null', [("plan basic: sms anywhere", "sms (14): 0.07 EUR an event", "not sold", MAY)]),
    Row(
        "rating_group: 7, price: content",
        "rating_group: 7, price: shop",
        [
            ("plan basic: content anywhere, rating group 7", *CONTENT, MAY),
        ],
    ),
]


def told(found: list[Change]) -> list[tuple[str, str, str, str]]:
    return [(change.text_en, change.old, change.new, change.effect.value) for change in found]


def compared(folder: Path, old: str, new: str) -> list[Change]:
    return changes(loaded(folder, old), loaded(folder, new))


@pytest.mark.parametrize("row", [*PRICES, *PARTS, *RULES], ids=lambda row: row.new[:40])
def test_a_word_put_another_way(tmp_path: Path, row: Row) -> None:
    new = changed(row.old, row.new)
    assert told(compared(tmp_path, RICH, new)) == row.told


@pytest.mark.parametrize("row", [*PRICES, *PARTS, *RULES], ids=lambda row: row.new[:40])
def test_the_way_back_is_told_the_other_way_round(tmp_path: Path, row: Row) -> None:
    """Old and new are exchanged, and what was dearer is cheaper; what came goes."""
    turned = {DEARER: CHEAPER, CHEAPER: DEARER, MAY: MAY, NONE: NONE}
    found = compared(tmp_path, changed(row.old, row.new), RICH)
    effects = {turned[change.effect] for change in found}
    assert effects == {effect for _, _, _, effect in row.told}
    assert {change.raises for change in found} == {{DEARER: True, MAY: True, CHEAPER: False, NONE: None}[change.effect] for change in found}


def test_the_same_is_no_change(tmp_path: Path) -> None:
    rich = loaded(tmp_path, RICH)
    later = loaded(tmp_path, changed("version: 1", "version: 2", changed("2026-01-01T00:00:00+01:00", "2026-06-01T00:00:00+02:00")))
    assert changes(rich, rich) == changes(rich, later) == []
    assert lines([]) == ["no change: both say the same"]


def test_a_new_name_is_told_once(tmp_path: Path) -> None:
    """Ids say what is what: a zone and a price with other names are the same ones in every rule and allowance."""
    new = (
        RICH.replace("name: land,", "name: country,").replace("zone: land,", "zone: country,").replace("zones: [land]", "zones: [country]")
    )
    assert told(compared(tmp_path, RICH, new)) == [("zone country (1): name", "land", "country", NONE)]
    new = RICH.replace("name: free,", "name: gratis,").replace("price: free}", "price: gratis}")
    assert told(compared(tmp_path, RICH, new)) == [("price gratis (10): name", "free", "gratis", NONE)]


def test_what_can_be_bought_together(tmp_path: Path) -> None:
    """More to choose from costs nobody anything; less takes something away."""
    alone, together = RICH, changed("    excludes: [travel]\n", "")
    assert told(compared(tmp_path, alone, together)) == [
        ("plan basic: with add-ons", "", "booster+travel", NONE),
        ("add-on booster: not beside the add-ons", "travel", "none", NONE),
    ]
    assert told(compared(tmp_path, together, alone))[0] == ("plan basic: no longer with add-ons", "booster+travel", "", MAY)


def test_a_name_that_something_else_has_now(tmp_path: Path) -> None:
    """Zone 2 is gone, and another zone is called far: its rules and prefixes are not those of the old one."""
    new = RICH.replace("{id: 2, name: far,", "{id: 7, name: far,")
    assert told(compared(tmp_path, RICH, new))[:3] == [
        ("zone far (7): new", "", "far", NONE),
        ("zone far (2): gone", "far", "", NONE),
        ("zone far: 2 prefixes from far (2) to far, such as 1, 86", "far (2)", "far", NONE),
    ]


MOVES = [
    ('prefixes: ["1", "86"]', 'prefixes: ["1"]', "1 prefix from far to no zone, such as 86", NONE),
    ('prefixes: ["49"]', 'prefixes: ["49", "4930"]', "1 prefix written out or left out; the numbers stay in land, such as 4930", NONE),
    (
        'prefixes: ["49"]',
        'prefixes: ["49", "861", "862", "863", "864"]',
        "4 prefixes from far to land, such as 861, 862, 863 and 1 more",
        MAY,
    ),
    ('short_codes: ["112", 110]', 'short_codes: ["112"]', "1 short code from emergency to no zone, such as 110", MAY),
]


@pytest.mark.parametrize("row", MOVES, ids=lambda row: row[2][:30])
def test_prefixes_that_went(tmp_path: Path, row: tuple[str, str, str, str]) -> None:
    old, new, text, effect = row
    [change] = compared(tmp_path, RICH, changed(old, new))
    assert (change.text_en.partition(": ")[2], change.effect.value) == (text, effect)


def test_a_move_between_priced_zones_is_dearer_or_cheaper(tmp_path: Path) -> None:
    """Where a plan has one price for each of the two zones, the prices are compared."""
    price = '  - {{id: {}, name: {}, charge_code: 1, revenue_code: 4, tax_class: standard, rate: "{}", per: 60s, increments: 1/1}}\n'
    text = RICH.replace("plans:\n", price.format(20, "near-voice", "0.10") + price.format(21, "far-voice", "0.30") + "plans:\n", 1)
    rules = "      - {service: voice, zone: near, price: near-voice}\n      - {service: voice, zone: far, price: far-voice}\n"
    text = text.replace('      - {service: sms, zone: "*"', rules + '      - {service: sms, zone: "*"')
    text = text.replace("roaming_zones:\n", '  - {id: 9, name: near, prefixes: ["44", "45"]}\nroaming_zones:\n', 1)
    moved = changed('["44", "45"]', '["44"]', changed('["1", "86"]', '["1", "86", "45"]', text))
    [change] = compared(tmp_path, text, moved)
    assert (change.text_en, change.effect.value) == ("zone far: 1 prefix from near to far, such as 45", "dearer")
    [change] = compared(tmp_path, moved, text)
    assert (change.text_en, change.effect.value) == ("zone near: 1 prefix from far to near, such as 45", "cheaper")
    assert change.plans == ("rich", "basic", "basic+booster", "basic+travel")  # rich falls back to basic
    # An allowance that serves one of the two only: whoever has minutes left for near loses them for 45, however cheap far is.
    texts = [
        each.replace("quantity: 100min\n        zones: [land]", "quantity: 100min\n        zones: [land, far]") for each in (moved, text)
    ]
    [change] = compared(tmp_path, *texts)
    assert (change.text_en, change.effect.value) == ("zone near: 1 prefix from far to near, such as 45", "may cost more")


def test_a_change_names_the_plans_that_it_touches(tmp_path: Path) -> None:
    def plans(old: str, new: str) -> tuple[str, ...]:
        return compared(tmp_path, RICH, changed(old, new))[0].plans

    assert plans('flat: "0.07"', 'flat: "0.08"') == (
        "rich",
        "basic",
        "basic+booster",
        "basic+travel",
    )  # a price of basic, to which rich falls back
    assert plans('band: peak, rate: "0.09"', 'band: peak, rate: "0.10"') == ("rich",)
    assert plans("quantity: 100min", "quantity: 90min") == ("rich",)
    assert plans('percent: "19"', 'percent: "18"') == ("rich", "basic", "basic+booster", "basic+travel")
    assert plans('fee: "2.99"', 'fee: "3.99"') == ("basic+travel",)  # in an add-on
    assert plans("[2026-12-25, 2026-01-01]", "[2026-12-25]") == ("rich",)


def test_every_field_of_the_model_has_words() -> None:
    """A field that the model gains is told even so, but by its bare name."""
    lists = {grants.list_name for grants in GRANTS}
    header = {"zones", "calendars", "prices", "plans", "tax_classes", "roaming_zones", "add_ons"}
    tables = [
        (model.Price, fields.PRICE, {"price_id", "rates"}),
        (model.Plan, fields.PLAN, lists | {"name", "rules", "base", "add_ons", "terms"}),
        (model.AddOn, fields.PLAN, (lists | {"name"}) - OF_PLANS_ONLY),
        (model.ServiceTerms, fields.TERMS, set()),
        (model.Catalogue, fields.HEADER, header | {"identity", "version", "effective_from_us", "corrects", "content_hash"}),
        *zip(KINDS, (grants.fields for grants in GRANTS), ({grants.id_name} for grants in GRANTS), strict=True),
    ]
    for kind, table, compared_elsewhere in tables:
        names = set(kind.__struct_fields__)
        assert names - table.keys() == compared_elsewhere, kind


OF_PLANS_ONLY = {"commitments", "spend_limits", "volume_tiers", "invoice_discounts", "bill_thresholds"}


KINDS = (  # in the order of GRANTS
    model.RecurringFee,
    model.OneOffFee,
    model.Commitment,
    model.VolumeTier,
    model.InvoiceDiscount,
    model.BillThreshold,
    model.Allowance,
    model.DayPass,
    model.ChargeCap,
    model.Discount,
    model.SpendLimit,
)


def test_long_texts_stand_below_each_other(tmp_path: Path) -> None:
    """Short ones side by side, in columns."""
    other = changed("Sample prices.", "A text that is far too long to stand beside the old one as the disclosure of a tariff mostly is.")
    other = changed('flat: "0.20"', 'flat: "0.25"', changed('{band: peak, rate: "0.09"}', '{band: peak, rate: "0.1"}', other))
    assert lines(compared(tmp_path, RICH, other)) == [
        "3 changes: 2 dearer, 1 without money in it",
        "catalogue [plans: rich, basic, basic+booster and 1 more]",
        "  text shown with the tariff",
        "    old: en: Sample prices.",
        "    new: en: A text that is far too long to stand beside the old one as the disclosure of a tariff mostly is.",
        "price home-voice (11) [plans: rich]",
        "  rate in band peak            0.09 EUR a minute -> 0.10 EUR a minute  (dearer +11.1 %)",
        "  connect fee in band holiday  0.20 EUR -> 0.25 EUR                    (dearer +25.0 %)",
    ]


def test_a_large_deck_shows_what_matters_most(tmp_path: Path) -> None:
    rich = loaded(tmp_path, RICH)
    old = _with_prices(rich, [100_000] * 50)
    new = _with_prices(rich, [90_000] * 30 + [110_000] * 20)
    shown = lines(changes(old, new))
    assert shown[0] == "50 changes: 20 dearer, 30 cheaper"
    assert shown[1].startswith("price deck:30 (1030)")
    assert shown[-1] == "and 30 more of kind price: 30 cheaper"
    assert len(lines(changes(old, new), shown=None)) == 1 + 50 * 2


def _with_prices(catalogue: Catalogue, rates: list[int]) -> Catalogue:
    sms = next(price for price in catalogue.prices if price.name == "sms")
    made = [
        msgspec.structs.replace(sms, price_id=1000 + i, name=f"deck:{i}", rates=(model.Rate("any", (model.Step(0, rate, 1, 1),), 1),))
        for i, rate in enumerate(rates)
    ]
    return msgspec.structs.replace(catalogue, prices=(*catalogue.prices, *made))
