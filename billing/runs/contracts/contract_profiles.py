"""Patterns: the terms of a contract, apart from its holder. Subscriptions with equal terms share one pattern.

Most customers are alike: a million subscriptions have some thousand patterns. Those that have nothing but plans are grouped as columns; the
few with pauses, outages, terms or discounts of their own are handled one by one.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from billing.accounts.facts import Fact
from billing.accounts.kinds import DiscountFact, TermsFact
from billing.charges.lines import Int64s
from billing.charges.proration import Span
from billing.runs.contracts.agreements import merged, span_of
from billing.runs.contracts.fact_columns import groups
from rating.dates import NEVER_DAY, day_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Pattern(NamedTuple):
    """The life of a subscription. `plans`: (from date, full name) in order of time; spans of days do not meet each other."""

    plans: tuple[tuple[dt.date, str], ...]
    active: Span
    pauses: tuple[Span, ...] = ()
    outages: tuple[Span, ...] = ()
    terms: tuple[tuple[Span, TermsFact], ...] = ()
    discounts: tuple[tuple[Span, DiscountFact], ...] = ()
    transferred_in: bool = False  # from another owner: it has an earlier life
    transferred_out: bool = False  # to another owner: it has a later one


class PlanFacts(NamedTuple):
    """Plan facts by subscription index and date: those of subscription s are rows first[s] up to first[s + 1]."""

    first: Int64s
    from_day: Int64s
    plan: Int64s  # place in the list of names


class Own(NamedTuple):
    """The facts of a subscription beside its plans and dates."""

    facts: tuple[Fact, ...]
    transferred_in: bool
    transferred_out: bool


class PatternIndex(NamedTuple):
    """`of`: the pattern of each subscription, its place in `all`."""

    of: Int64s
    all: list[Pattern]


def find(from_day: Int64s, end_day: Int64s, plans: PlanFacts, names: Sequence[str], own: Mapping[int, Own]) -> PatternIndex:
    """The patterns of all subscriptions. `from_day`, `end_day` (NEVER_DAY: open): when they are active; `own` by subscription index."""
    count = np.diff(plans.first)
    code, first = groups([from_day, end_day, count])
    for number in range(int(count.max(initial=0))):
        rows = np.flatnonzero(count > number)
        fact = plans.first[rows] + number
        part, first_rows = groups([code[rows], plans.from_day[fact], plans.plan[fact]])
        rest = count <= number
        kept, first_kept = groups([code[rest]])
        code[rows], code[rest] = part + len(first_kept), kept
        first = np.concatenate([np.flatnonzero(rest)[first_kept], rows[first_rows]])
    found = [_plain(index, from_day, end_day, plans, names) for index in first.tolist()]
    known: dict[Pattern, int] = {}
    for index, each in own.items():
        pattern = _with(found[code[index]], each)
        place = known.setdefault(pattern, len(found))
        if place == len(found):
            found.append(pattern)
        code[index] = place
    return PatternIndex(code, found)


def with_changes(patterns: Sequence[Pattern], of: Int64s, changed: Mapping[int, Pattern]) -> PatternIndex:
    """The same patterns, but for the subscriptions (indices) in `changed`."""
    every = list(patterns)
    known: dict[Pattern, int] = {}
    code = of.copy()
    for index, pattern in changed.items():
        place = known.setdefault(pattern, len(every))
        if place == len(every):
            every.append(pattern)
        code[index] = place
    return PatternIndex(code, every)


def of_rows(patterns: Iterable[Pattern]) -> PatternIndex:
    """The patterns of subscriptions that are given one by one."""
    known: dict[Pattern, int] = {}
    code = [known.setdefault(pattern, len(known)) for pattern in patterns]
    return PatternIndex(np.array(code, np.int64), list(known))


def _plain(index: int, from_day: Int64s, end_day: Int64s, plans: PlanFacts, names: Sequence[str]) -> Pattern:
    facts = range(int(plans.first[index]), int(plans.first[index + 1]))
    changes = tuple((day_of(int(plans.from_day[fact])), names[plans.plan[fact]]) for fact in facts)
    end = int(end_day[index])
    return Pattern(changes, Span(day_of(int(from_day[index])), None if end == NEVER_DAY else day_of(end)))


def _with(pattern: Pattern, own: Own) -> Pattern:
    """A pattern with the facts that a subscription has of its own."""
    return pattern._replace(
        pauses=merged(span_of(fact) for fact in own.facts if fact.kind == "pause"),
        outages=merged(span_of(fact) for fact in own.facts if fact.kind == "outage"),
        terms=tuple((span_of(fact), fact.detail) for fact in own.facts if fact.kind == "terms"),
        discounts=tuple((span_of(fact), fact.detail) for fact in own.facts if fact.kind == "discount"),
        transferred_in=own.transferred_in,
        transferred_out=own.transferred_out,
    )
