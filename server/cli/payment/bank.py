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
    file: Annotated[Path, Parameter(name="FILE", help="File of a bank: camt.053, camt.054, MT940 or CSV.")],
    /,
    *,
    mapping: Annotated[
        Path | None, Parameter(help="YAML file that says how this bank writes its CSV files; of other formats, patterns for free text.")
    ] = None,
    form: Annotated[str, Parameter(name="--format", help="Format of the file, such as camt.053, where its content does not show it.")] = "",
    dry_run: common.DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Import a bank file: all of it or nothing. What matches no account waits in the work list. The same file again changes nothing."""
    from billing.payments import mapping as mappings
    from billing.payments.bank_file import read_content
    from billing.payments.banking.any_format import How, format_of
    from server.actions import payments
    from server.cli import output, practice, progress

    content = None
    if mapping is not None:
        content = mappings.read_content(mapping)
        mappings.decoded(content, mapping)  # before it is sent: a service knows no path
    how = How(format_of(form).value if form else "", content, mapping)
    with progress.show("bank file", "lines") as report:
        opened, done = done_at(
            at,
            lambda home: payments.import_bank_file(home, file, how, common.act(home, dry_run=dry_run), report),
            lambda service: service.payments.import_file(file.name, read_content(file), how, dry_run=dry_run),
        )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, common.plain(done)))
    else:
        _print(done)
        common.print_tried(dry_run=dry_run)
    return 0


def _print(done: Imported) -> None:
    from billing.payments.banking.debits import LISTED
    from server.cli import output

    for finding in done.findings:
        print(f"finding: {output.printable(finding)}")
    if done.existed:
        print(f"{done.file_name} was imported before; nothing changed")
        return
    before = f", {done.known_lines:,} of them came before" if done.known_lines else ""
    outgoing = f"; {counted(done.outgoing_lines, 'outgoing line')} passed over" if done.outgoing_lines else ""
    lines = counted(done.lines, "payment") if done.format == "csv" else f"{done.format}, {counted(done.lines, 'line')}"
    print(f"{done.file_name}: {lines}{before}{outgoing}")
    rows = [(each.what, f"{each.lines:,}", output.amount(each.amount_micros, each.currency), each.currency) for each in done.sums]
    if rows or not done.debits:
        output.print_table(("what", "lines", "amount", "currency"), rows, right=("lines", "amount"))
    _print_debits(done)
    print(f"{counted(done.settled_parts, 'invoice')} settled in whole or in part")
    for line_no, line_id, reason in done.waiting[:_WAITING_SHOWN]:
        print(f"line {line_no} waits in the work list: {output.printable(line_id)}: {reason}")
    waits = sum(each.lines for each in done.sums if each.what != "matched") + sum(each.lines for each in done.debits if each.what in LISTED)
    if waits > _WAITING_SHOWN:
        print(f"{waits - _WAITING_SHOWN:,} more in the work list: `ratewright payment worklist list`")


def _print_debits(done: Imported) -> None:
    """Money that went out, and what follows from returns."""
    from server.cli import output

    if done.debits:
        rows = [(each.what, f"{each.lines:,}", output.amount(each.amount_micros, each.currency), each.currency) for each in done.debits]
        output.print_table(("money that went out", "lines", "amount", "currency"), rows, right=("lines", "amount"))
    for each in done.returns[:_WAITING_SHOWN]:
        follows = f"again from {each.follow_on} on" if each.follow_on else each.follows.replace("_", " ")
        print(
            f"{output.printable(each.line_id)} was given back, {output.printable(each.reason_code) or 'no reason'} ({each.says}): {follows}"
        )
    if len(done.returns) > _WAITING_SHOWN:
        print(f"{len(done.returns) - _WAITING_SHOWN:,} more returns: --json has them")
