"""Bill dates that are to be run today: those on which a period ended that no run has billed, by the clocks of accounts.

An account counts at each bill date of a period that was not billed, or whose invoice is void. The last period of an account that closes
counts at the end of its cycle. If a date was run before, as after an undo for some accounts, the run of that date also recomputes the
others that changed since: they are counted apart. Accounts that a run of that date would leave out (`billing.runs.selection.due_accounts`),
and those for which the date has not begun, are counted apart as well. One that is held on its bill date counts as well at the first date
after the hold: a run of that bills it.
"""

from __future__ import annotations

import collections
import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from billing import clocks
from billing.runs import states
from billing.runs.contracts import facts, price_list
from billing.runs.contracts.contracts import Contracts
from billing.runs.contracts.facts import Facts
from billing.runs.selection import changed_accounts, due_accounts, later_bills
from billing.runs.selection.coverage import TESTED, Covered, covered_through
from billing.runs.settlement import adjustments
from billing.store import settings
from rating.dates import NEVER_DAY, day_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

    from billing.charges.lines import Int64s
    from billing.runs.selection.due_accounts import Ground, Life
    from billing.store.home import Home

DUE: Final = "due"


class DueDate(msgspec.Struct, frozen=True):
    """A bill date and the number of accounts that have a period that ended on it and is not billed.

    `accounts`: those that a run would bill, also of periods that ended on an earlier date on which a hold kept them back.

    `again`: those without such a period that it would recompute, since they changed after they were billed: it bills the difference, if
    any.

    `waiting`: those that it would bill as well and on whose clocks it has not begun; `clock`: the time zone furthest behind of these.

    `command`: the one that is to be given now; empty where a run would bill no account, or would be refused.
    """

    bill_date: str
    accounts: int
    again: int
    test: int
    held: int
    passed_by: int
    waiting: int
    clock: str
    command: str


class Due(msgspec.Struct, frozen=True):
    """`unfinished`: the command that ends a run that is not finished, which comes first; empty: there is none."""

    dates: tuple[DueDate, ...]
    unfinished: str


class _Known(NamedTuple):
    facts: Facts
    covered: Covered
    reopen: int
    seq: int
    today: Mapping[str, dt.date]  # by time zone
    waiting: set[int]  # accounts (keys) with adjustments that a run is to bill


def due_dates(home: Home, now_us: int) -> Due:
    """The bill dates to run today, oldest first."""
    with home.connect() as connection:
        known = _known(connection, home.head_seq(connection), now_us)
        ended = _ended(known)
        held: set[int] = set()
        found = [_due_date(home, connection, known, day, ended[day], held) for day in sorted(ended)]
        run = states.unfinished(connection)
    command = "" if run is None else f"ratewright bill run --date {run.bill_date} --resume"
    return Due(tuple(each for each in found if each is not None), command)


def _known(connection: sa.Connection, seq: int, now_us: int) -> _Known:
    loaded = facts.load(connection, seq)
    today = {clock.timezone: clock.today for clock in clocks.clocks(loaded.zones, now_us)}
    reopen = settings.integer(connection, "reopen_periods_max", seq=seq)
    return _Known(loaded, covered_through(connection, loaded), reopen, seq, today, adjustments.waiting(connection, seq))


def _ended(known: _Known) -> dict[dt.date, Int64s]:
    """Accounts (indices) by the bill date on which a period of theirs ended that is not billed. Dates that have begun on some clock."""
    foremost = max(known.today.values())
    ground = due_accounts.prepare(known.facts, known.covered, foremost, known.reopen)
    lives_of: dict[dt.date, list[int]] = collections.defaultdict(list)
    for number, life in enumerate(ground.lives):
        for day in _bill_dates(life):
            if day <= foremost:
                lives_of[day].append(number)
    days = {day for day in _closed_dates(known, ground) if day <= foremost}
    return {day: np.flatnonzero(np.isin(ground.code, lives_of.get(day, []))) for day in days | lives_of.keys()}


def _closed_dates(known: _Known, ground: Ground) -> Iterator[dt.date]:
    """The next bill dates of closed accounts whose periods are all billed and for which adjustments wait: a run bills these."""
    for index in np.flatnonzero(np.isin(known.facts.account_keys, sorted(known.waiting))).tolist():
        coverage, account = known.covered[index], known.facts.accounts[index]
        if coverage is not None and account.closed_on is not None and ground.fresh_day[index] == NEVER_DAY:
            yield due_accounts.date_after(account.billed_from, account.all_bill_days, max(coverage.through, account.closed_on))


def _bill_dates(life: Life) -> set[dt.date]:
    """The bill dates of the periods of a profile that are not billed."""
    if life.fresh_day == NEVER_DAY:
        return set()
    return {each.cycle_end or each.end for each in life.periods if each.start >= day_of(life.fresh_day)}


def _due_date(  # noqa: PLR0913, PLR0917 -- the home in one view, the date, and who is due
    home: Home, connection: sa.Connection, known: _Known, day: dt.date, ended: Int64s, held: set[int]
) -> DueDate | None:
    """The effect of a run of a date on the accounts (indices) that have a period to bill; None where it has begun for none of them.

    `held`: those that earlier dates left out for a hold. Those that this date bills leave it, and those that it holds join it.
    """
    later = later_bills.billed_later(connection, known.facts, day, known.seq)
    ground = due_accounts.prepare(known.facts, known.covered, day, known.reopen, None, later)
    behind = [zone for zone, today in known.today.items() if today < day]
    waits = np.isin(known.facts.account_zone, [known.facts.zones.index(zone) for zone in behind if zone in known.facts.zones])
    ended = ended[~waits[ended]]
    free = np.array(sorted(each for each in held if ground.due[each] and not waits[each]), np.int64)
    kinds = _kinds(ground, np.union1d(ended, free))
    held.difference_update(free.tolist())
    held.update(each for each in ended.tolist() if _is_held(ground, each))
    again = _again(home, connection, known, ground, day)
    if not kinds.total() and not again:
        return None
    blocking = np.flatnonzero(waits & ground.due)  # also of other bill dates: a run of this date would bill them as well
    zones = {known.facts.zones[number] for number in known.facts.account_zone[blocking].tolist()}
    clock = next((zone for zone in known.today if zone in zones), "")  # in the order of the clocks
    runs = (kinds[DUE] or kinds[TESTED] or again) and not clock
    return DueDate(
        bill_date=day.isoformat(),
        accounts=kinds[DUE],
        again=again,
        test=kinds[TESTED],
        held=kinds[due_accounts.HELD],
        passed_by=kinds[due_accounts.PASSED_BY],
        waiting=len(blocking),
        clock=clock,
        command=f"ratewright bill run --date {day}" if runs else "",
    )


def _again(home: Home, connection: sa.Connection, known: _Known, ground: Ground, day: dt.date) -> int:
    """The number of accounts that a run of the date would recompute although all of their periods were billed."""
    billed = ground.due & (ground.fresh_day == NEVER_DAY)
    if not billed.any():
        return 0
    contracts = Contracts(known.facts, price_list.load(home, known.seq), facts.Midnights())
    scope = changed_accounts.scope_of(home, connection, contracts, known.covered, day, known.seq)
    return int(np.count_nonzero(billed & (scope.calendar >= 0)))


def _is_held(ground: Ground, account: int) -> bool:
    """Return whether a hold keeps an account (index) back."""
    return ground.left_out.get(int(ground.facts.account_keys[account]), ("", ""))[0] == due_accounts.HELD


def _kinds(ground: Ground, accounts: Int64s) -> collections.Counter[str]:
    """The numbers of accounts (indices) that are due, held, `passed by` or for testing."""
    keys = ground.facts.account_keys[accounts].tolist()
    due = ground.due[accounts].tolist()
    told = (ground.left_out[key][0] if key in ground.left_out else DUE if is_due else "" for key, is_due in zip(keys, due, strict=True))
    return collections.Counter(kind for kind in told if kind)
