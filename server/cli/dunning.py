"""`ratewright dunning run|preview|show`."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.dunning import Change

app = cyclopts.App(name="dunning", help="Remind and bar accounts that are past due.")
AsOf = Annotated[str, Parameter(name="--date", help="The date to judge by, such as 2025-12-01.")]


@app.command
def run(*, date: AsOf, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """Take the steps that are due: remind, bar outgoing calls, or clear after payment. Once more on the same date does nothing."""
    from billing import dunning
    from billing.store.home import Home
    from server.cli.bill import now_us, parse_date

    as_of = parse_date(date)
    with Home.open(home) as opened:
        changes = dunning.run(opened, as_of, now_us())
    _print(changes, as_json=as_json)
    return 0


@app.command
def preview(*, date: AsOf, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """Show the steps that `dunning run` would take. Nothing is stored."""
    from billing import dunning
    from billing.store.home import Home
    from server.cli.bill import parse_date

    as_of = parse_date(date)
    with Home.open(home) as opened:
        changes = dunning.preview(opened, as_of)
    _print(changes, as_json=as_json)
    return 0


@app.command
def show(
    account: Annotated[str, Parameter(name="ACCOUNT", help="Id of the account.")],
    /,
    *,
    date: Annotated[str | None, Parameter(help="The date to judge by; today (UTC) by default.")] = None,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Show where an account stands and the steps taken so far."""
    from billing import dunning
    from billing.store.home import Home
    from server.cli import output
    from server.cli.bill import parse_date

    as_of = dt.datetime.now(dt.UTC).date() if date is None else parse_date(date)
    with Home.open(home) as opened:
        found = dunning.history(opened, account, as_of)
    if as_json:
        output.print_json(found)
        return 0
    amount = f"{output.amount(found.overdue_micros, found.currency)} {found.currency}"
    since = f", oldest due on {found.oldest_due_on}" if found.oldest_due_on else ""
    barred = "; outgoing calls are barred" if found.barred else ""
    print(f"account {account} on {found.as_of}: level {found.level}, {amount} past due{since}{barred}")
    if found.steps:
        _print(found.steps, as_json=False)
    return 0


def _print(changes: Sequence[Change], *, as_json: bool) -> None:
    from server.cli import output

    if as_json:
        output.print_json(list(changes))
        return
    if not changes:
        print("no account changes its state")
        return
    rows = [
        (
            each.account_id,
            each.action,
            each.level_before,
            each.level,
            each.oldest_due_on or "",
            output.amount(each.overdue_micros, each.currency),
            each.currency,
        )
        for each in changes
    ]
    columns = ("account", "action", "level before", "level", "oldest due on", "past due", "currency")
    output.print_table(columns, rows, right=("level before", "level", "past due"))
