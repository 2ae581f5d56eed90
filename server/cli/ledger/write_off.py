"""`ratewright ledger write-off|write-offs`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder
from server.cli.ledger.common import who
from server.cli.payment import common


def write_off_(
    number: Annotated[str, Parameter(help="Number of the invoice.")],
    *,
    date: Annotated[str, Parameter(help="Date of the entry.")],
    reason: Annotated[str, Parameter(help="The reason why it will not be paid.")],
    amount: Annotated[str | None, Parameter(help="Part of it, such as 12.50; all that is open if not given.")] = None,
    reference: Annotated[
        str, Parameter(name="--id", help="Your own id of a further write-off of this invoice; the same one counts once.")
    ] = "",
    undo: Annotated[bool, Parameter(negative="", help="Open again what was written off (under this id).")] = False,
    dry_run: common.DryRun = False,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Write off what is open of an invoice. Above the limit another person has to give the same command."""
    from billing.accounting import write_off
    from billing.store import settings
    from billing.store.home import Home
    from server.cli import output, practice
    from server.cli.invoice import full

    with Home.open(home) as opened:
        number = full(opened, number)
        amount_micros, on = None if amount is None else common.micros_of(amount), common.happened(opened, date)
        with opened.connect() as connection:
            limit = settings.integer(connection, "write_off_limit_micros")
        by = who(opened)
        if undo:
            done = write_off.undo(opened, number, on, reason, by, reference=reference, dry_run=dry_run)
        else:
            done = write_off.write_off(
                opened, number, on, reason, by, amount_micros=amount_micros, limit_micros=limit, reference=reference, dry_run=dry_run
            )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, done))
        return 0
    shown = f"{output.amount(done.amount_micros, done.currency)} {done.currency} of {done.number}"
    if done.existed:
        print(f"{shown}: that was done before; nothing changed")
    elif undo:
        print(f"{shown} is open again")
    else:
        print(f"{shown} waits for another person" if done.waits else f"{shown} is written off")
    common.print_tried(dry_run=dry_run)
    return 0


def write_offs(
    *,
    number: Annotated[str | None, Parameter(name="--invoice", help="Only of this invoice.")] = None,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """List write-offs that were proposed, made and undone, in that order, with the person and the reason."""
    from billing.accounting import write_off
    from billing.store.home import Home
    from server.cli import output, practice

    with Home.open(home) as opened:
        found = write_off.list_all(opened, number)
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, common.plain(found)))
        return 0
    rows = [
        (each.number, each.what, each.on_date, output.amount(each.amount_micros, each.currency), each.currency, each.reference, each.reason,
         each.by_name)
        for each in found
    ]  # fmt: skip
    output.print_table(("invoice", "what", "date", "amount", "currency", "id", "reason", "by"), rows, right=("amount",))
    return 0
