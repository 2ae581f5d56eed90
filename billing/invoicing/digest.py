"""A digest of every field of every document of a run: a hash over columns, so that millions of lines take seconds.

Each column has a hash of its own, fed in the order of invoice and line; the digest is the hash of all of them. It does not depend on how
many rows come at once. Whole numbers count as eight bytes (none as 0), text as its length and its bytes (none as empty).

The period that lines were billed with has a digest of its own: runs of before it was stored are held to the columns that there were.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.store import bulk, tables

if TYPE_CHECKING:
    from collections.abc import Mapping

_BITS_LEFT_OUT: Final = 11  # of 64: a digest is a whole number in any JSON
_KEYS_AT_ONCE: Final = 200_000
_HEAD_COLUMNS_BEFORE: Final = 13  # of invoices, as the first runs hashed them
_LINE_COLUMNS_BEFORE: Final = 18
_APART: Final = "billed_with"  # a column of invoice_lines


class Digested(NamedTuple):
    """The number of lines of a run's documents, the digest of these, and that of the periods that lines were billed with."""

    lines: int
    documents: int
    periods: int


class Digest:
    """Takes rows of `invoices` and `invoice_lines`, each table in its order. Hashing runs in a thread beside, a piece at a time."""

    def __init__(self) -> None:
        self.lines = 0
        self._hashers: dict[tuple[str, str], Any] = {}
        self._beside = ThreadPoolExecutor(1, "digest")
        self._last: Future[None] | None = None

    def add(self, table: sa.Table, columns: Mapping[str, Any]) -> None:
        """Rows of a table: every column of it, each an array of numpy or Arrow that no longer changes."""
        self._wait()
        self._last = self._beside.submit(self._take, table, columns)
        if table is tables.invoice_lines:
            self.lines += len(columns["line_no"])

    def found(self) -> Digested:
        """53 bits of the hash of everything taken so far, and as many of that of the periods."""
        self._wait()
        return Digested(self.lines, *(self._number(of_periods=each) for each in (False, True)))

    def _number(self, *, of_periods: bool) -> int:
        whole = hashlib.blake2b(digest_size=8)
        for name, hasher in sorted(self._hashers.items()):
            if name[1].startswith(f"{_APART}.") == of_periods:
                whole.update(repr(name).encode() + hasher.digest())
        return int.from_bytes(whole.digest(), "big") >> _BITS_LEFT_OUT

    def _take(self, table: sa.Table, columns: Mapping[str, Any]) -> None:
        for column in table.c:
            values = columns[column.name]
            parts = _text_bytes(values) if isinstance(column.type, sa.Text) else (_integers(values),)
            for number, part in enumerate(parts):
                hasher = self._hashers.setdefault((table.name, f"{column.name}.{number}"), hashlib.blake2b(digest_size=16))
                hasher.update(part)

    def _wait(self) -> None:
        if self._last is not None:
            self._last.result()


def digest_of_run(connection: sa.Connection, run_id: int) -> Digested:
    """The documents of a run as stored."""
    found, invoice, line = Digest(), tables.invoices, tables.invoice_lines
    of_run = sa.select(sa.func.min(invoice.c.invoice_key), sa.func.max(invoice.c.invoice_key)).where(invoice.c.run_id == run_id)
    first, last = connection.execute(of_run).one()
    for start in range(first, last + 1, _KEYS_AT_ONCE) if first is not None else ():
        span = invoice.c.invoice_key.between(start, min(start + _KEYS_AT_ONCE, last + 1) - 1)
        heads = bulk.read(connection, sa.select(invoice).where(span, invoice.c.run_id == run_id).order_by(invoice.c.invoice_key))
        found.add(invoice, {name: heads[name] for name in heads.column_names})
        keys = sa.select(invoice.c.invoice_key).where(span, invoice.c.run_id == run_id)
        body = sa.select(line).where(line.c.invoice_key.in_(keys)).order_by(line.c.invoice_key, line.c.line_no)
        rows = bulk.read(connection, body)
        found.add(line, {name: rows[name] for name in rows.column_names})
    return found.found()


def digest_by_rows(connection: sa.Connection, run_id: int) -> tuple[int, int]:
    """The same of a run that was numbered before digests were over columns: lines, and 53 bits of a hash over its rows."""
    invoice, line = tables.invoices, tables.invoice_lines
    keys = sa.select(invoice.c.invoice_key).where(invoice.c.run_id == run_id)
    heads = sa.select(*list(invoice.c)[:_HEAD_COLUMNS_BEFORE]).where(invoice.c.run_id == run_id).order_by(invoice.c.invoice_key)
    body = sa.select(*list(line.c)[:_LINE_COLUMNS_BEFORE]).where(line.c.invoice_key.in_(keys)).order_by(line.c.invoice_key, line.c.line_no)
    hasher = hashlib.blake2b(digest_size=8)
    rows = 0
    for row in connection.execute(heads):
        hasher.update(msgspec.json.encode(tuple(row)))
    for row in connection.execute(body):
        hasher.update(msgspec.json.encode(tuple(row)))
        rows += 1
    return rows, int.from_bytes(hasher.digest(), "big") >> _BITS_LEFT_OUT


def _integers(values: Any) -> Any:  # noqa: ANN401 -- an array of numpy or Arrow, and bytes of it
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        values = pc.fill_null(values, pa.scalar(0, values.type)).to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(values, np.int64).data


def _text_bytes(values: Any) -> tuple[Any, Any]:  # noqa: ANN401 -- an array of Arrow
    """Lengths, and all bytes one after the other."""
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    filled: Any = pc.fill_null(whole.cast(pa.large_string()), "")  # type: ignore[type-var] # of Arrow's stubs: text is a value
    lengths = pc.binary_length(filled).to_numpy(zero_copy_only=False)
    offsets = np.frombuffer(filled.buffers()[1], np.int64, len(filled) + 1, filled.offset * 8) if len(filled) else np.zeros(1, np.int64)
    data = filled.buffers()[2]
    text = memoryview(data)[int(offsets[0]) : int(offsets[-1])] if data is not None else b""
    return np.ascontiguousarray(lengths, np.int64).data, text
