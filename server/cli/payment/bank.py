"""`ratewright payment import`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- cyclopts reads the annotations when the command runs
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.counted import counted
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.payment import common

if TYPE_CHECKING:
    from billing.payments.importing import Imported

_WAITING_SHOWN = 20


def import_(
    file: Annotated[Path, Parameter(name="FILE", help="CSV file of a bank.")],
    /,
    *,
    mapping: Annotated[Path, Parameter(help="YAML file that says how this bank writes its files.")],
    dry_run: common.DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Import a bank file: all of it or nothing. What matches no account waits in the work list. The same file again changes nothing."""
    from billing.payments.bank_file import read_content
    from billing.payments.mapping import read_mapping
    from server.actions import payments
    from server.cli import output, practice, progress

    known = read_mapping(mapping)
    with progress.show("bank file", "lines") as report:
        opened, done = done_at(
            at,
            lambda home: payments.import_bank_file(home, file, known, common.act(home, dry_run=dry_run), report),
            lambda service: service.payments.import_file(file.name, read_content(file), mapping.read_text("utf-8"), dry_run=dry_run),
        )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, common.plain(done)))
    else:
        _print(done)
        common.print_tried(dry_run=dry_run)
    return 0


def _print(done: Imported) -> None:
    from server.cli import output

    if done.existed:
        print(f"{done.file_name} was imported before; nothing changed")
        return
    before = f", {done.known_lines:,} of them came before" if done.known_lines else ""
    outgoing = f"; {counted(done.outgoing_lines, 'outgoing line')} passed over" if done.outgoing_lines else ""
    print(f"{done.file_name}: {counted(done.lines, 'payment')}{before}{outgoing}")
    rows = [(each.what, f"{each.lines:,}", output.amount(each.amount_micros, each.currency), each.currency) for each in done.sums]
    output.print_table(("what", "lines", "amount", "currency"), rows, right=("lines", "amount"))
    print(f"{counted(done.settled_parts, 'invoice')} settled in whole or in part")
    for line_no, line_id, reason in done.waiting[:_WAITING_SHOWN]:
        print(f"line {line_no} waits in the work list: {output.printable(line_id)}: {reason}")
    if len(done.waiting) > _WAITING_SHOWN:
        print(f"{len(done.waiting) - _WAITING_SHOWN:,} more in the work list: `ratewright payment worklist list`")
