"""Operators, keys and roles: who may change them, and what stays for good."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from billing import operators
from billing.operators import KeyKind, Limits, OperatorKind, Role
from billing.persons import Who
from billing.store import commit_chain, tables
from billing.store.home import Home
from rating.errors import NotFoundError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
NOW_US = 1_763_000_000_000_000
UID = os.getuid()
BOSS = Who("root", UID, NOW_US)
OTHER_UID = UID + 1
PERSON = OperatorKind.PERSON


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home.open(tmp_path / "home", create=True) as made:
        yield made


@pytest.fixture
def led(home: Home) -> Home:
    """A home with an admin, `boss`."""
    operators.add(home, "boss", PERSON, BOSS, uid=UID)
    return home


def found(home: Home, name: str) -> operators.OperatorRow:
    with home.connect() as connection:
        row = operators.of_name(connection, name)
    assert row is not None
    return row


def roles(home: Home, name: str, at_us: int = NOW_US) -> set[Role]:
    return {each.role for each in found(home, name).grants if each.holds_at(at_us)}


def test_the_first_operator_is_the_owner_of_the_home_and_an_admin(home: Home) -> None:
    with pytest.raises(UserError, match="the first operator is the account that owns the home"):
        operators.add(home, "ana", PERSON, Who("ana", OTHER_UID, NOW_US), uid=OTHER_UID)
    with pytest.raises(UserError, match="the first operator is the account that owns the home"):
        operators.add(home, "ana", PERSON, BOSS)
    row = operators.add(home, "boss", PERSON, BOSS, uid=UID)
    assert (row.person_uid, roles(home, "boss")) == (UID, {Role.ADMIN})


def test_admins_alone_change_operators(led: Home) -> None:
    operators.add(led, "ana", PERSON, BOSS, uid=OTHER_UID)
    ana = Who("ana", OTHER_UID, NOW_US)
    operators.grant(led, "ana", Role.FINANCE, "pays", BOSS)
    for act in (
        lambda: operators.add(led, "ben", PERSON, ana),
        lambda: operators.grant(led, "ana", Role.ADMIN, "more", ana),
        lambda: operators.revoke_grant(led, "boss", Role.ADMIN, "less", ana),
        lambda: operators.issue_key(led, "ana", KeyKind.TOKEN, "t", until_us=NOW_US + 1, who=ana),
        lambda: operators.close(led, "boss", "gone", ana),
    ):
        with pytest.raises(UserError, match="ana is not an admin of this home"):
            act()


def test_nobody_gives_a_role_to_themselves(led: Home) -> None:
    with pytest.raises(UserError, match="a role is given by another admin"):
        operators.grant(led, "boss", Role.APPROVER, "quicker", BOSS)


def test_operators_have_numbers_of_their_own(led: Home) -> None:
    """One with an account of the operating system has its number; others have numbers that no account has."""
    first = operators.add(led, "ana", PERSON, BOSS, uid=OTHER_UID)
    second = operators.add(led, "switch-1", OperatorKind.MACHINE, BOSS)
    assert (first.person_uid, second.person_uid > 2**32) == (OTHER_UID, True)
    with pytest.raises(UserError, match=f"account {OTHER_UID} of the operating system is ana"):
        operators.add(led, "ana2", PERSON, BOSS, uid=OTHER_UID)


@pytest.mark.parametrize("name", ["", "Ana", "a b", "a/b", "x" * 61, "ünal", "a\0"])
def test_names_that_cannot_be(led: Home, name: str) -> None:
    with pytest.raises(UserError, match="cannot be the name of an operator"):
        operators.add(led, name, PERSON, BOSS)


def test_names_are_given_once(led: Home) -> None:
    operators.add(led, "ana", PERSON, BOSS)
    operators.close(led, "ana", "left", BOSS)
    with pytest.raises(UserError, match="there is an operator ana already"):
        operators.add(led, "ana", PERSON, BOSS)
    with pytest.raises(UserError, match="operator ana is closed"):
        operators.grant(led, "ana", Role.FINANCE, "back", BOSS)


def test_the_last_admin_stays(led: Home) -> None:
    with pytest.raises(UserError, match="boss is the only admin"):
        operators.close(led, "boss", "left", BOSS)
    with pytest.raises(UserError, match="boss is the only admin"):
        operators.revoke_grant(led, "boss", Role.ADMIN, "enough", BOSS)
    operators.add(led, "ana", PERSON, BOSS, uid=OTHER_UID)
    operators.grant(led, "ana", Role.ADMIN, "the next one", BOSS)
    operators.close(led, "boss", "left", Who("ana", OTHER_UID, NOW_US))
    assert found(led, "boss").is_closed


def test_roles_end_and_are_limited(led: Home) -> None:
    operators.add(led, "ana", PERSON, BOSS)
    limits = Limits(source="stream", from_us=NOW_US + 10, until_us=NOW_US + 20)
    operators.grant(led, "ana", Role.SWITCH, "a trial", BOSS, limits=limits)
    assert [roles(led, "ana", NOW_US + at) for at in (9, 10, 19, 20)] == [set(), {Role.SWITCH}, {Role.SWITCH}, set()]
    assert found(led, "ana").grants[0].source == "stream"
    with pytest.raises(UserError, match="would end before it begins"):
        operators.grant(led, "ana", Role.SWITCH, "never", BOSS, limits=Limits(until_us=NOW_US))
    with pytest.raises(UserError, match="a role needs a reason"):
        operators.grant(led, "ana", Role.SWITCH, " ", BOSS)
    with pytest.raises(NotFoundError, match="ana does not have the role finance"):
        operators.revoke_grant(led, "ana", Role.FINANCE, "", BOSS)


def test_keys_hold_until_they_are_revoked(led: Home) -> None:
    operators.add(led, "ana", PERSON, BOSS)
    key_id = operators.issue_key(led, "ana", KeyKind.TOKEN, "t-1", until_us=NOW_US + 10, who=BOSS)
    with led.connect() as connection:
        before = operators.generation(connection)
        known = operators.known_by_key(connection, KeyKind.TOKEN, "t-1")
        assert known is not None
        assert (known.operator.name, known.until_us) == ("ana", NOW_US + 10)
        assert operators.known_by_key(connection, KeyKind.CERTIFICATE, "t-1") is None
    operators.revoke_key(led, key_id, "lost", BOSS)
    with led.connect() as connection:
        assert operators.known_by_key(connection, KeyKind.TOKEN, "t-1") is None
        assert operators.generation(connection) != before
    with pytest.raises(UserError, match="is revoked already"):
        operators.revoke_key(led, key_id, "again", BOSS)
    with pytest.raises(NotFoundError, match="there is no key 99"):
        operators.revoke_key(led, 99, "what", BOSS)


EDITS = (
    "UPDATE operator_grants SET role = 'admin'",
    "UPDATE operators SET person_uid = 5 WHERE name = 'ana'",
    "UPDATE operator_keys SET until_us = until_us + 1",
    "DELETE FROM operator_revocations",
    "UPDATE commits SET by_name = 'ben' WHERE commit_seq = 3",
    "UPDATE commits SET role = 'finance' WHERE commit_seq = 4",
)


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_behind_the_back_shows_in_the_chain_of_commits(led: Home, edit: str) -> None:
    operators.add(led, "ana", PERSON, BOSS)
    operators.grant(led, "ana", Role.SUPPORT, "answers", BOSS)
    key_id = operators.issue_key(led, "ana", KeyKind.TOKEN, "t-1", until_us=NOW_US + 10, who=BOSS)
    operators.revoke_key(led, key_id, "lost", BOSS)
    with led.connect() as connection:
        assert commit_chain.broken(connection) == []
    with led.begin() as connection:
        connection.exec_driver_sql(edit)
    with led.connect() as connection:
        assert commit_chain.broken(connection) != []


def test_each_commit_has_its_actor(led: Home) -> None:
    with led.connect() as connection:
        row = connection.execute(tables.commits.select()).one()
    assert (row.by_uid, row.via, row.role, row.peer) == (UID, "os", None, None)
