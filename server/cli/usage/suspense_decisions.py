"""`ratewright usage suspense decisions`: what people decided about single records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.usage.suspense_common import SHOWN_ROWS

if TYPE_CHECKING:
    from billing.store.home import Home
    from billing.suspense.deciding import Decision


def decisions(
    *,
    limit: Annotated[int, Parameter(help="Decisions to show, newest first.")] = SHOWN_ROWS,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """List decisions about records, newest first: the verdict, when, by whom, with whose approval, and why.

    `kept` and `dropped` are of one choice among versions; `usage suspense take-back` takes it back.
    """
    from billing.suspense import deciding
    from rating.errors import UserError
    from server.cli import output
    from server.cli.usage.suspense_common import instant

    if limit < 1:
        raise UserError(f"--limit: {limit} is below 1", "say how many to show", exit_status=2)

    def here(home: Home) -> list[Decision]:
        with home.connect() as connection:
            return deciding.newest(connection, limit)

    _, found = done_at(at, here, lambda service: service.suspense.decisions(limit))
    if as_json:
        output.print_json(list(map(deciding.plain, found)))
        return 0
    if not found:
        print("nothing was decided about records in suspense")
        return 0
    rows = [
        (
            each.suspense_id,
            each.verdict.replace("_", " "),
            instant(each.at_us),
            each.by.name,
            each.approved_by.name if each.approved_by is not None else "",
            each.proposal_id or "",
            each.reason,
        )
        for each in found
    ]
    columns = ("record", "verdict", "when (UTC)", "by", "approved by", "proposal", "reason")
    output.print_table(columns, rows, right=("record", "proposal"))
    return 0
