"""Writes, reads and refusals in one list: those of the chain of commits, and those of the trail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.store import commit_chain, tables
from server.access import trail
from server.access.trail import DayEnd, Entry

if TYPE_CHECKING:
    from billing.store.home import Home


class Problem(NamedTuple):
    """A commit or an entry that is not as it was written."""

    place: str
    what: str


class Exported(NamedTuple):
    """The ends that were kept elsewhere: of the chain of commits, and of days of the trail."""

    commit_seq: int
    chain: bytes
    day_ends: list[DayEnd]


NONE_EXPORTED: Final = Exported(0, b"", [])


def export(home: Home) -> Exported:
    """The ends as they are now."""
    with home.connect() as connection:
        commit_seq, chain = commit_chain.head(connection)
    return Exported(commit_seq, chain, trail.day_ends(home.path))


def problems(home: Home, exported: Exported = NONE_EXPORTED) -> list[Problem]:
    """Changes in the chain of commits and in the trail, and tails of both that were cut since they were exported."""
    row = tables.commits.c
    with home.connect() as connection:
        broken = commit_chain.broken(connection)
        chain = connection.execute(sa.select(row.chain).where(row.commit_seq == exported.commit_seq)).scalar_one_or_none()
    found = [Problem(f"commit {each}", "its hash is not that of its content") for each in broken]
    if exported.commit_seq and (chain is None or bytes(chain) != exported.chain):
        found.append(
            Problem(f"commit {exported.commit_seq}", "it is not the commit that was exported: commits were deleted, or made again")
        )
    return found + [Problem(f"{each.file}:{each.line}", each.what) for each in trail.verify(home.path, exported.day_ends)]


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
