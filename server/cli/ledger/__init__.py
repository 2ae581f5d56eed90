"""`ratewright ledger`: balances, ageing, month end, closing and export, named by import path and imported when called."""

from __future__ import annotations

import cyclopts

_FOLDER = "server.cli.ledger"
COMMANDS = (
    ("balance", "reading:balance", "Show the trial balance: every account with debits and credits."),
    ("ageing", "reading:ageing_", "Show what customers owe, by days past due."),
    ("revenue", "reading:revenue", "Show the revenue of a month by category, and its tax by class."),
    ("month-end", "month:month_end", "Show what closing a month would post: deferred and unbilled revenue."),
    ("close", "month:close", "Close a month: its closing entries are posted, and nothing can be posted into it."),
    ("reopen", "month:reopen", "Propose to reopen a closed month, or agree to it."),
    ("months", "month:months", "List months that were closed and reopened, and by whom."),
    ("export", "export:export", "Write a month as CSV for the books of finance, by a mapping of accounts."),
    ("write-off", "write_off:write_off_", "Write off what is open of an invoice."),
    ("write-offs", "write_off:write_offs", "List write-offs that were proposed, made and undone, and by whom."),
    ("check", "reading:check_", "Compute everything again and name the first difference."),
)

app = cyclopts.App(name="ledger", help="Balances, ageing, month end, closing and export.")
for _name, _path, _summary in COMMANDS:
    app.command(f"{_FOLDER}.{_path}", name=_name, help=_summary)
