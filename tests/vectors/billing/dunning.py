"""Topic dunning: a state is a function of what is open, a policy and a date; whoever does not pay may be cut off, and blocked days are free.

A policy of ours has days past due and amounts. Counts of invoices, retries of a card, notices and campaigns are later work.
"""

from __future__ import annotations

import datetime as dt
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from billing import dunning
from billing.allocations import OpenItem
from billing.charges.pauses import Breaks
from billing.charges.proration import Span
from billing.dunning_policy import Action, Policy, Step
from tests.vectors.billing import fees
from tests.vectors.billing.fees import Bills, Life, Stage
from tests.vectors.billing.form import Case, Shape, amount_in, day, days_in, exact, micros, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

LATER: Final = "counts of invoices, causes of failure, retries and campaigns: the full policy of dunning is later work"
PARENT: Final = "a state of the payer that children take over: ours is the payer's account alone, whose lines theirs are"
CLEAR: Final = "CLEAR"
_TODAY: Final = dt.date(2026, 3, 31)
_AGE: Final = re.compile(r"days since earliest unpaid invoice date >= (\d+)")
_STATE: Final = re.compile(r"(\w+) at (\d+) days")


def by_age(case: Case) -> dict[str, Any]:
    """A condition on the age of the oldest invoice; none is unpaid where there is no age."""
    found = _AGE.fullmatch(case.given["condition"])
    if found is None:
        message = f"{case.given['condition']!r} is no condition on age"
        raise ValueError(message)
    ages = [None if each is None else whole(each) for each in case.given["cases"]]
    return {"matches": [_level(_items([] if age is None else [age]), whole(found[1])) > 0 for age in ages]}


def written_off(case: Case) -> dict[str, Any]:
    """What is written off is not open: the state follows at once, and when it is taken back."""
    name, days, age = *_named(case.given["state"]), whole(case.given["invoice_age_days"])
    states = {True: CLEAR, False: name}
    open_items = _items([age])
    left = [] if case.given["invoice_written_off"] else open_items
    return {"state": states[_level(left, days) == 0], "after_write_off_removed": states[_level(open_items, days) == 0]}


def blocked_and_paid(case: Case) -> dict[str, Any]:
    """Days on which service was blocked are not charged: what the next bill says of a fee in advance that was billed before."""
    given = case.given
    start, end = days_in(given["period"])[:2]
    blocked = days_in(given["service_blocked"])
    life = _life(given["price"], start, end)
    bills = Bills()
    bills.bill(fees.due(life, start))
    repaired = bills.bill(fees.due(_blocked(life, blocked), start))
    after = bills.bill(fees.due(_blocked(life, blocked), end))
    repair = fees.total(repaired)
    return {
        "state": CLEAR if day(given["all_paid_on"]) >= blocked[-1] else "",
        "repair": repair,
        "account_credit": -repair,
        f"next_invoice_{end:%Y_%m_%d}": [fees.total(after), repair],
        "balance": Fraction(0),
    }


def blocked_until_the_cycle(case: Case) -> dict[str, Any]:
    """The same where service comes back on a bill date: one bill has the next fee and the credit."""
    blocked = days_in(case.given["service_blocked"])
    life = _life(case.given["price"], blocked[0] - dt.timedelta(31), blocked[1])
    return {"items": _items_of_cycle(life, blocked)}


def blocked_and_changed(case: Case) -> dict[str, Any]:
    """Blocked days, then another plan within the period: the new price and what is left of the old one, by days."""
    given = case.given
    start, _ = days_in(given["period"])[:2]
    change = day(given["cleared_and_changed_on"])
    old, new = amount_in(given["old"]), amount_in(given["new"])
    life = _life(old, start, days_in(given["period"])[1])
    blocked_from = _blocked_from(case, old)
    bills = Bills()
    bills.bill(fees.due(life, start))
    repair = fees.total(bills.bill(fees.due(_blocked(life, [blocked_from, change]), start)))
    changed = _blocked(life, [blocked_from, change])._replace(stages=(*life.stages, Stage(change, new)))
    lines = bills.bill(fees.due(changed, start))
    of = {place: fees.total(lines[lines["price_id"] == place]) for place in (1, 2)}
    items = [f"{_plain(of[2])} new", f"{_plain(of[1])} old", f"{_plain(repair)} credit used"]
    return {"items": items, "due": of[1] + of[2] + repair}


def _level(items: Sequence[OpenItem], days: int) -> int:
    """The level of a policy of one step, that many days past due, today."""
    policy = Policy("one", (Step(1, Action.REMIND, days),))
    return dunning.state(items, 0, policy, _TODAY).level


def _items(ages: Sequence[int]) -> list[OpenItem]:
    """Invoices due so many days ago."""
    return [OpenItem(1, place, f"R-{place}", _TODAY - dt.timedelta(age), 10_000_000) for place, age in enumerate(ages, 1)]


def _named(text: str) -> tuple[str, int]:
    found = _STATE.fullmatch(text)
    if found is None:
        message = f"{text!r} is no state with its days"
        raise ValueError(message)
    return found[1], int(found[2])


def _life(price: object, start: dt.date, end: dt.date) -> Life:
    """A life whose period is `[start, end)`: bill day of the later date, clamped in the earlier month."""
    return Life((Stage(start, exact(str(price))),), max(start.day, end.day))


def _blocked(life: Life, days: Sequence[dt.date]) -> Life:
    return life._replace(breaks=Breaks((Span(days[0], days[-1]),)))


SHAPES: Final = (
    Shape("condition cases", "matches", by_age),
)
_ = micros
