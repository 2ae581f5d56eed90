"""Numbers of documents as they are printed: a series, dash, ten digits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

NUMBER_DIGITS: Final = 10


def numbers_between(series: str, first: int, count: int) -> Sequence[str]:
    """`count` numbers of a series from `first` on, as documents show them."""
    return [f"{series}-{number:0{NUMBER_DIGITS}d}" for number in range(first, first + count)]


def full_number(connection: sa.Connection, text: str) -> str:
    """The number of the one document that is meant: `R-27` is `R-0000000027` where there is one and no document is called R-27.

    Text that means no document is returned unchanged; the caller reports it.
    """
    invoice = tables.invoices.c
    series, dash, digits = text.rpartition("-")
    if not (dash and digits.isascii() and digits.isdecimal() and len(digits) < NUMBER_DIGITS):
        return text
    long = f"{series}-{digits.zfill(NUMBER_DIGITS)}"
    known = set(connection.execute(sa.select(invoice.number).where(invoice.number.in_((text, long)))).scalars())
    return text if text in known or long not in known else long
