"""`ratewright usage suspense resolve`: one of several versions of an event counts."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder
from server.cli.usage.suspense_common import Definitions, Note  # noqa: TC001 -- cyclopts reads the annotations


def resolve(
    record: Annotated[str, Parameter(name="ID", help="Any of the records in conflict, as the list calls it.")],
    /,
    *,
    keep: Annotated[str, Parameter(help="The version that counts from now on, as shown without this option.")] = "",
    incomplete: Annotated[bool, Parameter(negative="", help="Bill a call or session of the segments that are there.")] = False,
    note: Note = "",
    definition: Definitions = [],  # noqa: B006 -- cyclopts reads it and nobody changes it
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Show the versions of an event that conflict side by side; with --keep, let one of them count and drop the others.

    With --incomplete, a call or session that lacks a segment is made of those that are there.
    """
    from billing.store.home import Home
    from billing.suspense import resolving
    from billing.suspense.deciding import Deciding
    from billing.suspense.final_version import final_version
    from billing.suspense.selection import checked_ids
    from rating.errors import UserError
    from server import operator
    from server.cli import output
    from server.cli.usage import suspense_common as common

    (identifier,) = checked_ids([record])
    if not (identifier.isascii() and identifier.isdecimal()):
        raise UserError(
            f"{record} is not a version of an event in conflict", "`usage suspense --reason conflicting` shows them", exit_status=2
        )
    if (keep or incomplete) and not note:
        raise UserError("a choice needs a reason", "say why with --note", exit_status=2)
    with Home.open(home) as opened:
        asked = common.asking(opened, None, definition)
        what = Deciding(operator.current(), asked.now_us, note)
        if incomplete:
            resolving.keep_incomplete(opened, asked.seq, int(identifier), what)
            _print_incomplete(identifier, as_json=as_json)
            return 0
        found = resolving.versions(opened, asked.seq, int(identifier))
        differences = resolving.differences(opened, found)
        billed = final_version(opened, found)
        if keep:
            resolving.resolve(opened, found, keep, what, asked.definitions)
    if as_json:
        output.print_json(
            {"versions": found.names, "differences": differences, "kept": keep or None, "on_closed_bill": billed and billed.name}
        )
        return 0
    output.print_table(("differs in", *found.names), [(name, *values) for name, values in differences.items()])
    if keep:
        print(f"version {keep} counts; the others are dropped")
    else:
        if billed is not None:
            period = f"the period of {billed.account_id} from {billed.period_from}"
            print(f"version {billed.name} is on the bill of {period}; that period is closed, so only it can be kept")
        name = found.names[0] if billed is None else billed.name
        print(f"to let one count: ratewright usage suspense resolve {record} --keep {name} --note REASON")
    return 0


def _print_incomplete(identifier: str, *, as_json: bool) -> None:
    from server.cli import output

    if as_json:
        output.print_json({"kept": identifier})
    else:
        print(f"record {identifier} is to be made of what is there; `ratewright usage assemble` does it")
