"""`ratewright accounts find`."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.dates import local_time
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    from billing.accounts.searching import Hit

SHOWN_ROWS = 50
MASKED = (
    "no id begins so, and no whole name or number is this. Your role sees names and numbers masked, so no part of one is searched:\n"
    "give the whole name or number; support searches parts with --why REASON"
)


def find(
    text: Annotated[
        str,
        Parameter(
            name="TEXT", help="An id, a name, a number, an e-mail address, a tax id or an IBAN; or how it begins, and of a name any part."
        ),
    ],
    /,
    *,
    on: Annotated[
        str | None,
        Parameter(name="--on", help="Show only who had a number, or what held, on this day; without it everyone who ever had it."),
    ] = None,
    limit: Annotated[int, Parameter(help="Rows to show of accounts, subscriptions, numbers and facts about customers each.")] = SHOWN_ROWS,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Find accounts by id, name, subscription, number, e-mail address, tax id or IBAN, exact ones first; of a number, who had it when.

    All but names are found by index; names in one pass over the accounts. The exit status is 1 when nothing was found.
    """
    from billing.accounts.searching import search
    from server.cli import output
    from server.cli.accounts.common import date_or_none

    day = date_or_none(on, "--on")
    _, found = done_at(
        at,
        lambda home: search(home, text, on=day, limit=limit),
        lambda service: service.accounts.find(text, day, limit),
    )
    if as_json:
        output.print_json(found)
        return 0 if found.hits else 1
    if not found.hits:
        print(MASKED if found.whole else "nothing is called so")
        return 1
    columns = ("account", "name", "found by", "", "subscription", "from", "to")
    output.print_table(columns, [_row(each) for each in found.hits])
    if found.more:
        print("there are more: give a longer text, or --limit")
    return 0


def _row(hit: Hit) -> tuple[str, ...]:
    text = "" if hit.found_by in {"account", "name"} else hit.text
    begins = "" if hit.from_us is None else _moment(hit.from_us, hit.timezone, is_end=False)
    ends = "" if hit.to_us is None else _moment(hit.to_us, hit.timezone, is_end=True)
    return hit.account_id, hit.name, hit.found_by.replace("_", " "), text, hit.subscription_id, begins, ends


def _moment(instant_us: int, timezone: str, *, is_end: bool) -> str:
    """A day on the account's clock where a span begins or ends with it, the last one included; else the instant."""
    local = local_time(instant_us, timezone)
    if local.time() != dt.time():
        return local.isoformat(sep=" ")
    return (local.date() - dt.timedelta(days=1 if is_end else 0)).isoformat()
