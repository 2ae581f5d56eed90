"""`ratewright documents`: what customers receive, and what is missing for it; commands are imported when called."""

from __future__ import annotations

import cyclopts

_FOLDER = "server.cli.documents"
# name, module and function, what the list of commands says about it
DOCUMENT_COMMANDS = (
    ("check", "checking:check", "List all data that documents need and that is missing."),
    ("show", "showing:show", "Show the data of an invoice or a credit note, from which each of its forms is made."),
    ("write", "writing:write", "Write an invoice or a credit note as PDF, HTML or text, as its customer reads it."),
    ("xml", "xml:xml", "Write an invoice or a credit note as XML by EN 16931 (UBL, CII)."),
)

app = cyclopts.App(name="documents", help="Documents as customers receive them.")
for _name, _path, _summary in DOCUMENT_COMMANDS:
    app.command(f"{_FOLDER}.{_path}", name=_name, help=_summary)
