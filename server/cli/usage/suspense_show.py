"""`ratewright usage suspense show`: one record, and all that is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from rating.counted import counted
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.usage.suspense_common import BillDate  # noqa: TC001 -- cyclopts reads the annotations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.suspense.showing import Shown


def show(
    record: Annotated[str, Parameter(name="ID", help="The record, as the list calls it.")],
    /,
    *,
    date: BillDate = None,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show one record: why it waits and the remedy, its bytes as its file had them, what was read of them, and its value.

    Versions that conflict are shown side by side. Of a record that no longer waits, it shows what became of it.
    """
    from billing.suspense.selection import checked_ids
    from billing.suspense.showing import show as show_record
    from server.cli import output, practice
    from server.cli.usage.suspense_common import asking, day_of

    (identifier,) = checked_ids([record])
    day = day_of(date)
    opened, found = done_at(
        at, lambda home: show_record(home, identifier, asking(home, day)), lambda service: service.suspense.show(identifier, day)
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, found))
    else:
        _print(found)
    return 0


def _print(found: Shown) -> None:
    from server.cli import output
    from server.cli.pages import usage_columns
    from server.cli.usage.suspense_common import instant

    rows: list[tuple[str, object]] = [("reason", found.reason), ("which means", found.meaning)]
    entry = found.entry
    if entry is not None:
        worth = f"about {output.about(entry.estimated_micros, entry.currency)} {entry.currency}" if entry.currency else "unknown"
        seen = f"{instant(entry.first_seen_us)} .. {instant(entry.last_seen_us)} UTC; waits for {counted(entry.age_days, 'day')}"
        place = f"{entry.file or 'stream'}, {entry.place}" + ("" if entry.row else f", {counted(entry.length, 'byte')}")
        rows += [("source", entry.source), ("worth", f"{worth} ({entry.basis})"), ("seen", seen), ("place", place)]
    if found.came_again:
        rows.append(("came again", f"{counted(found.came_again, 'time')}, as duplicate in the books"))
    rows += [("decided", _decided(each, waits=entry is not None)) for each in found.decisions]
    rows += [(usage_columns.head(name), usage_columns.shown(name, value)) for name, value in found.fields.items() if not found.differences]
    output.print_table(("what", "is"), rows)
    if found.differences:
        print()
        output.print_table(("differs in", *found.versions), usage_columns.side_by_side(found.differences))
    if found.segments:
        print()
        segments = [tuple(usage_columns.shown(name, value) for name, value in each.items()) for each in found.segments]
        output.print_table(tuple(usage_columns.head(name) for name in found.segments[0]), segments, right=("duration",))
    print()
    print(f"not at hand: {found.raw_problem}" if found.raw_problem else output.printable(found.raw_text))
    if found.raw_hex:
        print(found.raw_hex)


def _decided(decision: Mapping[str, Any], *, waits: bool) -> str:
    """One decision; on another record of its event, where this one waits."""
    from server.cli.usage.suspense_common import instant

    approved = f", approved by {decision['approved_by']['name']}" if decision["approved_by"] else ""
    proposal = f", proposal {decision['proposal_id']}" if decision["proposal_id"] else ""
    when = f"{instant(decision['at_us'])} UTC"
    verdict = str(decision["verdict"]).replace("_", " ")
    about = f"record {decision['suspense_id']} " if waits else ""
    return f"{about}{verdict} by {decision['by']['name']} on {when}{approved}{proposal}: {decision['reason']}"
