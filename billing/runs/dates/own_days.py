"""The days for which lines of a run are due, where those are not all of their period (`billing.charges.own_days`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from billing.charges import own_days as charged
from billing.charges.charge_keys import Kind
from billing.charges.own_days import Charge, Days, told
from billing.charges.periods import Period
from billing.runs.contracts.columns import index_of
from billing.runs.contracts.fact_columns import groups
from billing.runs.settlement.fees_due import breaks_of, plan_at
from rating.dates import day_of

if TYPE_CHECKING:
    import datetime as dt

    from billing.charges.lines import Lines
    from billing.runs.contracts.contracts import Contracts


def own_days(lines: Lines, contracts: Contracts, through: dt.date | None = None) -> list[tuple[Days, ...]]:
    """The days of each line. A line that corrects is a difference, and has only its period.

    `through`: the day by which the lines of periods that are not over are due; these end as their lines state.
    """
    facts = contracts.facts
    found: list[tuple[Days, ...]] = [()] * lines.size
    subscription = index_of(facts.subscription_keys, lines["subscription_key"])
    divided = np.isin(lines["kind"], charged.DIVIDED) & (lines["corrects"] == 0) & (lines["catalogue"] >= 0)
    rows = np.flatnonzero(divided & (subscription >= 0))
    if not rows.size:
        return found
    pattern, zone = facts.subscription_pattern[subscription[rows]], facts.account_zone[facts.subscription_account[subscription[rows]]]
    columns = [np.ascontiguousarray(lines[name][rows]) for name in ("kind", "catalogue", "price_id", "period_from", "period_to")]
    code, models = groups([pattern, zone, *columns])  # equal cases are computed once
    days = [_of_alike(contracts, through, *(int(column[model]) for column in (pattern, zone, *columns))) for model in models.tolist()]
    for row, place in zip(rows.tolist(), code.tolist(), strict=True):
        found[row] = days[place]
    return found


def _of_alike(  # noqa: PLR0913, PLR0917 -- what the days of a line depend on
    contracts: Contracts, through: dt.date | None, pattern: int, zone: int, kind: int, catalogue: int, price_id: int, start: int, end: int
) -> tuple[Days, ...]:
    first, whole_to = day_of(start), day_of(end)
    period = Period(first, whole_to if through is None else min(whole_to, through), first, whole_to=whole_to)
    charge = Charge(Kind(kind), contracts.price_list.identities[catalogue], price_id)
    answer = plan_at(contracts, contracts.facts.zones[zone])
    return told(charged.own_days(charge, contracts.pattern_spans[pattern], breaks_of(contracts.facts.patterns[pattern]), period, answer))
