"""`ratewright party` and `ratewright entity`: facts that documents need about customers and issuers. Commands are imported when called."""

from __future__ import annotations

import cyclopts

# name, function, what the list of commands says about it
_COMMANDS = (
    ("set", "set_", "Record a fact, such as an address, from a day on."),
    ("end", "end", "End what holds of a kind on a day."),
    ("retract", "retract", "Retract a fact: it counts as if it had never been recorded."),
    ("show", "show", "Show the facts that hold on a day, or every one."),
    ("kinds", "kinds", "List the kinds of facts, and the fields of one."),
)

party = cyclopts.App(name="party", help="Facts about customers: names, addresses, tax ids, bank accounts, delivery.")
entity = cyclopts.App(name="entity", help="Facts about legal entities as issuers of documents.")
for _app, _module in ((party, "of_customers"), (entity, "of_issuers")):
    for _name, _function, _summary in _COMMANDS:
        _app.command(f"server.cli.parties.{_module}:{_function}", name=_name, help=_summary)
entity.command("server.cli.parties.of_issuers:logo", name="logo", help="Store a picture as the logo of an issuer, from a day on.")
