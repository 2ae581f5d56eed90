"""Answer of a what-if, as structs that encode to JSON as they are. Money is int64 micro-units, without tax, line by line unrounded.

*Now* is the month under the tariffs in force, *then* the same month under the draft. Amounts of two currencies are never added: each
currency has a part of its own.
"""

from __future__ import annotations

import itertools
from typing import Final, Literal, NamedTuple

import msgspec

MOST_AFFECTED: Final = 20
# What a bill of the month may have beside: the answers name it.
NOT_INCLUDED: Final = ("tax", "rounding", "roll_over", "bill_days", "corrections", "by_hand", "late_usage", "payers", "tests")


class Row(msgspec.Struct, frozen=True):
    """Usage of one plan to one zone by one service."""

    plan: str
    zone: str
    service: str
    now_events: int
    now_micros: int
    then_events: int
    then_micros: int


class Fee(msgspec.Struct, frozen=True):
    """One fee of one plan, recurring or one-off: number of payments and their sum."""

    plan: str
    name: str
    now_count: int
    now_micros: int
    then_count: int
    then_micros: int


class Term(msgspec.Struct, frozen=True):
    """A term that follows from totals of one plan's subscriptions: a volume tier, a discount (below zero), a shortfall of a commitment."""

    plan: str
    kind: str  # volume, discount or commitment
    name: str
    now_count: int
    now_micros: int
    then_count: int
    then_micros: int


class Payers(msgspec.Struct, frozen=True):
    """Changes of the bills of customers (accounts with a plan or usage in the month): usage, fees and terms together.

    `deciles`: the change at which 0 %, 10 % .. 100 % of all customers have no larger one. `deciles_of_more`: of those who pay more alone.
    Each is empty where there are no such customers. `foreign`: subscriptions of such accounts with a plan in another currency, which are
    not counted.
    """

    customers: int
    more: int
    less: int
    same: int
    more_micros: int
    less_micros: int
    deciles: tuple[int, ...]
    deciles_of_more: tuple[int, ...]
    foreign: int


class Affected(msgspec.Struct, frozen=True):
    """A customer whose bill changes much."""

    account_id: str
    plans_now: tuple[str, ...]
    plans_then: tuple[str, ...]
    now_micros: int
    then_micros: int


class InCurrency(msgspec.Struct, frozen=True):
    """All that is counted in one currency. The totals are of usage, fees and terms."""

    currency: str
    now_micros: int
    then_micros: int
    revenue: tuple[Row, ...]
    fees: tuple[Fee, ...]
    payers: Payers
    most_affected: tuple[Affected, ...]
    terms: tuple[Term, ...] = ()


class Unpriced(msgspec.Struct, frozen=True):
    """Events of one plan and service that have no price, by the status that says why."""

    plan: str  # empty: no subscription, or a plan that no tariff has
    service: str
    status: str
    now_events: int
    then_events: int


class Lost(msgspec.Struct, frozen=True):
    """Events that have a price now and none then, by the zone that prices them now."""

    plan: str
    service: str
    zone: str
    events: int


class Moved(msgspec.Struct, frozen=True):
    """A migration, and how many subscriptions it moved."""

    old: str
    new: str
    subscriptions: int


class Stage(msgspec.Struct, frozen=True):
    """Time that a part of the work took, and the number of its events (0: it is not about events)."""

    name: str
    seconds: float
    rows: int


class WhatIf(msgspec.Struct, frozen=True):
    """The answer. `left_out`: events of the month that are priced in neither world, by reason."""

    identity: str
    version: int
    content_hash: str
    month: str
    commit_seq: int
    only_plan: str
    events: int
    currencies: tuple[InCurrency, ...]
    unpriced: tuple[Unpriced, ...]
    lost: tuple[Lost, ...]
    moved: tuple[Moved, ...]
    left_out: dict[str, int]
    stages: tuple[Stage, ...]
    not_included: tuple[str, ...] = NOT_INCLUDED

    @property
    def usage(self) -> int:
        """Number of stored events of the month, priced or left out."""
        return self.events + sum(self.left_out.values())


class Group(NamedTuple):
    """Revenue under one name: of usage, and of fees where it is a plan's."""

    name: str
    now_events: int
    now_micros: int
    then_events: int
    then_micros: int

    @property
    def change_micros(self) -> int:
        """Change of revenue that the draft brings."""
        return self.then_micros - self.now_micros


def grouped(part: InCurrency, by: Literal["plan", "zone", "service"]) -> list[Group]:
    """Usage under each plan, zone or service, the largest revenue first."""
    sums: dict[str, list[int]] = {}
    for row in part.revenue:
        of_name = sums.setdefault(getattr(row, by), [0, 0, 0, 0])
        for place, figure in enumerate((row.now_events, row.now_micros, row.then_events, row.then_micros)):
            of_name[place] += figure
    return _largest_first([Group(name, *figures) for name, figures in sums.items()])


def bills_of_plans(part: InCurrency) -> list[Group]:
    """Usage, fees and what follows from totals of each plan together, the largest revenue first."""
    sums = {each.name: list(each[1:]) for each in grouped(part, "plan")}
    for each in itertools.chain[Fee | Term](part.fees, part.terms):
        of_plan = sums.setdefault(each.plan, [0, 0, 0, 0])
        of_plan[1] += each.now_micros
        of_plan[3] += each.then_micros
    return _largest_first([Group(name, *figures) for name, figures in sums.items()])


def _largest_first(groups: list[Group]) -> list[Group]:
    return sorted(groups, key=lambda each: (-max(each.now_micros, each.then_micros), each.name))
