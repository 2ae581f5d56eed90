"""The months of a contract's minimum term that are left when it ends.

Problem: a subscriber who leaves before the minimum term is over pays for the months that are left, a begun one whole. Months are those of
the contract: they begin on the day of the month on which the minimum term began, clamped to the month's last day. Each is derived afresh
from that day (31 January, 28 February, 31 March). An agreement with the subscriber (a fact `terms`) comes before the plan where it holds on
the last day with service. Its minimum term begins on the date of the agreement; the plan's begins with the subscription. A subscription
that was taken over from another owner is bound by the agreement with the new one alone. Dates are local and half open: `end` is the first
day without service.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple

from billing.charges.periods import MONTHS_PER_YEAR, bill_date_in

if TYPE_CHECKING:
    from rating.model import Plan


class Agreed(NamedTuple):
    """An agreement with a subscriber, up to `to_date` (None: for good). `minimum_months` None: nothing about the minimum term."""

    from_date: dt.date
    minimum_months: int | None = None
    waived: bool = False  # no fee for an early end
    to_date: dt.date | None = None


class Contract(NamedTuple):
    """The conditions for fees at the beginning and end of a subscription. `agreed` in order of time."""

    agreed: tuple[Agreed, ...] = ()
    taken_over: bool = False  # it began as a transfer from another owner
    handed_over: bool = False  # it ended as a transfer to another owner


NOTHING_AGREED: Final = Contract()


def months_after(day: dt.date, months: int) -> dt.date:
    """The same day of the month so many months (>= 0) later, or the month's last day where it is shorter."""
    year, month = divmod(day.year * MONTHS_PER_YEAR + day.month - 1 + months, MONTHS_PER_YEAR)
    return bill_date_in(year, month + 1, day.day)


def months_left(begins: dt.date, minimum_months: int, end: dt.date) -> int:
    """Months of the minimum term that are not over at `end`, a begun one counts whole; 0 when it is over."""
    completed = (end.year - begins.year) * MONTHS_PER_YEAR + end.month - begins.month
    if completed > 0 and months_after(begins, completed) > end:
        completed -= 1
    return max(minimum_months - max(completed, 0), 0)


def months_left_of(contract: Contract, plan: Plan, begins: dt.date, end: dt.date) -> int:
    """Months left when a subscription that began at `begins` ends at `end` on `plan`; 0 where nothing is due for that."""
    known = [each for each in contract.agreed if each.from_date < end and (each.to_date is None or end <= each.to_date)]
    if contract.handed_over or (known and known[-1].waived):
        return 0
    told = [each for each in known if each.minimum_months is not None]
    if told:
        assert told[-1].minimum_months is not None
        return months_left(told[-1].from_date, told[-1].minimum_months, end)
    months = plan.terms.minimum_months if plan.terms is not None and not contract.taken_over else 0
    return months_left(begins, months, end)
