"""`ratewright payment`: money that comes, goes back and waits; the commands named by import path and imported when called."""

from __future__ import annotations

import cyclopts

_FOLDER = "server.cli.payment"
# name, module and function, what the list of commands says about it
PAYMENT_COMMANDS = (
    ("record", "record:record", "Record a payment and settle what is open."),
    ("list", "record:list_", "Payments, and what is left of each."),
    ("import", "bank:import_", "Import a CSV file of a bank."),
    ("worklist", "worklist:app", "Money from bank files that matched nothing: assign or return it."),
    ("cash", "cash:cash", "Take a payment in cash, with the next receipt of the till."),
    ("till", "cash:till", "The receipts of a till and what should lie in it."),
    ("refund", "back:refund", "Pay back what is left of a payment or a credit note."),
    ("reverse", "back:reverse", "A payment bounced: what it settled is open again."),
    ("chargeback", "back:chargeback", "The payer's bank took money back, or gave it again."),
    ("events", "back:events", "All that went back."),
    ("deposit", "deposit:app", "Take, release, refund and list deposits."),
    ("promise", "promise:app", "Promises to pay: record and list them."),
    ("instalments", "instalments:app", "Agree on, end and list instalment plans."),
    ("statement", "statement:statement", "Every document and payment of an account, and what it owes."),
    ("order", "order:order", "In which order payments settle what is open."),
)

app = cyclopts.App(name="payment", help="Record, import and give back payments; deposits, promises, instalments, statements.")
for _name, _path, _summary in PAYMENT_COMMANDS:
    app.command(f"{_FOLDER}.{_path}", name=_name, help=_summary)
