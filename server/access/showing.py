"""Writes, reads and refusals in one list: those of the chain of commits, and those of the trail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing import operators
from billing.persons import same_person
from billing.store import commit_chain, tables
from rating.errors import UserError
from server.access import trail
from server.access.trail import DayEnd, Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from billing.store.home import Home


class Problem(NamedTuple):
    """A commit or an entry that is not as it was written."""

    place: str
    what: str


class PlaceError(UserError):
    """A place that is none of a list."""


class Exported(NamedTuple):
    """The ends that were kept elsewhere: of the chain of commits, and of days of the trail."""

    commit_seq: int
    chain: bytes
    day_ends: list[DayEnd]


class Shown(NamedTuple):
    """An entry of a list, the newest first, and the place behind it, at which the list goes on."""

    entry: Entry
    place: str


class _Place(msgspec.Struct):
    """The place in a list: commits in front of `commit_seq`; of each service what is in front of a byte of a file."""

    commit_seq: int
    files: dict[str, tuple[str, int]]


COMMITS_AT_ONCE: Final = 500
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
    return [each.entry for each in newest_first(home)][::-1]


def newest_first(home: Home, place: str = "") -> Iterator[Shown]:
    """All entries, those of commits and of each service merged by their times; from a place on that was given with an entry.

    Of one instant a commit is the older one: the call that made it ends afterwards.

    No more is read than is asked for. Entries that come after the first place was given are in none of what follows it. Raises PlaceError
    for a place that is none.
    """
    at = _begin(home) if not place else _parsed(place)
    chains = trail.chains(home.path)
    sources: list[Iterator[tuple[Entry, int | tuple[str, int]]]] = [_commits_before(home, at.commit_seq)]
    sources += [_before(chains.get(writer, []), *of) for writer, of in at.files.items()]
    names = [None, *at.files]
    heads = [next(each, None) for each in sources]
    while any(heads):
        _, newest = max((each[0].at_us, number) for number, each in enumerate(heads) if each is not None)
        head = heads[newest]
        assert head is not None, newest
        entry, behind = head
        writer = names[newest]
        if isinstance(behind, tuple) and writer is not None:
            at.files[writer] = behind
        elif isinstance(behind, int):
            at.commit_seq = behind
        yield Shown(entry, msgspec.json.encode(at).decode())
        heads[newest] = next(sources[newest], None)


def is_of(home: Home, operator: str) -> Callable[[Entry], bool]:
    """The condition that an entry is of an operator: by its name or, for what its account wrote in a shell, its number. Empty: of any."""
    if not operator:
        return lambda _: True
    with home.connect() as connection:
        found = operators.of_name(connection, operator)
    number = None if found is None else found.person_uid
    return lambda entry: entry.operator == operator or same_person(number, entry.number)


def _begin(home: Home) -> _Place:
    with home.connect() as connection:
        head = home.head_seq(connection)
    return _Place(head + 1, {writer: (of[-1].name, of[-1].stat().st_size) for writer, of in trail.chains(home.path).items()})


def _parsed(place: str) -> _Place:
    try:
        return msgspec.json.decode(place, type=_Place)
    except msgspec.DecodeError:
        raise PlaceError("the place is not one of this list", "begin with the first page") from None


def _commits_before(home: Home, commit_seq: int) -> Iterator[tuple[Entry, int]]:
    row = tables.commits.c
    while True:
        query = _query().where(row.commit_seq < commit_seq).order_by(row.commit_seq.desc()).limit(COMMITS_AT_ONCE)
        with home.connect() as connection:
            rows = connection.execute(query).all()
        for each in rows:
            commit_seq = int(each.commit_seq)
            yield _entry(each), commit_seq
        if not rows:
            return


def _before(files: list[Path], name: str, end: int) -> Iterator[tuple[Entry, tuple[str, int]]]:
    """Entries of one service in front of a byte of a file, and of all files before it."""
    for path in reversed([each for each in files if each.name <= name]):
        for start, found in trail.before(path, end if path.name == name else path.stat().st_size):
            if found["call"] != trail.END:
                yield msgspec.convert(found, Entry), (path.name, start)


def _query() -> sa.Select[Any]:
    row = tables.commits.c
    columns = (row.commit_seq, row.kind, row.at_us, row.call, row.by_name, row.by_uid, row.via, row.role, row.subject, row.reason)
    return sa.select(*columns, row.peer, row.request_id).where(row.by_name.is_not(None))


def _entry(row: Any) -> Entry:  # noqa: ANN401 -- a row of commits
    texts = {"subject": row.subject, "reason": row.reason, "peer": row.peer, "request_id": row.request_id}
    entry = Entry(row.at_us, row.call or "", f"commit {row.commit_seq} ({row.kind})", row.by_name, row.by_uid, row.via, row.role or "")
    return msgspec.structs.replace(entry, **{name: text or "" for name, text in texts.items()})
