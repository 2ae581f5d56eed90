"""`ratewright payment worklist list|assign|return`."""

from __future__ import annotations

from typing import Annotated

import cyclopts
from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.payment import common

app = cyclopts.App(name="worklist", help="Money from bank files that matched no account: it waits in suspense for a decision.")
LineId = Annotated[str, Parameter(name="LINE", help="Id of the line, as the list shows it.")]


@app.command(name="list")
def list_(
    *,
    decided: Annotated[bool, Parameter(negative="", help="Show what was decided instead of what waits.")] = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show what waits, oldest first."""
    from billing.payments.worklist import work_list
    from server.cli import output, practice

    opened, found = done_at(at, lambda home: work_list(home, decided=decided), lambda service: service.payments.work_list(decided=decided))
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, common.plain(found)))
        return 0
    rows = [
        (each.line_id, each.received_on, output.amount(each.amount_micros, each.currency), each.currency, each.payer, each.reference,
         f"{each.decision} {each.account_id} {each.note}".strip() if decided else each.why, each.by_name)
        for each in found
    ]  # fmt: skip
    columns = (
        "line",
        "received on",
        "amount",
        "currency",
        "payer",
        "reference",
        "decided" if decided else "why it waits",
        "decided by" if decided else "imported by",
    )
    output.print_table(columns, rows, right=("amount",))
    return 0


@app.command
def assign(
    line: LineId,
    /,
    *,
    account: common.AccountId,
    invoice: common.Numbers = [],  # noqa: B006 -- never changed
    note: common.Note = "",
    dry_run: common.DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Say whose money it is: it becomes a payment of the account, received on the day of the bank."""
    from server.actions import payments
    from server.cli import output, practice

    opened, done = done_at(
        at,
        lambda home: payments.assign_line(home, line, account, note, common.act(home, dry_run=dry_run), invoice),
        lambda service: service.payments.assign(line, account, note, invoice, dry_run=dry_run),
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, common.plain(done)))
        return 0
    if done.existed:
        print(f"line {line} was assigned before; nothing changed")
    common.print_settled(done.allocated, done.credit_micros, done.currency)
    common.print_tried(dry_run=dry_run)
    return 0


@app.command(name="return")
def return_(line: LineId, /, *, note: common.Note, dry_run: common.DryRun = False, at: Place = HERE, as_json: AsJson = False) -> int:
    """Say that the money goes back to where it came from."""
    from billing.payments.worklist import give_back
    from server.cli import output, practice

    opened, done = done_at(
        at,
        lambda home: give_back(home, line, note, common.act(home, dry_run=dry_run)),
        lambda service: service.payments.give_line_back(line, note, dry_run=dry_run),
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, common.plain(done)))
        return 0
    if done.existed:
        print(f"line {line} was returned before; nothing changed")
    elif done.proposal:
        print(common.second_person(f"the return of line {line}", done.proposal, at))
    else:
        print(f"{common.money(done.amount_micros, done.currency)} go back")
        if done.needs_second:
            print(common.NEEDS_SECOND)
    common.print_tried(dry_run=dry_run)
    return 0
