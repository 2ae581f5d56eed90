"""tariffs what-if and quote --compare through the command line: tables, files, pictures, and what is kept."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ET
from fractions import Fraction
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue
from billing.catalogue import Operator, decisions
from billing.what_if import Month, Move, all_plans, chart, report, what_if
from rating.errors import UserError
from rating.model import Commitment, InvoiceDiscount, Service, UsageRule
from rating.schema import Direction
from server.cli import app
from server.cli.pages import compare
from server.cli.pages import what_if as what_if_page
from tariffs import canonical
from tests.billing.runs.world import Call, World, instant_us, shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two customers with a call each."""
    made = World(tmp_path / "home")
    for name, plan in (("A", "basic"), ("B", "plus")):
        made.account(name, opened_on="2025-10-01")
        made.subscription(f"S{name}", name, f"shop/{plan}", f"8613{name}".replace("A", "1").replace("B", "2"))
    made.take(Call("86131", "2025-10-05T10:00", 1800), Call("86132", "2025-10-06T10:00", 600, number=869012))
    yield made
    made.home.close()


def run(world: World, *words: object) -> int:
    return app.main([*(str(word) for word in words), "--home", str(world.home.path)])


def drafted(world: World) -> None:
    """Version 2 of the shop as a draft: plus costs 5.00 less."""
    base = shop(version=2, effective_from_us=world.now_us + 10**15)
    fee = msgspec.structs.replace(base.plans[1].recurring[0], amount_micros=25_000_000)
    plus = msgspec.structs.replace(base.plans[1], recurring=(fee, base.plans[1].recurring[1]))
    draft = canonical.decode(canonical.encode(msgspec.structs.replace(base, plans=(base.plans[0], plus))))
    catalogue.save(world.home, draft, Operator("ann", 4711), world.tick(), "test")


def test_tables_csv_and_pictures(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drafted(world)
    ask = ("tariffs", "what-if", "shop@2", "--period", "2025-10", "--csv", tmp_path / "all.csv")
    assert run(world, *ask, "--chart", tmp_path / "picture.svg") == 0
    printed = capsys.readouterr().out
    for line in (
        "Revenue in CNY: 64.05 now, 59.05 then",
        "By plan: usage, fees, tiers, discounts and commitments",
        "Usage by zone",
        "Usage by service",
    ):
        assert line in printed, line
    words = [line.split() for line in printed.splitlines()]
    assert ["pay", "less", "1", "50.0", "-5.00"] in words
    assert ["B", "shop/plus", "53.05", "48.05", "-5.00"] in words
    assert "Time\nstage" in printed
    assert "Kept: shop@2 was tried on 2025-10." in printed
    rows = list(csv.DictReader((tmp_path / "all.csv").read_text(encoding="utf-8").splitlines()))
    assert tuple(rows[0]) == what_if_page.CSV_COLUMNS
    fee = next(row for row in rows if row["kind"] == "fee" and row["name"] == "Plus")
    assert (fee["plan"], fee["now"], fee["then"], fee["change"], fee["currency"]) == ("shop/plus", "30.00", "25.00", "-5.00", "CNY")
    picture = ET.parse(tmp_path / "picture.svg")  # noqa: S314 -- our own file
    texts = ["".join(each.itertext()) for each in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert any("shop/plus" in text for text in texts)
    assert any("48.05 (-5.00)" in text for text in texts)
    assert run(world, *ask, "--chart", tmp_path / "picture.html") == 2
    assert "all.csv is there already" in capsys.readouterr().err
    assert run(world, *ask, "--chart", tmp_path / "all.csv", "--overwrite") == 2
    assert "is named for the figures and for the picture" in capsys.readouterr().err
    assert run(world, *ask, "--chart", tmp_path / "picture.html", "--overwrite") == 0
    page = (tmp_path / "picture.html").read_text(encoding="utf-8")
    checker = _Tags()
    checker.feed(page)
    assert checker.open == []
    assert page.count("<table>") == 4
    assert "<svg" in page


def test_what_is_kept_and_what_is_not(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    drafted(world)
    for more in (("--plan", "plus"), ("--migrate", "basic:plus=50%")):
        assert run(world, "tariffs", "what-if", "shop@2", "--period", "2025-10", *more) == 0
        assert "a what-if is kept without --plan and --migrate" in capsys.readouterr().out
    assert run(world, "tariffs", "what-if", "shop@1", "--period", "2025-10") == 0
    assert "a what-if is kept for drafts of the home folder that are not published" in capsys.readouterr().out
    assert decisions(world.home) == []
    assert run(world, "tariffs", "what-if", "shop@2", "--period", "2025-10", "--json") == 0
    found = msgspec.json.decode(capsys.readouterr().out, type=report.WhatIf)
    (kept,) = decisions(world.home)
    assert (kept.kind, kept.version, kept.detail["month"], kept.detail["events"]) == ("what_if", 2, "2025-10", 2)
    assert kept.detail["revenue"] == {"CNY": {"now_micros": 64_050_000, "then_micros": 59_050_000}}
    assert (kept.content_hash.hex(), kept.detail["commit_seq"]) == (found.content_hash, found.commit_seq)


def test_a_month_without_usage_says_so_and_is_not_kept(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """In November nobody called: the fees of plus alone differ, 30.00 and 25.00 (and 3.00 of line rent)."""
    drafted(world)
    assert run(world, "tariffs", "what-if", "shop@2", "--period", "2025-11") == 0
    printed = capsys.readouterr().out
    assert "NO USAGE WAS COMPARED: none of 2025-11 is stored. Differences are those of fees and terms alone." in printed.splitlines()
    assert "Revenue in CNY: 43.00 now, 38.00 then" in printed
    assert "Every event has a price" not in printed
    assert printed.endswith("Nothing was stored: a what-if is kept of a month with usage, and 2025-11 has none.\n")
    assert decisions(world.home) == []


def test_a_published_version_is_not_kept(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """It was drafted before. Its publication asks for nothing any more, over a month with usage and without."""
    drafted(world)
    catalogue.publish(world.home, catalogue.drafts(world.home, "shop")[-1].catalogue, world.tick())
    assert run(world, "tariffs", "what-if", "shop@2", "--period", "2025-10") == 0
    wanted = "Nothing was stored: a what-if is kept for drafts of the home folder that are not published"
    assert capsys.readouterr().out.splitlines()[-1].startswith(wanted)
    assert run(world, "tariffs", "what-if", "shop@2", "--period", "2025-11") == 0
    assert "publication" not in capsys.readouterr().out
    assert decisions(world.home) == []


MISTAKES = [
    (("--period", "2025"), "is not a month", 2),
    (("--period", "2025-10", "--chart", "x.png"), "not a picture that can be drawn", 2),
    (("--period", "2025-10", "--migrate", "plus"), "is not a move", 2),
    (("--period", "2025-10", "--plan", "gold"), 'no subscription has plan "shop/gold"', 1),
    (("--period", "2025-10", "--migrate", "gold:plus=1%"), 'no subscription has plan "shop/gold"', 1),
    (("--period", "2025-10", "--threads", "-1"), "below zero", 2),
    (("--period", "2025-10", "--csv", "/nowhere/x.csv"), "/nowhere/x.csv", 1),
]


@pytest.mark.parametrize(("words", "message", "status"), MISTAKES)
def test_mistakes(world: World, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str, status: int) -> None:
    assert run(world, "tariffs", "what-if", "shop@1", *words) == status
    assert message in capsys.readouterr().err


def test_all_plans_for_a_customer(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(world, "quote", "--compare", "--account", "A", "--period", "2025-10") == 0
    lines = capsys.readouterr().out.splitlines()
    # thirty national minutes: ten beyond the twenty of basic, all of them on plus, which also has 3.00 of line rent
    assert [line.split()[:1] + line.split()[-4:] for line in lines[5:]] == [
        ["as", "11.00", "10.00", "1.00", "0.00"],
        ["shop/basic", "11.00", "10.00", "1.00", "0.00"],
        ["shop/plus", "36.00", "33.00", "3.00", "+25.00"],
    ]
    assert run(world, "quote", "--compare", "--account", "B", "--period", "2025-10", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [(each["plan"], each["total_micros"]) for each in found["offers"]] == [("shop/basic", 30_050_000), ("shop/plus", 53_050_000)]
    assert (found["now"]["total_micros"], found["plans_now"], found["subscriptions"]) == (53_050_000, ["shop/plus"], ["SB"])


def test_figures_of_a_comparison_are_rounded_and_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    """10.004 + 0.005 are 10.00 + 0.01 = 10.01; 9.995 + 0.005 are 10.00 + 0.01 as well: nothing between them is shown, though 0.009 is."""

    def offer(plan: str, fee_micros: int, usage_micros: int) -> all_plans.Offer:
        parts = {"fee_micros": fee_micros, "usage_micros": usage_micros, "usage_by_service": {}}
        terms = dict.fromkeys(("volume_micros", "discount_micros", "commitment_micros"), 0)
        return all_plans.Offer(
            plan=plan, title={}, total_micros=fee_micros + usage_micros, lost_events=0, without_price={}, **parts, **terms
        )

    now, other = offer("", 10_004_000, 5_000), offer("shop/plus", 9_995_000, 5_000)
    compare._show(all_plans.Comparison("A", "CNY", "2025-10", ("SA",), ("shop/basic",), now, (other,)), "en")  # noqa: SLF001 -- no world has such prices
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[5:]]
    assert [each[-4:] for each in rows] == [["10.01", "10.00", "0.01", "0.00"]] * 2


def test_an_offer_is_what_the_customer_would_have_paid(world: World) -> None:
    """All of a plan moved to another one is what the comparison says for its only customer."""
    moved = what_if(world.home, shop(version=2), Month(2025, 10), clock_s=lambda: 0.0, moves=[Move("shop/basic", "shop/plus", Fraction(1))])
    compared = all_plans.compare(world.home, "A", Month(2025, 10))
    (affected,) = moved.currencies[0].most_affected
    assert affected.then_micros == next(each.total_micros for each in compared.offers if each.plan == "shop/plus")


def test_a_plan_that_leaves_calls_unsold_stands_last(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    base = shop(version=2, corrects=1)
    mute = msgspec.structs.replace(base.plans[0], name="mute", rules=base.plans[0].rules[1:], recurring=())
    catalogue.publish(world.home, msgspec.structs.replace(base, plans=(*base.plans, mute)), world.tick())
    assert run(world, "quote", "--compare", "--account", "A", "--period", "2025-10") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[5:9]] == ["as", "shop/basic", "shop/plus", "shop/mute"]
    assert "1 NO_ZONE" in lines[8]
    assert lines[9].startswith("plans that leave events without a price")


def test_calls_that_a_plan_sells_do_not_make_up_for_those_that_it_does_not(world: World) -> None:
    """C pays for a premium call and cannot call at home. A plan for calls at home alone prices more of the month, and is no offer."""
    base = shop(version=2, corrects=1)
    away = msgspec.structs.replace(base.plans[1], name="away", rules=base.plans[1].rules[1:])
    unsold = msgspec.structs.replace(base.plans[1].rules[1], price=None)
    home = msgspec.structs.replace(base.plans[1], name="home", rules=(base.plans[1].rules[0], unsold), recurring=())
    catalogue.publish(world.home, msgspec.structs.replace(base, plans=(*base.plans, away, home)), world.tick())
    world.account("C", opened_on="2025-10-01")
    world.subscription("SC", "C", "shop/away", "86133")
    world.take(Call("86133", "2025-10-05T10:00", 60, number=869012), *(Call("86133", f"2025-10-06T1{hour}:00", 60) for hour in range(3)))
    found = all_plans.compare(world.home, "C", Month(2025, 10))
    assert (found.now.lost_events, found.now.without_price) == (0, {"NO_ZONE": 3})
    assert [(each.plan, each.lost_events) for each in found.offers][-1] == ("shop/home", 1)
    assert found.offers[-1].total_micros < found.offers[0].total_micros


def test_a_plan_that_charges_nothing_for_received_calls_loses_none(world: World) -> None:
    base = shop(version=2, corrects=1)
    rule = UsageRule(Service.VOICE, "national", "National calls", direction=int(Direction.TERMINATING))
    both = msgspec.structs.replace(base.plans[1], name="both", rules=(rule, *base.plans[1].rules))
    catalogue.publish(world.home, msgspec.structs.replace(base, plans=(*base.plans, both)), world.tick())
    world.account("C", opened_on="2025-10-01")
    world.subscription("SC", "C", "shop/both", "86133")
    world.take(Call("86133", "2025-10-05T10:00", 60, direction=Direction.TERMINATING))
    found = all_plans.compare(world.home, "C", Month(2025, 10))
    assert [(each.plan, each.lost_events, each.usage_micros) for each in found.offers] == [
        ("shop/basic", 0, 0),
        ("shop/plus", 0, 0),
        ("shop/both", 0, 100_000),
    ]


HEAD_IN_CHINESE = """\
A 在 2025-10:SA,套餐 shop/basic
金额单位 CNY,按自然月计算;是否含税见“税”一栏。各项金额按账单行的方式四舍五入,合计与差额由所示金额算出;
账单对每一行分别舍入;--json 为精确值,排序以其为准。
未计入:价外税、账单行的舍入、以前月份结转的免费额度、非每月1日出账造成的不足月、对以前月份的更正、手工收费和减免、迟到用量的规则和人工处理(当月开始的用量全部计价,不论是否出账)、由谁代付、测试账户、变更套餐的费用、与其他账户共享的额度。
"""


def test_what_follows_from_totals_is_in_the_figures_and_what_is_left_out_is_named(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Plus with 10 % off fees and a least amount of usage of 20.00: 30.00 + 3.00 - 3.30, calls of 3.00 and 17.00 that are missing."""
    base = shop(version=2, effective_from_us=world.now_us + 10**15)
    least = Commitment(400, "Least usage", 40, 4000, "standard", 20_000_000)
    off = InvoiceDiscount(500, "Loyal", 50, 5000, 100_000, kinds=("recurring",))
    plus = msgspec.structs.replace(base.plans[1], commitments=(least,), invoice_discounts=(off,))
    changed = msgspec.structs.replace(base, plans=(base.plans[0], plus))
    catalogue.save(world.home, canonical.decode(canonical.encode(changed)), Operator("ann", 4711), world.tick(), "test")
    assert run(world, "tariffs", "what-if", "shop@2", "--period", "2025-10", "--csv", tmp_path / "all.csv") == 0
    printed = capsys.readouterr().out
    assert "No tax is added; prices that include tax are compared with it." in printed
    assert (
        "Left out on both sides: tax on top of prices, rounding of lines, allowances left from earlier months, parts of months" in printed
    )
    words = [line.split() for line in printed.splitlines()]
    assert ["shop/plus", "discount", "Loyal", "0", "1", "0.00", "-3.30", "-3.30"] in words  # B alone has plus
    assert ["B", "shop/plus", "53.05", "49.75", "-3.30"] in words  # 20.05 of calls are more than the least amount
    rows = list(csv.DictReader((tmp_path / "all.csv").read_text(encoding="utf-8").splitlines()))
    assert [(each["name"], each["then"]) for each in rows if each["kind"] == "discount"] == [("Loyal", "-3.30")]

    other = msgspec.structs.replace(changed, identity="other", version=1, effective_from_us=shop().effective_from_us)
    catalogue.publish(world.home, other, world.tick())
    assert run(world, "quote", "--compare", "--account", "A", "--period", "2025-10", "--language", "zh") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == HEAD_IN_CHINESE.splitlines()
    assert lines[4].split() == ["套餐", "名称", "税", "合计", "月费等", "使用费", "折扣", "保底消费补足", "与现状相差", "无价格的事件"]
    assert lines[-1].split() == ["other/plus", "Plus", "不含税", "49.70", "33.00", "3.00", "-3.30", "17.00", "+38.70"]
    for codes in (report.NOT_INCLUDED, all_plans.NOT_INCLUDED):
        assert all(set(codes) <= texts.keys() for texts in what_if_page.NOT_INCLUDED.values())
    assert run(world, "quote", "--compare", "--account", "A", "--period", "2025-10", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["not_included"] == list(all_plans.NOT_INCLUDED)
    assert {"roll_over", "tax", "moving"} <= set(told["not_included"])


def test_amounts_with_tax_are_not_compared_with_those_without(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A has 11.00 without tax. A plan of 5.00 whose prices hold tax is told apart: no difference, and below all that compare."""
    base = shop()
    cheap = tuple(msgspec.structs.replace(each, recurring=()) for each in base.plans)
    catalogue.publish(world.home, msgspec.structs.replace(base, identity="gross", tax_inclusive=True, plans=cheap), world.tick())
    found = all_plans.compare(world.home, "A", Month(2025, 10))
    told = [(each.plan, each.tax_inclusive, each.comparable) for each in found.offers]
    assert told[:2] == [("shop/basic", False, True), ("shop/plus", False, True)]
    assert [(with_tax, comparable) for _, with_tax, comparable in told[2:]] == [(True, False)] * 2
    assert found.offers[2].total_micros < found.offers[0].total_micros
    for language, words in (("en", "not comparable: with tax"), ("zh", "不可比:含税")):
        assert run(world, "quote", "--compare", "--account", "A", "--period", "2025-10", "--language", language) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [words in line for line in lines[5:]] == [False, False, False, True, True]


def test_two_currencies_are_not_compared(world: World) -> None:
    catalogue.publish(world.home, msgspec.structs.replace(shop(), identity="euro", currency="EUR"), world.tick())
    world.subscription("SE", "A", "euro/plus", "491")
    with pytest.raises(UserError, match="account A pays in CNY, and its plan euro/plus is in EUR"):
        all_plans.compare(world.home, "A", Month(2025, 10))


def test_a_plan_that_comes_within_the_month_has_not_its_fees_and_is_no_offer(world: World) -> None:
    """For a customer of the whole month: one who begins after it can be put on it."""
    base = shop(version=2, effective_from_us=instant_us("2025-10-11"))
    late = msgspec.structs.replace(base.plans[1], name="late")
    catalogue.publish(world.home, msgspec.structs.replace(base, plans=(*base.plans, late)), world.tick())
    world.account("C", opened_on="2025-10-01")
    world.subscription("SC", "C", "shop/plus", "86133", from_date="2025-10-12")
    whole, part = (all_plans.compare(world.home, account, Month(2025, 10)) for account in "AC")
    assert [each.plan for each in whole.offers] == ["shop/basic", "shop/plus"]
    assert {each.plan: each.fee_micros for each in part.offers}["shop/late"] == part.now.fee_micros > 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--account", "A"), "--compare needs --period"),
        (("--period", "2025-10"), "--compare needs --account"),
        (("--account", "Z", "--period", "2025-10"), "no account has the id Z"),
        (("--account", "A", "--period", "2025-10", "--subscription", "X"), 'subscription "X" of account A has no plan'),
        (("--account", "A", "--period", "2024-10"), "account A has no plan in 2024-10"),
        (("--account", "A", "--period", "2025-10", "--plans", "none"), "no plan of none was sold"),
    ],
)
def test_comparisons_that_cannot_be(world: World, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str) -> None:
    assert run(world, "quote", "--compare", *words) in {1, 2}
    assert message in capsys.readouterr().err


def test_bars_never_leave_the_picture() -> None:
    """Large figures, losses, names in Chinese and names that are markup."""
    big = 9 * 10**15
    rows = tuple(report.Row(f"<b>&{name}", "zone", "voice", 1, micros, 1, -micros) for name, micros in (("电话", big), ("x" * 90, 1)))
    payers = report.Payers(3, 1, 1, 1, big, -big, (-big, *(0,) * 9, big), (1,) * 11, 0)
    part = report.InCurrency("EUR", big, -big, rows, (), payers, (report.Affected("<i>", (), (), 0, big),))
    told = report.WhatIf("a<b", 1, "", "2025-10", 1, "", 2, (part,), (), (), (), {}, ())
    picture = ET.fromstring(chart.svg(told))  # noqa: S314 -- our own text
    bars = [each for each in picture.iter("{http://www.w3.org/2000/svg}rect") if each.get("x")]
    assert bars
    assert all(0 <= int(bar.get("x", "")) <= int(bar.get("x", "")) + int(bar.get("width", "")) <= chart.WIDTH for bar in bars)
    figures = [each for each in picture.iter("{http://www.w3.org/2000/svg}text") if (each.text or "").startswith("-9,000")]
    ends = [int(each.get("x", "")) for each in figures if each.get("text-anchor") == "end"]
    assert ends
    assert min(ends) > 350, "clear of the names on the left"
    checker = _Tags()
    checker.feed(chart.html(told))
    assert checker.open == []


class _Tags(HTMLParser):
    """Which tags are still open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
