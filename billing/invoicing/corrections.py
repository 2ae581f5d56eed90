"""Lines of an account's documents that correct earlier ones, derived from stored data as the run that made them derived them.

A line corrects in two cases. Its period was billed before by a document that was valid then, or it takes back an amount that was billed
ahead: another amount of a fee in advance, and less usage, discount or tax than was billed. An amount that grows as a period goes on is no
correction: the usage of a month whose fee was billed in advance, and the tax on it. Nor is an amount that is billed anew because its
invoice is void.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing.charges.charge_keys import KEY_FIELDS
from billing.invoicing.forms import INVOICE
from billing.store import tables, voids
from billing.store.prepared import Prepared
from rating.dates import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterable

RERATE: Final = "rerate"
CYCLE: Final = "cycle"
_LAST: Final = "9999"  # after every date
_AHEAD: Final = ("recurring", "one_off")
_GROWING: Final = ("usage", "discount", "tax")


class Issued(NamedTuple):
    """A document of an account with its lines: rows of invoice_lines, with the id of their subscription.

    `void_seq`: the commit that voided it; NEVER while it is valid.
    """

    invoice_key: int
    number: str
    issued_on: str
    period_from: str
    period_to: str
    total_micros: int
    document_type: str
    about: int | None
    run_kind: str
    commit_seq: int
    void_seq: int
    voided_on: str
    lines: Sequence[Any]
    void_reason: str = ""
    voided_by: str = ""
    void_agreed_by: str = ""

    @property
    def is_void(self) -> bool:
        """Return whether it is void by now."""
        return self.void_seq != NEVER

    def stood_at(self, seq: int) -> bool:
        """Return whether it was made before a commit and not void by then."""
        return self.commit_seq < seq < self.void_seq


class Before(NamedTuple):
    """The valid documents when one was made: billed periods, their end, and the first day that void invoices had opened."""

    covered_to: str
    periods: frozenset[tuple[str, str]]
    reopened_from: str


def documents_of(connection: sa.Connection, account_key: int) -> list[Issued]:
    """All documents of a payer, in the order in which they were made."""
    lines = dict[int, list[Any]]()
    for row in _BODIES_OF.rows(connection, account_key=account_key):
        lines.setdefault(row.invoice_key, []).append(row)
    rows = _DOCUMENTS_OF.rows(connection, account_key=account_key)
    return [Issued._make((*row[:-3], lines.get(row.invoice_key, ()), *row[-3:])) for row in rows]


def _documents_of() -> sa.Select[Any]:
    invoice, event, run = tables.invoices.c, tables.invoice_events.c, tables.bill_runs.c
    names = ("invoice_key", "number", "issued_on", "period_from", "period_to", "total_micros")
    words = (sa.func.coalesce(invoice.document_type, INVOICE), invoice.corrects_invoice_key, run.kind)
    void = (sa.func.coalesce(event.commit_seq, NEVER), sa.func.coalesce(event.on_date, ""))
    said = (sa.func.coalesce(event.reason, ""), sa.func.coalesce(event.by_name, ""), voids.agreed_by())
    query = sa.select(*(invoice[name] for name in names), *words, invoice.commit_seq, *void, *said)
    query = query.join_from(tables.invoices, tables.bill_runs, run.run_id == invoice.run_id)
    query = query.outerjoin(tables.invoice_events, (event.invoice_key == invoice.invoice_key) & (event.kind == "voided"))
    return query.where(invoice.account_key == sa.bindparam("account_key")).order_by(invoice.invoice_key)


def _bodies_of() -> sa.Select[Any]:
    invoice, line, subscription = tables.invoices.c, tables.invoice_lines, tables.subscriptions
    query = sa.select(line, subscription.c.subscription_id)
    query = query.outerjoin(subscription, subscription.c.subscription_key == line.c.subscription_key)
    own = sa.select(invoice.invoice_key).where(invoice.account_key == sa.bindparam("account_key"))
    return query.where(line.c.invoice_key.in_(own)).order_by(line.c.invoice_key, line.c.line_no)


_DOCUMENTS_OF: Final = Prepared(_documents_of)
_BODIES_OF: Final = Prepared(_bodies_of)


def before(document: Issued, documents: Iterable[Issued]) -> Before:
    """The state of an account's documents when one of them was made."""
    earlier = [each for each in documents if each.invoice_key < document.invoice_key]
    standing = [each for each in earlier if each.stood_at(document.commit_seq)]
    gone = [each for each in earlier if each.void_seq < document.commit_seq and each.document_type == INVOICE]
    return Before(
        max((each.period_to for each in standing if each.run_kind == CYCLE), default=""),
        frozenset((row.period_from, row.period_to) for each in standing for row in each.lines),
        min((row.period_from for each in gone for row in each.lines), default=_LAST),
    )


def is_correction(row: Any, known: Before) -> bool:  # noqa: ANN401 -- a row of the database
    """Return whether a line corrects an amount billed before."""
    first = row.corrects_invoice_key is None
    anew = first and row.period_from >= known.reopened_from and (row.period_from, row.period_to) not in known.periods
    return (row.period_to <= known.covered_to and not anew) or (not first and _goes_back(row))


def correcting(document: Issued, documents: Sequence[Issued]) -> list[Issued]:
    """The later documents that correct one: lines of its charges, or of the period that it was the bill of. No credit notes by hand."""
    found, lineage = [], {key_of(row): {document.invoice_key} for row in document.lines}
    for each in documents:
        if each.invoice_key <= document.invoice_key or each.commit_seq >= document.void_seq:
            continue
        own = [row for row in each.lines if row.corrects_invoice_key in lineage.get(key_of(row), ())]
        for row in own:
            lineage[key_of(row)].add(each.invoice_key)
        if each.about is None and _corrects(document, each, own, before(each, documents)):
            found.append(each)
    return found


def replaced_by(document: Issued, documents: Iterable[Issued]) -> list[Issued]:
    """The invoices that bill the charges of a void one anew: for each of its charges the first after the void."""
    found, left = [], _charges(document)
    for each in documents if document.is_void and document.document_type == INVOICE else ():
        again = left & _charges(each) if each.commit_seq > document.void_seq and each.document_type == INVOICE else set()
        if again:
            found.append(each)
            left = left - again
    return found


def replaces(document: Issued, documents: Sequence[Issued]) -> list[Issued]:
    """The void invoices that a document replaces."""
    return [each for each in documents if each.is_void and document in replaced_by(each, documents)]


def key_of(row: Any) -> tuple[Any, ...]:  # noqa: ANN401 -- a row of the database
    """The charge key of a stored line."""
    return tuple(getattr(row, name) for name in KEY_FIELDS)


def _corrects(document: Issued, later: Issued, own: Sequence[Any], known: Before) -> bool:
    """Return whether a later document corrects one; `own` are its lines on charges of that one.

    Tax is of all charges of a month and class. If others of these differ, it follows them, and corrects no document that had only some.
    """
    charges = [row for row in later.lines if row.kind != "tax"]
    corrections = own if later.run_kind == RERATE else [row for row in own if is_correction(row, known)]
    if any(row.kind != "tax" for row in corrections):
        return True
    with_charges = {(row.period_from, row.period_to, row.tax_class) for row in charges}
    if any((row.period_from, row.period_to, row.tax_class) not in with_charges for row in corrections):
        return True
    is_bill = document.run_kind == CYCLE and document.document_type == INVOICE
    return is_bill and any(
        document.period_from <= row.period_from and row.period_to <= document.period_to and is_correction(row, known) for row in later.lines
    )


def _goes_back(row: Any) -> bool:  # noqa: ANN401 -- a row of the database
    """Return whether a line of a period that no bill of the cycle had takes back an amount that was billed ahead (see `runs.drafting`)."""
    less = row.amount_micros > 0 if row.kind == "discount" else row.amount_micros < 0
    return row.kind in _AHEAD or (less and row.kind in _GROWING)


def _charges(document: Issued) -> set[tuple[Any, ...]]:
    """The charge keys of a document without those of tax, unless it has no others."""
    return {key_of(row) for row in document.lines if row.kind != "tax"} or {key_of(row) for row in document.lines}
