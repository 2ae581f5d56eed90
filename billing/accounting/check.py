"""`ledger check`: everything in the ledger recomputed from documents and payments, and the first difference named.

Each check goes through one kind of record in order and stops at the first that differs. It gives the place, the stored value and the
expected one. A check that finds nothing gives the number of records that it compared. Nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from billing import ledger
from billing.accounting import check_claims, check_postings
from billing.accounting.balances import trial_balance
from billing.accounting.comparing import Checked
from billing.ledger import closed_months
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.store.home import Home

    Progress = Callable[[int, int], None]


class _Check(NamedTuple):
    name: str
    run: Callable[[sa.Connection, str], Checked]


def check(home: Home, progress: Progress | None = None) -> list[Checked]:
    """Every check, in one unchanging view of the database."""
    found = []
    with home.connect() as connection:
        for number, each in enumerate(_CHECKS):
            if progress is not None:
                progress(number, len(_CHECKS))
            found.append(each.run(connection, each.name))
    if progress is not None:
        progress(len(_CHECKS), len(_CHECKS))
    return found


def _ids(connection: sa.Connection, name: str) -> Checked:
    """Every posting has the id of its document, line and leg."""
    row = tables.postings.c
    query = sa.select(row.posting_id, row.document, row.line_no, row.leg).order_by(row.document, row.line_no, row.leg)
    compared = 0
    for key, document, line_no, leg in connection.execute(query.execution_options(yield_per=check_postings.KEYS_PER_QUERY)):
        compared += 1
        if ledger.posting_id(document, line_no, leg) != key:
            return Checked(name, compared, f"posting {document} line {line_no} {leg} has the id of another one")
    return Checked(name, compared)


def _sides(connection: sa.Connection, name: str) -> Checked:
    """Debits equal credits by entity and currency."""
    lines = trial_balance(connection)
    totals: dict[tuple[str, str], int] = {}
    for line in lines:
        totals[line.entity, line.currency] = totals.get((line.entity, line.currency), 0) + line.balance_micros
    for (entity, currency), difference in sorted(totals.items()):
        if difference:
            return Checked(
                name, len(lines), f"{entity or 'entity without a name'} {currency}: debits less credits are {difference} micro-units"
            )
    return Checked(name, len(lines))


def _closed(connection: sa.Connection, name: str) -> Checked:
    """Nothing was posted into a month while it was closed."""
    row = tables.postings.c
    compared = 0
    for entity, month, after, before in _closed_spans(connection):
        query = sa.select(row.document, row.posted_on, row.commit_seq).where(row.entity == entity, row.commit_seq > after)
        query = query.where(row.posted_on >= f"{month}-01", row.posted_on <= f"{month}-31")
        if before is not None:
            query = query.where(row.commit_seq < before)
        found = connection.execute(query.order_by(row.commit_seq)).first()
        compared += 1
        if found is not None:
            return Checked(name, compared, f"{found[0]} was posted on {found[1]} by commit {found[2]}, when {month} was closed")
    return Checked(name, compared)


_CHECKS = (
    _Check("postings have the id of what they are of", _ids),
    _Check("debits = credits", _sides),
    _Check("lines of documents = postings", check_postings.lines),
    _Check("voids of documents = postings", check_postings.voids),
    _Check("payments = postings", check_postings.money),
    _Check("write-offs = postings", check_postings.write_offs),
    _Check("month-end entries = postings", check_postings.month_ends),
    _Check("every posting is of something", check_postings.sources),
    _Check("write-offs = what they settle", check_claims.written_off),
    _Check("settlements = computed again", check_claims.settlements),
    _Check("credit left = computed again", check_claims.left),
    _Check("ageing = receivables", check_claims.ages),
    _Check("closed months have nothing new", _closed),
)


def _closed_spans(connection: sa.Connection) -> Iterator[tuple[str, str, int, int | None]]:
    """Entity, month, the commit that closed it and the one that opened it again (None: still closed)."""
    open_span: dict[tuple[str, str], int] = {}
    for event in closed_months.events(connection):
        key = (event.entity, event.month)
        if event.kind == closed_months.Standing.CLOSED:
            open_span.setdefault(key, event.commit_seq)
        elif event.kind == closed_months.Standing.REOPENED and key in open_span:
            yield (*key, open_span.pop(key), event.commit_seq)
    for key, after in sorted(open_span.items()):
        yield (*key, after, None)
