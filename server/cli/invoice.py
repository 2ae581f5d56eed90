"""`ratewright invoice`: documents, looked at, explained and corrected; the commands named by import path and imported when called."""

from __future__ import annotations

from typing import Annotated

import cyclopts
from cyclopts import Parameter

_FOLDER = "server.cli.invoice_commands"
# name, module and function, what the list of commands says about it
INVOICE_COMMANDS = (
    ("list", "looking:list_", "List issued invoices and other documents by number."),
    ("show", "looking:show", "Show one invoice with its lines, and what became of it."),
    ("explain", "explaining:explain", "An invoice, or one line of it, in words and figures."),
    ("usage", "usage:usage", "Every record behind the usage lines of an invoice."),
    ("void", "changing:void", "An invoice is void: its lines count no more."),
    ("reissue", "changing:reissue", "Bill anew what a void invoice had billed."),
    ("credit", "changing:credit", "Credit a line of an invoice, or all of it."),
)

app = cyclopts.App(name="invoice", help="List, show, explain, void and credit invoices.")
for _name, _path, _summary in INVOICE_COMMANDS:
    app.command(f"{_FOLDER}.{_path}", name=_name, help=_summary)

InvoiceNumber = Annotated[str, Parameter(name="NUMBER", help="Such as R-0000000001.")]
