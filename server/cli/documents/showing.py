"""`ratewright documents show`: the data of one document, as JSON."""

from __future__ import annotations

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder
from server.cli.invoice import InvoiceNumber, full


def show(number: InvoiceNumber, /, *, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """Show the data of an invoice or a credit note as JSON, with or without --json.

    Parties are as of its date. `docs/documents.md` has the fields with their terms of EN 16931; what is missing is in `findings`.
    """
    from billing.documents.semantic.invoices import charged
    from billing.store.home import Home
    from server.cli import output, practice

    del as_json  # there is no other form
    with Home.open(home) as opened:
        output.print_json(practice.marked(opened, charged(opened, full(opened, number))))
    return 0
