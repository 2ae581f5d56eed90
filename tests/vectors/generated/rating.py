"""Tariffs and calls at random in the form of the vectors, and a plain reading of that form that knows nothing of our model.

Wider than the random facts: overlapping bands by year, month, day and hour, weights, three kinds of rounding, maxima, time zones, parts of
a second, calls of more than a day, later pieces of calls, subjects with profiles and fallbacks.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rating.money import RoundingMode, round_exact
from tests.vectors.cases import Case, Rule, TimeBand, decode

if TYPE_CHECKING:
    import random

PIECES: Final = 0.4  # share of cases that are later pieces of a call
MODES: Final = {"up": RoundingMode.UP, "middle": RoundingMode.HALF_UP, "down": RoundingMode.DOWN}
OFFSETS = ["Z", "Z", "+01:00", "-05:00", "+05:30", "+12:45", "-00:44"]
STARTS = ["00:00:00", "00:00:00", "06:30:00", "08:00:00", "12:00:00", "19:00:00", "23:59:30"]
PREFIXES = ["4", "44", "447", "448", "4477", "33", "*any"]
DESTINATIONS = ["4477123", "447123", "448", "44123", "44", "499", "33123", "77"]


def made(choose: random.Random, number: int) -> dict[str, Any]:
    """One case, what it must cost still to be told."""
    most = choose.choice([None, None, None, Decimal(5)])
    seconds = choose.choice(["0", "1", "37", "59.4", "60", "61", "119.001", "180", "300", "3600", "90000"])
    increments = ["60", "300"] if seconds == "90000" else ["0.1", "0.25", "1", "1", "6", "30", "60"]
    rules = [_rule(choose, most, increments) for _ in range(choose.randint(1, 7))]
    if choose.random() < 0.8:
        rules[0] |= {"prefixes": [choose.choice(["4", "*any"])], "bands": []}
    near = choose.choice(
        ["2024-02-29T23:58:00", "2024-03-08T18:59:10", "2024-12-31T23:59:20", "2024-03-04T11:59:50", "2024-03-04T07:00:00"]
    )
    answer = dt.datetime.fromisoformat(near) + dt.timedelta(
        seconds=choose.choice([0, 1, 7, 30, 59]), milliseconds=choose.choice([0, 0, 250])
    )
    return {
        "id": f"r{number}",
        "operation": "cost",
        "tariff": {"plans": {"P": rules}, "profiles": [{"subject": "*any", "plan": "P"}]},
        "usage": {
            "type": "voice",
            "destination": choose.choice(DESTINATIONS),
            "answer_time": answer.isoformat() + choose.choice(OFFSETS),
            "duration_s": Decimal(seconds),
        },
        "expected": {},
    }


def _rule(choose: random.Random, most: Decimal | None, increments: list[str]) -> dict[str, Any]:
    starts = sorted(choose.sample([5, 10, 60, 61, 300], choose.randint(0, 2)))
    return {
        "prefixes": choose.sample(PREFIXES, choose.choice([1, 1, 2])),
        "bands": [_band(choose) for _ in range(choose.choice([1, 1, 2, 3]))],
        "weight": choose.choice([10, 10, 20, None, Decimal("10.5")]),
        "connect_fee": choose.choice([0, Decimal("0.05"), Decimal("0.37")]),
        "slots": [_slot(choose, start, increments) for start in [0, *starts]],
        "rounding": {"method": choose.choice([*MODES]), "decimals": choose.choice([0, 2, 4, 4, 5, 6, 8])},
        "max_cost": most,
        "max_cost_strategy": most and "free",
    }


def _slot(choose: random.Random, start: int, increments: list[str]) -> dict[str, Any]:
    rate, unit, increment = choose.randint(0, 20_000), choose.choice([1, 7, 30, 60]), choose.choice(increments)
    return {"from_s": start, "rate": Decimal(rate).scaleb(-4), "rate_unit_s": unit, "increment_s": Decimal(increment)}


def _band(choose: random.Random) -> dict[str, Any]:
    return {
        "years": choose.choice([[], [], [], [2024], [2025]]),
        "months": choose.choice([[], [], [], [3], [1, 2]]),
        "month_days": choose.choice([[], [], [], [8, 9], [29], [1]]),
        "week_days": choose.choice([[], [], [1, 2, 3, 4, 5], [6, 7], [5]]),
        "start": choose.choice(STARTS),
        "end": choose.choice([None, None, None, "11:59:59", "18:59:59", "23:59:59"]),
    }


class Plain(NamedTuple):
    """The result that a case must come to."""

    cost: Fraction
    prefix: str
    rated_s: Fraction
    fee: Fraction
    spans: int


def plain_cost(case: Case) -> Fraction | None:
    """The cost of a case by its form; None where it must be refused."""
    found = plain(case)
    return None if found is None else found.cost


def plain(case: Case) -> Plain | None:
    """Increment by increment, each with the rule of its instant and the slot of its place in the whole call."""
    answer = dt.datetime.fromisoformat(case.usage.answer_time)
    duration = Fraction(case.usage.duration_s or 0)
    prefix, rules = _matching(case, answer)
    if not rules:
        return None
    before = max(Fraction(case.usage.duration_index_s or 0) - duration, Fraction(0)) if case.usage.loop_index else Fraction(0)
    position, total = Fraction(0), Fraction(0)
    touched: list[Rule] = []
    slots = []
    while position < duration:
        rule = _at(rules, answer + dt.timedelta(microseconds=int(position * 1_000_000))) or touched[-1]
        touched.append(rule)
        slot = [slot for slot in rule.slots if slot.from_s <= before + position][-1]
        slots.append((id(rule), slot.from_s))
        total += Fraction(slot.rate) / Fraction(slot.rate_unit_s) * Fraction(slot.increment_s)
        position += Fraction(slot.increment_s)
    spans = sum(slots[place] != slots[place - 1] for place in range(1, len(slots))) + bool(slots)
    if not touched:
        return Plain(Fraction(0), prefix, position, Fraction(0), spans)
    fee = Fraction(0) if case.usage.loop_index else Fraction(touched[0].connect_fee or 0)
    total += fee
    total = total if touched[0].max_cost is None else min(total, Fraction(touched[0].max_cost))
    finest = max((rule.rounding for rule in touched if rule.rounding), key=lambda rounding: rounding.decimals)
    cost = Fraction(round_exact(total * 10**finest.decimals, 1, MODES[finest.method]), 10**finest.decimals)
    return Plain(cost, prefix, position, fee, spans)


def with_figures(choose: random.Random, number: int) -> dict[str, Any]:
    """A case that is rated, with other figures than the cost; a third are later pieces of a call, and subjects have profiles."""
    while True:
        case = made(choose, number)
        usage = case["usage"]
        if choose.random() < PIECES:
            usage |= {"loop_index": choose.randint(1, 5)}
            if choose.random() < 0.7:
                usage["duration_index_s"] = usage["duration_s"] + choose.choice([0, 1, 30, 60, 61, 299])
            for rule in case["tariff"]["plans"]["P"]:
                rule |= {"max_cost": None, "max_cost_strategy": None}
        found = plain(decode(case))
        if found is None or not found.spans:
            continue
        figures = {
            "matched_prefix": found.prefix,
            "rated_duration_s": _decimal(found.rated_s),
            "connect_fee": _decimal(found.fee),
            "spans": found.spans,
        }
        kept = {name: figure for name, figure in figures.items() if choose.random() < 0.5}
        case["expected"] = {"cost": _decimal(found.cost), **kept}
        return _with_subject(choose, case) if choose.random() < 0.5 else case


def _with_subject(choose: random.Random, case: dict[str, Any]) -> dict[str, Any]:
    """The plan belongs to a subject, to the one it falls back to, or to whoever has none; other plans say nothing about the call."""
    case["tariff"]["plans"]["nothing"] = [{**case["tariff"]["plans"]["P"][0], "prefixes": ["99999"]}]
    own, other = choose.sample(["ana", "Client 7", "用户", "10.0.0.1"], 2)
    whose = choose.choice(["own", "fallback", "any"])
    profiles = [{"subject": own, "plan": "P"}, {"subject": other, "plan": "nothing"}]
    if whose == "fallback":
        profiles = [{"subject": own, "plan": "nothing", "fallback_subjects": [other]}, {"subject": other, "plan": "P"}]
    if whose == "any":
        profiles = [{"subject": "*any", "plan": "P"}, {"subject": other, "plan": "nothing"}]
    since = [{**each, "from_time": "2012-01-01T00:00:00Z"} for each in profiles]
    case["tariff"]["profiles"] = choose.sample(since, len(since))
    case["usage"]["subject"] = own
    case["expected"]["matched_subject"] = {"own": own, "fallback": other, "any": "*any"}[whose]
    return case


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def _matching(case: Case, answer: dt.datetime) -> tuple[str, list[Rule]]:
    """The longest prefix that has a rule active at the answer, with its rules."""
    rules, number = case.tariff.plans["P"], case.usage.destination or ""
    for prefix in [*(number[:length] for length in range(len(number), 0, -1)), "*any"]:
        found = [rule for rule in rules if prefix in rule.prefixes]
        if _at(found, answer) is not None:
            return prefix, found
    return "", []


def _at(rules: list[Rule], instant: dt.datetime) -> Rule | None:
    active = [
        (rule.weight or 0, band.start or "00:00:00", -place)
        for place, rule in enumerate(rules)
        for band in rule.bands or [TimeBand()]
        if _holds(band, instant)
    ]
    return rules[-max(active)[2]] if active else None


def _holds(band: TimeBand, instant: dt.datetime) -> bool:
    criteria = (
        (band.years, instant.year),
        (band.months, instant.month),
        (band.month_days, instant.day),
        (band.week_days, instant.isoweekday()),
    )
    time = f"{instant:%H:%M:%S}"
    return all(not allowed or value in allowed for allowed, value in criteria) and (band.start or "") <= time <= (band.end or "24")
