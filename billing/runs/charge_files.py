"""Charges of a run as Parquet files (CHARGE_V1), written in parts so that memory stays flat, and read back only through the manifest.

Files lie in `charges/run=N/`. A file that no manifest row names is garbage of a run that was killed. The same run writes the same
bytes, so that two processes which resume it at once cannot harm each other.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from rating.model import UNIT_OF_SERVICE, Service
from rating.money import MICROS_PER_UNIT
from rating.schema import CHARGE_V1, MONEY, Component, Stage
from rating.status import REFUSALS_FROM
from rating.tables import ROUNDING_CODES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.charges.lines import Int64s
    from billing.runs.contracts import Contracts
    from billing.runs.pricing import Priced

ROWS_PER_FILE: Final = 262_144
REPEATING: Final = [
    "component", "run_seq", "stage", "subscription_id", "rating_unit_id", "payer_account_id", "period_from", "period_to", "tax_point",
    "tariff_version", "qty_unit", "currency", "rounding_mode", "step_num", "step_den", "revenue_code", "tax_class", "status", "rule_id",
    "price_id", "zone_id", "charge_code", "discount_micros", "chargeable_qty", "free_qty", "gross_micros", "charge_micros",
]  # fmt: skip
_UNITS: Final = np.array([UNIT_OF_SERVICE[Service(code)] if code else 2 for code in range(6)], np.int8)


class ChargeFile(NamedTuple):
    """One written part. `path` is relative to the home folder."""

    path: str
    rows: int
    charge_micros: int
    sha256: bytes


def write(  # noqa: PLR0913 -- where to, what, and how
    folder: Path, relative_to: Path, run_id: int, priced: Priced, contracts: Contracts, *, threads: int, report: Callable[[int], None]
) -> list[ChargeFile]:
    """Write every event of `priced`, refused ones with null charge. Each file is on disk when this returns; `report` gets rows done."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = len(priced.start_us)
    shelf = _Shelf(contracts)

    def write_part(number: int) -> ChargeFile:
        part = slice(number * ROWS_PER_FILE, min((number + 1) * ROWS_PER_FILE, rows))
        table = shelf.charges(priced, part, run_id)
        file = folder / f"part-{number:05d}.parquet"
        _write_file(table, file)
        charge = int(priced.rated.charge_micros[part].sum())
        return ChargeFile(str(file.relative_to(relative_to)), table.num_rows, charge, file_sha256(file))

    files = []
    with ThreadPoolExecutor(threads) as pool:
        for written in pool.map(write_part, range(-(-rows // ROWS_PER_FILE))):
            files.append(written)
            report(written.rows)
    _sync_folder(folder)
    return files


class _Shelf:
    """What the columns of a charge are looked up in: prices, versions, accounts."""

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
        accounts = self._facts.accounts
        names = sorted({version.currency for version in self._tables.versions} | {account.currency for account in accounts} | {""})
        place = {name: index for index, name in enumerate(names)}
        by_version = _column([place[version.currency] for version in self._tables.versions], np.int32)
        by_account = _column([place[account.currency] for account in accounts], np.int32)
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


def read(home_path: Path, paths: list[str], columns: list[str]) -> pa.Table:
    """Some columns of charge files, in the order given. Raises FileNotFoundError where one is gone."""
    parts = [pq.read_table(home_path / path, columns=columns, partitioning=None) for path in paths]
    if not parts:
        return pa.schema([CHARGE_V1.field(name) for name in columns]).empty_table()
    return pa.concat_tables(parts, promote_options="permissive")


def _write_file(table: pa.Table, file: Path) -> None:
    temporary = file.with_suffix(f".{os.getpid()}.tmp")
    options: dict[str, Any] = {"use_dictionary": REPEATING, "write_statistics": ["start_us", "period_from", "status"]}
    pq.write_table(table, temporary, compression="zstd", compression_level=1, store_decimal_as_integer=True, **options)
    with temporary.open("rb+") as handle:
        os.fsync(handle.fileno())
    temporary.replace(file)


def _sync_folder(folder: Path) -> None:
    """Make the names of new files durable: of the folder, and of the folder in its parent."""
    for each in (folder, folder.parent):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


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
