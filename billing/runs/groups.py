"""The usage of a run, priced group by group, so that memory is that of a few groups however much usage there is.

A group is some of the 256 shards of served ids, with about GROUP_ROWS events. Threads take whole groups, from the files to the sums: what
they spend their time on needs no lock of Python's. Rating units whose numbers lie in one group are rated there. Events of all others are
put aside in compact columns and rated at the end, some units at a time. Only sums stay, and they do not depend on any of this.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing.charges.lines import Int64s
from billing.intake import sealing
from billing.intake.by_shard import ByShard, Span, Wanted
from billing.intake.marks import COMMIT_SEQ
from billing.runs import late, pricing
from billing.runs.circumstances import asked
from billing.runs.columns import index_of, one_chunk
from billing.runs.group_events import Aside, GroupEvents
from billing.runs.proposal import Currencies
from billing.runs.usage_sums import GroupSums, PricedSums, gathered, sum_up
from billing.store import bulk, tables
from rating import engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from billing.charges.rollover import Left
    from billing.guiding import Guide
    from billing.runs.contracts import Contracts
    from billing.runs.pricing import Priced
    from billing.runs.scope import Scope
    from billing.runs.windows import Window
    from billing.store.home import Home

    Sink = Callable[[int, Priced], None]
    Progress = Callable[[int, int], None]

GROUP_ROWS: Final = 2_000_000
LAST: Final = -1  # as group of a rating unit: its numbers lie in several groups, or it has none


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
) -> PricedSums:
    """Price the usage of the scope's windows as of `seq`. `stored`: what is left over from before the computed periods.

    `sink(number, priced)` gets the events of each group, from any of the threads; the numbers are 0, 1, 2 and so on, and the same usage
    is in the same groups each time. `progress(done, total)` counts stored rows.
    Raises UserError where a usage file is not what was committed.
    """
    if scope.window is None:
        return gathered([])
    numbers = _numbers(home, seq, contracts)
    commits = _commits(home, seq, contracts)
    reader = ByShard(home, _wanted(contracts, scope, numbers, commits), seq, threads=threads)
    edges = _edges(reader.rows, group_rows)
    group_of = _groups_of_accounts(numbers, edges, contracts)
    lefts = _shared_out(stored, group_of, contracts)
    events = GroupEvents(guide, contracts, scope, commits, group_of)
    currencies = Currencies(contracts)
    done = _Done(progress, int(reader.rows.sum()))

    def finished(number: int, priced: Priced) -> GroupSums:
        if sink is not None:
            sink(number, priced)
        return sum_up(priced, contracts, currencies)

    def one(number: int) -> GroupSums:
        low, high = int(edges[number]), int(edges[number + 1])
        sums = finished(number, events.price(number, reader.read(low, high), lefts.get(number, ())))
        done.add(int(reader.rows[low:high].sum()))
        return sums

    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(one, range(len(edges) - 1)))
        turns = enumerate(_last_turns(events, group_of, lefts.get(LAST, []), contracts, group_rows), start=len(parts))
        parts += pool.map(lambda turn: finished(turn[0], events.price_aside(*turn[1])), turns)
    return gathered(parts)


class _Numbers(NamedTuple):
    """Served ids, and the subscription (index, -1 unknown) that each fact guides to."""

    served_id: pa.Array[Any]
    subscription: Int64s


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


def _numbers(home: Home, seq: int, contracts: Contracts) -> _Numbers:
    column = tables.guiding_facts.c
    with home.connect() as connection:
        found = bulk.read(connection, sa.select(column.served_id, column.subscription_key).where(column.commit_seq <= seq))
    subscription = index_of(contracts.facts.subscription_keys, found["subscription_key"].to_numpy())
    return _Numbers(one_chunk(found["served_id"]), subscription)


def _commits(home: Home, seq: int, contracts: Contracts) -> late.Commits | None:
    """When usage came; None where no plan asks."""
    if not late.is_asked(contracts.price_list):
        return None
    with home.connect() as connection:
        return late.load(connection, seq)


def _wanted(contracts: Contracts, scope: Scope, numbers: _Numbers, commits: late.Commits | None) -> Wanted:
    """What to read: in the reopened window only the numbers of accounts that are computed there."""
    columns = pricing.columns(asked(contracts.price_list.catalogues))
    ids = None
    if scope.reopened is not None:
        account = np.append(contracts.facts.subscription_account, -1)[numbers.subscription]
        few = np.append(scope.reopened_accounts, False)[account]
        ids = numbers.served_id.filter(pa.array(few)).unique()
    wanted = Wanted(columns, _span(scope.main), _span(scope.reopened), ids)
    if commits is None:
        return wanted
    arriving = any(late.arrives(contracts.price_list, f"{each.identity}/{plan.name}") for each, plan in _plans(contracts))
    return wanted._replace(columns=(*columns, COMMIT_SEQ), late_from_seq=commits.first_since(wanted.first_us) if arriving else None)


def _plans(contracts: Contracts) -> Iterator[tuple[Any, Any]]:
    return ((catalogue, plan) for catalogue in contracts.price_list.catalogues for plan in catalogue.plans)


def _span(window: Window | None) -> Span | None:
    return None if window is None else Span(*window)


def _edges(rows: Int64s, group_rows: int) -> Int64s:
    """Where groups of shards begin, and the last one ends: each has at most `group_rows` rows, or is a single shard."""
    edges, count = [0], 0
    for shard, more in enumerate(rows.tolist()):
        if count and count + more > group_rows:
            edges.append(shard)
            count = 0
        count += more
    return np.array([*edges, len(rows)], np.int64)


def _groups_of_accounts(numbers: _Numbers, edges: Int64s, contracts: Contracts) -> Int64s:
    """By account (and -1, nobody, at the end): the group in which all numbers of its rating unit lie, else LAST."""
    facts = contracts.facts
    known = numbers.subscription >= 0
    group = np.searchsorted(edges, sealing.shards_of(numbers.served_id)[known], side="right") - 1
    unit = facts.account_unit[facts.subscription_account[numbers.subscription[known]]]
    first, last = (np.full(len(facts.account_keys), start, np.int64) for start in (len(edges), LAST))
    np.minimum.at(first, unit, group)
    np.maximum.at(last, unit, group)
    by_unit = np.where(first == last, first, LAST)
    return np.append(by_unit[facts.account_unit], LAST)


def _shared_out(stored: Iterable[Left], group_of: Int64s, contracts: Contracts) -> Mapping[int, list[Left]]:
    """What earlier runs left, by group."""
    lefts = list(stored)
    keys = contracts.facts.account_keys
    order = np.argsort(keys, kind="stable")
    place = index_of(keys[order], np.array([left.account_key for left in lefts], np.int64))
    found: dict[int, list[Left]] = {}
    for left, at in zip(lefts, place.tolist(), strict=True):
        if at >= 0:
            found.setdefault(int(group_of[order[at]]), []).append(left)
    return found


def _last_turns(
    events: GroupEvents, group_of: Int64s, lefts: list[Left], contracts: Contracts, group_rows: int
) -> Iterator[tuple[Aside | None, Int64s, list[Left]]]:
    """Events put aside and the accounts (a flag each) whose they are, about `group_rows` at a time, with what these have left."""
    facts = contracts.facts
    waits = group_of[:-1] == LAST
    if not events.aside_rows and not (waits[facts.subscription_account] & events.present).any():
        return
    turns = min(max(-(-events.aside_rows // group_rows), 1), engine.VIRTUAL_SHARDS)
    turn_of = engine.shard_of(facts.account_keys[facts.account_unit]) * turns // engine.VIRTUAL_SHARDS
    keys = facts.account_keys
    for turn in range(turns):
        own = waits & (turn_of == turn)
        own_keys = set(keys[own].tolist()) if lefts else set()
        yield events.aside(own), own, [left for left in lefts if left.account_key in own_keys]
