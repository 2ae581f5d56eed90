"""`ratewright invoice`: documents, looked at, explained and corrected; the commands named by import path and imported when called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter

if TYPE_CHECKING:
    from billing.store.home import Home

_FOLDER = "server.cli.invoice"
# name, module and function, what the list of commands says about it
INVOICE_COMMANDS = (
    ("list", "looking:list_", "List issued invoices and other documents by number."),
    ("show", "looking:show", "Show one invoice with its lines, and what became of it."),
    ("explain", "explaining:explain", "Explain an invoice, or one line of it, in words and figures."),
    ("usage", "usage:usage", "List every record behind the usage lines of an invoice."),
    ("void", "changing:void", "Make an invoice void: its lines no longer count as billed."),
    ("reissue", "changing:reissue", "Bill again what a void invoice had billed."),
    ("credit", "changing:credit", "Credit a line of an invoice, or all of it."),
)

app = cyclopts.App(name="invoice", help="List, show, explain, void and credit invoices.")
for _name, _path, _summary in INVOICE_COMMANDS:
    app.command(f"{_FOLDER}.{_path}", name=_name, help=_summary)

InvoiceNumber = Annotated[str, Parameter(name="NUMBER", help="Such as R-0000000001, or R-1.")]


def full(home: Home, number: str) -> str:
    """The number of a document as printed on it, where its zeros were left out."""
    from billing.invoicing import full_number

    with home.connect() as connection:
        return full_number(connection, number)
