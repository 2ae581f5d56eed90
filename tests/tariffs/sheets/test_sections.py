"""What a sheet says beside prices: one catalogue with every word of the language, in both languages, sentence by sentence."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from rating.errors import UserError
from tariffs.sheets import content, text
from tests.tariffs.rich import RICH, changed
from tests.tariffs.sample import SAMPLE, loaded
from tests.tariffs.sheets.shown import AS_OF, catalogue, shown

if TYPE_CHECKING:
    from pathlib import Path

    from rating.model import Catalogue
    from tariffs.sheets.layout import Sheet

# plan of the rich catalogue -> what its sheet says in English and in Chinese
SAID = [
    ("rich", "from 1 January 2026 until 1 January 2027", "自 2026 年 1 月 1 日起至 2027 年 1 月 1 日止"),
    (
        "rich",
        "Each line that has it brings its own; all lines of the account use them together.",
        "每个含该资源的号码各自带来一份，由同一账户下的这些号码共同使用。",
    ),
    ("rich", "One for all lines of the account that have it, together.", "同一账户下含该资源的所有号码合计只有一份，共同使用。"),
    ("rich", "What is left stays for 2 more months.", "当期未用完的结转 2 个账期。"),
    ("rich", "At most 500 MB is carried over.", "最多结转 500 MB。"),
    ("rich", "At a change of plan what is left goes on.", "变更套餐时，剩余部分继续使用。"),
    ("rich", "It covers whole steps only; a remnant that covers none stays.", "只抵扣完整的计费单位，不足一个单位的余量保留。"),
    ("rich", "The fee per call is due even when the call is free.", "即使通话免费，接通费仍须支付。"),
    ("rich", "EUR 10.00 a month", "每月 10.00 欧元"),
    (
        "rich",
        "Where a day pass fits, it opens by itself before the allowances are used: Talk.",
        "先开通日包，再使用以上所列资源：语音通话。",
    ),
    ("rich", "it opens by itself for what the allowances do not cover: Day.", "资源未覆盖的用量适用日包的，自动开通日包：流量。"),
    ("rich", "EUR 1.99 opens 500 MB for the day: Data.", "1.99 欧元当日可用 500 MB：流量。"),
    ("rich", "A day lasts from midnight to midnight where you are.", "一日指漫游地当地时间 0 时至 24 时。"),
    ("rich", "You pay at most EUR 5.00 a day: Data. What is beyond it is free.", "每日最多收取 5.00 欧元：流量。超出部分免费。"),
    ("rich", "25 % off the charge with the numbers you have chosen", "与您选定的号码之间费用减免 25%"),
    ("rich", "10.5 % off the charge: all services.", "费用减免 10.5%：所有业务。"),
    ("rich", "It ends on 1 April 2026.", "至 2026 年 4 月 1 日止。"),
    ("rich", "Times are those of your own time zone, and of Europe/Berlin where we do not know it.", "以 Europe/Berlin 时间为准"),
    ("rich", "Public holidays: 25 December 2026.", "法定节假日：2026 年 12 月 25 日。"),
    ("rich", "We announce higher prices 10 days ahead.", "上调价格提前 10 天公告。"),
    ("rich", "Complaints  Call 10000.", "投诉渠道  Call 10000."),
    ("rich", "Sample prices.", "Sample prices."),
    ("rich", "This plan has no fixed fees.", "本套餐没有固定费用。"),
    ("basic", "EUR 9.99 a month", "每月 9.99 欧元"),
    ("basic", "Charged in advance. Charged whole in a part of a month too.", "按月预收。不足整月的也全额收取。"),
    ("basic", "EUR 20.00 once", "一次性 20.00 欧元"),
    ("basic", "When the service begins.", "开通时收取。"),
    ("basic", "When the service ends.", "终止服务时收取。"),
    ("basic", "When you change to this plan.", "变更为本套餐时收取。"),
    ("basic", "EUR 15.00 a month at least", "每月最低 15.00 欧元"),
    ("basic", "If usage and fees cost less, the difference is charged.", "使用费与固定费用合计不足此数的，补足差额。"),
    ("basic", "Spending limit of EUR 30.00 in a bill period", "每个账期消费限额 30.00 欧元"),
    ("basic", "The service is barred when it is reached.", "达到限额时暂停服务。"),
    (
        "basic",
        "On sale   from 1 January 2026, until 31 December 2026 inclusive",
        "自 2026 年 1 月 1 日起，至 2026 年 12 月 31 日（含当日）止",
    ),
    ("basic", "The service works 48 hours after the order at the latest.", "自受理之时起最迟 48 小时内开通。"),
    ("basic", "For each day that it is late, we credit 5 % of the month's fixed fees.", "每逾期一日，减免当月固定费用的 5%。"),
    ("basic", "12 months", "12 个月"),
    ("basic", "with 30 days of notice", "提前 30 天通知"),
    ("basic", "Booster", "Booster"),
    ("basic", "All prices with it: sheet of rich/basic+travel.", "订购后的全部价格见 rich/basic+travel 的资费说明。"),
    ("basic", "This plan has no allowances: all usage is charged at the prices below.", "本套餐不含免费资源，所有用量均按下列价格收费。"),
    ("rich", "These prices hold for what your allowances and day passes do not cover.", "免费资源和日包未覆盖的用量按下列价格收费。"),
    ("basic", "fixed fees + one-off fees + usage", "固定费用＋一次性费用＋超出套餐内容的使用费"),
]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    found = loaded(tmp_path_factory.mktemp("rich"), RICH)
    return {(plan, language): written(of(found, plan, language)) for plan in ("rich", "basic") for language in ("en", "zh")}


def of(found: Catalogue, plan: str, language: str, as_of: dt.date = AS_OF) -> Sheet:
    return content.sheet(found, next(each for each in found.plans if each.name == plan), language, as_of=as_of)


def written(sheet: Sheet) -> str:
    """The sheet in one line, so that a sentence may stand anywhere."""
    return " ".join("\n".join(text.lines(sheet)).replace("\n", " ").split(" "))


@pytest.mark.parametrize(("plan", "english", "chinese"), SAID)
def test_what_a_sheet_says(said: dict[tuple[str, str], str], plan: str, english: str, chinese: str) -> None:
    once = " ".join(said[plan, "en"].split())
    assert " ".join(english.split()) in once
    assert " ".join(chinese.split()) in " ".join(said[plan, "zh"].split())


def test_a_plan_of_day_passes_alone_says_that_they_cover_usage(tmp_path: Path) -> None:
    found = loaded(tmp_path, RICH)
    passes = next(each for each in found.plans if each.name == "rich").day_passes
    plans = tuple(msgspec.structs.replace(each, day_passes=passes) if each.name == "basic" else each for each in found.plans)
    sheets = {language: written(of(msgspec.structs.replace(found, plans=plans), "basic", language)) for language in ("en", "zh")}
    english = " ".join(sheets["en"].split())
    assert "This plan has no allowances: usage that no day pass covers is charged at the prices below." in english
    assert "These prices hold for what your day passes do not cover." in english
    assert "all usage" not in english
    chinese = " ".join(sheets["zh"].split())
    assert "日包未覆盖的用量按下列价格收费。" in chinese
    assert "所有用量" not in chinese


def test_every_sheet_says_how_and_when_it_is_charged() -> None:
    for language, words in {
        "en": ("Billing cycle", "Method", "Your bill", "Rounding of the bill"),
        "zh": ("计费周期", "计费方法", "费用构成"),
    }.items():
        told = "\n".join(text.lines(shown("mobile", "smart-s", language).sheet))
        assert all(f"\n{word}  " in told for word in words)


def test_only_the_tax_rate_of_the_day_and_those_to_come_are_told(tmp_path: Path) -> None:
    given = changed('{from: 2020-01-01, percent: "19"}', '{from: 2020-01-01, percent: "19"}, {from: 2026-12-01, percent: "16"}')
    found = loaded(tmp_path, given)
    assert "Standard 19 %, 16 % from 1 December 2026." in " ".join(written(of(found, "basic", "en")).split())
    assert "Standard 16 %." in " ".join(written(of(found, "basic", "en", dt.date(2026, 12, 2))).split())


def test_two_tax_classes_stand_beside_the_prices() -> None:
    sheet = shown("china-mobile", "star-39", "en").sheet
    tables = [block for section in sheet.sections for block in section.blocks if getattr(block, "title", "") == "Calls"]
    assert "Tax" in tables[0].heads  # type: ignore[union-attr]  # chosen by its title
    assert "9 %" in "\n".join(text.lines(sheet))


def test_usage_that_arrives_late_may_be_waived(tmp_path: Path) -> None:
    found = loaded(tmp_path, SAMPLE.replace("title: {en: Basic, zh: 基本}", "title: {en: Basic, zh: 基本}\n    late_usage: waive"))
    assert "Usage that reaches us after its bill is not charged." in written(of(found, "basic", "en"))


def test_a_title_in_another_language_is_better_than_a_short_name(tmp_path: Path) -> None:
    found = loaded(tmp_path, SAMPLE)
    assert of(found, "basic", "zh").title == "基本"
    assert of(loaded(tmp_path, RICH), "rich", "zh").title == "Rich"


def test_a_price_behind_one_of_the_day_is_for_all_other_times(tmp_path: Path) -> None:
    given = SAMPLE.replace('      - {band: night, rate: "0.03"}\n      - {band: other, rate: "0.06"}\n', "").replace(
        "      - {service: voice, zone: land, price: home-voice}\n",
        "      - {service: voice, zone: land, price: home-voice}\n      - {service: voice, zone: land, price: far-voice}\n",
    )
    lines = text.lines(of(loaded(tmp_path, given), "basic", "en"))
    told = {line[:1]: line for line in lines if line.startswith(("1  ", "2  ", "3  "))}
    assert "  Mon–Fri 08:00–18:00  " in told["1"]
    assert "  all other times  " in told["2"]
    assert "  any time  " in told["3"]


def test_a_language_that_no_sheet_is_written_in() -> None:
    with pytest.raises(UserError, match='no tariff sheets in "fr"'):
        of(catalogue("mobile"), "smart-s", "fr")


def test_the_same_sheet_twice() -> None:
    assert of(catalogue("mobile"), "smart-l", "zh") == of(catalogue("mobile"), "smart-l", "zh")
