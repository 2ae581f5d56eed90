"""Rate a batch of events: checks columns, allocates results, deals rows to threads, and lets the kernel write.

The result does not depend on the order of rows, on the number of threads or on how events are cut into batches and shards. One condition:
all events of one rating unit are rated together, or batch after batch in event order. Rows are independent but for the buckets of their
holder, and those are drawn in order of (start, event key).
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from rating.on_use import ModuleOnUse
from rating.outcome import COUNTER_MAX
from rating.tables import BUCKET_ROW, CIRCUMSTANCE, SLOT_BITS, SPAN_ROW, Tables, no_circumstances

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rating import kernel, order
    from rating.ported import PortedNumbers
else:
    kernel, order = ModuleOnUse("rating.kernel"), ModuleOnUse("rating.order")

VIRTUAL_SHARDS: Final = 256  # as `order.SHARDS`
_Columns = tuple[NDArray[np.generic], ...]
_AS_THEY_ARE: Final = np.zeros(0, np.int64)
_UNKNOWN: Final = no_circumstances(1)
_mine: Final = threading.local()
_KINDS: Final = {
    "start_us": np.int64, "quantity": np.int64, "service": np.int8, "plan": np.int32, "number": np.uint64,
    "number_digits": np.int8, "holder": np.int32, "rating_unit": np.int64, "event_key": np.uint64,
}  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class RatingInput:
    """Columns of n events, any order. All C-contiguous."""

    start_us: NDArray[np.int64]  # instant UTC
    quantity: NDArray[np.int64]  # voice: microseconds; data: bytes; else messages
    service: NDArray[np.int8]  # rating.model.Service
    plan: NDArray[np.int32]  # from Tables.plan_index; -1 no subscription, -2 plan in no catalogue
    number: NDArray[np.uint64]  # destination digits as an integer
    number_digits: NDArray[np.int8]  # how many digits; 0 no destination, -1 malformed
    holder: NDArray[np.int32]  # whose buckets the event may draw on, -1 nobody's
    rating_unit: NDArray[np.int64]
    event_key: NDArray[np.uint64]  # (n, 2): the 16 bytes, big-endian halves; breaks ties in time, then the order of rows
    circumstances: NDArray[np.void] | None = None  # rating.tables.CIRCUMSTANCE; None: nothing is known about any


@dataclasses.dataclass(frozen=True, eq=False)
class Buckets:
    """Buckets by holder. Holder h has the buckets `held[holder_from[h] : holder_from[h + 1]]`; holders of one rating unit may share some.

    `of` sorts them by what they are asked for (`rating.tables.OF_QUANTITY` and so on), and there into draw order: priority, then `to_us`,
    then id (slots of a catalogue are numbered in order of id).
    Memory: 28 bytes a bucket held, 8 a holder.
    """

    state: NDArray[np.void]  # rating.tables.BUCKET_ROW: amount and mark (see rating.model.BucketKind), slot, span
    spans: NDArray[np.void]  # rating.tables.SPAN_ROW
    holder_from: NDArray[np.int64]  # one more than holders
    held: NDArray[np.int32]

    @classmethod
    def of(  # noqa: PLR0913, PLR0917 - one column each
        cls,
        slot: NDArray[np.int32],
        amount: NDArray[np.int64],
        mark: NDArray[np.int64],
        from_us: NDArray[np.int64],
        to_us: NDArray[np.int64],
        priority: NDArray[np.int32],
        holder_from: NDArray[np.int64],
        held: NDArray[np.int32],
    ) -> Buckets:
        """Buckets of columns: `slot` from Tables.slots, `amount` and `mark` as BucketKind says, serving events in [from_us, to_us).

        Amounts and marks are 0 .. 2**61. A holder has each bucket once, and one of each counter and cap. A slot that the tables do not
        have serves nothing.
        Raises ValueError where the columns do not fit together or hold less than nothing: a mistake of the caller.
        """
        if len({column.shape for column in (slot, amount, mark, from_us, to_us, priority)}) > 1 or slot.ndim != 1:
            message = "columns of buckets differ in length"
            raise ValueError(message)
        if not len(holder_from) or int(holder_from[0]) != 0 or int(holder_from[-1]) != len(held) or (np.diff(holder_from) < 0).any():
            message = "holder_from must rise from 0 to the number of buckets held"
            raise ValueError(message)
        if len(held) and not 0 <= int(held.min()) <= int(held.max()) < len(slot):
            message = f"column held names a bucket outside 0 .. {len(slot) - 1}"
            raise ValueError(message)
        if len(amount) and (min(int(amount.min()), int(mark.min())) < 0 or max(int(amount.max()), int(mark.max())) > COUNTER_MAX):
            message = "a bucket holds less than nothing, or more than 2**61"
            raise ValueError(message)
        holder = np.repeat(np.arange(len(holder_from) - 1), np.diff(holder_from))
        order = np.lexsort((slot[held], to_us[held], priority[held], slot[held] >> SLOT_BITS, holder))
        pairs = np.zeros(len(slot), SPAN_ROW)
        pairs["from_us"], pairs["to_us"] = from_us, to_us
        spans, span = np.unique(pairs, return_inverse=True)
        state = np.zeros(len(slot), BUCKET_ROW)
        state["amount"], state["mark"], state["slot"], state["span"] = amount, mark, slot, span
        return cls(state, spans, holder_from.astype(np.int64), held[order].astype(np.int32))

    @classmethod
    def none(cls) -> Buckets:
        """Return no holders and no buckets."""
        return cls(np.zeros(0, BUCKET_ROW), np.zeros(0, SPAN_ROW), np.zeros(1, np.int64), np.zeros(0, np.int32))

    @property
    def holders(self) -> int:
        """Return the number of holders."""
        return len(self.holder_from) - 1

    @property
    def nbytes(self) -> int:
        """Memory of it all."""
        return self.state.nbytes + self.spans.nbytes + self.holder_from.nbytes + self.held.nbytes


_rule_columns: Final[weakref.WeakKeyDictionary[Tables, dict[str, NDArray[np.int32]]]] = weakref.WeakKeyDictionary()  # what `Rated` looks up


@dataclasses.dataclass(frozen=True, eq=False)
class Rated:
    """Columns of n results in the order of the input. Where `status` refuses, amounts and quantities are 0."""

    status: NDArray[np.int16]
    match: NDArray[np.int32]  # row in Tables.rules, -1 none
    charge_micros: NDArray[np.int64]
    reduced_micros: NDArray[np.int64]  # what discount, money allowances and caps took off
    chargeable_qty: NDArray[np.int64]  # price units: milliseconds, bytes, messages
    free_qty: NDArray[np.int64]
    buckets_after: NDArray[np.void]  # rating.tables.BUCKET_ROW
    tables: Tables

    @property
    def amount_after(self) -> NDArray[np.int64]:
        """By bucket."""
        return np.ascontiguousarray(self.buckets_after["amount"])

    @property
    def mark_after(self) -> NDArray[np.int64]:
        """By bucket."""
        return np.ascontiguousarray(self.buckets_after["mark"])

    @property
    def gross_micros(self) -> NDArray[np.int64]:
        """Before discount, money allowances and caps."""
        return self.charge_micros + self.reduced_micros

    @functools.cached_property
    def price(self) -> NDArray[np.int32]:
        """Row of Tables.prices, -1 none."""
        return np.maximum(self._of_rule("price", -1), -1)

    @functools.cached_property
    def price_id(self) -> NDArray[np.int32]:
        """0 none."""
        ids = np.append(self.tables.price_ids, np.int32(0))
        return ids[self.price]

    @functools.cached_property
    def zone_id(self) -> NDArray[np.int32]:
        """0 none."""
        return self._of_rule("zone_id", 0)

    @functools.cached_property
    def version(self) -> NDArray[np.int32]:
        """Index in Tables.versions, -1 none."""
        return self._of_rule("version", -1)

    def _of_rule(self, field: str, otherwise: int) -> NDArray[np.int32]:
        columns = _rule_columns.setdefault(self.tables, {})
        if field not in columns:
            columns[field] = np.append(self.tables.rules[field].astype(np.int32), np.int32(otherwise))
        return columns[field][self.match]


def shard_of(rating_unit: NDArray[np.int64]) -> NDArray[np.int64]:
    """Virtual shard 0 .. 255 of rating units, for ever (the finaliser of splitmix64)."""
    mixed = rating_unit.astype(np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * order.MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * order.MIX_2
    return ((mixed ^ (mixed >> np.uint64(31))) % np.uint64(VIRTUAL_SHARDS)).astype(np.int64)


def rate(  # noqa: PLR0913 - what to rate, with what, and how
    tables: Tables,
    batch: RatingInput,
    buckets: Buckets,
    *,
    threads: int = 1,
    ported: PortedNumbers | None = None,
    in_place: bool = False,
    reuse: Rated | None = None,
) -> Rated:
    """Rate every event of `batch` with what the holders have. `buckets` is not changed, but with `in_place`: then it holds what remains.

    `reuse`: an answer to as many rows that is not needed any more; its columns are written over, which saves the system the trouble
    of finding fresh memory (about a seventh of the time of a large batch).

    All events of a holder, and all holders that share a bucket, belong to one rating unit.
    Raises ValueError when columns differ in length or type, a plan, holder or home clock does not exist, or there is no thread: that is
    a mistake of the caller.
    """
    if threads < 1:
        message = f"{threads} threads can rate nothing"
        raise ValueError(message)
    rows = _checked_rows(batch, tables, buckets.holders)
    if ported is not None:
        number, number_digits = ported.routed(batch.number, batch.number_digits, batch.start_us)
        batch = dataclasses.replace(batch, number=number, number_digits=number_digits)
    state = buckets.state if in_place else buckets.state.copy()
    results = _fresh(rows) if reuse is None else _columns_of(reuse, rows)
    circumstances = _UNKNOWN if batch.circumstances is None else batch.circumstances
    each = 0 if batch.circumstances is None else 1
    groups = (_events(batch, circumstances), *_groups(tables), _held(buckets, state), results)
    places, edges = event_order(batch, threads)

    def work(place_from: int, place_to: int) -> None:
        kernel.run(place_from, place_to, each, tables.days_base, places, *groups, *_scratch(tables.runs_max))

    _deal(work, edges, threads)
    return Rated(*results, state, tables)


def _fresh(rows: int) -> kernel.Results:
    return kernel.Results(np.empty(rows, np.int16), np.empty(rows, np.int32), *(np.empty(rows, np.int64) for _ in range(4)))


def _columns_of(reuse: Rated, rows: int) -> kernel.Results:
    if len(reuse.status) != rows:
        message = f"an answer to {len(reuse.status)} rows cannot be written over with {rows}"
        raise ValueError(message)
    return kernel.Results(reuse.status, reuse.match, reuse.charge_micros, reuse.reduced_micros, reuse.chargeable_qty, reuse.free_qty)


def event_order(batch: RatingInput, threads: int) -> tuple[NDArray[np.int64], list[int]]:
    """Rows so that those of each rating unit follow each other in order of (start, key), and the places where one thread's part ends.

    Empty rows mean the order of the batch. That order serves where no event has a holder and where rows come grouped by rating unit. For
    one thread it also serves where they come in event order.
    """
    rows = len(batch.start_us)
    even = [rows * part // threads for part in range(threads + 1)]
    if order.extremes(batch.holder)[1] < 0:
        return _AS_THEY_ARE, even
    if order.are_grouped(batch.rating_unit, batch.start_us, batch.event_key):
        return _AS_THEY_ARE, order.unit_edges(np.array(even, np.int64), batch.rating_unit).tolist()
    in_order = order.are_in_order(batch.start_us, batch.event_key)
    if threads == 1 and in_order:
        return _AS_THEY_ARE, even
    if threads == 1:
        places = np.argsort(batch.start_us)
        _order_ties(batch, places)
        return places, even
    places, edges = order.deal(batch.rating_unit, min(threads, VIRTUAL_SHARDS))
    if not in_order:
        _deal(lambda low, high: _put_in_order(batch, places[low:high]), edges.tolist(), threads)
    return places, edges.tolist()


def _put_in_order(batch: RatingInput, places: NDArray[np.int64]) -> None:
    """Rows in order of (start, key), in place."""
    places[:] = places[np.argsort(batch.start_us[places])]
    _order_ties(batch, places)


def _order_ties(batch: RatingInput, ordered: NDArray[np.int64]) -> None:
    """Put neighbours that start at one instant in order of event key, in place; those of one key as they came."""
    start = batch.start_us[ordered]
    same = start[1:] == start[:-1]
    tied = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False))
    members = ordered[tied]
    keys = batch.event_key[members]
    ordered[tied] = members[np.lexsort((members, keys[:, 1], keys[:, 0], start[tied]))]


def _events(batch: RatingInput, circumstances: NDArray[np.void]) -> _Columns:
    """Columns of the batch as the kernel takes them; `_checked_rows` has seen their types."""
    b = batch
    return kernel.Events(b.start_us, b.quantity, b.service, b.plan, b.number, b.number_digits, b.holder, circumstances)


_groups_of: Final[weakref.WeakKeyDictionary[Tables, tuple[_Columns, ...]]] = weakref.WeakKeyDictionary()


def _groups(tables: Tables) -> tuple[_Columns, ...]:
    """Tables as the kernel takes them, gathered once: small batches come by the thousand."""
    known = _groups_of.get(tables)
    if known is None:
        t = tables
        known = _groups_of[tables] = (
            kernel.Rules(t.plan_from, t.plan_versions, t.version_rows, t.plmns, t.latest, t.plan_services, t.rules, t.conditions),
            kernel.Decks(t.decks, t.first, t.leaves, t.blocks, t.intervals, t.prefixes, t.codes),
            kernel.Prices(t.cards, t.terms, t.step_rows, t.timelines, t.boundaries, t.bands, t.stretches),
            kernel.Promises(t.definition_of, t.definitions, t.discounts),
        )
        _check_types(known)
    return known


def _held(buckets: Buckets, state: NDArray[np.void]) -> _Columns:
    """Buckets and their holders in the kernel's form; the kernel writes `state`."""
    kinds = (buckets.holder_from.dtype, buckets.held.dtype, buckets.spans.dtype, state.dtype)
    if kinds != (np.dtype(np.int64), np.dtype(np.int32), SPAN_ROW, BUCKET_ROW):
        message = "buckets have columns of other types than Buckets.of makes"
        raise ValueError(message)
    return kernel.Buckets(buckets.holder_from, buckets.held, buckets.spans, state)


def _check_types(groups: tuple[_Columns, ...]) -> None:
    """Assert once what the compiled code takes for granted at every call."""
    for group, kinds in zip(groups, kernel.TABLE_TYPES, strict=True):
        for column, kind in zip(group, kinds, strict=True):
            assert column.dtype == kind, "the compiler makes tables of the types that the kernel was compiled for"
            assert column.flags.c_contiguous, "and in one piece"


def _scratch(runs_max: int) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Scratch memory of this thread: a tile, and the runs of one event. Kept from call to call: small batches come by the thousand."""
    if len(getattr(_mine, "walk", ())) < runs_max:
        _mine.walk = np.empty(runs_max, kernel.RUN_ROW)
        _mine.tile = np.empty(1, kernel.TILE_ROW)
    return _mine.tile, _mine.walk


def _deal(work: Callable[[int, int], None], edges: Sequence[int], threads: int) -> None:
    spans = [(low, high) for low, high in itertools.pairwise(edges) if low < high]
    if threads == 1:
        for span in spans:
            work(*span)
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, *span) for span in spans]:
            done.result()


def _checked_rows(batch: RatingInput, tables: Tables, holders: int) -> int:
    """Return the number of rows. ValueError if a row would lead the kernel out of an array; any other fault of it becomes its status."""
    rows, plans, clocks = len(batch.start_us), len(tables.plan_index), len(tables.timezones)
    for name, kind in _KINDS.items():
        column = getattr(batch, name)
        shape = (rows, 2) if name == "event_key" else (rows,)
        if column.dtype != kind or column.shape != shape or not column.flags.c_contiguous:
            message = f"column {name} must be {np.dtype(kind)} of shape {shape}, contiguous; it is {column.dtype} of shape {column.shape}"
            raise ValueError(message)
    known = batch.circumstances
    if known is not None and (known.dtype != CIRCUMSTANCE or known.shape != (rows,) or not known.flags.c_contiguous):
        message = f"column circumstances must be rating.tables.CIRCUMSTANCE of shape {(rows,)}, contiguous"
        raise ValueError(message)
    if known is not None and rows and int(known["home_clock"].max()) >= clocks:
        message = f"column home_clock of circumstances names a time zone outside 0 .. {clocks - 1}"
        raise ValueError(message)
    lowest, highest = order.extremes(batch.holder)
    if rows and not -1 <= lowest <= highest < holders:
        message = f"column holder names a holder outside 0 .. {holders - 1}"
        raise ValueError(message)
    if order.extremes(batch.plan)[1] >= plans:
        message = f"column plan names a plan outside 0 .. {plans - 1}"
        raise ValueError(message)
    return rows
