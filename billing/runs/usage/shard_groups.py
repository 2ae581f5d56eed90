"""The usage of a run, priced group by group, so that memory is that of a few groups however much usage there is.

A group is some of the 256 shards of served ids, with about GROUP_ROWS events. Threads take whole groups, from the files to the sums: what
they spend their time on needs no lock of Python's. Rating units whose numbers lie in one group are rated there. Events of all others are
put aside in compact columns and rated at the end, some units at a time. Only sums stay, and they do not depend on any of this.
"""

from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from billing import catalogue, late_decisions
from billing.intake.by_shard import ByShard, Instants, UsageFilter
from billing.runs.contracts.currencies import Currencies
from billing.runs.contracts.rule_inputs import asked
from billing.runs.usage import billed_elsewhere, late_changes, pricing
from billing.runs.usage.charge_sums import GroupSums, PricedSums, gathered, sum_up
from billing.runs.usage.event_owners import Owning
from billing.runs.usage.shard_pricing import Aside, GroupEvents, LateUsage, Units
from rating import engine
from rating.on_use import ModuleOnUse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from billing.charges.lines import Int64s
    from billing.charges.rollover import Left
    from billing.guiding import Guide
    from billing.intake.marks import Versions
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.selection.arrival_times import Arrivals
    from billing.runs.selection.scope import Scope
    from billing.runs.selection.usage_windows import Window
    from billing.runs.usage.allowance_balances import Balances
    from billing.runs.usage.pricing import Priced
    from billing.store.home import Home

    Sink = Callable[[int, Priced], None]
    Progress = Callable[[int, int], None]
    from billing.runs.usage import usage_kernel
else:
    usage_kernel = ModuleOnUse("billing.runs.usage.usage_kernel")

FEW: Final = 10  # a run of one account in so many, or less, does not read the usage of the others
GROUP_ROWS: Final = 400_000  # few enough to stay in the processor's cache and in memory that is used over and over


def price_in_groups(  # noqa: PLR0913, PLR0917 -- usage, the facts to price it with, and how
    home: Home,
    seq: int,
    guide: Guide,
    contracts: Contracts,
    scope: Scope,
    stored: Iterable[Left] = (),
    *,
    threads: int = 1,
    sink: Sink | None = None,
    progress: Progress | None = None,
    group_rows: int = GROUP_ROWS,
    left_alone: late_decisions.Decided | None = None,
    instead: Versions | None = None,
    balances: Balances | None = None,
) -> PricedSums:
    """Price the usage of the scope's windows as of `seq`. `stored`: what is left over from before the computed periods.

    `left_alone`: usage that is not priced; by default what people have decided on by `seq`, since it came too late.
    `instead`: rows that are priced in the stead of all others of their events. `balances` gets what is left of allowances.
    `sink(number, priced)` gets the events of each group, from any of the threads; the numbers are 0, 1, 2 and so on, and the same usage
    is in the same groups each time. `progress(done, total)` counts stored rows.
    Raises UserError where a usage file is not what was committed.
    """
    if scope.window is None:
        return gathered([])
    owning = Owning(guide, contracts, scope)
    alone = _decided(home, seq) if left_alone is None else left_alone
    came, late = late_changes.find(home, seq, guide, contracts, scope, alone)
    spans = _spans(contracts, scope)
    if spans.few is not None:
        owning.settle_all_but(spans.accounts, *spans.few)
    arriving = came if catalogue.ever_billed_by_arrival(home) else None
    wanted = _wanted(contracts, spans, came, arriving)._replace(shown=None if late is None else late.shown, instead=instead)
    reader = ByShard(home, wanted, seq, threads=threads)
    edges = _edges(reader.rows, group_rows)
    owning.place_in_groups(edges)
    billed = billed_elsewhere.find(home, seq, contracts, scope, arriving)
    events = GroupEvents(guide, owning, contracts, scope, LateUsage(came, alone, late, billed), balances)
    units = _units(owning, edges, events.present, contracts)
    lefts = _shared_out(stored, units.group, contracts)
    currencies = Currencies(contracts)
    done = _Done(progress, int(reader.rows.sum()))

    def finished(number: int, priced: Priced) -> GroupSums:
        if sink is not None:
            sink(number, priced)
        return sum_up(priced, contracts, currencies)

    def one(number: int) -> GroupSums:
        low, high = int(edges[number]), int(edges[number + 1])
        part = reader.read(low, high, owning.settled(number))
        sums = finished(number, events.price(number, part, units, lefts.get(number, ())))
        done.add(int(reader.rows[low:high].sum()))
        return sums

    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(one, range(len(edges) - 1)))
        turns = enumerate(_last_turns(events, units, lefts.get(_last(edges), []), contracts, group_rows), start=len(parts))
        parts += pool.map(lambda turn: finished(turn[0], events.price_aside(*turn[1])), turns)
    elsewhere = events.elsewhere
    pending_day, moved = dict(sorted(elsewhere.pending_day.items())), frozenset(elsewhere.moved)
    return dataclasses.replace(gathered(parts), stored_rows=reader.stored_rows, pending_day=pending_day, moved=moved)


class _Spans(NamedTuple):
    """`main`: all usage in it is read. `few`: only that of `accounts` (a flag each), and that without an owner."""

    main: Instants | None
    few: Instants | None
    accounts: npt.NDArray[np.bool_]


class _Done:
    """Counts rows that are done, for several threads."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._rows = 0
        self._lock = threading.Lock()

    def add(self, rows: int) -> None:
        """So many more."""
        with self._lock:
            self._rows += rows
            if self._progress is not None:
                self._progress(self._rows, self._total)


def _decided(home: Home, seq: int) -> late_decisions.Decided:
    with home.connect() as connection:
        return late_decisions.decided(connection, seq)


def _spans(contracts: Contracts, scope: Scope) -> _Spans:
    """In the reopened window only accounts that are computed there are read; in a run of few accounts only these, anywhere."""
    in_run = scope.calendar >= 0
    assert scope.window is not None
    if int(in_run.sum()) * FEW <= len(contracts.facts.account_keys):
        return _Spans(None, Instants(*scope.window), in_run)
    return _Spans(_span(scope.main), _span(scope.reopened), scope.reopened_accounts)


def _wanted(contracts: Contracts, spans: _Spans, came: Arrivals | None, arriving: Arrivals | None) -> UsageFilter:
    """The usage to read. `arriving`: as `came`, where any plan bills late usage in the period of its arrival, or ever did."""
    columns = pricing.columns(asked(contracts.price_list.catalogues))
    wanted = UsageFilter(columns, spans.main, spans.few)
    if came is None:
        return wanted
    wanted = wanted._replace(columns=(*columns, *came.columns))
    if arriving is None:
        return wanted
    settled_from_seq = None if spans.main is None else came.first_since(spans.main.from_us)  # it may have arrived in a computed period
    return wanted._replace(late_from_seq=came.first_since(wanted.first_us), settled_from_seq=settled_from_seq)


def _span(window: Window | None) -> Instants | None:
    return None if window is None else Instants(*window)


def _edges(rows: Int64s, group_rows: int) -> Int64s:
    """The first shard of each group of shards, and the end of the last group: each has at most `group_rows` rows, or is a single shard."""
    edges, count = [0], 0
    for shard, more in enumerate(rows.tolist()):
        if count and count + more > group_rows:
            edges.append(shard)
            count = 0
        count += more
    return np.array([*edges, len(rows)], np.int64)


def _last(edges: Int64s) -> int:
    """The number that stands for the last turns: rating units whose numbers lie in several groups, or that have none."""
    return len(edges) - 1


def _units(owning: Owning, edges: Int64s, present: Int64s, contracts: Contracts) -> Units:
    """The group of each rating unit: that in which all its numbers lie, else the last turns."""
    facts = contracts.facts
    known = owning.subscription >= 0
    group = np.searchsorted(edges, owning.shards_of_facts()[known], side="right") - 1
    unit = facts.account_unit[facts.subscription_account[owning.subscription[known]]]
    first, last = (np.full(len(facts.account_keys), start, np.int64) for start in (len(edges), -1))
    np.minimum.at(first, unit, group)
    np.maximum.at(last, unit, group)
    by_unit = np.where(first == last, first, _last(edges))
    return _ranked(by_unit[facts.account_unit], len(edges), present, contracts)


def _ranked(group: Int64s, groups: int, present: Int64s, contracts: Contracts) -> Units:
    """The units of groups 0 .. groups - 1. `group`: the group of each account."""
    facts = contracts.facts
    roots = np.flatnonzero(facts.account_unit == np.arange(len(facts.account_unit)))
    order = roots[np.argsort(group[roots], kind="stable")]
    count = np.bincount(group[roots], minlength=groups)
    rank = np.zeros(len(group), np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
    of_present = group[facts.subscription_account[present]]
    sorted_ = present[np.argsort(of_present, kind="stable")]
    edges = np.cumsum(np.bincount(of_present, minlength=groups))
    return Units(
        np.append(group, -1).astype(np.int32),
        np.append(rank[facts.account_unit], usage_kernel.NOBODY).astype(np.int32),
        count,
        np.split(sorted_, edges[:-1]),
    )


def _shared_out(stored: Iterable[Left], group_of: npt.NDArray[np.int32], contracts: Contracts) -> Mapping[int, list[Left]]:
    """Amounts that earlier runs left, by group."""
    lefts = list(stored)
    account = contracts.facts.account_index(np.array([left.account_key for left in lefts], np.int64))
    found: dict[int, list[Left]] = {}
    for left, at in zip(lefts, account.tolist(), strict=True):
        if at >= 0:
            found.setdefault(int(group_of[at]), []).append(left)
    return found


def _last_turns(
    events: GroupEvents, units: Units, lefts: list[Left], contracts: Contracts, group_rows: int
) -> Iterator[tuple[Aside | None, Units, list[Left]]]:
    """Events put aside, about `group_rows` at a time, with their rating units and what these have left."""
    last = len(units.present) - 1
    if not events.aside_rows and not units.present[last].size:
        return
    facts = contracts.facts
    turns = min(max(-(-events.aside_rows // group_rows), 1), engine.VIRTUAL_SHARDS)
    turn_of = engine.shard_of(facts.account_keys[facts.account_unit]) * turns // engine.VIRTUAL_SHARDS
    for turn in range(turns):
        own = (units.group[:-1] == last) & (turn_of == turn)
        present = units.present[last]
        ranked = _ranked(np.where(own, 0, 1), 2, present[own[facts.subscription_account[present]]], contracts)
        keys = set(facts.account_keys[own].tolist()) if lefts else set()
        yield events.aside(own), ranked, [left for left in lefts if left.account_key in keys]
