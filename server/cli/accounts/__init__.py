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
    ("show", "looking:show", "Show one account and its rating unit, with every fact in words."),
    ("open", "opening:open_", "Open one account."),
    ("activate", "subscriptions:activate", "Begin a subscription, with its numbers."),
    ("change-plan", "subscriptions:change_plan", "Change the plan: now, on a date, or at the end of the cycle."),
    ("pause", "subscriptions:pause", "Pause a subscription from a day on."),
    ("resume", "subscriptions:resume", "End a pause: service again from a day on."),
    ("outage", "subscriptions:outage", "Record days on which the operator could not serve."),
    ("end", "subscriptions:end", "End a subscription."),
    ("revive", "subscriptions:revive", "Undo the end of a subscription."),
    ("transfer", "subscriptions:transfer", "Give a subscription to another account."),
    ("untransfer", "subscriptions:untransfer", "Take a transfer back: the owner before has the subscription again."),
    ("terms", "agreements:terms", "Record terms of one contract that differ from those of its plan."),
    ("discount", "agreements:discount", "Give one customer a discount."),
    ("tax", "agreements:tax", "Exempt an account from tax classes, or tax it by other classes."),
    ("category", "agreements:category", "Make an account a normal, staff or test one."),
    ("hold", "agreements:hold", "Hold an account: no bill is made while the hold lasts."),
    ("payer", "agreements:payer", "Let another account pay: all of it, some charges, or one subscription."),
    ("sponsor", "agreements:sponsor", "Let another account pay for some charges."),
    ("pool", "agreements:pool", "Share allowances with other accounts."),
    ("bill-day", "agreements:bill_day", "Change the bill day."),
    ("close", "agreements:close", "Close an account: its subscriptions end, and a final bill is made."),
    ("retract", "agreements:retract", "Retract a fact: it counts as if it had never been recorded."),
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
entity = cyclopts.App(name="entity", help="Legal entities that issue documents and keep books.")
number = cyclopts.App(name="number", help="Give numbers to subscriptions and take them.")
for _app, _commands in ((app, _COMMANDS), (add_on, _ADD_ON), (entity, _ENTITY), (number, _NUMBER)):
    for _name, _path, _summary in _commands:
        _app.command(f"{_FOLDER}.{_path}", name=_name, help=_summary)
app.command(add_on)
app.command(entity)
app.command(number)
