"""Stored text as numbers, and groups of equal rows without a loop over rows: for reading a million facts.

Texts repeat: a million accounts have a few currencies and some thousand dates. Each distinct one is converted once.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.dates import NEVER_DAY, day_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.charges.lines import Int64s

_NULL: Final = -1
_CODES_MAX: Final = 2**62


def days(column: pa.ChunkedArray[Any]) -> Int64s:
    """Day numbers of ISO dates; NEVER_DAY for null and for an empty text."""
    codes, distinct = coded(column)
    numbers = np.array([*(day_number(dt.date.fromisoformat(text)) if text else NEVER_DAY for text in distinct), NEVER_DAY], np.int64)
    return numbers[codes]


def coded(column: pa.ChunkedArray[Any]) -> tuple[Int64s, list[str]]:
    """Each text as its place among the distinct ones, which are sorted. Null is -1."""
    whole: Any = column
    encoded: Any = whole.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
        encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
    texts: list[str] = encoded.dictionary.to_pylist()
    names = sorted(texts)
    place = {name: number for number, name in enumerate(names)}
    rank = np.array([*(place[text] for text in texts), _NULL], np.int64)
    indices: Any = pc.fill_null(encoded.indices.cast(pa.int64()), _NULL)
    return rank[indices.to_numpy()], names


def integers(column: pa.ChunkedArray[Any], missing: int = 0) -> Int64s:
    """Integers, `missing` for null."""
    filled: Any = column
    filled = filled.fill_null(missing) if column.null_count else filled
    return np.ascontiguousarray(filled.to_numpy(), np.int64)


def groups(columns: Sequence[Int64s]) -> tuple[Int64s, Int64s]:
    """A number for each row, equal where all columns are, and the first row of each number. Numbers begin with 0."""
    code = np.zeros(len(columns[0]), np.int64)
    first = np.zeros(min(len(code), 1), np.int64)
    for column in columns if code.size else ():
        least = int(column.min())
        width = int(column.max()) - least + 1
        assert width * code.size < _CODES_MAX, "columns of keys or dates, not of instants"
        _, first, code = np.unique(code * width + (column - least), return_index=True, return_inverse=True)
        code = code.reshape(-1)
    return code.astype(np.int64), first.astype(np.int64)
