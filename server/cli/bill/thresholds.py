"""`ratewright bill thresholds`: interim bills of usage that reached a threshold in mid-cycle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.counted import counted
from server.cli.bill import Threads, parse_date, thread_count
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    from billing.documents.interim import InterimRun
    from billing.store.home import Home
    from server.cli.remote.service import Service


def thresholds(
    *,
    date: Annotated[str, Parameter(help="Bill usage of days before this date, such as 2025-11-16; it is the bill date.")],
    dry_run: Annotated[bool, Parameter(negative="", help="Show what would be billed; store nothing.")] = False,
    threads: Threads = 0,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Bill usage that has reached a bill threshold of its plan, and raise alarms for spend limits, each once a period (or day).

    With --dry-run exit status 1 says that nothing could be billed now.
    """
    from billing.documents import interim
    from server import clock
    from server.cli import output, practice, stages
    from server.cli.ledger.common import who

    day = parse_date(date)

    def here(home: Home) -> InterimRun:
        if dry_run:
            return interim.preview(home, day, clock.now_us(home), threads=thread_count(threads))
        return interim.run(home, day, who(home), threads=thread_count(threads))

    def there(service: Service) -> InterimRun:
        with stages.show("thresholds") as report:
            return service.thresholds.bill(day, threads, report, dry_run=dry_run)

    opened, found = done_at(at, here, there)
    status = 1 if found.refused else 0
    if as_json:
        output.print_json(practice.marked(opened, found))
        return status
    practice.say(opened)
    _print_limits(found)
    if found.refused:
        print(f"without --dry-run this is refused: {found.refused}")
    if found.held:
        waiting = ", ".join(f"{each.threshold} of {each.subscription_id}" for each in found.held)
        print(f"reached, and not billed while the bills of its account are held: {waiting}")
    for each in found.passed_by:
        print(f"reached by {date}, but not billed: {each.limit} of {each.subscription_id}: {each.reason}")
    if not found.reached:
        if not (found.held or found.passed_by):
            print(f"no threshold is reached by {date} that has not been billed")
        return status
    rows = [
        (
            each.account_id,
            each.subscription_id,
            each.threshold,
            output.amount(each.threshold_micros, each.currency),
            output.amount(each.unbilled_micros, each.currency),
            each.currency,
            each.period_from,
        )
        for each in found.reached
    ]
    columns = ("account", "subscription", "threshold", "at", "unbilled", "currency", "period from")
    output.print_table(columns, rows, right=("at", "unbilled"))
    print(f"\n{counted(found.invoices, 'interim bill')} " + ("would be made" if dry_run else f"made by run {found.run_id}"))
    return status


def _print_limits(found: InterimRun) -> None:
    from server.cli import output

    if not found.limits:
        return
    rows = [
        (
            each.account_id,
            each.subscription_id,
            each.limit,
            output.amount(each.limit_micros, each.currency),
            output.amount(each.spent_micros, each.currency),
            each.currency,
            each.window_from,
            each.action,
        )
        for each in found.limits
    ]
    columns = ("account", "subscription", "spend limit", "at", "spent", "currency", "from", "action")
    output.print_table(columns, rows, right=("at", "spent"), title="spend limits reached")
    print()
