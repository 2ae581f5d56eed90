"""Acts on payments, from what a user gives: short numbers of invoices are meant whole, and nothing happened on a day that has not begun.

`day` is the name under which the caller gave a date, for messages: `--date`, or the field of a call. Reading needs no more than
`billing.payments` has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from billing.invoicing import full_number
from billing.payments import recording
from billing.payments.writing import account_of, require_begun
from billing.store import tables
from rating.errors import UserError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from billing.payments.banking.any_format import How
    from billing.payments.cash_desk import Paid, Receipt
    from billing.payments.deposits import Deposit, Held, Movement
    from billing.payments.giving_back import Back, GivenBack
    from billing.payments.importing import Imported
    from billing.payments.instalments import Plan, PlanRequest
    from billing.payments.promises import Promise, Promised
    from billing.payments.recording import Payment, Recorded
    from billing.payments.writing import Act
    from billing.store.home import Home

DATE: Final = "--date"


def record(home: Home, payment: Payment, act: Act, *, day: str = DATE) -> Recorded:
    """Record a payment that came through a bank, and settle open invoices."""
    require_begun(payment.received_on, act.now_us, day)
    return recording.record(
        home, payment.payment_id, payment.account_id, payment.amount_micros, payment.received_on, payment.reference, act.now_us,
        currency=payment.currency, numbers=whole_numbers(home, payment.numbers), by=act.by, dry_run=act.dry_run,
    )  # fmt: skip


def take_cash(home: Home, till: str, payment: Payment, act: Act, *, day: str = DATE) -> Paid:
    """Take a payment in cash, with the next receipt of a till."""
    from billing.payments import cash_desk

    require_begun(payment.received_on, act.now_us, day)
    return cash_desk.pay(home, till, payment._replace(numbers=whole_numbers(home, payment.numbers)), act)


def till(home: Home, name: str, on: dt.date | None = None) -> tuple[list[Receipt], dict[str, int]]:
    """The receipts of a till, of a day or all, and what should be in it by currency: what came in less what went back."""
    from billing.payments import cash_desk

    found = cash_desk.receipts(home, name, None if on is None else on.isoformat())
    return found, in_till(found)


def in_till(receipts: Iterable[Receipt]) -> dict[str, int]:
    """The sum by currency of what came in less what went back."""
    sums: dict[str, int] = {}
    for each in receipts:
        sums[each.currency] = sums.get(each.currency, 0) + each.amount_micros - each.gone_micros
    return sums


def import_bank_file(  # noqa: PLR0913 -- a file, how it is read, and who imports it
    home: Home, path: Path, how: How, act: Act, progress: Callable[[int, int], None] | None = None, *, content: bytes | None = None
) -> Imported:
    """Import a bank file of any format, from its path or from content that was sent."""
    from billing.payments.banking.any_format import import_any

    return import_any(home, path, how, act, progress, content=content)


def assign_line(home: Home, line_id: str, account_id: str, note: str, act: Act, numbers: Iterable[str] = ()) -> Recorded:  # noqa: PLR0913, PLR0917 -- the line, whose it is, why and by whom
    """Make a line of the work list the payment of an account."""
    from billing.payments.worklist import assign

    return assign(home, line_id, account_id, note, act, numbers=whole_numbers(home, numbers))


def give_back(home: Home, back: Back, act: Act, *, day: str = DATE, currency: str | None = None) -> GivenBack:
    """Let money of one payment or one document go back, or come again. `currency`: as the caller says, None unknown."""
    from billing.payments import giving_back

    require_one_subject(back)
    if back.number is not None:
        back = back._replace(number=whole_numbers(home, [back.number])[0])
    require_begun(back.on_date, act.now_us, day)
    if back.payment_id is not None:
        require_currency(home, currency, tables.payments, tables.payments.c.payment_id == back.payment_id)
    else:
        require_currency(home, currency, tables.invoices, tables.invoices.c.number == back.number)
    return giving_back.give_back(home, back, act)


def require_one_subject(back: Back) -> None:
    """Raises UserError where both a payment and a document are named, or none of them."""
    if (back.payment_id is None) == (back.number is None):
        raise UserError("a refund is of one payment or one document", "give --payment or --document", exit_status=2)


def take_deposit(home: Home, deposit: Deposit, act: Act, *, day: str = DATE) -> Held:
    """Take a deposit."""
    from billing.payments import deposits

    require_begun(deposit.received_on, act.now_us, day)
    return deposits.take(home, deposit, act)


def move_deposit(home: Home, movement: Movement, act: Act, *, day: str = DATE, currency: str | None = None) -> Held:
    """Release a deposit to pay what is open, or give it back. `currency`: as the caller says, None unknown."""
    from billing.payments import deposits

    require_begun(movement.on_date, act.now_us, day)
    require_currency(home, currency, tables.deposits, tables.deposits.c.deposit_id == movement.deposit_id)
    return deposits.move(home, movement, act)


def promise(home: Home, given: Promise, act: Act, *, day: str = "--made", currency: str | None = None) -> Promised:
    """Record a promise to pay. `currency`: as the caller says, None unknown."""
    from billing.payments import promises

    require_begun(given.made_on, act.now_us, day)
    require_currency(home, currency, tables.accounts, tables.accounts.c.account_id == given.account_id)
    return promises.promise(home, given, act)


def agree_plan(home: Home, wanted: PlanRequest, act: Act, *, day: str = DATE, currency: str | None = None) -> Plan:
    """Agree on an instalment plan. `currency`: as the caller says, None unknown."""
    from billing.payments import instalments

    require_begun(wanted.agreed_on, act.now_us, day)
    require_currency(home, currency, tables.accounts, tables.accounts.c.account_id == wanted.account_id)
    return instalments.agree(home, wanted._replace(numbers=whole_numbers(home, wanted.numbers)), act)


def end_plan(home: Home, plan_id: str, ended_on: dt.date, note: str, act: Act, *, day: str = DATE) -> Plan:  # noqa: PLR0913 -- the plan, when, why and by whom
    """End an instalment plan."""
    from billing.payments import instalments

    require_begun(ended_on, act.now_us, day)
    return instalments.end(home, plan_id, ended_on, note, act)


def require_account(home: Home, account_id: str) -> None:
    """Raises NotFoundError for an account that is not there."""
    with home.connect() as connection:
        account_of(connection, account_id)


def whole_numbers(home: Home, numbers: Iterable[str]) -> tuple[str, ...]:
    """Numbers of invoices as printed on them, where their zeros were left out."""
    given = tuple(numbers)
    if not given:
        return ()
    with home.connect() as connection:
        return tuple(full_number(connection, number) for number in given)


def require_currency(home: Home, currency: str | None, table: sa.Table, condition: sa.ColumnElement[Any]) -> None:
    """Raises UserError where an amount is in another currency than what it is about. What is not there is refused by its act."""
    if currency is None:
        return
    with home.connect() as connection:
        known = connection.execute(sa.select(table.c.currency).where(condition)).scalar_one_or_none()
    if known not in {None, currency}:
        raise UserError(f"the amount is in {currency}, and what it is about in {known}", f"give an amount in {known}", exit_status=2)
