"""Money that goes back: refunds, payments that bounce, chargebacks and those that were won.

All take from a payment what settles nothing first, then what settled the newest invoice: such invoices are open again with their own due
dates, and dunning sees them at once. A refund takes only what is left, unless it may open invoices again (`reopens`). Never more goes back
than came. A document with a negative total can be paid out as far as it is not set off.
"""

from __future__ import annotations

import collections
import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing import give_back_limit, ledger
from billing.allocations import allocate_credit, open_items
from billing.allocations.settling import Arrival, arrive, documents_arrive, take_from, waiting_credit
from billing.allocations.spread import DOCUMENT, PAYMENT, WRITE_OFF
from billing.payments import postings
from billing.payments.writing import (
    Account,
    Act,
    Writing,
    account_by_key,
    act_of,
    first_day,
    require_id,
    require_minor_units,
    require_not_before,
    require_positive,
    require_same,
    require_sensible,
    writing,
)
from billing.store import approvals, requests, tables
from billing.store.pages import in_pages
from rating import identifiers
from rating.errors import NotFoundError, UserError
from rating.money import format_micros

if TYPE_CHECKING:
    from billing.store.approvals import Agreement, Approval
    from billing.store.home import Home

REFUND, REVERSAL, CHARGEBACK, WON = "refund", "reversal", "chargeback", postings.WON
_REMEDY: Final = "give something new its own id; what is recorded never changes"


class Back(NamedTuple):
    """Request to give money back, from a payment or the credit document `number`. `amount_micros` None: all there is."""

    reference: str
    kind: str
    on_date: dt.date
    payment_id: str | None = None
    number: str | None = None
    amount_micros: int | None = None
    fee_micros: int = 0
    payee: str = ""
    reason: str = ""
    reopens: bool = True  # a refund: may take what invoices were settled with


class GivenBack(NamedTuple):
    """The result. `reopened`: number of the invoice and what of it the credit settles no more.

    `resettled`: what of that other credit of the account settled at once. `account_credit_before_micros` and `account_credit_micros`:
    credit of the account that is not used up.
    """

    reference: str
    kind: str
    account_id: str
    currency: str
    amount_micros: int
    fee_micros: int
    reopened: list[tuple[str, int]]
    credit_micros: int  # what is left of the payment or document
    existed: bool = False
    needs_second: bool = False  # another person has to agree, to `proposal` where it is stored; nothing went back yet
    proposal: int = 0
    resettled: tuple[tuple[str, int], ...] = ()
    account_credit_before_micros: int = 0
    account_credit_micros: int = 0


class EventRow(NamedTuple):
    """One event as lists show it."""

    reference: str
    kind: str
    account_id: str
    of: str
    currency: str
    amount_micros: int
    fee_micros: int
    on_date: str
    payee: str
    reason: str
    by_name: str
    agreed_by: str  # the second person, empty where there was none


class _Source(NamedTuple):
    """The payment or document that money is taken from."""

    credit: tuple[str, str]
    account: Account
    money: str  # ledger account
    left_micros: int
    moves: list[tuple[str, int]]  # what came and what went back (below zero), by date
    charged: list[tuple[str, int]]  # what was charged back and what was won (below zero), by date

    @property
    def had_micros(self) -> int:
        """Amount that came less what went back."""
        return sum(micros for _, micros in self.moves)


def give_back(home: Home, back: Back, act: Act, agreement: Agreement | None = None) -> GivenBack:
    """Let money go back (or, for `chargeback_won`, come again). The same reference with the same data changes nothing.

    Above the limit of one person (`billing.give_back_limit`) it is stored as a proposal, and done with the `agreement` of another one.
    Raises UserError for an unknown payment or document, more than there is, and the same reference with other data, naming the field.
    Raises it too for a date before the money came (or was charged back, for what is won).
    """
    require_id(back.reference, back.kind)
    with writing(home, act) as work:
        done = _give_back(work, back, agreement)
        requests.tell(work.connection, done)
        return done


def reverse_by_bank(work: Writing, back: Back) -> int:
    """Reverse a payment that a bank has booked back, in the transaction of the caller, who spreads the credit of the account behind it.

    Returns the key of the account. No second person is asked, and no limit of one person counts it: the money has gone.
    """
    source = _source(work, back)
    amount = _amount(work, back, source)
    _require_date(back, source, amount)
    documents_arrive(work.connection, {source.account.account_key}, work.seq)
    _move(work, back, source, amount)
    return source.account.account_key


def give_back_agreed(home: Home, agreement: Agreement) -> GivenBack:
    """Let the money go back that another person asked for, looked at anew. Raises UserError as `give_back` does."""
    told = msgspec.json.decode(agreement.approval.payload)
    back = msgspec.convert([told[name] for name in Back._fields], Back)
    return give_back(home, back, act_of(agreement), agreement)


def list_events(home: Home, account_id: str | None = None, *, after: str = "", limit: int | None = None) -> list[EventRow]:
    """All that went back, in the order in which it was recorded, beginning after the event `after`."""
    event, payment, invoice, account = tables.payment_events.c, tables.payments.c, tables.invoices.c, tables.accounts.c
    account_key = sa.func.coalesce(payment.account_key, invoice.account_key)
    of = sa.func.coalesce(event.payment_id, event.credit_number)
    query = (
        sa.select(
            event.reference, event.kind, account.account_id, of, account.currency, event.amount_micros, event.fee_micros, event.on_date,
            sa.func.coalesce(event.payee, ""), event.reason, event.by_name, event.commit_seq,
        )
        .select_from(tables.payment_events)
        .outerjoin(tables.payments, payment.payment_id == event.payment_id)
        .outerjoin(tables.invoices, invoice.number == event.credit_number)
        .join(tables.accounts, account.account_key == account_key)
    )  # fmt: skip
    if account_id is not None:
        query = query.where(account.account_id == account_id)
    query = in_pages(query, (event.event_id,), event.reference, after, limit)
    with home.connect() as connection:
        second = approvals.agreed_by(connection)
        return [EventRow._make((*row[:-1], second.get(row.commit_seq, ""))) for row in connection.execute(query)]


def _give_back(work: Writing, back: Back, agreement: Agreement | None) -> GivenBack:
    """Do it, or propose it, within a transaction."""
    source = _source(work, back)
    stored = _stored(work.connection, back.reference)
    if stored is not None:
        _require_same(back, stored)
        if agreement is not None:
            approvals.require_may_agree(approvals.find(work.connection, agreement.approval.approval_id), agreement.who)
        return _answer(work.connection, back, source, (stored.amount_micros, []), existed=True)
    identifiers.require_new(back.reference, back.kind)
    require_sensible(back.on_date, f"{back.kind} {back.reference}")
    if source.credit[0] == DOCUMENT:
        _require_nothing_written_off(work.connection, source.account)
    amount = _amount(work, back, source)
    _require_date(back, source, amount)
    waits = _ask(work, back, source, amount, agreement)
    if waits is not None and not work.act.dry_run:
        answer = _answer(work.connection, back, source, (amount, []), existed=False)
        return answer._replace(needs_second=True, proposal=waits.approval_id)
    documents_arrive(work.connection, {source.account.account_key}, work.seq)
    account_key = source.account.account_key
    before, had = _open_of(work.connection, account_key), _credit_of(work.connection, account_key)
    reopened = _move(work, back, source, amount)
    allocate_credit(work.connection, [source.account.account_key], work.seq)
    if agreement is not None:
        approvals.agree(work.connection, agreement, work.seq)
    answer = _answer(work.connection, back, source, (amount, reopened), existed=False)
    after, has = _open_of(work.connection, account_key), _credit_of(work.connection, account_key)
    taken = [(number, min(micros - after[number] + before[number], micros)) for number, micros in reopened]
    resettled = tuple((number, micros) for number, micros in taken if micros > 0)
    return answer._replace(needs_second=waits is not None, resettled=resettled, account_credit_before_micros=had, account_credit_micros=has)


def _ask(work: Writing, back: Back, source: _Source, amount_micros: int, agreement: Agreement | None) -> Approval | None:
    """Proposal that waits for another person to agree. None: no agreement is needed, or it is given now.

    Money that comes again needs no agreement.
    """
    if back.kind == WON:
        return None
    account = source.account
    reason = f"{_name(source)}: {back.reason}".removesuffix(": ")
    money = (amount_micros + back.fee_micros, account.currency, account.account_key)
    wanted = approvals.ProposalContent(back.kind, back.reference, back._asdict(), reason, *money)
    return give_back_limit.ask(work.connection, wanted, work.who, agreement, lambda: work.seq)


def _move(work: Writing, back: Back, source: _Source, amount_micros: int) -> list[tuple[str, int]]:
    """Store the event and its postings, and take the money from its credit or add it again. Returns what is open again."""
    kind, identity = source.credit
    values = {
        "reference": back.reference,
        "payment_id": identity if kind == PAYMENT else None,
        "credit_number": identity if kind == DOCUMENT else None,
        "payee": back.payee,
        "kind": back.kind,
        "amount_micros": amount_micros,
        "fee_micros": back.fee_micros,
        "on_date": back.on_date.isoformat(),
        "reason": back.reason,
        "at_us": work.act.now_us,
    }
    account_key, is_won = source.account.account_key, back.kind == WON
    reopened = {} if is_won else take_from(work.connection, account_key, source.credit, amount_micros, work.seq)
    work.connection.execute(tables.payment_events.insert().values(**values, **work.signed))
    on, money = back.on_date.isoformat(), source.money
    entries = postings.of_event(back.reference, back.kind, source.account, amount_micros, back.fee_micros, on, money)
    ledger.post(work.connection, entries, work.seq)
    if is_won:
        arrive(work.connection, [Arrival(account_key, *source.credit, amount_micros)], work.seq)
    return sorted(reopened.items())


def _amount(work: Writing, back: Back, source: _Source) -> int:
    """Amount that goes back: as requested, within what there is."""
    most, why = _most(back, source)
    what = f"{back.kind} {back.reference}"
    amount = most if back.amount_micros is None else back.amount_micros
    if back.amount_micros is not None:
        require_positive(amount, what)
        require_minor_units(work.home, amount, source.account.currency, what)
    if back.fee_micros < 0:
        raise UserError(f"{what} has a fee of {format_micros(back.fee_micros)}", "give what the bank takes, or no fee", exit_status=2)
    require_minor_units(work.home, back.fee_micros, source.account.currency, f"the fee of {what}")
    if not 0 < amount <= most:
        shown = f"{format_micros(most)} {source.account.currency}"
        asked = "there is nothing to give back" if back.amount_micros is None else f"{format_micros(amount)} cannot go back"
        raise UserError(f"{what}: {shown} of {_name(source)} {why}; {asked}", _remedy(back, source, most))
    return amount


def _require_date(back: Back, source: _Source, amount_micros: int) -> None:
    """Raises UserError where money would go back before it came, or be won before it was charged back."""
    what = f"{back.kind} {back.reference}"
    if back.kind == WON:
        charged_back = f"{format_micros(amount_micros)} {source.account.currency} were charged back"
        require_not_before(back.on_date, first_day(source.charged, amount_micros), what, charged_back)
    else:
        require_not_before(back.on_date, first_day(source.moves, amount_micros), what)


def _most(back: Back, source: _Source) -> tuple[int, str]:
    """The most that this kind can take, and what that is."""
    if back.kind == WON:
        return sum(micros for _, micros in source.charged), "are charged back and not won"
    if source.credit[0] == DOCUMENT or (back.kind == REFUND and not back.reopens):
        return source.left_micros, "are left"
    return source.had_micros, "have not gone back"


def _remedy(back: Back, source: _Source, most: int) -> str:
    if back.kind == REFUND and not back.reopens and source.credit[0] == PAYMENT and source.had_micros > most:
        first = "give at most that, or " if most else ""
        return f"{first}--reopen takes the money from the invoices that it paid, which are then open again"
    return "give at most that" if most else "look at `ratewright payment list` for what is left of each payment"


def _name(source: _Source) -> str:
    return f"{'payment' if source.credit[0] == PAYMENT else 'document'} {source.credit[1]}"


def _source(work: Writing, back: Back) -> _Source:
    """The payment or document that the money is taken from."""
    connection = work.connection
    if back.payment_id is not None:
        row = _payment(connection, back.payment_id)
        credit, money, had = (PAYMENT, back.payment_id), postings.money_account(row.channel, row.receipt), row.amount_micros
        came_on = row.received_on
    else:
        row = _document(connection, back.number or "")
        credit, money, had, came_on = (DOCUMENT, row.number), ledger.CASH, -row.total_micros, row.issued_on
    account = account_by_key(connection, row.account_key)
    events = _events(connection, credit)
    left = _left(connection, credit)
    if credit[0] == DOCUMENT and left == 0 and not events and not _is_used(connection, credit):
        left = had  # it has not become credit yet
    gone = [(on, -amount if kind == WON else amount) for kind, on, amount in events]
    charged = [moved for moved, (kind, _, _) in zip(gone, events, strict=True) if kind in {CHARGEBACK, WON}]
    return _Source(credit, account, money, left, [(came_on, had), *((on, -amount) for on, amount in gone)], charged)


def _payment(connection: sa.Connection, payment_id: str) -> Any:  # noqa: ANN401 -- a row
    row = connection.execute(sa.select(tables.payments).where(tables.payments.c.payment_id == payment_id)).first()
    if row is None:
        raise NotFoundError(f"no payment has the id {payment_id}", "`ratewright payment list` shows all of them")
    return row


def _document(connection: sa.Connection, number: str) -> Any:  # noqa: ANN401 -- a row
    invoice, event = tables.invoices.c, tables.invoice_events.c
    row = connection.execute(sa.select(tables.invoices).where(invoice.number == number)).first()
    if row is None:
        raise NotFoundError(f"no document has the number {number}", "`ratewright invoice list` shows all numbers")
    void = connection.execute(sa.select(event.event_id).where(event.invoice_key == row.invoice_key, event.kind == "voided")).first()
    if row.total_micros >= 0 or void is not None:
        raise UserError(f"document {number} {'is void' if void else 'is not a credit'}", "name a credit note or a payment")
    return row


def _require_nothing_written_off(connection: sa.Connection, account: Account) -> None:
    """Raises UserError while an invoice of the account is written off: a credit is set off against it before it is paid out."""
    part, invoice = tables.settlements.c, tables.invoices.c
    amount = sa.func.sum(part.amount_micros)
    query = sa.select(invoice.number).join_from(tables.settlements, tables.invoices).group_by(invoice.number).having(amount > 0)
    query = query.where(part.credit_kind == WRITE_OFF, invoice.account_key == account.account_key)
    number = connection.execute(query.order_by(invoice.number).limit(1)).scalar_one_or_none()
    if number is not None:
        raise UserError(
            f"invoice {number} of account {account.account_id} is written off, so a credit of the account is not paid out",
            f"take the write-off back first, and the credit settles the invoice: ratewright ledger write-off {number} --undo",
        )


def _events(connection: sa.Connection, credit: tuple[str, str]) -> list[tuple[str, str, int]]:
    """Kind, date and amount of all that went back before, or was won."""
    event = tables.payment_events.c
    column = event.payment_id if credit[0] == PAYMENT else event.credit_number
    rows = connection.execute(sa.select(event.kind, event.on_date, event.amount_micros).where(column == credit[1]))
    return [(kind, on, int(amount)) for kind, on, amount in rows]


def _open_of(connection: sa.Connection, account_key: int) -> collections.Counter[str]:
    """The open amount of each invoice of an account, its parts together."""
    found: collections.Counter[str] = collections.Counter()
    for item in open_items(connection, [account_key]):
        found[item.number] += max(item.open_micros, 0)
    return found


def _credit_of(connection: sa.Connection, account_key: int) -> int:
    """Credit of an account that is not used up."""
    return sum(each.left_micros for each in waiting_credit(connection, [account_key]))


def _left(connection: sa.Connection, credit: tuple[str, str]) -> int:
    row = tables.credits_left.c
    query = sa.select(row.left_micros).where(row.credit_kind == credit[0], row.credit_id == credit[1])
    return int(connection.execute(query).scalar_one_or_none() or 0)


def _is_used(connection: sa.Connection, credit: tuple[str, str]) -> bool:
    row = tables.settlements.c
    query = sa.select(row.settlement_id).where(row.credit_kind == credit[0], row.credit_id == credit[1]).limit(1)
    return connection.execute(query).first() is not None


def _stored(connection: sa.Connection, reference: str) -> Any:  # noqa: ANN401 -- a row or None
    return connection.execute(sa.select(tables.payment_events).where(tables.payment_events.c.reference == reference)).first()


def _require_same(back: Back, stored: Any) -> None:  # noqa: ANN401 -- a row of payment_events
    fields = [
        ("kind", stored.kind, back.kind),
        ("payment", stored.payment_id or "", back.payment_id or ""),
        ("document", stored.credit_number or "", back.number or ""),
        ("amount", stored.amount_micros, back.amount_micros),
        ("fee", stored.fee_micros, back.fee_micros),
        ("date", stored.on_date, back.on_date.isoformat()),
        ("payee", stored.payee or "", back.payee),
        ("reason", stored.reason, back.reason),
    ]
    require_same(f"event {back.reference}", fields, _REMEDY)


def _answer(connection: sa.Connection, back: Back, source: _Source, done: tuple[int, list[tuple[str, int]]], *, existed: bool) -> GivenBack:
    amount, reopened = done
    left = _left(connection, source.credit)
    account = source.account
    return GivenBack(
        reference=back.reference,
        kind=back.kind,
        account_id=account.account_id,
        currency=account.currency,
        amount_micros=amount,
        fee_micros=back.fee_micros,
        reopened=reopened,
        credit_micros=left,
        existed=existed,
    )
