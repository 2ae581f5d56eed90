"""Rules of plans about usage that arrives late, as the newest version of each plan states them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rating.model import LateUsage

if TYPE_CHECKING:
    from billing.runs.contracts.price_list import PriceList

NO_RULE: Final = -1


class LateRule(NamedTuple):
    """The rule of a plan about late usage, in days; NO_RULE: nothing."""

    arrival_after: int
    days_max: int
    waives: bool = False


def rule_of(price_list: PriceList, plan: str) -> LateRule:
    """The rule in the newest version of a plan."""
    versions = price_list.plan_versions(plan)
    if not versions:
        return LateRule(NO_RULE, NO_RULE)
    newest = versions[-1].plan
    after = newest.late_after_days if newest.late_usage is LateUsage.ARRIVAL_PERIOD else NO_RULE
    days_max = NO_RULE if newest.late_usage_days_max is None else newest.late_usage_days_max
    return LateRule(after, days_max, newest.late_usage is LateUsage.WAIVE)


def is_asked(price_list: PriceList) -> bool:
    """Return whether any plan has such a rule; without one arrival times need not be read."""
    return any(rule_of(price_list, plan) != LateRule(NO_RULE, NO_RULE) for plan in _plans(price_list))


def was_ever_asked(price_list: PriceList) -> bool:
    """Return whether any version of any plan has a rule by which late usage is not billed."""
    plans = (plan for each in price_list.catalogues for plan in each.plans)
    return any(plan.late_usage is LateUsage.WAIVE or plan.late_usage_days_max is not None for plan in plans)


def days_min(price_list: PriceList) -> int | None:
    """The fewest days after which any plan bills nothing more; None: each bills however late."""
    found = (rule_of(price_list, plan).days_max for plan in _plans(price_list))
    return min((days for days in found if days != NO_RULE), default=None)


def arrives(price_list: PriceList, plan: str) -> bool:
    """Return whether events of a plan may be billed in a later period than their own."""
    return rule_of(price_list, plan).arrival_after != NO_RULE


def _plans(price_list: PriceList) -> set[str]:
    return {f"{each.identity}/{plan.name}" for each in price_list.catalogues for plan in each.plans}
