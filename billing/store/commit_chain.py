"""Commits as a chain: each has a hash of itself and of all before it, so that none can be edited alone.

The hash of a commit is that of the hash before it, its number, its kind and its time; and, of commits since they were first signed, of the
rows by which persons act. These are settings, adjustments, proposals, answers, decisions on late usage, runs, undone runs and re-ratings.
The limit of suspense belongs to them, and operators with their keys and roles. From schema 0017 on it holds the actor as well.
Commits of homes before schema 0012 have none, but the last of them, which the upgrade gave one: an edit from before is not seen. From the
first hash on each commit has one: none is a finding for ever, since nothing gives it one later.
The hashes have no key: an edit of a commit with new hashes for all later ones is not found.
"""

from __future__ import annotations

import collections
import functools
import hashlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.store import tables
from billing.store.prepared import Prepared, insert
from billing.store.user_namespace import UNSIGNED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.acting import Actor

START: Final = b""  # before the first commit
DIGEST_BYTES: Final = 16
SIGNED_BYTES: Final = 20  # of a hash that holds rows as well
_ROWS_AT_ONCE: Final = 10_000
_OPEN: Final = "commits_to_sign"  # in the `info` of a connection: the commits of its transaction
_BY: Final = ("by_name", "by_uid", "at_us", "commit_seq")
_LAST: Final = sa.select(tables.commits.c.commit_seq, tables.commits.c.chain).order_by(tables.commits.c.commit_seq.desc()).limit(1)
_HEAD: Final = Prepared(lambda: _LAST)
# Tables of acts and their columns, the key first. They stand in hashes: none is added, dropped or moved.
_SIGNED: Final = {
    "adjustments": (
        *("adjustment_id", "reference", "account_key", "subscription_key", "on_date", "catalogue", "tax_class", "charge_code"),
        *("revenue_code", "amount_micros", "reason_code", "text", "approved_by", "approved_uid", *_BY),
    ),
    "approval_decisions": ("decision_id", "approval_id", "kind", "note", *_BY),
    "approvals": ("approval_id", "kind", "subject", "payload", "account_key", "currency", "amount_micros", "reason", *_BY),
    "billing_settings": ("setting_id", "name", "value", *_BY),  # its reason is dropped by going back
    "late_decisions": (
        *("decision_id", "kind", "undoes", "account_key", "subscription_key", "currency", "records", "worth_micros", "amount_micros"),
        *("adjustment_id", "reason", "agreed_by", "agreed_uid", *_BY),
    ),
    "rerate_decisions": ("decision_id", "job_id", "kind", "note", "run_id", *_BY),
    "run_decisions": ("decision_id", "run_id", "kind", "note", *_BY),
    "run_undos": ("undo_id", "run_id", "kind", "restricted", "reason", *_BY),
}
# Rows that belong to one of these acts, and are signed with its commit: the table, its columns (all of its key first) and the act's key.
_PARTS: Final = {
    "late_decisions": ("late_decision_events", ("decision_id", "event_key", "start_us", "worth_micros"), "decision_id"),
    "run_undos": ("run_undo_accounts", ("undo_id", "account_key"), "undo_id"),
}
# The same of tables that came with later schemas: their rows stand behind those of the tables above.
_SIGNED_LATER: Final = {
    "operators": ("operator_id", "name", "kind", "person_uid", *_BY),
    "operator_keys": ("key_id", "operator_id", "kind", "subject", "from_us", "until_us", *_BY),
    "operator_grants": ("grant_id", "operator_id", "role", "entity", "source", "from_us", "until_us", "reason", *_BY),
    "operator_revocations": ("revocation_id", "kind", "item_id", "reason", *_BY),
    "operations": ("operation_key", "name", "kind", "subject", "request", "resumes", "via", "role", "call", *_BY),
}
ALL_LATER: Final = frozenset(_SIGNED_LATER)
ACTOR: Final = ("by_name", "by_uid", "via", "role", "call", "subject", "reason", "peer", "request_id")  # columns of commits
_FIRST: Final = "first"  # parameter of queries: the commit from which on they find
_LIMITS: Final = "suspense.limit."  # names of settings behind which the number of their commit stands
_COUNTS: Final = {"adjustments": "approved_uid"}  # filled where a row counts: one that waits gets another commit when it does


class _Added(NamedTuple):
    """A commit of the transaction under way; `before`: the hash of the commit in front of it when it was added."""

    commit_seq: int
    kind: str
    at_us: int
    actor: list[Any]
    before: bytes


def following(before: bytes, commit_seq: int, kind: str, at_us: int) -> bytes:
    """The hash of a commit that follows one with the hash `before`."""
    return hashlib.blake2b(before + f"{commit_seq}\0{kind}\0{at_us}".encode(), digest_size=DIGEST_BYTES).digest()


def signed(before: bytes, commit_seq: int, kind: str, at_us: int, rows: list[list[Any]]) -> bytes:
    """As `following`, of a commit with its rows by which persons act."""
    data = before + f"{commit_seq}\0{kind}\0{at_us}\0".encode() + msgspec.json.encode(rows)
    return hashlib.blake2b(data, digest_size=SIGNED_BYTES).digest()


def actor_values(actor: Actor) -> dict[str, str | int | None]:
    """The actor of a commit, by column. What is empty is null."""
    request_id = "" if actor.request is None else actor.request.request_id
    rest = (actor.role, actor.call, actor.subject, actor.reason, actor.peer, request_id)
    return dict(zip(ACTOR, (actor.name, actor.number, actor.via.value, *(each or None for each in rest)), strict=True))


def add(connection: sa.Connection, kind: str, at_us: int, actor: Actor) -> int:
    """Add the next commit inside a write transaction. Return its number. `sign` gives it its hash at the end, with its rows.

    A commit of what no person signs has no rows in its hash: alone in its transaction it has the right hash from here on.
    """
    last, before = head(connection)
    commits, values = connection.info.setdefault(_OPEN, []), actor_values(actor)
    made = _Added(last + 1, kind, at_us, ["commits", *values.values()], before)
    is_final = kind in UNSIGNED and not commits
    chain = signed(before, *made[:3], [made.actor]) if is_final else following(before, *made[:3])
    insert(connection, tables.commits, [{"commit_seq": made.commit_seq, "kind": kind, "at_us": at_us, "chain": chain, **values}])
    commits.append(made)
    return made.commit_seq


def sign(connection: sa.Connection) -> None:
    """Give the commits of a write transaction their hashes, at its end: with the rows of persons' acts in them."""
    commits: list[_Added] = connection.info.pop(_OPEN, [])
    row = tables.commits.c
    is_unsigned = [each.kind in UNSIGNED for each in commits]
    if is_unsigned in ([], [True]):
        return  # see `add`
    chain, acts = commits[0].before, {} if all(is_unsigned) else _acts(connection, commits[0].commit_seq)
    for each in commits:
        rows = [each.actor, *acts.get(each.commit_seq, [])]
        chain = signed(chain, each.commit_seq, each.kind, each.at_us, rows)
        connection.execute(tables.commits.update().where(row.commit_seq == each.commit_seq).values(chain=chain))


def sign_without_actors(connection: sa.Connection) -> None:
    """Give the commits from the first one with an actor on the hashes that they have without, for a schema that has no actors."""
    commit, first = tables.commits, None
    for row in _rows(connection, has_actors=True):
        if first is None and row.by_name is not None:
            first, (_, chain) = int(row.commit_seq), head(connection, before=int(row.commit_seq))
            acts = _acts(connection, first, _there(connection))
        if first is not None:
            chain = signed(chain, row.commit_seq, row.kind, row.at_us, acts.get(row.commit_seq, []))
            connection.execute(commit.update().where(commit.c.commit_seq == row.commit_seq).values(chain=chain))


def forget(connection: sa.Connection) -> None:
    """Forget the commits of a transaction that ended, however it did."""
    connection.info.pop(_OPEN, None)


def head(connection: sa.Connection, before: int | None = None) -> tuple[int, bytes]:
    """The number and the hash of the last commit, in a write transaction, or of the last in front of `before`; 0 and START in a new home.

    Commits without a hash behind the last one that has one were edited, or are of an older version that went on during the upgrade: the
    home goes on, they stay without, and so remain a finding.
    """
    commit = tables.commits.c
    in_front = _LAST if before is None else _LAST.where(commit.commit_seq < before)
    last = _HEAD.one_or_none(connection) if before is None else connection.execute(in_front).first()
    if last is None:
        return 0, START
    if last.chain is not None:
        return int(last.commit_seq), bytes(last.chain)
    known = connection.execute(in_front.where(commit.chain.is_not(None))).first()
    after, found = (0, START) if known is None else (int(known.commit_seq), bytes(known.chain))
    for row in _rows(connection, after):
        if row.commit_seq <= last.commit_seq:
            found = following(found, row.commit_seq, row.kind, row.at_us)
    return int(last.commit_seq), found


def broken(connection: sa.Connection) -> list[int]:
    """Numbers of commits whose hash is not that of what is stored there, and of those without one, but in front of the first hash.

    The first hash holds the rows of those in front of it as well.
    """
    found, chain, row, is_chained = [], START, None, False
    has_actors = _has_actors(connection)
    acts, rows = _acts(connection, 0, _there(connection)), list[list[Any]]()
    for row in _rows(connection, has_actors=has_actors):
        rows += _actor(row) if has_actors else []
        rows += acts.get(row.commit_seq, [])
        is_signed = row.chain is not None and len(row.chain) == SIGNED_BYTES
        values = (chain, row.commit_seq, row.kind, row.at_us)
        chain = signed(*values, rows) if is_signed else following(*values)
        if is_chained if row.chain is None else bytes(row.chain) != chain:
            found.append(int(row.commit_seq))
            chain = chain if row.chain is None else bytes(row.chain)  # those behind it are held against what stands there
        is_chained = is_chained or row.chain is not None
        rows = [] if is_chained else rows
    if row is not None and not is_chained:
        found.append(int(row.commit_seq))
    return found


def of_all(connection: sa.Connection) -> tuple[int, bytes] | None:
    """The last commit, and the hash that it has where no commit before it has one; None where there is no commit."""
    last, before, chain, acts, rows = None, START, START, _acts(connection, 0, _there(connection)), list[list[Any]]()
    for row in _rows(connection):
        last, before, chain = row, chain, following(chain, row.commit_seq, row.kind, row.at_us)
        rows += acts.get(row.commit_seq, [])
    return None if last is None else (int(last.commit_seq), signed(before, last.commit_seq, last.kind, last.at_us, rows))


def _rows(connection: sa.Connection, after: int = 0, *, has_actors: bool = False) -> Iterator[Any]:
    """Commits after one, in their order; with their actors where the schema has them."""
    commit = tables.commits.c
    columns = (commit.commit_seq, commit.kind, commit.at_us, commit.chain, *(commit[each] for each in ACTOR if has_actors))
    query = sa.select(*columns).where(commit.commit_seq > after)
    yield from connection.execute(query.order_by(commit.commit_seq).execution_options(yield_per=_ROWS_AT_ONCE))


def _has_actors(connection: sa.Connection) -> bool:
    """Return whether the schema of a database, which may be an older one, has actors."""
    schema = connection.get_execution_options().get("schema_translate_map", {}).get(None)
    return any(each["name"] == ACTOR[0] for each in sa.inspect(connection).get_columns("commits", schema=schema))


def _there(connection: sa.Connection) -> frozenset[str]:
    """The tables of later schemas that are in a database, which may be one of an older schema."""
    found = sa.inspect(connection)
    schema = connection.get_execution_options().get("schema_translate_map", {}).get(None)
    return frozenset(name for name in _SIGNED_LATER if found.has_table(name, schema=schema))


def _actor(row: Any) -> list[list[Any]]:  # noqa: ANN401 -- a row of `_rows`
    """The actor of a commit as it stands in its hash; nothing of a commit of before."""
    return [] if row.by_name is None else [["commits", *(getattr(row, each) for each in ACTOR)]]


def _acts(connection: sa.Connection, first: int, later: frozenset[str] = ALL_LATER) -> dict[int, list[list[Any]]]:
    """The rows by which persons act of commits from `first` on, by commit. `later`: tables of schemas behind 0012 that are there."""
    acts = collections.defaultdict[int, list[list[Any]]](list)
    for name, rows, parts in _queries(later):
        for values in connection.execute(rows, {_FIRST: first}):
            acts[values.commit_seq].append([name, *values])
        if parts is not None:
            for commit_seq, *part in connection.execute(parts, {_FIRST: first}):
                acts[commit_seq].append([_PARTS[name][0], *part])
    for name, value in connection.execute(_limits()):
        commit_seq = int(name.removeprefix(_LIMITS))
        if commit_seq >= first:
            acts[commit_seq].append([name, value])
    return acts


@functools.cache
def _queries(later: frozenset[str]) -> list[tuple[str, sa.Select[Any], sa.Select[Any] | None]]:
    """Queries for the rows of each table of acts and of its part, from a commit on. Made once: each commit asks for all of them."""
    queries, first = [], sa.bindparam(_FIRST, type_=sa.Integer())
    for name, columns in (_SIGNED | {name: columns for name, columns in _SIGNED_LATER.items() if name in later}).items():
        row = sa.table(name, *map(sa.column, columns)).c
        rows = sa.select(*row).where(row.commit_seq >= first).order_by(row[columns[0]])
        if name in _COUNTS:
            rows = rows.where(row[_COUNTS[name]].is_not(None))
        parts = _parts(name, first).execution_options(yield_per=_ROWS_AT_ONCE) if name in _PARTS else None
        queries.append((name, rows.execution_options(yield_per=_ROWS_AT_ONCE), parts))
    return queries


@functools.cache
def _limits() -> sa.Select[Any]:
    setting = sa.table("settings", sa.column("name"), sa.column("value")).c
    return sa.select(setting.name, setting.value).where(setting.name.startswith(_LIMITS, autoescape=True)).order_by(setting.name)


def _parts(name: str, first: sa.BindParameter[int]) -> sa.Select[Any]:
    """Commits and rows of what belongs to acts of a table, from a commit on."""
    part, columns, key = _PARTS[name]
    act, own = sa.table(name, sa.column(key), sa.column("commit_seq")), sa.table(part, *map(sa.column, columns))
    query = sa.select(act.c.commit_seq, *own.c).join_from(own, act, own.c[key] == act.c[key])
    return query.where(act.c.commit_seq >= first).order_by(own.c[columns[0]], own.c[columns[1]])
