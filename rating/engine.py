"""Rate a batch of events: checks columns, allocates results, deals rows to threads, and lets the kernel write.

The result does not depend on the order of rows, on the number of threads or on how events are cut into batches, as long as all events
that draw from one allowance are rated together: rows are independent but for allowances, and those are drawn in order of (start, event
key). Allowances are dealt to threads by the virtual shard of their rating unit.
"""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from rating import kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rating.tables import Tables

VIRTUAL_SHARDS: Final = 256
_NO_ORDER: Final = np.zeros(0, np.int64)


@dataclasses.dataclass(frozen=True, eq=False)
class RatingInput:
    """Columns of n events, any order. All C-contiguous."""

    start_us: NDArray[np.int64]  # instant UTC
    quantity: NDArray[np.int64]  # voice: microseconds; data: bytes; else messages
    service: NDArray[np.int8]  # rating.model.Service
    plan: NDArray[np.int32]  # from Tables.plan_index; -1 no subscription, -2 plan in no catalogue
    number: NDArray[np.uint64]  # destination digits as an integer
    number_digits: NDArray[np.int8]  # how many digits; 0 no destination, -1 malformed
    allowance: NDArray[np.int32]  # index of the bucket an event may draw from, -1 none
    rating_unit: NDArray[np.int64]
    event_key: NDArray[np.uint64]  # (n, 2): the 16 bytes, big-endian halves; breaks ties in time


@dataclasses.dataclass(frozen=True, eq=False)
class Rated:
    """Columns of n results in the order of the input. Where `status` refuses, amounts and quantities are 0."""

    status: NDArray[np.int16]
    charge_micros: NDArray[np.int64]
    gross_micros: NDArray[np.int64]  # before discounts: the same until there are discounts
    chargeable_qty: NDArray[np.int64]  # price units: milliseconds, bytes, messages
    free_qty: NDArray[np.int64]
    price: NDArray[np.int32]  # row of Tables.prices, -1 none
    price_id: NDArray[np.int32]  # 0 none
    zone_id: NDArray[np.int32]  # 0 none
    version: NDArray[np.int32]  # index in Tables.versions, -1 none
    allowance_left: NDArray[np.int64]  # by bucket


def shard_of(rating_unit: NDArray[np.int64]) -> NDArray[np.int64]:
    """Virtual shard 0 .. 255 of rating units, for ever (the finaliser of splitmix64)."""
    mixed = rating_unit.astype(np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((mixed ^ (mixed >> np.uint64(31))) % np.uint64(VIRTUAL_SHARDS)).astype(np.int64)


def rate(tables: Tables, batch: RatingInput, allowance_balance: NDArray[np.int64], *, threads: int = 1) -> Rated:
    """Rate every event of `batch`; `allowance_balance` holds the opening quantity of each bucket and is not changed.

    Raises ValueError when columns differ in length or type, a plan or bucket does not exist, a bucket holds less than nothing, or there
    is no thread: that is a mistake of the caller.
    """
    if threads < 1:
        message = f"{threads} threads can rate nothing"
        raise ValueError(message)
    rows = _checked_rows(batch, len(tables.plan_index), allowance_balance)
    status = np.zeros(rows, np.int16)
    charge_micros, chargeable_qty, free_qty = (np.zeros(rows, np.int64) for _ in range(3))
    price, price_id, zone_id, version = (np.zeros(rows, np.int32) for _ in range(4))
    waits = np.zeros(rows, np.bool_)
    left = allowance_balance.astype(np.int64)

    number = batch.number.view(np.int64)
    columns = (batch.start_us, batch.quantity, batch.service, batch.plan, number, batch.number_digits, batch.allowance)
    plans = (tables.plan_from, tables.plan_versions, tables.shelves, tables.cells)
    decks = (tables.prefix_tables, tables.first, tables.leaves, tables.intervals, tables.prefixes)
    bands = (tables.calendars, tables.boundaries, tables.bands, tables.hours)
    prices = (tables.price_rows, tables.rate_rows, tables.step_rows, *bands)
    results = (left, status, charge_micros, chargeable_qty, free_qty, price, price_id, zone_id, version, waits)

    def rate_part(drawing: bool, order: NDArray[np.int64], edges: list[int]) -> None:  # noqa: FBT001 - the kernel's own switch
        def work(place_from: int, place_to: int) -> None:
            kernel.rate_rows(place_from, place_to, drawing, order, *columns, *plans, *decks, *prices, *results)

        _deal(work, edges, threads)

    rate_part(False, _NO_ORDER, np.linspace(0, rows, threads + 1).astype(np.int64).tolist())
    rate_part(True, *_draw_order(batch, np.flatnonzero(waits), threads))
    return Rated(status, charge_micros, charge_micros, chargeable_qty, free_qty, price, price_id, zone_id, version, left)


def _draw_order(batch: RatingInput, rows: NDArray[np.int64], threads: int) -> tuple[NDArray[np.int64], list[int]]:
    """Rows in order of (shard, bucket, start, key), and the places where one thread's shards end and the next one's begin.

    Sorting by time and dealing to buckets is several times faster than one sort on all four; equal times are put in order of key
    afterwards.
    """
    rows = rows[np.argsort(batch.start_us[rows])]
    shard = shard_of(batch.rating_unit[rows])
    buckets, bucket = np.unique(batch.allowance[rows], return_inverse=True)
    shard_of_bucket = np.zeros(len(buckets), np.int64)
    shard_of_bucket[bucket] = shard
    by_shard = np.argsort(shard_of_bucket, kind="stable")
    group_of_bucket = np.empty(len(buckets), np.int64)
    group_of_bucket[by_shard] = np.arange(len(buckets))
    group = group_of_bucket[bucket]
    begins = np.cumsum(np.bincount(group, minlength=len(buckets) + 1)) - np.bincount(group, minlength=len(buckets) + 1)
    ordered = np.empty(len(rows), np.int64)
    kernel.deal_rows(rows, group, begins.copy(), ordered)
    _order_ties(batch, ordered)
    edges = begins[np.searchsorted(shard_of_bucket[by_shard], [VIRTUAL_SHARDS * part // threads for part in range(threads + 1)])]
    return ordered, edges.tolist()


def _order_ties(batch: RatingInput, ordered: NDArray[np.int64]) -> None:
    """Put neighbours of one bucket that start at one instant in order of event key, in place."""
    start, bucket = batch.start_us[ordered], batch.allowance[ordered]
    same = (start[1:] == start[:-1]) & (bucket[1:] == bucket[:-1])
    tied = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False))
    members = ordered[tied]
    run = np.cumsum(~np.insert(same, 0, False))[tied]
    keys = batch.event_key[members]
    ordered[tied] = members[np.lexsort((keys[:, 1], keys[:, 0], run))]


def _deal(work: Callable[[int, int], None], edges: Iterable[int], threads: int) -> None:
    spans = [(low, high) for low, high in zip(edges, list(edges)[1:], strict=False) if low < high]
    if threads == 1:
        for span in spans:
            work(*span)
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, *span) for span in spans]:
            done.result()


def _checked_rows(batch: RatingInput, plans: int, allowance_balance: NDArray[np.int64]) -> int:
    rows, buckets = len(batch.start_us), len(allowance_balance)
    kinds = {
        "start_us": np.int64, "quantity": np.int64, "service": np.int8, "plan": np.int32, "number": np.uint64,
        "number_digits": np.int8, "allowance": np.int32, "rating_unit": np.int64, "event_key": np.uint64,
    }  # fmt: skip
    for name, kind in kinds.items():
        column = getattr(batch, name)
        shape = (rows, 2) if name == "event_key" else (rows,)
        if column.dtype != kind or column.shape != shape or not column.flags.c_contiguous:
            message = f"column {name} must be {np.dtype(kind)} of shape {shape}, contiguous; it is {column.dtype} of shape {column.shape}"
            raise ValueError(message)
    if rows and (int(batch.allowance.max()) >= buckets or int(batch.allowance.min()) < -1):
        message = f"column allowance names a bucket outside 0 .. {buckets - 1}"
        raise ValueError(message)
    if rows and int(batch.plan.max()) >= plans:
        message = f"column plan names a plan outside 0 .. {plans - 1}"
        raise ValueError(message)
    if buckets and int(allowance_balance.min()) < 0:
        message = "an allowance bucket holds less than nothing"
        raise ValueError(message)
    return rows
