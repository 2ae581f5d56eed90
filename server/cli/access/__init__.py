"""`ratewright operators|tokens|certs|audit`: who may call the service, and what was done; commands named by import path."""

from __future__ import annotations

import cyclopts

_FOLDER = "server.cli.access"
operators_app = cyclopts.App(name="operators", help="Persons and machines that act in a home, and their roles.")
tokens_app = cyclopts.App(name="tokens", help="Bearer tokens of operators.")
certs_app = cyclopts.App(name="certs", help="Certificates of operators and of the service.")
audit_app = cyclopts.App(name="audit", help="The trail of writes, reads and refusals.")
# group, name, module and function, what the list of commands says about it
ACCESS_COMMANDS = (
    (operators_app, "add", "operators:add", "Add an operator; the first one is the account that owns the home."),
    (operators_app, "list", "operators:list_", "List operators with their roles and keys."),
    (operators_app, "grant", "operators:grant", "Give an operator a role."),
    (operators_app, "revoke", "operators:revoke", "Take a role from an operator."),
    (operators_app, "close", "operators:close", "Close an operator for good."),
    (operators_app, "roles", "operators:roles", "List calls of the service, and the roles that may make them."),
    (tokens_app, "issue", "tokens:issue", "Issue a token; its text is written into a file."),
    (tokens_app, "list", "tokens:list_", "List tokens that hold."),
    (tokens_app, "revoke", "tokens:revoke", "Let a token hold no more."),
    (tokens_app, "rotate", "tokens:rotate", "Sign tokens with a new key from now on."),
    (certs_app, "init", "certs:init", "Make the authority of a home."),
    (certs_app, "issue", "certs:issue", "Issue a certificate for an operator or for the service."),
    (certs_app, "list", "certs:list_", "List client certificates that hold."),
    (certs_app, "revoke", "certs:revoke", "Let a client certificate hold no more."),
    (audit_app, "verify", "audit:verify", "Check that no entry was changed, left out or cut."),
    (audit_app, "show", "audit:show", "Show entries: of an operator, a call, a day."),
    (audit_app, "export", "audit:export", "Print the signed ends of days, to be kept elsewhere."),
)
for _app, _name, _path, _summary in ACCESS_COMMANDS:
    _app.command(f"{_FOLDER}.{_path}", name=_name, help=_summary)
