"""`ratewright payment promise add|list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.payment import common

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.payments.promises import Promised
    from server.cli.practice import Opened

app = cyclopts.App(name="promise", help="Promises to pay: open, kept or broken by what was paid.")


@app.command
def add(
    *,
    promise_id: Annotated[str, Parameter(name="--id", help="Your own id of it; the same one counts once.")],
    account: common.AccountId,
    amount: common.Amount,
    until: Annotated[str, Parameter(help="The day promised, such as 2025-11-20; on it is in time.")],
    made: Annotated[str, Parameter(help="The day on which it was promised.")],
    note: common.Note = "",
    dry_run: common.DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Record a promise to pay."""
    from billing.payments.promises import Promise
    from server.actions import payments
    from server.cli import practice
    from server.cli.bill import parse_date

    told = Promise(promise_id, account, common.micros_of(amount), parse_date(made), parse_date(until), note)
    opened, done = done_at(
        at,
        lambda home: payments.promise(home, told, common.act(home, dry_run=dry_run)),
        lambda service: service.agreements.promise(told, dry_run=dry_run),
    )
    practice.say(opened, as_json=as_json)
    if done.existed and not as_json:
        print(f"promise {promise_id} was recorded before; nothing changed")
    _print(opened, [done], as_json=as_json)
    if not as_json:
        common.print_tried(dry_run=dry_run)
    return 0


@app.command(name="list")
def list_(*, account: common.OfAccount = None, date: common.OnDateOrToday = None, at: Place = HERE, as_json: AsJson = False) -> int:
    """List promises and their state on a date."""
    from billing.payments import promises
    from server import clock
    from server.cli import practice
    from server.cli.bill import parse_date

    day = None if date is None else parse_date(date)
    opened, found = done_at(
        at,
        lambda home: promises.list_promises(home, day or clock.today(home), common.known(home, account)),
        lambda service: service.agreements.list_promises(day, account),
    )
    practice.say(opened, as_json=as_json)
    _print(opened, found, as_json=as_json)
    return 0


def _print(opened: Opened, found: Sequence[Promised], *, as_json: bool) -> None:
    from server.cli import output, practice

    if as_json:
        output.print_json(practice.marked(opened, common.plain(found)))
        return
    rows = [
        (each.promise_id, each.account_id, each.made_on, each.due_on, output.amount(each.amount_micros, each.currency),
         output.amount(each.paid_micros, each.currency), each.currency, each.state, each.by_name, each.note)
        for each in found
    ]  # fmt: skip
    columns = ("promise", "account", "made on", "until", "amount", "paid", "currency", "state", "by", "note")
    output.print_table(columns, rows, right=("amount", "paid"))
