"""The policies of a home: those that were added to its database, and beside them those that come with this program.

Of one name, the policy that was added last is valid; the program's own one is valid where none was added. Rows are only ever added, so
that a step, which keeps the hash of its policy, can always be read with what the policy said. A policy of the program gets its row when
the first step by it is taken: the next version of the program may say something else.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec
import sqlalchemy as sa

from billing.dunning_policy.model import Policy, document_of, hash_of
from billing.dunning_policy.reading import package_policies
from billing.store import commit_points, requests, tables
from rating.errors import ChangedError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing.store.home import Home

HOME, PACKAGE = "home", "package"
COMMIT_KIND: Final = "dunning"
_ROW = tables.dunning_policies.c


class Kept(msgspec.Struct, frozen=True):
    """A policy as it is known: `origin` home or package; `at_us` and `commit_seq` 0 for one that has no row yet."""

    policy: Policy
    policy_hash: str
    origin: str
    holds: bool  # for accounts that name it
    by_name: str = ""
    by_uid: int = -1
    at_us: int = 0
    commit_seq: int = 0


class Added(msgspec.Struct, frozen=True):
    """Result of adding. `existed`: the policy of this name says so already; `replaces`: hash of what it said before, or empty."""

    policy: Policy
    policy_hash: str
    existed: bool
    replaces: str


def policies(connection: sa.Connection) -> dict[str, Policy]:
    """The policies that accounts of this home may name, by name."""
    found = package_policies()
    query = sa.select(_ROW.name, _ROW.policy_hash, _ROW.document).where(_ROW.origin == HOME)
    for row in connection.execute(query.order_by(_ROW.policy_id)):
        found[row.name] = _decoded(row.policy_hash, row.document)
    return dict(sorted(found.items()))


def kept(connection: sa.Connection) -> list[Kept]:
    """Every policy that is known, by name and age, also those that are no longer valid."""
    holding = {policy.name: hash_of(policy) for policy in policies(connection).values()}
    rows = connection.execute(sa.select(tables.dunning_policies).order_by(_ROW.name, _ROW.policy_id)).all()
    last = {row.name: row.policy_id for row in rows if row.policy_hash == holding.get(row.name)}
    found = [
        Kept(
            _decoded(row.policy_hash, row.document),
            row.policy_hash,
            row.origin,
            last.get(row.name) == row.policy_id,
            row.by_name,
            row.by_uid,
            row.at_us,
            row.commit_seq,
        )
        for row in rows
    ]
    known = {each.policy_hash for each in found}
    fresh = [each for each in package_policies().values() if hash_of(each) not in known]
    found += [Kept(each, hash_of(each), PACKAGE, hash_of(each) == holding[each.name]) for each in fresh]
    return sorted(found, key=lambda each: (each.policy.name, each.commit_seq == 0, each.commit_seq))


def names_of(connection: sa.Connection) -> dict[str, str]:
    """The name of each policy that has a row, by its hash."""
    return {row.policy_hash: row.name for row in connection.execute(sa.select(_ROW.policy_hash, _ROW.name))}


def add(  # noqa: PLR0913 -- what, by whom, and as of what
    home: Home, policy: Policy, by: tuple[str, int], now_us: int, *, etag: str = "", dry_run: bool = False
) -> Added:
    """Let a policy hold for the accounts that name it. What holds already changes nothing. `by`: name and uid of who adds it.

    `etag`: the hash of the policy of that name as it was read; empty: nothing is compared. Raises ChangedError where another one holds.
    """
    with home.begin(dry_run=dry_run) as connection:
        before = policies(connection).get(policy.name)
        if etag and (before is None or hash_of(before) != etag):
            raise ChangedError(f"policy {policy.name} is another one since it was read", "read the policies again, then decide")
        added = Added(policy, hash_of(policy), before == policy, "" if before is None else hash_of(before))
        if added.existed:
            return added
        _insert(connection, policy, HOME, by, now_us, home.next_commit_seq(connection, COMMIT_KIND, now_us))
        if not dry_run:
            requests.tell(connection, added)
            commit_points.reached("dunning_policy.before_commit")
    if not dry_run:
        commit_points.reached("dunning_policy.committed")
    return added


def keep(connection: sa.Connection, used: Iterable[Policy], now_us: int, commit_seq: int) -> None:
    """Give each policy that steps were taken by a row, within the transaction of those steps."""
    known = set(connection.execute(sa.select(_ROW.policy_hash)).scalars())
    for policy in used:
        if hash_of(policy) not in known:
            _insert(connection, policy, PACKAGE, ("", -1), now_us, commit_seq)


def _insert(connection: sa.Connection, policy: Policy, origin: str, by: tuple[str, int], now_us: int, commit_seq: int) -> None:  # noqa: PLR0913, PLR0917 -- one argument a column
    values = {"name": policy.name, "policy_hash": hash_of(policy), "origin": origin, "document": document_of(policy).decode()}
    signed = {"by_name": by[0], "by_uid": by[1], "at_us": now_us, "commit_seq": commit_seq}
    connection.execute(tables.dunning_policies.insert().values(**values, **signed))


def _decoded(policy_hash: str, document: str) -> Policy:
    """A stored policy. Raises UserError where the row does not say what was written."""
    if hashlib.sha256(document.encode()).hexdigest() != policy_hash:
        raise UserError(
            f"the dunning policy {policy_hash[:12]} in the store is not what was written: its hash differs",
            "put back the last good copy of the home folder",
        )
    return msgspec.json.decode(document, type=Policy)
