"""Changes of operators, keys and roles: each is one commit, by an admin, and can be revoked but never edited."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from billing.operators import reading
from billing.operators.words import COMMIT_KIND, FIRST_NUMBER, GRANT, KEY, OPERATOR, KeyKind, OperatorKind, Role
from billing.persons import same_person
from billing.store import tables
from rating.errors import NotFoundError, UserError, quoted

if TYPE_CHECKING:
    from billing.operators.reading import OperatorRow
    from billing.persons import Who
    from billing.store.home import Home

NAME_CHARACTERS_MAX: Final = 60
OF_AN_ENTITY: Final = (Role.AUDITOR, Role.FINANCE, Role.OPERATOR, Role.SUPPORT)  # roles with calls about one account
_NAME: Final = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{NAME_CHARACTERS_MAX - 1}}}")
_LIST: Final = "`ratewright operators list` shows them"


class Limits(NamedTuple):
    """Limits of a grant: to a legal entity, to a usage source, in time. None: no limit."""

    entity: str | None = None
    source: str | None = None
    from_us: int | None = None
    until_us: int | None = None


def add(home: Home, name: str, kind: OperatorKind, who: Who, *, uid: int | None = None) -> OperatorRow:
    """Add an operator. `uid`: the number of its account of the operating system, if it has one.

    The first operator of a home has to be the one who adds it, and is an admin.
    """
    if _NAME.fullmatch(name) is None:
        message = f"{quoted(name)} cannot be the name of an operator"
        raise UserError(message, f"use up to {NAME_CHARACTERS_MAX} small letters, digits, dots, - and _", exit_status=2)
    with home.begin() as connection:
        is_first = _is_first(connection)
        if is_first:
            _require_owner(home, who, uid)
        else:
            require_admin(home, connection, who)
        _require_free(connection, name, uid)
        seq = home.next_commit_seq(connection, COMMIT_KIND, who.now_us)
        by = _by(who, seq)
        row = tables.operators
        number = int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(row.c.operator_id), 0))).scalar_one()) + 1
        person_uid = FIRST_NUMBER + number if uid is None else uid
        connection.execute(row.insert().values(operator_id=number, name=name, kind=kind.value, person_uid=person_uid, **by))
        if is_first:
            _store_grant(connection, number, Role.ADMIN, Limits(), "the first operator", who, seq)
        found = reading.of_name(connection, name)
        assert found is not None, name
        return found


def grant(home: Home, name: str, role: Role, reason: str, who: Who, *, limits: Limits | None = None) -> OperatorRow:  # noqa: PLR0913 -- who, what, why
    """Give an operator a role, from now on if `limits` name no time. An admin gives no role to themselves."""
    asked = limits or Limits()
    if not reason.strip():
        raise UserError("a role needs a reason", "say why, with --reason", exit_status=2)
    if asked.until_us is not None and asked.until_us <= (who.now_us if asked.from_us is None else asked.from_us):
        raise UserError("the role would end before it begins", "name a later end", exit_status=2)
    if asked.entity is not None and role not in OF_AN_ENTITY:
        raise UserError(f"the role {role} is not of one legal entity", f"limit one of these: {', '.join(OF_AN_ENTITY)}", exit_status=2)
    with home.begin() as connection:
        require_admin(home, connection, who)
        if asked.entity is not None:
            _require_entity(connection, asked.entity)
        found = _open(connection, name)
        if same_person(found.person_uid, who.by_uid):
            raise UserError(f"{name} is you: a role is given by another admin", "ask one: `ratewright operators list` shows the admins")
        seq = home.next_commit_seq(connection, COMMIT_KIND, who.now_us)
        _store_grant(connection, found.operator_id, role, asked, reason, who, seq)
        return _open(connection, name)


def revoke_grant(home: Home, name: str, role: Role, reason: str, who: Who) -> OperatorRow:
    """Take a role from an operator, in all its limits. The last admin keeps that role."""
    with home.begin() as connection:
        require_admin(home, connection, who)
        found = _open(connection, name)
        of_role = [each for each in found.grants if each.role is role]
        if not of_role:
            raise NotFoundError(f"{name} does not have the role {role}", _LIST)
        if role is Role.ADMIN:
            _require_other_admin(connection, found, who.now_us)
        seq = home.next_commit_seq(connection, COMMIT_KIND, who.now_us)
        for each in of_role:
            _revoke(connection, GRANT, each.grant_id, reason, who, seq)
        return _open(connection, name)


def issue_key(home: Home, name: str, kind: KeyKind, subject: str, *, until_us: int, who: Who) -> int:  # noqa: PLR0913 -- a row
    """Store a key of an operator, which holds until `until_us`; returns its number. Machines and persons alike get theirs from an admin."""
    assert until_us > who.now_us, until_us
    with home.begin() as connection:
        require_admin(home, connection, who)
        found = _open(connection, name)
        seq = home.next_commit_seq(connection, COMMIT_KIND, who.now_us)
        values = {
            "operator_id": found.operator_id,
            "kind": kind.value,
            "subject": subject,
            "from_us": who.now_us,
            "until_us": until_us,
            **_by(who, seq),
        }
        added = connection.execute(tables.operator_keys.insert().values(**values)).inserted_primary_key
        assert added is not None
        return int(added[0])


def revoke_key(home: Home, key_id: int, reason: str, who: Who) -> OperatorRow:
    """Let a key hold no more, from this commit on."""
    with home.begin() as connection:
        require_admin(home, connection, who)
        row = tables.operator_keys.c
        operator_id = connection.execute(sa.select(row.operator_id).where(row.key_id == key_id)).scalar_one_or_none()
        if operator_id is None:
            raise NotFoundError(f"there is no key {key_id}", _LIST)
        found = next(each for each in reading.list_operators(connection) if each.operator_id == operator_id)
        if key_id not in {each.key_id for each in found.keys}:
            raise UserError(f"key {key_id} of {found.name} is revoked already", _LIST)
        _revoke(connection, KEY, key_id, reason, who, home.next_commit_seq(connection, COMMIT_KIND, who.now_us))
        return _open(connection, found.name) if not found.is_closed else found


def close(home: Home, name: str, reason: str, who: Who) -> None:
    """Close an operator for good: its keys and roles hold no more, and no other gets its name and number."""
    with home.begin() as connection:
        require_admin(home, connection, who)
        found = _open(connection, name)
        _require_other_admin(connection, found, who.now_us)
        seq = home.next_commit_seq(connection, COMMIT_KIND, who.now_us)
        _revoke(connection, OPERATOR, found.operator_id, reason, who, seq)


def require_admin(home: Home, connection: sa.Connection, who: Who) -> None:
    """Raises UserError for everyone but an admin. Before there is an operator, the account that owns the home is one."""
    if _is_first(connection):
        _require_owner(home, who, who.by_uid)
        return
    found = reading.of_number(connection, who.by_uid)
    if found is None or found.is_closed or not any(each.role is Role.ADMIN and each.holds_at(who.now_us) for each in found.grants):
        raise UserError(f"{who.by_name} is not an admin of this home", f"ask one of: {', '.join(_admins(connection, who.now_us))}")


def _require_entity(connection: sa.Connection, entity: str) -> None:
    stored = tables.legal_entities.c.entity
    if connection.execute(sa.select(stored).where(stored == entity)).first() is None:
        raise NotFoundError(f"no legal entity is called {quoted(entity)}", "`ratewright accounts entity list` shows them")


def _is_first(connection: sa.Connection) -> bool:
    return connection.execute(sa.select(tables.operators.c.operator_id).limit(1)).first() is None


def _require_owner(home: Home, who: Who, uid: int | None) -> None:
    owner = home.path.stat().st_uid
    if not same_person(who.by_uid, owner) or not same_person(uid, who.by_uid):
        raise UserError(
            "the first operator is the account that owns the home folder",
            f"run it as that account: ratewright operators add NAME --account {owner}",
        )


def _require_free(connection: sa.Connection, name: str, uid: int | None) -> None:
    if reading.of_name(connection, name) is not None:
        raise UserError(f"there is an operator {name} already", "choose another name; one that was closed is not given again")
    other = None if uid is None else reading.of_number(connection, uid)
    if other is not None:
        raise UserError(f"account {uid} of the operating system is {other.name}", "an account is one operator for good")


def _open(connection: sa.Connection, name: str) -> OperatorRow:
    found = reading.of_name(connection, name)
    if found is None:
        raise NotFoundError(f"there is no operator {quoted(name)}", _LIST)
    if found.is_closed:
        raise UserError(f"operator {name} is closed", "add another operator")
    return found


def _admins(connection: sa.Connection, now_us: int) -> list[str]:
    return [
        each.name
        for each in reading.list_operators(connection)
        if not each.is_closed and any(of.role is Role.ADMIN and of.holds_at(now_us) for of in each.grants)
    ]


def _require_other_admin(connection: sa.Connection, found: OperatorRow, now_us: int) -> None:
    if _admins(connection, now_us) == [found.name]:
        raise UserError(f"{found.name} is the only admin", "give another operator the role admin first")


def _store_grant(connection: sa.Connection, operator_id: int, role: Role, limits: Limits, reason: str, who: Who, seq: int) -> None:  # noqa: PLR0913, PLR0917 -- a row
    values = {
        "operator_id": operator_id,
        "role": role.value,
        "entity": limits.entity,
        "source": limits.source,
        "from_us": who.now_us if limits.from_us is None else limits.from_us,
        "until_us": limits.until_us,
        "reason": reason,
        **_by(who, seq),
    }
    connection.execute(tables.operator_grants.insert().values(**values))


def _revoke(connection: sa.Connection, kind: str, item_id: int, reason: str, who: Who, seq: int) -> None:  # noqa: PLR0913, PLR0917 -- a row
    connection.execute(tables.operator_revocations.insert().values(kind=kind, item_id=item_id, reason=reason, **_by(who, seq)))


def _by(who: Who, seq: int) -> dict[str, str | int]:
    return {"by_name": who.by_name, "by_uid": who.by_uid, "at_us": who.now_us, "commit_seq": seq}
