"""Charges of a run as Parquet files (CHARGE_V1), written in parts so that memory stays flat, and read back only through the manifest.

Files lie in `charges/run=N/`. A file that no manifest row names is garbage of a run that was killed. The same run writes the same
bytes, so that two processes which resume it at once cannot harm each other.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from billing.charges.book_terms import total
from rating import durable
from rating.errors import UserError
from rating.model import UNIT_OF_SERVICE, Service
from rating.money import MICROS_PER_UNIT
from rating.schema import CHARGE_V1, MONEY, Component, Stage
from rating.status import REFUSALS_FROM
from rating.tables import ROUNDING_CODES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.charges.lines import Int64s
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.usage.pricing import Priced

ROWS_AT_ONCE: Final = 262_144  # of a file that are made and written at a time
# Columns that repeat few values cost least as a dictionary or, where they are narrow, as they are; what rises, as differences. Every reader
# of Parquet knows these encodings.
_FEW_VALUES: Final = [
    "run_seq", "tariff_version", "chargeable_qty", "free_qty", "gross_micros", "discount_micros", "charge_micros", "currency", "step_num",
]  # fmt: skip
_DIFFERENCES: Final = ["start_us", "price_id", "zone_id", "charge_code"]
_OPTIONS: Final[dict[str, Any]] = {
    "compression": "lz4",  # written and read in half the time of zstd, for an eighth more bytes
    "store_decimal_as_integer": True,
    "write_statistics": ["start_us", "period_from", "status"],
    "use_dictionary": _FEW_VALUES,
    "column_encoding": dict.fromkeys(_DIFFERENCES, "DELTA_BINARY_PACKED"),
}
_UNITS: Final = np.array([UNIT_OF_SERVICE[Service(code)] if code else 2 for code in range(6)], np.int8)


class ChargeFile(NamedTuple):
    """One written part. `path` is relative to the home folder."""

    path: str
    rows: int
    charge_micros: int
    sha256: bytes


class Writer:
    """Writes the charges of a run: each group of events into a file of its own. Several threads may write groups at once.

    Files are brought to disk and hashed beside, in a thread of their own; all of them are on disk, by their names, when `files` returns.
    """

    def __init__(self, folder: Path, relative_to: Path, run_id: int, contracts: Contracts, report: Callable[[int], None]) -> None:
        """`folder` is made where it does not exist; `report` gets the rows of each file that is on disk."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._relative_to = relative_to
        self._run_id = run_id
        self._columns = _ChargeColumns(contracts)
        self._report = report
        self._syncing = ThreadPoolExecutor(1, "charge-files")
        self._files: dict[int, Future[ChargeFile]] = {}

    def write(self, group: int, priced: Priced) -> None:
        """Write every event of a group, refused ones with null charge. Raises UserError where the disk does not take it."""
        rows = len(priced.start_us)
        if not rows:
            return
        file = self._folder / f"part-{group:05d}.parquet"
        temporary = file.with_suffix(f".{os.getpid()}.tmp")
        try:
            with pq.ParquetWriter(temporary, CHARGE_V1, **_OPTIONS) as writer:
                for first in range(0, rows, ROWS_AT_ONCE):
                    part = slice(first, min(first + ROWS_AT_ONCE, rows))
                    writer.write_table(self._columns.charges(priced, part, self._run_id), row_group_size=ROWS_AT_ONCE)
        except OSError as error:
            raise self._not_written(error) from error
        self._files[group] = self._syncing.submit(self._synced, temporary, file, rows, total(priced.rated.charge_micros))

    def files(self) -> list[ChargeFile]:
        """All files, in order of their names. Raises UserError where one did not get to the disk."""
        self._syncing.shutdown()
        try:
            found = [self._files[group].result() for group in sorted(self._files)]
            durable.sync_names(self._folder, self._folder.parent)
        except OSError as error:
            raise self._not_written(error) from error
        return found

    def _not_written(self, error: OSError) -> UserError:
        """A full disk, a quota, a folder without the right. What was written counts for nothing: no run names it."""
        return UserError(
            f"charge files cannot be written to {self._folder}: {error.strerror or error}",
            "make room on its disk, or give this user the right to write there; then run again: nothing was billed",
        )

    def _synced(self, temporary: Path, file: Path, rows: int, charge_micros: int) -> ChargeFile:
        durable.sync_file(temporary)
        temporary.replace(file)
        written = ChargeFile(file.relative_to(self._relative_to).as_posix(), rows, charge_micros, file_sha256(file))
        self._report(rows)
        return written


class _ChargeColumns:
    """Lookup columns of charges: prices, versions, accounts."""

    def __init__(self, contracts: Contracts) -> None:
        tables = contracts.price_list.tables
        prices = tables.prices
        self._facts = contracts.facts
        self._tables = tables
        self._rounding_mode = _column([ROUNDING_CODES[price.rounding_mode] for price in prices], np.int8)
        self._step = _column([price.rounding_step_micros for price in prices], np.int64)
        self._hashes = pa.array([version.content_hash.ljust(32, b"\0") for version in tables.versions], pa.binary(32))
        self._names, self._version_currency, self._account_currency = self._currencies()

    def charges(self, priced: Priced, part: slice, run_id: int) -> pa.Table:
        """CHARGE_V1 of some rows."""
        rated, tables, facts = priced.rated, self._tables, self._facts
        rows = len(priced.start_us[part])
        refused = rated.status[part] >= int(REFUSALS_FROM)
        price, version, account = rated.price[part], rated.version[part], priced.account[part]
        no_version = version < 0
        period_to = priced.period_to[part].astype(np.int32)
        account_key = _take(facts.account_keys, account, 0)
        currency = np.where(no_version, _take(self._account_currency, account, 0), _take(self._version_currency, version, 0))
        columns: dict[str, Any] = {
            "event_key": priced.event_key.slice(part.start, rows),
            "component": np.full(rows, int(Component.USAGE), np.int8),
            "run_seq": np.full(rows, run_id, np.int64),
            "stage": np.full(rows, int(Stage.FINAL), np.int8),
            "rating_unit_id": account_key,
            "subscription_id": _take(facts.subscription_keys, priced.subscription[part], 0),
            "payer_account_id": account_key,
            "period_from": _dates(priced.period_from[part].astype(np.int32)),
            "period_to": _dates(period_to),
            "tax_point": _dates(period_to - 1),
            "start_us": pa.array(priced.start_us[part]).cast(pa.timestamp("us", "UTC")),
            "tariff_version": _dictionary(version, no_version, self._hashes),
            "chargeable_qty": rated.chargeable_qty[part],
            "free_qty": rated.free_qty[part],
            "qty_unit": _UNITS[np.where((priced.service[part] > 0) & (priced.service[part] < len(_UNITS)), priced.service[part], 0)],
            "gross_micros": money(rated.gross_micros[part], refused),
            "discount_micros": money(rated.gross_micros[part] - rated.charge_micros[part], refused),
            "charge_micros": money(rated.charge_micros[part], refused),
            "currency": _dictionary(currency, None, self._names),
            "rounding_mode": _take(self._rounding_mode, price, 0),
            "step_num": _take(self._step, price, 1),
            "step_den": np.full(rows, MICROS_PER_UNIT, np.int64),
            "revenue_code": _take(tables.revenue_code, price, 0),
            "tax_class": _take(tables.tax_code, price, 0),
            "status": rated.status[part],
            "rule_id": np.zeros(rows, np.int32),
            "price_id": rated.price_id[part],
            "zone_id": rated.zone_id[part],
            "charge_code": _take(tables.charge_code, price, 0),
        }
        return pa.table([_as(columns[field.name], field.type) for field in CHARGE_V1], schema=CHARGE_V1)

    def _currencies(self) -> tuple[pa.Array[Any], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        facts = self._facts
        names = sorted({version.currency for version in self._tables.versions} | {*facts.currencies, ""})
        place = {name: index for index, name in enumerate(names)}
        by_version = _column([place[version.currency] for version in self._tables.versions], np.int32)
        by_account = _column([place[name] for name in facts.currencies], np.int32)[facts.account_currency]
        return pa.array(names), by_version, by_account


def money(micros: Int64s, missing: npt.NDArray[np.bool_]) -> pa.Array[Any]:
    """int64 micro-units as decimal64(18,6), the same eight bytes; null where `missing`."""
    valid = None if not missing.any() else pa.py_buffer(np.packbits(~missing, bitorder="little").tobytes())
    values: Any = np.ascontiguousarray(micros, np.int64)
    return pa.Array.from_buffers(MONEY, len(micros), [valid, pa.py_buffer(values)])


def micros_of(column: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
    """A MONEY column as int64 micro-units, without a copy."""
    chunks = [pa.Array.from_buffers(pa.int64(), len(each), each.buffers(), offset=each.offset) for each in column.chunks]
    return pa.chunked_array(chunks, pa.int64())


def file_sha256(file: Path) -> bytes:
    """SHA-256 of a whole file."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").digest()


def _column(values: list[int], kind: npt.DTypeLike) -> npt.NDArray[Any]:
    return np.array(values, kind)


def _take(values: npt.NDArray[Any], index: npt.NDArray[Any], missing: int) -> npt.NDArray[Any]:
    """values[index], and `missing` where the index is -1."""
    if not len(values):
        return np.full(len(index), missing, values.dtype)
    result: npt.NDArray[Any] = np.where(index >= 0, values[index], values.dtype.type(missing))
    return result


def _dates(days: npt.NDArray[np.int32]) -> pa.Array[Any]:
    return pa.array(days, pa.int32()).cast(pa.date32())


def _dictionary(index: npt.NDArray[Any], missing: npt.NDArray[np.bool_] | None, values: pa.Array[Any]) -> pa.Array[Any]:
    codes: Any = pa.array(index.astype(np.int32), mask=missing)
    return pa.DictionaryArray.from_arrays(codes, values)


def _as(column: Any, kind: pa.DataType) -> pa.Array[Any]:  # noqa: ANN401 -- numpy or Arrow, whatever the column was made of
    return column if isinstance(column, pa.Array) else pa.array(column, kind)
