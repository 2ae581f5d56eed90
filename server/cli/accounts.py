"""`ratewright accounts import|list|show`: who is billed, for which subscriptions and numbers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import cyclopts
from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

app = cyclopts.App(name="accounts", help="Import accounts, subscriptions and numbers.")
ImportFolder = Annotated[Path, Parameter(name="FOLDER", help="Holds accounts.csv, subscriptions.csv and numbers.csv.")]
SHOWN_ROWS = 50


@app.command(name="import")
def import_(
    folder: ImportFolder,
    /,
    *,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Import accounts, subscriptions and numbers, all or nothing. Rows that were imported before change nothing.

    An end that was left empty may be told by a later import. The catalogues of the plans must be published first.
    """
    from billing import accounts
    from billing.store.home import Home
    from server.cli import output

    with Home.open(home) as opened:
        report = accounts.import_files(opened, folder, time.time_ns() // 1000)
    if as_json:
        output.print_json(report._asdict())
        return 0
    rows = [
        ("accounts", report.accounts_added, 0, report.accounts_known),
        ("subscriptions", report.subscriptions_added, report.subscriptions_ended, report.subscriptions_known),
        ("numbers", report.numbers_added, report.numbers_ended, report.numbers_known),
    ]
    output.print_table(("what", "added", "ended", "known before"), rows, right=("added", "ended", "known before"))
    return 0


@app.command(name="list")
def list_(
    *,
    limit: Annotated[int, Parameter(help="How many to show, by id.")] = SHOWN_ROWS,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """List accounts."""
    from billing.accounts import lookup
    from billing.store.home import Home
    from server.cli import output

    with Home.open(home) as opened:
        accounts = lookup.list_accounts(opened, limit)
        total = lookup.count_accounts(opened)
    if as_json:
        output.print_json({"total": total, "accounts": accounts})
        return 0
    columns = ("account", "name", "currency", "bill day", "opened on", "subscriptions")
    rows = [(each.account_id, each.name, each.currency, each.bill_day, each.opened_on, each.subscriptions) for each in accounts]
    output.print_table(columns, rows, right=("bill day", "subscriptions"))
    if total > len(accounts):
        print(f"{total - len(accounts):,} more: --limit {total} shows all")
    return 0


@app.command
def show(
    account: Annotated[str, Parameter(name="ID", help="The operator's id of the account.")],
    /,
    *,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Show one account with its subscriptions, their plans and numbers, and what dunning decided about it."""
    from billing.accounts import lookup
    from billing.store.home import Home
    from server.cli import output

    with Home.open(home) as opened:
        detail = lookup.show_account(opened, account)
    if as_json:
        output.print_json(detail)
        return 0
    fields = [(name.replace("_", " "), getattr(detail.account, name)) for name in detail.account.__struct_fields__]
    output.print_table(("account", detail.account.account_id), [(name, value) for name, value in fields if value is not None][1:])
    print()
    subscriptions = [
        (each.subscription_id, each.plan, each.from_date, each.to_date, " ".join(each.numbers)) for each in detail.subscriptions
    ]
    output.print_table(("subscription", "plan", "from", "to", "numbers"), subscriptions)
    if detail.facts:
        print()
        output.print_table(("fact", "from", "detail"), [(each.kind, each.from_date, each.detail) for each in detail.facts])
    return 0
