"""`ratewright ledger write-off|write-offs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.payment import common

if TYPE_CHECKING:
    from billing.accounting.write_off import WriteOff
    from billing.store.home import Home
    from server.cli.remote.service import Service


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
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Write off what is open of an invoice. Above the limit another person has to give the same command."""
    from server.actions import ledger
    from server.cli import output, practice
    from server.cli.bill import parse_date

    lost = ledger.Lost(number, parse_date(date), reason, None if amount is None else common.micros_of(amount), reference)

    def here(home: Home) -> WriteOff:
        by = common.act(home, dry_run=dry_run)
        return ledger.undo_write_off(home, lost, by) if undo else ledger.write_off(home, lost, by)

    def there(service: Service) -> WriteOff:
        if undo:
            return service.write_offs.undo(lost, dry_run=dry_run)
        return service.write_offs.write_off(lost, dry_run=dry_run)

    opened, done = done_at(at, here, there)
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, done))
        return 0
    shown = f"{output.amount(done.amount_micros, done.currency)} {done.currency} of {done.number}"
    state = "is open again" if undo else "waits for another person" if done.waits else "is written off"
    print(f"{shown} {state}: that was done before; nothing changed" if done.existed else f"{shown} {state}")
    common.print_tried(dry_run=dry_run)
    return 0


def write_offs(
    *,
    number: Annotated[str | None, Parameter(name="--invoice", help="Only of this invoice.")] = None,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """List write-offs that were proposed, made and undone, in that order, with the person and the reason."""
    from server.actions import ledger
    from server.cli import output, practice

    opened, found = done_at(at, lambda home: ledger.write_offs(home, number), lambda service: service.write_offs.list_all(number))
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
