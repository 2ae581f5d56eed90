"""`ratewright operators|tokens|certs|audit`: who may call the service, and what was done; commands named by import path."""

from __future__ import annotations

import cyclopts

_FOLDER = "server.cli.access"
operators = cyclopts.App(name="operators", help="Persons and machines that act in a home, and their roles.")
tokens = cyclopts.App(name="tokens", help="Bearer tokens of operators.")
certs = cyclopts.App(name="certs", help="Certificates of operators and of the service.")
audit = cyclopts.App(name="audit", help="The trail of writes, reads and refusals.")
# group, name, module and function, what the list of commands says about it
ACCESS_COMMANDS = (
    (operators, "add", "operators:add", "Add an operator; the first one is the account that owns the home."),
    (operators, "list", "operators:list_", "List operators with their roles and keys."),
    (operators, "grant", "operators:grant", "Give an operator a role."),
    (operators, "revoke", "operators:revoke", "Take a role from an operator."),
    (operators, "close", "operators:close", "Close an operator for good."),
    (operators, "roles", "operators:roles", "List calls of the service, and the roles that may make them."),
    (tokens, "issue", "tokens:issue", "Issue a token; its text is written into a file."),
    (tokens, "list", "tokens:list_", "List tokens that hold."),
    (tokens, "revoke", "tokens:revoke", "Let a token hold no more."),
    (tokens, "rotate", "tokens:rotate", "Sign tokens with a new key from now on."),
    (certs, "init", "certs:init", "Make the authority of a home."),
    (certs, "issue", "certs:issue", "Issue a certificate for an operator or for the service."),
    (certs, "list", "certs:list_", "List client certificates that hold."),
    (certs, "revoke", "certs:revoke", "Let a client certificate hold no more."),
    (audit, "verify", "audit:verify", "Check that no entry was changed, left out or cut."),
    (audit, "show", "audit:show", "Show entries: of an operator, a call, a day."),
    (audit, "export", "audit:export", "Print the signed ends of days, to be kept elsewhere."),
)
for _app, _name, _path, _summary in ACCESS_COMMANDS:
    _app.command(f"{_FOLDER}.{_path}", name=_name, help=_summary)
