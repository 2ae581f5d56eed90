"""The ledger: immutable postings with one debit and one credit account each.

The id of a posting is a hash of (document, line, leg), so that a step that is made again finds what it posted before: same id and same data
means that it exists; other data is an error that names the field. Nothing is posted into a month whose books are closed
(`billing.ledger.closed_months`). Amounts are positive micro-units; a negative line is posted the other way round. Accounts by purpose:
`receivable:<account_id>`, `revenue:<revenue_code>`, `tax:<class code>`, `cash`. Nothing is posted to `rounding`: lines are whole minor
units.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing.ledger import closed_months
from billing.store import database, tables
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

ID_BYTES: Final = 16
CASH: Final = "cash"
RECEIVABLE: Final = "receivable:"
_CHUNK: Final = 500  # ids a query
FIELDS: Final = ("document", "line_no", "leg", "debit_account", "credit_account", "currency", "amount_micros", "posted_on", "entity")


class Posting(NamedTuple):
    """One movement of `amount_micros` (> 0) from the credit to the debit account."""

    document: str
    line_no: int
    leg: str
    debit_account: str
    credit_account: str
    currency: str
    amount_micros: int
    posted_on: str
    entity: str = ""  # whose books

    @property
    def key(self) -> bytes:
        """See `posting_id`."""
        return posting_id(self.document, self.line_no, self.leg)


def posting_id(document: str, line_no: int, leg: str) -> bytes:
    """Hash of (document, line, leg); the parts are kept apart by a byte that none of them holds."""
    return hashlib.blake2b(f"{document}\0{line_no}\0{leg}".encode(), digest_size=ID_BYTES).digest()


def receivable(account_id: str) -> str:
    """The ledger account of the amounts that a customer owes."""
    return RECEIVABLE + account_id


def posting(  # noqa: PLR0913 -- the fields of a posting
    document: str, line_no: int, leg: str, *, debit: str, credit: str, currency: str, signed_micros: int, posted_on: str, entity: str = ""
) -> Posting | None:
    """A posting of `signed_micros`: turned round when negative, None when zero."""
    if signed_micros == 0:
        return None
    if signed_micros < 0:
        debit, credit = credit, debit
    return Posting(
        document=document,
        line_no=line_no,
        leg=leg,
        debit_account=debit,
        credit_account=credit,
        currency=currency,
        amount_micros=abs(signed_micros),
        posted_on=posted_on,
        entity=entity,
    )


def of_payment(  # noqa: PLR0913, PLR0917 -- the fields of a payment
    payment_id: str, account_id: str, currency: str, amount_micros: int, received_on: str, entity: str = ""
) -> Posting:
    """The posting of a payment: cash against the receivable of the customer."""
    assert amount_micros > 0, payment_id
    return Posting(
        document=payment_id,
        line_no=0,
        leg="payment",
        debit_account=CASH,
        credit_account=receivable(account_id),
        currency=currency,
        amount_micros=amount_micros,
        posted_on=received_on,
        entity=entity,
    )


def post(connection: sa.Connection, postings: Sequence[Posting], commit_seq: int) -> int:
    """Store postings inside the caller's write transaction; those that exist with the same data are left. Returns how many were new.

    Raises UserError when one exists with other data; the caller's transaction is then undone as a whole.
    """
    closed_months.require_open(connection, {(each.entity, each.posted_on[:7]) for each in postings})
    for each in postings:
        assert each.amount_micros > 0, each
        assert each.debit_account != each.credit_account, each
    by_id = {each.key: each for each in postings}
    assert len(by_id) == len(postings), "two postings of one batch have the same document, line and leg"
    existing = _existing(connection, list(by_id))
    for key, stored in existing.items():
        _require_same(by_id[key], stored)
    rows = [{"posting_id": key, "commit_seq": commit_seq, **each._asdict()} for key, each in by_id.items() if key not in existing]
    database.insert(connection, tables.postings, rows)
    return len(rows)


def _existing(connection: sa.Connection, ids: list[bytes]) -> dict[bytes, Any]:
    column = tables.postings.c.posting_id
    found = {}
    for start in range(0, len(ids), _CHUNK):
        for row in connection.execute(sa.select(tables.postings).where(column.in_(ids[start : start + _CHUNK]))):
            found[row.posting_id] = row
    return found


def _require_same(wanted: Posting, stored: Any) -> None:  # noqa: ANN401 -- a row of tables.postings
    for field in FIELDS:
        if getattr(stored, field) != getattr(wanted, field):
            place = f"posting {wanted.document} line {wanted.line_no} {wanted.leg}"
            raise UserError(
                f"{place} exists with {field} {getattr(stored, field)!r}, not {getattr(wanted, field)!r}",
                "a posting never changes; look for a document number that was used twice, and run `ratewright controls`",
            )
