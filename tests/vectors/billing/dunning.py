"""Topic dunning: a state is a function of what is open, a policy and a date; days on which service was blocked are not charged.

Conditions, ladders and campaigns are in `dunning_steps`.
"""

from __future__ import annotations

import datetime as dt
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from billing import dunning
from billing.allocations import OpenItem
from billing.charges.pauses import Breaks
from billing.charges.periods import previous_bill_date
from billing.charges.proration import Span
from billing.dunning_policy import Action, Policy, Step
from rating.money import format_micros
from tests.vectors.billing import dunning_steps, fees, listed
from tests.vectors.billing.desk import Customer
from tests.vectors.billing.fees import Bills, Life, Stage
from tests.vectors.billing.form import Case, ListedError, Shape, day, days_in, exact, whole, yes_or_no

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.charges.lines import Lines

CLEAR: Final = "CLEAR"
_TODAY: Final = dt.date(2026, 3, 31)
_GOES_BACK: Final = re.compile("refund|chargeback|reversal")
_STATE: Final = re.compile(r"(\w+) at (\d+) days")


def written_off(case: Case) -> dict[str, Any]:
    """What is written off is not open: the state follows at once, and when it is taken back."""
    name, days, age = *_named(case.given["state"]), whole(case.given["invoice_age_days"])
    states = {True: CLEAR, False: name}
    open_items = _items([age])
    left = [] if yes_or_no(case.given["invoice_written_off"]) else open_items
    return {"state": states[_level(left, days) == 0], "after_write_off_removed": states[_level(open_items, days) == 0]}


def blocked_and_paid(case: Case) -> dict[str, Any]:
    """Days on which service was blocked are not charged: a fee that was billed in advance is credited, and the next bill uses that."""
    given = case.given
    start, end = days_in(given["period"])[:2]
    life = Life((Stage(start, exact(given["price"])),), max(start.day, end.day))
    if fees.first_period(life).end != end:
        raise ListedError(f"a period of {given['period']}: ours are months")
    blocked = life._replace(breaks=_blocked(given))
    bills, customer = Bills(), Customer(case.id)
    customer.pay(_billed(customer, bills.bill(fees.due(life, start))))
    repair = _billed(customer, bills.bill(fees.due(blocked, start)))
    credit = customer.books().credit
    following = _billed(customer, bills.bill(fees.due(blocked, end)))
    customer.pay(customer.books().balance)
    return {
        "state": CLEAR if _level([], 1) == 0 else "",
        "repair": repair,
        "account_credit": credit,
        f"next_invoice_{end:%Y_%m_%d}": [following, repair],
        "balance": customer.books().balance,
    }


def blocked_until_the_cycle(case: Case) -> dict[str, Any]:
    """The same where service comes back on a bill date: one bill has the next fee and the credit."""
    (blocked,) = _blocked(case.given).pauses
    assert blocked.end is not None
    start = previous_bill_date(blocked.end, blocked.end.day)
    life = Life((Stage(start, exact(case.given["price"])),), blocked.end.day)
    bills = Bills()
    bills.bill(fees.due(life, start))
    credit, following = bills.bill(fees.due(life._replace(breaks=Breaks((blocked,))), blocked.end))
    days = fees.days_of(life, following)
    return {"items": [_item(following, days.start, days.end), _item(credit, blocked.start, blocked.end)]}


def refunded(case: Case) -> dict[str, Any]:
    """A payment that goes back opens its invoice again, with the due date it had: the state follows at once."""
    if not yes_or_no(case.given["invoice_age_days_over_threshold"]) or not _GOES_BACK.search(case.given["event"]):
        message = "an invoice that is not old enough, or nothing that goes back: which state follows is not told"
        raise ValueError(message)
    name = str(case.expected["state"]).split()[0]
    customer = Customer(case.id)
    number = customer.document(Fraction(10))
    customer.refund(customer.pay(Fraction(10)), Fraction(10))
    (item,) = customer.open_items()
    assert item.number == number
    days = 10
    level = dunning.state([item], 0, _one_step(days), item.due_on + dt.timedelta(days)).level
    won = dunning.state([], 0, _one_step(days), item.due_on + dt.timedelta(days)).level
    return {"state": f"{name} immediately" if level else CLEAR, "after_chargeback_reversal": name if won else CLEAR}


def _level(items: Sequence[OpenItem], days: int) -> int:
    """The level of a policy of one step, that many days past due, today."""
    return dunning.state(items, 0, _one_step(days), _TODAY).level


def _one_step(days: int) -> Policy:
    return Policy("one", (Step(1, Action.REMIND, days),))


def _items(ages: Sequence[int]) -> list[OpenItem]:
    """Invoices due so many days ago."""
    return [OpenItem(1, place, f"R-{place}", _TODAY - dt.timedelta(age), 10_000_000) for place, age in enumerate(ages, 1)]


def _named(text: str) -> tuple[str, int]:
    found = _STATE.fullmatch(text)
    if found is None:
        message = f"{text!r} is no state with its days"
        raise ValueError(message)
    return found[1], int(found[2])


def _blocked(given: dict[str, Any]) -> Breaks:
    first, after = days_in(given["service_blocked"])
    if day(given["all_paid_on"]) != after:
        message = f"paid on {given['all_paid_on']}, and blocked until {after}: paying ends it at once"
        raise ValueError(message)
    return Breaks((Span(first, after),))


def _billed(customer: Customer, lines: Lines) -> Fraction:
    """A document of these lines; its total."""
    amount = fees.total(lines)
    customer.document(amount)
    return amount


def _item(line: Any, start: dt.date, end: dt.date) -> str:  # noqa: ANN401 -- a row of LINE
    return f"{format_micros(int(line['amount_micros']))} for {start}..{end}"


SHAPES: Final = (
    *dunning_steps.SHAPES,
    Shape("state invoice_age_days invoice_written_off", "?state ?after_write_off_removed", written_off),
    Shape("price period service_blocked all_paid_on", "?state ?repair ?account_credit ?next_invoice_* ?balance", blocked_and_paid),
    Shape("price service_blocked all_paid_on", "items", blocked_until_the_cycle),
    Shape("old new cleared_and_changed_on period", "items due", reason=listed.NOT_TOLD),
    Shape("invoice_age_days_over_threshold event", "*", refunded),
    Shape("states ?*_invoice_* child_pays_through_parent ?*", "*", reason=listed.PARENT),
)
