"""`ratewright bill preview`, and what `bill run --dry-run` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.bill import BillDate, Threads, parse_date, thread_count
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    import datetime as dt

    from billing.runs.cycle import Order, Preview
    from billing.store.home import Home
    from server.cli.remote.service import Service


def preview(
    *,
    date: BillDate,
    account: Annotated[str | None, Parameter(help="Only this account.")] = None,
    threads: Threads = 0,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show what a run for a date would bill now, and whether it would refuse. Nothing is stored."""
    from billing.runs.cycle import Order

    order = Order(accounts=None if account is None else frozenset({account}))
    show(at, parse_date(date), order, threads, as_json=as_json, account=account)
    return 0


def show(at: Place, day: dt.date, order: Order, threads: int, *, as_json: bool, account: str | None = None) -> Preview:
    """Compute a preview and print it; of one `account` with its lines."""
    import functools

    from server import clock
    from server.actions import bill_runs
    from server.cli import output, practice, stages

    with stages.show("preview") as report:

        def here(home: Home) -> Preview:
            now = functools.partial(clock.now_us, home)
            return bill_runs.preview(home, day, order, now, threads=thread_count(threads), progress=report)

        def there(service: Service) -> Preview:
            if account is not None:
                return service.bill_runs.preview_account(day, account)
            return service.bill_runs.preview(day, order, threads, report, whole=as_json)

        opened, found = done_at(at, here, there)
    if as_json:
        output.print_json(practice.marked(opened, found))
    else:
        practice.say(opened)
        print_preview(found, with_lines=account is not None)
    return found


def print_preview(found: Preview, *, with_lines: bool) -> None:
    """Bills that would be made, and everything else that a run would say."""
    from server.cli import output
    from server.cli.pages import invoice

    rows = [
        (
            account,
            draft.period_from,
            output.last_day(draft.period_to),
            output.amount(draft.net_micros, draft.currency),
            output.amount(draft.tax_micros, draft.currency),
            draft.currency,
        )
        for account, draft in zip(found.account_ids, found.drafts, strict=True)
    ]
    if not rows:
        print("no bills: accounts are left out, see below" if found.quarantined or found.put_aside else "nothing to bill")
    else:
        output.print_table(("account", "from", "to", "net", "tax", "currency"), rows, right=("net", "tax"))
    if with_lines:
        for draft in found.drafts:
            print()
            lines = [
                (
                    invoice.of_class(line.text, line.tax_name),
                    line.subscription_id,
                    output.periods(line.period_from, line.period_to, line.days),
                    invoice.events_text(line),
                    output.amount(line.amount_micros, draft.currency),
                )
                for line in draft.lines
            ]
            output.print_table(("line", "subscription", "period", "events", "amount"), lines, right=("events", "amount"))
    for account, reason in found.quarantined.items():
        print(f"account {account} would be quarantined: {reason}")
    for account, reason in found.put_aside.items():
        print(f"not billed {account}: {reason}")
    if found.goes_on:
        print(f"run {found.goes_on} of this date would go on, as of commit {found.seq}")
    if found.waits:
        print("a run numbers nothing before another person approves its list")
    if found.refused:
        print(f"a run would refuse: {found.refused}")
    for name, text in found.findings.items():
        print(f"a run would refuse while {name} is open: {text}")
