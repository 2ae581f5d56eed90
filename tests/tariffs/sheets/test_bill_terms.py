"""What a sheet says of bills as a whole: volume tiers with their examples, worked out again from the visible table; fees, tax, lateness."""

# ruff: noqa: RUF001, E501 - Chinese sentences have Chinese punctuation; a sentence a line
from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec
import pytest

from rating.model import Service
from tariffs.sheets import content, html, text
from tests.tariffs.rich import changed, whole
from tests.tariffs.sample import loaded
from tests.tariffs.sheets.shown import AS_OF, catalogue, shown

if TYPE_CHECKING:
    from pathlib import Path

    from rating.model import Catalogue
    from tariffs.sheets.layout import Sheet

# plan of the rich catalogue -> what its sheet says in English and in Chinese
SAID = [
    ("basic", "All prices include tax: Standard 19 %.", "所列价格均已含税： Standard 19%。"),
    ("basic", "− discounts off the bill, tax included", "－账单减免（均已含税）"),
    ("basic", "The tax that is in it is worked out on the sum of each tax rate, and shown.", "其中所含税费按每种税率的合计计算"),
    ("basic", "Usage that reaches us up to 5 days after the end of its bill period is charged as if it had come in time.", "账期结束后 5 天内收到的话单，视同按时收到"),
    ("basic", "Usage that reaches us more than 90 days after it began is not charged.", "使用开始 90 天以后才收到的话单不再收费。"),
    ("basic", "EUR 8.000 for each month left When you leave before the minimum term is over. A month that has begun counts whole.", "剩余每月 8.000 欧元 在网期未满提前终止时收取。不足一个月的按一个月计。"),
    ("basic", "below 10 GB EUR 0.050 per MB from 10 GB on EUR 0.030 per MB, plus EUR 2.000", "不足 10 GB 0.050 欧元/MB 达到 10 GB 0.030 欧元/MB，另加 2.000 欧元"),
    ("basic", "This is for the use of line 2 above, beyond what is included.", "适用于上列第 2 项超出套餐内容的用量。"),
    ("basic", "All lines of the account that have this plan count together.", "同一账户下使用本套餐的所有号码合并累计。"),
    ("basic", "Example: 10 GB in a month cost EUR 302.000: EUR 0.030 per MB, plus EUR 2.000. At the price before it would be EUR 500.000.", "共 302.000 欧元。若按前一档计价则为 500.000 欧元。"),
    ("basic", "10 % off usage, the difference to the price of the month's volume.", "使用费、按总量计价的差额减免 10%。"),
    ("basic", "EUR 5.000 off each month of a line, and no more than it has of fees and usage (Fee, Set-up,", "每个号码每月减免 5.000 欧元，以费用（Fee、Set-up、"),
    ("basic", "It is not off differences that all lines of an account have together.", "按账户合并累计的差额不参与此项减免。"),
    ("basic", "In the first 6 months on this plan.", "限使用本套餐的前 6 个月。"),
    ("basic", "Discounts off the bill are taken one after the other, percentages first, each off what is left.", "账单减免依次进行"),
    ("basic", "When the usage of a line that is not billed yet reaches EUR 100.000, it is billed at once.", "单个号码尚未出账的使用费达到 100.000 欧元时，立即出账。"),
    ("rest", "Charged while the service is paused too. Charged for days of an outage too.", "停机保号期间照常收取。服务中断期间照常收取。"),
    ("rest", "Taxed in parts: 60 % at 7 %, 40 % at 19 %.", "分别计税：60% 的部分税率 7%，40% 的部分税率 19%。"),
    ("rest", "VAT 7 %.", "VAT 7%。"),
]  # fmt: skip


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    found = whole(tmp_path_factory.mktemp("whole"))
    return {(plan, language): written(of(found, plan, language)) for plan in ("basic", "rest") for language in ("en", "zh")}


def of(found: Catalogue, plan: str, language: str) -> Sheet:
    return content.sheet(found, next(each for each in found.plans if each.name == plan), language, as_of=AS_OF)


def written(sheet: Sheet) -> str:
    """The sheet in one line, so that a sentence may stand anywhere."""
    return " ".join(" ".join(text.lines(sheet)).split())


@pytest.mark.parametrize(("plan", "english", "chinese"), SAID)
def test_what_a_sheet_says(said: dict[tuple[str, str], str], plan: str, english: str, chinese: str) -> None:
    assert english in said[plan, "en"]
    assert chinese in said[plan, "zh"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_plan_without_any_says_nothing_of_them(language: str) -> None:
    told = written(shown("fixed-line", "office", language).sheet)
    for word in ("volume", "off the bill", "include tax", "paused", "总量", "账单减免", "均已含税", "停机"):
        assert word not in told


def test_fees_tell_of_pauses_where_one_of_them_is_charged_then() -> None:
    sheet = written(shown("business", "team", "en").sheet)
    assert "Not charged for days on which the service is paused. Taxed in parts" in sheet
    assert "Charged only for days on which the service is paused." in sheet
    assert sheet.startswith("Tariff sheet: Team line Prices from 1 January 2026 CNY 59.00 (fixed fee a month)")  # without the parked number


LATE = [
    ("late_usage: arrival_period\n    late_after_days: 5\n    late_usage_days_max: 90\n", "late_usage: arrival_period\n", "Usage that reaches us after the end of its bill period is charged in the period in which it reaches us"),
    ("late_usage: arrival_period\n    late_after_days: 5\n", "late_usage: origin_period\n", "shows the difference with its period. Usage that reaches us more than 90 days after it began is not charged."),
    ("late_usage: arrival_period\n    late_after_days: 5\n", "late_usage: waive\n", "Usage that reaches us after its bill is not charged. Usage that reaches us more than 90 days"),
    ("late_after_days: 5", "late_after_days: 1", "up to 1 day after the end"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "english"), LATE)
def test_usage_that_comes_late(tmp_path: Path, old: str, new: str, english: str) -> None:
    assert english in written(of(loaded(tmp_path, changed(old, new)), "basic", "en"))


STEPS = '{rate: "0.05", per: 1MB}\n          - {from: 10GB, rate: "0.03", per: 1MB, flat: "2.00"}'
TIERS = [
    ('{rate: "0.05", per: 1MB}', "any quantity EUR 0.05 per MB", "Example: 100 MB in a month cost EUR 5.00: EUR 0.05 per MB."),
    ('{flat: "3.00"}', "any quantity EUR 3.00 in all", "cost EUR 3.00: EUR 3.00 in all."),
    ('{rate: "0.05", per: 1MB}\n          - {from: 5GB, rate: "0", per: 1MB}', "from 5 GB on free", "Example: 5 GB in a month cost EUR 0.00: free. At the price before it would be EUR 250.00."),
    ('{rate: "0.01", per: 1MB}\n          - {from: 5GB, rate: "0.02", per: 1MB}', "from 5 GB on EUR 0.02 per MB", "cost EUR 100.00: EUR 0.02 per MB. Much more"),
    ('{rate: "0.10", per: 3MB}\n          - {from: 10MB, rate: "0.09", per: 3MB}', "EUR 0.09 per 3 MB", "cost EUR 0.30: EUR 0.09 per 3 MB. At the price before it would be EUR 0.333333…."),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "row", "example"), TIERS)
def test_tiers_of_all_shapes(tmp_path: Path, steps: str, row: str, example: str) -> None:
    told = written(of(loaded(tmp_path, changed(STEPS, steps)), "basic", "en"))
    assert row in told
    sentence, nothing_more, _ = example.partition(" Much more")
    assert sentence in told
    assert not nothing_more or "At the price before" not in told


def test_a_tier_of_prices_that_no_line_has_is_left_out() -> None:
    found = catalogue("business")
    team = found.plans[0]
    silent = msgspec.structs.replace(team, rules=tuple(rule for rule in team.rules if rule.service is not Service.SMS))
    told = written(of(msgspec.structs.replace(found, plans=(silent, *found.plans[1:])), "team", "en"))
    assert ("Calls of the company" in told, "from 16 messages on" in told) == (True, False)


@pytest.mark.parametrize("plan", ["team", "team+data-50g"])
def test_the_worked_example_is_that_of_the_visible_table(plan: str) -> None:
    """Read as a customer does: the last row of each table, at the quantity at which it begins, and the row before it there."""
    told = written(shown("business", plan, "en").sheet)
    rows = re.findall(
        r"(?:below|from) ([\d,]+) (?:minutes|messages)(?: on)? CNY ([\d.]+) per (?:minute|message)(?:, plus CNY ([\d.]+))?", told
    )
    examples = re.findall(
        r"Example: ([\d,]+) (?:minutes|messages) in a month cost CNY ([\d.,]+):.*?At the price before it would be CNY ([\d.,]+)\.", told
    )
    assert [len(rows), len(examples)] == [5, 2]
    for (before, last), example in zip((rows[1:3], rows[3:5]), examples, strict=True):
        quantity, cost, cost_before = (Fraction(figure.replace(",", "").rstrip(".")) for figure in example)
        assert quantity == Fraction(last[0].replace(",", ""))
        assert cost == quantity * Fraction(last[1]) + Fraction(last[2] or 0)
        assert cost_before == quantity * Fraction(before[1]) + Fraction(before[2] or 0)
        assert cost < cost_before


def test_the_same_tables_stand_in_html() -> None:
    page = html.page(shown("business", "team", "en").sheet)
    assert all(each in page for each in ("Prices by volume", "Calls of the company", "from 5,000 minutes on", "CNY 620.00"))


def test_every_plan_of_the_example_has_a_sheet_in_both_languages() -> None:
    for plan in catalogue("business").plans:
        for language in ("en", "zh"):
            assert shown("business", plan.name, language).sheet.cells
