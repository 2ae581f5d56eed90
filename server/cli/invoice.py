"""`ratewright invoice list|show|explain`."""

from __future__ import annotations

from typing import Annotated, Literal

import cyclopts
from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

app = cyclopts.App(name="invoice", help="List and show invoices.")
InvoiceNumber = Annotated[str, Parameter(name="NUMBER", help="Such as R-0000000001.")]
SHOWN_ROWS = 50


@app.command(name="list")
def list_(
    *,
    account: Annotated[str | None, Parameter(help="Only invoices of this account.")] = None,
    limit: Annotated[int, Parameter(help="How many to show, by number; with --json all are given.")] = SHOWN_ROWS,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """List issued invoices by number."""
    from billing import invoicing
    from billing.store.home import Home
    from server.cli import output

    with Home.open(home) as opened:
        found = invoicing.list_invoices(opened, account, limit=None if as_json else limit + 1)
    if as_json:
        output.print_json(found)
        return 0
    rows = [
        (each.number, each.account_id, each.period_from, each.period_to, each.due_on, output.amount(each.total_micros, each.currency),
         output.amount(each.open_micros, each.currency), each.currency)
        for each in found[:limit]
    ]  # fmt: skip
    columns = ("number", "account", "from", "to", "due on", "total", "open", "currency")
    output.print_table(columns, rows, right=("total", "open"))
    if len(found) > limit:
        print("more follow: --limit shows more, --account those of one account")
    return 0


@app.command
def show(
    number: InvoiceNumber,
    /,
    *,
    language: Annotated[Literal["en", "zh"] | None, Parameter(help="Language; the account's own by default.")] = None,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Show one invoice with its lines."""
    from billing import invoicing
    from billing.store.home import Home
    from server.cli import invoice_page, output

    with Home.open(home) as opened:
        found = invoicing.get_invoice(opened, number)
    if as_json:
        output.print_json(found)
        return 0
    print("\n".join(invoice_page.page(found, language)))
    return 0


@app.command
def explain(
    number: InvoiceNumber,
    line: Annotated[int, Parameter(name="LINE", help="Which line, counted from 1.")],
    /,
    *,
    limit: Annotated[int, Parameter(help="How many events to explain, from the first.")] = 1,
    language: Annotated[Literal["en", "zh"], Parameter(help="Language.")] = "en",
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Take a usage line back to its events and explain them down to their increments."""
    from billing.explain_line import explain_line
    from billing.store.home import Home
    from rating import explain as explained
    from server.cli import invoice_page, output

    with Home.open(home) as opened:
        found = explain_line(opened, number, line)
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
