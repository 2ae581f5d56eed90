"""`ratewright bill run|abandon|preview|list|refused|explain|verify`: the bill cycle."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Annotated, Literal

import cyclopts
from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.runs.cycle import Preview
    from billing.runs.reports import RunReport

app = cyclopts.App(name="bill", help="Run the bill cycle, or preview one account.")
BillDate = Annotated[str, Parameter(name="--date", help="Bill date, such as 2025-11-01: periods that ended by then are billed.")]
Threads = Annotated[int, Parameter(help="Threads that price usage and write charges; 0 for one a processor.")]
RunName = Annotated[str, Parameter(name="--run", help="A run's number, or latest.")]
SHOWN_ROWS = 50


@app.command
def run(*, date: BillDate, threads: Threads = 0, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """Price, number and post what is due. A run that was interrupted goes on where it ended; run again, it bills nothing twice."""
    from billing.intake.taking import Intake
    from billing.runs import cycle
    from billing.store.home import Home
    from server.cli import output, progress

    bill_date = parse_date(date)
    with Home.open(home) as opened, progress.show("bill", "events") as report:
        Intake(opened).assemble(now_us())  # calls that lack a segment wait no longer than their source allows
        done = cycle.run(opened, bill_date, now_us(), threads=_threads(threads), progress=report)
    if as_json:
        output.print_json(done)
    else:
        _print_report(done)
    return 0


@app.command
def abandon(*, date: BillDate, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """Forget a run that was interrupted before it numbered its invoices, such as one of a wrong date. Nothing of it counts."""
    from billing.runs import cycle
    from billing.store.home import Home
    from server.cli import output

    bill_date = parse_date(date)
    with Home.open(home) as opened:
        run_id = cycle.abandon(opened, bill_date)
    if as_json:
        output.print_json({"run_id": run_id, "bill_date": date})
    else:
        print(f"run {run_id} of {date} is forgotten; it had billed nothing")
    return 0


@app.command
def preview(
    *,
    date: BillDate,
    account: Annotated[str | None, Parameter(help="Only this account.")] = None,
    threads: Threads = 0,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Show what a run for a date would bill now. Nothing is stored."""
    from billing.accounts import lookup
    from billing.runs import cycle
    from billing.store.home import Home
    from server.cli import output, progress

    bill_date = parse_date(date)
    with Home.open(home) as opened, progress.show("preview", "events") as report:
        only = None if account is None else {lookup.show_account(opened, account).account.account_id}
        found = cycle.preview(opened, bill_date, threads=_threads(threads), progress=report, accounts=only)
    if as_json:
        output.print_json(found)
    else:
        _print_preview(found, with_lines=account is not None)
    return 0


@app.command(name="list")
def list_(*, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """List bill runs."""
    from billing.runs import reports
    from billing.store.home import Home
    from server.cli import output

    with Home.open(home) as opened:
        runs = reports.list_runs(opened)
    if as_json:
        output.print_json(runs)
        return 0
    rows = [(each.run_id, each.bill_date, each.state, each.accounts, each.invoices, amounts(each.total_micros)) for each in runs]
    output.print_table(("run", "bill date", "state", "accounts", "invoices", "total"), rows, right=("run", "accounts", "invoices", "total"))
    return 0


@app.command
def refused(
    *,
    run: RunName = "latest",
    reason: Annotated[str | None, Parameter(help="Only events refused for this reason, such as NO_ZONE.")] = None,
    limit: Annotated[int, Parameter(help="How many events to show, oldest first.")] = SHOWN_ROWS,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Show events that a run could not price. They are billed by the next run after the cause is mended.

    `ratewright usage suspense` lists them as they stand now, with everything else that waits, and corrects or writes them off.
    """
    from billing.runs.refusals import refusals
    from billing.store.home import Home
    from server.cli import output

    with Home.open(home) as opened:
        found = refusals(opened, _run_id(run), reason, limit)
    if as_json:
        output.print_json(found)
        return 0
    if not found.counts:
        print(f"run {found.run_id} refused no event")
        return 0
    output.print_table(("reason", "events"), sorted(found.counts.items()), right=("events",), title=f"refused by run {found.run_id}")
    print()
    rows = [(each.reason, each.source, each.record_id, each.served_id, each.destination, _instant(each.start_us)) for each in found.rows]
    output.print_table(("reason", "source", "record", "served", "destination", "start (UTC)"), rows)
    return 0


@app.command
def explain(
    record: Annotated[str, Parameter(help="What its source calls the record, as `bill refused` shows it.")],
    *,
    run: RunName = "latest",
    language: Annotated[Literal["en", "zh"], Parameter(help="Language.")] = "en",
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Explain what a run made of a record, priced or refused, down to its increments."""
    from billing.explain_line import explain_record
    from billing.store.home import Home
    from rating import explain as explained
    from server.cli import output

    with Home.open(home) as opened:
        found = explain_record(opened, record, _run_id(run))
    if as_json:
        output.print_json({"record_id": record, "events": [explained.as_json(outcome) for outcome in found]})
        return 0
    print("\n\n".join(explained.as_text(outcome, language) for outcome in found))
    return 0


@app.command
def verify(
    *,
    run: RunName = "latest",
    sample: Annotated[int, Parameter(help="At least how many events to price again.")] = 30_000,
    seed: Annotated[int, Parameter(help="Chooses the sample.")] = 1,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Price a random sample of a run again with the plain reference and compare every figure. Exit status 1 if one differs."""
    from billing.rerate_sample import rerate
    from billing.store.home import Home
    from server.cli import output, progress

    with Home.open(home) as opened, progress.show("verify", "events") as report:
        found = rerate(opened, _run_id(run), sample, seed, progress=report)
    if as_json:
        output.print_json(found)
    else:
        print(f"run {found.run_id}: {found.events:,} of {found.population:,} events priced again, {found.disagreements} differ")
        print(f"arithmetic-disagreement rate at most {found.upper_bound:.2e} with 95 % confidence")
        for each in found.examples:
            print(f"  {each}")
    return 1 if found.disagreements else 0


def parse_date(text: str) -> dt.date:
    """A date of the command line. Raises UserError when it is none."""
    from rating.errors import UserError

    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"{text!r} is not a date", "write it as 2025-11-01", exit_status=2) from error


def now_us() -> int:
    """The clock, which only the command line and the service read."""
    return time.time_ns() // 1000


def amounts(by_currency: Mapping[str, int]) -> str:
    """Such as `1,234.50 CNY`."""
    from server.cli import output

    return ", ".join(f"{output.amount(micros, currency)} {currency}" for currency, micros in sorted(by_currency.items())) or "0"


def _threads(threads: int) -> int:
    import os

    from rating.errors import UserError

    if threads < 0:
        raise UserError(f"--threads {threads} is below zero", "give 1 or more, or 0 for one a processor", exit_status=2)
    return threads or len(os.sched_getaffinity(0))


def _run_id(name: str) -> int | None:
    from rating.errors import UserError

    if name == "latest":
        return None
    if not name.isdecimal():
        raise UserError(f"{name!r} is not a run", "give its number, or latest", exit_status=2)
    return int(name)


def _print_report(report: RunReport) -> None:
    from server.cli import output

    again = " (resumed)" if report.resumed else ""
    rows: list[tuple[str, object]] = [
        ("run", f"{report.run_id} for {report.bill_date}, {report.state}{again}"),
        ("as of commit", report.pinned_seq),
        ("accounts", report.accounts),
        (
            "invoices",
            f"{report.invoices}  {report.first_number} .. {report.last_number}" if report.invoices else "none: nothing was left to bill",
        ),
        ("net", amounts(report.net_micros)),
        ("tax", amounts(report.tax_micros)),
        ("total", amounts(report.total_micros)),
        *((f"events {name}", count) for name, count in report.events.items()),
        *((f"left out: {name}", count) for name, count in report.left_out.items() if count),
        *((f"quarantined {account}", reason) for account, reason in report.quarantined.items()),
    ]
    output.print_table(("what", "figure"), rows)


def _print_preview(found: Preview, *, with_lines: bool) -> None:
    from server.cli import output

    rows = [
        (
            account,
            draft.period_from,
            draft.period_to,
            output.amount(draft.net_micros, draft.currency),
            output.amount(draft.tax_micros, draft.currency),
            draft.currency,
        )
        for account, draft in zip(found.account_ids, found.drafts, strict=True)
    ]
    if not rows:
        print("nothing to bill")
    else:
        output.print_table(("account", "from", "to", "net", "tax", "currency"), rows, right=("net", "tax"))
    if with_lines:
        for draft in found.drafts:
            print()
            lines = [
                (line.text, line.period_from, line.period_to, line.events, output.amount(line.amount_micros, draft.currency))
                for line in draft.lines
            ]
            output.print_table(("line", "from", "to", "events", "amount"), lines, right=("events", "amount"))
    for account, reason in found.quarantined.items():
        print(f"account {account} would be quarantined: {reason}")
    for name, text in found.findings.items():
        print(f"a run would refuse while {name} is open: {text}")


def _instant(instant_us: int) -> str:
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=instant_us)
    return moment.strftime("%Y-%m-%d %H:%M:%S")
