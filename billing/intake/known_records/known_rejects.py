"""Rows that could not be read and come again: each is stored in suspense once, and its copies are duplicates in the books.

Such a row has no event key. It is known by its source and the SHA-256 of its bytes. A record of several events gives a reject for each,
all with the bytes of the record: these are distinguished by their order within the record. Decided rows stay known, so that what was
recycled or written off does not wait again.
"""

from __future__ import annotations

import collections
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from billing.store.tables import suspense
from mediation.decoded import Reject

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from billing.intake.arrivals import Arrival
    from billing.store.home import Home

_HASHES_A_QUERY: Final = 500
_EVENTS_MAX: Final = 1 << 14  # of one record, in the 64 KiB that are kept of it
_Name = tuple[str, bytes]  # source and row_sha256


class NewReject(NamedTuple):
    """A row that goes into suspense. `came_again`: its copies within the same commit."""

    reject: Reject
    row_sha256: bytes
    came_again: int


class Rejects(NamedTuple):
    """The rejects of one arrival: those that are new, and copies of rows in suspense by `suspense_id`."""

    new: Sequence[NewReject]
    again: collections.Counter[int]


def sort_out(home: Home, arrivals: Sequence[Arrival]) -> list[Rejects]:
    """The rejects of each arrival. The caller holds the intake lock."""
    named = [[(arrival.source, each) for each in row_hashes(arrival.decoded.rejects)] for arrival in arrivals]
    stored = _stored(home, {name for names in named for name in names})
    copies = collections.Counter(name for names in named for name in names if name not in stored)
    sorted_out = []
    for arrival, names in zip(arrivals, named, strict=True):
        new = []
        for reject, name in zip(arrival.decoded.rejects, names, strict=True):
            came = copies.pop(name, 0)  # the first of its copies is the one that goes into suspense
            if came:
                new.append(NewReject(reject, name[1], came - 1))
        sorted_out.append(Rejects(new, collections.Counter(stored[name] for name in names if name in stored)))
    return sorted_out


def first_come(home: Home, source: str, rejects: Sequence[Reject], commit_seq: int) -> list[Reject]:
    """Those of the rejects of a batch that went into suspense with its commit: the others had come before, and are duplicates."""
    named = list(row_hashes(rejects))
    row, found = suspense.c, set[tuple[bytes, int]]()
    hashes = sorted(set(named))
    with home.connect() as connection:
        for begin in range(0, len(hashes), _HASHES_A_QUERY):
            query = sa.select(row.row_sha256, row.raw_offset).where(row.source == source, row.commit_seq == commit_seq)
            some = query.where(row.row_sha256.in_(hashes[begin : begin + _HASHES_A_QUERY]))
            found.update((bytes(row_sha256), int(raw_offset)) for row_sha256, raw_offset in connection.execute(some))
    return [reject for reject, name in zip(rejects, named, strict=True) if (name, reject.offset) in found]


def row_hashes(rejects: Sequence[Reject]) -> Iterator[bytes]:
    """SHA-256 of each row; of the second and later rejects of one record, of that and their number."""
    seen: collections.Counter[tuple[int, bytes]] = collections.Counter()
    for reject in rejects:
        whole = reject.sha256 or hashlib.sha256(reject.raw).digest()
        yield numbered(whole, seen[reject.offset, whole])
        seen[reject.offset, whole] += 1


def numbered(row_sha256: bytes, number: int) -> bytes:
    """The hash that tells reject `number` (from 0) of a record from the others."""
    return row_sha256 if number == 0 else hashlib.sha256(row_sha256 + number.to_bytes(8, "little")).digest()


def is_hash_of(row_sha256: bytes, raw: bytes) -> bool:
    """True where a row that could not be read is known by this hash: that of its bytes, or of one of its events."""
    whole = hashlib.sha256(raw).digest()
    return any(numbered(whole, number) == row_sha256 for number in range(_EVENTS_MAX))


def write_again(connection: sa.Connection, rejects: Sequence[Rejects]) -> None:
    """Count the copies of rows that are in suspense."""
    again = sum((each.again for each in rejects), collections.Counter[int]())
    if again:
        row = suspense.c
        statement = suspense.update().where(row.suspense_id == sa.bindparam("known_id"))
        statement = statement.values(came_again=sa.func.coalesce(row.came_again, 0) + sa.bindparam("copies"))
        connection.execute(statement, [{"known_id": known_id, "copies": copies} for known_id, copies in sorted(again.items())])


def _stored(home: Home, names: Collection[_Name]) -> dict[_Name, int]:
    """The suspense_id of each of these rows that is in suspense: of the first, where a row was stored several times."""
    if not names:
        return {}
    hashes = sorted({row_sha256 for _, row_sha256 in names})
    row = suspense.c
    found: dict[_Name, int] = {}
    with home.connect() as connection:
        for begin in range(0, len(hashes), _HASHES_A_QUERY):
            query = sa.select(row.source, row.row_sha256, sa.func.min(row.suspense_id)).group_by(row.source, row.row_sha256)
            some = query.where(row.row_sha256.in_(hashes[begin : begin + _HASHES_A_QUERY]))
            found.update(((source, bytes(row_sha256)), first) for source, row_sha256, first in connection.execute(some))
    return {name: found[name] for name in names if name in found}
