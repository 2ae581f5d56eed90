"""Subscriptions that are alike in a month: what one of them can draw on and pays in fees, all of them can and do.

Two are alike with the same plans on the same days, one time zone, and bills from the same day of the month on. Spans are looked at from
the day before the month to the day after it. So a subscription which begins with the month is not taken for one that began before:
one-off fees ask for that. Pauses, outages and what was agreed about the least time count, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from billing.charges.lines import Int64s
from billing.charges.pauses import touching
from billing.runs.contracts.contracts import Contracts
from billing.runs.contracts.fact_columns import groups
from billing.runs.settlement.fees_due import breaks_of, contract_of
from rating.dates import ONE_DAY, day_after

if TYPE_CHECKING:
    import datetime as dt

    from billing.charges.periods import Period
    from billing.charges.recurring import PlanSpan
    from billing.runs.contracts.contract_profiles import Pattern
    from billing.runs.contracts.facts import Subscription
    from billing.runs.selection.scope import Scope
    from billing.what_if.month import Month


class Patterns(NamedTuple):
    """`of`: pattern of each subscription (index), -1 for one without a plan in the month. `models`: a subscription of each pattern."""

    of: Int64s
    models: list[int]


def patterns(contracts: Contracts, scope: Scope, month: Month) -> Patterns:
    """The patterns of all subscriptions. Most are alike in the facts: those are not worked out again."""
    facts = contracts.facts
    code, models_of_facts = groups([facts.subscription_pattern, scope.calendar[facts.subscription_account]])
    known: dict[tuple[object, ...], int] = {}
    models: list[int] = []
    number_of = []
    for index in models_of_facts.tolist():
        account = int(facts.subscription_account[index])
        plans = _key(facts.subscriptions[index], facts.zones[facts.account_zone[account]], contracts.spans[index], scope, month)
        pattern = facts.patterns[facts.subscription_pattern[index]]
        key = None if plans is None else (*plans, *_of_fees(pattern, scope.periods[account][0]))
        number = -1 if key is None else known.setdefault(key, len(models))
        if number == len(models):
            models.append(index)
        number_of.append(number)
    return Patterns(np.array(number_of, np.int64)[code] if number_of else np.zeros(0, np.int64), models)


def of_models(contracts: Contracts, found: Patterns) -> Contracts:
    """The contracts of the models alone, in the order of the patterns."""
    few = contracts.facts.only_subscriptions(np.array(found.models, np.int64))
    return Contracts(few, contracts.price_list, contracts.midnights)


def _key(subscription: Subscription, zone: str, spans: list[PlanSpan], scope: Scope, month: Month) -> tuple[object, ...] | None:
    """Facts that the month of a subscription depends on; None where it has no plan in it."""
    periods = scope.periods[subscription.account]
    if not periods:
        return None
    first, last = periods[0].start, periods[0].end
    held = [(each.plan, each.span.start, each.span.end) for each in spans]
    seen = [
        (plan, max(start, first - ONE_DAY), _sooner(end, day_after(last)))
        for plan, start, end in held
        if start <= last and (end is None or end >= first)
    ]
    if not any(start < last and end > first for _, start, end in seen):
        return None
    return zone, first, month, tuple(plan for _, plan in subscription.plans), tuple(seen)


def _of_fees(pattern: Pattern, period: Period) -> tuple[object, ...]:
    """Facts that fees of the month ask for beside plans: pauses, agreements, and the begin of a subscription that ends in it."""
    end = pattern.active.end
    begun = pattern.active.start if end is not None and period.start < end <= period.end else None
    return touching(breaks_of(pattern), period.start, period.end), contract_of(pattern), begun


def _sooner(end: dt.date | None, latest: dt.date) -> dt.date:
    return latest if end is None else min(end, latest)
