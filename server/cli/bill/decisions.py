"""`ratewright bill trial|approve|reject`: looking at the list of a computed run, and deciding about it."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from server import clock
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

RunNumber = Annotated[int, Parameter(name="--run", help="The run's number.")]
Note = Annotated[str, Parameter(help="The reason; it is kept with your name.")]


def trial(*, run: RunNumber, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """Compare the list of a computed run with the last period: bills of nothing, jumps, lost accounts, revenue by code."""
    from billing.runs import trial as trials
    from billing.store.home import Home
    from server.cli import output, practice
    from server.cli.pages.trial import print_trial

    with Home.open(home) as opened:
        found = trials.compare(opened, run)
    if as_json:
        output.print_json(practice.marked(opened, found))
    else:
        practice.say(opened)
        print_trial(found)
    return 0


def approve(*, run: RunNumber, note: Note = "", home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """Approve the list of invoices of a run that another person started. It is numbered by `bill run --resume`."""
    return _decide(home, run, "approved", note, as_json=as_json)


def reject(*, run: RunNumber, note: Note, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """Reject the list of invoices of a run: nothing of it is ever billed, and its date can be run again."""
    return _decide(home, run, "rejected", note, as_json=as_json)


def _decide(home: HomeFolder, run: int, kind: str, note: str, *, as_json: bool) -> int:
    from billing.runs import states
    from billing.store.home import Home
    from server import operator
    from server.cli import output

    who = operator.current()
    with Home.open(home) as opened:
        found = states.decide(opened, run, kind, states.By(who.name, who.uid), note, clock.now_us(opened))
    if as_json:
        output.print_json({"run_id": run, "bill_date": found.bill_date, "state": found.state, "decision": kind, "by": who.name})
    elif kind == states.APPROVED:
        print(f"run {run} of {found.bill_date} is approved by {who.name}: ratewright bill run --date {found.bill_date} --resume numbers it")
    else:
        print(f"run {run} of {found.bill_date} is rejected by {who.name}; nothing of it is billed")
    return 0
