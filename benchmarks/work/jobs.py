"""Workloads as the engine takes them, and as its plain twin does."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.work.tariff import FROM_US, IDENTITY, PLANS, plan_name
from benchmarks.work.workload import DAY_US, DAYS, Records, accounts_of
from rating.engine import Buckets, RatingInput, rate
from rating.model import BucketKind, Counting, Service
from rating.outcome import Bucket, Event, Outcome
from rating.reference import Reference
from rating.tables import Tables, no_circumstances
from tariffs.compiling.compiler import compile_catalogues

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rating.engine import Rated
    from rating.model import Catalogue

TO_US = FROM_US + DAYS * DAY_US
FRIENDS_SHARE = 0.1


class Job(NamedTuple):
    """Something to rate: `rate(*job)` does it."""

    tables: Tables
    batch: RatingInput
    buckets: Buckets


class Opening(NamedTuple):
    """A bucket that every account begins the month with. Place j of account a is bucket a x places + j."""

    kind: BucketKind
    definition_id: int
    amount: int
    priority: int


def compiled(catalogue: Catalogue) -> Tables:
    """Tables of the catalogue; plan numbers of the workload are its indices."""
    tables = compile_catalogues([catalogue])
    assert [tables.plan_index[f"{IDENTITY}/{plan_name(plan)}"] for plan in range(PLANS)] == list(range(PLANS))
    return tables


def job(catalogue: Catalogue, records: Records, accounts: int | None = None) -> Job:
    """`records` to rate by `catalogue`; with buckets for all accounts where `accounts` says how many there are."""
    tables = compiled(catalogue)
    buckets = Buckets.none() if accounts is None else opening_buckets(tables, catalogue, accounts)
    circumstances = None
    if any(plan.discounts for plan in catalogue.plans):
        circumstances = no_circumstances(len(records.start_us))
        circumstances["friend"] = friends(records)
    return Job(tables, _batch(records, with_holders=accounts is not None, circumstances=circumstances), buckets)


def friends(records: Records) -> NDArray[np.bool_]:
    """Which calls go to one of the subscriber's chosen numbers."""
    return records.event_key[:, 0] % np.uint64(1_000) < np.uint64(1_000 * FRIENDS_SHARE)


def openings(catalogue: Catalogue) -> list[Opening]:
    """What the plans of a catalogue give to each account: all plans here give the same."""
    plan = catalogue.plans[0]
    counters = {price.counter_id for price in catalogue.prices if price.counting is Counting.GRADUATED}
    return [
        *(Opening(BucketKind.ALLOWANCE, each.allowance_id, each.quantity, each.priority) for each in plan.allowances),
        *(Opening(BucketKind.COUNTER, counter_id, 0, 0) for counter_id in sorted(counters)),
        *(Opening(BucketKind.CAP, each.cap_id, 0, 0) for each in plan.caps),
    ]


def opening_buckets(tables: Tables, catalogue: Catalogue, accounts: int) -> Buckets:
    """What all accounts begin the month with; each account is a holder."""
    opened = openings(catalogue)
    count = accounts * len(opened)
    slots = [tables.slots[each.kind, IDENTITY, each.definition_id] for each in opened]
    return Buckets.of(
        slot=np.tile(np.array(slots, np.int32), accounts),
        amount=np.tile(np.array([each.amount for each in opened], np.int64), accounts),
        mark=np.zeros(count, np.int64),
        from_us=np.full(count, FROM_US, np.int64),
        to_us=np.full(count, TO_US, np.int64),
        priority=np.tile(np.array([each.priority for each in opened], np.int32), accounts),
        holder_from=np.arange(accounts + 1, dtype=np.int64) * len(opened),
        held=np.arange(count, dtype=np.int32),
    )


def slice_of(batch: RatingInput, low: int, high: int) -> RatingInput:
    """Rows [low, high) of a batch without circumstances."""
    return RatingInput(
        batch.start_us[low:high], batch.quantity[low:high], batch.service[low:high], batch.plan[low:high], batch.number[low:high],
        batch.number_digits[low:high], batch.holder[low:high], batch.rating_unit[low:high], batch.event_key[low:high],
    )  # fmt: skip


def twin(catalogue: Catalogue, records: Records, accounts: int) -> list[Outcome]:
    """What the plain twin says about every record of the first `accounts` accounts, in the order of `records`."""
    rows = np.flatnonzero(records.account < accounts)
    some, friend = records.take(rows), friends(records.take(rows))
    events = [
        Event(
            event_key=some.event_key[row].astype(">u8").tobytes(),
            start_us=int(some.start_us[row]),
            quantity=int(some.duration_us[row]),
            service=int(Service.VOICE),
            plan=f"{IDENTITY}/{plan_name(int(some.plan[row]))}",
            destination=str(some.numbers.number[row]),
            friend=bool(friend[row]),
        )
        for row in range(len(rows))
    ]
    opened = openings(catalogue)
    held = {account: [(account, place) for place in range(len(opened))] for account in range(accounts)}
    buckets = {
        (account, place): Bucket(each.kind, IDENTITY, each.definition_id, each.amount, 0, FROM_US, TO_US, each.priority)
        for account in range(accounts)
        for place, each in enumerate(opened)
    }
    return Reference([catalogue]).rate_in_order(events, some.account.tolist(), held, buckets).outcomes


def differences(rated: Rated, records: Records, outcomes: list[Outcome], accounts: int) -> int:
    """How many records of the first accounts have another status, charge, gross amount or quantity than the twin says."""
    rows = np.flatnonzero(records.account < accounts)
    columns = (rated.status, rated.charge_micros, rated.gross_micros, rated.chargeable_qty, rated.free_qty)
    ours = np.stack([column[rows].astype(np.int64) for column in columns])
    theirs = [(each.status, each.charge_micros, each.gross_micros, each.chargeable_qty, each.free_qty) for each in outcomes]
    return int((np.array(theirs, np.int64) != ours.T).any(axis=1).sum())


def rated(each: Job, threads: int = 1, reuse: Rated | None = None) -> Rated:
    """The job done, where there is one in the columns of an earlier answer."""
    return rate(each.tables, each.batch, each.buckets, threads=threads, reuse=reuse)


def _batch(records: Records, *, with_holders: bool, circumstances: NDArray[np.void] | None) -> RatingInput:
    count = len(records.start_us)
    return RatingInput(
        start_us=records.start_us,
        quantity=records.duration_us,
        service=np.full(count, Service.VOICE, np.int8),
        plan=records.plan.astype(np.int32),
        number=records.numbers.number.astype(np.uint64),
        number_digits=records.numbers.digits.astype(np.int8),
        holder=records.account.astype(np.int32) if with_holders else np.full(count, -1, np.int32),
        rating_unit=records.account,
        event_key=records.event_key,
        circumstances=circumstances,
    )


def accounts_in(records: Records) -> int:
    """How many accounts the records were drawn for."""
    return accounts_of(len(records.start_us))
