"""Accounts touched by tariffs that were published, corrected or repealed since they were looked at, and from which day on.

The tariffs in force then are compared with those in force now, instant by instant: from the first one at which another version holds, all
holders of the plans that differ in the two versions are touched. Tax classes and the rules of a plan for late usage are those of the
newest version for all time. So a change of these touches the periods before it as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np
import sqlalchemy as sa

from billing.catalogue.in_force import in_force_of
from billing.catalogue.stored import publications_of, repeals_of
from billing.store import tables
from rating.dates import DAY_US, LONG_AGO_DAY, day_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from billing.runs.selection.change_marks import Touches
    from rating.model import Catalogue, Plan, TaxClass

_RERATES: Final = ("approved", "applied")
_OF_NO_PLAN: Final = frozenset(  # fields that no amount follows from, or that are looked at by themselves
    (
        "version",
        "effective_from_us",
        "effective_to_us",
        "corrects",
        "content_hash",
        "plans",
        "disclosure",
        "notice_days",
        "complaint_channel",
        "add_ons",
    )
)


class Changed(NamedTuple):
    """Plans (full names; None: all of the catalogue) that are touched from a day on."""

    identity: str
    plans: frozenset[str] | None
    from_day: int


def collect(connection: sa.Connection, touches: Touches) -> None:
    """Touch the holders of changed plans."""
    publications, repeals = publications_of(connection), repeals_of(connection)
    commits = {*(each.commit_seq for each in publications), *(each.commit_seq for each in repeals)}
    latest = max(commits, default=0)

    def as_of(seq: int) -> list[Catalogue]:
        versions = [each.catalogue for each in publications if each.commit_seq <= seq]
        return in_force_of(versions, [each for each in repeals if each.commit_seq <= seq])

    now = as_of(touches.seq)
    for since in np.unique(touches.since_seq[touches.since_seq < latest]).tolist():
        for changed in changes(as_of(since), now):
            _touch(touches, changed, since)
    _rerated(connection, touches)


def changes(before: Sequence[Catalogue], now: Sequence[Catalogue]) -> Iterator[Changed]:
    """Differences between the tariffs in force as of two commits."""
    for identity in sorted({each.identity for each in (*before, *now)}):
        old, new = (sorted((each for each in some if each.identity == identity), key=_order) for some in (before, now))
        if [(each.version, each.content_hash, each.effective_from_us) for each in old] == [
            (each.version, each.content_hash, each.effective_from_us) for each in new
        ]:
            continue
        yield from _in_time(identity, old, new)
        yield from _of_newest(identity, old[-1] if old else None, new[-1] if new else None)


def _in_time(identity: str, old: Sequence[Catalogue], new: Sequence[Catalogue]) -> Iterator[Changed]:
    """Changes where another version is in force than was, from the first instant of each stretch of time on."""
    for instant_us in sorted({each.effective_from_us for each in (*old, *new)}):
        held, holds = (next((each for each in reversed(some) if each.effective_from_us <= instant_us), None) for some in (old, new))
        if held is None or holds is None:
            if held is not holds:
                yield Changed(identity, None, instant_us // DAY_US - 1)
        elif (held.version, held.content_hash) != (holds.version, holds.content_hash):
            yield Changed(identity, _plans_that_differ(held, holds), instant_us // DAY_US - 1)


def _of_newest(identity: str, old: Catalogue | None, new: Catalogue | None) -> Iterator[Changed]:
    """Changes of what the newest version says for all time."""
    if old is None or new is None:
        return
    if old.minor_digits != new.minor_digits or old.currency != new.currency:
        yield Changed(identity, None, LONG_AGO_DAY)
    from_day = _first_tax_change(old.tax_classes, new.tax_classes)
    if from_day is not None:
        yield Changed(identity, None, from_day)
    was = {plan.name: _late(plan) for plan in old.plans}
    late = {plan.name for plan in new.plans if was.get(plan.name, _late(plan)) != _late(plan)}
    if late:
        yield Changed(identity, frozenset(f"{identity}/{name}" for name in late), LONG_AGO_DAY)


def _plans_that_differ(one: Catalogue, other: Catalogue) -> frozenset[str] | None:
    """Plans that are not the same in both; None for all, where what plans have in common differs."""
    common = [{name: getattr(each, name) for name in each.__struct_fields__ if name not in _OF_NO_PLAN} for each in (one, other)]
    if common[0] != common[1]:
        return None
    plans = [{plan.name: plan for plan in each.plans} for each in (one, other)]
    names = {name for name in plans[0].keys() | plans[1].keys() if plans[0].get(name) != plans[1].get(name)}
    return frozenset(f"{one.identity}/{name}" for name in names)


def _first_tax_change(old: Sequence[TaxClass], new: Sequence[TaxClass]) -> int | None:
    """The first day for which a tax class says something else; None where none does."""
    was, now = ({each.name: each for each in some} for some in (old, new))
    found: list[int] = []
    for name in was.keys() & now.keys():
        if msgspec.structs.replace(was[name], rates=()) != msgspec.structs.replace(now[name], rates=()):
            return LONG_AGO_DAY
        found += [day_number(each.effective_from) for each in set(was[name].rates) ^ set(now[name].rates)]
    return LONG_AGO_DAY if was.keys() - now.keys() else min(found, default=None)


def _touch(touches: Touches, changed: Changed, since: int) -> None:
    """Touch accounts that have one of the plans on or after the day, of those that were looked at as of `since`."""
    facts = touches.facts

    def holds(plans: Sequence[tuple[object, str]]) -> bool:
        names = (plan for _, plan in plans)
        return any(plan in changed.plans if changed.plans is not None else plan.startswith(f"{changed.identity}/") for plan in names)

    concerned = [
        holds(each.plans) and (each.active.end is None or day_number(each.active.end) >= changed.from_day) for each in facts.patterns
    ]
    rows = np.flatnonzero(np.array(concerned, np.bool_)[facts.subscription_pattern]) if concerned else np.zeros(0, np.int64)
    accounts = np.unique(facts.subscription_account[rows])
    touches.accounts(accounts[touches.since_seq[accounts] == since], changed.from_day, since + 1)


def _rerated(connection: sa.Connection, touches: Touches) -> None:
    """Holders of a plan whose re-rating was decided."""
    job, decision = tables.rerate_jobs, tables.rerate_decisions
    query = sa.select(job.c.plan, decision.c.commit_seq).join_from(decision, job, decision.c.job_id == job.c.job_id)
    query = query.where(decision.c.kind.in_(_RERATES), decision.c.commit_seq > touches.least_seq, decision.c.commit_seq <= touches.seq)
    facts = touches.facts
    for plan, commit in connection.execute(query):
        has = np.array([any(plan in _names(name) for _, name in each.plans) for each in facts.patterns], np.bool_)
        touches.accounts(np.unique(facts.subscription_account[has[facts.subscription_pattern]]), LONG_AGO_DAY, commit)


def _names(full_name: str) -> tuple[str, ...]:
    """Names of a plan: with and without its catalogue, with and without its add-ons."""
    name = full_name.partition("/")[2]
    return full_name, full_name.partition("+")[0], name, name.partition("+")[0]


def _late(plan: Plan) -> Mapping[str, object]:
    return {"policy": plan.late_usage, "after": plan.late_after_days, "max": plan.late_usage_days_max}


def _order(catalogue: Catalogue) -> tuple[int, int]:
    return catalogue.effective_from_us, catalogue.version
