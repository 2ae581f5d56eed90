"""`ratewright accounts`: who is billed, for which subscriptions and numbers, and what is agreed. Commands are imported when called."""

from __future__ import annotations

import cyclopts

_FOLDER = "server.cli.accounts"
# name, module and function, what the list of commands says about it
_COMMANDS = (
    ("import", "files:import_", "Import accounts with everything about them, all or nothing."),
    ("export", "files:export", "Write everything about accounts as files that import takes."),
    ("list", "looking:list_", "List accounts."),
    ("find", "finding:find", "Find accounts by name, id or number; who had a number when."),
    ("show", "looking:show", "One account and its unit, with every fact in words."),
    ("open", "opening:open_", "Open one account."),
    ("activate", "subscriptions:activate", "Begin a subscription, with its numbers."),
    ("change-plan", "subscriptions:change_plan", "Another plan: now, on a date, or at the end of the cycle."),
    ("pause", "subscriptions:pause", "No service from a day on."),
    ("resume", "subscriptions:resume", "Service again from a day on."),
    ("outage", "subscriptions:outage", "Days on which the operator could not serve."),
    ("end", "subscriptions:end", "End a subscription."),
    ("revive", "subscriptions:revive", "Undo the end of a subscription."),
    ("transfer", "subscriptions:transfer", "Give a subscription to another account."),
    ("terms", "agreements:terms", "What a contract agrees otherwise than its pack."),
    ("discount", "agreements:discount", "A discount for one customer."),
    ("tax", "agreements:tax", "Tax classes from which an account is exempt, or that stand for others."),
    ("category", "agreements:category", "Make an account a normal, staff or test one."),
    ("hold", "agreements:hold", "Make no bill for a while."),
    ("payer", "agreements:payer", "Let another account pay: all of it, some charges, or one subscription."),
    ("sponsor", "agreements:sponsor", "Let another account pay for some charges."),
    ("pool", "agreements:pool", "Share allowances with other accounts."),
    ("bill-day", "agreements:bill_day", "Change the bill day."),
    ("close", "agreements:close", "Close an account: its subscriptions end, and a final bill is made."),
    ("retract", "agreements:retract", "Say that a fact never held."),
)
_ADD_ON = (
    ("add", "subscriptions:add", "Buy an add-on."),
    ("remove", "subscriptions:remove", "Give an add-on back."),
)
_ENTITY = (
    ("add", "entities:add", "Add a legal entity, with numbers of its own."),
    ("list", "entities:list_", "List legal entities."),
)
_NUMBER = (
    ("give", "numbers:give", "Give a number to a subscription."),
    ("take", "numbers:take", "Take a number from a subscription."),
)

app = cyclopts.App(name="accounts", help="Accounts, their subscriptions and numbers, and what is agreed with them.")
add_on = cyclopts.App(name="add-on", help="Buy add-ons and give them back.")
entity = cyclopts.App(name="entity", help="Who issues documents and keeps books.")
number = cyclopts.App(name="number", help="Give numbers to subscriptions and take them.")
for _app, _commands in ((app, _COMMANDS), (add_on, _ADD_ON), (entity, _ENTITY), (number, _NUMBER)):
    for _name, _path, _summary in _commands:
        _app.command(f"{_FOLDER}.{_path}", name=_name, help=_summary)
app.command(add_on)
app.command(entity)
app.command(number)
