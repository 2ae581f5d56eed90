"""The decisions behind a scope: accounts that are due, accounts that are left out, and the day from which on each is computed.

Accounts that are alike in clock, bill days, first and last date and coverage are one *life*: it is decided on once. Everything else is
columns; only accounts with a hold, a test's category or payers of their own are looked at one by one.

Payments of the members of a rating unit for each other are settled in the periods of both. So all of them are open from one day on: that of
the member with the oldest open period. A hold keeps back all accounts that are billed together in any of these periods.

Accounts are billed in the order of dates, with those they are billed together with. Where one has a valid bill of a later date, a run of
an earlier date skips them. It would compute less than what is billed, and take the rest back.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from billing.charges.lines import Int64s
from billing.charges.periods import BillDays, Period, open_periods, period_after, period_of
from billing.runs.contracts.agreements import parted, related
from billing.runs.contracts.fact_columns import groups
from billing.runs.contracts.facts import Facts
from billing.runs.contracts.unbilled_charges import TEST_ACCOUNT
from billing.runs.contracts.uninvoiced_accounts import ever_for_tests, for_tests
from billing.runs.selection.coverage import TESTED, Covered, computed_seq, coverage
from billing.runs.selection.left_out import LeftOut
from billing.runs.selection.open_periods import Calendar, Calendars
from rating.dates import LONG_AGO_DAY, NEVER, NEVER_DAY, day_number, day_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet


Bools = npt.NDArray[np.bool_]
HELD: Final = LeftOut.HELD.value
PASSED_BY: Final = LeftOut.PASSED_BY.value
_CYCLE_DAYS_MAX: Final = 62  # the longest period there is: a cycle, or a stub on the way to another bill day


class Decided(NamedTuple):
    """`calendar` by account, -1: nothing of it is computed."""

    calendars: list[Calendar]
    calendar: Int64s


class Life(NamedTuple):
    """Common properties of accounts that are alike."""

    zone: str
    bill_days: BillDays
    closed_on: dt.date | None
    periods: list[Period]  # open ones, oldest first
    due: bool
    fresh_day: int  # first day that no run has billed, or whose invoice is void; NEVER_DAY: all of it was billed
    looked_at_seq: int  # as of which the periods before that day were last looked at


class Ground(NamedTuple):
    """Accounts that are due, and what of each is open: the input of the decision, before changes are looked up. Columns by account."""

    facts: Facts
    lives: list[Life]
    code: Int64s  # place in `lives`
    first_day: Int64s  # that is billed
    due: Bools
    left_out: dict[int, tuple[str, str]]

    @property
    def fresh_day(self) -> Int64s:
        """The first day of each account that no run has billed."""
        return _column([each.fresh_day for each in self.lives], self.code)

    @property
    def looked_at_seq(self) -> Int64s:
        """The commit pinned by the last run that looked at each account; NEVER for one that is not due, or was never billed."""
        return np.where(self.due, _column([each.looked_at_seq for each in self.lives], self.code), NEVER)


def prepare(  # noqa: PLR0913, PLR0917 -- who, when, and what stands in the way
    facts: Facts,
    covered: Covered,
    bill_date: dt.date,
    reopen_periods_max: int,
    only: AbstractSet[str] | None = None,
    billed_later: Mapping[int, str] | None = None,
    *,
    closed_too: bool = False,
) -> Ground:
    """Accounts that are due on `bill_date`; `only` these account ids and those of their rating units, if given.

    `closed_too`: an account that closed before `bill_date` is due, as if its next bill date had come.

    `billed_later`: accounts (indices) that have valid bills of later dates, and the last of these dates (ISO).
    """
    asked = _Asked(facts, covered, _billed_from(facts, bill_date), bill_date, reopen_periods_max, closed_too)
    lives, code = _lives(asked)
    due = _of_any_member(facts, _column([each.due for each in lives], code).astype(np.bool_))
    if only is not None:
        named: Any = pc.is_in(facts.account_ids, value_set=pa.array(sorted(only), pa.string()))
        due &= _of_any_member(facts, named.to_numpy(zero_copy_only=False))
    open_day = _column([day_number(each.periods[0].start) if each.periods else NEVER_DAY for each in lives], code)
    looked_at_seq = _column([each.looked_at_seq for each in lives], code)
    together = Together(facts, bill_date, open_day, looked_at_seq)
    passed_by = _passed_by(together, due, billed_later or {})
    due[list(passed_by)] = False
    held = _held(together, due)
    left_out = {int(facts.account_keys[index]): (PASSED_BY, reason) for index, reason in passed_by.items()}
    left_out |= {int(facts.account_keys[index]): (HELD, reason) for index, reason in held.items()}
    tested = [index for index in ever_for_tests(facts) if due[index] and index not in held and _for_tests(facts, index, lives[code[index]])]
    left_out |= {int(facts.account_keys[index]): (TESTED, TEST_ACCOUNT) for index in tested}
    due[list(held)] = False
    return Ground(facts, lives, code, asked.first_day, due, left_out)


def date_after(first: dt.date, bill_days: BillDays, covered_to: dt.date) -> dt.date:
    """The first bill date after `covered_to` on which an account that begins on `first` is due, whether it is closed by then or not."""
    period = period_of(max(first, covered_to), first, bill_days)
    assert period is not None
    return period.end


def decide(ground: Ground, touched: Int64s | None) -> Decided:
    """The periods that are computed. `touched`: first day of each account that something touched, NEVER_DAY for none; None: all of them."""
    from_day = np.full(len(ground.code), LONG_AGO_DAY, np.int64)
    if touched is not None:
        from_day = _of_unit(ground.facts, np.minimum(ground.fresh_day, touched))
    calendars, calendar = _calendars(ground.lives, ground.code, np.where(ground.due, from_day, NEVER_DAY))
    return Decided(calendars.all, calendar)


class _Asked(NamedTuple):
    """The request of a run, with the facts and the coverage of accounts."""

    facts: Facts
    covered: Covered
    first_day: Int64s
    bill_date: dt.date
    reopen_periods_max: int
    closed_too: bool = False

    def life(self, model: int, unit_open_day: int) -> Life:
        """The life of an account and of those like it, with all of its periods open that end after `unit_open_day`."""
        facts = self.facts
        standing, ever = self.covered.coverages[self.covered.of[model]], self.covered.ever[self.covered.of[model]]
        through = standing.through if standing is not None else None
        took_part = coverage(ever)
        own_closed_to = None if standing is None else standing.closed_to
        closed_to = None if own_closed_to is None else min(own_closed_to, day_of(unit_open_day))
        since = None if took_part is None else took_part.before if took_part.through == self.bill_date else took_part.through
        closed_day = int(facts.account_closed_day[model])
        closed_on = None if closed_day == NEVER_DAY else day_of(closed_day)
        bill_days = facts.bill_days[facts.account_bill_days[model]]
        about = (day_of(int(self.first_day[model])), bill_days, self.bill_date, closed_to, self.reopen_periods_max)
        as_if_open = open_periods(*about)
        periods = as_if_open if closed_on is None else open_periods(*about, closed_on)
        periods = [each for each in periods if not as_if_open or each.end > as_if_open[0].start]
        ends = [each[-1].end for each in (as_if_open, periods) if each]
        fresh = next((each.start for each in periods if own_closed_to is None or each.end > own_closed_to), None)
        billed = next((each.end for each in reversed(as_if_open) if through is not None and each.end <= through), None)
        looked_at = None if billed is None else computed_seq(ever, billed)
        is_open = standing is None or standing.reopened_from is not None
        closed_before = self.closed_too and closed_on is not None and closed_on < self.bill_date
        return Life(
            facts.zones[facts.account_zone[model]],
            bill_days,
            closed_on,
            periods,
            bool(periods) and (is_open or since is None or max(ends) > since or closed_before),
            NEVER_DAY if fresh is None else day_number(fresh),
            NEVER if looked_at is None else looked_at,
        )


def _billed_from(facts: Facts, bill_date: dt.date) -> Int64s:
    """The first day of each account that is billed. One that began as a test account is billed from the day on which that ended."""
    first_day = facts.account_first_day.copy()
    for index, told in facts.agreed.categories.items():
        first = day_of(int(first_day[index]))
        if for_tests(facts, index, first):
            edges = sorted({day for span, _ in told for day in (span.start, span.end) if day is not None and first < day < bill_date})
            first_day[index] = day_number(next((day for day in edges if not for_tests(facts, index, day)), first))
    return first_day


def _lives(asked: _Asked) -> tuple[list[Life], Int64s]:
    """The lives of all accounts, and by account its place among them. Members of a rating unit are open from the earliest day of any."""
    facts = asked.facts
    unit_open_day = np.full(len(asked.first_day), NEVER_DAY, np.int64)
    while True:
        code, models = _alike(asked, unit_open_day)
        lives = [asked.life(model, int(unit_open_day[model])) for model in models.tolist()]
        own = _column([day_number(each.periods[0].start) if each.periods else NEVER_DAY for each in lives], code)
        of_unit = _of_unit(facts, own)
        behind = (of_unit < np.minimum(own, unit_open_day)) & (asked.first_day < own) & (of_unit < facts.account_closed_day)
        if not behind.any():
            return lives, code
        unit_open_day[behind] = of_unit[behind]


def _alike(asked: _Asked, unit_open_day: Int64s) -> tuple[Int64s, Int64s]:
    """A number for each account, equal where accounts are alike, and an account of each number.

    The first day of an account does not matter if its open periods do not reach back that far and its bill day never changes.
    """
    facts, covered = asked.facts, asked.covered
    days_back = (asked.reopen_periods_max + 2) * _CYCLE_DAYS_MAX
    reached = [LONG_AGO_DAY if each is None else day_number(min(each.closed_to, asked.bill_date)) - days_back for each in covered.coverages]
    reached_day = np.minimum(np.array(reached, np.int64)[covered.of], unit_open_day - days_back)
    steady = np.array([len(each) == 1 for each in facts.bill_days], np.bool_)
    began = np.maximum(asked.first_day, np.maximum(np.where(steady[facts.account_bill_days], reached_day, LONG_AGO_DAY), 0))
    columns = [covered.of, facts.account_bill_days, facts.account_zone, facts.account_closed_day, began]
    return groups([*columns, unit_open_day] if (unit_open_day < NEVER_DAY).any() else columns)


def _for_tests(facts: Facts, index: int, life: Life) -> bool:
    """Return whether nothing of the last period of an account is invoiced."""
    return bool(life.periods) and for_tests(facts, index, life.periods[-1].start)


def _of_any_member(facts: Facts, holds: Bools) -> Bools:
    """Mask of the accounts with any account in their rating unit for which `holds` is true."""
    any_member = np.zeros(len(holds), np.bool_)
    any_member[facts.account_unit[holds]] = True
    return any_member[facts.account_unit]


def _of_unit(facts: Facts, days: Int64s) -> Int64s:
    """The earliest day of each rating unit, for all of its accounts."""
    earliest = np.full(len(days), NEVER_DAY, np.int64)
    np.minimum.at(earliest, facts.account_unit, days)
    return earliest[facts.account_unit]


class Together(NamedTuple):
    """Inputs for finding accounts that are billed together on a bill date.

    Columns by account: the first day that is open; the commit pinned by the last run that looked at it.
    """

    facts: Facts
    bill_date: dt.date
    open_day: Int64s
    looked_at_seq: Int64s

    def with_others(self, some: Iterable[int]) -> list[int]:
        """Some accounts (indices) and all that are billed together with them, ascending.

        Accounts are billed together where one has taken over from another in a period of either that is open: those of a unit that parted
        before are not. What they had together is not computed any more, so nothing of one is missing at the other. A retracted relation
        keeps accounts together until both were looked at since: what one was billed for the other is given back when that pays.
        """
        found = set(some)
        if not found:
            return []
        together: dict[int, set[int]] = {}
        for one, other in self._pairs():
            together.setdefault(one, set()).add(other)
            together.setdefault(other, set()).add(one)
        ahead = list(found)
        while ahead:
            fresh = together.get(ahead.pop(), set()) - found
            found |= fresh
            ahead.extend(fresh)
        return sorted(found)

    def _pairs(self) -> Iterator[tuple[int, int]]:
        facts, open_day, looked_at_seq = self.facts, self.open_day, self.looked_at_seq
        for one, other, span in related(facts.agreed, facts.owner_of):
            if span.start <= self.bill_date and (span.end is None or day_number(span.end) > min(open_day[one], open_day[other])):
                yield one, other
        for one, other, commit_seq in parted(facts.agreed, facts.owner_of):
            if commit_seq > min(looked_at_seq[one], looked_at_seq[other]):
                yield one, other


def _held(together: Together, due: Bools) -> dict[int, str]:
    """Accounts (indices) that would be due, but there is a hold on the bill date, of theirs or of one they are billed with."""
    holds = together.facts.agreed.holds
    held = [index for index, spans in holds.items() if any(span.holds_on(together.bill_date) for span in spans)]
    return {index: f"its bills are held on {together.bill_date}" for index in together.with_others(held) if due[index]}


def _passed_by(together: Together, due: Bools, billed_later: Mapping[int, str]) -> dict[int, str]:
    """Accounts (indices) that would be due, but they, or accounts that they are billed with, have valid bills of a later date."""
    found: dict[int, str] = {}
    for date in sorted(set(billed_later.values())):
        why = f"it, or an account that it is billed with, has a bill of {date}: a run of that date or a later one bills it"
        with_bills = together.with_others(index for index, last in billed_later.items() if last == date)
        found |= {index: why for index in with_bills if due[index]}
    return found


def _calendars(lives: Sequence[Life], code: Int64s, from_day: Int64s) -> tuple[Calendars, Int64s]:
    """The calendar of each account: those of its open periods that end after its `from_day`."""
    columns = max((len(each.periods) for each in lives), default=0)
    ends = np.full((len(lives), columns), LONG_AGO_DAY, np.int64)
    for row, life in enumerate(lives):
        ends[row, : len(life.periods)] = [day_number(each.end) for each in life.periods]
    count = np.zeros(len(code), np.int64)
    for column in range(columns):
        count += ends[code, column] > from_day
    pair, models = groups([code, count])
    calendars = Calendars()
    numbers = [_number(calendars, lives[code[model]], int(count[model])) for model in models.tolist()]
    return calendars, _column(numbers, pair)


def _number(calendars: Calendars, life: Life, count: int) -> int:
    """The calendar of the last `count` periods of a life; -1 for none."""
    if not count:
        return -1
    ahead = period_after(life.periods[-1], life.bill_days, life.closed_on)
    return calendars.number(Calendar(life.zone, life.bill_days, tuple(life.periods[-count:]), life.periods[0], ahead))


def _column(values: Sequence[int], code: Int64s) -> Int64s:
    """The value of each account by the number of its kind."""
    return np.array(values, np.int64)[code] if len(values) else np.zeros(0, np.int64)
