"""Usage of the open periods, priced: from what intake kept to one status and charge an event.

Every step works on whole columns. Events of accounts or periods that this run does not bill are counted and left out. An event without a
subscription stays in, so that its refusal shows in the books until the cause is mended: refusals need no state, because open
periods are priced afresh in every run. Incoming usage bills only by a rule that says `direction: terminating`: a rule without direction
is about what the subscriber begins, in a plan that charges for calls received abroad as in any other.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from billing.charges.lines import Int64s
from billing.charges.rollover import Left
from billing.runs.contracts.columns import Runs, index_of, int64, key_halves, one_chunk, take
from billing.runs.selection.left_out import PLACES, LeftOut
from billing.runs.usage.circumstances import Whose, circumstances
from billing.runs.usage.destinations import numbers
from billing.runs.usage.owners import Owners
from billing.runs.usage.rating_passes import Rateable, Results, chosen
from rating.dates import DAY_US
from rating.engine import Buckets, RatingInput, rate
from rating.model import Service
from rating.schema import Direction, UsageFlag
from rating.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.guiding import Guide
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.contracts.rule_inputs import RuleInputs
    from billing.runs.selection.scope import Scope

_QUANTITIES: Final = ("duration_us", "bytes_up", "bytes_down", "units")
_COLUMNS: Final = (
    "event_key",
    "service",
    "direction",
    "served_id",
    "other_e164",
    "start_us",
    *_QUANTITIES,
    "flags",
)
QUANTITY: Final = "quantity"  # as column: what `quantity_of` says
NOT_BILLABLE: Final = LeftOut.NOT_BILLABLE.value
NEVER_BILLS: Final = int(UsageFlag.UNANSWERED | UsageFlag.ABSORBED | UsageFlag.PARTIAL)


@dataclasses.dataclass(frozen=True, eq=False)
class Priced:
    """n events of a run and what rating made of them. Indices are into the run's facts; -1 where no owner is known."""

    event_key: pa.Array[Any]
    start_us: Int64s
    service: npt.NDArray[np.int8]
    subscription: Int64s
    account: Int64s
    place: Int64s  # of the computed period
    period_from: Int64s  # day numbers; the UTC day of the event without account
    period_to: Int64s
    rated: Results
    left: list[Left]  # of allowances that outlive their period
    left_out: dict[str, int]  # events of the window that this run does not price, by reason
    uncounted: int = 0  # stored rows that were looked at, and are no events of the window that count


def columns(wanted: RuleInputs) -> tuple[str, ...]:
    """The columns of usage that pricing reads, given what the tariffs ask for."""
    return _COLUMNS + wanted.columns


def price_owned(
    of_owners: Owned, guide: Guide, contracts: Contracts, scope: Scope, rate_all: Callable[[Rateable], tuple[Results, list[Left]]]
) -> Priced:
    """Price events whose owners are known. `rate_all` rates them, in as many turns as they need."""
    left_out, event_key = of_owners.left_out, of_owners.event_key
    events = rateable(of_owners, guide, contracts)
    named = incoming_by_name(events, of_owners.direction, contracts)
    if not named.all():
        left_out[NOT_BILLABLE] += int(np.count_nonzero(~named))
        events, event_key = chosen(events, np.flatnonzero(named)), event_key.filter(pa.array(named))
    rated, left = rate_all(events)
    batch, account, place = events.batch, events.account, events.place
    period_from, period_to = period_days(account, place, batch.start_us, scope)
    return Priced(
        event_key=event_key,
        start_us=batch.start_us,
        service=batch.service,
        subscription=events.subscription,
        account=account,
        place=place,
        period_from=period_from,
        period_to=period_to,
        rated=rated,
        left=left,
        left_out=left_out,
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Owned:
    """The events of a run before any tariff is asked, and their owners. They may be priced more than once."""

    usage: pa.Table
    event_key: pa.Array[Any]
    start_us: Int64s
    owner: Owners
    left_out: dict[str, int]

    @property
    def direction(self) -> npt.NDArray[np.int8]:
        """rating.schema.Direction of each event."""
        return np.ascontiguousarray(self.usage["direction"].to_numpy(), np.int8)


def owned(
    usage: pa.Table, guide: Guide, contracts: Contracts, scope: Scope, prices_incoming: Callable[[Int64s], npt.NDArray[np.bool_]]
) -> Owned:
    """The events of `usage` that this run prices. `prices_incoming(holding)`: whether incoming usage may bill at all."""
    start_us = int64(usage["start_us"])
    owner = owners(guide.resolve(one_chunk(usage["served_id"]), start_us), start_us, contracts, scope)
    keep, left_out = to_price(usage, owner, np.ones(len(start_us), np.bool_), prices_incoming)
    usage = usage.drop_columns(["flags", "start_us"])
    if not keep.all():
        usage = usage.filter(pa.array(keep))
        start_us, owner = start_us[keep], owner.of(keep)
    pa.default_memory_pool().release_unused()
    return Owned(usage, one_chunk(usage["event_key"]), start_us, owner, left_out)


def to_price(
    usage: pa.Table,
    owner: Owners,
    wanted: npt.NDArray[np.bool_],
    prices_incoming: Callable[[Int64s], npt.NDArray[np.bool_]],
    before: npt.NDArray[np.bool_] | None = None,
) -> tuple[npt.NDArray[np.bool_], dict[str, int]]:
    """Mask of the `wanted` events that this run prices, and the number of those that it does not, by reason.

    `before`: events that began before the window, all of them in a computed period; those that never bill are not counted.
    """
    billable = is_billable(usage, owner, prices_incoming)
    never = wanted & ~billable
    left_out = {NOT_BILLABLE: int(np.count_nonzero(never if before is None else never & ~before))}
    wanted = wanted & billable
    unpriced = wanted & (owner.subscription >= 0) & (owner.place < 0)
    codes = owner.place[unpriced]
    for reason, code in PLACES.items():
        left_out[reason.value] = int(np.count_nonzero(codes == code))
    return wanted & ~unpriced, left_out


def rateable(of_owners: Owned, guide: Guide, contracts: Contracts) -> Rateable:
    """The events as the engine takes them, by the tariffs and holdings of `contracts`."""
    usage, start_us, owner = of_owners.usage, of_owners.start_us, of_owners.owner
    service = np.ascontiguousarray(usage["service"].to_numpy(), np.int8)
    number, digits = numbers(usage, start_us, owner.holding, contracts)
    runs = Runs(owner.account, owner.holding)
    batch = RatingInput(
        start_us=start_us,
        quantity=int64(usage[QUANTITY]) if QUANTITY in usage.column_names else quantity_of(usage, service),
        service=service,
        plan=runs.spread(contracts.plan_of(owner.holding[runs.first])),
        number=number,
        number_digits=digits,
        holder=np.full(len(start_us), -1, np.int32),
        rating_unit=runs.spread(_units(owner.account[runs.first], contracts)),
        event_key=key_halves(of_owners.event_key),
        circumstances=circumstances(usage, start_us, Whose(owner.account, owner.holding), contracts, guide.knows_number),
    )
    return Rateable(batch, owner.subscription, owner.account, owner.place, owner.holding)


def _units(account: Int64s, contracts: Contracts) -> Int64s:
    """The rating unit of each account, as the index of its root. Events without an account have a unit after all others."""
    unit = contracts.facts.account_unit
    return np.where(account >= 0, take(unit, account), len(unit))


def owners(subscription_key: Int64s, start_us: Int64s, contracts: Contracts, scope: Scope) -> Owners:
    """Owners, periods and holdings of events whose subscription key is known (-1: no owner)."""
    subscription = index_of(contracts.facts.subscription_keys, subscription_key)
    known = subscription >= 0
    known[known] = contracts.is_active(subscription[known], start_us[known])
    subscription = np.where(known, subscription, -1)
    account, place, holding = (np.full(len(start_us), -1, np.int64) for _ in range(3))
    account[known] = contracts.facts.subscription_account[subscription[known]]
    place[known] = scope.place(account[known], start_us[known])
    holding[known] = contracts.holding_at(subscription[known], start_us[known])
    return Owners(subscription, account, place, holding)


def incoming_by_name(events: Rateable, direction: npt.NDArray[np.int8], contracts: Contracts) -> npt.NDArray[np.bool_]:
    """False for incoming events unless the rule that holds names them. Which rule holds does not depend on what was drawn before."""
    named = np.ones(len(direction), np.bool_)
    incoming = np.flatnonzero(direction != int(Direction.ORIGINATING))
    if incoming.size:
        tables = contracts.price_list.tables
        rated = rate(tables, chosen(events, incoming).batch, Buckets.none())
        conditions = np.append(tables.conditions["direction"], -1)  # the last one for rules without a condition, and for no rule
        by_rule = conditions[np.append(tables.rules["condition"], -1)[rated.match]]
        named[incoming] = (by_rule == int(Direction.TERMINATING)) & (rated.status != int(Status.NO_ZONE))
    return named


def is_billable(usage: pa.Table, owner: Owners, prices_incoming: Callable[[Int64s], npt.NDArray[np.bool_]]) -> npt.NDArray[np.bool_]:
    """Rows that bill: answered, no further leg of another row's call, and begun by the served party or of a plan that prices incoming."""
    flags, direction = usage["flags"].to_numpy(), usage["direction"].to_numpy()
    begun = direction == int(Direction.ORIGINATING)
    billable: npt.NDArray[np.bool_] = (flags & NEVER_BILLS) == 0
    incoming = np.flatnonzero(billable & ~begun)
    billable &= begun
    if incoming.size:
        billable[incoming] = prices_incoming(owner.holding[incoming])
    return billable


def period_days(account: Int64s, place: Int64s, start_us: Int64s, scope: Scope) -> tuple[Int64s, Int64s]:
    """Day numbers of each event's period, the account's first one cut to its beginning; the UTC day where there is no account."""
    runs = Runs(account, place)
    owner, column = account[runs.first], place[runs.first]
    known = column >= 0
    calendar = np.maximum(scope.calendar[owner[known]], 0)
    period_from, period_to = np.zeros(len(owner), np.int64), np.zeros(len(owner), np.int64)
    period_from[known] = np.maximum(scope.period_from[calendar, column[known]], scope.first_day[owner[known]])
    period_to[known] = scope.period_to[calendar, column[known]]
    starts, ends = runs.spread(period_from), runs.spread(period_to)
    rest = np.flatnonzero(place < 0)
    starts[rest] = start_us[rest] // DAY_US
    ends[rest] = starts[rest] + 1
    return starts, ends


def narrowed(usage: pa.Table) -> pa.Table:
    """The usage with one column QUANTITY in place of those that count it, and no null in the number: less to move about."""
    service = np.ascontiguousarray(usage["service"].to_numpy(), np.int8)
    quantity = pa.array(quantity_of(usage, service))
    number = pa.array(int64(usage["other_e164"]))
    usage = usage.drop_columns([*_QUANTITIES, "other_e164"])
    return usage.append_column(QUANTITY, quantity).append_column("other_e164", number)


def quantity_of(usage: pa.Table, service: npt.NDArray[np.int8]) -> Int64s:
    """Quantity of each event: microseconds of a call, bytes of data, else units; a message without count is one."""
    voice, data = service == int(Service.VOICE), service == int(Service.DATA)
    quantity = np.where(voice, int64(usage["duration_us"]), 1)
    if data.any():
        quantity = np.where(data, int64(usage["bytes_up"]) + int64(usage["bytes_down"]), quantity)
    other = ~voice & ~data
    if other.any():
        quantity = np.where(other, int64(usage["units"], missing=1), quantity)
    return quantity
