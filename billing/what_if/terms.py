"""What follows from the totals of the month, as a bill of it has it: volume tiers, discounts, and what is missing to commitments.

`billing.runs.totals` works it out from the lines that a bill would have, at the accounts that own them, whoever pays. Only subscriptions
that totals may be about are looked at. What belongs to a whole account counts with one of its subscriptions: with the one that a discount
is off, and of a volume tier with the first one whose usage it counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from billing.charges.lines import INT64_MAX, Int64s, Kind, Lines, empty, taken
from billing.charges.proration import clip
from billing.runs import totals
from billing.runs.columns import index_of
from billing.runs.contracts import Contracts
from billing.runs.fact_columns import groups
from billing.runs.menus import Menus
from billing.runs.proposal import Currencies
from billing.runs.usage_sums import of_one_period
from billing.what_if import fees
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.runs.totals import Off, Tiered
    from billing.what_if.events import Answer
    from billing.what_if.worlds import World


class Terms(NamedTuple):
    """Columns, a row for each subscription (index) and term. `catalogue`: place among the identities of the price list."""

    subscription: Int64s
    kind: Int64s  # Kind: VOLUME, DISCOUNT or COMMITMENT
    catalogue: Int64s
    price_id: Int64s
    micros: Int64s


def terms(made: World, answer: Answer) -> Terms:
    """All terms of a world. `answer`: what its events were rated to."""
    contracts, scope = made.contracts, made.scope
    menus = Menus(contracts, scope)
    concerned = menus.subscriptions
    if not concerned.any():
        return _summed(empty(), contracts)
    members = np.flatnonzero(concerned[:-1])
    few = Contracts(contracts.facts.only_subscriptions(members), contracts.price_list, contracts.midnights)
    usage = of_one_period(answer.subscription, concerned, answer.rated, contracts, scope)
    lines = np.concatenate([fees.lines(few, scope), usage])
    workings = totals.Workings()
    due = totals.apply(lines, contracts, scope, Currencies(contracts), workings=workings, menus=menus)
    volume = workings.base[workings.base["kind"] == Kind.VOLUME]
    found = np.concatenate([volume, due[due["kind"] == Kind.COMMITMENT], *map(_taken_off, workings.offs)])
    return _summed(_with_subscriptions(found, workings), contracts)


def named(made: World, found: Terms) -> Iterator[tuple[str, str, str, int, int]]:
    """Plan, kind, name, number and micro-units of the terms, those of one pattern together."""
    pattern = made.patterns.of[found.subscription]
    code, models = groups([pattern, found.kind, found.catalogue, found.price_id])
    numbers = np.bincount(code, minlength=len(models))
    micros = np.zeros(len(models), np.int64)
    np.add.at(micros, code, found.micros)
    agreed = totals.names(made.contracts)
    for row, number, amount in zip(models.tolist(), numbers.tolist(), micros.tolist(), strict=True):
        kind, price_id = Kind(int(found.kind[row])), int(found.price_id[row])
        identity = made.tariffs.identities[int(found.catalogue[row])]
        name = agreed.get((int(kind), price_id)) or made.tariffs.name(identity, price_id)
        yield _plan(made, int(found.subscription[row]), identity), kind.name.lower(), name, number, amount


def _taken_off(off: Off) -> Lines:
    """What a discount took off each line, under the key of the line."""
    rows = np.flatnonzero(off.off_micros)
    lines = taken(off.lines, rows)
    lines["exact_micros"] = -off.off_micros[rows]
    lines["charge_code"] = lines["price_id"]  # of the tier, where the line is that of a whole account
    lines["kind"], lines["price_id"] = Kind.DISCOUNT, off.entry.price_id
    return lines


def _with_subscriptions(found: Lines, workings: totals.Workings) -> Lines:
    """The same lines, those of a whole account at a subscription of it."""
    rows = np.flatnonzero(found["subscription_key"] == 0)
    if rows.size:
        first: dict[tuple[int, int, int], int] = {}
        for tiered in workings.tiered:
            if tiered.tier.whole_account:
                first |= _first_counted(tiered, workings.base)
        tier = np.where(found["kind"] == Kind.VOLUME, found["price_id"], found["charge_code"])[rows]
        keys = zip(found["account_key"][rows].tolist(), found["catalogue"][rows].tolist(), tier.tolist(), strict=True)
        found["subscription_key"][rows] = [first[key] for key in keys]
    return found


def _first_counted(tiered: Tiered, base: Lines) -> dict[tuple[int, int, int], int]:
    """By account, catalogue and tier: the first subscription whose usage it counts. `base` is in the order of subscriptions."""
    if not tiered.lines.size:
        return {}
    catalogue = int(tiered.lines["catalogue"][0])
    usage = (base["kind"] == Kind.USAGE) & (base["catalogue"] == catalogue) & np.isin(base["price_id"], tiered.tier.counted)
    counted = base[usage]
    accounts, places = np.unique(counted["account_key"], return_index=True)
    keys = counted["subscription_key"][places].tolist()
    return {(account, catalogue, tiered.tier.price_id): key for account, key in zip(accounts.tolist(), keys, strict=True)}


def _summed(lines: Lines, contracts: Contracts) -> Terms:
    """One row a subscription and term."""
    subscription = index_of(contracts.facts.subscription_keys, lines["subscription_key"])
    columns = [subscription, *(np.ascontiguousarray(lines[name]) for name in ("kind", "catalogue", "price_id"))]
    code, first = groups(columns)
    if sum(abs(each) for each in lines["exact_micros"].tolist()) > INT64_MAX:
        raise UserError("a sum of charges is beyond the limit of money", "`ratewright tariffs check` names prices that are too large")
    micros = np.zeros(len(first), np.int64)
    np.add.at(micros, code, lines["exact_micros"])
    of_subscription, kind, catalogue, price_id = (column[first] for column in columns)
    return Terms(of_subscription, kind, catalogue, price_id, micros)


def _plan(made: World, subscription: int, identity: str) -> str:
    """The last plan of a catalogue that a subscription has in the month: what totals go by."""
    contracts = made.contracts
    period = made.scope.periods[int(contracts.facts.subscription_account[subscription])][0]
    held = [each.plan for each in contracts.spans[subscription] if clip(each.span, period) is not None]
    return next((plan for plan in reversed(held) if plan.startswith(f"{identity}/")), held[-1] if held else f"{identity}/")
