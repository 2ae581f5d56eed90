"""`ratewright payment`: money that comes, goes back and waits; the commands named by import path and imported when called."""

from __future__ import annotations

import cyclopts

_FOLDER = "server.cli.payment"
# name, module and function, what the list of commands says about it
PAYMENT_COMMANDS = (
    ("record", "record:record", "Record a payment and settle what is open."),
    ("list", "record:list_", "List payments, and what is left of each."),
    ("import", "bank:import_", "Import a CSV file of a bank."),
    ("worklist", "worklist:app", "Money from bank files that matched no account: assign or return it."),
    ("cash", "cash:cash", "Take a payment in cash, with the next receipt of the till."),
    ("till", "cash:till", "List the receipts of a till, and what should be in it."),
    ("refund", "back:refund", "Pay back what is left of a payment or a credit note."),
    ("reverse", "back:reverse", "Record that a payment bounced: what it settled is open again."),
    ("chargeback", "back:chargeback", "Record that the payer's bank took money back, or returned it."),
    ("events", "back:events", "List refunds, bounced payments and chargebacks."),
    ("deposit", "deposit:app", "Take, release, refund and list deposits."),
    ("promise", "promise:app", "Promises to pay: record and list them."),
    ("instalments", "instalments:app", "Agree on, end and list instalment plans."),
    ("statement", "statement:statement", "Show every document and payment of an account, and what it owes."),
    ("order", "order:order", "Show or set the order in which payments settle open invoices."),
)

app = cyclopts.App(name="payment", help="Record, import and give back payments; deposits, promises, instalments, statements.")
for _name, _path, _summary in PAYMENT_COMMANDS:
    app.command(f"{_FOLDER}.{_path}", name=_name, help=_summary)
