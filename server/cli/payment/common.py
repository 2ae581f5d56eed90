"""Options, amounts and dates of the command line, the person who acts, and results as JSON, shared by the commands of payments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.actions.plain import plain as plain  # noqa: PLC0414 -- commands find it beside the others

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from billing.payments import Act
    from billing.store.home import Home
    from server.cli.homes import Place

AccountId = Annotated[str, Parameter(name="--account", help="Id of the account.")]
OfAccount = Annotated[str | None, Parameter(name="--account", help="Only of this account.")]
Amount = Annotated[str, Parameter(name="--amount", help="Amount in the account's currency, such as 12.50.")]
AmountOrAll = Annotated[str | None, Parameter(name="--amount", help="Amount, such as 12.50; without it all that is possible.")]
OnDate = Annotated[str, Parameter(name="--date", help="The date, such as 2025-11-10.")]
OnDateOrToday = Annotated[str | None, Parameter(name="--date", help="The date to judge by; today (UTC) by default.")]
Currency = Annotated[str | None, Parameter(name="--currency", help="The currency, if known; another than the account's is refused.")]
Numbers = Annotated[list[str], Parameter(name="--invoice", negative="", help="Number of an invoice that it is for; may be repeated.")]
Reason = Annotated[str, Parameter(name="--reason", help="The reason; it is kept with your name.")]
Note = Annotated[str, Parameter(name="--note", help="The reason; it is kept with your name.")]
DryRun = Annotated[bool, Parameter(name="--dry-run", negative="", help="Say what would happen, and store nothing.")]

NEEDS_SECOND = "another person would have to agree"


def second_person(what: str, proposal: int, at: Place) -> str:
    """The sentence on something that waits for another person."""
    from server.cli.by_service import for_another

    command = for_another(f"ratewright approvals agree {proposal}", at)
    return f"{what} waits for another person as proposal {proposal}; another person: {command}"


def fee_apart(fee_micros: int, currency: str) -> str:
    """The fee of a bank in a sum, such as ` (a fee of 3.00 EUR is in it)`; empty where there is none."""
    return f" (a fee of {money(fee_micros, currency)} is in it)" if fee_micros else ""


def act(home: Home, *, dry_run: bool) -> Act:
    """The person who runs this command, the time, and whether it is a dry run."""
    from billing.payments import Act
    from server import clock, operator

    return Act(operator.current(), clock.now_us(home), dry_run)


def micros_of(text: str, option: str = "--amount") -> int:
    """Micro-units of an amount of the command line. Raises UserError that names the option."""
    from rating.errors import UserError
    from rating.money import MoneyError, parse_micros

    try:
        return parse_micros(text)
    except MoneyError as error:
        raise UserError(f"{option}: {error}", "write it as 12.50", exit_status=2) from error


def happened(home: Home, text: str, option: str = "--date") -> dt.date:
    """The date on which money came or went, or something was agreed. Raises UserError for one that has not begun yet."""
    from billing.payments.writing import require_begun
    from server import clock
    from server.cli.bill import parse_date

    on = parse_date(text)
    require_begun(on, clock.now_us(home), option)
    return on


def date_or_today(home: Home, text: str | None) -> dt.date:
    """A date of the command line; today (UTC) where none is given."""
    from server import clock
    from server.cli.bill import parse_date

    return clock.today(home) if text is None else parse_date(text)


def known(home: Home, account_id: str | None) -> str | None:
    """An account of the command line that is there; None where none is named. Raises NotFoundError for a mistyped one."""
    from server.actions import payments

    if account_id is not None:
        payments.require_account(home, account_id)
    return account_id


def money(micros: int, currency: str) -> str:
    """Such as `12.50 CNY`."""
    from server.cli import output

    return f"{output.amount(micros, currency)} {currency}"


def print_settled(allocated: Iterable[tuple[str, int]], credit_micros: int, currency: str) -> None:
    """Print what a credit settles, and what is left of it."""
    for number, micros in allocated:
        print(f"{money(micros, currency)} to invoice {number}")
    if credit_micros:
        print(f"{money(credit_micros, currency)} left as credit")


def print_tried(*, dry_run: bool) -> None:
    """Say of a trial that it was one."""
    if dry_run:
        print("only tried: nothing was stored")
