"""A trial as text: a computed run beside the last period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rating.counted import counted
from server.cli.bill import amounts

if TYPE_CHECKING:
    from billing.runs.trial import Changes, Trial

RUNS_SHOWN: Final = 3  # the newest ones


def print_trial(found: Trial) -> None:
    """The comparison as tables."""
    from server.cli import output

    shown = [f"run {run_id} of {bill_date}" for run_id, bill_date in list(found.compared_runs.items())[-RUNS_SHOWN:]]
    more = len(found.compared_runs) - len(shown)
    then = ", ".join([*([counted(more, "run")] if more else []), *shown]) or "nothing before"
    rows = [
        *([("ahead of its date", "", found.ahead)] if found.ahead else []),
        ("compared with", "", then),
        ("invoices", f"{found.invoices_then:,}", f"{found.invoices_now:,}"),
        ("total", amounts(found.total_micros_then), amounts(found.total_micros_now)),
        ("bills of nothing", "", f"{found.zero_bills.count:,}"),
        ("five times the last bill or more", "", f"{found.jumps.count:,}"),
        ("no bill any more", "", f"{found.lost.count:,}"),
        ("first bill", "", f"{found.new.count:,}"),
        ("put aside", "", f"{found.put_aside:,}"),
    ]
    output.print_table(("trial", "then", "now"), rows, right=("then", "now"))
    for title, changes in (("bills of nothing", found.zero_bills), ("jumps", found.jumps), ("no bill any more", found.lost)):
        _print_changes(title, changes)
    revenue = [
        (each.revenue_code, output.amount(each.then_micros, each.currency), output.amount(each.now_micros, each.currency), each.currency)
        for each in found.revenue
    ]
    if revenue:
        print()
        output.print_table(("revenue code", "then", "now", "currency"), revenue, right=("revenue code", "then", "now"))


def _print_changes(title: str, changes: Changes) -> None:
    from server.cli import output

    if not changes.count:
        return
    print()
    rows = [
        (each.account_id, output.amount(each.then_micros, each.currency), output.amount(each.now_micros, each.currency), each.currency)
        for each in changes.shown
    ]
    shown = f" (the {len(rows)} that moved most)" if len(rows) < changes.count else ""
    output.print_table(("account", "then", "now", "currency"), rows, right=("then", "now"), title=f"{title}: {changes.count:,}{shown}")
