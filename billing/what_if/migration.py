"""Moves of subscriptions from one plan to another, in the world of the draft alone: `--migrate A:B=20%`.

Subscriptions that move are drawn by their keys, the same ones on every request: of those that have plan A at some time of the month, the
share with the smallest mixed keys. A subscription that moves has B in place of A. It has B with the same add-ons in place of A with
add-ons, if there is such a plan. Moves do not chain: a share is of those who really have A.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from rating.errors import UserError
from rating.order import MIX_1, MIX_2

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping, Sequence

    from billing.charges.lines import Int64s
    from billing.charges.proration import Span
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.contracts.facts import Facts
    from billing.what_if.month import Month

_TEXT: Final = re.compile(r"([^:=\s]+):([^:=\s]+)=([0-9]{1,3}(?:\.[0-9]{1,6})?)%")
_REMEDY: Final = "write such as --migrate mobile/smart-s:mobile/smart-m=20%"


class Move(NamedTuple):
    """`share` (0 .. 1) of those on plan `old` have `new` instead. Plans by their full names."""

    old: str
    new: str
    share: Fraction


def parse(text: str, identity: str) -> Move:
    """A move as people write it; a plan without a catalogue is one of `identity`. Raises UserError for anything else."""
    found = _TEXT.fullmatch(text)
    if found is None:
        raise UserError(f'--migrate: "{text}" is not a move', _REMEDY, exit_status=2)
    share = Fraction(found[3]) / 100
    if share > 1:
        raise UserError(f'--migrate: "{text}" moves more than all', _REMEDY, exit_status=2)
    return Move(full_name(found[1], identity), full_name(found[2], identity), share)


def full_name(plan: str, identity: str) -> str:
    """`identity/plan`, where no other catalogue is named."""
    return plan if "/" in plan else f"{identity}/{plan}"


def check(moves: Sequence[Move], known: Collection[str], then: Collection[str]) -> None:
    """Raises UserError where a plan does not exist (in the world of the draft: `then`), or more than all would move."""
    for move in moves:
        if move.old not in known:
            raise UserError(f'--migrate: no subscription has plan "{move.old}" in that month', _listed(known))
        if move.new not in then:
            raise UserError(f'--migrate: there is no plan "{move.new}" with the draft in force', _listed(then))
        if sum(each.share for each in moves if each.old == move.old) > 1:
            raise UserError(f'--migrate: the shares of plan "{move.old}" are more than all together', "let them add up to 100 % or less")


def moved(contracts: Contracts, moves: Sequence[Move], month: Month, then: Collection[str]) -> tuple[Facts, list[int]]:
    """The facts after the moves, and how many subscriptions each one moves. `then`: the plans that exist in the world of the draft."""
    facts = contracts.facts
    plans: dict[int, tuple[tuple[dt.date, str], ...]] = {}
    instead: dict[int, dict[str, str]] = {}  # by subscription: one that had two plans in the month may leave both
    taken: dict[str, int] = {}
    counts = []
    for move in moves:
        having = _having(contracts, move.old, month)
        first = taken.get(move.old, 0)
        last = min(first + int(move.share * len(having) + Fraction(1, 2)), len(having))
        for index in having[first:last].tolist():
            instead.setdefault(index, {})[move.old] = move.new
            plans[index] = _changed(facts.patterns[facts.subscription_pattern[index]].plans, instead[index], then)
        taken[move.old] = last
        counts.append(last - first)
    return facts.with_plans(plans), counts


def _having(contracts: Contracts, plan: str, month: Month) -> Int64s:
    """Indices of the subscriptions that have a plan at some time of the month, in the order in which they are drawn."""

    def within(span: Span) -> bool:
        return span.start < month.after and (span.end is None or span.end > month.first)

    has = [any(each.plan == plan and within(each.span) for each in spans) for spans in contracts.pattern_spans]
    rows = np.flatnonzero(np.array(has, np.bool_)[contracts.facts.subscription_pattern])
    return rows[np.lexsort((rows, _mixed(contracts.facts.subscription_keys[rows])))]


def _mixed(keys: Int64s) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """The finaliser of splitmix64: keys in an order that has nothing to do with when customers came."""
    mixed = keys.astype(np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * MIX_2
    answer: np.ndarray[tuple[int], np.dtype[np.uint64]] = mixed ^ (mixed >> np.uint64(31))
    return answer


def _changed(plans: tuple[tuple[dt.date, str], ...], instead: Mapping[str, str], then: Collection[str]) -> tuple[tuple[dt.date, str], ...]:
    """Plans as they are after the moves."""

    def new(plan: str) -> str:
        without, plus, add_ons = plan.partition("+")
        moving_with = f"{instead[without]}{plus}{add_ons}" if without in instead and "+" not in instead[without] else plan
        return instead.get(plan, moving_with if moving_with in then else plan)

    return tuple((day, new(plan)) for day, plan in plans)


def _listed(names: Collection[str]) -> str:
    return f"there are {', '.join(sorted(names))}" if names else "there is none"
