"""Books of what a run billed, against what follows from published tariffs and facts by code of their own.

They share with the run the arithmetic of fees and periods (`billing.charges`) and the catalogues in force (`billing.catalogue.in_force`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from billing.controls.book import book, not_known
from billing.store import tables
from billing.verification import plain_fees, plain_tax
from billing.verification.plain_facts import WHOLE, Part
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing.controls.book import Book
    from billing.store.home import Home
    from billing.verification.plain_tax import Checked

    Check = Callable[[Home, sa.Connection, Any, Part], Checked]

ACCOUNTS_AT_ONCE: Final = 5_000
_SHOWN: Final = 5


def part_of(connection: sa.Connection, run_id: int) -> Part:
    """The accounts that are looked at when a run ends: at most so many, spread over all, others at the next run."""
    accounts = connection.execute(sa.select(sa.func.count()).select_from(tables.accounts)).scalar_one()
    of = max(-(-accounts // ACCOUNTS_AT_ONCE), 1)
    return Part(of, run_id % of)


def recomputed_books(home: Home, connection: sa.Connection, run: Any, part: Part = WHOLE) -> Iterator[Book]:  # noqa: ANN401 -- a row of bill_runs
    """Taxes and fees of a run of the cycle that has numbered, of some accounts or all; nothing of another run."""
    if run.kind != plain_tax.CYCLE:
        return
    name = f"run {run.run_id} of {run.bill_date}"
    books: tuple[tuple[str, Check, str], ...] = (
        (f"tax, {name}: taxes of periods = those of the published rates", plain_tax.check, "taxes"),
        (f"fees, {name}: fees due = fees billed", plain_fees.check, "fees"),
    )
    terms = {} if part.of == 1 else {"one account in": part.of}
    for each, check, unit in books:
        try:
            found = check(home, connection, run, part)
        except UserError as error:  # a catalogue is not what was published: its own book says so as well
            yield not_known(each, error)
            continue
        told = terms | dict.fromkeys(found.wrong[:_SHOWN], 1) | found.left_out
        yield book(each, found.checked, found.checked - len(found.wrong), unit, told)
