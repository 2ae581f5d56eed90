"""Volume tiers, discounts off bills, thresholds, late usage, shares and fees for leaving early: a mistake a row."""

# ruff: noqa: E501 - a mistake a line
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rating.errors import ProblemsError
from tariffs.reading.load import load
from tests.tariffs.rich import FILES, REST, RICH, Mistake, changed, check_row
from tests.tariffs.sample import problems

if TYPE_CHECKING:
    from pathlib import Path

TIER = "plans[1].volume_tiers[0]"
STEPS = '{rate: "0.05", per: 1MB}'
LAST = 'from: 10GB, rate: "0.03", per: 1MB, flat: "2.00"'
LOYAL = 'percent: "10", kinds: [usage, volume]'
DISCOUNT = "plans[1].invoice_discounts"
SECOND = """\
      - {id: 113, name: more-data, charge_code: 3, revenue_code: 403, tax_class: standard, prices: [data], steps: [{rate: "0.01", per: 1MB}]}
    invoice_discounts:
"""
FEE = 'amount: "9.99", timing: advance, prorate: false'
SHARES = "plans[1].recurring[0]"
ROWS = [
    # volume tiers
    Mistake("prices: [data]", "prices: [dota]", f"{TIER}.prices[0]", "unknown price `dota`", "known: content, data"),
    Mistake("prices: [data]", "prices: []", f"{TIER}.prices", "`much-data` has no price", "name the prices"),
    Mistake("prices: [data]", "prices: [data, sms]", f"{TIER}.prices", "`sms` counts messages and `data` counts volume", "a tier for each"),
    Mistake("prices: [data]", "prices: [sms]", f"{TIER}.steps[0].per", "is of prices that count messages, and this is volume", "as its prices count"),
    Mistake("prices: [data]", "prices: [data, data]", f"{TIER}.prices[1]", "is in volume tier `much-data` already", "once"),
    Mistake("    invoice_discounts:\n", SECOND, "plans[1].volume_tiers[1].prices[0]", "price `data` is in volume tier `much-data` already", "one of them"),
    Mistake("from: 10GB", "from: 10min", f"{TIER}.steps[1].from", "count volume, and this is time", "60s, 1GB"),
    Mistake("from: 10GB", "from: 0B", f"{TIER}.steps[1].from", "step 2 does not begin after the one before it", "sort the steps"),
    Mistake("from: 10GB", "from: 10000TB", f"{TIER}.steps", "begins beyond what a period can count", "leave it out"),
    Mistake(STEPS, STEPS.replace("{", "{from: 1GB, "), f"{TIER}.steps[0].from", "says nothing of a small quantity", "begin at 0"),
    Mistake(f"steps:\n          - {STEPS}\n          - {{{LAST}}}", "steps: []", f"{TIER}.steps", "has no steps", "write such as"),
    Mistake(STEPS, '{rate: "0.05"}', f"{TIER}.steps[0]", "field `per` is missing", "`flat` alone"),
    Mistake(STEPS, "{per: 1MB}", f"{TIER}.steps[0]", "field `rate` is missing", "`flat` alone"),
    Mistake(STEPS, '{rate: "0.05", per: 0MB}', f"{TIER}.steps[0].per", "a rate for nothing", "60s"),
    Mistake('flat: "2.00"', 'flat: "999999999999"', f"{TIER}.steps[1].flat", "above half the limit of money", "less"),
    Mistake("scope: account", "scope: family", f"{TIER}.scope", "is not whose quantity is added up", "subscription, account"),
    Mistake("id: 110", "id: 111", "plans[1].invoice_discounts[0].id", "id 111 belongs to another price or fee", "own"),
    Mistake("name: much-data", "name: fee", f"{TIER}.name", "fee `fee` is listed as another fee already", "own"),
    Mistake("        charge_code: 3\n        revenue_code: 403\n        tax_class: standard\n", "        charge_code: 3\n        revenue_code: 403\n        tax_class: none\n", f"{TIER}.tax_class", "unknown tax class `none`", "standard"),
    # discounts off bills
    Mistake(LOYAL, 'percent: "10", amount: "1"', f"{DISCOUNT}[0]", "has both `percent` and `amount`", "keep one"),
    Mistake(LOYAL, "kinds: [usage]", f"{DISCOUNT}[0]", "takes nothing off", "percent"),
    Mistake(LOYAL, 'amount: "0"', f"{DISCOUNT}[0]", "takes nothing off", "percent"),
    Mistake(LOYAL, 'percent: "101"', f"{DISCOUNT}[0].percent", "more than 100 percent", "100"),
    Mistake("[usage, volume]", "[usage, tax]", f"{DISCOUNT}[0].kinds[1]", "is not a kind of line", "recurring, one_off, usage, volume"),
    Mistake("[3, 9]", "[3, 77, 9]", f"{DISCOUNT}[1].charge_codes", "no price or fee has charge code 77", "known: 1,"),
    Mistake("months: 6", "months: 0", f"{DISCOUNT}[1].months", "is for 0 months", "then it lasts"),
    Mistake("name: welcome", "name: loyal", f"{DISCOUNT}[1].name", "fee `loyal` is here twice", "own"),
    Mistake("name: loyal, charge_code: 9, revenue_code: 400", "name: loyal, charge_code: 9, revenue_code: 0", f"{DISCOUNT}[0].revenue_code", "revenue code 0", "1 to"),
    # thresholds
    Mistake('amount: "500"', 'amount: "100"', "plans[1].bill_thresholds[1].amount", "`much` is not above the one before", "lowest first"),
    Mistake('amount: "100"', 'amount: "0"', "plans[1].bill_thresholds[0].amount", "`hundred` is not above zero", "lowest first"),
    Mistake("{id: 2, name: much,", "{id: 1, name: much,", "plans[1].bill_thresholds[1].id", "`1` is here twice", "own"),
    Mistake("{id: 2, name: much,", "{id: 2, name: hundred,", "plans[1].bill_thresholds[1].name", "`hundred` is here twice", "own"),
    Mistake("{id: 2, name: much,", "{id: 0, name: much,", "plans[1].bill_thresholds[1].id", "id 0 is out of range", "1 to"),
    # late usage
    Mistake("late_usage: arrival_period", "late_usage: waive", "plans[1].late_after_days", "means nothing to usage that is not billed in the period", "late_usage: arrival_period"),
    Mistake("late_usage: arrival_period", "late_usage: later", "plans[1].late_usage", "is not a way to treat late usage", "origin_period, arrival_period, waive", others=1),
    Mistake("late_after_days: 5", "late_after_days: -1", "plans[1].late_after_days", "late after -1 days", "0 to"),
    Mistake("late_usage_days_max: 90", "late_usage_days_max: 0", "plans[1].late_usage_days_max", "up to 0 days after it began", "1 to"),
    # leaving early
    Mistake("minimum_months: 12, ", "", "plans[1].one_offs[3].at", "plan `basic` has no least time", "minimum_months"),
    Mistake("at: early_end", "at: end", "plans[1].one_offs[3].per_remaining_month", "not for leaving early", "at: early_end"),
    Mistake('amount: "0.50", at: end', 'amount: "0.50", at: early_end', "add_ons[1].one_offs[1].at", "of an add-on is for leaving a contract early", "those of the add-on"),
    # fees of pauses and bundles
    Mistake(FEE, f"{FEE}, while_paused: never", f"{SHARES}.while_paused", "is not what becomes of a fee while paused", "free, charged, only"),
    Mistake(FEE, f'{FEE}, shares: [{{tax_class: standard, percent: "60", revenue_code: 1}}]', f"{SHARES}.shares", "add up to 60 percent", "100"),
    Mistake(FEE, f'{FEE}, shares: [{{tax_class: standard, percent: "60", revenue_code: 1}}, {{tax_class: standard, percent: "40", revenue_code: 2}}]', f"{SHARES}.shares[1].tax_class", "tax class `standard` is here twice", "own"),
    Mistake(FEE, f'{FEE}, shares: [{{tax_class: food, percent: "100", revenue_code: 0}}]', f"{SHARES}.shares[0].tax_class", "unknown tax class `food`", "standard", others=2),
    Mistake(FEE, f'{FEE}, shares: [{{tax_class: standard, percent: "100", revenue_code: 1}}, {{tax_class: standard, percent: "0", revenue_code: 1}}]', f"{SHARES}.shares[1].percent", "a share of nothing", "leave it out", others=1),
    Mistake(FEE, f'{FEE}, shares: [{{tax_class: standard, percent: "100", revenue_code: 1}}]', "", ""),
    # of plans only
    Mistake("    excludes: [travel]\n", "    excludes: [travel]\n    bill_thresholds: []\n", "add_ons[0].bill_thresholds", "unknown field", "known here"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_rows(tmp_path: Path, row: Mistake) -> None:
    check_row(tmp_path, row)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """One of each part of a plan's bill, in one file."""
    text = RICH
    for old, new in [
        ("prices: [data]", "prices: [dota]"),
        ('percent: "10", ', ""),
        ('amount: "500"', 'amount: "1"'),
        ("late_usage_days_max: 90", "late_usage_days_max: 0"),
    ]:
        text = changed(old, new, text)
    told = [each.path.partition(" ")[0] for each in problems(tmp_path, text)]
    assert sorted(told) == [
        "plans[1].bill_thresholds[1].amount",
        "plans[1].invoice_discounts[0]",
        "plans[1].late_usage_days_max",
        "plans[1].volume_tiers[0].prices[0]",
    ]


def test_the_class_of_a_bundle_is_that_of_one_of_its_shares(tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "1.yaml").write_text(RICH, encoding="utf-8")
    shares = '- {tax_class: reduced, percent: "60", revenue_code: 407}\n          - {tax_class: standard, percent: "40", revenue_code: 401}'
    other = changed(shares, '- {tax_class: standard, percent: "100", revenue_code: 401}', REST)
    (tmp_path / "2.yaml").write_text(other, encoding="utf-8")
    with pytest.raises(ProblemsError) as caught:
        load(tmp_path)
    [problem] = [(each.path.partition(" ")[0], each.message) for each in caught.value.problems]
    assert problem == ("plans[0].recurring[0].tax_class", "fee `line` is of tax class `reduced`, and none of its shares is")
