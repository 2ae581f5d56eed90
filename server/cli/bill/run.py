"""`ratewright bill run` and `bill abandon`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.counted import counted
from server.cli.bill import Accounts, BillDate, Threads, account_ids, amounts, bill_date, parse_date, thread_count
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from billing.controls import Book
    from billing.controls.findings import Finding
    from billing.runs.cycle import Order, RunReport
    from billing.runs.selection.left_out import LeftOut
    from billing.runs.trial import Trial
    from billing.store.home import Home
    from server.actions.bill_runs import Ended
    from server.cli.practice import Opened

Flag = Parameter(negative="")


def run(
    *,
    date: BillDate | None = None,
    period: Annotated[str | None, Parameter(help="Instead of --date: the month in which the period begins, such as 2025-10.")] = None,
    bill_day: Annotated[int | None, Parameter(help="With --period: the bill day, 1 if not given.")] = None,
    dry_run: Annotated[bool, Flag, Parameter(help="Show what would be billed; store nothing.")] = False,
    trial: Annotated[
        bool, Flag, Parameter(help="Stop when the list of invoices is computed, and compare it with the last period.")
    ] = False,
    resume: Annotated[bool, Flag, Parameter(help="Only continue the unfinished run of that date.")] = False,
    accounts: Accounts = None,
    everything: Annotated[bool, Flag, Parameter(help="Compute all open periods, also of accounts that nothing has touched.")] = False,
    ahead: Annotated[
        str | None,
        Parameter(
            help="Reason for a run before its date has begun. Another person has to approve it, also where the setting `approval` is off."
        ),
    ] = None,
    wait: Annotated[bool, Flag, Parameter(help="Wait for another run to end.")] = False,
    threads: Threads = 0,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Price, number and post what is due. A run that was interrupted goes on where it ended; run again, it bills nothing twice.

    With --dry-run exit status 1 says that the run would refuse.
    """
    from billing.runs.cycle import Order
    from billing.runs.states import By
    from server import operator

    day, who = bill_date(date, period, bill_day), operator.current()
    order = Order(
        by=By(who.name, who.uid),
        accounts=account_ids(accounts),
        trial=trial,
        resume=resume,
        everything=everything,
        wait=wait,
        ahead=_reason(ahead),
    )
    if dry_run:
        from server.actions.bill_runs import would_refuse
        from server.cli.bill.preview import show

        return 1 if would_refuse(show(at, day, order, threads, as_json=as_json)) else 0
    return _run(at, day, order, threads, as_json=as_json)


def _reason(ahead: str | None) -> str:
    from rating.errors import UserError

    if ahead is not None and not ahead.strip():
        raise UserError("--ahead needs a reason", "say why the run has to be made before its date", exit_status=2)
    return ahead or ""


def abandon(*, date: BillDate, at: Place = HERE, as_json: AsJson = False) -> int:
    """Give up a run that has numbered nothing: one that was interrupted, or of a wrong date. Nothing of it counts; `bill list` keeps it."""
    from billing.runs import cycle
    from billing.runs.states import By, Step
    from server import clock, operator
    from server.cli import output

    day, who = parse_date(date), operator.current()
    _, number = done_at(
        at,
        lambda home: cycle.abandon(home, day, Step(clock.now_us(home), By(who.name, who.uid))),
        lambda service: service.bill_runs.abandon(day),
    )
    if as_json:
        output.print_json({"run_id": number, "bill_date": date})
    else:
        print(f"run {number} of {date} is abandoned; it had billed nothing")
    return 0


def print_report(report: RunReport) -> None:
    """Print the report of a run as a table."""
    from billing.runs.selection.left_out import LeftOut, counted
    from server.cli import output

    again = " (resumed)" if report.resumed else ""
    spans = ", ".join(f"{each.first} .. {each.last}" for each in report.numbers)
    none = "none: what is due is not billed, see below" if report.quarantined or report.put_aside else "none: nothing was left to bill"
    given = f"{report.invoices}  {spans}" if report.invoices else none
    listed = f"{report.drafts} on the list, none numbered"
    rows: list[tuple[str, object]] = [
        ("run", f"{report.run_id} for {report.bill_date}, {report.state}{again}"),
        *([("ahead of its date", report.ahead)] if report.ahead else []),
        ("as of commit", report.pinned_seq),
        ("accounts", report.accounts),
        ("invoices", listed if report.state in {"computed", "rejected"} else given),
        ("net", known_amounts(report, report.net_micros)),
        ("tax", known_amounts(report, report.tax_micros)),
        ("total", known_amounts(report, report.total_micros)),
        *((f"events {name}", count) for name, count in report.events.items()),
        *((f"left out: {name} ({counted(LeftOut(name))})", count) for name, count in report.left_out.items() if count),
        *((f"quarantined {account}", reason) for account, reason in report.quarantined.items()),
        *((f"not billed {account}", reason) for account, reason in report.put_aside.items()),
    ]
    output.print_table(("what", "figure"), rows)


def _run(at: Place, day: dt.date, order: Order, threads: int, *, as_json: bool) -> int:
    import functools

    from server import clock
    from server.actions import bill_runs
    from server.cli import stages

    with stages.show("bill") as report:

        def here(home: Home) -> Ended:
            now = functools.partial(clock.now_us, home)
            return bill_runs.run(home, day, order, now, threads=thread_count(threads), progress=report)

        opened, ended = done_at(at, here, lambda service: service.bill_runs.run(day, order, threads, report))
    return show_ended(opened, ended, at, as_json=as_json)


def show_ended(home: Opened, ended: Ended, at: Place, *, as_json: bool) -> int:
    """Print a run that has ended: with its books, or with its list. Exit status 1 if a book does not balance."""
    from server.cli import output, practice

    if ended.followed:
        return _finish(home, ended, as_json=as_json)
    practice.say(home, as_json=as_json)
    if as_json:
        listed = {"run": ended.run, "trial": ended.trial}
        output.print_json(practice.marked(home, ended.run if ended.trial is None else listed))
        return 0
    print_report(ended.run)
    if ended.trial is not None:
        _print_list(ended, ended.trial, at)
    return 0


def known_amounts(report: RunReport, by_currency: Mapping[str, int]) -> str:
    """Amounts of a run. A list has none where its files are gone, or where it is from before amounts were stored."""
    return "not known" if report.drafts and not by_currency else amounts(by_currency)


def _finish(home: Opened, ended: Ended, *, as_json: bool) -> int:
    """Print a posted run with its books, after runs that were not followed up before."""
    from server.cli import output, practice

    done = ended.run
    if as_json:
        output.print_json(practice.marked(home, done))
    else:
        practice.say(home)
        for each, report in zip(ended.followed, ended.reports, strict=True):
            print_report(report)
            _print_books(each.books, each.open_findings)
            _print_for_good(report)
            print_alarms(each.alarms)
            if each.run_id != done.run_id:
                print()
        _print_open(done.too_late_open, _for_good(done))
    return 0 if ended.balances else 1


def _print_open(records: int | None, of_run: int) -> None:
    """Print how many records all runs have left out for good without a decision, unless this run has just said so."""
    lists = "`ratewright usage too-late` lists"
    if records is None:
        print(f"records may be left out for good without a decision: {lists} them")
    elif records not in {0, of_run}:
        told = f"{counted(records, 'record')}; {lists} {'it' if records == 1 else 'them'}"
        print(f"left out for good by all runs, without a decision: {told}")


def _for_good(report: RunReport) -> int:
    """The number of records that a run has left out for good, decided ones aside."""
    return sum(_counts_for_good(report).values())


def _counts_for_good(report: RunReport) -> dict[LeftOut, int]:
    from billing.runs.selection.left_out import LeftOut, Outlook, outlook

    names = [each for each in LeftOut if outlook(each) is Outlook.FOR_GOOD and each is not LeftOut.DECIDED]
    return {each: report.left_out.get(each.value, 0) for each in names}


def _print_for_good(report: RunReport) -> None:
    """Print how many records a run has left out for good without a decision, if any: by rules of plans, and of closed periods."""
    from billing.runs.selection.left_out import LeftOut

    counts = _counts_for_good(report)
    closed, count = counts[LeftOut.CLOSED], sum(counts.values())
    if count:
        apart = f"{closed:,} of closed periods, {count - closed:,} by rules of plans on late usage"
        lists = f"`ratewright usage too-late` lists {'it, unless a bill has it' if count == 1 else 'those that no bill has'}"
        print(f"left out for good: {counted(count, 'record')} ({apart}); {lists}")


def print_alarms(count: int) -> None:
    """Print how many alarms a run has raised, if any."""
    if count:
        print(f"bills out of the ordinary: {count}; `ratewright bill alarms list` shows them")


def print_failed(failed: Sequence[Book]) -> None:
    """Books that do not balance."""
    for each in failed:
        print(f"  FAILED {each.name}: {each.left:,} is not {each.right:,} {each.unit}")


def _print_list(ended: Ended, found: Trial, at: Place) -> None:
    from server.cli.by_service import for_another
    from server.cli.pages.trial import print_trial

    done = ended.run
    print()
    print_trial(found)
    approve = f"{for_another(f'ratewright bill approve --run {done.run_id}', at)} (another person), then " if ended.waits else ""
    print(f"\nnothing is numbered yet: {approve}ratewright bill run --date {done.bill_date} --resume")


def _print_books(found: Sequence[Book], open_ones: Sequence[Finding]) -> None:
    from server.cli.controls import print_not_compared

    failed = [each for each in found if not each.ok]
    print(f"\n{len(found) - len(failed)} of {len(found)} books of this run balance")
    print_not_compared([each for each in found if each.ok and not each.left])
    print_failed(failed)
    for finding in open_ones:
        print(f"  finding {finding.finding_id}, {finding.owner} by {finding.due_on}: {finding.name}")
