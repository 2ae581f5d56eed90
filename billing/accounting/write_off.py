"""Writing off an amount that a customer will not pay: the open amount of an invoice, or part of it, against `write_off`.

Each write-off of an invoice has an id of the caller's (the first one needs none). So a repeat counts once, and other data under the same id
is an error. Of a write-off by two persons both reasons are the same data. Where money comes after all, `undo` opens the invoice again, and
the credit of the customer settles it in the same commit.
Above the limit (setting `write_off_limit_micros`) another person has to give the same command. The limit also holds for the sum of 30 days
that was written off without another person's consent, by this person or for the account. Amounts are micro-units.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing import give_back_limit, ledger
from billing.allocations import allocate_credit, open_micros
from billing.payments.writing import require_minor_units, require_same
from billing.persons import Turn, anybody, same_person
from billing.store import commit_points, tables
from rating import identifiers
from rating.errors import NotFoundError, UserError
from rating.money import format_micros

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator

    from billing.ledger.closed_months import Who
    from billing.store.home import Home

ACCOUNT: Final = "write_off"
WRITTEN_OFF: Final = "write_off"
ASKED: Final = "write_off_asked"
ASKED_FOR: Final = "asked for"  # in lists
UNDONE: Final = "write_off_reversal"
_PREFIX: Final = "write_off:"
_COINS: Final = "give no more places than that, or leave --amount out: all that is open"


class WriteOff(msgspec.Struct, frozen=True):
    """The write-off that was asked for or done.

    `waits`: another person has to agree. `existed`: it was done before, and nothing changed.
    """

    document: str
    number: str
    account_id: str
    currency: str
    amount_micros: int
    reason: str
    waits: bool
    existed: bool = False
    reference: str = ""


class Entry(msgspec.Struct, frozen=True):
    """One act on an invoice, as in `journal_entries.detail`. `on_date` is empty in entries of older versions."""

    kind: str
    amount_micros: int
    reason: str
    by_name: str
    by_uid: int
    document: str = ""
    on_date: str = ""
    reference: str = ""  # the caller's id; empty: the first one
    undoes: str = ""  # of an undoing: the document of the write-off


class Kept(NamedTuple):
    """An entry as stored: with its invoice, month and commit."""

    number: str
    month: str
    commit_seq: int
    entity: str
    entry: Entry


class Listed(NamedTuple):
    """An act of a write-off as lists show it. `what`: asked for, written off or undone."""

    number: str
    what: str
    on_date: str
    amount_micros: int
    currency: str
    reference: str
    reason: str
    by_name: str


class _Invoice(NamedTuple):
    invoice_key: int
    account_key: int
    account_id: str
    currency: str
    entity: str
    issued_on: str
    open_micros: int


def write_off(  # noqa: PLR0913 -- what, how much, why, when, who, by which limit and under which id
    home: Home,
    number: str,
    on: dt.date,
    reason: str,
    who: Who,
    *,
    amount_micros: int | None = None,
    limit_micros: int = 0,
    reference: str = "",
    dry_run: bool = False,
    allow: Callable[[Turn], None] = anybody,
) -> WriteOff:
    """Write off an invoice (all that is open, or `amount_micros` of it), or ask for it where that is above `limit_micros`.

    With `dry_run` everything is done as it would be, and then undone. Raises UserError for an unknown number, no reason, and a date before
    the invoice was issued. So it does for an amount that is more than is open or finer than the smallest coin. It refuses an id that has
    other data, and a second yes by the same person. `allow` is asked before it is asked for, or agreed to; it raises where this person may
    not do that.
    """
    reason = identifiers.reason(reason, "a write-off")
    with _transaction(home, dry_run=dry_run) as connection:
        invoice = _invoice(connection, number)
        last = _newest(connection, number, reference)
        if last is not None and last.kind == WRITTEN_OFF:
            asked = _asked_for(connection, number, last)
            is_repeated = asked is not None and asked.reason == reason  # the asker's own command: the reason of the other one is its own
            _require_same(number, last, amount_micros, on, None if is_repeated else reason)
            return _answer(last, number, invoice, waits=False, existed=True)
        if reference and last is None:
            identifiers.require_new(reference, "write-off")
        amount = _amount(home, number, invoice, amount_micros)
        _require_not_before(on, invoice.issued_on, f"invoice {number} was issued")
        agreed = last is not None and last.kind == ASKED and last.amount_micros == amount and last.on_date in {"", on.isoformat()}
        if agreed and last is not None and same_person(last.by_uid, who.by_uid):
            raise UserError(
                f"{last.by_name} has asked for the write-off of {number}, and cannot agree to it",
                "another person has to give the same command",
            )
        allow(Turn.AGREES if agreed else Turn.ASKS)
        waits = not agreed and amount + _written_off_alone(connection, invoice, who) > limit_micros
        kind = ASKED if waits else WRITTEN_OFF
        entry = Entry(kind, amount, reason, who.by_name, who.by_uid, on_date=on.isoformat(), reference=reference)
        stored = _store(home, connection, number, invoice, entry, who)
    return _answer(stored, number, invoice, waits=waits, existed=False)


def undo(  # noqa: PLR0913 -- what, when, why, who and under which id
    home: Home, number: str, on: dt.date, reason: str, who: Who, *, reference: str = "", dry_run: bool = False
) -> WriteOff:
    """Open again the amount written off of an invoice under this id. If it was undone before, the answer reports that.

    Raises UserError for no reason, where nothing was written off under it, and for a date before that of the write-off.
    """
    reason = identifiers.reason(reason, "the undoing of a write-off")
    with _transaction(home, dry_run=dry_run) as connection:
        invoice, last = _invoice(connection, number), _newest(connection, number, reference)
        standing = [each for each in _standing(connection, number) if each.reference == reference]
        if not standing and last is not None and last.kind == UNDONE:
            return _answer(last, number, invoice, waits=False, existed=True)
        if not standing:
            raise UserError(*_nothing(connection, number, reference))
        of = standing[-1]
        _require_not_before(on, of.on_date, f"that of invoice {number} was written off")
        entry = Entry(
            kind=UNDONE,
            amount_micros=of.amount_micros,
            reason=reason,
            by_name=who.by_name,
            by_uid=who.by_uid,
            document="",
            on_date=on.isoformat(),
            reference=reference,
            undoes=of.document,
        )
        stored = _store(home, connection, number, invoice, entry, who)
    return _answer(stored, number, invoice, waits=False, existed=False)


@contextlib.contextmanager
def _transaction(home: Home, *, dry_run: bool) -> Iterator[sa.Connection]:
    """As `billing.documents.trying`, at the commit points of the ledger: their names are literals where they are reached."""
    with home.begin(dry_run=dry_run) as connection:
        yield connection
        if not dry_run:
            commit_points.reached("ledger.before_commit")
    if not dry_run:
        commit_points.reached("ledger.committed")


def entries(connection: sa.Connection, number: str | None = None) -> Iterator[Kept]:
    """Every act on write-offs, or on those of one invoice, in the order in which they were stored. Undoings name what they undo."""
    row = tables.journal_entries.c
    query = sa.select(row.document, row.month, row.commit_seq, row.entity, row.detail).where(row.kind.in_((ASKED, WRITTEN_OFF, UNDONE)))
    if number is not None:
        query = query.where(row.document.startswith(f"{_PREFIX}{number}:", autoescape=True))
    open_of: dict[str, list[str]] = {}
    for document, month, seq, entity, detail in connection.execute(query.order_by(row.commit_seq)):
        entry = msgspec.structs.replace(msgspec.json.decode(detail, type=Entry), document=document)
        about = document.removeprefix(_PREFIX).rpartition(":")[0]
        if entry.kind == WRITTEN_OFF:
            open_of.setdefault(about, []).append(document)
        elif entry.kind == UNDONE:
            own = open_of.get(about, [])
            of = entry.undoes or (own[-1] if own else "")  # older versions undid the newest, and did not name it
            if of in own:
                own.remove(of)
            entry = msgspec.structs.replace(entry, undoes=of)
        yield Kept(about, month, seq, entity, entry)


def _written_off_alone(connection: sa.Connection, of: _Invoice, who: Who) -> int:
    """The larger of two sums of the last 30 days in an invoice's currency: written off by this person alone, and in all for its account.

    Amounts that were undone, or that another person agreed to, are not in them.
    """
    commit, invoice = tables.commits.c, tables.invoices.c
    recent = connection.execute(sa.select(commit.commit_seq).where(commit.at_us > give_back_limit.since_us(who))).scalars()
    newest = set(recent)
    asked: dict[tuple[str, str], int | None] = {}
    alone: dict[str, Kept] = {}
    for kept in entries(connection) if newest else ():
        entry, about = kept.entry, (kept.number, kept.entry.reference)
        if entry.kind == UNDONE:
            alone.pop(entry.undoes, None)
        elif entry.kind == WRITTEN_OFF and asked.get(about) != entry.amount_micros and kept.commit_seq in newest:
            alone[entry.document] = kept
        asked[about] = entry.amount_micros if entry.kind == ASKED else None
    if not alone:
        return 0
    query = sa.select(invoice.number, invoice.account_key).where(invoice.currency == of.currency)
    known = dict(connection.execute(query.where(invoice.number.in_({kept.number for kept in alone.values()}))).all())
    counted = [kept for kept in alone.values() if kept.number in known]
    of_person = sum(kept.entry.amount_micros for kept in counted if same_person(kept.entry.by_uid, who.by_uid))
    return max(of_person, sum(kept.entry.amount_micros for kept in counted if known[kept.number] == of.account_key))


def list_all(home: Home, number: str | None = None) -> list[Listed]:
    """Every act on write-offs, or on those of one invoice, in the order in which they were stored."""
    words = {ASKED: ASKED_FOR, WRITTEN_OFF: "written off", UNDONE: "undone"}
    invoice = tables.invoices.c
    with home.connect() as connection:
        if number is not None:
            _invoice(connection, number)
        found = list(entries(connection, number))
        currency = {
            each: connection.execute(sa.select(invoice.currency).where(invoice.number == each)).scalar_one()
            for each in {kept.number for kept in found}
        }
    told = ((kept.number, kept.entry) for kept in found)
    return [
        Listed(of, words[each.kind], each.on_date, each.amount_micros, currency[of], each.reference, each.reason, each.by_name)
        for of, each in told
    ]


def stored_by(home: Home, commit_seq: int) -> WriteOff:
    """The answer of the act that a commit stored."""
    with home.connect() as connection:
        kept = next(each for each in entries(connection) if each.commit_seq == commit_seq)
        return _answer(kept.entry, kept.number, _invoice(connection, kept.number), waits=kept.entry.kind == ASKED, existed=False)


def posting_of(entry: Entry, account_id: str, currency: str, entity: str) -> ledger.Posting:
    """The posting for an entry that wrote off or undid."""
    made = ledger.posting(
        entry.document,
        0,
        entry.kind,
        debit=ACCOUNT,
        credit=ledger.receivable(account_id),
        currency=currency,
        signed_micros=entry.amount_micros if entry.kind == WRITTEN_OFF else -entry.amount_micros,
        posted_on=entry.on_date,
        entity=entity,
    )
    assert made is not None, entry
    return made


def _amount(home: Home, number: str, invoice: _Invoice, asked_micros: int | None) -> int:
    amount = invoice.open_micros if asked_micros is None else asked_micros
    if not 0 < amount <= invoice.open_micros:
        shown = f"{format_micros(invoice.open_micros)} {invoice.currency}"
        remedy = "give a part of what is open" if invoice.open_micros > 0 else f"`ratewright invoice show {number}` shows what settled it"
        raise UserError(f"invoice {number} has {shown} open; {format_micros(amount)} cannot be written off", remedy)
    if asked_micros is not None:
        require_minor_units(home, amount, invoice.currency, f"the write-off of {number}", _COINS)
    return amount


def _require_not_before(on: dt.date, earliest: str, what: str) -> None:
    if on.isoformat() < earliest:
        raise UserError(f"{what} on {earliest}: the entry cannot be dated {on}", "give that date or a later one", exit_status=2)


def _require_same(number: str, last: Entry, amount_micros: int | None, on: dt.date, reason: str | None) -> None:
    fields = [
        ("amount", last.amount_micros, amount_micros),
        ("date", last.on_date, on.isoformat() if last.on_date else None),
        ("reason", last.reason, reason),
    ]
    what = f"write-off {last.reference} of {number}" if last.reference else f"the write-off of {number}"
    require_same(what, fields, "give a further write-off of the invoice its own --id")


def _nothing(connection: sa.Connection, number: str, reference: str) -> tuple[str, str]:
    """The message where there is nothing to undo, and the remedy."""
    under = f" under the id {reference}" if reference else ""
    others = sorted({each.reference for each in _standing(connection, number)})
    named = ", ".join(f"--id {each}" if each else "no --id" for each in others)
    remedy = f"what is still written off was written off with {named}" if others else "`ratewright invoice show` shows what is open of it"
    return f"nothing was written off of invoice {number}{under}", remedy


def _answer(entry: Entry, number: str, invoice: _Invoice, *, waits: bool, existed: bool) -> WriteOff:
    told = (entry.document, number, invoice.account_id, invoice.currency, entry.amount_micros, entry.reason)
    return WriteOff(*told, waits, existed, entry.reference)


def _store(home: Home, connection: sa.Connection, number: str, invoice: _Invoice, entry: Entry, who: Who) -> Entry:  # noqa: PLR0913, PLR0917 -- what, of what, and by whom
    seq = home.next_commit_seq(connection, "ledger", who.now_us)
    document = f"{_PREFIX}{number}:{sum(1 for _ in entries(connection, number)) + 1}"
    kept = msgspec.structs.replace(entry, document=document)
    values = {"kind": entry.kind, "entity": invoice.entity, "month": entry.on_date[:7], "detail": msgspec.json.encode(kept).decode()}
    by = {"by_name": who.by_name, "by_uid": who.by_uid, "at_us": who.now_us, "commit_seq": seq}
    connection.execute(tables.journal_entries.insert().values(document=document, **values, **by))
    if entry.kind != ASKED:
        ledger.post(connection, [posting_of(kept, invoice.account_id, invoice.currency, invoice.entity)], seq)
        settled = settlement_of(kept)
        amounts = {"invoice_key": invoice.invoice_key, "amount_micros": settled[1], "commit_seq": seq}
        connection.execute(tables.settlements.insert().values(credit_kind="write_off", credit_id=settled[0], **amounts))
        if entry.kind == UNDONE:
            allocate_credit(connection, [invoice.account_key], seq)
    return kept


def settlement_of(entry: Entry) -> tuple[str, int]:
    """The credit id and the amount of the settlement of an entry that wrote off or undid."""
    return (entry.document, entry.amount_micros) if entry.kind == WRITTEN_OFF else (entry.undoes, -entry.amount_micros)


def _newest(connection: sa.Connection, number: str, reference: str) -> Entry | None:
    """The newest act under an id."""
    return next((each.entry for each in reversed(list(entries(connection, number))) if each.entry.reference == reference), None)


def _asked_for(connection: sa.Connection, number: str, done: Entry) -> Entry | None:
    """The asking that a write-off agreed to; None where one person wrote it off alone."""
    own = [each.entry for each in entries(connection, number) if each.entry.reference == done.reference]
    place = next(place for place, each in enumerate(own) if each.document == done.document)
    before = own[place - 1] if place else None
    if before is None or before.kind != ASKED or before.amount_micros != done.amount_micros:
        return None
    return before if before.on_date in {"", done.on_date} else None


def _standing(connection: sa.Connection, number: str) -> list[Entry]:
    """Entries that wrote off amounts of an invoice and are not undone, oldest first."""
    found = [each.entry for each in entries(connection, number)]
    undone = {each.undoes for each in found if each.kind == UNDONE}
    return [each for each in found if each.kind == WRITTEN_OFF and each.document not in undone]


def _invoice(connection: sa.Connection, number: str) -> _Invoice:
    invoice, account = tables.invoices.c, tables.accounts.c
    columns = (invoice.invoice_key, invoice.account_key, account.account_id, invoice.currency, invoice.legal_entity, invoice.issued_on)
    query = (
        sa.select(*columns, open_micros().label("open_micros")).join_from(tables.invoices, tables.accounts).where(invoice.number == number)
    )
    row = connection.execute(query).first()
    if row is None:
        raise NotFoundError(f"no invoice has the number {number}", "`ratewright invoice list` shows all numbers")
    return _Invoice(
        invoice_key=row.invoice_key,
        account_key=row.account_key,
        account_id=row.account_id,
        currency=row.currency,
        entity=row.legal_entity or "",
        issued_on=row.issued_on,
        open_micros=int(row.open_micros),
    )
