"""Operators, their keys and roles, as they are at an instant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing.operators.words import GRANT, KEY, OPERATOR, Role
from billing.persons import is_of
from billing.store import tables
from billing.store.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Collection

    from billing.operators.words import KeyKind


_KEYS: Final = (tables.operator_keys.c.key_id, tables.operator_grants.c.grant_id, tables.operator_revocations.c.revocation_id)
_NEWEST: Final = Prepared(lambda: sa.select(*(sa.select(sa.func.coalesce(sa.func.max(each), 0)).scalar_subquery() for each in _KEYS)))


class Grant(NamedTuple):
    """A role of an operator, in half-open time. `entity` and `source` limit it; None: all."""

    grant_id: int
    role: Role
    entity: str | None
    source: str | None
    from_us: int
    until_us: int | None

    def holds_at(self, now_us: int) -> bool:
        """Return whether the role holds at an instant."""
        return self.from_us <= now_us and (self.until_us is None or now_us < self.until_us)


class Key(NamedTuple):
    """A key that was issued and is not revoked."""

    key_id: int
    kind: str
    subject: str
    from_us: int
    until_us: int


class OperatorRow(NamedTuple):
    """An operator. `person_uid` is the number that `billing.persons` compares. `grants` and `keys`: those that are not revoked."""

    operator_id: int
    name: str
    kind: str
    person_uid: int
    is_closed: bool
    grants: tuple[Grant, ...] = ()
    keys: tuple[Key, ...] = ()


class Identity(NamedTuple):
    """An operator who is known by a key that holds until `until_us`."""

    operator: OperatorRow
    until_us: int

    def roles_at(self, now_us: int) -> frozenset[Role]:
        """The roles that hold at an instant for all legal entities."""
        return frozenset(each.role for each in self.operator.grants if each.holds_at(now_us) and each.entity is None)

    def limited_at(self, now_us: int) -> frozenset[tuple[Role, str]]:
        """The roles that hold at an instant for one legal entity, with that entity: they open calls about an account of it."""
        held = (each for each in self.operator.grants if each.holds_at(now_us))
        return frozenset((each.role, each.entity) for each in held if each.entity is not None)

    def may_send(self, source: str, now_us: int, roles: Collection[Role]) -> bool:
        """Return whether usage of a source may be sent in one of these roles: a grant that is limited to another source does not count."""
        may = [each for each in self.operator.grants if each.holds_at(now_us) and each.role in roles]
        return any(each.source in {None, source} for each in may)


class Generation(NamedTuple):
    """The newest row of each table of operators. Identities that were read at a generation hold as long as it is the same."""

    keys: int
    grants: int
    revocations: int


def generation(connection: sa.Connection) -> Generation:
    """The newest rows of the tables of operators: three look-ups by primary key."""
    return Generation(*_NEWEST.rows(connection)[0])


def known_by_key(connection: sa.Connection, kind: KeyKind, subject: str) -> Identity | None:
    """The operator with a key that is not revoked; None where there is none. Its time is for the caller to judge."""
    key = tables.operator_keys.c
    found = connection.execute(
        sa.select(key.operator_id, key.until_us).where(key.kind == kind.value, key.subject == subject, ~_is_revoked(KEY, key.key_id))
    ).first()
    if found is None:
        return None
    row = _operators(connection, tables.operators.c.operator_id == found.operator_id)[0]
    return None if row.is_closed else Identity(row, int(found.until_us))


def of_number(connection: sa.Connection, person_uid: int) -> OperatorRow | None:
    """The operator with a number, closed ones too; None where there is none."""
    found = _operators(connection, is_of(tables.operators.c.person_uid, person_uid))
    return found[0] if found else None


def of_name(connection: sa.Connection, name: str) -> OperatorRow | None:
    """The operator of a name, closed ones too; None where there is none."""
    found = _operators(connection, tables.operators.c.name == name)
    return found[0] if found else None


def list_operators(connection: sa.Connection) -> list[OperatorRow]:
    """All operators in the order of their names, closed ones too."""
    return sorted(_operators(connection, sa.true()), key=lambda each: each.name)


def _operators(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[OperatorRow]:
    row, grant, key = tables.operators.c, tables.operator_grants.c, tables.operator_keys.c
    closed = _is_revoked(OPERATOR, row.operator_id).label("is_closed")
    rows = connection.execute(sa.select(row.operator_id, row.name, row.kind, row.person_uid, closed).where(where)).all()
    chosen = sa.select(row.operator_id).where(where).scalar_subquery()
    granted: dict[int, list[Grant]] = {}
    columns = (grant.operator_id, grant.grant_id, grant.role, grant.entity, grant.source, grant.from_us, grant.until_us)
    query = sa.select(*columns).where(grant.operator_id.in_(chosen), ~_is_revoked(GRANT, grant.grant_id)).order_by(grant.grant_id)
    for operator_id, grant_id, role, *rest in connection.execute(query):
        granted.setdefault(operator_id, []).append(Grant(grant_id, Role(role), *rest))
    issued: dict[int, list[Key]] = {}
    key_columns = (key.operator_id, key.key_id, key.kind, key.subject, key.from_us, key.until_us)
    keys = sa.select(*key_columns).where(key.operator_id.in_(chosen), ~_is_revoked(KEY, key.key_id)).order_by(key.key_id)
    for operator_id, *rest in connection.execute(keys):
        issued.setdefault(operator_id, []).append(Key(*rest))
    return [
        OperatorRow(
            each.operator_id, each.name, each.kind, int(each.person_uid), bool(each.is_closed),
            tuple(granted.get(each.operator_id, ())), tuple(issued.get(each.operator_id, ())),
        )
        for each in rows
    ]  # fmt: skip


def _is_revoked(kind: str, item_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    revoked = tables.operator_revocations.c
    return sa.exists().where(revoked.kind == kind, revoked.item_id == item_id)
