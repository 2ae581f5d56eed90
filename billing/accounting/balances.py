"""Balances of ledger accounts: trial balance, revenue by category, tax by class. All amounts are micro-units of one currency.

Everything is an aggregate of the database over `postings`; nothing is stored. A balance is debits minus credits: what customers owe is
above zero, what was earned below. `through` is the last local date that counts, None for all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from billing import ledger
from billing.store import tables
from billing.store.sums import halves, whole

if TYPE_CHECKING:
    import datetime as dt

REVENUE = "revenue:"
TAX = "tax:"
_RECEIVABLES = "receivable"


class Line(NamedTuple):
    """A ledger account (all receivables together unless shown apart) in one entity and currency."""

    entity: str
    account: str
    currency: str
    debit_micros: int
    credit_micros: int

    @property
    def balance_micros(self) -> int:
        """Debits minus credits."""
        return self.debit_micros - self.credit_micros


class Earned(NamedTuple):
    """Net of one revenue code, or tax of one class, posted in a span of dates; above zero for what was earned or is owed to the state."""

    entity: str
    code: int
    currency: str
    amount_micros: int


def trial_balance(
    connection: sa.Connection, *, entity: str | None = None, through: dt.date | None = None, every_customer: bool = False
) -> list[Line]:
    """Every account with its sums, by entity, currency and account. Debits equal credits by entity and currency: checked here."""
    sums: dict[tuple[str, str, str], list[int]] = {}
    for side, name in enumerate(("debit_account", "credit_account")):
        for owner, account, currency, *parts in connection.execute(_sums(name, entity, through, every_customer=every_customer)):
            sums.setdefault((owner or "", currency, account), [0, 0])[side] += whole(*parts)
    lines = [Line(owner, account, currency, *sides) for (owner, currency, account), sides in sorted(sums.items())]
    totals: dict[tuple[str, str], int] = {}
    for line in lines:
        totals[line.entity, line.currency] = totals.get((line.entity, line.currency), 0) + line.balance_micros
    assert not any(totals.values()), f"debits and credits differ: {totals}"
    return lines


def balance_of(connection: sa.Connection, account: str, entity: str, currency: str, through: dt.date | None = None) -> int:
    """Debits minus credits of one account."""
    row = tables.postings.c
    total = 0
    for name, sign in (("debit_account", 1), ("credit_account", -1)):
        query = sa.select(*halves(row.amount_micros)).where(row[name] == account, row.entity == entity, row.currency == currency)
        if through is not None:
            query = query.where(row.posted_on <= through.isoformat())
        total += sign * whole(*connection.execute(query).one())
    return total


def earned(connection: sa.Connection, kind: str, first: dt.date, after: dt.date, entity: str | None = None) -> list[Earned]:
    """Amounts posted to `kind` (REVENUE or TAX) accounts on dates of [first, after), by entity, code and currency."""
    row = tables.postings.c
    sums: dict[tuple[str, int, str], int] = {}
    for name, sign in (("credit_account", 1), ("debit_account", -1)):
        query = sa.select(row.entity, row[name], row.currency, *halves(row.amount_micros))
        query = query.where(row[name].startswith(kind), row.posted_on >= first.isoformat(), row.posted_on < after.isoformat())
        if entity is not None:
            query = query.where(row.entity == entity)
        for owner, account, currency, *parts in connection.execute(query.group_by(row.entity, row[name], row.currency)):
            key = (owner or "", int(account.removeprefix(kind)), currency)
            sums[key] = sums.get(key, 0) + sign * whole(*parts)
    return [Earned(*key, amount) for key, amount in sorted(sums.items())]


def _sums(side: str, entity: str | None, through: dt.date | None, *, every_customer: bool) -> sa.Select[Any]:
    row = tables.postings.c
    account = row[side]
    shown = account if every_customer else sa.case((account.startswith(ledger.RECEIVABLE), _RECEIVABLES), else_=account)
    query = sa.select(row.entity, shown.label("account"), row.currency, *halves(row.amount_micros))
    if entity is not None:
        query = query.where(row.entity == entity)
    if through is not None:
        query = query.where(row.posted_on <= through.isoformat())
    return query.group_by(row.entity, sa.literal_column("account"), row.currency)
