"""`ratewright bill trial|approve|reject`: looking at the list of a computed run, and deciding about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server import clock
from server.cli.bill.decided import Decided
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    from billing.store.home import Home

RunNumber = Annotated[int, Parameter(name="--run", help="The run's number.")]
Note = Annotated[str, Parameter(help="The reason; it is kept with your name.")]


def trial(*, run: RunNumber, at: Place = HERE, as_json: AsJson = False) -> int:
    """Compare the list of a computed run with the last period: bills of nothing, jumps, lost accounts, revenue by code."""
    from billing.runs import trial as trials
    from server.cli import output, practice
    from server.cli.pages.trial import print_trial

    opened, found = done_at(at, lambda home: trials.compare(home, run), lambda service: service.bill_runs.trial(run))
    if as_json:
        output.print_json(practice.marked(opened, found))
    else:
        practice.say(opened)
        print_trial(found)
    return 0


def approve(*, run: RunNumber, note: Note = "", at: Place = HERE, as_json: AsJson = False) -> int:
    """Approve the list of invoices of a run that another person started. It is numbered by `bill run --resume`."""
    return _decide(at, run, "approved", note, as_json=as_json)


def reject(*, run: RunNumber, note: Note, at: Place = HERE, as_json: AsJson = False) -> int:
    """Reject the list of invoices of a run: nothing of it is ever billed, and its date can be run again."""
    return _decide(at, run, "rejected", note, as_json=as_json)


def _decide(at: Place, run: int, kind: str, note: str, *, as_json: bool) -> int:
    from billing.runs import states
    from server import operator
    from server.cli import output

    def here(home: Home) -> Decided:
        who = operator.current()
        found = states.decide(home, run, kind, states.By(who.name, who.uid), note, clock.now_us(home))
        return Decided(found.bill_date, found.state, who.name)

    _, done = done_at(at, here, lambda service: service.bill_runs.decide(run, kind, note))
    if as_json:
        output.print_json({"run_id": run, "bill_date": done.bill_date, "state": done.state, "decision": kind, "by": done.by_name})
    elif kind == states.APPROVED:
        numbers = f"ratewright bill run --date {done.bill_date} --resume numbers it"
        print(f"run {run} of {done.bill_date} is approved by {done.by_name}: {numbers}")
    else:
        print(f"run {run} of {done.bill_date} is rejected by {done.by_name}; nothing of it is billed")
    return 0
