"""The state of an account: its balance in the ledger, its last bills, dunning, and when it is billed next. As of now.

The balance is that of its statement (`billing.payments.statement.owed_micros`): debits less credits of its receivable. It equals what is
open of its documents less credit that is not used up; deposits are held apart. Amounts are micro-units of the account's currency.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import sqlalchemy as sa

from billing import dunning, invoicing
from billing.accounts import covering, picture
from billing.accounts.lookup import unknown_account
from billing.allocations import open_items, unallocated
from billing.invoicing import InvoiceSummary
from billing.payments import promises, statement
from billing.payments.writing import account_of
from billing.store import tables

if TYPE_CHECKING:
    import datetime as dt

    from billing.accounts.picture import Customer
    from billing.store.home import Home

LAST_BILLS: Final = 5


class Standing(msgspec.Struct, frozen=True):
    """See the head of this module. `as_of`: today on the account's clock.

    `open_micros`: of invoices; `credit_micros`: of payments, deposits and documents below zero, not used up. `next_bill_date`: empty for an
    account that is closed and billed, or for tests. `dunning_level` and `dunning_action` are of the last step that was taken, on
    `dunning_taken_on`; `policy_level` and `policy_action` are what its policy asks for today, and the next run takes.
    `dunning_undone`: the undoing of the newest step, where that counts no more. `bills_held`: no bill is made of that date. `bills`: the
    newest documents come first.
    """

    account_id: str
    as_of: str
    currency: str
    balance_micros: int
    open_micros: int
    credit_micros: int
    deposits_held_micros: int
    promised_micros: int
    overdue_micros: int
    oldest_due_on: str
    dunning_policy: str
    dunning_level: int
    dunning_action: str
    barred: bool
    next_bill_date: str
    bills_held: bool
    documents: int
    bills: tuple[InvoiceSummary, ...]
    dunning_taken_on: str = ""
    policy_level: int = 0
    policy_action: str = ""
    dunning_undone: dunning.Undone | None = None


def standing(home: Home, account_id: str, now_us: int, *, bills: int = LAST_BILLS) -> Standing:
    """The standing of the account `account_id` now, with its last `bills` documents. Raises UserError: unknown."""
    with home.connect() as connection:
        key = picture.account_keys(connection, [account_id]).get(account_id)
        if key is None:
            raise unknown_account(connection, account_id)
        customer = picture.load(connection, [key]).customers[key]
        today = customer.local_date(now_us)
        account = account_of(connection, account_id)
        items = [each.open_micros for each in open_items(connection, [key])]
        credit_micros = sum(each.left_micros for each in unallocated(connection, [key])) - sum(each for each in items if each < 0)
        next_date = _next_bill_date(connection, customer, home.head_seq(connection))
        balance_micros, held_micros = statement.owed_micros(connection, account), statement.deposits_held_micros(connection, account)
        promised = promises.open_rests(connection, today, [key]).get(key, 0)
        documents = int(
            connection.execute(
                sa.select(sa.func.count()).select_from(tables.invoices).where(tables.invoices.c.account_key == key)
            ).scalar_one()
        )
    open_micros = sum(each for each in items if each > 0)
    judged = dunning.history(home, account_id, today)
    return Standing(
        account_id=account_id,
        as_of=today.isoformat(),
        currency=customer.currency,
        balance_micros=balance_micros,
        open_micros=open_micros,
        credit_micros=credit_micros,
        deposits_held_micros=held_micros,
        promised_micros=promised,
        overdue_micros=judged.overdue_micros,
        oldest_due_on=judged.oldest_due_on or "",
        dunning_policy=judged.policy,
        dunning_level=judged.taken_level,
        dunning_action=judged.taken_action,
        barred=judged.barred,
        next_bill_date="" if next_date is None else next_date.isoformat(),
        bills_held=next_date is not None and any(fact.holds_on(next_date) for fact in customer.of_kind("hold")),
        documents=documents,
        bills=tuple(invoicing.latest(home, account_id, bills)),
        dunning_taken_on=judged.taken_on,
        policy_level=judged.level,
        policy_action=judged.action,
        dunning_undone=judged.undone_last,
    )


def _next_bill_date(connection: sa.Connection, customer: Customer, head_seq: int) -> dt.date | None:
    """The end of the first period that no run has covered; None where there is none, or the account is for tests by then."""
    account = tables.accounts.c
    seq = int(connection.execute(sa.select(account.commit_seq).where(account.account_key == customer.key)).scalar_one())
    coverage = covering.coverage(*covering.load(connection, account_keys=[customer.key]).of(customer.key, seq))
    begins = customer.billed_from if coverage is None else max(coverage.closed_to, customer.billed_from)
    period = customer.period_of(begins)
    if period is None and coverage is not None and _is_entered_since(connection, customer, head_seq):
        from billing.runs.selection import due_accounts  # noqa: PLC0415 -- as below

        return due_accounts.date_after(customer.billed_from, customer.bill_days, coverage.through)
    if period is None or customer.is_for_tests(period.last_day):
        return None
    return period.end


def _is_entered_since(connection: sa.Connection, customer: Customer, head_seq: int) -> bool:
    """Return whether something was entered by hand since the account was closed and billed."""
    from billing.runs.settlement import adjustments  # noqa: PLC0415 -- with the columns of a run; few accounts are closed

    return customer.key in adjustments.waiting(connection, head_seq)
