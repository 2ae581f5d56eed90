"""`ratewright bill quarantine|retry`: accounts that runs put aside, and billing them when the cause is mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.bill import Threads, thread_count
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    from billing.runs.preview import Preview
    from billing.runs.states import By
    from billing.store.home import Home
    from server.actions.bill_runs import Ended


def quarantine(
    *,
    run: Annotated[int | None, Parameter(name="--run", help="Only of this run.")] = None,
    every: Annotated[bool, Parameter(name="--all", negative="", help="Also those that a later run has billed.")] = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """List accounts that runs did not bill, with the reason: in quarantine, held, or for testing."""
    from billing.runs import quarantine as parking
    from server.cli import output, practice

    opened, found = done_at(
        at, lambda home: parking.parked(home, run, every=every), lambda service: service.bill_runs.quarantine(run, every=every)
    )
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
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Bill the accounts that a run put into quarantine and no run has billed since, for the same date and as of now.

    With --dry-run exit status 1 says that the retry would refuse.
    """
    import functools

    from server import clock
    from server.actions import bill_runs
    from server.cli import stages
    from server.cli.bill.run import show_ended

    if dry_run:
        return _preview(at, run, threads, as_json=as_json)
    with stages.show("bill") as report:

        def here(home: Home) -> Ended:
            now = functools.partial(clock.now_us, home)
            return bill_runs.retry(home, run, _by(), now, threads=thread_count(threads), progress=report)

        opened, ended = done_at(at, here, lambda service: service.bill_runs.retry(run, threads, report))
    return show_ended(opened, ended, at, as_json=as_json)


def _preview(at: Place, run: int, threads: int, *, as_json: bool) -> int:
    """Print what a retry would bill, in the words of `bill run --dry-run`. Exit status 1: it would refuse."""
    from billing.runs import quarantine_retry
    from server import clock
    from server.actions.bill_runs import would_refuse
    from server.cli import output, practice, stages
    from server.cli.bill.preview import print_preview

    with stages.show("preview") as report:

        def here(home: Home) -> Preview:
            return quarantine_retry.preview(home, run, clock.now_us(home), _by(), threads=thread_count(threads), progress=report)

        opened, found = done_at(at, here, lambda service: service.bill_runs.preview_retry(run, threads, report, whole=as_json))
    if as_json:
        output.print_json(practice.marked(opened, found))
    else:
        practice.say(opened)
        print_preview(found, with_lines=False)
    return 1 if would_refuse(found) else 0


def _by() -> By:
    from billing.runs.states import By
    from server import operator

    who = operator.current()
    return By(who.name, who.uid)
