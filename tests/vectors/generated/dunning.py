"""Dunning: conditions, ladders of days and amounts, campaigns of reminders, days of blocked service."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from tests.vectors.generated.made import Made, Maker, any_day, half_up, money, text

if TYPE_CHECKING:
    import random

ABOUT_DAYS: Final = ("days since earliest unpaid invoice date", "age of the oldest unpaid invoice", "days past due")
ABOUT_MONEY: Final = ("total unpaid invoice balance", "unpaid balance", "amount overdue", "balance of the account")


def condition(choose: random.Random) -> Made:
    """One condition, inclusive or not, on days or on what is unpaid."""
    sign = choose.choice([">=", ">", "=>"])
    if choose.random() < 0.5:
        least: Fraction = Fraction(choose.randint(1, 90))
        values: list[Fraction] = [Fraction(choose.randint(0, 99)), least, least + 1, max(least - 1, Fraction(0))]
        told = f"{choose.choice(ABOUT_DAYS)} {sign} {least}{choose.choice(['', ' days'])}"
        cases: list[Any] = [None, *(int(each) for each in values)]
    else:
        least = money(choose, 1, 9000)
        values = [money(choose, 0, 9999), least, least + Fraction(1, 100), least - Fraction(1, 100)]
        told = f"{choose.choice(ABOUT_MONEY)}{choose.choice([' ', ''])}{sign} {text(least)}{choose.choice(['', ' EUR'])}"
        cases = [None, *map(text, values)]
    matches = [False, *(each > least if sign == ">" else each >= least for each in values)]
    return Made("dunning", {"condition": told, "cases": cases}, {"matches": matches})


def both(choose: random.Random) -> Made:
    """Two conditions that must both hold."""
    days, least = choose.randint(1, 60), money(choose, 1, 9000)
    cases = [(choose.randint(0, 99), money(choose, 0, 9999)) for _ in range(3)] + [(days, least)]
    told = f"{choose.choice(ABOUT_DAYS)} >= {days} and {choose.choice(ABOUT_MONEY)} >= {text(least)}"
    matches = [age >= days and amount >= least for age, amount in cases]
    return Made("dunning", {"condition": told, "cases": [[age, text(amount)] for age, amount in cases]}, {"matches": matches})


def ladder_of_days(choose: random.Random) -> Made:
    """States by days."""
    days = sorted(choose.sample(range(1, 60), choose.randint(1, 4)))
    names = [f"OD{place}" for place in range(1, len(days) + 1)]
    ages = choose.sample(range(80), 5)
    states: list[Any] = [[name, each] for name, each in zip(names, days, strict=True)]
    if choose.random() < 0.5:
        states = [{"name": name, choose.choice(["days", "days_past_due", "age_days"]): each} for name, each in states]
    choose.shuffle(states)
    found = [next((name for name, each in reversed([*zip(names, days, strict=True)]) if age >= each), "CLEAR") for age in ages]
    return Made("dunning", {"states": states, choose.choice(["invoice_age_days", "ages", "days"]): ages}, {"states": found})


def ladder_by_date(choose: random.Random) -> Made:
    """States by days, and one invoice: where it stands on some dates."""
    begun, days = any_day(choose), sorted(choose.sample(range(1, 60), 3))
    names = ["OD1", "OD2", "OD3"]
    ages = choose.sample(range(80), 4)
    found = {
        f"{begun + dt.timedelta(age)}": next((name for name, each in reversed([*zip(names, days, strict=True)]) if age >= each), "CLEAR")
        for age in ages
    }
    states = [[name, each] for name, each in zip(names, days, strict=True)]
    return Made("dunning", {"states": states, choose.choice(["invoice_date", "unpaid_invoice"]): f"{begun}"}, {"state_by_date": found})


def ladder_of_amounts(choose: random.Random) -> Made:
    """States by what is unpaid."""
    amounts = sorted({money(choose, 1, 9000) for _ in range(3)})
    names = ["WARNING", "BLOCKED", "CANCELLED"][: len(amounts)]
    balances = [money(choose, 0, 12000) for _ in range(5)]
    states = [{"name": name, "amount": text(each)} for name, each in zip(names, amounts, strict=True)]
    found = [next((name for name, each in reversed([*zip(names, amounts, strict=True)]) if owed >= each), "CLEAR") for owed in balances]
    return Made("dunning", {"states": states, "unpaid_balances": [text(each) for each in balances]}, {"states": found})


def campaign(choose: random.Random) -> Made:
    """Reminders from an amount on, so many, with more than so many days between."""
    term, most, between = choose.randint(0, 20), choose.randint(1, 4), choose.randint(0, 9)
    begun = any_day(choose)
    issued = [begun, begun + dt.timedelta(choose.randint(0, 5))]
    sums = [choose.randint(100, 20_000) for _ in issued]
    threshold = choose.choice([sums[0], sum(sums)])
    late = [each + dt.timedelta(term + 1) for each in issued]
    from_day = late[0] if sums[0] >= threshold else max(late)
    attempts = [from_day + dt.timedelta(place * (between + 1)) for place in range(most)]
    asked = sorted({from_day - dt.timedelta(1), *attempts, attempts[-1] + dt.timedelta(3), begun})
    given = {
        "net_payment_term_days": term,
        "campaign": {"threshold_cents": threshold, "currency": "EUR", "max_attempts": most, "days_between": between},
        "invoices": [[f"{on}{choose.choice(['', ' 18:00'])}", cents] for on, cents in zip(issued, sums, strict=True)],
    }
    expected = {
        "due": [f"{each + dt.timedelta(term)}" for each in issued],
        "overdue_on": [f"{each}" for each in late],
        "attempt_by_date": {f"{on}": sum(each <= on for each in attempts) for on in asked},
    }
    return Made("dunning", given, expected)


def written_off(choose: random.Random) -> Made:
    """An amount that is written off is settled."""
    days, age, gone = choose.randint(1, 30), choose.randint(0, 60), choose.random() < 0.5
    name = choose.choice(["OD1", "WARNING", "B2"])
    state = name if age >= days else "CLEAR"
    given = {"state": f"{name} at {days} days", "invoice_age_days": age, "invoice_written_off": gone}
    return Made("dunning", given, {"state": "CLEAR" if gone else state, "after_write_off_removed": state})


def reopened(choose: random.Random) -> Made:
    """Money that goes back opens its invoice with its old date."""
    event = choose.choice(["chargeback of the payment", "refund without adjustment", "reversal of the payment"])
    name = choose.choice(["OD1", "WARNING"])
    expected = {"state": f"{name} immediately", "after_chargeback_reversal": "CLEAR"}
    given = {"invoice_age_days_over_threshold": True, "event": event}
    return Made("dunning", given, expected, tight="after_chargeback_reversal")


def blocked(choose: random.Random) -> Made:
    """Days of blocked service are credited."""
    start = dt.date(choose.randint(2019, 2026), choose.randint(1, 11), choose.randint(1, 28))
    end = start.replace(month=start.month + 1)
    first = start + dt.timedelta(choose.randint(1, 20))
    after = first + dt.timedelta(choose.randint(1, (end - first).days))
    price = money(choose, 500, 40000)
    month = (end - start).days
    back = half_up(price * (1 - Fraction((after - first).days, month))) - price
    days = choose.choice(["", f" ({month} days)"])
    given = {"price": text(price), "period": f"{start}..{end}{days}", "service_blocked": f"{first}..{after}", "all_paid_on": f"{after}"}
    following = {f"next_invoice_{end:%Y_%m_%d}": [text(price), text(back)]}
    expected = {"state": "CLEAR", "repair": text(back), "account_credit": text(-back), **following, "balance": "0.00"}
    return Made("dunning", given, expected)


def blocked_to_the_cycle(choose: random.Random) -> Made:
    """The same until a bill date."""
    end = dt.date(choose.randint(2019, 2026), choose.randint(2, 11), choose.randint(1, 28))
    start, following = end.replace(month=end.month - 1), end.replace(month=end.month + 1)
    first, price = end - dt.timedelta(choose.randint(1, 27)), money(choose, 500, 40000)
    back = half_up(price * (1 - Fraction((end - first).days, (end - start).days))) - price
    items = [f"{text(price)} for {end}..{following}", f"{text(back)} for {first}..{end}"]
    return Made(
        "dunning", {"price": f"{float(price):.2f}", "service_blocked": f"{first}..{end}", "all_paid_on": f"{end}"}, {"items": _two(items)}
    )


def _two(items: list[str]) -> list[str]:
    """Amounts at the front of texts with two places."""
    return [f"{float(each.split()[0]):.2f} {each.partition(' ')[2]}" for each in items]


MAKERS: Final[tuple[Maker, ...]] = (
    *(
        condition,
        condition,
        both,
        ladder_of_days,
        ladder_by_date,
        ladder_of_amounts,
        campaign,
        campaign,
        written_off,
        reopened,
        blocked,
        blocked_to_the_cycle,
    ),
)
