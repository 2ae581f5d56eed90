"""A home folder with a stored month, for the benchmark of what-if: calls of `workload`, their customers, and a published tariff.

A hundred calls a subscription, one subscription an account, numbers of eleven digits. Usage goes in by the front door (`Intake`), a batch
at a time, and is sealed, so that what is read has the form and the order that a real month has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from benchmarks.work import workload
from benchmarks.work.tariff import FROM_US, IDENTITY, plan_name
from billing.catalogue import publish
from billing.intake.taking import Intake
from billing.store import tables
from billing.store.home import Home
from mediation.decoded import Decoded
from rating.model import Service
from rating.schema import USAGE_V1, Direction, LegRole, OffsetOrigin, ServedKind

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.work.workload import Records
    from rating.model import Catalogue

CALLS_EACH: Final = 100
HASH_KEY: Final = b"ratewright-keys1"  # the same for all homes: calls of one instant go by keys that are made with it
FIRST_NUMBER: Final = 49_151_000_0000
BATCH_ROWS: Final = 500_000


def make(folder: Path, catalogue: Catalogue, records: Records) -> Home:
    """The home, with `catalogue` published and all `records` sealed."""
    home = Home.open(folder, create=True, hash_key=HASH_KEY)
    publish(home, catalogue, FROM_US - 2)
    subscribe(home, subscriptions_of(len(records.start_us)))
    intake = Intake(home)
    count, subscription = len(records.start_us), subscription_of(records)
    for low in range(0, count, BATCH_ROWS):
        rows = slice(low, low + BATCH_ROWS)
        part = usage(records.take(rows), low, subscription[rows])
        decoded = Decoded(usage=part, rejects=[], rows=part.num_rows, file_sha256=b"\0" * 32, size_bytes=0)
        intake.take_batch("switch", decoded, FROM_US + low)
    intake.seal(FROM_US + count)
    return home


def subscriptions_of(records: int) -> int:
    """How many subscriptions make so many calls."""
    return max(records // CALLS_EACH, 1)


def subscription_of(records: Records) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Number of the subscription of each call."""
    return records.account % subscriptions_of(len(records.start_us))


def subscribe(home: Home, count: int) -> None:
    """An account, a subscription, a plan and a number each."""
    numbers = range(1, count + 1)
    plans = workload.plan_of(np.arange(count)).tolist()
    terms = {"currency": "EUR", "timezone": "UTC", "bill_day": 1, "language": "en", "opened_on": "2025-12-01", "dunning_policy": "standard"}
    accounts = [
        {"account_key": key, "account_id": f"A{key:07}", "name": "", "billed_through": None, "payment_days": 14, **terms} for key in numbers
    ]
    subscriptions = [
        {"subscription_key": key, "subscription_id": f"S{key:07}", "account_key": key, "from_date": "2025-12-01", "to_date": None}
        for key in numbers
    ]
    facts = [
        {"subscription_key": key, "plan": f"{IDENTITY}/{plan_name(plan)}", "from_date": "2025-12-01"}
        for key, plan in zip(numbers, plans, strict=True)
    ]
    owned = [{"served_id": served_id(key - 1), "subscription_key": key, "from_us": 0, "to_us": None} for key in numbers]
    with home.begin() as connection:
        seq = home.next_commit_seq(connection, "fact", FROM_US - 1)
        of_table: list[tuple[Any, list[dict[str, object]]]] = [
            (tables.accounts, accounts),
            (tables.subscriptions, subscriptions),
            (tables.plan_facts, facts),
            (tables.guiding_facts, owned),
        ]
        for table, rows in of_table:
            connection.execute(table.insert(), [{**row, "commit_seq": seq} for row in rows])


def served_id(number: int) -> str:
    """The number of a subscription."""
    return str(FIRST_NUMBER + number)


def usage(records: Records, first: int, subscription: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Table:
    """USAGE_V1 of calls, the first of which is number `first`."""
    count = len(records.start_us)
    served = pa.array(FIRST_NUMBER + subscription).cast(pa.string())
    keys = pa.Array.from_buffers(pa.binary(16), count, [None, pa.py_buffer(records.event_key.astype(">u8").tobytes())])
    given: dict[str, Any] = {
        "event_key": keys,
        "content_hash": keys,
        "source": pa.array(["switch"] * count).dictionary_encode(),
        "record_id": pa.array(np.arange(first, first + count)).cast(pa.string()),
        "served_id": served,
        "served_raw": served,
        "other_e164": records.numbers.number,
        "start_us": records.start_us,
        "duration_us": records.duration_us,
        "cause": np.full(count, 16, np.int16),
    }
    codes = {
        "service": Service.VOICE,
        "direction": Direction.ORIGINATING,
        "leg_role": LegRole.CALL,
        "served_kind": ServedKind.E164,
        "offset_origin": OffsetOrigin.GIVEN,
    }
    columns = []
    for field in USAGE_V1:
        if field.name in codes:
            column: Any = pa.array(np.full(count, int(codes[field.name]), np.int8))
        elif field.name in given:
            column = pa.array(given[field.name])
        else:
            column = pa.nulls(count, field.type) if field.nullable else pa.array(np.zeros(count, np.int64))
        columns.append(column.cast(field.type))
    return pa.Table.from_arrays(columns, schema=USAGE_V1)
