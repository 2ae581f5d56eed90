"""`ratewright usage suspense`: what waits for a decision, and the commands that decide; without one of them, the list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.usage.suspense_common import SHOWN_ROWS, BillDate, OfSource

if TYPE_CHECKING:
    from billing.store.home import Home
    from billing.suspense.listing import Listing

_FOLDER = "server.cli.usage"
# name, module and function, what the list of commands says about it
SUSPENSE_COMMANDS = (
    ("list", "suspense:listed", "Show the records that wait, with age and estimated value."),
    ("show", "suspense_show:show", "Show one record with its bytes and what is known of it."),
    ("correct", "suspense_correct:correct", "Preview or save a rule that corrects records."),
    ("recycle", "suspense_recycle:recycle", "Bring records back, unchanged or by a correction."),
    ("resolve", "suspense_resolve:resolve", "Choose among versions that conflict."),
    ("take-back", "suspense_resolve:take_back", "Take a choice among versions back."),
    ("decisions", "suspense_decisions:decisions", "The decisions about records: when, by whom and why."),
    ("write-off", "suspense_write_off:write_off", "Propose to write records off: they are never billed."),
    ("proposals", "suspense_proposals:proposals", "Corrections, write-offs and choices, and the state of each."),
    ("approve", "suspense_proposals:approve", "Agree to another person's proposal, or reject it."),
    ("limit", "suspense_limit:limit", "Show or set the value above which a second person is needed."),
)

app = cyclopts.App(
    name="suspense", help="Records that wait for a decision: rows that could not be read, conflicts, events without a price."
)
for _name, _path, _summary in SUSPENSE_COMMANDS:
    if _name != "list":
        app.command(f"{_FOLDER}.{_path}", name=_name, help=_summary)


@app.default
@app.command(name="list")
def listed(
    *,
    source: OfSource = "",
    reason: Annotated[str | None, Parameter(help="Only records that wait for this reason, such as conflicting.")] = None,
    date: BillDate = None,
    limit: Annotated[int, Parameter(help="Records to show, oldest first.")] = SHOWN_ROWS,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show what waits for a decision, with age and an estimate of what it may be worth.

    Listed are rows that could not be read, versions of one event that conflict, and rows that are too old or lie in the future. So are
    calls without one of their segments, and events that the bill runs could not price. Values are estimates at the likely tariff.
    """
    from billing.intake.known_records.source_memory import require_source
    from billing.suspense.listing import listing
    from billing.suspense.selection import Selection
    from server import clock
    from server.cli import output, practice
    from server.cli.usage.suspense_common import day_of

    selection, day = Selection(source, () if reason is None else (reason,)), day_of(date)

    def here(home: Home) -> Listing:
        if source:
            require_source(home, source)
        return listing(home, selection, clock.now_us(home), limit=limit, bill_date=day)

    opened, found = done_at(at, here, lambda service: service.suspense.listing(selection, limit, day))
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, found))
    elif not found.counts:
        print("nothing waits in suspense")
    else:
        _print(found)
    return 0


def _print(found: Listing) -> None:
    from server.cli import output
    from server.cli.usage.suspense_common import instant, money

    groups = [
        (
            each.source,
            each.reason,
            each.records,
            each.rows if each.rows > each.records else "",
            instant(each.first_seen_us),
            instant(each.last_seen_us),
            ", ".join(f"{name}: {count:,}" for name, count in each.ages.items()),
            money(each.estimated, each.unknown),
        )
        for each in found.counts
    ]
    columns = ("source", "reason", "records", "versions", "first seen (UTC)", "last seen", "age", "worth")
    output.print_table(columns, groups, right=("records", "versions"))
    print("what it is worth is an estimate at the likely tariff, before allowances and tax")
    if any(each.rows > each.records for each in found.counts):
        print("a record in several versions counts once, with the version that is worth the most")
    print()
    rows = [
        (
            each.id,
            each.reason,
            each.age_days,
            instant(each.start_us),
            each.served_id,
            output.about(each.estimated_micros, each.currency) + f" {each.currency}" if each.currency else "",
            each.basis + (", corrected: the next bill run prices it" if each.mended else ""),
            each.file or "stream",
            each.place,
            each.raw,
        )
        for each in found.rows
    ]
    columns_of_rows = ("id", "reason", "days", "start (UTC)", "served", "worth about", "by", "file", "place", "row")
    output.print_table(columns_of_rows, rows, right=("days", "worth about", "place"))
    if found.total > len(found.rows):
        print(f"{found.total - len(found.rows):,} more: --limit {found.total} shows all")
