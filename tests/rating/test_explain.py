"""An explanation tells every figure, in both languages, and refuses to tell a story that does not add up."""

from __future__ import annotations

import json
from fractions import Fraction

import msgspec
import pytest

from rating.errors import UserError
from rating.explain import LANGUAGES, as_json, as_text, check_parts, exact_amount
from rating.explain_words import WORDS
from rating.model import OTHER_BAND, BandPolicy, QuantityUnit, Service
from rating.reference import Outcome
from rating.status import REFUSALS_FROM, Status
from tests.rating.shop import calendar, call, micros, minutes_plan, price, rate, rated, use

PEAK = calendar(("peak", "12345", "08:00", "20:00"))
PRICE = price(
    rate("60/7 at 0.20/60s", band="peak", connect="0.05"),
    rate("60/60 at 0.10/60s", band=OTHER_BAND),
    calendar="week",
    rounding_step_micros=10_000,
    maximum_micros=900_000,
    minimum_micros=100_000,
)
ENGLISH = """\
call to 4930123456, 2026-03-02 19:58:00+01:00 (Europe/Berlin), 185.2 s
tariff shop version 1 (), plan shop/plan
zone home by prefix 49, price price (7)
pieces:
  0 s to 60 s: band peak, step 1, 1 x 60 s, of which 60 s free, at 0.20 per 60 s = 0.00
  60 s to 123 s: band peak, step 1, 9 x 7 s, of which 30 s free, at 0.20 per 60 s = 0.11
  123 s to 243 s: band other, step 1, 2 x 60 s, at 0.10 per 60 s = 0.20
allowance minutes: 90 s before, 90 s drawn, 0 s left
pieces 0.31 + connect fee 0.05 = 0.36
minimum 0.10: not applied
maximum 0.90: not applied
rounded once, half_even to 0.01: 0.36 -> 0.36
charge: EUR 0.36"""
CHINESE_LAST = "费用：EUR 0.36"  # noqa: RUF001 - Chinese punctuation


def _outcome() -> Outcome:
    return rated(PRICE, call("185.2", "2026-03-02T19:58:00+01:00"), 90_000, calendars=(PEAK,), plans=(minutes_plan(600_000),))


def test_english_text_tells_every_step() -> None:
    assert as_text(_outcome(), "en") == ENGLISH


def test_chinese_text_has_the_same_lines() -> None:
    text = as_text(_outcome(), "zh")
    assert text.splitlines()[-1] == CHINESE_LAST
    assert len(text.splitlines()) == len(ENGLISH.splitlines())
    assert "其中免费 30 秒" in text
    assert "时段 其他，" in text  # noqa: RUF001 - Chinese punctuation
    assert "仅舍入一次，四舍六入五成双，精确到 0.01" in text  # noqa: RUF001 - Chinese punctuation


def test_json_holds_exact_figures_and_can_be_encoded() -> None:
    found = json.loads(msgspec.json.encode(as_json(_outcome())))
    pieces = [Fraction(*piece["amount_micros"]) for piece in found["pieces"]]
    assert sum(pieces) + found["connect_fee_micros"] == Fraction(*found["exact_micros"]) == micros("0.36")
    assert found["charge_micros"] == found["rounding"]["after_micros"] == micros("0.36")
    assert found["allowance"] == {"name": "minutes", "before": 90_000, "after": 0}
    assert [piece["increments"] for piece in found["pieces"]] == [1, 9, 2]


# usage in units of the service -> a line of the text
LINES = [
    (Service.SMS, 1, "0.09/1m", "  0 messages to 1 message: band any, step 1, 1 x 1 message, at 0.09 per 1 message = 0.09"),
    (Service.DATA, 1_500_000, "0.02/1000000B", "  0 B to 1,500,000 B: band any, step 1, 1500000 x 1 B, at 0.02 per 1,000,000 B = 0.03"),
    (Service.SMS, 0, "0.09/1m", "no usage to price"),
    (Service.SMS, 1, "0.10/7m", "pieces 1/70 (~0.014286) + connect fee 0.00 = 1/70 (~0.014286)"),
]


@pytest.mark.parametrize(("service", "quantity", "words", "line"), LINES)
def test_units_and_fractions(service: Service, quantity: int, words: str, line: str) -> None:
    unit = QuantityUnit.BYTE if service is Service.DATA else QuantityUnit.MESSAGE
    outcome = rated(price(rate(f"1/1 at {words}"), unit=unit, band_policy=BandPolicy.START), use(quantity, service))
    assert line in as_text(outcome).splitlines()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_has_words(language: str) -> None:
    assert set(WORDS[language].status) == set(Status)
    for status in Status:
        if status >= REFUSALS_FROM:
            text = as_text(Outcome(call("1", to=None), status), language)
            assert status.name in text
            assert WORDS[language].status[status] in text


def test_a_start_beyond_the_calendar_is_told_too() -> None:
    for start_us in (2**62, -(2**62)):
        event = msgspec.structs.replace(call("1"), start_us=start_us)
        assert "TIME_OUT_OF_RANGE" in as_text(rated(PRICE, event, calendars=(PEAK,)))


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UserError, match="language"):
        as_text(_outcome(), "de")


# one figure changed -> the explanation must not be given
LIES: list[dict[str, object]] = [
    {"charge_micros": 370_000},
    {"exact_micros": Fraction(1)},
    {"unrounded_micros": Fraction(1)},
    {"chargeable_qty": 1},
    {"free_qty": 1},
    {"allowance_after": 1},
    {"connect_fee_micros": 0},
    {"pieces": ()},
    {"minimum_applied": True},
    {"status": Status.NO_ZONE},
]


@pytest.mark.parametrize("lie", LIES)
def test_parts_that_do_not_add_up_are_never_told(lie: dict[str, object]) -> None:
    check_parts(_outcome())
    with pytest.raises(AssertionError):
        as_text(msgspec.structs.replace(_outcome(), **lie))


@pytest.mark.parametrize(
    ("micro_units", "text"),
    [(Fraction(0), "0.00"), (Fraction(1), "0.000001"), (Fraction(1, 8), "0.000000125"), (Fraction(10**6, 3), "1/3 (~0.333333)")],
)
def test_exact_amounts(micro_units: Fraction, text: str) -> None:
    assert exact_amount(micro_units) == text
