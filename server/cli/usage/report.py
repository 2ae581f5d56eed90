"""`ratewright usage report`: the books of intake and rating, and what an operator watches."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 -- cyclopts reads the types of options
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    from billing.usage_report.span import Span

BOOK_DOES_NOT_BALANCE = 1


def report(
    *,
    first: Annotated[dt.date | None, Parameter(name="--from", help="First day, UTC; default: the month of the latest usage.")] = None,
    last: Annotated[dt.date | None, Parameter(name="--to", help="Last day, UTC, included.")] = None,
    source: Annotated[str | None, Parameter(help="Only this source.")] = None,
    by: Annotated[str, Parameter(help="A line of the intake book for each source, file or day.")] = "source",
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """The books of intake and rating, lateness, duplicates and refusals against the three months before, missing numbers, and routes.

    The exit status is 1 when a book does not balance.
    """
    from billing.usage_report.intake_book import By
    from billing.usage_report.report import usage_report
    from rating.errors import UserError
    from server.cli import output
    from server.cli.pages import usage_report as usage_report_page

    if by not in set(By):
        raise UserError(f"there is no book by {by}", f"use {', '.join(By)}", exit_status=2)
    span, book = _span(first, last), By(by)
    _, found = done_at(
        at, lambda home: usage_report(home, span, source, book), lambda service: service.usage_reports.report(span, source, book)
    )
    if as_json:
        output.print_json(found)
    else:
        usage_report_page.show(found)
    return 0 if found.ok else BOOK_DOES_NOT_BALANCE


def _span(first: dt.date | None, last: dt.date | None) -> Span | None:
    from billing.days import DayError, within_reach
    from billing.usage_report.span import Span
    from rating.dates import day_after
    from rating.errors import UserError

    if first is None and last is None:
        return None
    for option, day in (("--from", first), ("--to", last)):
        try:
            if day is not None:
                within_reach(day)
        except DayError as error:
            raise UserError(f"{option}: {error}", error.remedy, exit_status=2) from None
    if first is None or last is None or last < first:
        raise UserError(
            "--from and --to are not two days in their order", "give both, such as --from 2026-09-01 --to 2026-09-30", exit_status=2
        )
    return Span(first, day_after(last))
