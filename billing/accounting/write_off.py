"""Writing off what a customer will not pay: the open amount of an invoice, or part of it, against `write_off`.

Where money comes after all, `undo` opens the invoice again, and the credit of the customer settles it in the same commit.
Above the limit (setting `write_off_limit_micros`) another person has to give the same command. Amounts are micro-units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing import ledger
from billing.allocations import allocate_credit, open_micros
from billing.store import commit_points, tables
from rating.errors import NotFoundError, UserError
from rating.money import format_micros

if TYPE_CHECKING:
    import datetime as dt

    from billing.closed_months import Who
    from billing.store.home import Home

ACCOUNT: Final = "write_off"
WRITTEN_OFF: Final = "write_off"
ASKED: Final = "write_off_asked"
UNDONE: Final = "write_off_reversal"


class WriteOff(msgspec.Struct, frozen=True):
    """What was asked for or done. `waits`: another person has to agree. `existed`: it was done before, and nothing changed."""

    document: str
    number: str
    account_id: str
    currency: str
    amount_micros: int
    reason: str
    waits: bool
    existed: bool = False


class _Invoice(NamedTuple):
    invoice_key: int
    account_key: int
    account_id: str
    currency: str
    entity: str
    open_micros: int


def write_off(  # noqa: PLR0913 -- what, how much, why, when, who, and by which limit
    home: Home, number: str, on: dt.date, reason: str, who: Who, *, amount_micros: int | None = None, limit_micros: int = 0
) -> WriteOff:
    """Write off an invoice (all that is open, or `amount_micros` of it), or ask for it where that is above `limit_micros`.

    Raises UserError for an unknown number, no reason, an amount that is not within what is open, and a second yes by the same person.
    """
    if not reason.strip():
        raise UserError("a write-off needs a reason", "say why with --reason", exit_status=2)
    with home.begin() as connection:
        invoice = _invoice(connection, number)
        asked = _newest(connection, number)
        amount = invoice.open_micros if amount_micros is None else amount_micros
        if asked is not None and asked.kind == WRITTEN_OFF and (invoice.open_micros <= 0 or asked.reason == reason):
            return _answer(asked, invoice, waits=False, existed=True)
        if not 0 < amount <= invoice.open_micros:
            shown = f"{format_micros(invoice.open_micros)} {invoice.currency}"
            raise UserError(
                f"invoice {number} has {shown} open; {format_micros(amount)} cannot be written off", "give a part of what is open"
            )
        agreed = asked is not None and asked.kind == ASKED and asked.amount_micros == amount
        if agreed and asked is not None and asked.by_uid == who.by_uid:
            raise UserError(
                f"{asked.by_name} has asked for the write-off of {number}, and cannot agree to it",
                "another account of the operating system has to give the same command",
            )
        waits = amount > limit_micros and not agreed
        entry = _Entry(ASKED if waits else WRITTEN_OFF, amount, reason, who.by_name, who.by_uid)
        document = _store(home, connection, (number, invoice, on), entry, who)
        commit_points.reached("ledger.before_commit")
    commit_points.reached("ledger.committed")
    return WriteOff(document, number, invoice.account_id, invoice.currency, amount, reason, waits)


def undo(home: Home, number: str, on: dt.date, reason: str, who: Who) -> WriteOff:
    """Open again what was written off of an invoice. Undone before: it says so. Raises UserError where nothing was written off."""
    with home.begin() as connection:
        invoice, last = _invoice(connection, number), _newest(connection, number)
        if last is not None and last.kind == UNDONE:
            return _answer(last, invoice, waits=False, existed=True)
        if last is None or last.kind != WRITTEN_OFF:
            raise UserError(f"nothing was written off of invoice {number}", "`ratewright invoice show` shows what is open of it")
        entry = _Entry(UNDONE, last.amount_micros, reason, who.by_name, who.by_uid, last.document)
        document = _store(home, connection, (number, invoice, on), entry, who)
        commit_points.reached("ledger.before_commit")
    commit_points.reached("ledger.committed")
    return WriteOff(document, number, invoice.account_id, invoice.currency, last.amount_micros, reason, waits=False)


class _Entry(msgspec.Struct, frozen=True):
    """The newest word about an invoice, as `journal_entries.detail` holds it."""

    kind: str
    amount_micros: int
    reason: str
    by_name: str
    by_uid: int
    document: str = ""  # its own; of an undoing, the write-off's until it is stored


def _answer(entry: _Entry, invoice: _Invoice, *, waits: bool, existed: bool) -> WriteOff:
    number = entry.document.split(":")[1]
    return WriteOff(entry.document, number, invoice.account_id, invoice.currency, entry.amount_micros, entry.reason, waits, existed)


def _store(home: Home, connection: sa.Connection, about: tuple[str, _Invoice, dt.date], entry: _Entry, who: Who) -> str:
    number, invoice, on = about
    seq = home.next_commit_seq(connection, "ledger", who.now_us)
    row = tables.journal_entries
    count = connection.execute(sa.select(sa.func.count()).where(row.c.document.startswith(f"write_off:{number}:"))).scalar_one()
    document = f"write_off:{number}:{count + 1}"
    kept = msgspec.structs.replace(entry, document=document)
    connection.execute(
        row.insert().values(
            document=document,
            kind=entry.kind,
            entity=invoice.entity,
            month=on.isoformat()[:7],
            detail=msgspec.json.encode(kept).decode(),
            by_name=who.by_name,
            by_uid=who.by_uid,
            at_us=who.now_us,
            commit_seq=seq,
        )
    )
    if entry.kind != ASKED:
        sign = 1 if entry.kind == WRITTEN_OFF else -1
        posted = ledger.posting(
            document,
            0,
            entry.kind,
            debit=ACCOUNT,
            credit=ledger.receivable(invoice.account_id),
            currency=invoice.currency,
            signed_micros=sign * entry.amount_micros,
            posted_on=on.isoformat(),
            entity=invoice.entity,
        )
        assert posted is not None
        ledger.post(connection, [posted], seq)
        credit_id = document if entry.kind == WRITTEN_OFF else entry.document
        values = {"invoice_key": invoice.invoice_key, "amount_micros": sign * entry.amount_micros, "commit_seq": seq}
        connection.execute(tables.settlements.insert().values(credit_kind="write_off", credit_id=credit_id, **values))
        if entry.kind == UNDONE:
            allocate_credit(connection, [invoice.account_key], seq)
    return document


def _newest(connection: sa.Connection, number: str) -> _Entry | None:
    row = tables.journal_entries.c
    query = sa.select(row.detail).where(row.document.startswith(f"write_off:{number}:")).order_by(row.commit_seq.desc())
    detail = connection.execute(query).scalars().first()
    return None if detail is None else msgspec.json.decode(detail, type=_Entry)


def _invoice(connection: sa.Connection, number: str) -> _Invoice:
    invoice, account = tables.invoices.c, tables.accounts.c
    columns = (invoice.invoice_key, invoice.account_key, account.account_id, invoice.currency, invoice.legal_entity, open_micros())
    row = connection.execute(sa.select(*columns).join_from(tables.invoices, tables.accounts).where(invoice.number == number)).first()
    if row is None:
        raise NotFoundError(f"no invoice has the number {number}", "`ratewright invoice list` shows all numbers")
    return _Invoice(row[0], row[1], row[2], row[3], row[4] or "", int(row[5]))
