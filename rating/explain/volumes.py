"""Volumes of data as people read them: in the unit in which their price is stated.

A tariff says `1.00 per GB` or `per MiB`; what is charged at it is written in that unit, in decimals of at most six places. A mark (…)
follows where there would be more places: nothing is rounded.
"""

from __future__ import annotations

from typing import Final

from rating.explain.figures import grouped
from rating.money import MICROS_PER_UNIT, format_micros

BYTE: Final = "B"
MORE_PLACES: Final = "…"
_SIZES: Final = {
    "TiB": 2**40, "TB": 10**12, "GiB": 2**30, "GB": 10**9, "MiB": 2**20, "MB": 10**6, "KiB": 2**10, "KB": 10**3, BYTE: 1,
}  # fmt: skip


def unit_of(per_bytes: int) -> str:
    """The unit in which a tariff states a price for so many bytes: the largest one that holds them whole."""
    return next(name for name, size in _SIZES.items() if per_bytes % size == 0)


def volume_text(volume_bytes: int, unit: str) -> str:
    """The number of `unit`s in a volume: a decimal of at most six places, and the mark where that is not all of it."""
    millionths, rest = divmod(abs(volume_bytes) * MICROS_PER_UNIT, _SIZES[unit])
    number = grouped(format_micros(millionths, 0)) + MORE_PLACES * bool(rest)
    return f"-{number}" if volume_bytes < 0 else number
