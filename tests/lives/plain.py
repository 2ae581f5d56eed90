"""One bill over a whole life, worked out plainly: dates, Fractions and dictionaries, nothing of the product.

It knows what the lives of `tests.lives` are made of: calls by begun minutes with free minutes a period and subscription, fees in arrears
or advance by exact day fractions, pauses, a volume price, a commitment, adjustments, two tax classes, versions of the tariff. Amounts are
micro-units; a line is rounded HALF_UP to the cent once, tax once a period and class.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections import defaultdict
from fractions import Fraction
from typing import NamedTuple

CENT = 10_000
ONE_DAY = dt.timedelta(days=1)
Span = tuple[dt.date, dt.date | None]


class PlainFee(NamedTuple):
    """A fee of a plan."""

    code: int
    micros: int
    tax: str
    advance: bool = False
    while_paused: str = "free"  # free | charged | only


class PlainPlan(NamedTuple):
    """What a plan costs in one version."""

    minute_micros: int
    free_minutes: int
    fees: tuple[PlainFee, ...]
    volume: tuple[tuple[int, int], ...] = ()  # (from minute, micros a minute): all charged minutes of the period at the step reached
    commitment_micros: int = 0


class PlainVersion(NamedTuple):
    """A version of the tariff, from the first instant of a local date on."""

    from_date: dt.date
    plans: dict[str, PlainPlan]


class PlainSubscription(NamedTuple):
    """Who had what when."""

    name: str
    active: Span
    plans: tuple[tuple[dt.date, str], ...]
    pauses: tuple[Span, ...] = ()


class PlainCall(NamedTuple):
    """A call of a subscription at a local time, in begun minutes."""

    subscription: str
    at: dt.datetime
    minutes: int
    key: str


class PlainAdjustment(NamedTuple):
    """A charge or credit by hand."""

    number: int
    on: dt.date
    micros: int
    tax: str


class PlainLife(NamedTuple):
    """Everything that a bill is made of."""

    bill_day: int
    opened: dt.date
    versions: tuple[PlainVersion, ...]  # in order of time
    subscriptions: tuple[PlainSubscription, ...]
    calls: tuple[PlainCall, ...]
    adjustments: tuple[PlainAdjustment, ...]
    rates_ppm: dict[str, int]


class PlainPeriod(NamedTuple):
    """[start, end), and the days of its whole cycle."""

    start: dt.date
    end: dt.date
    cycle_days: int


Lines = dict[tuple[str, str, int, dt.date], int]  # kind, subscription, charge code, period
Taxes = dict[tuple[str, dt.date], int]  # class, period

VOICE_CODE, VOLUME_CODE, COMMITMENT_CODE = 10, 60, 70


def bill(life: PlainLife, until: dt.date) -> tuple[Lines, Taxes]:
    """Everything that bills up to and of the bill date `until` come to, by line and by tax class."""
    lines: Lines = {}
    bases: dict[tuple[str, dt.date], int] = defaultdict(int)
    for period in periods(life.opened, life.bill_day, until):
        for subscription in life.subscriptions:
            for code, tax, micros, kind in _charges(life, subscription, period, until):
                lines[kind, subscription.name, code, period.start] = micros
                bases[tax, period.start] += micros
        for each in life.adjustments:
            if period.start <= each.on < period.end <= until:
                lines["adjustment", "", each.number, period.start] = each.micros
                bases[each.tax, period.start] += each.micros
    taxes = {key: half_up(Fraction(base * life.rates_ppm[key[0]], 1_000_000)) for key, base in bases.items()}
    return {key: micros for key, micros in lines.items() if micros}, {key: micros for key, micros in taxes.items() if micros}


def periods(opened: dt.date, bill_day: int, until: dt.date) -> list[PlainPeriod]:
    """The periods that have begun on or before `until`, which is a bill date."""
    found, start = [], opened
    while start <= until:
        before, after = _around(start, bill_day)
        found.append(PlainPeriod(start, after, (after - before).days))
        start = after
    return found


def half_up(exact: Fraction) -> int:
    """To the cent, halves away from zero."""
    sign = -1 if exact < 0 else 1
    return sign * ((abs(exact) / CENT + Fraction(1, 2)) // 1) * CENT


def _around(day: dt.date, bill_day: int) -> tuple[dt.date, dt.date]:
    """The last bill date that is not after `day`, and the one after it."""
    months = [(day.year * 12 + day.month - 1 + shift) for shift in (-1, 0, 1)]
    dates = [dt.date(each // 12, each % 12 + 1, min(bill_day, calendar.monthrange(each // 12, each % 12 + 1)[1])) for each in months]
    if dates[1] <= day:
        return dates[1], dates[2]
    return dates[0], dates[1]


def _charges(life: PlainLife, subscription: PlainSubscription, period: PlainPeriod, until: dt.date) -> list[tuple[int, str, int, str]]:
    """Code, tax class, micro-units and kind of each line of a subscription in a period."""
    found: list[tuple[int, str, int, str]] = []
    fees: dict[int, tuple[str, Fraction]] = {}
    for plan_name, first, last in _stretches(subscription, period):
        version = _version(life, first)
        plan = version.plans[plan_name]
        for fee in plan.fees:
            if (period.start if fee.advance else period.end) > until:
                continue
            days = sum(_pays(subscription, fee, first + ONE_DAY * number) for number in range((last - first).days))
            before = fees.get(fee.code, (fee.tax, Fraction(0)))[1]
            fees[fee.code] = (fee.tax, before + Fraction(fee.micros * days, period.cycle_days))
    found.extend((code, tax, half_up(exact), "recurring") for code, (tax, exact) in fees.items())
    if period.end <= until:
        found.extend(_usage(life, subscription, period))
    return found


def _usage(life: PlainLife, subscription: PlainSubscription, period: PlainPeriod) -> list[tuple[int, str, int, str]]:
    """The usage line of a period, what its volume price changes, and what is missing to the commitment."""
    charged_micros = charged_minutes = 0
    left: dict[str, int] = {}
    own = [each for each in life.calls if each.subscription == subscription.name and period.start <= each.at.date() < period.end]
    for call in sorted(own, key=lambda each: (each.at, each.key)):
        plan_name = _plan_on(subscription, call.at.date())
        if plan_name is None:
            continue
        plan = _version(life, call.at.date()).plans[plan_name]
        free = left.setdefault(plan_name, plan.free_minutes)
        taken = min(free, call.minutes)
        left[plan_name] = free - taken
        charged_minutes += call.minutes
        charged_micros += (call.minutes - taken) * plan.minute_micros
    found = [(VOICE_CODE, "standard", half_up(Fraction(charged_micros)), "usage")] if own else []
    return [*found, *_totals(life, subscription, period, charged_minutes, found[0][2] if found else 0)]


def _totals(
    life: PlainLife, subscription: PlainSubscription, period: PlainPeriod, minutes: int, usage_micros: int
) -> list[tuple[int, str, int, str]]:
    stretches = _stretches(subscription, period)
    if not stretches:
        return []
    plan = _version(life, stretches[-1][1]).plans[stretches[-1][0]]
    found = []
    if plan.volume and minutes:
        step = [micros for from_minute, micros in plan.volume if from_minute <= minutes][-1]
        found.append((VOLUME_CODE, "standard", half_up(Fraction(minutes * step)) - usage_micros, "volume"))
    return found


def _stretches(subscription: PlainSubscription, period: PlainPeriod) -> list[tuple[str, dt.date, dt.date]]:
    """Plan, first day and day after the last, inside the period."""
    start = max(subscription.active[0], period.start)
    end = min(subscription.active[1] or period.end, period.end)
    edges = [*(day for day, _ in subscription.plans), dt.date.max]
    found = []
    for (from_date, plan), following in zip(subscription.plans, edges[1:], strict=True):
        first, last = max(from_date, start), min(following, end)
        if first < last:
            found.append((plan, first, last))
    return found


def _plan_on(subscription: PlainSubscription, day: dt.date) -> str | None:
    if day < subscription.active[0] or (subscription.active[1] is not None and day >= subscription.active[1]):
        return None
    return next((plan for from_date, plan in reversed(subscription.plans) if from_date <= day), None)


def _pays(subscription: PlainSubscription, fee: PlainFee, day: dt.date) -> bool:
    paused = any(start <= day and (end is None or day < end) for start, end in subscription.pauses)
    return fee.while_paused == "charged" or paused == (fee.while_paused == "only")


def _version(life: PlainLife, day: dt.date) -> PlainVersion:
    return [each for each in life.versions if each.from_date <= day][-1]
