"""`ratewright ledger`: balances, ageing, month end, closing and export, named by import path and imported when called."""

from __future__ import annotations

import cyclopts

_FOLDER = "server.cli.ledger"
COMMANDS = (
    ("balance", "reading:balance", "The trial balance: every account with debits and credits."),
    ("ageing", "reading:ageing_", "What customers owe, by how long it is past due."),
    ("revenue", "reading:revenue", "Revenue by category and tax by class, of a month."),
    ("month-end", "month:month_end", "What deferred and unbilled revenue would be brought to at the end of a month."),
    ("close", "month:close", "Close a month: entries of its end, then nothing more goes in."),
    ("reopen", "month:reopen", "Ask for a closed month to be opened again, or agree to it."),
    ("months", "month:months", "Which months were closed and reopened, by whom."),
    ("export", "export:export", "A month as CSV for the books of finance, by a mapping of accounts."),
    ("write-off", "write_off:write_off_", "Write off what is open of an invoice."),
    ("write-offs", "write_off:write_offs", "What was asked for, written off and undone, by whom."),
    ("check", "reading:check_", "Compute everything again and name the first difference."),
)

app = cyclopts.App(name="ledger", help="Balances, ageing, month end, closing and export.")
for _name, _path, _summary in COMMANDS:
    app.command(f"{_FOLDER}.{_path}", name=_name, help=_summary)
