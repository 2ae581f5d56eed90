"""Deposits: money that is held apart, and settles nothing until it is released to pay what is open, or goes back.

A release pays open invoices and never more than is open, from its date on; what is left of the deposit stays held. Amounts are micro-units.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing import give_back_limit, ledger
from billing.allocations import allocate_credit, open_items
from billing.allocations.settling import Arrival, arrive, settled_by
from billing.allocations.spread import DEPOSIT
from billing.payments import postings
from billing.payments.statement import owed_by_date
from billing.payments.writing import (
    Account,
    Act,
    Writing,
    account_by_key,
    account_of,
    act_of,
    first_day,
    latest_day,
    require_currency,
    require_id,
    require_minor_units,
    require_not_before,
    require_positive,
    require_same,
    require_sensible,
    writing,
)
from billing.store import approvals, tables
from billing.store.pages import in_pages
from rating import identifiers
from rating.errors import NotFoundError, UserError
from rating.money import format_micros

if TYPE_CHECKING:
    from billing.store.approvals import Agreement, Approval
    from billing.store.home import Home

_WORDS: Final = {postings.APPLIED: "release", postings.REFUNDED: "refund"}
_REMEDY: Final = "give something new its own id; what is recorded never changes"


class Deposit(NamedTuple):
    """A deposit as given."""

    deposit_id: str
    account_id: str
    amount_micros: int
    received_on: dt.date
    reference: str = ""
    currency: str | None = None


class Movement(NamedTuple):
    """A release to pay (`applied`) or a refund of a deposit (`refunded`). `amount_micros` None: all that is possible."""

    reference: str
    deposit_id: str
    kind: str
    on_date: dt.date
    amount_micros: int | None = None
    reason: str = ""


class Held(NamedTuple):
    """State of a deposit. `allocated`: invoices that this act let it settle."""

    deposit_id: str
    account_id: str
    currency: str
    amount_micros: int
    received_on: str
    released_micros: int
    refunded_micros: int
    held_micros: int
    existed: bool = False
    allocated: tuple[tuple[str, int], ...] = ()
    needs_second: bool = False  # another person has to agree, to `proposal` where it is stored; nothing went back yet
    proposal: int = 0
    by_name: str = ""  # who took it
    moved_by: str = ""  # who released or refunded of it, each once


def take(home: Home, deposit: Deposit, act: Act) -> Held:
    """Take a deposit. The same id with the same data changes nothing.

    Raises UserError as a payment does: amount, minor units, account, currency, the same id with other data.
    """
    what = f"deposit {deposit.deposit_id}"
    require_id(deposit.deposit_id, "deposit")
    require_positive(deposit.amount_micros, what)
    with writing(home, act) as work:
        account = account_of(work.connection, deposit.account_id)
        require_currency(deposit.currency, account, what)
        row = _row(work.connection, deposit.deposit_id)
        if row is not None:
            owner = account_by_key(work.connection, row.account_key)
            fields = [
                ("account_id", owner.account_id, deposit.account_id),
                ("amount", row.amount_micros, deposit.amount_micros),
                ("received_on", row.received_on, deposit.received_on.isoformat()),
                ("reference", row.reference, deposit.reference),
            ]
            require_same(what, fields, _REMEDY)
            return _held(work.connection, deposit.deposit_id)._replace(existed=True)
        identifiers.require_new(deposit.deposit_id, "deposit")
        require_sensible(deposit.received_on, what)
        require_minor_units(work.home, deposit.amount_micros, account.currency, what)
        received_on = deposit.received_on.isoformat()
        values = {"amount_micros": deposit.amount_micros, "received_on": received_on, "reference": deposit.reference, **work.signed}
        insert = tables.deposits.insert().values(
            deposit_id=deposit.deposit_id, account_key=account.account_key, currency=account.currency, **values
        )
        work.connection.execute(insert)
        ledger.post(work.connection, [postings.of_deposit(deposit.deposit_id, account, deposit.amount_micros, received_on)], work.seq)
        return _held(work.connection, deposit.deposit_id)


def move(home: Home, movement: Movement, act: Act, agreement: Agreement | None = None) -> Held:
    """Release a deposit to pay open invoices, or give it back. The same reference with the same data changes nothing.

    A refund above the limit of one person (`billing.give_back_limit`) is stored as a proposal, and done with the `agreement` of another.
    Raises UserError for an unknown deposit, more than is held, and the same reference with other data. Raises it too for a release of more
    than is open, or dated before that much was open.
    """
    require_id(movement.reference, _WORDS[movement.kind])
    with writing(home, act) as work:
        row = _row(work.connection, movement.deposit_id)
        if row is None:
            raise NotFoundError(f"no deposit has the id {movement.deposit_id}", "`ratewright payment deposit list` shows all of them")
        if _exists(work.connection, movement):
            return _held(work.connection, movement.deposit_id)._replace(existed=True)
        identifiers.require_new(movement.reference, _WORDS[movement.kind])
        require_not_before(movement.on_date, row.received_on, f"{_WORDS[movement.kind]} {movement.reference}")
        account = account_by_key(work.connection, row.account_key)
        before = {item.number: item.open_micros for item in settled_by(work.connection, DEPOSIT, movement.deposit_id)}
        amount = _amount(work, movement, account)
        if movement.kind == postings.APPLIED:
            opened_on = first_day(owed_by_date(work.connection, account), amount)
            sum_open = f"{format_micros(amount)} {account.currency}"
            if movement.on_date.isoformat() < opened_on > latest_day(act.now_us).isoformat():
                what = f"{sum_open} are open from {opened_on} on, which has not begun yet"
                raise UserError(what, f"release it on {opened_on}", exit_status=2)
            require_not_before(movement.on_date, opened_on, f"release {movement.reference}", f"{sum_open} were open")
        waits = _ask(work, movement, account, amount, agreement)
        if waits is not None and not act.dry_run:
            return _held(work.connection, movement.deposit_id)._replace(needs_second=True, proposal=waits.approval_id)
        _store(work, movement, account, amount)
        if agreement is not None:
            approvals.agree(work.connection, agreement, work.seq)
        settled = settled_by(work.connection, DEPOSIT, movement.deposit_id)
        new = [(item.number, item.open_micros - before.get(item.number, 0)) for item in settled]
        held = _held(work.connection, movement.deposit_id)
        return held._replace(allocated=tuple(each for each in new if each[1]), needs_second=waits is not None)


def move_agreed(home: Home, agreement: Agreement) -> Held:
    """Give the deposit back that another person asked for, looked at anew. Raises UserError as `move` does."""
    told = msgspec.json.decode(agreement.approval.payload)
    movement = msgspec.convert([told[name] for name in Movement._fields], Movement)
    return move(home, movement, act_of(agreement), agreement)


def list_deposits(home: Home, account_id: str | None = None, *, after: str = "", limit: int | None = None) -> list[Held]:
    """Deposits in the order in which they were taken, beginning after the deposit `after`."""
    deposit, event = tables.deposits.c, tables.deposit_events.c
    query = in_pages(_query(), (deposit.commit_seq, deposit.deposit_id), deposit.deposit_id, after, limit)
    moved = sa.select(event.deposit_id, event.by_name)
    with home.connect() as connection:
        if account_id is not None:
            query = query.where(tables.accounts.c.account_id == account_id)
        rows = connection.execute(query).all()
        if limit is not None:
            moved = moved.where(event.deposit_id.in_([row.deposit_id for row in rows]))
        movers: dict[str, set[str]] = {}
        for deposit_id, name in connection.execute(moved):
            movers.setdefault(deposit_id, set()).add(name)
    return [_of(row)._replace(moved_by=", ".join(sorted(movers.get(row.deposit_id, ())))) for row in rows]


def _ask(work: Writing, movement: Movement, account: Account, amount_micros: int, agreement: Agreement | None) -> Approval | None:
    """Proposal that waits for another person to agree. None: no agreement is needed, or it is given now. A release gives nothing back."""
    if movement.kind != postings.REFUNDED:
        return None
    money = (amount_micros, account.currency, account.account_key)
    reason = f"deposit {movement.deposit_id}: {movement.reason}".removesuffix(": ")
    wanted = approvals.ProposalContent(give_back_limit.DEPOSIT_REFUND, movement.reference, movement._asdict(), reason, *money)
    return give_back_limit.ask(work.connection, wanted, work.who, agreement, lambda: work.seq)


def _store(work: Writing, movement: Movement, account: Account, amount_micros: int) -> None:
    values = {"amount_micros": amount_micros, "on_date": movement.on_date.isoformat(), "reason": movement.reason, **work.signed}
    insert = tables.deposit_events.insert().values(
        reference=movement.reference, deposit_id=movement.deposit_id, kind=movement.kind, **values
    )
    work.connection.execute(insert)
    entry = postings.of_deposit_event(movement.reference, movement.kind, account, amount_micros, movement.on_date.isoformat())
    ledger.post(work.connection, [entry], work.seq)
    if movement.kind == postings.APPLIED:
        arrive(work.connection, [Arrival(account.account_key, DEPOSIT, movement.deposit_id, amount_micros)], work.seq)
        allocate_credit(work.connection, [account.account_key], work.seq)


def _amount(work: Writing, movement: Movement, account: Account) -> int:
    """Amount that is moved, within what is held and, for a release, what is open."""
    held = _held(work.connection, movement.deposit_id).held_micros
    most, why = held, "held are"
    if movement.kind == postings.APPLIED:
        owed = sum(item.open_micros for item in open_items(work.connection, [account.account_key]) if item.open_micros > 0)
        if owed < held:
            most, why = owed, f"the invoices of account {account.account_id} that are open hold"
    what = f"{_WORDS[movement.kind]} {movement.reference} of deposit {movement.deposit_id}"
    amount = most if movement.amount_micros is None else movement.amount_micros
    if movement.amount_micros is not None:
        require_positive(amount, what)
        require_minor_units(work.home, amount, account.currency, what)
    if not 0 < amount <= most:
        asked = "nothing can be moved" if movement.amount_micros is None else f"{format_micros(amount)} cannot be moved"
        raise UserError(f"{what}: {why} {format_micros(most)} {account.currency}; {asked}", "give at most that")
    return amount


def _exists(connection: sa.Connection, movement: Movement) -> bool:
    """Return whether the movement was made before. Raises UserError when it was made with other data."""
    event = tables.deposit_events
    stored = connection.execute(sa.select(event).where(event.c.reference == movement.reference)).first()
    if stored is None:
        return False
    fields = [
        ("deposit", stored.deposit_id, movement.deposit_id),
        ("kind", stored.kind, movement.kind),
        ("amount", stored.amount_micros, movement.amount_micros),
        ("date", stored.on_date, movement.on_date.isoformat()),
        ("reason", stored.reason, movement.reason),
    ]
    require_same(f"movement {movement.reference}", fields, _REMEDY)
    return True


def _query() -> sa.Select[Any]:
    deposit, account, event = tables.deposits.c, tables.accounts.c, tables.deposit_events.c

    def sum_of(kind: str) -> sa.ColumnElement[int]:
        amounts = sa.select(sa.func.coalesce(sa.func.sum(event.amount_micros), 0))
        return sa.cast(amounts.where(event.deposit_id == deposit.deposit_id, event.kind == kind).scalar_subquery(), tables.INT64)

    columns = (deposit.deposit_id, account.account_id, deposit.currency, deposit.amount_micros, deposit.received_on)
    query = sa.select(*columns, sum_of(postings.APPLIED).label("released"), sum_of(postings.REFUNDED).label("refunded"))
    query = query.add_columns(deposit.by_name)
    return query.join_from(tables.deposits, tables.accounts)


def _held(connection: sa.Connection, deposit_id: str) -> Held:
    return _of(connection.execute(_query().where(tables.deposits.c.deposit_id == deposit_id)).one())


def held_as_of(connection: sa.Connection, deposit_id: str, commit_seq: int) -> Held:
    """A deposit as it was after a commit."""
    row, event = _held(connection, deposit_id), tables.deposit_events.c
    moved = {postings.APPLIED: 0, postings.REFUNDED: 0}
    query = sa.select(event.kind, event.amount_micros).where(event.deposit_id == deposit_id, event.commit_seq <= commit_seq)
    for kind, micros in connection.execute(query):
        moved[kind] += micros
    released, refunded = moved[postings.APPLIED], moved[postings.REFUNDED]
    return row._replace(released_micros=released, refunded_micros=refunded, held_micros=row.amount_micros - released - refunded)


def _of(row: Any) -> Held:  # noqa: ANN401 -- a row of `_query`
    held = row.amount_micros - row.released - row.refunded
    return Held._make((*row[:7], held, False, (), False, 0, row.by_name, ""))


def _row(connection: sa.Connection, deposit_id: str) -> Any:  # noqa: ANN401 -- a row or None
    return connection.execute(sa.select(tables.deposits).where(tables.deposits.c.deposit_id == deposit_id)).first()
