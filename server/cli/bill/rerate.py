"""`ratewright bill rerate|rerate-list|rerate-approve|rerate-reject|rerate-apply`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli import by_service
from server.cli.bill import Threads  # noqa: TC001 -- cyclopts reads the annotations when the command runs
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    from billing.rerate.figures import Beyond, Figures
    from billing.rerate.jobs import Job
    from billing.store.home import Home
    from server.cli.remote.service import Service

Named = Annotated[
    str | None,
    Parameter(help="Only these of the accounts with the plan: a,b or @file with one id a line.", allow_leading_hyphen=True),
]
_MOVED = (
    "its bills have usage that is another account's now, by its number or by the version that counts: the next run corrects open periods;"
    " for a closed one bill or give back a difference by hand"
)
_CAUSES = "a difference is what is due by the tariffs in force now, and by the facts that the last run knew, less what was billed"
JobId = Annotated[int, Parameter(help="Number of the re-rating, as `bill rerate-list` shows it.")]


def rerate(
    *,
    plan: Annotated[str, Parameter(help="Plan, such as mobile/smart-m; its add-ons are with it.")],
    version: Annotated[int, Parameter(help="The version that prices it now.")],
    periods: Annotated[str, Parameter(help="Months, such as 2026-08 or 2026-08..2026-10.")],
    accounts: Named = None,
    dry_run: Annotated[bool, Parameter(negative="", help="Show what it comes to, and store nothing.")] = False,
    threads: Threads = 0,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Rate charges of billed months again and store the difference as a re-rating. Nothing is billed until another person approved it."""
    from billing.rerate import jobs
    from billing.rerate.request import request
    from server.cli import output, practice
    from server.cli.bill import account_ids, thread_count
    from server.cli.ledger.common import who
    from server.cli.stages import show

    named = account_ids(accounts)
    wanted = request(plan, version, periods, None if named is None else tuple(named))
    with show("rerate") as report:

        def here(home: Home) -> tuple[Figures, Job | None]:
            if dry_run:
                return jobs.preview(home, wanted, threads=thread_count(threads), progress=report), None
            job = jobs.plan(home, wanted, who(home), threads=thread_count(threads), progress=report)
            return job.figures, job

        def there(service: Service) -> tuple[Figures, Job | None]:
            return service.reratings.plan(plan, version, periods, named, threads, report, dry_run=dry_run)

        opened, (found, job) = done_at(at, here, there)
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, found if job is None else job))
        return 0
    _print_figures(found)
    if job is None:
        print("nothing was stored")
    else:
        known = " is there already" if job.existed else ""
        then = {
            jobs.WAITING: ("another person approves it", f"ratewright bill rerate-approve {job.job_id}"),
            jobs.APPROVED: ("it is billed with", f"ratewright bill rerate-apply {job.job_id} --date ..."),
        }
        says, command = then.get(job.state, ("", ""))
        print(f"re-rating {job.job_id}{known}: {job.state}" + (f"; {says}: {by_service.for_another(command, at)}" if says else ""))
    return 0


def rerate_list(*, at: Place = HERE, as_json: AsJson = False) -> int:
    """List re-ratings, their amounts and their states."""
    from billing.rerate import jobs
    from server.cli import output, practice
    from server.cli.bill import amounts

    opened, found = done_at(at, jobs.jobs, lambda service: service.reratings.list_jobs())
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, found))
        return 0
    rows = [
        (each.job_id, each.request.plan, each.request.version, output.period(f"{each.request.first_day}", each.request.after_day),
         each.figures.accounts, amounts(each.figures.net_micros), each.state, _taken(each, jobs.PLANNED),
         _taken(each, jobs.APPROVED, jobs.REJECTED), _taken(each, jobs.APPLIED))
        for each in found
    ]  # fmt: skip
    steps = ("planned by, at (UTC)", "approved or rejected by", "applied by")
    columns = ("job", "plan", "version", "days", "accounts", "net", "state", *steps)
    output.print_table(columns, rows, right=("job", "version", "accounts", "net"))
    return 0


def _taken(job: Job, *kinds: str) -> str:
    """The person who took a step, and the time; empty where it was not taken."""
    from server.cli.bill import instant

    step = job.step(*kinds)
    return "" if step is None else f"{step.by_name}, {instant(step.at_us)}"


def rerate_approve(
    job: JobId,
    *,
    note: Annotated[str, Parameter(help="A note; it is kept with your name.")] = "",
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Approve a re-rating that another person planned."""
    return _decide(at, job, "approved", note, as_json=as_json)


def rerate_reject(job: JobId, *, note: Annotated[str, Parameter(help="Why.")], at: Place = HERE, as_json: AsJson = False) -> int:
    """Reject a re-rating. Nothing of it is billed."""
    return _decide(at, job, "rejected", note, as_json=as_json)


def rerate_apply(
    job: JobId,
    *,
    date: Annotated[str, Parameter(help="Date of the documents.")],
    threads: Threads = 0,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Make the invoices and credit notes of an approved re-rating. Given again, the command makes nothing."""
    from billing.rerate import jobs
    from server.cli import output, practice
    from server.cli.bill import amounts, parse_date, thread_count
    from server.cli.ledger.common import who
    from server.cli.stages import show

    on = parse_date(date)
    with show("rerate") as report:
        opened, done = done_at(
            at,
            lambda home: jobs.apply(home, job, on, who(home), threads=thread_count(threads), progress=report),
            lambda service: service.reratings.apply(job, on, threads, report),
        )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, done))
    elif done.existed:
        print(f"re-rating {job} was applied before; nothing changed")
    else:
        runs = ", ".join(str(each) for each in done.run_ids) or "none: there was nothing to bill"
        print(f"re-rating {job} is billed, net {amounts(done.figures.net_micros)}; runs: {runs}")
    return 0


def _beyond(found: Beyond) -> str:
    from server.cli import output

    return f"{output.amount(found.micros, found.currency)} {found.currency} given back beside {', '.join(found.notes)}, which stays given"


def _decide(at: Place, job: int, kind: str, note: str, *, as_json: bool) -> int:
    from billing.rerate import jobs
    from server.cli import output, practice
    from server.cli.ledger.common import who

    opened, done = done_at(
        at, lambda home: jobs.decide(home, job, kind, note, who(home)), lambda service: service.reratings.decide(job, kind, note)
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, done))
    else:
        print(f"re-rating {job} is {done.state} by {done.decided_by}")
    return 0


def _print_figures(found: Figures) -> None:
    from server.cli import output
    from server.cli.bill import amounts

    rows: list[tuple[str, object]] = [
        ("accounts", found.accounts),
        ("pay more", found.dearer),
        ("pay less", found.cheaper),
        ("unchanged", found.unchanged),
        ("net", amounts(found.net_micros)),
        ("tax", amounts(found.tax_micros)),
        *((f"revenue code {name}", output.amount(micros, name.split()[0])) for name, micros in found.by_revenue_code.items()),
        *((f"left alone {account}", "the next run computes it anyway") for account in found.left_alone),
        *((f"left alone {account}", _MOVED) for account in found.moved),
        *((f"cannot be billed {account}", reason) for account, reason in found.quarantined.items()),
        *((f"more than billed {account}", _beyond(each)) for account, each in found.beyond.items()),
    ]
    output.print_table(("what", "figure"), rows)
    if found.net_micros:
        print(_CAUSES)
    for currency, tenths in found.deciles.items():
        shown = [(f"{place * 10} %", output.amount(micros, currency)) for place, micros in enumerate(tenths)]
        print()
        output.print_table(("of accounts, up to", f"difference in {currency}"), shown, right=(f"difference in {currency}",))
    if found.largest:
        print()
        largest = [(each.account_id, output.amount(each.net_micros, each.currency), each.currency) for each in found.largest]
        output.print_table(("largest differences", "net", "currency"), largest, right=("net",))
