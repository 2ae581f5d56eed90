"""`ratewright accounts number give|take`: numbers that change hands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.accounts.common import DryRun, SubscriptionId  # noqa: TC001 -- cyclopts reads annotations
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    import datetime as dt

    from billing.accounts.recording import Asked, Done
    from billing.store.home import Home

Number = Annotated[str, Parameter(name="NUMBER", help="As usage has it: an E.164 number as digits without +.")]
_INSTANT = "A day, local to the account, or an instant with offset such as 2026-01-31T12:00:00+08:00."


def give(
    number: Number,
    subscription: SubscriptionId,
    /,
    *,
    from_: Annotated[str, Parameter(name="--from", help=_INSTANT)],
    quarantine_days: Annotated[int, Parameter(help="Days for which a number of a former subscription must have been free.")] = 90,
    dry_run: DryRun = False,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Give a number to a subscription. Usage from before what was billed is billed by the next run.

    Interim bills of other accounts that have usage of it are named.
    """
    from billing.accounts import numbers
    from server.cli.accounts.common import instant_or_date, perform

    begin = instant_or_date(from_, "--from")

    def work(opened: Home, asked: Asked) -> Done:
        done = numbers.give(opened, asked, number, subscription, begin, quarantine_days)
        return _with_interim_bills(opened, done, number, subscription, begin, given=True)

    return perform(home, as_json, dry_run, work)


def take(
    number: Number,
    subscription: SubscriptionId,
    /,
    *,
    on: Annotated[str, Parameter(name="--on", help=_INSTANT)],
    dry_run: DryRun = False,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Take a number from a subscription: from then on it belongs to none. Interim bills that have usage of it are named."""
    from billing.accounts import numbers
    from server.cli.accounts.common import instant_or_date, perform

    end = instant_or_date(on, "--on")

    def work(opened: Home, asked: Asked) -> Done:
        return _with_interim_bills(opened, numbers.take(opened, asked, number, subscription, end), number, subscription, end, given=False)

    return perform(home, as_json, dry_run, work)


def _with_interim_bills(home: Home, done: Done, number: str, subscription: str, since: int | dt.date, *, given: bool) -> Done:
    """The result, with the interim bills that have usage of the number."""
    from billing.enquiries.interim_number import in_words, on_interim_bills

    found = on_interim_bills(home, number, subscription, since, given=given)
    return done._replace(said=(*done.said, *in_words(found, number)))
