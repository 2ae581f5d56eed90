"""The bytes of a row as its file had them: from the store, else from the file where it lies now, archived or where it was taken from."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing.store.home import SPOOL
from billing.store.tables import raw_files, suspense
from mediation.arrow import canonical_files
from mediation.bytes import containers
from mediation.bytes.reader import WINDOW_BYTES, Window, fingerprint
from mediation.formats.registry import is_columnar
from mediation.sources.model import BUILT_IN
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from billing.store.home import Home

SHOWN_BYTES_MAX: Final = 1 << 20  # no text row is longer
_IDS_A_QUERY: Final = 500
_HEAD_BYTES: Final = 8


class Raw(NamedTuple):
    """A row's bytes; `problem` says why they are not at hand. `paths`: those that it may name."""

    data: bytes | None
    problem: str = ""
    paths: tuple[str, ...] = ()

    def without_folders(self) -> Raw:
        """The same, with the names of files alone: for those who cannot look at this machine."""
        problem = self.problem
        for each in (" or ".join(self.paths), *sorted(self.paths, key=len, reverse=True)):
            problem = problem.replace(each, Path(each).name) if each else problem
        return self._replace(problem=problem)


class RawPlace(NamedTuple):
    """Place of a row: a file of the table raw_files (0: it came by a stream), byte and length in the unpacked file.

    Of a file of columns `offset` is the number of the row, from 0. A row that was read of it has the length 0.
    """

    raw_file_id: int
    offset: int
    length: int


def of_suspense(home: Home, suspense_id: int) -> Raw:
    """The whole row of a suspense row."""
    row = suspense.c
    with home.connect() as connection:
        query = sa.select(row.raw_bytes, row.raw_file_id, row.raw_offset, row.raw_length).where(row.suspense_id == suspense_id)
        data, *place = connection.execute(query).one()
    return _whole(home, data, RawPlace(*place))


def all_of(home: Home, rows: pa.Table) -> list[Raw]:
    """The same of many rows (`waiting.WAITING`), in their order."""
    row = suspense.c
    wanted: list[Any] = rows["suspense_id"].to_pylist()
    data: dict[int, bytes | None] = {}
    with home.connect() as connection:
        for begin in range(0, len(wanted), _IDS_A_QUERY):
            query = sa.select(row.suspense_id, row.raw_bytes).where(row.suspense_id.in_(wanted[begin : begin + _IDS_A_QUERY]))
            data.update((suspense_id, found) for suspense_id, found in connection.execute(query))
    return [_whole(home, data[each], place) for each, place in zip(wanted, places_of(rows), strict=True)]


def places_of(rows: pa.Table) -> list[RawPlace]:
    """The place of each row."""
    columns: list[Any] = [rows[name].to_pylist() for name in ("raw_file_id", "raw_offset", "raw_length")]
    return [RawPlace(*place) for place in zip(*columns, strict=True)]


def text_of(data: bytes) -> str:
    """A row's bytes for people, without the end of the line."""
    return data.decode("utf-8", "backslashreplace").rstrip("\r\n")


def header_of(home: Home, raw_file_id: int, lines: int) -> bytes | None:
    """The first lines of a file that was taken in; None where the file is gone."""
    with contextlib.suppress(UserError, OSError), _found(home, raw_file_id) as path:
        if path is not None:
            with Window(path, WINDOW_BYTES) as window:
                data = window.data[window.begin : window.end].tobytes()
                return b"".join(data.splitlines(keepends=True)[:lines])
    return None


def at(home: Home, place: RawPlace) -> Raw:
    """The bytes at a place of a file that was taken in."""
    problem = _never_at_hand(place)
    if problem:
        return Raw(None, problem)
    paths = tuple(file_paths(home, place.raw_file_id))
    try:
        with _found(home, place.raw_file_id) as path:
            if path is not None:
                return _read(path, place)
    except (UserError, OSError) as error:
        return Raw(None, f"its file cannot be read: {error}", paths)
    if paths and all(_was_sent(home, each) for each in paths):
        return Raw(None, f"the file {Path(paths[0]).name} was sent to a service, which keeps no file: look at the row in your own")
    return Raw(None, f"the file is not there any more: {' or '.join(paths)}", paths)


def is_of_columns(home: Home, raw_file_id: int, source: str) -> bool:
    """Return whether a file holds columns, so that the place of a row in it is its number and no byte.

    Of a source that is not built in, the file has to be where it was.
    """
    if source in BUILT_IN or not raw_file_id:
        return raw_file_id > 0 and is_columnar(BUILT_IN[source].format)
    with contextlib.suppress(UserError, OSError), _found(home, raw_file_id) as path:
        if path is not None:
            with path.open("rb") as file:
                return canonical_files.is_named_by(file.read(_HEAD_BYTES))
    return False


def file_paths(home: Home, raw_file_id: int) -> list[str]:
    """Paths at which a file may lie, the likeliest first; empty for a stream."""
    row = raw_files.c
    with home.connect() as connection:
        found = connection.execute(sa.select(row.archived_path, row.path).where(row.raw_file_id == raw_file_id)).first()
    return [] if found is None else [path for path in found if path]


def _whole(home: Home, data: bytes | None, place: RawPlace) -> Raw:
    return Raw(data) if data is not None and len(data) >= place.length else at(home, place)


def _never_at_hand(place: RawPlace) -> str:
    """The reason why the bytes of a place are not read from its file; empty where they are."""
    if place.raw_file_id == 0:
        return "it came by a stream, which leaves no file"
    if place.length == 0:
        return f"it is row {place.offset + 1:,} of a file of columns, and its values are its text"
    return f"the row has {place.length:,} bytes: look at it in its file" if place.length > SHOWN_BYTES_MAX else ""


def _was_sent(home: Home, path: str) -> bool:
    return any(Path(path).is_relative_to(folder / SPOOL) for folder in (home.path, home.path.absolute()))


@contextlib.contextmanager
def _found(home: Home, raw_file_id: int) -> Iterator[Path | None]:
    """The file where it lies now, unpacked while the block lasts if it is in an archive; None where it is gone."""
    row = raw_files.c
    with home.connect() as connection:
        sha256 = connection.execute(sa.select(row.sha256).where(row.raw_file_id == raw_file_id)).scalar_one_or_none()
    path = next((Path(each) for each in file_paths(home, raw_file_id) if Path(each).is_file()), None)
    if path is None or not containers.is_archive(path):
        yield path
        return
    with containers.files_in(path) as members:
        yield next((each.path for each in members if fingerprint(each.path).sha256 == sha256), None)


def _read(path: Path, place: RawPlace) -> Raw:
    with Window(path, WINDOW_BYTES) as window:
        while not window.is_last and window.offset + window.end < place.offset + place.length:
            window.go_on(min(window.end, max(window.begin, place.offset - window.offset)))
        begin = place.offset - window.offset
        data = window.data[begin : begin + place.length].tobytes() if 0 <= begin <= window.end - place.length else b""
    return Raw(data) if len(data) == place.length else Raw(None, f"{path} is not the file it was: it ends before the row", (str(path),))
