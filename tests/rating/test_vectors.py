"""Costs that another engine's own tests assert, through the twin. Runs where the folder of vectors is (or RATEWRIGHT_VECTORS names it).

A case that our model answers differently on purpose, or cannot say, is listed with its reason; a listed case that would pass fails
the test, so that the list cannot go stale.
"""

from __future__ import annotations

import datetime as dt
import gzip
import itertools
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from rating.model import OTHER_BAND, Calendar, Catalogue, Plan, Price, QuantityUnit, Rate, Service, Step, UsageRule, WeeklyBand, Zone
from rating.money import RoundingMode
from rating.reference import Event, Outcome, Reference
from rating.status import REFUSALS_FROM

FOLDER = Path(os.environ.get("RATEWRIGHT_VECTORS", Path(__file__).parents[3] / "shared" / "vectors"))
MODES = {"up": RoundingMode.UP, "middle": RoundingMode.HALF_UP, "down": RoundingMode.DOWN}
SERVICES = {"voice": Service.VOICE, "sms": Service.SMS, "mms": Service.MMS, "data": Service.DATA}
DAY_S = 86_400
BY_DATE = "bands by date, such as a public holiday: later work"
FALLBACK = "subjects that fall back to other subjects: guiding chooses one plan before we rate"
LATER_FEE = "a fee for entering a later step"
NO_ROUNDING = {"method": "middle", "decimals": 6}
NOT_EXPRESSED = {
    "tut2-own-plan-45s": FALLBACK,
    "tut2-unauthorized-destination": FALLBACK,
    "fallback-chain-4001": FALLBACK,
    "tut2-any-2001-45s": BY_DATE,
    "tut2-new-year-weight": BY_DATE,
}
MICROS = Decimal(1_000_000)

pytestmark = pytest.mark.skipif(not (FOLDER / "rating.json").is_file(), reason=f"there is no {FOLDER / 'rating.json'}")


class NotExpressedError(Exception):
    """A case that our model has no words for, with the reason."""


def _cases(name: str) -> list[dict[str, Any]]:
    data = (FOLDER / name).read_bytes()
    if name.endswith(".gz"):
        return [json.loads(line, parse_float=Decimal) for line in gzip.decompress(data).splitlines()]
    found: list[dict[str, Any]] = json.loads(data, parse_float=Decimal)
    return found


def _micros(amount: Decimal | int) -> int:
    scaled = Decimal(amount) * MICROS
    if scaled != scaled.to_integral_value():
        message = "an amount finer than a micro-unit"
        raise NotExpressedError(message)
    return int(scaled)


def _plan_rules(case: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The rules of the subject's plan; None when no plan is found."""
    usage, tariff = case["usage"], case["tariff"]
    wanted = [usage.get("subject"), "*any"]
    answer = dt.datetime.fromisoformat(usage["answer_time"])
    for subject in wanted:
        profiles = [
            profile
            for profile in tariff["profiles"]
            if profile["subject"] == subject and profile["category"] in {usage.get("category"), "*any"}
            if profile["from_time"] is None or dt.datetime.fromisoformat(profile["from_time"]) <= answer
        ]
        if profiles:
            newest = max(profiles, key=lambda profile: profile["from_time"] or "")
            if newest["fallback_subjects"]:
                raise NotExpressedError(FALLBACK)
            rules: list[dict[str, Any]] = tariff["plans"][newest["plan"]]
            return rules
    return None


def _week(rules: list[dict[str, Any]]) -> list[WeeklyBand]:
    """For each moment of the week the rule that wins: heaviest, then latest start. Band `0`, `1`, ... is the rule's index."""
    edges = {0, DAY_S}
    for rule in rules:
        for band in rule["bands"]:
            if band["years"] or band["months"] or band["month_days"]:
                raise NotExpressedError(BY_DATE)
            edges |= set(_span(band))
    found = []
    for day, (start, end) in itertools.product(range(1, 8), itertools.pairwise(sorted(edges))):
        active = [
            (rule["weight"] or 0, _span(band)[0], index)
            for index, rule in enumerate(rules)
            for band in rule["bands"]
            if (not band["week_days"] or day in band["week_days"]) and _span(band)[0] <= start < _span(band)[1]
        ]
        if active:
            found.append(WeeklyBand(str(max(active, key=lambda each: each[:2])[2]), (day,), start, end))
    return found


def _span(band: dict[str, Any]) -> tuple[int, int]:
    start, end = (None if text is None else [int(part) for part in text.split(":")] for text in (band["start"] or "00:00:00", band["end"]))
    assert start is not None
    seconds = (60 * 60, 60, 1)
    return (
        sum(a * b for a, b in zip(start, seconds, strict=True)),
        DAY_S if end is None else sum(a * b for a, b in zip(end, seconds, strict=True)) + 1,
    )


def _rate(rule: dict[str, Any], band: str, scale: int) -> Rate:
    slots = rule["slots"]
    steps = tuple(
        Step(int(s["from_s"] * scale), _micros(s["rate"]), int(s["rate_unit_s"] * scale), int(s["increment_s"] * scale)) for s in slots
    )
    if any(slot.get("fixed_fee") for slot in slots[1:]):
        raise NotExpressedError(LATER_FEE)
    fee = (rule["connect_fee"] or 0) + slots[0].get("fixed_fee", 0)
    return Rate(band, steps, steps[0].increment_qty, _micros(fee))


def _price(number: int, rules: list[dict[str, Any]], unit: QuantityUnit) -> tuple[Price, Calendar]:
    scale = 1000 if unit is QuantityUnit.MILLISECOND else 1
    calendar = Calendar(f"week {number}", tuple(_week(rules)))
    used = sorted({int(band.name) for band in calendar.bands})
    if not used:
        message = "a destination that is never priced"
        raise NotExpressedError(message)
    chosen = [(rules[i]["rounding"] or NO_ROUNDING, rules[i]) for i in used]
    terms = {(rounding["method"], rounding["decimals"], rule["max_cost"], rule["max_cost_strategy"]) for rounding, rule in chosen}
    if len(terms) > 1:
        message = "rounding or maximum that differ between bands of one destination"
        raise NotExpressedError(message)
    method, decimals, maximum, strategy = terms.pop()
    if maximum and strategy != "free":
        message = "a maximum that disconnects"
        raise NotExpressedError(message)
    rates = [_rate(rules[i], str(i), scale) for i in used]
    price = Price(
        price_id=number,
        name=f"price {number}",
        charge_code=1,
        revenue_code=1,
        tax_class="none",
        unit=unit,
        rates=(*rates, Rate(OTHER_BAND, rates[0].steps, rates[0].first_increment_qty)),
        calendar=calendar.name,
        maximum_micros=_micros(maximum) if maximum else None,
        rounding_mode=MODES[method],
        rounding_step_micros=max(1, 10 ** (6 - decimals)) if decimals <= 6 else 1,
    )
    return price, calendar


def _rate_case(case: dict[str, Any]) -> Outcome:
    usage = case["usage"]
    rules = _plan_rules(case)
    service = SERVICES.get(usage["type"], Service.CONTENT)
    unit = {Service.VOICE: QuantityUnit.MILLISECOND, Service.DATA: QuantityUnit.BYTE}.get(service, QuantityUnit.MESSAGE)
    answer = dt.datetime.fromisoformat(usage["answer_time"])
    offset = answer.utcoffset() // dt.timedelta(hours=1)
    by_prefix: dict[str, list[int]] = {}
    for index, rule in enumerate(rules or []):
        for prefix in rule["prefixes"]:
            by_prefix.setdefault(prefix.removeprefix("+"), []).append(index)
    groups: dict[tuple[int, ...], list[str]] = {}
    for prefix, indexes in by_prefix.items():
        groups.setdefault(tuple(indexes), []).append(prefix)
    zones, calendars, prices, plan_rules = [], [], [], []
    destination = usage["destination"].removeprefix("+")
    for number, (indexes, prefixes) in enumerate(groups.items(), start=1):
        if not any(prefix == "*any" or destination.startswith(prefix) for prefix in prefixes):
            continue  # says nothing about this call, and may use words we do not have
        price, calendar = _price(number, [rules[i] for i in indexes if rules], unit)
        prices.append(price)
        calendars.append(calendar)
        digits = [prefix for prefix in prefixes if prefix.isdigit()]
        if digits:
            zones.append(Zone(number, f"zone {number}", tuple(digits)))
            plan_rules.append(UsageRule(service, f"zone {number}", price.name))
        if "*any" in prefixes:
            plan_rules.append(UsageRule(service, "*", price.name))
    plans = () if rules is None else (Plan("plan", tuple(plan_rules), {}),)
    catalogue = Catalogue(
        "case", 1, "EUR", 2, f"Etc/GMT{-offset:+d}", 946_684_800_000_000, tuple(zones), tuple(calendars), tuple(prices), plans, (), {}
    )
    quantity = usage["duration_s"] * MICROS if service is Service.VOICE else usage["units"]
    start_us = int(answer.timestamp()) * 1_000_000
    event = Event(bytes(16), start_us, int(quantity), service, "case/plan", destination if destination.isdigit() else "")
    outcome = Reference([catalogue]).rate(event, 0)
    if any(piece.band == OTHER_BAND for piece in outcome.pieces):
        message = "a call into time that no band prices"
        raise NotExpressedError(message)
    return outcome


def _agrees(case: dict[str, Any]) -> bool:
    outcome, expected = _rate_case(case), case["expected"]
    if expected.get("error") or expected["cost"] == -1:
        return outcome.status >= REFUSALS_FROM
    return outcome.status < REFUSALS_FROM and outcome.charge_micros == Decimal(expected.get("exact_cost") or expected["cost"]) * MICROS


def _verdict(case: dict[str, Any]) -> str:
    """Nothing where the twin agrees, the reason where our model has no words, `differs` otherwise."""
    try:
        return "" if _agrees(case) else "differs"
    except NotExpressedError as error:
        return str(error)


def test_what_another_engine_asserts() -> None:
    cases = [case for case in _cases("rating.json") if case["operation"] == "cost"]
    verdicts = {case["id"]: _verdict(case) for case in cases}
    assert {name: verdict for name, verdict in verdicts.items() if verdict} == NOT_EXPRESSED
    assert len(cases) - len(NOT_EXPRESSED) >= 41


def test_random_tariffs_and_calls() -> None:
    verdicts = [_verdict(case) for case in _cases("rating_random.jsonl.gz")]
    assert {verdict for verdict in verdicts if verdict} == {BY_DATE}
    assert verdicts.count("") >= 800
