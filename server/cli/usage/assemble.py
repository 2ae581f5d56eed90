"""`ratewright usage assemble`: calls and sessions whose segments are not all there, and the time that is up for them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.dates import instant_of, utc_time
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    from billing.intake.assembly.segment_groups import Past

SHOWN = 50


def assemble(
    *,
    until: Annotated[
        str | None, Parameter(name="--at", help="End the waiting that lasts until this time, such as 2026-03-05T12:00:00Z, instead of now.")
    ] = None,
    limit: Annotated[int, Parameter(help="Incomplete calls to show; those whose timeout has passed come first.")] = SHOWN,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Put calls and sessions into suspense that lack a segment and have waited as long as their source allows; show what is incomplete.

    Intake puts segments together whenever one comes in, so nothing depends on this command but the end of waiting. Collecting files does
    it as well, and so does a bill run. What was decided to be complete as it is (`ratewright usage suspense resolve`) is put together.
    """
    from rating.errors import UserError

    if limit < 0:
        raise UserError("--limit is below 0", "give how many calls to show, such as --limit 50", exit_status=2)
    due_us = None if until is None else _instant_us(until)

    from billing.intake.assembly import segment_groups
    from billing.intake.taking import Intake
    from server import clock
    from server.actions import usage_upkeep
    from server.cli import output

    _, done = done_at(
        at,
        lambda home: usage_upkeep.assemble(home, Intake(home), clock.now_us(home), due_us, limit),
        lambda service: service.usage_upkeep.assemble(due_us, limit),
    )
    states, rows = done.counts, done.incomplete
    if as_json:
        output.print_json({"changed": done.changed, **states, "incomplete": [row._asdict() for row in rows]})
        return 0
    print(", ".join(f"{count:,} {state}" for state, count in states.items()) + f"; {done.changed:,} changed just now")
    if rows:
        columns = ("source", "call", "state", "segments", "begins", "waits until", "missing")
        output.print_table(columns, [_line(row) for row in rows], right=("segments",))
    if (hidden := states[segment_groups.WAITING] + states[segment_groups.SUSPENDED] - len(rows)) > 0:
        print(f"{hidden:,} more: --limit {hidden + len(rows)} shows all")
    return 0


def _line(row: Past) -> tuple[object, ...]:
    until = _shown(row.deadline_us) if row.state == "waiting" else ""
    return row.source, row.call_ref, row.state, row.segments, _shown(row.first_us), until, row.missing


def _shown(at_us: int) -> str:
    return utc_time(at_us).isoformat(timespec="seconds")


def _instant_us(text: str) -> int:
    from rating.errors import UserError

    remedy = "write it such as 2026-03-05T12:00:00Z, or with an offset such as +08:00"
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"--at {text} is not a time", remedy, exit_status=2) from error
    if moment.tzinfo is None:
        raise UserError(f"--at {text} does not say in which zone it is", remedy, exit_status=2)
    return instant_of(moment)
