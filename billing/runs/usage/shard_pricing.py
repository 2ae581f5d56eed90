"""The events of one group of shards, from stored rows to charges: owners, order, and what is put aside for the last turns."""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from billing.charges.lines import Int64s
from billing.late_decisions import Decided
from billing.runs.contracts.columns import int64, key_halves, one_chunk
from billing.runs.contracts.rule_inputs import asked
from billing.runs.selection.arrival_times import COLUMNS, Arrivals
from billing.runs.selection.left_out import LeftOut
from billing.runs.usage import late_usage as late
from billing.runs.usage import pricing
from billing.runs.usage.billed_elsewhere import Billed
from billing.runs.usage.late_changes import REASONS, AsBefore
from billing.runs.usage.owners import Owners
from billing.runs.usage.pricing import Owned, Priced
from billing.runs.usage.rating_passes import Turns
from rating.on_use import ModuleOnUse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from billing.charges.rollover import Left
    from billing.guiding import Guide
    from billing.intake.by_shard import Part
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.selection.scope import Scope
    from billing.runs.usage.allowance_balances import Balances
    from billing.runs.usage.event_owners import Owning

    Bools = npt.NDArray[np.bool_]
    from billing.runs.usage import usage_kernel
else:
    usage_kernel = ModuleOnUse("billing.runs.usage.usage_kernel")

FROM_BEFORE: Final = LeftOut.FROM_BEFORE.value  # as reason of leaving out, below zero: events that are priced and began before the window
_USED: Final = ("flags", "start_us", *COLUMNS)  # columns that nobody asks for any more when owners are known


class Aside(NamedTuple):
    """Events that wait for the last turns."""

    usage: pa.Table
    start_us: Int64s
    owner: Owners


class Units(NamedTuple):
    """Rating units by group. Columns by account, and the last row for events without an account."""

    group: npt.NDArray[np.int32]  # of its rating unit
    rank: npt.NDArray[np.int32]  # of its rating unit in the group, by index; NOBODY
    units: Int64s  # how many each group has
    present: list[Int64s]  # by group: subscriptions that are rated whether they used anything or not


class LateUsage(NamedTuple):
    """The arrival of usage, if any plan asks for it, the late usage that people decided on, and changes of sessions that came too late.

    `billed`: usage that has its place on a bill.
    """

    came: Arrivals | None
    decided: Decided
    changes: AsBefore | None = None
    billed: Billed | None = None


class Elsewhere:
    """Notes what groups of events have to do with bills of other accounts and periods, for several threads at once."""

    def __init__(self, account_keys: Int64s, scope: Scope, billed: Billed | None) -> None:
        self._account_keys = account_keys
        self._scope = scope
        self._billed = billed
        self._lock = threading.Lock()
        self._pending_day: dict[int, int] = {}
        self._moved: set[tuple[int, int]] = set()

    @property
    def pending_day(self) -> Mapping[int, int]:
        """By account key, the first day of its oldest period that is computed without usage which is on another bill."""
        return self._pending_day

    @property
    def moved(self) -> AbstractSet[tuple[int, int]]:
        """Pairs of account keys: usage is on a bill of the first, in a period that the run computes, and the run bills the second."""
        return self._moved

    def stays(self, usage: pa.Table, wanted: Bools, owner: Owners) -> Bools:
        """Mask of the `wanted` events that are billed in a period that the run does not compute. Periods without them are noted."""
        if self._billed is None or not len(self._billed.stays):
            return np.zeros(len(wanted), np.bool_)
        billed: Any = pc.is_in(usage["event_key"], value_set=self._billed.stays)
        stays: Bools = wanted & billed.to_numpy()
        rows = np.flatnonzero(stays & (owner.place >= 0))
        account = owner.account[rows]
        days = self._scope.period_from[self._scope.calendar[account], owner.place[rows]]
        with self._lock:
            for key, day in zip(self._account_keys[account].tolist(), days.tolist(), strict=True):
                self._pending_day[key] = min(day, self._pending_day.get(key, day))
        return stays

    def note_moved(self, usage: pa.Table, keep: Bools, owner: Owners) -> None:
        """Note the events to `keep` that are on a bill of another account which the run computes again."""
        if self._billed is None or not len(self._billed.moving):
            return
        found: Any = pc.index_in(one_chunk(usage["event_key"]), value_set=self._billed.moving)
        place: npt.NDArray[np.int32] = found.fill_null(-1).to_numpy()
        rows = np.flatnonzero(keep & (place >= 0) & (owner.account >= 0))
        billed, new = self._billed.moving_from[place[rows]], self._account_keys[owner.account[rows]]
        pairs = zip(billed[billed != new].tolist(), new[billed != new].tolist(), strict=True)
        with self._lock:
            self._moved.update(pairs)


class GroupEvents:
    """Prices groups of events, for several threads at once."""

    def __init__(  # noqa: PLR0913, PLR0917 -- whose usage, and how it is priced
        self,
        guide: Guide,
        owning: Owning,
        contracts: Contracts,
        scope: Scope,
        late_usage: LateUsage,
        balances: Balances | None = None,
    ) -> None:
        self._guide = guide
        self._owning = owning
        self._contracts = contracts
        self._scope = scope
        self._came, self._decided, self._changes, billed = late_usage
        self._kept_in = None if billed is None else billed.kept_in
        self.elsewhere = Elsewhere(contracts.facts.account_keys, scope, billed)
        self._turns = Turns(contracts, scope, balances)
        self._asks_origin = asked(contracts.price_list.catalogues).origin
        self._aside: dict[int, Aside] = {}
        self._nothing: Aside | None = None
        self._lock = threading.Lock()

    @property
    def present(self) -> Int64s:
        """Subscriptions that are rated whether they used anything or not, for what they share or leave."""
        return self._turns.present

    @property
    def aside_rows(self) -> int:
        """Number of events that wait."""
        return sum(len(each.start_us) for each in self._aside.values())

    def price(self, number: int, part: Part, units: Units, lefts: Iterable[Left]) -> Priced:
        """The events of group `number`; those of rating units that have numbers in other groups are put aside."""
        start_us = int64(part.usage["start_us"])
        keep, owner, left_out, counted = self._sorted_out(number, part, start_us)
        used = _USED if self._asks_origin else (*_USED, "served_id")
        usage = pricing.narrowed(part.usage.drop_columns([name for name in used if name in part.usage.column_names]))
        self._nothing = Aside(usage.slice(0, 0), start_us[:0], owner.of(slice(0)))
        away = keep & (owner.account >= 0) & (units.group[owner.account] != number)
        rows = np.flatnonzero(away)
        if rows.size:
            with self._lock:
                self._aside[number] = Aside(usage.take(rows), start_us[rows], owner.of(rows))
        priced = self._priced(Aside(usage, start_us, owner), keep & ~away, left_out, (number, units), lefts)
        return dataclasses.replace(priced, uncounted=part.rows - counted)

    def aside(self, accounts: Bools) -> Aside | None:
        """The events that wait of some accounts (a flag each)."""
        found = []
        for _, each in sorted(self._aside.items()):
            rows = np.flatnonzero(accounts[each.owner.account])
            found.append(Aside(each.usage.take(rows), each.start_us[rows], each.owner.of(rows)))
        if not found:
            return None
        owner = Owners(*(np.concatenate(columns) for columns in zip(*(each.owner for each in found), strict=True)))
        return Aside(pa.concat_tables([each.usage for each in found]), np.concatenate([each.start_us for each in found]), owner)

    def price_aside(self, events: Aside | None, units: Units, lefts: Iterable[Left]) -> Priced:
        """Price events that waited, all of them of the rating units in group 0 of `units`."""
        waited = self._nothing if events is None else events
        assert waited is not None, "there is a group before the last turns"
        return self._priced(waited, np.ones(len(waited.start_us), np.bool_), {pricing.NOT_BILLABLE: 0}, (0, units), lefts)

    def _sorted_out(self, number: int, part: Part, start_us: Int64s) -> tuple[Bools, Owners, dict[str, int], int]:
        """Mask of the events that are priced, the owners of all, and the number of those that are not priced, by reason.

        The last number is that of the rows which have to be among these: events of the window that count, each once.
        """
        contracts, scope, usage = self._contracts, self._scope, part.usage
        owner = self._owning.owners(number, usage["served_id"], start_us)
        keep, left_out = part.keep, dict[str, int]()
        before = np.zeros(len(keep), np.bool_)
        if self._came is not None:
            assert scope.window is not None
            before = start_us < scope.window.from_us
        counted = part.settled + int(np.count_nonzero(keep & ~before))
        if self._changes is not None:
            keep, beside = _as_before(self._changes, usage, keep, before, left_out)
            counted -= beside
        if len(self._decided.keys):  # whatever else keeps them from a bill
            by_hand = keep & self._decided.holds(usage["event_key"])
            _add(left_out, LeftOut.DECIDED, int(np.count_nonzero(by_hand & ~before)))
            keep = keep & ~by_hand
        if self._came is not None:
            owner, not_billed = late.placed(owner, start_us, usage, self._came, contracts, scope)
            if self._kept_in is not None:
                owner = self._kept_in.placed(usage, start_us, owner, scope)
            for reason, events in not_billed.items():
                _add(left_out, reason, int(np.count_nonzero(keep & events & ~before)))
                keep = keep & ~events
            keep &= ~before | (owner.place >= 0)
        stays = self.elsewhere.stays(usage, keep & ((owner.place >= 0) | (owner.subscription < 0)), owner)  # nobody's now as well
        keep, others = pricing.to_price(usage, owner, keep & ~stays, contracts.prices_incoming, before)
        left_out |= others
        left_out[LeftOut.SETTLED.value] += part.settled + int(np.count_nonzero(stays & ~before))
        if self._came is not None:
            left_out[FROM_BEFORE] = -int(np.count_nonzero(keep & before))
        self.elsewhere.note_moved(usage, keep, owner)
        return keep, owner, left_out, counted

    def _priced(self, events: Aside, keep: Bools, left_out: dict[str, int], where: tuple[int, Units], lefts: Iterable[Left]) -> Priced:
        number, units = where
        rows = _order(events, keep, units.rank, int(units.units[number]))
        usage = events.usage.take(rows)
        owner = Owners(*(column[rows].astype(np.int64) for column in events.owner))
        owned = Owned(usage, one_chunk(usage["event_key"]), events.start_us[rows], owner, left_out)
        del usage, events
        present = units.present[number]
        return pricing.price_owned(
            owned, self._guide, self._contracts, self._scope, lambda rateable: self._turns.rate(rateable, lefts, present=present)
        )


def _as_before(changes: AsBefore, usage: pa.Table, keep: Bools, before: Bools, left_out: dict[str, int]) -> tuple[Bools, int]:
    """Without the rows of changes that came too late. Each is counted, less the row that goes on counting for it.

    The second result is the number of rows that go on counting for others, within the window.
    """
    reason = changes.reasons(usage)
    shown = keep & (reason < 0) & changes.shown.holds(usage)
    of_shown = changes.reason_of(usage)
    others = 0
    for code, each in enumerate(REASONS):
        away, beside = keep & (reason == code), shown & (of_shown == code)
        if away.any() or beside.any():
            shown_rows = int(np.count_nonzero(beside & ~before))
            _add(left_out, each, int(np.count_nonzero(away & ~before)) - shown_rows)
            others += shown_rows
    return keep & (reason < 0), others


def _add(left_out: dict[str, int], reason: str, rows: int) -> None:
    left_out[str(reason)] = left_out.get(str(reason), 0) + rows


def _order(events: Aside, keep: Bools, rank: npt.NDArray[np.int32], units: int) -> Int64s:
    """Rows to keep by rating unit, start and key: so charges of a customer lie together, and the engine need not sort."""
    code = np.where(keep, rank[events.owner.account], np.int32(usage_kernel.SKIPPED))
    places, edges, unsorted = usage_kernel.in_unit_order(code, events.start_us, units)
    for low, high in zip(edges[unsorted].tolist(), edges[unsorted + 1].tolist(), strict=True):
        rows = places[low:high]
        places[low:high] = rows[np.argsort(events.start_us[rows], kind="stable")]
    _order_ties(places, events.start_us[places], code[places], events.usage["event_key"])
    ordered: Int64s = places
    return ordered


def _order_ties(places: Int64s, start_us: Int64s, code: npt.NDArray[np.int32], event_key: pa.ChunkedArray[Any]) -> None:
    """Put events of one unit that start at one instant in order of their keys, in place. `start_us` and `code` are of the places."""
    same = (start_us[1:] == start_us[:-1]) & (code[1:] == code[:-1]) & (code[1:] != usage_kernel.NOBODY)
    tied = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False))
    if tied.size:
        rows = places[tied]
        key = key_halves(one_chunk(event_key.take(rows)))
        places[tied] = rows[np.lexsort((key[:, 1], key[:, 0], start_us[tied], code[tied]))]
