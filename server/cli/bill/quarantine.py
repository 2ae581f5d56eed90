"""`ratewright bill quarantine|retry`: accounts that runs put aside, and billing them when the cause is mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.bill import Threads, thread_count
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    from billing.runs.states import By
    from billing.store.home import Home


def quarantine(
    *,
    run: Annotated[int | None, Parameter(name="--run", help="Only of this run.")] = None,
    every: Annotated[bool, Parameter(name="--all", negative="", help="Also those that a later run has billed.")] = False,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """List accounts that runs did not bill, with the reason: in quarantine, held, or for testing."""
    from billing.runs import quarantine as parking
    from billing.store.home import Home
    from server.cli import output, practice

    with Home.open(home) as opened:
        found = parking.parked(opened, run, every=every)
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, {"accounts": found}))
        return 0
    if not found:
        print("no account is put aside")
        return 0
    rows = [(each.run_id, each.bill_date, each.account_id, each.kind, each.reason, each.billed_by or "") for each in found]
    output.print_table(("run", "bill date", "account", "kind", "reason", "billed by run"), rows, right=("run", "billed by run"))
    return 0


def retry(
    *,
    run: Annotated[int, Parameter(name="--run", help="The run whose accounts are tried again.")],
    dry_run: Annotated[bool, Parameter(negative="", help="Show what would be billed; store nothing.")] = False,
    threads: Threads = 0,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Bill the accounts that a run put into quarantine and no run has billed since, for the same date and as of now.

    With --dry-run exit status 1 says that the retry would refuse.
    """
    import functools

    from billing.runs.states import By
    from billing.store.home import Home
    from server import clock, operator
    from server.actions import bill_runs
    from server.cli import stages
    from server.cli.bill.run import show_ended

    who = operator.current()
    with Home.open(home) as opened:
        now, by = functools.partial(clock.now_us, opened), By(who.name, who.uid)
        if dry_run:
            return _preview(opened, run, by, threads, as_json=as_json)
        with stages.show("bill") as report:
            ended = bill_runs.retry(opened, run, by, now, threads=thread_count(threads), progress=report)
        return show_ended(opened, ended, as_json=as_json)


def _preview(home: Home, run: int, by: By, threads: int, *, as_json: bool) -> int:
    """Print what a retry would bill, in the words of `bill run --dry-run`. Exit status 1: it would refuse."""
    from billing.runs import quarantine_retry
    from server import clock
    from server.actions.bill_runs import would_refuse
    from server.cli import output, practice, stages
    from server.cli.bill.preview import print_preview

    with stages.show("preview") as report:
        found = quarantine_retry.preview(home, run, clock.now_us(home), by, threads=thread_count(threads), progress=report)
    if as_json:
        output.print_json(practice.marked(home, found))
    else:
        practice.say(home)
        print_preview(found, with_lines=False)
    return 1 if would_refuse(found) else 0
