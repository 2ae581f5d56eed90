"""The project's own facts about costs, written out as tariff plan folders: many cases a folder, a tenant each.

Tags of a case begin with its tenant; timings are named by what they say, so that cases share them as plans of one operator do. A folder
holds cases of one time zone, one set of activation times and one depth of fallbacks: every activation time is a version.
"""

from __future__ import annotations

import csv
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from rating.model import Service
from rating.outcome import Event
from tariffs.cgrates.profiles import Key
from tests.vectors.cases import Case
from tests.vectors.numbers import Destination
from tests.vectors.subjects import instant
from tests.vectors.wallclock import wall_clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.vectors.cases import Rule, Slot, TimeBand

CASES_MAX = 400  # of one folder: a catalogue holds 2,000 plans
SERVICES = {"voice": Service.VOICE, "data": Service.DATA, "sms": Service.SMS}
_HEADS = {
    "Timings": "#Tag,Years,Months,MonthDays,WeekDays,Time",
    "Destinations": "#Tag,Prefix",
    "Rates": "#Tag,ConnectFee,Rate,RateUnit,RateIncrement,GroupIntervalStart",
    "DestinationRates": "#Tag,DestinationsTag,RatesTag,RoundingMethod,RoundingDecimals,MaxCost,MaxCostStrategy",
    "RatingPlans": "#Tag,DestinationRatesTag,TimingTag,Weight",
    "RatingProfiles": "#Tenant,Category,Subject,ActivationTime,RatingPlanId,FallbackSubjects",
}


class Batch(NamedTuple):
    """Cases that go into one folder."""

    timezone: str
    depth: int
    cases: tuple[Case, ...]


def batches(cases: Sequence[Case]) -> list[Batch]:
    """`cases` by what a folder has once."""
    alike: dict[tuple[object, ...], list[Case]] = {}
    for case in cases:
        times = frozenset(profile.from_time for profile in case.tariff.profiles)
        alike.setdefault((_timezone(case), case.config.fallback_depth, times), []).append(case)
    return [
        Batch(_timezone(some[0]), some[0].config.fallback_depth, tuple(some[at : at + CASES_MAX]))
        for some in alike.values()
        for at in range(0, len(some), CASES_MAX)
    ]


def tenant(number: int) -> str:
    """The tenant of a folder's case."""
    return f"c{number}"


def write(batch: Batch, folder: Path) -> None:
    """The six files of `batch`."""
    folder.mkdir()
    rows: dict[str, dict[tuple[str, ...], None]] = {name: {} for name in _HEADS}
    for number, case in enumerate(batch.cases):
        for file, row in _rows(case, tenant(number)):
            rows[file].setdefault(row)
    for name, head in _HEADS.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            file.write(head + "\n")
            csv.writer(file).writerows(rows[name])


def event(case: Case, number: int, plans: dict[Key, str], identity: str) -> Event:
    """The usage of a case, by the plan that the import gave its subject."""
    usage, mine = case.usage, tenant(number)
    subjects = {profile.subject for profile in case.tariff.profiles if profile.category in {usage.category, "*any"}}
    subject = usage.subject if usage.subject in subjects else "*any"
    name = plans.get(Key(mine, usage.category, subject)) or plans.get(Key(mine, "*any", subject))
    _, start_us = wall_clock(instant(usage.answer_time), usage.timezone)
    amount = Fraction(usage.duration_s * 1_000_000 if usage.duration_s is not None else usage.units or 0)
    return Event(
        event_key=number.to_bytes(16),
        start_us=start_us,
        quantity=-(-amount.numerator // amount.denominator),
        service=SERVICES[usage.type],
        plan=None if name is None else f"{identity}/{name}",
        destination=Destination(usage.destination).digits,
    )


def _timezone(case: Case) -> str:
    return wall_clock(instant(case.usage.answer_time), case.usage.timezone)[0]


def _rows(case: Case, mine: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every row of a case, with the file that it belongs to."""
    for plan, rules in case.tariff.plans.items():
        for position, rule in enumerate(rules):
            yield from _rule_rows(case, rule, plan, (f"{mine}_{plan}", f"{mine}_{plan}_{position}"))
    for profile in case.tariff.profiles:
        fallbacks = ";".join(profile.fallback_subjects)
        plan = f"{mine}_{profile.plan}"
        yield "RatingProfiles", (mine, profile.category, profile.subject, profile.from_time or "*asap", plan, fallbacks)


def _rule_rows(case: Case, rule: Rule, own_plan: str, tags: tuple[str, str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    plan, tag = tags
    destination = "*any" if rule.prefixes == ("*any",) else f"{tag}_{rule.destination}"
    for prefix in rule.prefixes if destination != "*any" else ():
        yield "Destinations", (destination, prefix)
    for number, slot in enumerate(rule.slots):
        fee = str(rule.connect_fee or 0) if number == 0 else "0"
        yield "Rates", (tag, fee, str(slot.rate), *_lengths(case, own_plan, slot))
    rounding = ("*none", "0") if rule.rounding is None else (f"*{rule.rounding.method.removeprefix('*')}", str(rule.rounding.decimals))
    strategy = "" if rule.max_cost_strategy is None else f"*{rule.max_cost_strategy.removeprefix('*')}"
    yield "DestinationRates", (tag, destination, tag, *rounding, str(rule.max_cost or 0), strategy)
    for band in rule.bands:
        timing = _timing(band)
        yield "Timings", timing
        yield "RatingPlans", (plan, tag, timing[0], str(rule.weight or 0))
    if not rule.bands:
        yield "RatingPlans", (plan, tag, "*any", str(rule.weight or 0))


def _lengths(case: Case, plan: str, slot: Slot) -> tuple[str, str, str]:
    """Seconds with their unit for calls, bare numbers in plans of what is counted."""
    counted = any(profile.plan == plan and profile.category in {"data", "sms"} for profile in case.tariff.profiles)
    suffix = "" if counted else "s"
    return f"{slot.rate_unit_s}{suffix}", f"{slot.increment_s}{suffix}", f"{slot.from_s}{suffix}"


def _timing(band: TimeBand) -> tuple[str, ...]:
    days = tuple(";".join(map(str, each)) or "*any" for each in (band.years, band.months, band.month_days, band.week_days))
    time = (band.start or "00:00:00") + ("" if band.end is None else f";{band.end}")
    return ("_".join((*days, time)).replace(";", "."), *days, time)
