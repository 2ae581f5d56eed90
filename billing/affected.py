"""The effect of a version: subscriptions that have, while it is in force, a plan that it changes, and the bills that they have had.

A version that takes effect in the past is a correction of bills: the next run recomputes the open periods and bills the differences.
Amounts billed before the oldest open period stay as they are, and are reported, since no run opens them any more.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from billing.accounts import still_open
from billing.catalogue.gates import version_before
from billing.catalogue.in_force import end_of, in_force_of, live_of
from billing.catalogue.stored import publications_of, repeals_of
from billing.charges.periods import period_of
from billing.charges.proration import Span
from billing.runs.contracts import facts
from billing.runs.selection import due_accounts, scope
from billing.runs.selection.coverage import TESTED
from billing.store import settings
from rating.dates import day_after, utc_time
from tariffs.changes import changes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import sqlalchemy as sa

    from billing.catalogue.stored import Repeal
    from billing.charges.periods import Period
    from billing.runs.contracts.facts import Facts, Subscription
    from billing.runs.selection.coverage import Covered
    from billing.store.home import Home
    from rating.model import Catalogue
    from tariffs.changes import Change


class Touched(NamedTuple):
    """A subscription and the local dates `[from_date, to_date)` in which it has a plan that the version changes; `to_date` None is open."""

    subscription_id: str
    account_id: str
    plan: str
    from_date: dt.date
    to_date: dt.date | None


class Affected(NamedTuple):
    """The subscriptions that a version affects, a row for each time on a plan.

    `compared_with` is the version that it takes over from, None for the first one.
    """

    compared_with: int | None
    changes: int
    subscriptions: list[Touched]

    @property
    def number(self) -> int:
        """The number of subscriptions. One that changes its plan counts once."""
        return len({each.subscription_id for each in self.subscriptions})

    def by_plan(self) -> dict[str, int]:
        """The number of subscriptions on each plan, by name. One that changes its plan counts on each."""
        return dict(sorted(Counter(plan for plan, _ in {(each.plan, each.subscription_id) for each in self.subscriptions}).items()))


class Beyond(NamedTuple):
    """Touched days `[from_date, to_date)` of an account that were billed before its oldest open period."""

    account_id: str
    from_date: dt.date
    to_date: dt.date


class Rebilled(NamedTuple):
    """The effect of a version that begins in the past on the next bill runs."""

    accounts: int  # with billed periods that are computed anew
    periods: list[tuple[dt.date, dt.date]]  # which, each once, oldest first
    beyond: list[Beyond]  # what no run computes any more


def affected(home: Home, catalogue: Catalogue) -> Affected:
    """The subscriptions that a draft or published version affects, from its first day on and until another one takes over."""
    with home.connect() as connection:
        found = facts.load(connection, home.head_seq(connection))
        return _affected(connection, catalogue, found)


def rebilled(home: Home, catalogue: Catalogue) -> tuple[Affected, Rebilled]:
    """The subscriptions that the version affects, and the billed periods that the next run of each account recomputes."""
    with home.connect() as connection:
        found = facts.load(connection, home.head_seq(connection))
        touched = _affected(connection, catalogue, found)
        covered = scope.covered_through(connection, found)
        days = _touched_days(touched.subscriptions)
        places: Any = pc.index_in(pa.array(sorted(days), pa.string()), value_set=found.account_ids)
        billed = [place for place in places.to_pylist() if covered[place] is not None]
        opened_of = _opened_next(connection, found, covered, billed)
    accounts, beyond, periods = 0, [], set()
    for place, opened in opened_of.items():
        account, coverage = found.accounts[place], covered[place]
        assert coverage is not None
        through = coverage.through
        first, end = max(days[account.account_id].start, account.billed_from), days[account.account_id].end or dt.date.max
        again = [(each.start, each.end) for each in opened if each.end <= through and each.end > first and each.start < end]
        accounts += bool(again)
        periods.update(again)
        until = min(opened[0].start if opened else through, end)
        if first < until:
            beyond.append(Beyond(account.account_id, first, until))
    return touched, Rebilled(accounts, sorted(periods), sorted(beyond))


def without_plan(home: Home, identity: str, from_us: int, tried: Repeal | None = None) -> int:
    """The number of subscriptions that have a plan of a catalogue from an instant on, and no version that prices it.

    `tried`: a repeal that is not stored, and counts as if it were.
    """
    with home.connect() as connection:
        repeals = [*repeals_of(connection), *([] if tried is None else [tried])]
        every = [each.catalogue for each in publications_of(connection)]
    versions = in_force_of([each for each in every if each.identity == identity], repeals)
    newest = max((each for each in versions if each.effective_from_us <= from_us), key=lambda each: each.effective_from_us, default=None)
    if newest is not None and newest.version > 0:
        return 0
    until_us = min((each.effective_from_us for each in versions if each.effective_from_us > from_us), default=None)
    with home.connect() as connection:
        found = facts.load(connection, home.head_seq(connection))
    names = {f"{identity}/{plan.name}" for each in every if each.identity == identity for plan in each.plans}
    return len({row.subscription_id for row in _rows_of(found, names, from_us, until_us)})


def _affected(connection: sa.Connection, catalogue: Catalogue, found: Facts) -> Affected:
    before = version_before(connection, catalogue)
    if before is None:
        plans, count = {plan.name for plan in catalogue.plans}, 0
    else:
        told = [each for each in changes(before, catalogue) if _touches(each)]
        plans, count = {plan for each in told for plan in each.plans}, len(told)
    names = {f"{catalogue.identity}/{plan}" for plan in plans}
    until_us = _until(connection, catalogue)
    rows = list(_rows_of(found, names, catalogue.effective_from_us, until_us))
    return Affected(before.version if before is not None else None, count, rows)


def _touches(change: Change) -> bool:
    """Return whether it changes what customers pay or see. Changes in the catalogue's head without money in them are for operators."""
    return change.raises is not None or change.kind != "header"


def _until(connection: sa.Connection, catalogue: Catalogue) -> int | None:
    """The instant at which the version ends or another one takes over; None where it stays."""
    of_identity = [each.catalogue for each in publications_of(connection) if each.catalogue.identity == catalogue.identity]
    if any(each.corrects == catalogue.version for each in of_identity):
        return catalogue.effective_from_us  # what corrects it prices in its place
    repeals = repeals_of(connection)
    starts = [each.effective_from_us for each in live_of(of_identity, repeals) if each.effective_from_us > catalogue.effective_from_us]
    ends = [end_of(catalogue, [*of_identity, catalogue], repeals), min(starts, default=None)]
    return min((each for each in ends if each is not None), default=None)


def _rows_of(found: Facts, names: set[str], from_us: int, until_us: int | None) -> Iterator[Touched]:
    """The rows of all subscriptions that ever have one of the plans."""
    if until_us is not None and until_us <= from_us:
        return
    has = np.array([any(plan in names for _, plan in each.plans) for each in found.patterns], np.bool_)
    zones = [ZoneInfo(name) for name in found.zones]
    for index in np.flatnonzero(has[found.subscription_pattern]).tolist() if has.size else ():
        subscription = found.subscriptions[index]
        account_id = found.account_ids[subscription.account].as_py()
        yield from _rows(subscription, account_id, zones[found.account_zone[subscription.account]], names, (from_us, until_us))


def _rows(
    subscription: Subscription, account_id: str, zone: ZoneInfo, names: set[str], span_us: tuple[int, int | None]
) -> Iterator[Touched]:
    from_us, until_us = span_us
    first = _day(from_us, zone)
    end = None if until_us is None else day_after(_day(until_us - 1, zone))
    ends = [start for start, _ in subscription.plans[1:]]
    for (start, plan), plan_end in zip(subscription.plans, [*ends, None], strict=True):
        span = _common([Span(start, plan_end), subscription.active, Span(first, end)])
        if plan in names and span is not None:
            yield Touched(subscription.subscription_id, account_id, plan, *span)


def _common(spans: list[Span]) -> Span | None:
    """The dates that all spans have."""
    start = max(each.start for each in spans)
    end = min((each.end for each in spans if each.end is not None), default=None)
    return None if end is not None and end <= start else Span(start, end)


def _touched_days(touched: Iterable[Touched]) -> dict[str, Span]:
    """By account the days from the first to the last that is touched; no end where one of its subscriptions has none."""
    found: dict[str, Span] = {}
    for each in touched:
        known = found.get(each.account_id, Span(each.from_date, each.from_date))
        end = None if each.to_date is None or known.end is None else max(each.to_date, known.end)
        found[each.account_id] = Span(min(each.from_date, known.start), end)
    return found


def _opened_next(connection: sa.Connection, found: Facts, covered: Covered, places: Iterable[int]) -> dict[int, list[Period]]:
    """By account (index) the periods that its next run computes, by the rules of a run; none of test accounts.

    Its next run is that of its period after the latest run of the cycle, as in `billing.accounts.still_open`.
    """
    latest, reopen = still_open.latest_run(connection), settings.integer(connection, "reopen_periods_max")
    of_date: dict[dt.date, list[int]] = {}
    for place in places:
        account = found.accounts[place]
        running = period_of(max(latest or account.billed_from, account.billed_from), account.billed_from, account.all_bill_days)
        assert running is not None
        of_date.setdefault(running.end, []).append(place)
    opened: dict[int, list[Period]] = {}
    for bill_date, some in of_date.items():
        ground = due_accounts.prepare(found, covered, bill_date, reopen)
        for place in some:
            aside = ground.left_out.get(int(found.account_keys[place]))
            if aside is None or aside[0] != TESTED:
                opened[place] = ground.lives[ground.code[place]].periods if ground.due[place] or aside else []
    return opened


def _day(instant_us: int, zone: ZoneInfo) -> dt.date:
    return utc_time(instant_us).astimezone(zone).date()
