"""An explanation tells every figure, in both languages and in JSON, short for a simple call and complete for one that met everything."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rating.errors import UserError
from rating.explain import COMPOSITION, LANGUAGES, Stage, as_json, as_text
from rating.explain.figures import exact_amount, local_start, quantity_text
from rating.explain.objects import object_of
from rating.explain.texts import WORDS
from rating.model import BucketKind, CapWindow, Counting, QuantityUnit, Service
from rating.money import RoundingMode
from rating.outcome import Bucket, Capped, Event, Outcome, Piece, Taken
from rating.schema import Direction
from rating.status import REFUSALS_FROM, Status
from tests.rating import explained

RULES = Path(__file__).parents[2] / "docs" / "rating-rules.md"
FIGURE = re.compile(r"[0-9]+(?:[.,][0-9]+)*")
ENGLISH = {
    "simple": """\
Call to 10086, 2026-03-02 12:00:00+08:00 (Asia/Shanghai), 61.5 s
1. Tariff: demo version 3 (hash a1b2c3d4e5f6), plan family, amounts in CNY
2. Rule: no. 2 of the plan, zone service (short code 10086), price flat-call (2)
3. Increments: 0 to 120 s, any time, step 1, 2 x 60 s at 0.10 per 60 s = 0.20
4. Rounding, once: half to even in steps of 0.01, 0.20 -> 0.20
5. Charge: CNY 0.20""",
    "evening": """\
Call from 8613911112222 to 861012345678, 2026-03-02 19:57:00+08:00 (Asia/Shanghai), 305.2004 s
1. Tariff: demo version 3 (hash a1b2c3d4e5f6), plan family, amounts in CNY
2. Rule: no. 1 of the plan, zone local (prefix 8610), price local-call (1); event: outgoing, on-net, with a chosen number
3. Increments:
   0 to 120 s, day, step 1, 2 x 60 s at 0.20 per 60 s, 40 s of it free = 4/15 (~0.266667)
   120 to 180 s, day, step 2, 10 x 6 s at 0.15 per 60 s = 0.15
   180 to 360 s, other times, step 1, 3 x 60 s at 0.10 per 60 s = 0.30
4. Free usage: allowance minutes, 40 s before, 40 s used, 0 s left
5. Sum: increments 43/60 (~0.716667) + connect fee 0.05 = 23/30 (~0.766667)
6. Discount: friends, 20 % off, 23/30 (~0.766667) -> 46/75 (~0.613333)
7. Rounding, once: half up in steps of 0.01, 46/75 (~0.613333) -> 0.61
8. Charge cap: month cap, 50.00 a bill period, 12.30 charged before, 0.00 cut, 12.91 charged after
9. Charge: CNY 0.61 instead of CNY 0.77""",
    "roaming": """\
Data, 2026-03-03 03:30:00+08:00 (Asia/Shanghai), 110 MiB
1. Tariff: demo version 3 (hash a1b2c3d4e5f6), plan family, amounts in CNY
2. Rule: no. 3 of the plan, any zone, price roaming-data (3); event: roaming in zone europe, visited network 262-01, rating group 7
3. Increments (bands by the clock of Europe/Berlin): 0 to 110 MiB, other times, step 1, 112,640 x 1 KiB at 0.20 per 1 MiB, \
100 MiB of it free = 2.00
4. Free usage: day pass Europe day (opened for 2026-03-02), 100 MiB before, 100 MiB used, 0 B left
5. Rounding, once: up in steps of 0.000001, 2.00 -> 2.00
6. Day pass fee: 2.00 + Europe day 5.00 = 7.00
7. Charge cap:
   day cap, 6.00 a day, 0.00 charged before, 1.00 cut, 6.00 charged after
   month cap, 50.00 a bill period, 30.00 charged before, 0.00 cut, 36.00 charged after
8. Charge: CNY 6.00 instead of CNY 7.00""",
    "package": """\
SMS to 8613800000001, 2026-03-02 12:00:00+08:00 (Asia/Shanghai), 12 messages
1. Tariff: demo version 3 (hash a1b2c3d4e5f6), plan family, amounts in CNY
2. Ported number: 8613800000001 was ported and is rated as 8618600000001
3. Rule: no. 1 of fallback plan base, zone mobile (prefix 86186), price message-package (4); event: outgoing, customer group 2
4. Counter: counter 9, 30 messages before in this period, 40 messages after; taken first of an increment paid before: 4 messages; \
paid and left for later: 2 messages
5. Increments: 0 to 10 messages, any time, step 1, 1 x 10 messages at 1.00 per 10 messages = 1.00
6. Rounding, once: half to even in steps of 0.000001, 1.00 -> 1.00
7. Charge: CNY 1.00""",
    "content": """\
Content, 2026-03-02 12:00:00+08:00 (Asia/Shanghai), 1 purchase
1. Tariff: demo version 3 (hash a1b2c3d4e5f6), plan family, amounts in CNY
2. Rule: no. 4 of the plan, any zone, price content (5)
3. Increments: 0 to 1 purchase, any time, step 1, 1 x 1 purchase at 0.00 per purchase = 0.00
4. Sum: connect fee 0.50 + content share 5.40 (30 % of 18.00) = 5.90; cut to the maximum 5.00
5. Rounding, once: half to even in steps of 0.000001, 5.00 -> 5.00
6. Money allowance: gift, 1.25 before, 1.25 used, 0.00 left; 3.75 still to charge
7. Charge: CNY 3.75 instead of CNY 5.00""",
    "refused": """\
SMS to 8618600000001, 2026-03-02 12:00:00+08:00 (Asia/Shanghai), 1 message
1. Tariff: demo version 3 (hash a1b2c3d4e5f6), plan family, amounts in CNY
2. Not charged, NO_ZONE: no rule of the plan with a price at this time fits what was used; event: incoming""",
}
CHINESE = {
    "simple": """\
通话，被叫 10086，2026-03-02 12:00:00+08:00 (Asia/Shanghai)，61.5 秒
1. 资费：demo 第 3 版（校验值 a1b2c3d4e5f6），套餐 family，金额单位为元
2. 计费规则：本套餐第 2 条，区域 service（短号码 10086），资费项 flat-call（2）
3. 分段计费：0～120 秒，全天，第 1 档，2 × 60 秒，费率 0.10/60 秒，计 0.20
4. 尾数处理（仅一次）：四舍六入五成双，精确到 0.01，0.20 -> 0.20
5. 本次费用：0.20 元""",
    "free_call": """\
通话，被叫 861012345678，2026-03-02 12:00:00+08:00 (Asia/Shanghai)，4 秒
1. 资费：demo 第 3 版（校验值 a1b2c3d4e5f6），套餐 family，金额单位为元
2. 计费规则：本套餐第 1 条，区域 local（号码前缀 8610），资费项 local-call（1）
3. 计费用量：不足起计量，4 秒 -> 10 秒
4. 分段计费：0～60 秒，day，第 1 档，1 × 60 秒，费率 0.20/60 秒，全部免费，计 0.00
5. 免费用量：套餐额度 minutes，使用前 540 秒，本次使用 60 秒，剩余 480 秒
6. 本次费用：0.00 元""",
    "evening": """\
通话，主叫 8613911112222，被叫 861012345678，2026-03-02 19:57:00+08:00 (Asia/Shanghai)，305.2004 秒
1. 资费：demo 第 3 版（校验值 a1b2c3d4e5f6），套餐 family，金额单位为元
2. 计费规则：本套餐第 1 条，区域 local（号码前缀 8610），资费项 local-call（1）；本次使用：主叫，网内，亲情号码
3. 分段计费：
   0～120 秒，day，第 1 档，2 × 60 秒，费率 0.20/60 秒，其中免费 40 秒，计 4/15（约 0.266667）
   120～180 秒，day，第 2 档，10 × 6 秒，费率 0.15/60 秒，计 0.15
   180～360 秒，其他时段，第 1 档，3 × 60 秒，费率 0.10/60 秒，计 0.30
4. 免费用量：套餐额度 minutes，使用前 40 秒，本次使用 40 秒，剩余 0 秒
5. 合计：分段费用 43/60（约 0.716667） + 接通费 0.05 = 23/30（约 0.766667）
6. 优惠：friends，减免 20%，23/30（约 0.766667） -> 46/75（约 0.613333）
7. 尾数处理（仅一次）：四舍五入，精确到 0.01，46/75（约 0.613333） -> 0.61
8. 费用封顶：month cap，每账期封顶 50.00，此前已计收 12.30，本次减免 0.00，此后累计 12.91
9. 本次费用：0.61 元（减免前 0.77 元）""",
    "roaming": """\
数据流量，2026-03-03 03:30:00+08:00 (Asia/Shanghai)，110 MiB
1. 资费：demo 第 3 版（校验值 a1b2c3d4e5f6），套餐 family，金额单位为元
2. 计费规则：本套餐第 3 条，不限区域，资费项 roaming-data（3）；本次使用：漫游区域 europe，漫游网络 262-01，费率组 7
3. 分段计费（时段按 Europe/Berlin 当地时间）：0～110 MiB，其他时段，第 1 档，112,640 × 1 KiB，费率 0.20/1 MiB，其中免费 100 MiB，计 2.00
4. 免费用量：日包 Europe day（2026-03-02 首次使用，自动开通），使用前 100 MiB，本次使用 100 MiB，剩余 0 B
5. 尾数处理（仅一次）：向上进位，精确到 0.000001，2.00 -> 2.00
6. 日包费：2.00 + Europe day 5.00 = 7.00
7. 费用封顶：
   day cap，每日封顶 6.00，此前已计收 0.00，本次减免 1.00，此后累计 6.00
   month cap，每账期封顶 50.00，此前已计收 30.00，本次减免 0.00，此后累计 36.00
8. 本次费用：6.00 元（减免前 7.00 元）""",
    "package": """\
短信，对方号码 8613800000001，2026-03-02 12:00:00+08:00 (Asia/Shanghai)，12 条
1. 资费：demo 第 3 版（校验值 a1b2c3d4e5f6），套餐 family，金额单位为元
2. 携号转网：8613800000001 已携号转网，按 8618600000001 计费
3. 计费规则：后备套餐 base 第 1 条，区域 mobile（号码前缀 86186），资费项 message-package（4）；本次使用：发送，客户群 2
4. 累计用量：计数器 9，本账期此前累计 30 条，此后累计 40 条；先使用此前已付费的余量 4 条；留待后用的已付费余量 2 条
5. 分段计费：0～10 条，全天，第 1 档，1 × 10 条，费率 1.00/10 条，计 1.00
6. 尾数处理（仅一次）：四舍六入五成双，精确到 0.000001，1.00 -> 1.00
7. 本次费用：1.00 元""",
}


@pytest.mark.parametrize("story", ENGLISH)
def test_english(story: str) -> None:
    assert as_text(explained.STORIES[story](), "en") == ENGLISH[story]


@pytest.mark.parametrize("story", CHINESE)
def test_chinese(story: str) -> None:
    assert as_text(explained.STORIES[story](), "zh") == CHINESE[story]


@pytest.mark.parametrize("story", explained.STORIES)
def test_both_languages_tell_the_same_figures(story: str) -> None:
    english, chinese = (as_text(explained.STORIES[story](), language) for language in LANGUAGES)
    for line, other in zip(english.splitlines(), chinese.splitlines(), strict=True):
        assert sorted(FIGURE.findall(line)) == sorted(FIGURE.findall(other))


def test_the_order_of_composition_is_that_of_the_rules() -> None:
    """Step by step: the first tells the tariff that the refusals of the first step ask for, the last has no title there."""
    steps = re.findall(r"^(\d+)\. (?:\*\*(.+?)\*\*)?", RULES.read_text("utf-8").partition("## One event, exactly")[2], re.MULTILINE)
    assert [int(number) for number, _ in steps[: len(COMPOSITION)]] == list(range(1, len(COMPOSITION) + 1))
    assert [title.strip(".").lower().replace(" ", "_") for _, title in steps[1:14]] == [stage.value for stage in COMPOSITION[1:14]]
    assert (COMPOSITION[0], COMPOSITION[-1]) == (Stage.TARIFF, Stage.CHARGE)


def test_json_holds_the_composition_and_null_for_what_did_not_take_place() -> None:
    found = _decoded(explained.evening())
    assert found["composition"] == [stage.value for stage in COMPOSITION]
    stages = [key for key in found if key in found["composition"]]
    assert stages == found["composition"]
    assert [key for key in stages if found[key] is None] == ["number", "bounds", "counter", "pass_fees", "money_allowances"]


def test_json_holds_exact_figures() -> None:
    found = _decoded(explained.evening())
    pieces = [Fraction(*piece["amount_micros"]) for piece in found["increments"]["pieces"]]
    exact = found["exact_charge"]
    assert sum(pieces) == Fraction(*exact["increments_micros"])
    assert sum(pieces) + exact["connect_fee_micros"] == Fraction(*exact["exact_micros"]) == Fraction(2_300_000, 3)
    assert Fraction(*found["rounding"]["before_micros"]) == Fraction(1_840_000, 3)
    assert found["rounding"]["after_micros"] == found["charge_micros"] == found["charge"]["charge_micros"] == 610_000
    assert [piece["increments"] for piece in found["increments"]["pieces"]] == [2, 10, 3]
    assert found["caps"][0]["spent_after_micros"] == 12_910_000
    assert found["event"]["start_local"] == "2026-03-02T19:57:00+08:00"


def test_zones_and_prices_are_called_by_their_titles_as_on_bills() -> None:
    """In the language asked for; by their names where they have no title in it."""
    titles = {
        "zone_title": {"zh": "北京市", "en": "Beijing city"},
        "origin_zone_title": {"zh": "上海市"},
        "roaming_zone_title": {"en": "the European Union"},
        "price_title": {"en": "Local calls", "zh": "本地通话"},
    }
    known = msgspec.structs.replace(explained.evening(), origin_zone="sh", roaming_zone="eu", **titles)
    english, chinese = (as_text(known, language).splitlines()[2] for language in ("en", "zh"))
    expected = "2. Rule: no. 1 of the plan, zone Beijing city (prefix 8610), price Local calls (1)"
    assert english == f"{expected}; event: outgoing, from zone sh, on-net, roaming in zone the European Union, with a chosen number"
    assert all(word in chinese for word in ("区域 北京市（", "资费项 本地通话（1）", "上海市", "eu")), chinese
    rule = _decoded(known)["rule"]
    assert (rule["zone"], rule["zone_title"], rule["price_title"]) == ("local", titles["zone_title"], titles["price_title"])


def test_json_of_a_refused_event_says_where() -> None:
    found = _decoded(explained.refused())
    assert (found["status"], found["refused_in"], found["rule"]) == ("NO_ZONE", "rule", None)
    assert _decoded(explained.simple())["refused_in"] is None


# An outcome in which every stage took place and every field is told; its figures do not fit together.
FULL = Outcome(
    Event(bytes(16), 0, 1, int(Service.VOICE), "demo/family"),
    Status.RATED,
    routed="1",
    rule_index=0,
    unit=QuantityUnit.MILLISECOND,
    counting=Counting.GRADUATED,
    minimum_qty_applied=True,
    pieces=(Piece(0, 1, "any", 0, 1, 1, 1, 1, 0, Fraction(1)),),
    taken=(
        Taken(BucketKind.DAY_PASS, 1, "pass", QuantityUnit.MILLISECOND, 1, 1, 0, opened_day=1),
        Taken(BucketKind.ALLOWANCE, 2, "money", QuantityUnit.MICRO, 1, 1, 0),
    ),
    discount_ppm=1,
    caps=(Capped(1, "cap", CapWindow.DAY, 1, 0, 0, 0),),
    identity="demo",
)
OTHER_VALUES = {
    "event": Event(bytes(16), 1, 1, 1, "demo/family"),
    "status": Status.ZERO_RATED,
    "unit": QuantityUnit.BYTE,
    "counting": Counting.PACKAGE,
    "pieces": (),
    "taken": FULL.taken[:1],
    "caps": (),
    "rounding_mode": RoundingMode.DOWN,
    "clock": "home",
    "band_policy": "start",
    "content_hash": b"\x01",
    "timezone": "Asia/Tokyo",
    "maximum_micros": 5,
    "zone_title": {"en": "x"},
    "origin_zone_title": {"en": "x"},
    "roaming_zone_title": {"en": "x"},
    "price_title": {"en": "x"},
    "buckets": (Bucket(BucketKind.CAP, "demo", 1, 1),),
}


@pytest.mark.parametrize("field", Outcome.__struct_fields__)
def test_json_tells_every_field_of_an_outcome(field: str) -> None:
    old = getattr(FULL, field)
    new = OTHER_VALUES.get(field, (not old) if isinstance(old, bool) else f"{old}x" if isinstance(old, str) else None)
    if new is None:
        new = old + 1
    assert object_of(msgspec.structs.replace(FULL, **{field: new})) != object_of(FULL)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_has_words(language: str) -> None:
    assert set(WORDS[language].status) == set(Status)
    for status in Status:
        if status >= REFUSALS_FROM:
            text = as_text(Outcome(explained.event(Service.VOICE, 1, "2026-03-02T12:00:00+08:00"), status), language)
            assert status.name in text
            assert WORDS[language].status[status] in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_stage_mode_and_window_has_words(language: str) -> None:
    words = WORDS[language]
    assert set(words.stage) == set(COMPOSITION) - {Stage.BOUNDS}  # which only ever refuses
    assert set(words.rounding_modes) == set(RoundingMode)
    assert set(words.window) == set(CapWindow)
    assert set(words.service) == set(Service)
    assert set(words.call_direction) == set(words.other_direction) == set(Direction)


# what a further event meets -> a line of its text
LINES = [
    (explained.event(Service.VOICE, 0, "2026-03-02T12:00:00+08:00", "10086"), "3. Quantity: no usage to charge"),
    (explained.event(Service.MMS, 1, "2026-03-02T12:00:00+08:00"), "3. Not charged, NOT_SOLD: the plan does not sell this on purpose"),
    (
        explained.event(Service.CONTENT, 1, "2026-03-02T12:00:00+08:00"),
        "3. Not charged, CONTENT_AMOUNT_MISSING: the price charges a share of the content amount, and none was given",
    ),
    (
        explained.event(Service.VOICE, 30_000_000, "2026-03-02T21:00:00+08:00", "8610", on_net=False),
        "2. Rule: no. 1 of the plan, zone local (prefix 8610), price local-call (1); event: off-net",
    ),
    (  # that data goes out need not be told
        explained.event(Service.DATA, 1_024, "2026-03-02T12:00:00+08:00", visited=262_001, direction=Direction.ORIGINATING),
        "2. Rule: no. 3 of the plan, any zone, price roaming-data (3); event: roaming in zone europe, visited network 262-01",
    ),
    (
        explained.event(Service.DATA, 1_024, "2026-03-02T12:00:00+08:00", visited=262_001, direction=Direction.TERMINATING),
        "2. Rule: no. 3 of the plan, any zone, price roaming-data (3); event: incoming, roaming in zone europe, visited network 262-01",
    ),
    (
        explained.event(Service.VOICE, 6_000_000_000, "2026-03-02T21:00:00+08:00", "10086"),
        "3. Increments: 0 to 6,000 s, any time, step 1, 100 x 60 s at 0.10 per 60 s = 10.00",
    ),
]


@pytest.mark.parametrize(("event", "line"), LINES)
def test_further_lines(event: Event, line: str) -> None:
    assert line in as_text(explained.TWIN.rate(event)).splitlines()


def test_a_start_beyond_the_calendar_is_told_too() -> None:
    for start_us, year in ((2**62, 9999), (-(2**62), 1)):
        event = msgspec.structs.replace(explained.simple().event, start_us=start_us)
        assert "TIME_OUT_OF_RANGE" in as_text(explained.TWIN.rate(event))
        assert local_start(event, "Asia/Shanghai").year == year


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UserError, match="language"):
        as_text(explained.simple(), "de")


AMOUNTS = [
    (Fraction(0), "0.00"),
    (Fraction(1), "0.000001"),
    (Fraction(1, 8), "0.000000125"),
    (Fraction(10**6, 3), "1/3 (~0.333333)"),
    (Fraction(-1_500_000), "-1.50"),
]


@pytest.mark.parametrize(("micro_units", "text"), AMOUNTS)
def test_exact_amounts(micro_units: Fraction, text: str) -> None:
    assert exact_amount(micro_units, WORDS["en"]) == text


QUANTITIES = [
    (0, QuantityUnit.MILLISECOND, "0 s"),
    (61_500, QuantityUnit.MILLISECOND, "61.5 s"),
    (Fraction(604, 10), QuantityUnit.MILLISECOND, "0.0604 s"),
    (-500, QuantityUnit.MILLISECOND, "-0.5 s"),
    (7_200_000, QuantityUnit.MILLISECOND, "7,200 s"),
    (0, QuantityUnit.BYTE, "0 B"),
    (1_023, QuantityUnit.BYTE, "1,023 B"),
    (3 * 2**20, QuantityUnit.BYTE, "3 MiB"),
    (1_536 * 2**20, QuantityUnit.BYTE, "1,536 MiB"),
    (5 * 10**6, QuantityUnit.BYTE, "5 MB"),
    (1, QuantityUnit.MESSAGE, "1 message"),
    (1_200, QuantityUnit.MESSAGE, "1,200 messages"),
    (1_200, None, "1,200"),
]


@pytest.mark.parametrize(("quantity", "unit", "text"), QUANTITIES)
def test_quantities(quantity: Fraction | int, unit: QuantityUnit | None, text: str) -> None:
    assert quantity_text(quantity, unit, WORDS["en"]) == text


def _decoded(outcome: Outcome) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(msgspec.json.encode(as_json(outcome)))
    return found
