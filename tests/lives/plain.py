"""The bill of a whole life, worked out plainly: dates, Fractions and dictionaries, nothing of the product.

It knows what the lives of `tests.lives` are made of. Amounts are micro-units; a line is rounded HALF_UP to the cent once, tax once a payer,
period and class. A line is named by (payer, kind, subscription, charge code, tax class, first day of its period).
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections import defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from tests.lives.plain_usage import Use, used
from tests.lives.story import (
    ACTIVATION,
    CENT,
    CHANGE,
    COMMITMENT,
    EARLY,
    LOYAL,
    ONE_DAY,
    VOICE,
    VOLUME,
    Discount,
    Period,
    Span,
    periods,
    plan_of,
    stretches,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.lives.story import Account, Fee, Life, Subscription

PPM = 1_000_000
USUAL = ("recurring", "one_off", "usage", "volume")
Key = tuple[str, str, str, int, str, dt.date]
Lines = dict[Key, int]
Taxes = dict[tuple[str, str, dt.date], int]  # payer, class, period
Uses = dict[tuple[str, dt.date], Use]  # subscription, first day of the period


class Line(NamedTuple):
    """One line of a bill, of the account that owns the subscription."""

    kind: str
    subscription: str
    code: int
    tax: str
    micros: int
    off: tuple[str, str] | None = None  # of a discount: kind and subscription of the line that it is off, whose payer has it


def bill(life: Life, until: dt.date) -> tuple[Lines, Taxes]:
    """Everything that bills up to and of the date `until` come to. Of prices with tax lines are gross, and only their sums are of use."""
    lines: Lines = defaultdict(int)
    bases: dict[tuple[str, str, dt.date, dt.date], int] = defaultdict(int)
    uses = used(life, until)
    for account in life.accounts:
        for period in periods(account, life.opened, until):
            for line in _charged(life, account, period, until, uses):
                payer = _payer(life, account.name, line, period.start)
                lines[payer, line.kind, line.subscription, line.code, line.tax, period.start] += line.micros
                bases[payer, line.tax, period.start, period.end] += line.micros
    taxes: Taxes = defaultdict(int)
    for (payer, tax, start, end), base in bases.items():
        taxes[payer, tax, start] += _tax(life, payer, tax, end - ONE_DAY, base)
    return {key: micros for key, micros in lines.items() if micros}, {key: micros for key, micros in taxes.items() if micros}


def half_up(exact: Fraction | int) -> int:
    """To the cent, halves away from zero."""
    sign = -1 if exact < 0 else 1
    return sign * ((abs(Fraction(exact)) / CENT + Fraction(1, 2)) // 1) * CENT


def _charged(life: Life, account: Account, period: Period, until: dt.date, uses: Uses) -> list[Line]:
    """The lines of an account in a period, each composed on those before it."""
    own = [each for each in life.subscriptions if each.account == account.name]
    base: list[Line] = []
    for each in own:
        base += [*_fees(life, each, period, until), *(_used(life, each, period, uses) if period.end <= until else ())]
    rest = [line.micros for line in base]
    off: list[Line] = []
    for fixed in (False, True):
        for each in own:
            rows = [place for place, line in enumerate(base) if line.subscription == each.name]
            off += _discounts(_of_plan(life, each, period) + list(each.discounts), period, base, rest, rows, each.name, fixed=fixed)
        off += _discounts(list(account.discounts), period, base, rest, list(range(len(base))), "", fixed=fixed)
    late = []
    if period.end <= until:
        late = [line for each in own for line in _missing(life, each, period, base, rest)]
        last = account.closed - ONE_DAY if account.closed else dt.date.max  # what is dated later is of the last period
        by_hand = [each for each in life.adjustments if each.account == account.name and period.start <= min(each.on, last) < period.end]
        late += [Line("adjustment", each.subscription, each.code, each.tax, each.micros) for each in by_hand]
    return [*base, *off, *late]


def _fees(life: Life, subscription: Subscription, period: Period, until: dt.date) -> Iterator[Line]:
    fees: dict[int, tuple[str, Fraction]] = {}
    for plan_name, first, last in stretches(subscription, period):
        for fee in plan_of(life, plan_name, first).fees:
            if (period.start if fee.advance else period.end) <= until:
                days = sum(_pays(subscription, fee, first + ONE_DAY * number) for number in range((last - first).days))
                fees[fee.code] = (fee.tax, fees.get(fee.code, ("", Fraction(0)))[1] + Fraction(fee.micros * days, period.cycle_days))
    yield from (Line("recurring", subscription.name, code, tax, half_up(exact)) for code, (tax, exact) in fees.items())
    for code, micros in _once(life, subscription, period) if period.end <= until else ():
        yield Line("one_off", subscription.name, code, "standard", micros)


def _once(life: Life, subscription: Subscription, period: Period) -> Iterator[tuple[int, int]]:
    """Fees for beginning, for changing to another plan, and for ending early."""
    start, end = subscription.active
    held = stretches(subscription, Period(start, end or dt.date.max, 1))
    for place, (name, first, _) in enumerate(held):
        plan = plan_of(life, name, first)
        if period.start <= first < period.end:
            if place == 0 and not subscription.taken_over:
                yield ACTIVATION, plan.activation_micros
            elif place and held[place - 1][0] != name:
                yield CHANGE, plan.change_micros
    if end is not None and held and period.start <= end - ONE_DAY < period.end and not subscription.handed_over:
        plan = plan_of(life, held[-1][0], end - ONE_DAY)
        left = 0 if subscription.taken_over else plan.minimum_months - _months_over(start, end)
        yield EARLY, plan.early_micros * max(left, 0)


def _months_over(start: dt.date, end: dt.date) -> int:
    """Whole months from the first day; each counted afresh from it, and clamped."""
    months = 0
    while True:
        number = start.year * 12 + start.month + months
        year, month = number // 12, number % 12 + 1
        if dt.date(year, month, min(start.day, calendar.monthrange(year, month)[1])) > end:
            return months
        months += 1


def _used(life: Life, subscription: Subscription, period: Period, uses: Uses) -> Iterator[Line]:
    """The calls of a period, and what its volume price changes of them."""
    micros, minutes = uses.get((subscription.name, period.start), Use(0, 0))
    usage = half_up(micros)
    yield Line("usage", subscription.name, VOICE, "standard", usage)
    held = stretches(subscription, period)
    steps = plan_of(life, held[-1][0], held[-1][1]).volume if held else ()
    if steps and minutes:
        step = [each for from_minute, each in steps if from_minute <= minutes][-1]
        yield Line("volume", subscription.name, VOLUME, "standard", half_up(minutes * step) - usage)


def _of_plan(life: Life, subscription: Subscription, period: Period) -> list[Discount]:
    held = stretches(subscription, period)
    ppm = plan_of(life, held[-1][0], held[-1][1]).loyal_ppm if held else 0
    return [Discount("~", Span(dt.date.min, None), LOYAL, ppm, 0, ("usage", "volume"))] if ppm else []


def _discounts(  # noqa: PLR0913, PLR0917 -- what a discount is taken off, and what is left of it
    known: list[Discount], period: Period, base: Sequence[Line], rest: list[int], rows: list[int], owner: str, *, fixed: bool
) -> Iterator[Line]:
    """Lines of discounts on some of `base`; `rest` is what they leave."""
    for each in sorted(known, key=lambda each: (each.name, each.ppm, each.micros, each.kinds)):
        about = [place for place in rows if base[place].kind in (each.kinds or USUAL)]
        whole = max(sum(rest[place] for place in about), 0)
        if bool(each.ppm) == fixed or period.end - ONE_DAY not in each.span or not whole:
            continue
        wanted = min(half_up(Fraction(whole * each.ppm, PPM)) if each.ppm else each.micros, whole)
        for place, share in zip(about, _spread(wanted, [max(rest[place], 0) for place in about]), strict=True):
            rest[place] -= share
            yield Line("discount", owner, each.code, base[place].tax, -share, base[place][:2])


def _spread(micros: int, weights: Sequence[int]) -> list[int]:
    """By largest remainder, in cents; of equal remainders the first takes it."""
    cents, whole = micros // CENT, sum(weights)
    shares = [cents * weight // whole for weight in weights]
    for place in sorted(range(len(weights)), key=lambda each: -(cents * weights[each] % whole))[: cents - sum(shares)]:
        shares[place] += 1
    return [share * CENT for share in shares]


def _missing(life: Life, subscription: Subscription, period: Period, base: Sequence[Line], rest: Sequence[int]) -> Iterator[Line]:
    """What is missing to the commitment, after discounts."""
    exact = Fraction(0)
    for name, first, last in stretches(subscription, period):
        each_day = [first + ONE_DAY * number for number in range((last - first).days)]
        days = sum(not any(day in pause for pause in subscription.pauses) for day in each_day)
        exact += Fraction(plan_of(life, name, first).commitment_micros * days, period.cycle_days)
    counted = sum(left for line, left in zip(base, rest, strict=True) if line.subscription == subscription.name)
    yield Line(
        "commitment",
        subscription.name,
        COMMITMENT,
        "standard",
        max(half_up(exact) - max(counted, 0), 0),
    )


def _payer(life: Life, owner: str, line: Line, day: dt.date) -> str:
    """By the newest agreement that fits the line, as its period began; those of the payer after it."""
    kind, subscription = line.off or (line.kind, line.subscription)
    families = {"of account": owner, "sponsor": owner, "of subscription": subscription}
    fits = [
        each
        for each in life.payers
        if families[each.family] == each.subject and day in each.span and (not each.kinds or kind in each.kinds)
    ]
    newest = max(fits, key=lambda each: (each.span.start, list(families).index(each.family)), default=None)
    return newest.other if newest is not None else owner


def _tax(life: Life, payer: str, tax: str, last_day: dt.date, base: int) -> int:
    account = next(each for each in life.accounts if each.name == payer)
    rate = 0 if any(last_day in span for span in account.exempt) else [ppm for day, ppm in life.rates[tax] if day <= last_day][-1]
    return base - half_up(Fraction(base * PPM, PPM + rate)) if life.inclusive else half_up(Fraction(base * rate, PPM))


def _pays(subscription: Subscription, fee: Fee, day: dt.date) -> bool:
    if fee.outage_credit and any(day in span for span in subscription.outages):
        return False
    paused = any(day in span for span in subscription.pauses)
    return fee.while_paused == "charged" or paused == (fee.while_paused == "only")
