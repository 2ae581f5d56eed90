"""Text of many rows at once: numpy columns become the bytes of a CSV file.

A column is a matrix of bytes, one row an entry, padded with zero bytes; rows are the columns and the constants between them side by
side, with the padding squeezed out. A tenth of a second writes what a loop over formatted strings would take ten for.
Refuses nothing: callers pass digits, ASCII and sizes that fit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

SECONDS_PER_DAY = 86_400
US_PER_SECOND = 1_000_000


def _table(texts: list[str]) -> Bytes:
    """A matrix with one ASCII text a row, padded with zeros."""
    raw = np.array([text.encode() for text in texts], dtype=np.bytes_)
    return raw.view(np.uint8).reshape(len(texts), raw.dtype.itemsize)


_THREE_DIGITS = _table([f"{value:03d}" for value in range(1000)])
_HEX = _table([f"{value:02x}" for value in range(256)])
_CLOCK = _table([f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(SECONDS_PER_DAY)])
_EPOCH_DAYS_MAX = 30_000
_DATES = _table([str(day) for day in np.arange(_EPOCH_DAYS_MAX).astype("datetime64[D]")])


def words(texts: list[str], index: npt.NDArray[np.integer]) -> Bytes:
    """The text `texts[i]` for each i."""
    chosen: Bytes = _table(texts)[index]
    return chosen


def digits(values: Ints, width: int) -> Bytes:
    """Decimal digits of values >= 0, exactly `width` of them, with leading zeros."""
    groups = -(-width // 3)
    out = np.empty((len(values), groups * 3), dtype=np.uint8)
    rest = values
    for group in range(groups - 1, -1, -1):
        rest, low = np.divmod(rest, 1000)
        out[:, group * 3 : group * 3 + 3] = _THREE_DIGITS[low]
    return out[:, groups * 3 - width :]


def number(values: Ints, width_max: int) -> Bytes:
    """Decimal digits of values >= 0 without leading zeros; zero is "0"."""
    out = digits(values, width_max)
    keep = np.maximum.accumulate(out != ord("0"), axis=1)
    keep[:, -1] = True
    out[~keep] = 0
    return out


def blank_where(column: Bytes, blank: npt.NDArray[np.bool_]) -> Bytes:
    """The column with nothing in the rows where `blank` is true."""
    out = column.copy()
    out[blank] = 0
    return out


def stamp(seconds: Ints) -> Bytes:
    """`2026-10-01 08:30:00` for seconds of a wall clock since 1970."""
    day, second = np.divmod(seconds, SECONDS_PER_DAY)
    out = np.empty((len(seconds), 19), dtype=np.uint8)
    out[:, :10] = _DATES[day]
    out[:, 10] = ord(" ")
    out[:, 11:] = _CLOCK[second]
    return out


def uuid(raw: Bytes) -> Bytes:
    """Text form of 16 bytes a row, with its hyphens."""
    text = hexadecimal(raw)
    out = np.full((len(raw), 36), ord("-"), dtype=np.uint8)
    for source, target, length in ((0, 0, 8), (8, 9, 4), (12, 14, 4), (16, 19, 4), (20, 24, 12)):
        out[:, target : target + length] = text[:, source : source + length]
    return out


def hexadecimal(raw: Bytes) -> Bytes:
    """Two hexadecimal digits a byte."""
    return _HEX[raw].reshape(len(raw), raw.shape[1] * 2)


def either(chosen: npt.NDArray[np.bool_], one: Bytes, other: Bytes) -> Bytes:
    """`one` where chosen, else `other`."""
    out = np.zeros((len(one), max(one.shape[1], other.shape[1])), dtype=np.uint8)
    out[:, : other.shape[1]] = other
    out[chosen] = 0
    out[chosen, : one.shape[1]] = one[chosen]
    return out


def beside(*parts: Bytes | str) -> Bytes:
    """Columns and constant text side by side, as one column."""
    count = next(len(part) for part in parts if not isinstance(part, str))
    width = sum(len(part.encode()) if isinstance(part, str) else part.shape[1] for part in parts)
    matrix = np.empty((count, width), dtype=np.uint8)
    at = 0
    for part in parts:
        block = np.frombuffer(part.encode(), dtype=np.uint8) if isinstance(part, str) else part
        matrix[:, at : at + block.shape[-1]] = block
        at += block.shape[-1]
    return matrix


def rows(*parts: Bytes | str) -> bytes:
    """All rows of a file, from columns and the constant text between them. The last part ends the row."""
    flat = beside(*parts).ravel()
    text: bytes = flat[flat != 0].tobytes()
    return text
