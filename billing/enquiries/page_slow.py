"""Rows of the page of a home that compute over all accounts, all charges or all usage."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Final

from billing import dunning
from billing.dunning.steps import UNDONE
from billing.enquiries.page_row import Row, estimates, some
from billing.runs.dates.due import due_dates
from rating.counted import counted
from rating.dates import utc_date

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.runs.dates.due import DueDate
    from billing.store.home import Home


def _due(home: Home, now_us: int) -> Row:
    found = due_dates(home, now_us)
    dates = [f"{each.bill_date} ({_whom(each)})" for each in found.dates if each.command]
    waiting = [each.bill_date for each in found.dates if each.clock]
    nobody = [each.bill_date for each in found.dates if not each.command and not each.clock]
    says = f"to be run today: {some(dates)}" if dates else "no bill date is to be run today"
    says += f"; not begun on every clock: {some(waiting)}" if waiting else ""
    says += f"; a run would bill no account: {some(nobody)}" if nobody else ""
    named = ("bill_date", "accounts", "again", "test", "clock", "command")
    figures = {"dates": [{name: getattr(each, name) for name in named} for each in found.dates]}
    return Row("due today", says, "ratewright bill due", attention=bool(dates), figures=figures)


def _whom(due: DueDate) -> str:
    """The accounts that a run of a date is for, as columns of `bill due` have them."""
    told = [
        counted(due.accounts, "account") if due.accounts else "",
        f"{due.again:,} computed again" if due.again else "",
        counted(due.test, "test account") if due.test else "",
    ]
    return ", ".join(each for each in told if each)


def _suspense_value(home: Home, now_us: int) -> Row:
    """Everything that waits, also what rating refused, and what it may be worth."""
    from billing.suspense.listing import listing  # noqa: PLC0415 -- kernels, which a large home does not load for this page
    from billing.suspense.selection import Selection  # noqa: PLC0415 -- as above

    found = listing(home, Selection(), now_us, limit=0)
    worth: dict[str, int] = collections.Counter()
    for group in found.counts:
        worth.update(group.estimated)
    unknown, records = (sum(getattr(group, name) for group in found.counts) for name in ("unknown", "records"))
    told = estimates(dict(worth)) or "nothing known"
    rows = f" ({counted(found.total, 'row')})" if found.total > records else ""
    says = (
        f"{counted(records, 'record')}{rows}, worth about {told}" + (f"; {unknown:,} of unknown worth" if unknown else "")
        if found.total
        else "nothing waits"
    )
    figures = {"records": records, "rows": found.total, "estimated_micros": dict(worth), "unknown": unknown}
    return Row("suspense and its worth", says, "ratewright usage suspense", attention=found.total > 0, figures=figures)


def _too_late(home: Home, now_us: int) -> Row:
    from billing.too_late.listing import listed  # noqa: PLC0415 -- as above

    found = listed(home, now_us)
    worth: dict[str, int] = collections.Counter()
    for each in found.sums:
        worth[each.currency] += each.worth_micros
    told = estimates(dict(worth))
    says = counted(len(found.records), "record") + (f", worth about {told}" if told else "") if found.records else "none"
    figures = {"records": len(found.records), "worth_micros": dict(worth)}
    return Row("too late usage", says, "ratewright usage too-late", attention=bool(found.records), figures=figures)


def _dunning_due(home: Home, now_us: int) -> Row:
    today = utc_date(now_us)
    runs = dunning.runs(home)
    last = max((each.as_of for each in runs if each.state != UNDONE), default="")
    undone = runs[-1].undoing if runs else None
    before = f"; last run of {last}" if last else "; never run"
    if undone is not None:
        before += f"; run {undone.run_id} of {undone.as_of} is undone by {undone.asked_by} and {undone.by_name}: {undone.reason}"
    if last > today.isoformat():
        return Row(
            "dunning due", f"a run of {last} is ahead of today", "ratewright dunning list", attention=True, figures={"last_run": last}
        )
    counts = collections.Counter(each.action for each in dunning.preview(home, today))
    told = ", ".join(f"{number:,} to {action.replace('_', ' ')}" for action, number in sorted(counts.items()))
    figures = {"date": today.isoformat(), "steps": dict(counts), "last_run": last}
    command = f"ratewright dunning preview --date {today}"
    return Row("dunning due", (told or "no account changes its state") + before, command, attention=bool(counts), figures=figures)


SLOW: Final[tuple[tuple[str, str, Callable[[Home, int], Row]], ...]] = (
    ("due today", "ratewright bill due", _due),
    ("dunning due", "ratewright dunning preview", _dunning_due),
    ("suspense and its worth", "ratewright usage suspense", _suspense_value),
    ("too late usage", "ratewright usage too-late", _too_late),
)
