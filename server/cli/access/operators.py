"""`ratewright operators add|list|grant|revoke|close|roles`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from server.cli.access import common
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    from billing.operators import OperatorRow

RoleName = Literal["switch", "operator", "finance", "auditor", "support", "approver", "admin"]


def add(
    name: str,
    /,
    *,
    account: Annotated[str | None, Parameter(help="Name or number of its account of the operating system, if it has one.")] = None,
    machine: Annotated[bool, Parameter(negative="", help="It is a machine, not a person.")] = False,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Add an operator. What it decides counts as one person, by any of its keys and by commands: so give its account here, if it has one.

    The first operator of a home is the account that owns the folder, and gets the role admin. Where there is no home, it is made. Admins
    alone add others.
    """
    from billing import operators
    from server.cli.homes import made
    from server.cli.ledger.common import who

    kind = operators.OperatorKind.MACHINE if machine else operators.OperatorKind.PERSON
    with made(home, practice=False) as opened:
        found = operators.add(opened, name, kind, who(opened), uid=_uid(account))
    return _print(found, f"operator {name} is added", as_json=as_json)


def grant(
    name: str,
    role: RoleName,
    /,
    *,
    reason: common.Reason,
    days: Annotated[int | None, Parameter(help="For how many days from now; without it until it is revoked.")] = None,
    source: Annotated[str | None, Parameter(help="Usage source to which the role `switch` is limited.")] = None,
    entity: Annotated[str | None, Parameter(help="Legal entity to whose accounts a role is limited.")] = None,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Give an operator a role, from now on. Admins give roles, and give none to themselves."""
    from billing import operators
    from billing.store.home import Home
    from rating.errors import UserError
    from server.cli.ledger.common import who

    if source is not None and role != "switch":
        raise UserError(f"the role {role} has nothing to do with a source", "give --source with the role switch", exit_status=2)
    with Home.open(home) as opened:
        by = who(opened)
        ends = None if days is None else common.until_us(by.now_us, days)
        limits = operators.Limits(entity=entity, source=source, until_us=ends)
        found = operators.grant(opened, name, operators.Role(role), reason, by, limits=limits)
    return _print(found, f"{name} has the role {role}", as_json=as_json)


def revoke(
    name: str, role: RoleName, /, *, reason: common.Reason, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False
) -> int:  # fmt: skip
    """Take a role from an operator. Calls that are under way end within a minute."""
    from billing import operators
    from billing.store.home import Home
    from server.cli.ledger.common import who

    with Home.open(home) as opened:
        found = operators.revoke_grant(opened, name, operators.Role(role), reason, who(opened))
    return _print(found, f"{name} does not have the role {role} any more", as_json=as_json)


def close(name: str, /, *, reason: common.Reason, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """Close an operator for good: its keys and roles hold no more, and no other operator gets its name."""
    from billing import operators
    from billing.store.home import Home
    from server.cli import output
    from server.cli.ledger.common import who

    with Home.open(home) as opened:
        operators.close(opened, name, reason, who(opened))
    if as_json:
        output.print_json({"name": name, "closed": True})
    else:
        print(f"operator {name} is closed")
    return 0


def list_(*, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """List operators with the roles and keys that hold."""
    from billing import operators
    from billing.store.home import Home
    from server import clock
    from server.cli import output

    with Home.open(home) as opened:
        now_us = clock.now_us(opened)
        with opened.connect() as connection:
            found = operators.list_operators(connection)
    if as_json:
        output.print_json([_document(each) for each in found])
        return 0
    rows = [
        (each.name, each.kind, _account(each), ", ".join(_roles(each, now_us)), sum(key.until_us > now_us for key in each.keys),
         "closed" if each.is_closed else "open")
        for each in found
    ]  # fmt: skip
    output.print_table(("operator", "kind", "account", "roles", "keys", "state"), rows, right=("keys",))
    return 0


def roles(*, as_json: AsJson = False) -> int:
    """List the calls of the service, and the roles that may make each."""
    from server.access.roles import rules
    from server.cli import output

    found = {call: ["anybody"] if rule.anybody else sorted(rule.roles) for call, rule in sorted(rules().items())}
    if as_json:
        output.print_json(found)
    else:
        output.print_table(("call", "roles"), [(call, ", ".join(named)) for call, named in found.items()])
    return 0


def _uid(account: str | None) -> int | None:
    import pwd

    from rating.errors import UserError

    if account is None:
        return None
    if account.isascii() and account.isdecimal():
        return int(account)
    try:
        return pwd.getpwnam(account).pw_uid
    except KeyError:
        raise UserError(
            f"this machine has no account {account}", "name one that `getent passwd` lists, or its number", exit_status=2
        ) from None


def _account(found: OperatorRow) -> str:
    from billing.operators.words import has_account

    number = found.person_uid
    return str(number) if has_account(number) else ""


def _roles(found: OperatorRow, now_us: int) -> list[str]:
    """The roles that hold, with their limits, such as `switch of stream`."""
    shown = []
    for each in found.grants:
        if each.holds_at(now_us):
            limits = [limit for limit in (each.entity, each.source) if limit is not None]
            ends = f" until {common.instant(each.until_us)}" if each.until_us is not None else ""
            shown.append(f"{each.role}{''.join(f' of {limit}' for limit in limits)}{ends}")
    return shown


def _document(found: OperatorRow) -> dict[str, object]:
    document = found._asdict()
    return document | {"grants": [each._asdict() for each in found.grants], "keys": [each._asdict() for each in found.keys]}


def _print(found: OperatorRow, sentence: str, *, as_json: bool) -> int:
    from server.cli import output

    if as_json:
        output.print_json(_document(found))
    else:
        print(sentence)
    return 0
