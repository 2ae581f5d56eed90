"""A book and what it is made with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from billing.store.sums import whole

if TYPE_CHECKING:
    from collections.abc import Collection

    import sqlalchemy as sa

ROWS: Final = "rows"
_COMPARED: Final = " compared"  # in the names of such terms


class Book(msgspec.Struct, frozen=True):
    """Two figures that must be equal, and the terms they are made of."""

    name: str
    left: int
    right: int
    unit: str
    ok: bool
    terms: dict[str, int]

    @property
    def not_compared(self) -> dict[str, int]:
        """The terms that say what was not compared, and why. With both sides 0 nothing was."""
        return {name: figure for name, figure in self.terms.items() if _COMPARED in name}


def book(name: str, left: int, right: int, unit: str, terms: dict[str, int] | None = None) -> Book:
    """A book from its two sides."""
    return Book(name, left, right, unit, left == right, terms or {})


def set_book(name: str, left: Collection[Any], right: Collection[Any], unit: str = ROWS) -> Book:
    """Two collections that must hold the same things: all there are on either side, and those that are on both."""
    one, two = set(left), set(right)
    missing, surplus = one - two, two - one
    terms = {f"missing {_shown(each)}": 1 for each in sorted(missing, key=str)[:5]}
    terms |= {f"surplus {_shown(each)}": 1 for each in sorted(surplus, key=str)[:5]}
    return book(name, len(one | two), len(one & two), unit, terms)


def not_known(name: str, error: Exception) -> Book:
    """A book that cannot be worked out, and so does not balance."""
    return book(name, 1, 0, "balances", {f"it cannot be worked out: {error}": 1})


def by_currency(connection: sa.Connection, query: sa.Select[Any]) -> dict[str, int]:
    """Rows of a currency and the halves of a sum as a dictionary."""
    return {currency: whole(*parts) for currency, *parts in connection.execute(query)}


def _shown(item: object) -> str:
    return " ".join(str(part) for part in item) if isinstance(item, tuple) else str(item)
