"""The claims on customers, recomputed: settlements, the rest of credits, and the balance of every receivable as of a date."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing import allocations, ledger
from billing.accounting import write_off
from billing.accounting.balances import trial_balance
from billing.accounting.comparing import Checked, What, compared
from billing.allocations.as_of import WRITE_OFF_LEGS, standing
from billing.allocations.spread import WRITE_OFF
from billing.controls.book import by_currency
from billing.controls.documents import receivable_balances, waiting_keys, waiting_query
from billing.store import tables
from billing.store.sums import whole
from rating.dates import last_day
from rating.money import format_micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MONTHS: Final = 3  # whose ends are checked, before the newest posting


class _Part(NamedTuple):
    """The amount of an invoice (its key) that a commit settled by a credit; commit 0: it should have been settled by now."""

    credit_kind: str
    credit_id: str
    invoice_key: int
    commit_seq: int
    amount_micros: int


def settlements(connection: sa.Connection, name: str) -> Checked:
    """The stored settlements are those that follow from documents and money, write-offs aside."""
    waiting = waiting_keys(connection)

    def parts(found: Iterable[allocations.Settled]) -> Iterator[_Part]:
        for each in found:
            if each.kind != WRITE_OFF:
                yield _Part(each.kind, each.credit_id, each.invoice_key, each.commit_seq, each.amount_micros)

    replayed = lambda: parts(part for settled, _ in allocations.replayed(connection, waiting) for part in settled)  # noqa: E731 -- read twice
    return compared(name, _settlement(connection, "credit"), replayed, lambda: parts(allocations.stored(connection)))


def left(connection: sa.Connection, name: str) -> Checked:
    """The stored rest of each credit is the part that it did not settle."""
    waiting = waiting_keys(connection)
    replayed = lambda: (each for _, rest in allocations.replayed(connection, waiting) for each in rest)  # noqa: E731 -- read twice
    return compared(name, What("credit", 2, "payment"), replayed, lambda: allocations.stored_left(connection))


def written_off(connection: sa.Connection, name: str) -> Checked:
    """Each write-off settles its invoice by its own amount."""
    row, invoice = tables.settlements.c, tables.invoices.c
    query = sa.select(row.credit_kind, row.credit_id, row.invoice_key, row.commit_seq, row.amount_micros)
    query = query.where(row.credit_kind == WRITE_OFF)
    key_of = sa.select(invoice.invoice_key)

    def says() -> Iterator[_Part]:
        for kept in write_off.entries(connection):
            if kept.entry.kind in WRITE_OFF_LEGS:
                credit_id, amount = write_off.settlement_of(kept.entry)
                key = connection.execute(key_of.where(invoice.number == kept.number)).scalar_one_or_none() or 0
                yield _Part(WRITE_OFF, credit_id, key, kept.commit_seq, amount)

    return compared(name, _settlement(connection, "entry"), says, lambda: (_Part(*each) for each in connection.execute(query)))


def ages(connection: sa.Connection, name: str) -> Checked:
    """Receivables by age are the balances of the ledger: through the newest posting, and at the ends of the months before it."""
    count = 0
    for day in _days(connection):
        query = standing(connection, day, waiting_query(connection)).total()
        aged = {currency: micros for currency, micros in by_currency(connection, query).items() if micros}
        booked = {currency: micros for currency, micros in receivable_balances(connection, through=day.isoformat()).items() if micros}
        count += max(len(aged), len(booked))
        if aged != booked:
            return Checked(name, count, _first_account(connection, day))
    return Checked(name, count)


def _days(connection: sa.Connection) -> list[dt.date]:
    row = tables.postings.c
    newest = connection.execute(sa.select(sa.func.max(row.posted_on))).scalar_one()
    if newest is None:
        return []
    days = [dt.date.fromisoformat(newest)]
    for _ in range(MONTHS):
        days.append(last_day(days[-1].replace(day=1)))
    return days


def _first_account(connection: sa.Connection, day: dt.date) -> str:
    account = tables.accounts.c
    owner = {row.account_key: row.account_id for row in connection.execute(sa.select(account.account_key, account.account_id))}
    query = standing(connection, day, waiting_query(connection)).by_account()
    aged = {(owner.get(key, ""), currency): whole(*parts) for key, currency, *parts in connection.execute(query)}
    booked: dict[tuple[str, str], int] = {}
    for line in trial_balance(connection, through=day, every_customer=True):
        if line.account.startswith(ledger.RECEIVABLE):
            key = line.account.removeprefix(ledger.RECEIVABLE), line.currency
            booked[key] = booked.get(key, 0) + line.balance_micros
    for key in sorted(aged.keys() | booked.keys()):
        one, two = booked.get(key, 0), aged.get(key, 0)
        if one != two:
            return f"receivable:{key[0]} on {day}: the balance is {format_micros(one)} {key[1]}, and {format_micros(two)} is owed by age"
    return f"receivables on {day} differ"


def _settlement(connection: sa.Connection, source: str) -> What:
    invoice = tables.invoices.c

    def shown(key: tuple[Any, ...]) -> str:
        kind, credit_id, invoice_key, seq = key
        number = connection.execute(sa.select(invoice.number).where(invoice.invoice_key == invoice_key)).scalar_one_or_none()
        return f"of {number or 'no invoice'} by {kind} {credit_id} in commit {seq}"

    return What("settlement", 4, source, shown)
