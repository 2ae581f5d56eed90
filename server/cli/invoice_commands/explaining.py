"""`ratewright invoice explain`."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder
from server.cli.invoice import InvoiceNumber  # noqa: TC001 -- read when the command is called


def explain(
    number: InvoiceNumber,
    line: Annotated[int | None, Parameter(name="LINE", help="Which line, counted from 1; all of them if not given.")] = None,
    /,
    *,
    limit: Annotated[int, Parameter(help="How many events of a usage line to explain, from the first.")] = 1,
    language: Annotated[Literal["en", "zh"], Parameter(help="Language.")] = "en",
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """An invoice in words and figures that add up; a usage line down to the increments of its events."""
    from billing.explain_line import explain_line
    from billing.store.home import Home
    from rating import explain as explained
    from server.cli import invoice_page, output

    with Home.open(home) as opened:
        found = explain_line(opened, number, line or 1)
    shown = found.outcomes[:limit]
    if as_json:
        figures = {"number": number, "line_no": line, "text": found.text, "amount_micros": found.amount_micros}
        events = [explained.as_json(outcome) for outcome in shown]
        output.print_json({**figures, "exact_micros": found.exact_micros, "events_total": len(found.outcomes), "events": events})
        return 0
    print("\n".join(invoice_page.explained_head(found, language)))
    for outcome in shown:
        print()
        print(explained.as_text(outcome, language))
    return 0
