"""Usage that arrives late, where a plan has a rule for that: the period in which it is billed, and what is not billed at all.

`late_usage: arrival_period`: an event whose commit is later than `late_after_days` after the end of its period is placed in the period of
its commit. It is priced by the tariff of its own start, and draws on the allowances of the period it is placed in.
`late_usage_days_max`: an event committed more than so many days after it began is not billed.
The rules are those of the newest version that has the plan held when the event began. Days are of 24 hours.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from billing.charges.periods import period_of
from billing.runs.facts import day_of
from billing.runs.scope import CLOSED, OTHER_RUN, SETTLED
from billing.store import bulk, tables
from rating.model import LateUsage

if TYPE_CHECKING:
    import numpy.typing as npt
    import sqlalchemy as sa

    from billing.charges.lines import Int64s
    from billing.runs.contracts import Contracts
    from billing.runs.price_list import PriceList
    from billing.runs.pricing import Owners
    from billing.runs.scope import Scope

TOO_LATE: Final = "too_late"
DAY_US: Final = 86_400_000_000
_NEVER: Final = -1


class Rule(NamedTuple):
    """What a plan says about late usage. `_NEVER`: nothing."""

    arrival_after_days: int
    days_max: int


@dataclasses.dataclass(frozen=True)
class Commits:
    """When each commit was made."""

    seq: Int64s  # ascending
    at_us: Int64s

    def instants(self, commit_seq: Int64s) -> Int64s:
        """The instants of some commits, all of which are known."""
        return self.at_us[np.searchsorted(self.seq, commit_seq)]


def rule_of(price_list: PriceList, plan: str) -> Rule:
    """What the newest version of a plan says."""
    versions = price_list.plan_versions(plan)
    if not versions:
        return Rule(_NEVER, _NEVER)
    newest = versions[-1].plan
    days_max = newest.late_usage_days_max
    after = newest.late_after_days if newest.late_usage is LateUsage.ARRIVAL_PERIOD else _NEVER
    return Rule(after, _NEVER if days_max is None else days_max)


def is_asked(price_list: PriceList) -> bool:
    """Whether any plan has such a rule: else nobody asks when usage came."""
    plans = {f"{each.identity}/{plan.name}" for each in price_list.catalogues for plan in each.plans}
    return any(rule_of(price_list, plan) != Rule(_NEVER, _NEVER) for plan in plans)


def load(connection: sa.Connection, seq: int) -> Commits:
    """All commits up to `seq`."""
    column = tables.commits.c
    import sqlalchemy as sql  # noqa: PLC0415 -- placeholder

    found = bulk.read(connection, sql.select(column.commit_seq, column.at_us).where(column.commit_seq <= seq).order_by(column.commit_seq))
    return Commits(found["commit_seq"].to_numpy(), found["at_us"].to_numpy())


def placed(owner: Owners, start_us: Int64s, arrived_us: Int64s, contracts: Contracts, scope: Scope) -> tuple[Owners, npt.NDArray[np.bool_]]:
    """The owners with the periods of what came late, and which events are too late to be billed."""
    price_list = contracts.price_list
    after = contracts.of_holdings(owner.holding, lambda plan: rule_of(price_list, plan).arrival_after_days, _NEVER)
    days_max = contracts.of_holdings(owner.holding, lambda plan: rule_of(price_list, plan).days_max, _NEVER)
    too_late: npt.NDArray[np.bool_] = (days_max != _NEVER) & (arrived_us > start_us + days_max * DAY_US)
    rows = np.flatnonzero((after != _NEVER) & (owner.place != OTHER_RUN) & ~too_late)
    ends = _period_ends(owner, rows, start_us, contracts, scope)
    late = rows[arrived_us[rows] > ends + after[rows] * DAY_US]
    place = owner.place.copy()
    place[late] = scope.place(owner.account[late], arrived_us[late])
    return owner._replace(place=place), too_late


def _period_ends(owner: Owners, rows: Int64s, start_us: Int64s, contracts: Contracts, scope: Scope) -> Int64s:
    """The end of the period in which each event began: of a computed one as the scope has it, else worked out for each day."""
    account, place = owner.account[rows], owner.place[rows]
    calendar = scope.calendar[account]
    ends = np.zeros(len(rows), np.int64)
    within = place >= 0
    ends[within] = scope.bounds_us[calendar[within], place[within] + 1]
    ends[~within & (place != CLOSED) & (place != SETTLED)] = np.iinfo(np.int64).max - 2**60  # not due yet: nothing is late
    before = np.flatnonzero((place == CLOSED) | (place == SETTLED))
    facts, midnights = contracts.facts, contracts.midnights
    known: dict[tuple[int, int], int] = {}
    for row in before.tolist():
        key = (int(account[row]), int(start_us[rows[row]] // DAY_US))
        if key not in known:
            known[key] = _end_us(facts.accounts[key[0]], int(start_us[rows[row]]), midnights)
        ends[row] = known[key]
    return ends
