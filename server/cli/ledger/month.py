"""`ratewright ledger month-end|close|reopen|months`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.ledger.common import Entity, MonthText, who

if TYPE_CHECKING:
    from billing.accounting.closing import Closing

_DECIDED: Final = {"reopen_asked": "asked to be reopened"}  # of kinds of decisions, for people; the others are words


def month_end(*, month: MonthText, entity: Entity = "", at: Place = HERE, as_json: AsJson = False) -> int:
    """Show what closing a month would post: deferred and unbilled revenue, and what prevents the closing. Nothing is stored."""
    return _close(at, month, entity, "", as_json=as_json, dry_run=True)


def close(
    *,
    month: MonthText,
    entity: Entity = "",
    reason: Annotated[str, Parameter(help="A note; it is kept with your name.")] = "",
    dry_run: Annotated[bool, Parameter(negative="", help="Show what would be posted, and store nothing.")] = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Post the entries of the month's end and close it. Given again, the command changes nothing."""
    return _close(at, month, entity, reason, as_json=as_json, dry_run=dry_run)


def reopen(
    *,
    month: MonthText,
    reason: Annotated[str, Parameter(help="The reason; it is kept with your name.")],
    entity: Entity = "",
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Propose to reopen a closed month. When another person gives the same command, it is open."""
    from billing.accounting.month_end import month_of
    from billing.ledger import closed_months
    from server.actions import ledger
    from server.cli import output
    from server.cli.payment.common import act

    text = month_of(month).text
    _, standing = done_at(
        at,
        lambda home: ledger.reopen(home, text, entity, reason, act(home, dry_run=False)),
        lambda service: service.ledger.reopen(text, entity, reason),
    )
    if as_json:
        output.print_json({"month": text, "entity": entity, "standing": standing})
    elif standing is closed_months.Standing.REOPENED:
        print(f"{text} is open again")
    else:
        print(f"{text} stays closed until another person gives the same command")
    return 0


def months(*, at: Place = HERE, as_json: AsJson = False) -> int:
    """List what was decided about months, oldest first."""
    from server.actions import ledger
    from server.cli import output
    from server.cli.bill import instant

    _, found = done_at(at, ledger.months, lambda service: service.ledger.months())
    if as_json:
        output.print_json([each._asdict() for each in found])
        return 0
    rows = [(each.entity, each.month, _DECIDED.get(each.kind, each.kind), each.reason, each.by_name, instant(each.at_us)) for each in found]
    output.print_table(("entity", "month", "what", "reason", "by", "at (UTC)"), rows)
    return 0


def _close(at: Place, month: str, entity: str, reason: str, *, as_json: bool, dry_run: bool) -> int:
    from server.actions import month_end as actions
    from server.cli import output, practice, progress

    with progress.show("month end", "events") as report:
        opened, done = done_at(
            at,
            lambda home: actions.close(home, month, entity, reason, who(home), dry_run=dry_run, progress=report),
            lambda service: service.month_ends.close(month, entity, reason, report, dry_run=dry_run),
        )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, done))
    else:
        show_closing(done)
    return 0


def show_closing(done: Closing) -> None:
    """Print the entries of a month's end, what is in the way, and whether the month is closed."""
    from billing.accounting.month_end import PROVISION
    from server.cli import output

    rows = [
        (
            each.kind,
            "" if each.kind == PROVISION.name else each.code,
            each.currency,
            *(output.amount(micros, each.currency) for micros in (each.held_micros, each.target_micros, each.moved_micros)),
        )
        for each in done.entries
    ]
    columns = ("entry", "revenue code", "currency", "held", "should hold", "posted" if done.closed else "to post")
    if rows:
        output.print_table(columns, rows, right=columns[3:])
    for obstacle in done.obstacles:
        print(f"in the way: {obstacle}")
    print(f"{done.month} is closed" if done.closed else f"{done.month}: nothing was stored")
