"""What a life tells, as the plain bill reads it: dates, plain values and what follows from dates alone. Amounts are micro-units."""

from __future__ import annotations

import calendar
import datetime as dt
from typing import NamedTuple
from zoneinfo import ZoneInfo

CENT = 10_000
ONE_DAY = dt.timedelta(days=1)
ZONE = "Europe/Berlin"
VOICE, ACTIVATION, CHANGE, EARLY, VOLUME, COMMITMENT, LOYAL = 10, 40, 41, 42, 60, 70, 80  # charge codes


class Span(NamedTuple):
    """Local days, half open."""

    start: dt.date
    end: dt.date | None

    def __contains__(self, day: object) -> bool:
        return isinstance(day, dt.date) and self.start <= day and (self.end is None or day < self.end)


class Fee(NamedTuple):
    """A monthly fee."""

    code: int
    micros: int
    tax: str
    advance: bool = False
    while_paused: str = "free"  # free | charged | only
    outage_credit: bool = True


class Plan(NamedTuple):
    """What a plan costs in one version."""

    minute_micros: int
    free_minutes: int
    fees: tuple[Fee, ...]
    volume: tuple[tuple[int, int], ...] = ()  # (from minute, micros a minute): all minutes that are not free at the step reached
    commitment_micros: int = 0  # to usage and fees
    loyal_ppm: int = 0  # off usage
    activation_micros: int = 0
    change_micros: int = 0
    early_micros: int = 0  # a month that is left
    minimum_months: int = 0
    rolls: bool = False  # free minutes that are left serve one more period, as long as the plan stays
    shared_minutes: int = 0  # brought into what the account, or its pool, has together
    shared_rolls: bool = False  # what is left of those serves one more period of the same account or pool
    late_after: int | None = None  # what came more days after its period is billed in the one it came in; None: in its own
    late_max: int | None = None  # what came more days after it began is not billed


class Version(NamedTuple):
    """A version of the tariff, from the first instant of a local date on."""

    from_date: dt.date
    plans: dict[str, Plan]


class Discount(NamedTuple):
    """Agreed with a customer; `ppm`, or else a fixed amount."""

    name: str
    span: Span
    code: int
    ppm: int
    micros: int
    kinds: tuple[str, ...]


class Payer(NamedTuple):
    """Who pays, for some kinds of line (none: all)."""

    family: str  # of account | sponsor | of subscription
    subject: str
    span: Span
    other: str
    kinds: tuple[str, ...]


class Subscription(NamedTuple):
    """Who had what when. `served`: its numbers."""

    name: str
    account: str
    active: Span
    plans: tuple[tuple[dt.date, str], ...]
    pauses: tuple[Span, ...]
    outages: tuple[Span, ...]
    discounts: tuple[Discount, ...]
    served: tuple[tuple[str, Span], ...]
    taken_over: bool
    handed_over: bool


class Account(NamedTuple):
    """Who is billed when. `exempt` frees all classes; `closed` is the first day without it; `pools`: with whom it shares, "" for nobody."""

    name: str
    bill_days: tuple[tuple[dt.date, int], ...]
    exempt: tuple[Span, ...]
    discounts: tuple[Discount, ...]
    closed: dt.date | None = None
    pools: tuple[tuple[Span, str], ...] = ()


class Call(NamedTuple):
    """A call in begun minutes, at a local time that no other call has."""

    number: str
    at: dt.datetime
    minutes: int


class Adjustment(NamedTuple):
    """A charge or credit by hand."""

    account: str
    subscription: str
    on: dt.date
    micros: int
    tax: str
    code: int


class Life(NamedTuple):
    """Everything that a bill is made of; accounts and subscriptions in the order in which they came to be."""

    opened: dt.date
    inclusive: bool
    rates: dict[str, tuple[tuple[dt.date, int], ...]]
    versions: tuple[Version, ...]
    accounts: tuple[Account, ...]
    subscriptions: tuple[Subscription, ...]
    calls: tuple[tuple[Call, dt.datetime], ...]  # with the instant (UTC) at which each came first
    adjustments: tuple[Adjustment, ...]
    payers: tuple[Payer, ...]


class Period(NamedTuple):
    """[start, end), and the days of its whole cycle."""

    start: dt.date
    end: dt.date
    cycle_days: int


def periods(account: Account, opened: dt.date, until: dt.date) -> list[Period]:
    """The periods that have begun on or before `until`. A new bill day holds where the running cycle ends; a closing cuts the last one."""
    found, start = [], opened
    while start <= until and (account.closed is None or start < account.closed):
        told = [bill_day for from_date, bill_day in account.bill_days if from_date <= start]
        before, after = around(start, told[-1] if told else account.bill_days[0][1])
        found.append(Period(start, after if account.closed is None else min(after, account.closed), (after - before).days))
        start = after
    return found


def around(day: dt.date, bill_day: int) -> tuple[dt.date, dt.date]:
    """The last bill date that is not after `day`, and the one after it."""
    months = [day.year * 12 + day.month - 1 + shift for shift in (-1, 0, 1)]
    dates = [dt.date(each // 12, each % 12 + 1, min(bill_day, calendar.monthrange(each // 12, each % 12 + 1)[1])) for each in months]
    return (dates[1], dates[2]) if dates[1] <= day else (dates[0], dates[1])


def stretches(subscription: Subscription, period: Period) -> list[tuple[str, dt.date, dt.date]]:
    """Plan, first day and day after the last, inside the period."""
    start = max(subscription.active.start, period.start)
    end = min(subscription.active.end or period.end, period.end)
    edges = [*(day for day, _ in subscription.plans), dt.date.max]
    found = []
    for (from_date, plan), following in zip(subscription.plans, edges[1:], strict=True):
        first, last = max(from_date, start), min(following, end)
        if first < last:
            found.append((plan, first, last))
    return found


def plan_on(subscription: Subscription, day: dt.date) -> str | None:
    """The plan of a day on which the subscription is active."""
    if day not in subscription.active:
        return None
    return next((plan for from_date, plan in reversed(subscription.plans) if from_date <= day), None)


def plan_of(life: Life, name: str, day: dt.date) -> Plan:
    """A plan in the version of a day."""
    return [each for each in life.versions if each.from_date <= day][-1].plans[name]


def instant(local: dt.datetime) -> dt.datetime:
    """The instant (UTC) of a local time."""
    return local.replace(tzinfo=ZoneInfo(ZONE)).astimezone(dt.UTC)
