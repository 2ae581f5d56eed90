"""`ratewright bill due`: which bill dates are to be run today."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.counted import counted
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    from billing.runs.dates.due import Due, DueDate


def due(*, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """List bill dates with a period that no run has billed, oldest first, and the command that bills them; by the clocks of accounts.

    `again`: accounts that were billed on that date, and that its run computes once more since something came for them.
    """
    from billing.runs.dates.due import due_dates
    from billing.store.home import Home
    from server import clock
    from server.cli import output, practice

    with Home.open(home) as opened:
        found = due_dates(opened, clock.now_us(opened))
    if as_json:
        output.print_json(practice.marked(opened, found))
    else:
        practice.say(opened)
        _print(found)
    return 0


def _print(found: Due) -> None:
    from server.cli import output

    if found.unfinished:
        print(f"a bill run is not finished, and comes first: {found.unfinished}")
    if not found.dates:
        print("no bill date is to be run today")
        return
    columns = ("bill date", "accounts", "again", "test", "held", "passed by", "command")
    rows = [
        (each.bill_date, each.accounts, each.again, each.test, each.held, each.passed_by, each.command or _why_not(each))
        for each in found.dates
    ]
    output.print_table(columns, rows, right=columns[1:-1])


def _why_not(each: DueDate) -> str:
    if each.clock:
        return f"wait: it has not begun for {counted(each.waiting, 'account')} on the clock of {each.clock}; others: --accounts A,B"
    return "none: a run would bill no account; a run of a later date will"
