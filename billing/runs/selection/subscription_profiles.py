"""Subscriptions of a run that are alike: the same life in the same periods, so that what is due is computed once for all of them.

A *group* has one pattern (`billing.runs.contracts.contract_profiles`) and one calendar: time zone, bill days, and the periods that the
run computes. A million subscriptions make some thousand groups. What is due to a group is a template, rows of `LINE` without account and
subscription, which numpy copies to every member.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from billing.charges.lines import LINE, Int64s, Lines, taken
from billing.charges.periods import BillDays, Period
from billing.charges.recurring import PlanSpan
from billing.runs.contracts.contract_profiles import Pattern
from billing.runs.contracts.fact_columns import groups

if TYPE_CHECKING:
    import numpy.typing as npt

    from billing.runs.contracts.contracts import Contracts
    from billing.runs.contracts.facts import Facts
    from billing.runs.selection.scope import Scope

NO_GROUP: Final = -1


class Group(NamedTuple):
    """Common properties of the subscriptions of a group. `ahead`: the period after the last one, None where the account is closed."""

    zone: str
    bill_days: BillDays
    pattern: Pattern
    spans: Sequence[PlanSpan]
    periods: Sequence[Period]
    ahead: Period | None

    @property
    def with_ahead(self) -> list[Period]:
        """All periods in which something may be due: fees in advance are charged for the one ahead."""
        return [*self.periods, self.ahead] if self.ahead is not None else [*self.periods]


class Alike(NamedTuple):
    """`of`: the group of each subscription (index), NO_GROUP where its account is not in the run."""

    of: Int64s
    groups: list[Group]


def find(contracts: Contracts, scope: Scope) -> Alike:
    """The groups of a run."""
    facts = contracts.facts
    of = np.full(len(facts.subscription_keys), NO_GROUP, np.int64)
    rows = np.flatnonzero(scope.calendar[facts.subscription_account] >= 0) if of.size else of
    if not rows.size:
        return Alike(of, [])
    account = facts.subscription_account[rows]
    of[rows], first = groups([scope.calendar[account], facts.subscription_pattern[rows], facts.account_bill_days[account]])
    return Alike(of, [_group(contracts, scope, int(rows[place])) for place in first.tolist()])


def expand(alike: Alike, templates: Sequence[Sequence[tuple[int, ...]]], facts: Facts) -> Lines:
    """The rows of each group's template, once for every subscription of the group, with its keys."""
    every = [row for template in templates for row in template]
    if not every:
        return np.zeros(0, LINE)
    owner, place = _copies(alike, [len(template) for template in templates])
    lines = taken(np.array(every, LINE), place)
    lines["account_key"] = facts.account_keys[facts.subscription_account[owner]]
    lines["subscription_key"] = facts.subscription_keys[owner]
    return lines


def expand_flags(alike: Alike, flags: Sequence[Sequence[bool]]) -> npt.NDArray[np.bool_]:
    """The flag of each row of `expand`, where `flags` are those of the rows of each template."""
    _, place = _copies(alike, [len(of_template) for of_template in flags])
    return np.array([flag for of_template in flags for flag in of_template], np.bool_)[place]


def _copies(alike: Alike, lengths: Sequence[int]) -> tuple[Int64s, Int64s]:
    """For each row of all subscriptions the subscription (index), and the place of the row among those of all templates."""
    counts = np.array([*lengths, 0], np.int64)  # the last one is that of NO_GROUP
    firsts = np.cumsum(counts) - counts
    owners = np.flatnonzero(counts[alike.of] > 0)
    repeats = counts[alike.of[owners]]
    owner = np.repeat(owners, repeats)
    return owner, np.arange(owner.size) + np.repeat(firsts[alike.of[owners]] - (np.cumsum(repeats) - repeats), repeats)


def _group(contracts: Contracts, scope: Scope, subscription: int) -> Group:
    facts = contracts.facts
    account = int(facts.subscription_account[subscription])
    pattern = int(facts.subscription_pattern[subscription])
    calendar = int(scope.calendar[account])
    bill_days, zone = facts.bill_days[facts.account_bill_days[account]], facts.zones[facts.account_zone[account]]
    return Group(zone, bill_days, facts.patterns[pattern], contracts.spans[subscription], scope.calendars[calendar], scope.ahead[calendar])
