"""Subscriptions to bill in mid-cycle: those whose unbilled usage of the running period has reached a threshold of their plan.

`billing.runs.settlement.unbilled` gives the unbilled lines by charge key; usage and the lines that volume tiers make of it count. A
threshold includes its tax where the prices of its catalogue do. So the sum has the tax that is in its prices, and no other. The plan is
that of the last day before `through`, in the version in force on it. A threshold acts once in a period: the caller records those that have
acted (table `limit_alarms`) and bills the subscription's usage so far under the keys of the running period. So the bill of the cycle has
only the usage after that. A period that is over needs no threshold: the cycle bills it.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from billing.charges import thresholds
from billing.charges.charge_keys import Kind
from billing.charges.lines import Int64s, Lines, group_starts, sorted_by
from billing.runs.contracts.columns import index_of
from rating.dates import day_number, day_of, last_day
from rating.model import BillThreshold

if TYPE_CHECKING:
    from collections.abc import Collection

    from billing.runs.contracts.contracts import Contracts

_FIELDS = ("subscription_key", "period_from")


class Acted(NamedTuple):
    """A threshold that has acted on a subscription in the period that begins on a date."""

    subscription_key: int
    period_from: dt.date
    threshold_id: int


class Reached(NamedTuple):
    """A threshold to act on now. `account_key` is that of the owner; `unbilled_micros`: usage of the period that no invoice has."""

    account_key: int
    subscription_key: int
    period_from: dt.date
    threshold: BillThreshold
    unbilled_micros: int


def reached(unbilled: Lines, contracts: Contracts, through: dt.date, acted: Collection[Acted]) -> list[Reached]:
    """Thresholds that `unbilled` (lines of days before `through`, as prices state them) reaches and that have not `acted`.

    By subscription, lowest first.
    """
    facts = contracts.facts
    sums = _sums(unbilled, contracts, day_number(through))
    done: dict[tuple[int, dt.date], set[int]] = {}
    for each in acted:
        done.setdefault((each.subscription_key, each.period_from), set()).add(each.threshold_id)
    found = []
    for key, begins, micros in zip(
        sums["subscription_key"].tolist(), sums["period_from"].tolist(), sums["amount_micros"].tolist(), strict=True
    ):
        subscription = int(index_of(facts.subscription_keys, np.array([key]))[0])
        account_key = int(facts.account_keys[facts.subscription_account[subscription]])
        period_from = day_of(begins)
        of_plan = _thresholds(contracts, subscription, last_day(through))
        acting = thresholds.reached(micros, of_plan, done.get((key, period_from), ()))
        found += [Reached(account_key, key, period_from, threshold, micros) for threshold in acting]
    return found


def _sums(unbilled: Lines, contracts: Contracts, through_day: int) -> Lines:
    """Usage by subscription and running period, of subscriptions that ever had a plan with thresholds."""
    versions = contracts.price_list.plan_versions
    asked = contracts.subscriptions_that(lambda name: any(plan.bill_thresholds for _, plan in versions(name)))
    keys: Int64s = contracts.facts.subscription_keys[asked]
    running = (unbilled["period_from"] < through_day) & (through_day < unbilled["period_to"])
    counted = running & np.isin(unbilled["kind"], (Kind.USAGE, Kind.VOLUME)) & np.isin(unbilled["subscription_key"], keys)
    usage = sorted_by(unbilled[counted], _FIELDS)
    starts = group_starts(usage, _FIELDS)
    sums: Lines = usage[starts]
    if starts.size:
        sums["amount_micros"] = np.add.reduceat(usage["amount_micros"], starts)
    return sums


def _thresholds(contracts: Contracts, subscription: int, day: dt.date) -> tuple[BillThreshold, ...]:
    """The thresholds of the plan that a subscription has on a day; none where it has no plan."""
    facts = contracts.facts
    held = [each.plan for each in contracts.spans[subscription] if each.span.holds_on(day)]
    zone = facts.zones[facts.account_zone[facts.subscription_account[subscription]]]
    version = contracts.price_list.plan_on(held[-1], *contracts.midnights.day_us(zone, day)) if held else None
    return version.plan.bill_thresholds if version is not None else ()
