"""`ratewright bill list`: which runs there were, who started them, how long they took, and their state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.counted import counted
from rating.dates import SECOND_US
from server.cli.bill import instant
from server.cli.bill.run import known_amounts
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    from billing.runs.cycle import RunReport


def list_(*, at: Place = HERE, as_json: AsJson = False) -> int:
    """List bill runs, oldest first."""
    from billing.runs import reports
    from server.cli import output, practice

    opened, runs = done_at(at, reports.list_runs, lambda service: service.bill_runs.list_runs())
    if as_json:
        output.print_json(practice.marked(opened, runs))
        return 0
    practice.say(opened)
    rows = [
        (
            each.run_id,
            each.bill_date,
            _state(each),
            each.accounts,
            each.invoices or (f"{each.drafts} listed" if each.drafts else 0),
            known_amounts(each, each.total_micros),
            each.kind,
            each.started_by,
            instant(each.started_us),
            _took(each),
            each.approved_by,
            each.ahead,
        )
        for each in runs
    ]
    columns = (
        "run", "bill date", "state", "accounts", "invoices", "total", "kind", "by", "started (UTC)", "took", "approved by",
        "ahead of its date",
    )  # fmt: skip
    output.print_table(columns, rows, right=("run", "accounts", "invoices", "total", "took"))
    return 0


def _state(run: RunReport) -> str:
    """The state of a run, and what was undone of it."""
    words = [run.state]
    words += [f"undone for {counted(run.undone_accounts, 'account')}"] if run.undone_accounts else []
    words += [f"undoing proposed by {run.undo_proposed_by}"] if run.undo_proposed_by else []
    return ", ".join(words)


def _took(run: RunReport) -> str:
    """Time to compute, and to number and post: what lies between is waiting for approval."""
    spans = [(run.started_us, run.computed_us), (run.numbered_us, run.finished_us)]
    seconds = [(end - start) / SECOND_US for start, end in spans if start and end]
    return f"{sum(seconds):.1f} s" if seconds else ""
