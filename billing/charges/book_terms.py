"""Terms of a run's books: number of rows and amount, by name and currency. Amounts are micro-units and add up as unbounded integers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from billing.charges.lines import Int64s, Lines

INT64_MAX: Final = 2**63 - 1
HALF_BITS: Final = 32
LOW_MASK: Final = 0xFFFFFFFF


class Term(NamedTuple):
    """One term of a book: number of rows, and amount."""

    rows: int
    amount_micros: int


class Terms:
    """Collects terms `name:currency`."""

    def __init__(self, currencies: Sequence[str]) -> None:
        self._currencies = currencies
        self.by_name: dict[str, Term] = {}

    def add_lines(self, name: str, lines: Lines, field: str = "amount_micros", minus: str | None = None) -> None:
        """The sum of a field of `lines`, less that of another."""
        amounts = lines[field]
        less = None if minus is None else lines[minus]
        self.add(name, lines["currency"], amounts, less)

    def add(self, name: str, currency: Int64s, amount_micros: Int64s, less_micros: Int64s | None = None) -> None:
        """The sum of amounts whose currencies are places in the list of names."""
        for place, word in enumerate(self._currencies):
            own = currency == place
            rows = int(np.count_nonzero(own))
            if rows:
                less = total(less_micros[own]) if less_micros is not None else 0
                self._add(f"{name}:{word}", rows, total(amount_micros[own]) - less)

    def _add(self, name: str, rows: int, amount_micros: int) -> None:
        before = self.by_name.get(name, Term(0, 0))
        self.by_name[name] = Term(before.rows + rows, before.amount_micros + amount_micros)


def total(values: Int64s) -> int:
    """Sum in two halves, so that it cannot wrap below 2**31 values."""
    return (int((values >> HALF_BITS).sum()) << HALF_BITS) + int((values & LOW_MASK).sum())


def clipped(terms: Mapping[str, Term]) -> dict[str, Term]:
    """The terms as the store can hold them. A sum beyond int64 is cut, and the book that reads it fails, as it should."""
    return {name: Term(term.rows, max(-INT64_MAX, min(INT64_MAX, term.amount_micros))) for name, term in sorted(terms.items())}


def rows_of(terms: dict[str, Term], start: str) -> dict[str, int]:
    """The numbers of rows of the terms whose names begin with `start`, by the rest of the name and in its order."""
    return {name.removeprefix(start): terms[name].rows for name in sorted(terms) if name.startswith(start)}
