"""Usage of the open periods, priced: from what intake kept to one status and charge an event.

Every step works on whole columns. Events of accounts or periods that this run does not bill are counted and left out. An event without a
subscription stays in, so that its refusal shows in the books until the cause is mended: refusals need no state, because open
periods are priced afresh in every run.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from billing.charges.lines import Int64s
from billing.runs.scope import CLOSED, NOT_DUE, OTHER_RUN
from rating import engine
from rating.model import Service
from rating.schema import Direction, UsageFlag

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.runs.contracts import Contracts
    from billing.runs.scope import Scope

COLUMNS: Final = (
    "event_key",
    "service",
    "direction",
    "served_id",
    "other_e164",
    "start_us",
    "duration_us",
    "bytes_up",
    "bytes_down",
    "units",
    "flags",
)
DAY_US: Final = 86_400_000_000
_POWERS_OF_TEN: Final = np.array([10**digits for digits in range(19)], np.int64)
NOT_BILLABLE: Final = "not_billable"
NEVER_BILLS: Final = int(UsageFlag.UNANSWERED | UsageFlag.ABSORBED)


@dataclasses.dataclass(frozen=True, eq=False)
class Priced:
    """n events of a run and what rating made of them. Indices are into the run's facts; -1 where nobody is known."""

    event_key: pa.Array[Any]
    start_us: Int64s
    service: npt.NDArray[np.int8]
    subscription: Int64s
    account: Int64s
    place: Int64s  # index of the open period; -1 without account
    period_from: Int64s  # day numbers; the UTC day of the event without account
    period_to: Int64s
    batch: engine.RatingInput
    rated: engine.Rated
    opening: Int64s  # granted quantity by allowance bucket
    left_out: dict[str, int]  # events of the window that this run does not price, by reason


def price_usage(
    usage: pa.Table,
    resolve: Callable[[pa.Array[Any], Int64s], Int64s],
    contracts: Contracts,
    scope: Scope,
    *,
    threads: int = 1,
) -> Priced:
    """Price the `usage` (COLUMNS) that lies in the scope's window. `resolve(served_id, start_us)` gives subscription keys, -1 none."""
    billable = is_billable(usage)
    start_us = _int64(usage["start_us"])
    owner = _owners(resolve(_one_chunk(usage["served_id"]), start_us), start_us, contracts, scope)
    known, place = owner.subscription >= 0, owner.place
    left_out = {NOT_BILLABLE: int(np.count_nonzero(~billable))}
    for name, code in (("closed", CLOSED), ("not_due", NOT_DUE), ("other_run", OTHER_RUN)):
        left_out[name] = int(np.count_nonzero(billable & known & (place == code)))
    keep = billable & (~known | (place >= 0))
    usage = usage.drop_columns(["served_id", "direction", "flags", "start_us"])
    if not keep.all():
        usage = usage.filter(pa.array(keep))
        start_us, owner = start_us[keep], _Owners(*(column[keep] for column in owner))
    pa.default_memory_pool().release_unused()
    return _rate(usage, start_us, owner, contracts, scope, left_out, threads)


class _Owners(NamedTuple):
    """Who pays for each event, as indices; -1 nobody. `place`: the open period, or CLOSED, NOT_DUE, OTHER_RUN."""

    subscription: Int64s
    account: Int64s
    place: Int64s


def _owners(subscription_key: Int64s, start_us: Int64s, contracts: Contracts, scope: Scope) -> _Owners:
    subscription = _index(contracts.facts.subscription_keys, subscription_key)
    known = subscription >= 0
    known[known] = contracts.is_active(subscription[known], start_us[known])
    subscription = np.where(known, subscription, -1)
    account = np.full(len(start_us), -1, np.int64)
    account[known] = contracts.facts.subscription_account[subscription[known]]
    place = np.full(len(start_us), -1, np.int64)
    place[known] = scope.place(account[known], start_us[known])
    return _Owners(subscription, account, place)


def _rate(  # noqa: PLR0913, PLR0917 -- the columns of one step of a pipeline, not options
    usage: pa.Table, start_us: Int64s, owner: _Owners, contracts: Contracts, scope: Scope, left_out: dict[str, int], threads: int
) -> Priced:
    subscription, account, place = owner
    known = subscription >= 0
    holding = np.full(len(start_us), -1, np.int64)
    holding[known] = contracts.holding_at(subscription[known], start_us[known])
    service = np.ascontiguousarray(usage["service"].to_numpy(), np.int8)
    buckets = contracts.buckets(holding, place, service, scope)
    event_key = _one_chunk(usage["event_key"])
    number, digits = _numbers(usage["other_e164"])
    batch = engine.RatingInput(
        start_us=start_us,
        quantity=_quantity(usage, service),
        service=service,
        plan=contracts.plan_of(holding),
        number=number,
        number_digits=digits,
        allowance=buckets.of_event.astype(np.int32),
        rating_unit=np.where(known, _take(contracts.facts.account_keys, account), 0),
        event_key=key_halves(event_key),
    )
    rated = engine.rate(contracts.price_list.tables, batch, buckets.opening, threads=threads)
    period_from, period_to = _period_days(account, place, start_us, scope)
    return Priced(
        event_key, start_us, service, subscription, account, place, period_from, period_to, batch, rated, buckets.opening, left_out
    )


def is_billable(usage: pa.Table) -> npt.NDArray[np.bool_]:
    """Rows that bill: answered, not a further leg of another row's call, and begun by the served party."""
    flags, direction = usage["flags"].to_numpy(), usage["direction"].to_numpy()
    billable: npt.NDArray[np.bool_] = ((flags & NEVER_BILLS) == 0) & (direction == int(Direction.ORIGINATING))
    return billable


def key_halves(event_key: pa.Array[Any]) -> npt.NDArray[np.uint64]:
    """The 16 bytes of each key as two big-endian numbers, so that their order is that of the bytes."""
    buffer = event_key.buffers()[1]
    if buffer is None or len(event_key) == 0:
        return np.zeros((0, 2), np.uint64)
    view: Any = buffer  # the stubs do not know that a buffer of Arrow is one of Python
    raw = np.frombuffer(view, np.dtype(">u8"), 2 * len(event_key), event_key.offset * 16)
    return np.ascontiguousarray(raw.astype(np.uint64).reshape(-1, 2))


def _period_days(account: Int64s, place: Int64s, start_us: Int64s, scope: Scope) -> tuple[Int64s, Int64s]:
    """Day numbers of each event's period, the account's first one cut to its beginning; the UTC day where there is no account."""
    utc_day = start_us // DAY_US
    known = place >= 0
    if not known.any():
        return utc_day, utc_day + 1
    owner = np.where(known, account, 0)
    calendar = np.maximum(scope.calendar[owner], 0)
    column = np.where(known, place, 0)
    period_from = np.maximum(scope.period_from[calendar, column], scope.first_day[owner])
    return np.where(known, period_from, utc_day), np.where(known, scope.period_to[calendar, column], utc_day + 1)


def _quantity(usage: pa.Table, service: npt.NDArray[np.int8]) -> Int64s:
    """What each event used: microseconds of a call, bytes of data, else units; a message without count is one."""
    voice, data = service == int(Service.VOICE), service == int(Service.DATA)
    quantity = np.where(voice, _int64(usage["duration_us"]), 1)
    if data.any():
        quantity = np.where(data, _int64(usage["bytes_up"]) + _int64(usage["bytes_down"]), quantity)
    other = ~voice & ~data
    if other.any():
        quantity = np.where(other, _int64(usage["units"], missing=1), quantity)
    return quantity


def _numbers(column: pa.ChunkedArray[Any]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int8]]:
    """Digits of each destination as an integer, and their count: 0 without destination, -1 for one that is no number."""
    number = _int64(column, missing=0)
    digits = np.searchsorted(_POWERS_OF_TEN, number, side="right").astype(np.int8)
    digits[number < 0] = -1
    return np.maximum(number, 0).astype(np.uint64), digits


def _int64(column: pa.ChunkedArray[Any], missing: int = 0) -> Int64s:
    whole: Any = column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
    if column.null_count:
        whole = whole.fill_null(missing)
    return np.ascontiguousarray(whole.to_numpy(), np.int64)


def _one_chunk(column: pa.ChunkedArray[Any]) -> pa.Array[Any]:
    combined: Any = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    one: Any = combined.chunk(0) if isinstance(combined, pa.ChunkedArray) else combined
    chunk: pa.Array[Any] = one
    return chunk


def _index(sorted_keys: Int64s, keys: Int64s) -> Int64s:
    """Place of each key in `sorted_keys`, -1 where it is not there."""
    if not sorted_keys.size:
        return np.full(len(keys), -1, np.int64)
    place = np.minimum(np.searchsorted(sorted_keys, keys), sorted_keys.size - 1)
    return np.where(sorted_keys[place] == keys, place, -1)


def _take(values: Int64s, index: Int64s) -> Int64s:
    """values[index], and 0 for -1."""
    return np.where(index >= 0, values[index], 0) if values.size else np.zeros(len(index), np.int64)
