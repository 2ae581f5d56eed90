"""Cycle dates, proration, recurring bills, plan changes, commitments, time zones: days counted by hand, half open."""

from __future__ import annotations

import calendar
import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from tests.vectors.generated.made import Made, Maker, any_day, half_up, money, text

if TYPE_CHECKING:
    import random

ADVANCE, ARREAR = "IN_ADVANCE", "IN_ARREAR"
ZONES: Final = ("Europe/Madrid", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "UTC", "America/Bogota", "Australia/Lord_Howe")


class _Cycle(NamedTuple):
    """A period of the bill day, and the part of it that a subscription holds."""

    start: dt.date
    end: dt.date
    first: dt.date
    after: dt.date

    @property
    def share(self) -> Fraction:
        return Fraction((self.after - self.first).days, (self.end - self.start).days)


def _on(year: int, month: int, bill_day: int) -> dt.date:
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return dt.date(year, month, min(bill_day, calendar.monthrange(year, month)[1]))


def _cycles(start: dt.date, end: dt.date | None, bill_day: int, until: dt.date) -> list[_Cycle]:
    """Every period that a subscription is in, up to one that begins after a date."""
    month = start.month if _on(start.year, start.month, bill_day) <= start else start.month - 1
    found = []
    for place in range(200):
        first, after = _on(start.year, month + place, bill_day), _on(start.year, month + place + 1, bill_day)
        held = max(first, start), after if end is None else min(after, end)
        if held[0] > until or held[0] >= held[1]:
            return found
        found.append(_Cycle(first, after, *held))
    raise AssertionError


def _due(start: dt.date, end: dt.date | None, bill_day: int, target: dt.date, mode: str) -> list[_Cycle]:
    cycles = _cycles(start, end, bill_day, target)
    return cycles if mode == ADVANCE else [each for each in cycles if each.after <= target]


def _life(choose: random.Random) -> tuple[dt.date, dt.date | None, int, dt.date]:
    start = any_day(choose)
    end = choose.choice([None, None, start + dt.timedelta(choose.randint(1, 200))])
    bill_day = choose.choice([start.day, start.day, choose.randint(1, 28), choose.randint(1, 31)])
    return start, end, bill_day, start + dt.timedelta(choose.randint(0, 200))


def _given(choose: random.Random, start: dt.date, end: dt.date | None, bill_day: int, mode: str) -> dict[str, Any]:
    named = {choose.choice(["mode", "billing_mode"]): mode, "period": "MONTHLY", "start": f"{start}", "bill_cycle_day": bill_day}
    return named | ({} if end is None and choose.random() < 0.5 else {"end": end and f"{end}"})


def intervals(choose: random.Random) -> Made:
    """The days that bills up to a date charge."""
    start, end, bill_day, target = _life(choose)
    mode = choose.choice([ADVANCE, ARREAR])
    found = [[f"{each.first}", f"{each.after}"] for each in _due(start, end, bill_day, target, mode)]
    return Made("cycle_dates", {**_given(choose, start, end, bill_day, mode), "target": f"{target}"}, {"intervals": found})


def intervals_by_target(choose: random.Random) -> Made:
    """The same for several dates."""
    start, end, bill_day, target = _life(choose)
    mode, targets = choose.choice([ADVANCE, ARREAR]), [target, target + dt.timedelta(40)]
    found = {f"{each}": [[f"{part.first}", f"{part.after}"] for part in _due(start, end, bill_day, each, mode)] for each in targets}
    given = {**_given(choose, start, end, bill_day, mode), "targets": [f"{each}" for each in targets]}
    return Made("cycle_dates", given, {"intervals_by_target": found})


def walk(choose: random.Random) -> Made:
    """Bill dates after a day."""
    begun = any_day(choose)
    dates = [f"{_on(begun.year, begun.month + place, begun.day)}" for place in range(1, choose.randint(2, 20))]
    return Made("cycle_dates", {"period": "MONTHLY", "subscribed": f"{begun}"}, {"billing_dates": dates})


def cycles(choose: random.Random) -> Made:
    """Sums of fractions of months, each rounded to nine places."""
    start, end, bill_day, target = _life(choose)
    parts = [each.share for each in _due(start, end, min(bill_day, 28), target, ADVANCE)]
    expected = {"cycles": f"{float(sum((half_up(each, 9) for each in parts), Fraction(0))):.9f}"}
    if choose.random() < 0.5:
        expected["as_fractions"] = " + ".join(map(str, parts))
    return Made("proration", {**_given(choose, start, end, min(bill_day, 28), ADVANCE), "target": f"{target}"}, expected)


def fraction(choose: random.Random) -> Made:
    """Days of a period of so many."""
    start, days, period = any_day(choose), choose.randint(1, 27), choose.randint(28, 31)
    expected: dict[str, Any] = {"fraction": f"{float(half_up(Fraction(days, period), 9)):.9f}"}
    if choose.random() < 0.5:
        expected["days"] = days
    return Made("proration", {"from": f"{start}", "to": f"{start + dt.timedelta(days)}", "period_days": period}, expected)


def wrong_order(choose: random.Random) -> Made:
    """An end before the start."""
    start = any_day(choose)
    end = start - dt.timedelta(choose.randint(1, 99))
    given = {
        "period": choose.choice(["MONTHLY", "ANNUAL"]),
        "start": f"{start}",
        "end": f"{end}",
        "target": f"{start}",
        "bill_cycle_day": 3,
    }
    return Made("proration", given, {"error": "INVALID_DATE_SEQUENCE"})


def one_bill(choose: random.Random) -> Made:
    """A fee of some months on one bill."""
    start, end, bill_day, target = _life(choose)
    places, mode = choose.choice([(0, "JPY"), (2, "USD"), (3, "KWD")]), choose.choice([ADVANCE, ARREAR])
    price = Fraction(choose.randint(1, 99_999), 10 ** places[0])
    parts = _due(start, end, bill_day, target, mode)
    amounts = [half_up(price * each.share, places[0]) for each in parts]
    items = [{"from": f"{each.first}", "to": f"{each.after}", "amount": text(amount)} for each, amount in zip(parts, amounts, strict=True)]
    expected: dict[str, Any] = {"invoice_total": text(sum(amounts, Fraction(0)))}
    expected |= choose.choice([{"items": items}, {"item_count": len(items)}, {}])
    given = {"price": text(price), "currency": places[1], **_given(choose, start, end, bill_day, mode), "target": f"{target}"}
    given["mode"] = given.pop("billing_mode", mode)
    return Made("invoice_recurring", given, expected)


def phases(choose: random.Random) -> Made:
    """Phases, each with a price and a bill day of its own."""
    begun = any_day(choose)
    starts = [begun, begun + dt.timedelta(choose.randint(1, 90))]
    target = starts[1] + dt.timedelta(choose.randint(0, 60))
    told, total, count = [], Fraction(0), 0
    for start, end in zip(starts, [starts[1], None], strict=True):
        price, bill_day = money(choose, 1, 5000), choose.randint(1, 28)
        amounts = [half_up(price * each.share) for each in _due(start, end, bill_day, target, ADVANCE)]
        told.append({"price": text(price), "start": f"{start}", "bill_cycle_day": bill_day})
        total, count = total + sum(amounts, Fraction(0)), count + len(amounts)
    return Made(
        "invoice_recurring", {"phases": told, "target": f"{target}", "mode": ADVANCE}, {"item_count": count, "invoice_total": text(total)}
    )


def prices_in_turn(choose: random.Random) -> Made:
    """A trial, a lower price and a price: what bills of some dates come to."""
    begun = any_day(choose)
    starts = [begun, begun + dt.timedelta(choose.randint(20, 50)), begun + dt.timedelta(choose.randint(60, 200))]
    stages = [(start, price) for start, price in zip(starts, (Fraction(0), money(choose, 1, 2000), money(choose, 1, 5000)), strict=True)]
    bill_day, billed, expected = choose.randint(1, 28), Fraction(0), {}
    for date in (starts[0], starts[1], starts[2], starts[2] + dt.timedelta(40)):
        due = _charged(stages, None, date, bill_day)
        expected[f"invoice_{date:%Y_%m_%d}"] = text(due - billed)
        billed = due
    names = ("trial", "discount", "evergreen")
    given: dict[str, Any] = {name: text(price) for name, (_, price) in zip(names, stages, strict=True)}
    given |= {f"{name}_start": f"{start}" for name, (start, _) in zip(names, stages, strict=True)}
    return Made("invoice_recurring", {**given, "bill_cycle_day": bill_day}, expected)


def once_and_monthly(choose: random.Random) -> Made:
    """A fee once and a fee a month: ours has the first one at the end of its month, others at once."""
    begun = any_day(choose).replace(day=choose.randint(1, 28))
    second = _on(begun.year, begun.month + 1, begun.day)
    once, monthly, theirs = money(choose, 1, 5000), money(choose, 1, 5000), choose.random() < 0.5
    sums = (once + monthly, monthly) if theirs else (monthly, once + monthly)
    expected = {f"invoice_{date:%Y_%m_%d}": text(each) for date, each in zip((begun, second), sums, strict=True)}
    given = {"fixed": text(once), "recurring": text(monthly), "start": f"{begun}", "bill_cycle_day": begun.day}
    return Made("invoice_recurring", given, expected, theirs=theirs)


def again(choose: random.Random) -> Made:
    """A bill within what is billed: none."""
    start = any_day(choose).replace(day=choose.randint(1, 28))
    bill_day = start.day
    first = _on(start.year, start.month + choose.randint(0, 4), bill_day)
    given = {"price": "5", "start": f"{start}", "bill_cycle_day": bill_day, "already_invoiced_to_target": f"{first}"}
    return Made("idempotency", given | {"new_target": f"{first + dt.timedelta(choose.randint(0, 27))}"}, {"invoice": None})


def steps(choose: random.Random) -> Made:
    """Plans that follow each other up and down, a bill after each step."""
    begun = any_day(choose).replace(day=choose.randint(1, 28))
    dates = [begun, *(begun + dt.timedelta(each) for each in sorted(choose.choices(range(120), k=choose.randint(1, 5))))]
    told, totals, stages, billed, end = [], [], list[tuple[dt.date, Fraction]](), Fraction(0), None
    for place, date in enumerate(dates):
        if place and place == len(dates) - 1 and choose.random() < 0.5 and date > stages[-1][0]:
            end = date
            told.append(f"{date} cancel")
        else:
            price = money(choose, 0, 9000)
            word, note = "plan" if not place else choose.choice(["->", "phase", "plan"]), choose.choice(["", " (up or down)"])
            told.append(f"{date} {word} {text(price)}{note}")
            stages = [*(each for each in stages if each[0] < date), (date, price)]
        due = _charged(stages, end, date)
        totals.append(text(due - billed))
        billed = due
    return Made("plan_change", {"steps": told}, {"invoice_balances": totals})


def _charged(stages: list[tuple[dt.date, Fraction]], end: dt.date | None, until: dt.date, bill_day: int = 0) -> Fraction:
    """Everything that bills up to a date charge in advance, each plan and month to the cent."""
    total = Fraction(0)
    for each in _cycles(stages[0][0], end, bill_day or stages[0][0].day, until):
        for place, (start, price) in enumerate(stages):
            after = stages[place + 1][0] if place + 1 < len(stages) else each.after
            days = (min(after, each.after) - max(start, each.first)).days
            total += half_up(price * Fraction(max(days, 0), (each.end - each.start).days))
    return total


def replaced(choose: random.Random) -> Made:
    """A plan that another one replaces within a month."""
    start = dt.date(choose.randint(2019, 2027), choose.randint(1, 12), choose.randint(1, 28))
    end = _on(start.year, start.month + 1, start.day)
    change = start + dt.timedelta(choose.randrange((end - start).days))
    old, new, left = money(choose, 0, 20000), money(choose, 0, 20000), Fraction((end - change).days, (end - start).days)
    credit, charge = half_up(old * (1 - left)) - old, half_up(new * left)
    inclusive = choose.random() < 0.5
    period = f"{start}..{end - dt.timedelta(1)} END-INCLUSIVE" if inclusive else f"{start}..{end}"
    given = {"old_amount": text(old), "new_amount": text(new), "period": period, "change": f"{change}"}
    return Made("plan_change", given, {"credit": text(credit), "charge": text(charge), "net": text(credit + charge)})


def replaced_from_start(choose: random.Random) -> Made:
    """A paid bill whose plan is replaced from its first day on."""
    old, new, paid = money(choose, 1, 9000), money(choose, 1, 9000), choose.random() < 0.5
    given = {
        "invoice_1": f"{text(old)} {'paid in full' if paid else 'unpaid'}",
        "change": f"replace by {text(new)} plan on the same start date",
    }
    return Made("plan_change", given, {"invoice_1_balance": text(Fraction(0) if paid else old), "invoice_2_balance": text(new - old)})


def commitment(choose: random.Random) -> Made:
    """A least amount of a month in which the subscription begins."""
    begun = any_day(choose)
    days = calendar.monthrange(begun.year, begun.month)[1]
    share = Fraction(days - begun.day + 1, days)
    least, fee, used = (
        choose.randint(0, 900_000),
        choose.randint(0, 30_000),
        {f"m{place}": choose.randint(0, 90_000) for place in range(choose.randint(0, 3))},
    )
    least_cents, fee_cents = (int(half_up(each * share, 0)) for each in (least, fee))
    given = {"commitment_cents": least, "plan_fee_cents": fee, "started": f"{begun}", "charges_cents": used}
    given["calendar_month"] = f"{begun:%Y-%m}{choose.choice(['', f' ({days} days)'])}"
    up = max(0, least_cents - fee_cents - sum(used.values()))
    return Made("minimum_commitment", given, {"prorated_commitment_cents": least_cents, "plan_fee_cents": fee_cents, "true_up_cents": up})


def last_part(choose: random.Random) -> Made:
    """The amount that is missing at the end of a period."""
    least, before, used = money(choose, 1, 90000), money(choose, 0, 60000), money(choose, 0, 60000)
    missing = least - before - used
    given = {"minimum": text(least), "previously_billed": text(before), "usage_in_last_part": text(used)}
    return Made("minimum_commitment", given, {"minimum_spend_line": text(missing) if missing > 0 else None, "in_mid_period_part": None})


def local_days(choose: random.Random) -> Made:
    """Local days between two instants."""
    zone, start = choose.choice(ZONES), dt.datetime.combine(any_day(choose), dt.time(choose.randrange(24), choose.choice([0, 30])), dt.UTC)
    end = start + dt.timedelta(hours=choose.randint(1, 900))
    days = (end.astimezone(ZoneInfo(zone)).date() - start.astimezone(ZoneInfo(zone)).date()).days
    return Made("timezone", {"start_utc": f"{start:%Y-%m-%dT%H:%M}", "end_utc": f"{end:%Y-%m-%dT%H:%M}", "timezone": zone}, {"days": days})


def local_start(choose: random.Random) -> Made:
    """A subscription that begins at an instant, billed by local dates."""
    zone, instant = choose.choice(ZONES), dt.datetime.combine(any_day(choose), dt.time(choose.randrange(24), 25, 33), dt.UTC)
    start, bill_day = instant.astimezone(ZoneInfo(zone)).date(), choose.randint(1, 28)
    target = start + dt.timedelta(choose.randint(0, 90))
    found = [[f"{each.first}", f"{each.after}"] for each in _due(start, None, bill_day, target, ADVANCE)]
    given = {"timezone": zone, "start_instant": f"{instant:%Y-%m-%dT%H:%M:%SZ}", "target": f"{target}", "bill_cycle_day": bill_day}
    return Made("timezone", {**given, "period": "MONTHLY", "mode": ADVANCE}, {"start_local": f"{start}", "intervals": found})


def midnight(choose: random.Random) -> Made:
    """Instants on the second local bill date, and around it."""
    zone = ZoneInfo(choose.choice(ZONES))
    begun = dt.datetime.combine(any_day(choose), dt.time(12), zone)
    due = _on(begun.year, begun.month + 1, begun.day)
    first = dt.datetime.combine(due, dt.time(0), zone).astimezone(dt.UTC)
    last = dt.datetime.combine(due + dt.timedelta(1), dt.time(0), zone).astimezone(dt.UTC)
    hour = dt.timedelta(hours=1)
    told = [f"{each:%Y-%m-%dT%H:%MZ}" for each in (first - hour, first, last)]
    given = {"timezone": zone.key, "subscribed": f"{begun.astimezone(dt.UTC):%Y-%m-%dT%H:%MZ}"}
    return Made("timezone", given, {"no_invoice_at": [told[0], told[2]], "invoice_at": told[1]}, tight="invoice_at")


def hourly(choose: random.Random) -> Made:
    """A job that asks every hour whether the local bill date has begun."""
    zone = ZoneInfo(choose.choice(["Asia/Kolkata", "UTC", "America/Bogota", "Europe/Madrid"]))
    begun = dt.datetime.combine(any_day(choose).replace(day=choose.randint(1, 28)), dt.time(12), zone)
    due = dt.datetime.combine(_on(begun.year, begun.month + 1, begun.day), dt.time(0), zone).astimezone(dt.UTC)
    hours = [f"{due.replace(minute=0) + dt.timedelta(hours=each):%Y-%m-%dT%H:%MZ}" for each in (-2, 1, 5, 26)]
    given = {"timezone": zone.key, "subscribed": f"{begun.astimezone(dt.UTC):%Y-%m-%dT%H:%MZ}", "hourly_clock_utc": hours}
    expected = {"invoice_created_at": hours[1], "invoices_total": 1, "no_invoice_at": [hours[0], *hours[2:]]}
    return Made("timezone", given, expected, tight="invoice_created_at")


def too_far(choose: random.Random) -> Made:
    """A bill too far ahead, and one that is not."""
    months = choose.choice([1, 12, 30, 48, 60, 99])
    given = {"target": f"today + {months} months", "max_months_in_future": 36}
    return Made("limits", given, {"error": "TARGET_DATE_TOO_FAR" if months > 36 else None})


MAKERS: Final[tuple[Maker, ...]] = (
    *(
        intervals,
        intervals_by_target,
        walk,
        cycles,
        fraction,
        wrong_order,
        one_bill,
        phases,
        prices_in_turn,
        once_and_monthly,
        again,
        steps,
        steps,
        replaced,
        replaced_from_start,
    ),
    *(commitment, last_part, local_days, local_start, midnight, hourly, too_far),
)
