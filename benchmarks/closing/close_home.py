"""The home of the benchmark of closing a month: accounts, numbers, a published tariff, and a month of usage in sealed files.

One account in fifty has two subscriptions with a number each, so that its usage lies in two places. Usage is as it came day by day: each
sealed file has the events of some hours, sorted as sealing does. Files are written by the store's own code, by two processes.
"""

from __future__ import annotations

import concurrent.futures
import itertools
import multiprocessing
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from benchmarks.closing import close_tariff as tariff
from billing.catalogue import publish
from billing.intake import sealing
from billing.store import bulk, tables
from billing.store.home import Home
from rating.model import Service
from rating.schema import Direction, LegRole, OffsetOrigin, ServedKind, UsageFlag

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Int64s = npt.NDArray[np.int64]

FIRST_NUMBER: Final = 49_150_0000_0000
SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US
MONTH_FROM_US: Final = 1_767_225_600 * SECOND_US  # 2026-01-01T00:00Z
DAYS: Final = 31
NOW_US: Final = MONTH_FROM_US + (DAYS + 1) * DAY_US
BILL_DATE: Final = "2026-02-01"
HASH_KEY: Final = b"ratewright-keys1"  # the same for all homes: calls of one instant go by keys that are made with it
TWO_EACH: Final = 50  # one account in so many has two subscriptions
FILE_ROWS: Final = sealing.ROWS_MAX
PART_ROWS: Final = sealing.BUCKET_ROWS
UNANSWERED_SHARE: Final = 0.01


class Month(NamedTuple):
    """A month of usage, in UTC."""

    name: str
    from_us: int
    days: int


MONTHS: Final = (
    Month("2026-01", MONTH_FROM_US, DAYS),
    Month("2026-02", MONTH_FROM_US + 31 * DAY_US, 28),
    Month("2026-03", MONTH_FROM_US + 59 * DAY_US, 31),
)


class Size(NamedTuple):
    """How large the home is. `records`: a month. `plan`: of all subscriptions; None: one after the other."""

    accounts: int
    records: int
    seed: int = 7
    plan: int | None = None

    @property
    def subscriptions(self) -> int:
        """Every TWO_EACH-th account has two."""
        return self.accounts + self.accounts // TWO_EACH


def make(folder: Path, size: Size, processes: int = 2) -> Home:
    """The home, ready for its first run."""
    home = Home.open(folder, create=True, hash_key=HASH_KEY)
    publish(home, tariff.catalogue(), tariff.FROM_US)
    with home.begin() as connection:
        subscribe(home, connection, size)
    write_usage(home, size, processes)
    return home


def account_of(size: Size) -> Int64s:
    """The account key of each subscription (1 .. n)."""
    return np.concatenate([np.arange(1, size.accounts + 1), np.arange(TWO_EACH, size.accounts + 1, TWO_EACH)])


def subscribe(home: Home, connection: Any, size: Size) -> None:  # noqa: ANN401 -- a connection of SQLAlchemy
    """Accounts, subscriptions, plans and numbers."""
    seq = home.next_commit_seq(connection, "fact", tariff.FROM_US)
    count, keys = size.accounts, np.arange(1, size.subscriptions + 1)
    number = account_of(size) % 3 if size.plan is None else np.full(size.subscriptions, size.plan)
    plan = pa.DictionaryArray.from_arrays(pa.array(number, pa.int32()), [f"{tariff.IDENTITY}/{name}" for name in tariff.PLANS])
    accounts = {
        "account_key": keys[:count],
        "account_id": _named("A", keys[:count]),
        "name": _same("", count),
        "currency": _same(tariff.CURRENCY, count),
        "timezone": _same("UTC", count),
        "bill_day": np.ones(count, np.int64),
        "language": _same("en", count),
        "opened_on": _same("2026-01-01", count),
        "dunning_policy": _same("standard", count),
        "payment_days": np.full(count, 14),
    }
    subscriptions = {
        "subscription_key": keys,
        "subscription_id": _named("S", keys),
        "account_key": account_of(size),
        "from_date": _same("2026-01-01", len(keys)),
    }
    plans = {"subscription_key": keys, "plan": plan, "from_date": _same("2026-01-01", len(keys))}
    served = pa.array(FIRST_NUMBER + keys).cast(pa.string())
    numbers = {"served_id": served, "subscription_key": keys, "from_us": np.full(len(keys), tariff.FROM_US)}
    of_table: list[tuple[Any, dict[str, Any]]] = [
        (tables.accounts, accounts),
        (tables.subscriptions, subscriptions),
        (tables.plan_facts, plans),
        (tables.guiding_facts, numbers),
    ]
    for table, columns in of_table:
        rows = len(next(iter(columns.values())))
        bulk.insert(connection, table, {**columns, "commit_seq": np.full(rows, seq)})


def write_usage(home: Home, size: Size, processes: int, month: Month = MONTHS[0]) -> None:
    """A month in sealed files, each as if it had come in one commit and been sealed in another."""
    edges = [*range(0, size.records, FILE_ROWS), size.records]
    with home.connect() as connection:
        coming = home.head_seq(connection) + 1
    tasks = [(str(home.path), size, month, coming, low, high) for low, high in itertools.pairwise(edges)]
    context = multiprocessing.get_context("spawn")  # threads of Arrow do not survive a fork
    if len(tasks) == 1 or processes == 1:
        written = [_write_file(*task) for task in tasks]
    else:
        with concurrent.futures.ProcessPoolExecutor(processes, context) as pool:
            written = list(pool.map(_write_file, *zip(*tasks, strict=True)))
    rows = [sealing.manifest_row(home, each) for each in written]
    with home.begin() as connection:
        after_us = month.from_us + (month.days + 1) * DAY_US
        usage_seq = home.next_commit_seq(connection, "usage", after_us)
        assert usage_seq == coming
        seq = home.next_commit_seq(connection, "seal", after_us)
        connection.execute(tables.usage_manifest.insert(), [{**row, "commit_seq": seq} for row in rows])


def _write_file(folder: str, size: Size, month: Month, usage_seq: int, low: int, high: int) -> sealing.Sealed:  # noqa: PLR0913, PLR0917 -- crosses processes
    """Events low .. high - 1 of a month."""
    home = Home.open(folder)
    path = home.sealed_folder / f"{month.name}-{low:012d}.parquet"
    rng = np.random.default_rng([size.seed, low, month.from_us])
    numbers, shards = _in_shard_order(size)
    place = np.sort(rng.integers(0, len(numbers), high - low))
    from_us = month.from_us + month.days * DAY_US * low // size.records
    to_us = month.from_us + month.days * DAY_US * high // size.records
    start_us = rng.integers(from_us, to_us, high - low)
    start_us = start_us[np.lexsort((start_us, place))]

    def parts() -> Any:  # noqa: ANN401 -- an iterator of tables and shards
        for first in range(0, high - low, PART_ROWS):
            rows = slice(first, first + PART_ROWS)
            served = numbers[place[rows]]
            yield usage(rng, served, start_us[rows], low + first, usage_seq), shards[place[rows]]

    written = sealing.write_file(path, high - low, parts())
    home.close()
    return written


def add_late(home: Home, size: Size, one_in: int) -> int:
    """A record that comes late for each subscription of one account in so many, in a file of its own; how many there are."""
    numbers, shards = _in_shard_order(size)
    late = np.isin(account_of(size)[numbers - FIRST_NUMBER - 1], np.arange(one_in, size.accounts + 1, one_in))
    rng = np.random.default_rng([size.seed, size.records])
    start_us = rng.integers(MONTH_FROM_US, MONTH_FROM_US + DAYS * DAY_US, int(late.sum()))
    with home.begin() as connection:
        seq = home.next_commit_seq(connection, "usage", NOW_US)
        table = usage(rng, numbers[late], start_us, size.records, seq, only_answered=True)
        written = sealing.write_file(home.sealed_folder / "2026-01-late.parquet", table.num_rows, [(table, shards[late])])
        sealed = home.next_commit_seq(connection, "seal", NOW_US)
        connection.execute(tables.usage_manifest.insert().values(**sealing.manifest_row(home, written), commit_seq=sealed))
    return table.num_rows


def _in_shard_order(size: Size) -> tuple[Int64s, npt.NDArray[np.uint8]]:
    """All numbers in the order of sealed files, and the shard of each."""
    numbers = FIRST_NUMBER + np.arange(1, size.subscriptions + 1)
    shard = sealing.shards_of(pa.array(numbers).cast(pa.string()))
    order = np.argsort(shard, kind="stable")
    return numbers[order], shard[order]


def usage(  # noqa: PLR0913 -- a column or a figure each
    rng: np.random.Generator, served: Int64s, start_us: Int64s, first: int, seq: int, *, only_answered: bool = False
) -> pa.Table:
    """SEALED_V1 of events: 70 % calls (a tenth of them abroad), 10 % messages, 20 % data; `first` numbers their records."""
    count = len(served)
    kind = np.full(count, 7) if only_answered else rng.integers(0, 10, count)  # messages cost something in every plan
    voice, message = kind < 7, kind == 7
    abroad = rng.integers(0, 10, count) == 0
    other = np.where(abroad, 33_100_000_000, 49_160_000_000) + rng.integers(0, 10**8, count)
    duration_us = np.minimum(rng.exponential(90, count) + 1, 7200).astype(np.int64) * SECOND_US + rng.integers(0, 10, count) * 100_000
    volume = (rng.exponential(2e6, count) + 1000).astype(np.int64)
    text = pa.array(served).cast(pa.string()).dictionary_encode()
    given: dict[str, Any] = {
        "event_key": _keys(rng, count),
        "content_hash": _keys(rng, count),
        "source": pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), ["switch"]),
        "record_id": pa.array(np.arange(first, first + count)).cast(pa.string()),
        "service": np.where(voice, int(Service.VOICE), np.where(message, int(Service.SMS), int(Service.DATA))).astype(np.int8),
        "direction": np.full(count, int(Direction.ORIGINATING), np.int8),
        "leg_role": np.full(count, int(LegRole.CALL), np.int8),
        "served_kind": np.full(count, int(ServedKind.E164), np.int8),
        "offset_origin": np.full(count, int(OffsetOrigin.GIVEN), np.int8),
        "served_id": text.cast(pa.string()),
        "served_raw": text.cast(pa.string()),
        "other_e164": pa.array(other, mask=kind > 7),
        "start_us": start_us,
        "duration_us": pa.array(duration_us, mask=~voice),
        "units": pa.array(np.ones(count, np.int64), mask=~message),
        "bytes_up": pa.array(volume // 10, mask=kind <= 7),
        "bytes_down": pa.array(volume, mask=kind <= 7),
        "cause": np.full(count, 16, np.int16),
        "flags": np.where(voice & (rng.random(count) < UNANSWERED_SHARE), int(UsageFlag.UNANSWERED), 0).astype(np.int32),
        "commit_seq": np.full(count, seq),
    }
    columns = []
    for field in sealing.SEALED_V1:
        if field.name in given:
            column: Any = given[field.name]
            columns.append((column if isinstance(column, pa.Array) else pa.array(column)).cast(field.type))
        else:
            columns.append(pa.nulls(count, field.type) if field.nullable else pa.array(np.zeros(count, np.int64)).cast(field.type))
    return pa.Table.from_arrays(columns, schema=sealing.SEALED_V1)


def _keys(rng: np.random.Generator, count: int) -> pa.Array[Any]:
    return pa.Array.from_buffers(pa.binary(16), count, [None, pa.py_buffer(rng.bytes(16 * count))])


def _named(letter: str, keys: Int64s) -> pa.Array[Any]:
    digits = np.char.zfill(keys.astype("U9"), 9)
    return pa.array(np.char.add(letter, digits))


def _same(text: str, count: int) -> pa.DictionaryArray[Any, Any]:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), [text])
