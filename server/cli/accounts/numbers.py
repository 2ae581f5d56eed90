"""`ratewright accounts number give|take`: numbers that change hands."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from server.cli.accounts.common import DryRun, SubscriptionId  # noqa: TC001 -- cyclopts reads annotations
from server.cli.homes import HERE, AsJson, Place

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
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Give a number to a subscription. Usage from before what was billed is billed by the next run.

    Interim bills of other accounts that have usage of it are named.
    """
    from server.actions import accounts
    from server.cli.accounts.common import instant_or_date, perform

    begin = instant_or_date(from_, "--from")
    return perform(
        at,
        as_json,
        dry_run,
        lambda home, asked: accounts.give_number(home, asked, number, subscription, begin, quarantine_days),
        lambda changes: changes.give_number(number, subscription, begin, quarantine_days),
    )


def take(
    number: Number,
    subscription: SubscriptionId,
    /,
    *,
    on: Annotated[str, Parameter(name="--on", help=_INSTANT)],
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Take a number from a subscription: from then on it belongs to none. Interim bills that have usage of it are named."""
    from server.actions import accounts
    from server.cli.accounts.common import instant_or_date, perform

    end = instant_or_date(on, "--on")
    return perform(
        at,
        as_json,
        dry_run,
        lambda home, asked: accounts.take_number(home, asked, number, subscription, end),
        lambda changes: changes.take_number(number, subscription, end),
    )
