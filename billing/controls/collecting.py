"""The books of a home and of one run, collected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.controls.billed_once import billed_once_book
from billing.controls.book import Book, book
from billing.controls.claims import claim_books
from billing.controls.documents import document_books, total_books
from billing.controls.late import late_books
from billing.controls.recomputed import part_of
from billing.controls.runs import run_books
from billing.controls.traces import trace_books
from billing.intake.books import intake_book

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing.store.home import Home


def books(home: Home) -> list[Book]:
    """All books of a home, as of its last commit."""
    with home.connect() as connection:
        seq = home.head_seq(connection)
        found = [book(line.name, line.left, line.right, line.unit) for line in intake_book(home, seq)]
        found.extend(run_books(home, connection))
        found.append(billed_once_book(home, connection, seq))
        found.extend(late_books(home, connection, seq))
        found.extend(document_books(connection))
        found.extend(claim_books(connection))
        found.extend(trace_books(connection))
    return found


def of_run(home: Home, run_id: int) -> list[Book]:
    """The books of one run, and those of all documents that need no look at each of them: they are printed when a run ends.

    Taxes and fees are those of some accounts (`recomputed.part_of`), so that a run of a million need not wait for them.
    """
    with home.connect() as connection:
        return [*run_books(home, connection, run_id, part_of(connection, run_id)), *total_books(connection)]


def all_ok(found: Iterable[Book]) -> bool:
    """True where every book balances."""
    return all(each.ok for each in found)
