"""Accounts that a run must compute again, and from which day on: those that a change touched since they were last looked at.

Problem: a run of a million accounts would have to price four periods of each to find the few with late usage. The bills of an account
follow from what is stored about it. So where nothing of that was committed since its last run, its billed periods are as they were.

An account was looked at by the first run on or after its bill date (and when that run was made again). Anything that was committed since
and may change a period touches the account from that day on. It may be facts about it, its subscriptions and numbers; tariffs of its
plans; usage that came or no longer counts; documents that were voided or made beside the cycle. The accounts of a rating unit are touched
together (`billing.runs.selection.due_accounts`). It errs on one side: an account touched without cause is computed without a difference.
One that is not touched is not computed.

Usage without an owner that came since touches no account. The run reads it all the same, however old, as long as it is not closed. So its
refusal is known while an owner can still be recorded.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

import numpy as np

from billing import catalogue
from billing.guiding import Guide
from billing.intake import view
from billing.runs.contracts import late_rules
from billing.runs.contracts.fact_columns import groups
from billing.runs.contracts.rule_inputs import asked
from billing.runs.selection import (
    arrival_times,
    contract_changes,
    due_accounts,
    later_bills,
    session_changes,
    tariff_changes,
    usage_changes,
    usage_windows,
)
from billing.runs.selection.change_marks import Touches
from billing.runs.selection.scope import laid_out
from billing.store import settings
from rating.dates import NEVER, NEVER_DAY, day_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    import sqlalchemy as sa

    from billing.charges.lines import Int64s
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.contracts.midnights import Midnights
    from billing.runs.selection.coverage import Covered
    from billing.runs.selection.due_accounts import Ground
    from billing.runs.selection.scope import Scope
    from billing.store.home import Home


def scope_of(  # noqa: PLR0913, PLR0917 -- whom, for when, as of when
    home: Home,
    connection: sa.Connection,
    contracts: Contracts,
    covered: Covered,
    bill_date: dt.date,
    seq: int,
    *,
    only: AbstractSet[str] | None = None,
    everything: bool = False,
    guide: Callable[[], Guide] | None = None,
    threads: int = 1,
) -> Scope:
    """The scope of a run for `bill_date` as of `seq`; `only` these account ids and those of their rating units, if given.

    `everything`: all open periods of the accounts that are due, changed or not. `guide` gives guiding facts as of `seq`.
    """
    reopen = settings.integer(connection, "reopen_periods_max", seq=seq)
    billed_later = later_bills.billed_later(connection, contracts.facts, bill_date, seq)
    ground = due_accounts.prepare(contracts.facts, covered, bill_date, reopen, only, billed_later)
    full = laid_out(ground, covered, bill_date, contracts.midnights, None)
    touches = Touches(ground, seq)
    if everything or touches.least_seq == NEVER:
        return full
    contract_changes.collect(connection, touches)
    tariff_changes.collect(connection, touches)
    asked_guide = guide or functools.cache(lambda: Guide(home, seq))
    unowned_us = _collect_usage(home, connection, contracts, ground, full, touches, asked_guide, threads, reopen)
    found = laid_out(ground, covered, bill_date, contracts.midnights, touches.day)
    if only is not None or found.main is None:
        return found
    return dataclasses.replace(found, reopened=usage_windows.reaching_back(found.main, found.reopened, unowned_us))


def _collect_usage(  # noqa: PLR0913, PLR0917 -- as above
    home: Home,
    connection: sa.Connection,
    contracts: Contracts,
    ground: Ground,
    full: Scope,
    touches: Touches,
    guide: Callable[[], Guide],
    threads: int,
    reopen_periods_max: int,
) -> int:
    """Touch accounts by usage. Return the start of the first open row without an owner that came since: no earlier run has refused it."""
    looked_at = np.flatnonzero(touches.since_seq < NEVER)
    used = np.unique(full.calendar[looked_at])
    used = used[used >= 0]
    if not used.size or full.window is None:
        return NEVER
    fresh_us = _fresh_instants(ground, contracts.midnights)
    until_us = min(int(fresh_us[looked_at].max()), full.window.to_us)
    on_net = asked(contracts.price_list.catalogues).on_net
    callers = contract_changes.numbers_that_moved(connection, touches) if on_net else None
    came = None
    if catalogue.ever_billed_by_arrival(home):
        sessions = session_changes.load(home, connection, touches.seq, late_rules.days_min(contracts.late_rules))
        came = arrival_times.load(connection, touches.seq, sessions)
    open_us = int(full.open_us[used].min())
    unowned_from_us = usage_windows.unowned_from_us(full.window, full.bill_date, reopen_periods_max)
    span = usage_changes.ChangedSpan(min(open_us, unowned_from_us), until_us, None if came is None else came.first_since(open_us))
    places = usage_changes.Places(full, fresh_us, guide, contracts, came, unowned_from_us)
    view.steadily(lambda: usage_changes.collect(home, touches, places, span, callers, threads))
    return places.unowned_us


def _fresh_instants(ground: Ground, midnights: Midnights) -> Int64s:
    """The first instant of each account that no run has billed; the largest number where there is none."""
    facts, day = ground.facts, ground.fresh_day
    code, models = groups([facts.account_zone, day])
    instants = [
        NEVER if day[model] == NEVER_DAY else midnights.instant_us(facts.zones[facts.account_zone[model]], day_of(int(day[model])))
        for model in models.tolist()
    ]
    return np.array(instants, np.int64)[code] if instants else np.zeros(0, np.int64)
