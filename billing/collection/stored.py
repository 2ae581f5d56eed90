"""Collected files as the store remembers them: a row for each file that was claimed and finished, with its state.

    taken      its usage counts, and it goes to the archive
    resent     a file of the same content was taken before; nothing was added, and it goes to the archive as well
    rejected   nothing of it counts; reason and remedy are kept

A row is known by file name and instant of the claim. Sequence numbers are stored counted on over wraps (see `sequences`).
`control_totals` also tells how the stream counts, so that a reader of it needs no source definition.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.collection import sequences
from billing.collection.folders import base_name
from billing.store import commit_points
from billing.store.tables import collected_files, raw_files
from mediation.bytes.reader import shown

if TYPE_CHECKING:
    from billing.store.home import Home
    from mediation.sources.model import Source

TAKEN: Final = "taken"
RESENT: Final = "resent"
REJECTED: Final = "rejected"
COMMIT_KIND: Final = "collection"
NO_SOURCE: Final = ""


class Details(msgspec.Struct, frozen=True, omit_defaults=True):
    """Content of column `control_totals`, as JSON."""

    said: dict[str, int] = {}  # totals of the file's own lines; durations in microseconds
    counted: dict[str, int] = {}
    remedy: str = ""  # of a rejected file, as is its hash
    sha256: str = ""
    first: int = 0  # how the stream counts: the number after a wrap, and how many there are a round (0: no wraps)
    round: int = 0
    twice: dict[str, int] = {}  # other sources that tell the same calls, and how many


class Collected(NamedTuple):
    """One finished file."""

    file_name: str
    claimed_us: int
    source: str
    state: str
    raw_file_id: int | None
    reason: str
    details: Details


class Archived(NamedTuple):
    """Path at which a file will lie, and the raw files that get it, unless they have one already."""

    path: Path
    raw_file_ids: Sequence[int]


def shown_name(name: str) -> str:
    """A file's name as text that can be stored."""
    return shown(Path(name))


def find(home: Home, name: str, claimed_us: int) -> Collected | None:
    """The row that was noted for the claim of file `name` at an instant."""
    row = collected_files.c
    query = sa.select(collected_files).where(row.file_name == shown_name(name), row.claimed_us == claimed_us)
    with home.connect() as connection:
        found = connection.execute(query).first()
    if found is None:
        return None
    details = msgspec.json.decode(found.control_totals, type=Details)
    return Collected(found.file_name, found.claimed_us, found.source, found.state, found.raw_file_id, found.reason, details)


def raw_file_id(home: Home, source: str, commit_seq: int) -> int | None:
    """The file that a commit of intake took."""
    row = raw_files.c
    query = sa.select(row.raw_file_id).where(row.source == source, row.commit_seq == commit_seq)
    with home.connect() as connection:
        return connection.execute(query).scalar_one_or_none()


def archived_path(home: Home, raw_file_id: int) -> str | None:
    """Path at which a taken file is to lie in the archive."""
    query = sa.select(raw_files.c.archived_path).where(raw_files.c.raw_file_id == raw_file_id)
    with home.connect() as connection:
        return connection.execute(query).scalar_one_or_none()


def is_archived_path(home: Home, path: Path) -> bool:
    """Return whether a taken file lies at `path`, or is about to."""
    query = sa.select(sa.func.count()).where(raw_files.c.archived_path == shown(path))
    with home.connect() as connection:
        return connection.execute(query).scalar_one() > 0


def first_collected(home: Home, raw_file_id: int) -> str | None:
    """The name under which collection took a file first; None where it did not."""
    row = collected_files.c
    query = sa.select(row.file_name).where(row.raw_file_id == raw_file_id, row.state == TAKEN).order_by(row.collected_id).limit(1)
    with home.connect() as connection:
        return connection.execute(query).scalar_one_or_none()


def note(home: Home, collected: Collected, source: Source | None, archived: Archived, now_us: int) -> None:
    """Remember a finished file."""
    with home.begin() as connection:
        stream, number, details = _numbered(connection, collected, source)
        values: dict[str, Any] = {
            **collected._asdict(),
            "sequence_stream": stream,
            "sequence_number": number,
            "done_us": now_us,
            "control_totals": msgspec.json.encode(details).decode(),
            "commit_seq": home.next_commit_seq(connection, COMMIT_KIND, now_us),
        }
        del values["details"]
        connection.execute(collected_files.insert(), values)
        row = raw_files.c
        is_new = row.raw_file_id.in_(archived.raw_file_ids) & row.archived_path.is_(None)
        connection.execute(raw_files.update().where(is_new).values(archived_path=shown(archived.path)))
        commit_points.reached("collect.before_commit")
    commit_points.reached("collect.noted")


def _numbered(connection: sa.Connection, collected: Collected, source: Source | None) -> tuple[str, int | None, Details]:
    """Stream, counted-on number and how the stream counts; the number of the file's own header where its name has none."""
    details = collected.details
    if source is None:
        return "", None, details
    rules = source.file_sequence
    if rules is None:
        number = details.said.get("sequence")
        return "", number, details
    found = sequences.numbered(base_name(collected.file_name), rules)
    if found is None:
        return "", None, details
    row = collected_files.c
    newest = sa.select(sa.func.max(row.sequence_number)).where(row.source == source.name, row.sequence_stream == found.stream)
    number = sequences.counted_on(found.number, connection.execute(newest).scalar_one(), rules)
    return found.stream, number, msgspec.structs.replace(details, first=rules.first, round=sequences.round_of(rules))
