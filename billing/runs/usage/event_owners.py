"""Owners of the events of a group, found in one pass over them: number and instant give the subscription, and that gives all else.

Numbers are dealt to groups by their shard once, so that a group looks up its own few thousand only. `pricing.owners` finds the same for
any events, column by column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from billing.runs.contracts.columns import index_of
from billing.runs.usage.owners import Owners
from rating.on_use import ModuleOnUse

if TYPE_CHECKING:
    import numpy.typing as npt

    from billing.charges.lines import Int64s
    from billing.guiding import Guide
    from billing.intake import sealing
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.selection.scope import Scope
    from billing.runs.usage import usage_kernel
else:
    sealing = ModuleOnUse("billing.intake.sealing")
    usage_kernel = ModuleOnUse("billing.runs.usage.usage_kernel")


class Owning:
    """Numbers of an installation and their owners. `place_in_groups` comes before `owners`."""

    def __init__(self, guide: Guide, contracts: Contracts, scope: Scope) -> None:
        facts, spans, lives = contracts.facts, guide.spans, contracts.lives
        self._ids = spans.ids
        self._first = spans.first
        self.subscription = index_of(facts.subscription_keys, spans.subscription_key)  # of each fact, -1 unknown
        self._account_of = facts.subscription_account
        self._settled: npt.NDArray[np.bool_] | None = None
        self._shard = sealing.shards_of(spans.ids)
        calendars = max(len(scope.bounds_us), 1)
        bounds_us = scope.bounds_us if len(scope.bounds_us) else np.zeros((1, 2), np.int64)
        of_calendar = (scope.period_count, scope.open_us) if len(scope.bounds_us) else (np.zeros(calendars, np.int64),) * 2
        self._columns: tuple[npt.NDArray[Any], ...] = (
            spans.first.astype(np.int64),
            spans.from_us,
            spans.to_us,
            self.subscription.astype(np.int32),
            *(np.ascontiguousarray(column, np.int64) for column in lives),
            contracts.first_holding,
            facts.subscription_account,
            scope.calendar,
            np.ascontiguousarray(bounds_us),
            *of_calendar,
            scope.first_us,
        )

    def shards_of_facts(self) -> npt.NDArray[np.uint8]:
        """The shard of the number of each fact."""
        return np.repeat(self._shard, np.diff(self._first))

    def settle_all_but(self, accounts: npt.NDArray[np.bool_], from_us: int, to_us: int) -> None:
        """Call settled the numbers that guide to one active subscription throughout a span of time, but those of these accounts.

        `accounts`: a flag each. So events without an owner are still seen, and refused.
        """
        first, from_, to, subscription, life, active_from, active_to = self._columns[:7]
        lives = life[subscription]
        steady = (subscription >= 0) & (from_ <= from_us) & (to >= to_us) & (active_from[lives] <= from_us) & (active_to[lives] >= to_us)
        steady &= ~np.append(accounts[self._account_of], False)[subscription]
        single = np.diff(first) == 1
        self._settled = single & steady[first[:-1]] if len(first) > 1 else np.zeros(0, np.bool_)

    def settled(self, group: int) -> pa.Array[Any] | None:
        """The numbers of a group that are called settled; None where none is anywhere."""
        if self._settled is None:
            return None
        low, high = int(self._edges[group]), int(self._edges[group + 1])
        return self._ids_in_order.slice(low, high - low).filter(pa.array(self._settled[self._order[low:high]]))  # type: ignore[no-any-return]  # of Arrow

    def place_in_groups(self, edges: Int64s) -> None:
        """Deal the numbers to groups of shards, each from one of `edges` to the next."""
        order = np.argsort(self._shard, kind="stable").astype(np.int32)
        self._order = order
        self._ids_in_order: Any = self._ids.take(order)
        self._edges = np.searchsorted(self._shard[order], edges)

    def owners(self, group: int, served_id: pa.ChunkedArray[Any], start_us: Int64s) -> Owners:
        """Owners of the events of a group. `served_id`: dictionaries, the numbers of each in the order of its rows or nearly so."""
        code = self._codes(group, served_id)
        found = tuple(np.empty(len(code), np.int32) for _ in Owners._fields)
        usage_kernel.find_owners(code, start_us, *self._columns, *found)
        return Owners(*found)  # type: ignore[arg-type]  # narrow, for rows are many; those that stay are widened

    def _codes(self, group: int, served_id: pa.ChunkedArray[Any]) -> npt.NDArray[np.int32]:
        """The place of each row's number among all, `NOBODY` for an unknown one. Only the used part of a dictionary is looked up."""
        low, high = int(self._edges[group]), int(self._edges[group + 1])
        own = self._ids_in_order.slice(low, high - low)
        chunks: list[Any] = [chunk for chunk in served_id.chunks if len(chunk)]
        if not chunks:
            return np.zeros(0, np.int32)
        used, rows, base = [], [], 0
        for chunk in chunks:
            index = chunk.indices.to_numpy()
            least, greatest = int(index.min()), int(index.max())
            used.append(chunk.dictionary.slice(least, greatest - least + 1))
            rows.append(index + np.int32(base - least))
            base += greatest - least + 1
        found: Any = pc.index_in(pa.concat_arrays(used), value_set=own)
        place = found.fill_null(usage_kernel.NOBODY).to_numpy()
        code = np.append(self._order[low:high], np.int32(usage_kernel.NOBODY))[place]
        of_rows: npt.NDArray[np.int32] = code[np.concatenate(rows)]
        return of_rows
