"""Topics invoice_recurring, plan_change and idempotency: bills of a life, each the difference from those before it.

A life is worked out as it is known on a date; what is known later (another plan, an end) needs no rule of its own.
Steps are texts such as "2011-04-05 plan 12", "2011-04-05 -> 30", "2011-06-05 phase 40", "2011-06-05 cancel".
"""

from __future__ import annotations

import datetime as dt
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from billing.charges.one_off import one_offs_due
from billing.charges.periods import Period
from billing.charges.proration import Span, share
from billing.charges.recurring import PlanSpan
from rating.model import OneOffFee, Plan
from rating.money import RoundingMode, round_exact
from tests.vectors.billing import fees, listed
from tests.vectors.billing.fees import Bills, Life, Stage, life_of
from tests.vectors.billing.form import (
    CENT_MICROS,
    Case,
    ListedError,
    Otherwise,
    Shape,
    amount_in,
    amounts_in,
    day,
    days_in,
    exact,
    micros,
    step_of,
    units,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.charges.lines import Lines

_PAID: Final = re.compile(r"[\d.]+ (paid in full|paid|unpaid|open)")
_STEP: Final = re.compile(r"(\d{4}-\d{2}-\d{2}) (plan|->|phase|cancel) ?(\d+(?:\.\d+)?)?(?: *\(.*\))?")


def one_bill(case: Case) -> dict[str, Any]:
    """Everything that bills up to the target charge, on one bill."""
    life = life_of(case.given)
    lines = Bills().bill(fees.due(life, day(case.given["target"]), _step(case)))
    days = [fees.days_of(life, line) for line in lines]
    amounts = [units(int(line["amount_micros"])) for line in lines]
    items = [{"from": f"{part.start}", "to": f"{part.end}", "amount": amount} for part, amount in zip(days, amounts, strict=True)]
    return {"items": items, "invoice_total": fees.total(lines), "item_count": len(items)}


def phases(case: Case) -> dict[str, Any]:
    """Phases, each with a price and a bill day: each is charged by its own day for the days that it holds."""
    told = case.given["phases"]
    starts = [day(each["start"]) for each in told]
    target, mode = day(case.given["target"]), fees.TIMINGS[case.given["mode"]]
    total, count = Fraction(0), 0
    for place, each in enumerate(told):
        end = starts[place + 1] if place + 1 < len(told) else None
        lines = fees.due(Life((Stage(starts[place], exact(each["price"])),), whole(each["bill_cycle_day"]), end, mode), target)
        total, count = total + fees.total(lines), count + lines.size
    return {"item_count": count, "invoice_total": total}


def fixed_and_recurring(case: Case) -> Otherwise:
    """A fee once and a fee a month: what the bills of some dates come to."""
    given = case.given
    life = life_of(given | {"price": given["recurring"]})
    keys = sorted(case.expected, key=_date)
    dates = [_date(key) for key in keys]
    ours, theirs, bills, once = {}, {}, Bills(), Fraction(0)
    for key, date in zip(keys, dates, strict=True):
        fixed = units(_once(exact(given["fixed"]), life, date)) - once
        once += fixed
        recurring = fees.total(bills.bill(fees.due(life, date)))
        ours[key], theirs[key] = recurring + fixed, recurring + (exact(given["fixed"]) if date == dates[0] else 0)
    return Otherwise(ours, theirs, listed.AT_THE_END)


def trial_and_discount(case: Case) -> dict[str, Any]:
    """Three prices one after the other; bills of some dates, and how many lines a later one has."""
    given = case.given
    stages = [Stage(day(given[f"{name}_start"]), exact(given[name])) for name in ("trial", "discount", "evergreen")]
    life = Life(tuple(stages), whole(given["bill_cycle_day"]))
    bills, answer = Bills(), {}
    for key in sorted(case.expected, key=lambda key: (_date(key), key)):
        date = _date(key)
        lines = bills.bill(fees.due(life, date))
        answer[key] = fees.total(lines) if key.startswith("invoice_") else int((lines["amount_micros"] != 0).sum())
    return answer


def steps(case: Case) -> dict[str, Any]:
    """A bill after each step: what each comes to."""
    known: list[Stage] = []
    bills, totals, end = Bills(), [], None
    for text in case.given["steps"]:
        found = _STEP.fullmatch(text)
        if found is None:
            message = f"{text!r} is no step"
            raise ValueError(message)
        date = day(found[1])
        if found[2] == "cancel":
            end = date
        else:
            known = [*(each for each in known if each.start < date), Stage(date, exact(found[3]))]
        life = Life(tuple(known), known[0].start.day, end)
        totals.append(fees.total(bills.bill(fees.due(life, date))))
    return {"invoice_balances": totals}


def replaced(case: Case) -> dict[str, Any]:
    """A plan that another one replaces on its last day or before; "END-INCLUSIVE" periods hold their last date."""
    given = case.given
    start, last = days_in(given["period"])
    end = last + dt.timedelta("INCLUSIVE" in given["period"].upper())
    change = day(given["change"])
    old, new = exact(given["old_amount"]), exact(given["new_amount"])
    period = Period(start, end, start)
    bills = Bills()
    bills.bill(_in_period(period, [(1, old, Span(start, None))]))
    lines = bills.bill(_in_period(period, [(1, old, Span(start, change)), (2, new, Span(change, None))]))
    of = {place: fees.total(lines[lines["price_id"] == place]) for place in (1, 2)}
    return {"credit": of[1], "charge": of[2], "net": of[1] + of[2]}


def replaced_from_the_start(case: Case) -> dict[str, Any]:
    """A paid bill whose plan is replaced from its first day on: the difference is a document of its own, which is credit."""
    paid_words, change = case.given["invoice_1"], case.given["change"]
    if _PAID.fullmatch(paid_words) is None or "same start date" not in change:
        raise ListedError(f"{listed.WORDS}: {paid_words}; {change}")
    before, after = amount_in(paid_words), amounts_in(change)[0]
    start = dt.date(2026, 1, 1)
    bills = Bills()
    first = fees.total(bills.bill(fees.due(Life((Stage(start, before),), 1), start)))
    second = fees.total(bills.bill(fees.due(Life((Stage(start, after),), 1), start)))
    paid = before if paid_words.split()[1] == "paid" else Fraction(0)
    return {"invoice_1_balance": first - paid, "invoice_2_balance": second}


def again(case: Case) -> dict[str, Any]:
    """A bill of a later date within what is billed: there is none."""
    life, bills = life_of(case.given), Bills()
    bills.bill(fees.due(life, day(case.given["already_invoiced_to_target"])))
    lines = bills.bill(fees.due(life, day(case.given["new_target"])))
    return {"invoice": fees.total(lines) if lines.size else None}


def _step(case: Case) -> int:
    return step_of(case.given.get("currency", "EUR"))


def _date(key: str) -> dt.date:
    year, month, last = key.split("_")[-3:]
    return dt.date(int(year), int(month), int(last))


def _once(amount: Fraction, life: Life, date: dt.date) -> int:
    """Micro-units of a one-off fee at the beginning that bills up to `date` charge."""
    plan = Plan("plan", (), {}, one_offs=(OneOffFee(9, "once", 9, 1, "standard", micros(amount)),))
    spans = [PlanSpan("x/plan", Span(life.stages[0].start, life.end))]
    return sum(each.micros for each in one_offs_due(spans, fees.first_period(life), date, lambda _name, _day: plan))


def _in_period(period: Period, held: Sequence[tuple[int, Fraction, Span]]) -> Lines:
    """Lines of plans held in one period, each with its share."""
    shares = [(price_id, micros(price) * share([span], period)) for price_id, price, span in held]
    return fees.made([(period, price_id, round_exact(each, CENT_MICROS, RoundingMode.HALF_UP)) for price_id, each in shares])


RECURRING: Final = (
    Shape("price ?currency mode period start ?end target bill_cycle_day", "?items ?invoice_total ?item_count", one_bill),
    Shape("phases target mode", "?item_count ?invoice_total", phases),
    Shape("fixed recurring start bill_cycle_day", "invoice_*", fixed_and_recurring),
    Shape(
        "trial trial_start discount discount_start evergreen evergreen_start bill_cycle_day",
        "invoice_* ?items_when_target_*",
        trial_and_discount,
    ),
)
CHANGES: Final = (
    Shape("steps", "invoice_balances", steps),
    Shape("old_amount new_amount period change", "?credit ?charge ?net", replaced),
    Shape("invoice_1 change", "?invoice_1_balance ?invoice_2_balance", replaced_from_the_start),
    Shape("subscriptions", "invoice_totals", reason=listed.OTHER_DAYS),
    Shape("billed proposed", "items", reason=listed.INTERVALS),
    Shape("billed pause proposed", "items", reason=listed.YEARLY),
)
REPEATS: Final = (Shape("price start bill_cycle_day already_invoiced_to_target new_target", "invoice", again),)
