"""`ratewright status`: how a home is doing, on one page."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place


def status(
    *,
    everything: Annotated[bool, Parameter(name="--all", negative="", help="Compute everything, however large the home is.")] = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show a home on one page: what it is and holds, what is due, waits and is open. Each row names the command that says more.

    On a home above 50,000 accounts or 1,000,000 records four rows are not computed without --all: what is due today, dunning, the worth of
    suspense, and usage that is too late. Nothing is proved here: `controls` and `ledger check` do that. A row with * has something to do.
    """
    import msgspec

    from billing.enquiries.home import status as status_of
    from server import clock
    from server.cli import by_service, output, practice

    opened, rows = done_at(
        at,
        lambda home: status_of(home, clock.now_us(home), everything=everything),
        lambda service: service.controls.status(everything=everything),
    )
    commands = by_service.in_texts([each.command for each in rows], at)
    rows = [msgspec.structs.replace(each, command=command) for each, command in zip(rows, commands, strict=True)]
    if as_json:
        output.print_json({"practice": opened.is_practice, "rows": rows})
        return 0
    practice.say(opened)
    output.print_table(
        ("", "what", "state", "more"), [("*" if each.attention else "", each.name, each.says, each.command) for each in rows]
    )
    return 0
