"""Usage streams as they are made, read and finalized. A stream belongs to the operator that made it.

The batches of a stream, and its place, are stored by `offsets`, in the transactions of intake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from billing.persons import same_person
from billing.store import commit_points, requests
from billing.store.tables import usage_streams
from rating.errors import NotFoundError, UserError, quoted

if TYPE_CHECKING:
    from billing.acting import Actor
    from billing.store.home import Home

COMMIT_KIND = "stream"


class ExistsError(UserError):
    """A stream with this id is there already."""


class OfAnotherError(UserError):
    """The stream belongs to another operator."""


class Counts(NamedTuple):
    """Rows by outcome: of a batch, or of all batches of a stream."""

    accepted: int = 0
    duplicate: int = 0
    conflicting: int = 0
    rejected: int = 0
    absorbed: int = 0


class Stream(NamedTuple):
    """A usage stream as it is stored. Instants are microseconds UTC."""

    stream_key: int
    stream_id: str
    source: str
    by_uid: int
    at_us: int
    next_offset: int
    counts: Counts
    finalized_us: int | None


def create(home: Home, by: Actor, stream_id: str, source: str, now_us: int, *, dry_run: bool = False) -> Stream:  # noqa: PLR0913 -- who makes which stream, when
    """Make a stream of a source, empty. Raises ExistsError."""
    with home.begin(dry_run=dry_run) as connection:
        if _row(connection, usage_streams.c.stream_id == stream_id) is not None:
            raise ExistsError(f"there is a usage stream {quoted(stream_id)}", "choose another id, or go on with that stream if it is yours")
        seq = home.next_commit_seq(connection, COMMIT_KIND, now_us)
        values = {"by_name": by.name, "by_uid": by.number, "at_us": now_us, "commit_seq": seq, "next_offset": 0, **Counts()._asdict()}
        connection.execute(usage_streams.insert().values(stream_id=stream_id, source=source, **values))
        made = _found(connection, stream_id)
        requests.tell(connection, made)
        commit_points.reached("stream.before_commit")
    commit_points.reached("stream.committed")
    return made


def find(home: Home, by: Actor, stream_id: str) -> Stream:
    """The stream of an id. Raises NotFoundError, and OfAnotherError for one of another operator."""
    with home.connect() as connection:
        return _own(connection, by, stream_id)


def of_commit(home: Home, commit_seq: int) -> Stream:
    """The stream that a commit made, or finalized."""
    row = usage_streams.c
    with home.connect() as connection:
        found = _row(connection, (row.commit_seq == commit_seq) | (row.finalized_seq == commit_seq))
    assert found is not None, commit_seq
    return _stream(found)


def finalize(home: Home, by: Actor, stream_id: str, now_us: int, *, dry_run: bool = False) -> Stream:
    """Let a stream take no more batches. One that takes none already stays as it is. Raises as `find` does."""
    with home.begin(dry_run=dry_run) as connection:
        if _own(connection, by, stream_id).finalized_us is None:
            seq = home.next_commit_seq(connection, COMMIT_KIND, now_us)
            update = usage_streams.update().where(usage_streams.c.stream_id == stream_id)
            connection.execute(update.values(finalized_us=now_us, finalized_seq=seq))
            requests.tell(connection, _found(connection, stream_id))
            commit_points.reached("stream.before_commit")
        made = _found(connection, stream_id)
    commit_points.reached("stream.committed")
    return made


def _own(connection: sa.Connection, by: Actor, stream_id: str) -> Stream:
    stream = _found(connection, stream_id)
    if not same_person(stream.by_uid, by.number):
        raise OfAnotherError(f"usage stream {quoted(stream_id)} belongs to another operator", "make a stream of your own")
    return stream


def _found(connection: sa.Connection, stream_id: str) -> Stream:
    found = _row(connection, usage_streams.c.stream_id == stream_id)
    if found is None:
        raise NotFoundError(f"there is no usage stream {quoted(stream_id)}", "make it with CreateUsageStream")
    return _stream(found)


def _row(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> sa.Row[Any] | None:
    return connection.execute(sa.select(usage_streams).where(condition)).first()


def _stream(row: Any) -> Stream:  # noqa: ANN401 -- a row of usage_streams
    counts = Counts(*(getattr(row, name) for name in Counts._fields))
    return Stream(row.stream_key, row.stream_id, row.source, row.by_uid, row.at_us, row.next_offset, counts, row.finalized_us)
