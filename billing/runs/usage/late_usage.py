"""Usage that arrives late, where a plan has a rule for that: the period in which it is billed, and what is not billed at all.

`late_usage: arrival_period`: an event is late if it came later than `late_after_days` after the end of its period. It is placed in the
period of its commit, or in the last one of an account that is closed by then. It is priced by the tariff of its own start, and draws on
the allowances of the period it is placed in.
`late_usage: waive`: an event that came later than what the first run knew that billed its period, void by now or not, is not billed.
Its period may be closed when a run looks at it first: it is waived all the same.
`late_usage_days_max`: an event that came more than so many days after it began is not billed.
An event came when the first version of its record did (`billing.runs.selection.arrival_times`), however long it waited in suspense. What
came late and waited is placed in the period in which it came back, since the one in which it came may be closed; another version of what
counted before is placed where that was, and so is what a later segment made of a session (`late_changes`). The rules are those of the
newest version that has the plan held when the event began. Days are of 24 hours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from billing.charges.periods import period_of
from billing.runs.contracts.counted_runs import LookedUntil
from billing.runs.contracts.fact_columns import groups
from billing.runs.contracts.late_rules import NO_RULE, rule_of
from billing.runs.selection.coverage import billed_seq
from billing.runs.selection.left_out import CLOSED, SETTLED, LeftOut
from rating.dates import DAY_US, FAR_US, NEVER, NEVER_DAY, day_of, local_date

if TYPE_CHECKING:
    import datetime as dt

    import numpy.typing as npt
    import pyarrow as pa

    from billing.charges.lines import Int64s
    from billing.charges.periods import Period
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.contracts.facts import Account
    from billing.runs.selection.arrival_times import Arrivals
    from billing.runs.selection.coverage import Covered
    from billing.runs.selection.scope import Scope
    from billing.runs.usage.owners import Owners

    Bools = npt.NDArray[np.bool_]

TOO_LATE: Final = LeftOut.TOO_LATE.value
WAIVED: Final = LeftOut.WAIVED.value


def placed(  # noqa: PLR0913, PLR0917 -- events, and what they are judged by
    owner: Owners, start_us: Int64s, usage: pa.Table, arrivals: Arrivals, contracts: Contracts, scope: Scope
) -> tuple[Owners, dict[str, Bools]]:
    """The owners with the periods of what came late; and which events are not billed, by reason, each for one at most.

    `usage`: the events, with event_key, flags and the columns that `arrivals` asks for.
    """
    price_list, first_seq = contracts.late_rules, arrivals.first_seqs(usage)
    came_us = arrivals.instants(first_seq)
    days_max = contracts.of_holdings(owner.holding, lambda plan: rule_of(price_list, plan).days_max, NO_RULE)
    too_late: Bools = (days_max != NO_RULE) & (came_us > start_us + days_max * DAY_US)
    begun = (owner.place >= 0) | (owner.place == CLOSED) | (owner.place == SETTLED)  # what is not due yet is late for nothing
    late, counted_us = arrived(owner, start_us, usage, arrivals, contracts, scope, among=begun & ~too_late)
    place = owner.place.copy()
    place[late] = scope.place(owner.account[late], counted_us)
    return owner._replace(place=place), {TOO_LATE: too_late, WAIVED: _waived(owner, start_us, first_seq, contracts, scope) & ~too_late}


def arrived(  # noqa: PLR0913, PLR0917 -- events, and what they are judged by
    owner: Owners, start_us: Int64s, usage: pa.Table, arrivals: Arrivals, contracts: Contracts, scope: Scope, *, among: Bools
) -> tuple[Int64s, Int64s]:
    """The rows of `among` that are billed in the period of their arrival, and the instant of each that says which period that is."""
    after = contracts.of_holdings(owner.holding, lambda plan: rule_of(contracts.late_rules, plan).arrival_after, NO_RULE)
    rows = np.flatnonzero((after != NO_RULE) & among)
    ends = _period_ends(owner.account[rows], owner.place[rows], start_us[rows], contracts, scope)
    placed_us = arrivals.instants(arrivals.placed_seqs(usage, arrivals.first_seqs(usage)))
    late = rows[placed_us[rows] > ends + after[rows] * DAY_US]
    counted_us = arrivals.instants(arrivals.counted_seqs(usage))[late]
    return late, np.minimum(counted_us, _last_instants(owner.account[late], contracts))


def _waived(owner: Owners, start_us: Int64s, first_seq: Int64s, contracts: Contracts, scope: Scope) -> Bools:
    """Mask of the events that came after the bill of their period, on a plan that waives those; also where that is closed by now."""
    waived = np.zeros(len(first_seq), np.bool_)
    billed_by = scope.covered_by if scope.first_billed_by is None else scope.first_billed_by
    waives = contracts.of_holdings(owner.holding, lambda plan: rule_of(contracts.late_rules, plan).waives, 0)
    if billed_by is None or not waives.any():
        return waived
    rows = np.flatnonzero((waives != 0) & (owner.place >= 0))
    looked_until = LookedUntil({run for runs in billed_by.ever for run in runs})
    closed = np.flatnonzero((waives != 0) & (owner.place == CLOSED) & (start_us < looked_until.ends_us(first_seq)))
    waived[closed] = _after_bills(owner.account[closed], start_us[closed], first_seq[closed], contracts, billed_by)
    if not rows.size:
        return waived
    account, place = owner.account[rows], owner.place[rows]
    columns = [billed_by.of[account], scope.calendar[account], place, contracts.facts.account_closed_day[account]]
    code, models = groups(columns)
    seqs = [
        billed_seq(billed_by.ever[runs], _really_ends(scope.calendars[periods][number], closed_day))
        for runs, periods, number, closed_day in zip(*(column[models].tolist() for column in columns), strict=True)
    ]
    waived[rows] = first_seq[rows] > np.array([NEVER if each is None else each for each in seqs], np.int64)[code]
    return waived


def _after_bills(account: Int64s, start_us: Int64s, first_seq: Int64s, contracts: Contracts, billed_by: Covered) -> Bools:
    """Mask of the events of closed periods that came after the first run that billed their period; few, so each is looked at alone."""
    after = np.zeros(len(account), np.bool_)
    for row, (index, began_us, seq) in enumerate(zip(account.tolist(), start_us.tolist(), first_seq.tolist(), strict=True)):
        end = _end(contracts.facts.accounts[index], began_us)
        billed = None if end is None else billed_seq(billed_by.ever[int(billed_by.of[index])], end)
        after[row] = billed is not None and seq > billed
    return after


def _really_ends(period: Period, closed_day: int) -> dt.date:
    """The end of a period, also of one that is computed up to a day within it. `closed_day`: of the account, NEVER_DAY for none."""
    end = period.cycle_end or period.end
    return end if closed_day == NEVER_DAY else max(min(end, day_of(closed_day)), period.end)


def _period_ends(account: Int64s, place: Int64s, start_us: Int64s, contracts: Contracts, scope: Scope) -> Int64s:
    """The end of the period in which each event began: of a computed one as the scope has it, of few others worked out for each."""
    ends = np.full(len(account), FAR_US, np.int64)
    within = place >= 0
    ends[within] = scope.bounds_us[scope.calendar[account[within]], place[within] + 1]
    facts = contracts.facts
    for row in np.flatnonzero(~within).tolist():
        owner = facts.accounts[int(account[row])]
        end = _end(owner, int(start_us[row]))
        ends[row] = FAR_US if end is None else contracts.midnights.instant_us(owner.timezone, end)
    return ends


def _last_instants(account: Int64s, contracts: Contracts) -> Int64s:
    """The last instant of each account that is closed at some time: what arrives later has no other period than that."""
    facts, last = contracts.facts, np.full(len(account), FAR_US, np.int64)
    closed_day = facts.account_closed_day[account]
    for row in np.flatnonzero(closed_day < NEVER_DAY).tolist():
        zone = facts.accounts[int(account[row])].timezone
        last[row] = contracts.midnights.instant_us(zone, day_of(int(closed_day[row]))) - 1
    return last


def _end(account: Account, start_us: int) -> dt.date | None:
    """The end of the period of an account that holds an instant."""
    day = local_date(start_us, account.timezone)
    period = period_of(day, account.billed_from, account.all_bill_days, account.closed_on)
    return None if period is None else period.end
