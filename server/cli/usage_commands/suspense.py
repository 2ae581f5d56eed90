"""`ratewright usage suspense`: what waits for a decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN_ROWS = 50


def suspense(
    *,
    reason: Annotated[str | None, Parameter(help="Only rows with this reason, such as conflicting.")] = None,
    limit: Annotated[int, Parameter(help="How many rows to show, oldest first.")] = SHOWN_ROWS,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Show what waits in suspense: rows that could not be read, and events of which different versions came."""
    from billing.intake.suspense import suspended_rows, suspense_counts
    from billing.store.home import Home
    from server.cli import output

    with Home.open(home) as opened:
        counts = suspense_counts(opened)
        rows = suspended_rows(opened, reason, limit)
    if as_json:
        output.print_json({"counts": counts, "rows": rows})
        return 0
    if not counts:
        print("nothing waits in suspense")
        return 0
    output.print_table(("source", "reason", "rows"), [(each.source, each.reason, each.rows) for each in counts], right=("rows",))
    print()
    shown = [(row.reason, row.file or "stream", row.offset, row.raw) for row in rows]
    output.print_table(("reason", "file", "offset", "row"), shown, right=("offset",))
    _print_rest(reason, counts, len(rows))
    return 0


def _print_rest(reason: str | None, counts: Sequence[object], shown: int) -> None:
    from billing.intake.suspense import SuspenseCount

    total = sum(each.rows for each in counts if isinstance(each, SuspenseCount) and reason in {None, each.reason})
    if total > shown:
        print(f"{total - shown:,} more: --limit {total} shows all")
