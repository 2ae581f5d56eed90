"""Writes, reads and refusals in one list: those of the chain of commits, and those of the trail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.store import commit_chain, tables
from server.access import trail
from server.access.trail import Entry

if TYPE_CHECKING:
    from billing.store.home import Home
    from server.access.trail import DayEnd


class Problem(NamedTuple):
    """A commit or an entry that is not as it was written."""

    place: str
    what: str


def problems(home: Home, exported: list[DayEnd]) -> list[Problem]:
    """Changes in the chain of commits and in the trail. `exported`: ends of days that were kept elsewhere."""
    with home.connect() as connection:
        broken = commit_chain.broken(connection)
    found = [Problem(f"commit {each}", "its hash is not that of its content") for each in broken]
    return found + [Problem(f"{each.file}:{each.line}", each.what) for each in trail.verify(home.path, exported)]


def entries(home: Home) -> list[Entry]:
    """All entries in the order of their times. Commits of before have no actor, and are left out."""
    found = [*_commits(home), *_of_trail(home)]
    return sorted(found, key=lambda each: each.at_us)


def _commits(home: Home) -> list[Entry]:
    row = tables.commits.c
    columns = (row.commit_seq, row.kind, row.at_us, row.call, row.by_name, row.by_uid, row.via, row.role, row.subject, row.reason)
    query = sa.select(*columns, row.peer, row.request_id).where(row.by_name.is_not(None)).order_by(row.commit_seq)
    with home.connect() as connection:
        return [_entry(each) for each in connection.execute(query)]


def _entry(row: Any) -> Entry:  # noqa: ANN401 -- a row of commits
    texts = {"subject": row.subject, "reason": row.reason, "peer": row.peer, "request_id": row.request_id}
    entry = Entry(row.at_us, row.call or "", f"commit {row.commit_seq} ({row.kind})", row.by_name, row.by_uid, row.via, row.role or "")
    return msgspec.structs.replace(entry, **{name: text or "" for name, text in texts.items()})


def _of_trail(home: Home) -> list[Entry]:
    return [msgspec.convert(each, Entry) for path in trail.files(home.path) for each in trail.entries(path) if each["call"] != trail.END]
