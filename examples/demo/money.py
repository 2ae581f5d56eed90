"""Micro-units as text."""

from __future__ import annotations

MICROS_PER_UNIT = 1_000_000


def euro(micros: int, *, unit: bool = True) -> str:
    """Such as `1,234.50 EUR`, or `1234.5` for a command line."""
    whole, rest = divmod(abs(micros), MICROS_PER_UNIT)
    places = f"{rest:06d}".rstrip("0").ljust(2, "0")
    sign = "-" if micros < 0 else ""
    return f"{sign}{whole:,}.{places} EUR" if unit else f"{sign}{whole}.{places}"
