"""Terms that follow from the totals of the month, as a bill of it has them: volume tiers, discounts, and what is missing to commitments.

`billing.runs.settlement.totals` works them out from the lines that a bill would have, at the accounts that own them, not at their payers.
Only subscriptions that totals may be about are looked at. What belongs to a whole account counts with one of its subscriptions: with the
one that a discount is off, and of a volume tier with the first one whose usage it counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from billing.charges.charge_keys import Kind
from billing.charges.lines import INT64_MAX, Int64s, Lines, empty
from billing.charges.ordering import grouped_by
from billing.charges.proration import clip
from billing.charges.spread import Parts
from billing.runs.contracts.columns import index_of
from billing.runs.contracts.contracts import Contracts
from billing.runs.contracts.currencies import Currencies
from billing.runs.contracts.fact_columns import groups
from billing.runs.settlement import totals
from billing.runs.settlement.drafting import ENGLISH, in_language
from billing.runs.settlement.inputs import Inputs
from billing.runs.settlement.totals_rules import Menus
from billing.runs.usage.charge_sums import of_one_period
from billing.what_if import fees
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.runs.settlement.totals import Off, Tiered
    from billing.what_if.events import Answer
    from billing.what_if.worlds import World


_HALF_BITS: Final = 32


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
        return _summed(_of_lines(empty()), contracts)
    members = np.flatnonzero(concerned[:-1])
    few = Contracts(contracts.facts.only_subscriptions(members), contracts.price_list, contracts.midnights)
    charged = fees.lines(few, scope)
    with_fees = np.zeros(len(concerned) - 1, np.bool_)
    with_fees[index_of(contracts.facts.subscription_keys, charged["subscription_key"])] = True
    usage = of_one_period(answer.subscription, concerned, menus.alike_usage(with_fees), answer.rated, contracts, scope)
    parts = Parts(np.append(np.ones(charged.size, np.int64), usage.counts), np.append(charged["amount_micros"], usage.parts_micros))
    lines = np.concatenate([charged, usage.lines])
    due, workings = totals.missing_and_workings(lines, parts, Inputs(contracts, scope, Currencies(contracts)), menus)
    volume = workings.base[workings.base["kind"] == Kind.VOLUME]
    pieces = [_of_lines(volume), _of_lines(due), *map(_of_discount, workings.offs)]
    found = _Pieces(*map(np.concatenate, zip(*pieces, strict=True)))
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
        own = agreed.get((int(kind), price_id))
        name = made.tariffs.name(identity, price_id) if own is None else in_language(own, ENGLISH)  # of an agreed discount: its only one
        yield _plan(made, int(found.subscription[row]), identity), kind.name.lower(), name, number, amount


class _Pieces(NamedTuple):
    """Columns of what terms come to. `line`: the price of the line that a discount is off, else that of the term itself."""

    account_key: Int64s
    subscription_key: Int64s  # 0: of the whole account
    kind: Int64s
    catalogue: Int64s
    price_id: Int64s
    line: Int64s
    micros: Int64s


def _of_lines(lines: Lines) -> _Pieces:
    names = ("account_key", "subscription_key", "kind", "catalogue", "price_id", "price_id", "exact_micros")
    return _Pieces(*(np.ascontiguousarray(lines[name]) for name in names))


def _of_discount(off: Off) -> _Pieces:
    """Amounts that a discount took off each line."""
    rows = np.flatnonzero(off.off_micros)
    account_key, subscription_key, catalogue, line = (
        off.lines[name][rows] for name in ("account_key", "subscription_key", "catalogue", "price_id")
    )
    kind, price_id = (np.full(rows.size, each, np.int64) for each in (Kind.DISCOUNT, off.entry.price_id))
    return _Pieces(account_key, subscription_key, kind, catalogue, price_id, line, -off.off_micros[rows])


def _with_subscriptions(found: _Pieces, workings: totals.Workings) -> _Pieces:
    """The same, those of a whole account at a subscription of it. Only volume tiers and what is off them are of a whole account."""
    rows = np.flatnonzero(found.subscription_key == 0)
    if rows.size:
        first: dict[tuple[int, int, int], int] = {}
        for tiered in workings.tiered:
            if tiered.tier.whole_account:
                first |= _first_counted(tiered, workings.base)
        keys = zip(*(column[rows].tolist() for column in (found.account_key, found.catalogue, found.line)), strict=True)
        found.subscription_key[rows] = [first[key] for key in keys]
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


def _summed(pieces: _Pieces, contracts: Contracts) -> Terms:
    """One row a subscription and term."""
    subscription = index_of(contracts.facts.subscription_keys, pieces.subscription_key)
    columns = (subscription, pieces.kind, pieces.catalogue, pieces.price_id)
    order, starts = grouped_by(columns)
    halves = (np.abs(pieces.micros) >> _HALF_BITS).sum(dtype=np.int64)
    if halves >= INT64_MAX >> _HALF_BITS:
        raise UserError("a sum of charges is beyond the limit of money", "`ratewright tariffs check` names prices that are too large")
    micros = np.add.reduceat(pieces.micros[order], starts) if starts.size else pieces.micros
    of_subscription, kind, catalogue, price_id = (column[order[starts]] for column in columns)
    return Terms(of_subscription, kind, catalogue, price_id, micros)


def _plan(made: World, subscription: int, identity: str) -> str:
    """The last plan of a catalogue that a subscription has in the month: totals follow it."""
    contracts = made.contracts
    period = made.scope.periods[int(contracts.facts.subscription_account[subscription])][0]
    held = [each.plan for each in contracts.spans[subscription] if clip(each.span, period) is not None]
    return next((plan for plan in reversed(held) if plan.startswith(f"{identity}/")), held[-1] if held else f"{identity}/")
