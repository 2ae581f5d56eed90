"""Options, the person who acts, and the output of results, shared by the commands of accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.dates import instant_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from billing.accounts.recording import Asked, Done
    from billing.store.home import Home
    from server.cli.homes import Place
    from server.cli.remote.accounts.changes import AccountChanges

DryRun = Annotated[bool, Parameter(name="--dry-run", negative="", help="Check, and show what would happen; store nothing.")]
SubscriptionId = Annotated[str, Parameter(name="SUBSCRIPTION", help="The operator's id of the subscription.")]
AccountId = Annotated[str, Parameter(name="ACCOUNT", help="The operator's id of the account.")]
Named = Annotated[str, Parameter(name="ID", help="An account, or one of its subscriptions.")]
FromDate = Annotated[str, Parameter(name="--from", help="First day, local to the account, such as 2026-01-31.")]
ToDate = Annotated[str | None, Parameter(name="--to", help="Last day on which it holds, included; left out: no end.")]
OnDate = Annotated[str, Parameter(name="--on", help="A day, local to the account, such as 2026-01-31.")]
Reason = Annotated[str, Parameter(help="The reason; it is kept.")]


def perform(
    at: Place,
    as_json: bool,  # noqa: FBT001 -- an option of a command
    dry_run: bool,  # noqa: FBT001 -- an option of a command
    here: Callable[[Home, Asked], Done],
    there: Callable[[AccountChanges], Done],
) -> int:
    """Do what a command asks for, `here` in a home or `there` by a service, and print the result."""
    from billing.accounts.recording import Asked
    from server import clock, operator
    from server.cli import by_service
    from server.cli.done import done_at

    _, done = done_at(
        at,
        lambda home: here(home, Asked(operator.current(), clock.now_us(home), dry_run)),
        lambda service: there(service.account_changes(dry_run=dry_run)),
    )
    done = done._replace(said=tuple(by_service.in_texts(done.said, at)))
    return show_done(done, as_json=as_json, dry_run=dry_run)


def show_done(done: Done, *, as_json: bool, dry_run: bool) -> int:
    """Print the result of a change; the exit status."""
    from server.cli import output

    if as_json:
        output.print_json(done._asdict())
        return 0
    if dry_run:
        print("nothing is stored; this would happen:")
    for text in done.said:
        print(f"  {output.printable(text)}" if dry_run else output.printable(text))
    return 0


def date(text: str, option: str) -> dt.date:
    """A date of the command line. Raises UserError that names the option."""
    from billing.days import DayError, read_day
    from rating.errors import UserError

    try:
        return read_day(text)
    except DayError as error:
        raise UserError(f"{option}: {error}", error.remedy, exit_status=2) from None


def date_or_none(text: str | None, option: str) -> dt.date | None:
    """The same of an option that may be left out."""
    return None if text is None else date(text, option)


def span(from_: str, to: str | None) -> tuple[dt.date, dt.date | None]:
    """The days from --from to --to, both included, half open as they are stored; None where --to is left out: no end."""
    begin = date(from_, "--from")
    if to is None:
        return begin, None
    return begin, day_after(date(to, "--to"), begin)


def day_after(last: dt.date, first: dt.date | None = None) -> dt.date:
    """The day after --to, with which a span ends where its end is stored. Raises UserError for a span without a day."""
    from rating import dates
    from rating.errors import UserError

    if first is not None and last < first:
        raise UserError(f"--to {last} lies before --from {first}", "--to is the last day of the span, included", exit_status=2)
    return dates.day_after(last)


def instant_or_date(text: str, option: str) -> int | dt.date:
    """Microseconds UTC of an instant with its offset, or a date. Raises UserError that names the option."""
    import datetime as dt

    try:
        instant = dt.datetime.fromisoformat(text) if len(text) > len("2026-01-31") else None
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        return date(text, option)
    date(instant.date().isoformat(), option)
    return instant_of(instant)


def micros(text: str, option: str) -> int:
    """Micro-units of a decimal amount. Raises UserError that names the option."""
    from rating.errors import UserError
    from rating.money import MoneyError, parse_micros

    try:
        return parse_micros(text)
    except MoneyError as error:
        raise UserError(f"{option}: {error}", "write it as 12.50", exit_status=2) from None
