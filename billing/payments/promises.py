"""Promises to pay: an amount until a date. Whether one is kept or broken is worked out from payments, never stored.

Kept: payments received from the day on which it was made to the day that was promised, less what went back of them, reach the amount.
Broken: the day has passed and they do not. Until then it is open. As of a date counts what came and went back by the end of it. Dates are
local to the account.
"""

from __future__ import annotations

import collections
import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing.payments import postings
from billing.payments.writing import (
    Act,
    account_by_key,
    account_of,
    require_id,
    require_minor_units,
    require_positive,
    require_same,
    require_sensible,
    writing,
)
from billing.store import tables
from billing.store.pages import in_pages
from billing.store.sums import halves, whole
from rating import identifiers
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Collection

    from billing.store.home import Home

OPEN, KEPT, BROKEN = "open", "kept", "broken"
_AMOUNT: Final = "give the amount that was promised"
_REMEDY: Final = "give a new promise its own id; a recorded promise never changes"


class Promise(NamedTuple):
    """A promise as it was made."""

    promise_id: str
    account_id: str
    amount_micros: int
    made_on: dt.date
    due_on: dt.date
    note: str = ""


class Promised(NamedTuple):
    """A promise and its state on a date."""

    promise_id: str
    account_id: str
    currency: str
    amount_micros: int
    made_on: str
    due_on: str
    note: str
    paid_micros: int
    state: str
    existed: bool = False
    by_name: str = ""


def state(amount_micros: int, paid_micros: int, due_on: str, as_of: str) -> str:
    """State of a promise on a date (ISO). Pure; the day promised is still in time."""
    if paid_micros >= amount_micros:
        return KEPT
    return BROKEN if as_of > due_on else OPEN


def promise(home: Home, given: Promise, act: Act) -> Promised:
    """Record a promise. The same id with the same data changes nothing.

    Raises UserError for an amount not above zero, a day promised before it is made, an unknown account, the same id with other data.
    """
    what = f"promise {given.promise_id}"
    require_id(given.promise_id, "promise")
    require_positive(given.amount_micros, what, _AMOUNT)
    if given.due_on < given.made_on:
        raise UserError(f"{what} is for {given.due_on}, before it is made on {given.made_on}", "give the day promised", exit_status=2)
    with writing(home, act) as work:
        account = account_of(work.connection, given.account_id)
        require_minor_units(work.home, given.amount_micros, account.currency, what, _AMOUNT)
        row = work.connection.execute(sa.select(tables.promises).where(tables.promises.c.promise_id == given.promise_id)).first()
        if row is not None:
            fields = [
                ("account_id", account_by_key(work.connection, row.account_key).account_id, given.account_id),
                ("amount", row.amount_micros, given.amount_micros),
                ("made_on", row.made_on, given.made_on.isoformat()),
                ("due_on", row.due_on, given.due_on.isoformat()),
                ("note", row.note, given.note),
            ]
            require_same(what, fields, _REMEDY)
        else:
            identifiers.require_new(given.promise_id, "promise")
            require_sensible(given.made_on, what)
            values = {
                "promise_id": given.promise_id,
                "account_key": account.account_key,
                "amount_micros": given.amount_micros,
                "made_on": given.made_on.isoformat(),
                "due_on": given.due_on.isoformat(),
                "note": given.note,
            }
            work.connection.execute(tables.promises.insert().values(**values, **work.signed))
        (found,) = _read(work.connection, given.made_on.isoformat(), tables.promises.c.promise_id == given.promise_id)
        return found._replace(existed=row is not None)


def list_promises(
    home: Home, as_of: dt.date, account_id: str | None = None, *, after: str = "", limit: int | None = None
) -> list[Promised]:
    """Promises in the order of the days promised, with their states on a date, beginning after the promise `after`."""
    with home.connect() as connection:
        condition = sa.true() if account_id is None else tables.accounts.c.account_id == account_id
        return _read(connection, as_of.isoformat(), condition, after, limit)


def read(connection: sa.Connection, promise_ids: sa.Select[Any]) -> Promised:
    """The one promise with the id that a query selects, as it stands on the day on which it was made."""
    row = tables.promises.c
    made_on = connection.execute(sa.select(row.made_on).where(row.promise_id.in_(promise_ids))).scalar_one()
    (found,) = _read(connection, made_on, row.promise_id.in_(promise_ids))
    return found


def open_rests(connection: sa.Connection, as_of: dt.date, account_keys: Collection[int] | None = None) -> dict[int, int]:
    """Amounts still due under promises that are open on a date, in micro-units, by account key; of all accounts or some."""
    row, on = tables.promises.c, as_of.isoformat()
    query = sa.select(row.account_key, row.amount_micros, row.due_on, *_received(row, on), *_gone(row, on))
    query = query.where(row.made_on <= on, row.due_on >= on)
    if account_keys is not None:
        query = query.where(row.account_key.in_(account_keys))
    rests: dict[int, int] = collections.defaultdict(int)
    for account_key, amount, due_on, *parts in connection.execute(query):
        paid = whole(*parts[:2]) - whole(*parts[2:])
        if state(amount, paid, due_on, on) == OPEN:
            rests[account_key] += amount - paid
    return dict(rests)


def _read(
    connection: sa.Connection, as_of: str, condition: sa.ColumnElement[bool], after: str = "", limit: int | None = None
) -> list[Promised]:
    row, account = tables.promises.c, tables.accounts.c
    columns = (row.promise_id, account.account_id, account.currency, row.amount_micros, row.made_on, row.due_on, row.note, row.by_name)
    query = sa.select(*columns, *_received(row, as_of), *_gone(row, as_of)).join_from(tables.promises, tables.accounts)
    found = []
    rows = connection.execute(in_pages(query.where(condition), (row.due_on, row.promise_id), row.promise_id, after, limit))
    for each in rows:
        received, gone = each[-4:-2], each[-2:]  # halves of sums
        paid = whole(*received) - whole(*gone)
        found.append(
            Promised(
                promise_id=each.promise_id,
                account_id=each.account_id,
                currency=each.currency,
                amount_micros=each.amount_micros,
                made_on=each.made_on,
                due_on=each.due_on,
                note=each.note,
                paid_micros=paid,
                state=state(each.amount_micros, paid, each.due_on, as_of),
                by_name=each.by_name,
            )
        )
    return found


def _received(promised: Any, as_of: str) -> list[sa.ScalarSelect[Any]]:  # noqa: ANN401 -- columns of promises
    """The halves of what came."""
    return [sa.select(part).where(*_counts(promised, as_of)).scalar_subquery() for part in halves(tables.payments.c.amount_micros)]


def _gone(promised: Any, as_of: str) -> list[sa.ScalarSelect[Any]]:  # noqa: ANN401 -- columns of promises
    """The halves of what went back of it."""
    event = tables.payment_events.c
    signed = sa.case((event.kind == postings.WON, -event.amount_micros), else_=event.amount_micros)
    counts = (*_counts(promised, as_of), event.on_date <= as_of)
    return [sa.select(part).join_from(tables.payment_events, tables.payments).where(*counts).scalar_subquery() for part in halves(signed)]


def _counts(promised: Any, as_of: str) -> tuple[sa.ColumnElement[bool], ...]:  # noqa: ANN401 -- columns of promises
    """Conditions on a payment: it counts for the promise and was received by `as_of`."""
    payment = tables.payments.c
    in_time = payment.received_on.between(promised.made_on, promised.due_on)
    return payment.account_key == promised.account_key, in_time, payment.received_on <= as_of
