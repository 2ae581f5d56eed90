"""Intake: decoded usage becomes usage that counts, in one commit or not at all.

Each of these steps may be followed by a crash: decide what each row is; append to the journal and sync; then one SQL transaction writes the
manifest row, the raw file, counts and suspense. Only that transaction makes the rows count; what is in the journal without it is
overwritten by the next append. What is known of earlier records is read from what counts (see `known_keys`), so it cannot differ.

One `Intake` serves many threads. Other processes may take in usage between its batches: all that they committed is read first.
"""

from __future__ import annotations

import collections
import contextlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from billing.intake import arriving, large_files, lock, records, recycling, resent, sealing, view
from billing.intake.arrivals import Arrival
from billing.intake.assembly import assembling
from billing.intake.batch import Batch, kept_rows
from billing.intake.known_records import index_files, source_memory
from billing.intake.known_records.known_keys import KnownKeys
from billing.intake.known_records.told_twice import told_twice
from billing.intake.recycling import Also, Mark
from billing.intake.reports import IntakeReport, SealReport, already_taken, reports, together
from billing.intake.streams import offsets
from billing.intake.unusable import refuse_unusable
from mediation.bytes.reader import shown
from mediation.decode import decode, decode_parts
from mediation.sources.model import Source
from rating.dates import BEFORE_ALL, NEVER
from rating.errors import UnusableFileError
from rating.schema import USAGE_V1

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa
    import sqlalchemy as sa
    from numpy.typing import NDArray

    from billing.intake.streams.offsets import LinedBatch
    from billing.store.home import Home
    from mediation.decoded import Decoded

__all__ = ["Also", "Intake", "IntakeReport", "Mark"]

LOCK_WAIT_S: Final = 30.0
RANGES_MAX: Final = 128  # many small files make many ranges of the journal, each of which is looked at: then they are sealed


class _File(NamedTuple):
    """A file that is taken, its source, and its name in the store where that is not the name of `path`."""

    path: Path
    source: Source
    file_name: str

    @property
    def name(self) -> str:
        """Name in reports and errors."""
        return self.file_name or shown(self.path)


class Intake:
    """Takes usage into one home."""

    def __init__(
        self,
        home: Home,
        *,
        lock_wait_s: float | None = None,
        gives_up: Callable[[], bool] = lambda: False,
        hash_of: Callable[[NDArray[np.uint64]], NDArray[np.uint64]] | None = None,
    ) -> None:
        """`gives_up` is asked while another process takes usage in: true ends the wait before `lock_wait_s`."""
        self._home = home
        self._gives_up = gives_up
        self._lock_wait_s = LOCK_WAIT_S if lock_wait_s is None else lock_wait_s
        self._lock = threading.Lock()
        self._known = KnownKeys(home) if hash_of is None else KnownKeys(home, hash_of)
        self._is_tidy = False

    def take_file(  # noqa: PLR0913 - what, as what, and what its caller adds
        self,
        path: Path,
        source: Source,
        now_us: int,
        progress: Callable[[int, int], None] | None = None,
        *,
        accept: Callable[[Decoded], None] | None = None,
        file_name: str = "",
    ) -> IntakeReport:
        """Take in a whole file, in one commit; a large one in several (see `large_files`).

        A file with the same bytes or records as one of this source before is not taken again.
        `accept` sees what was decoded before anything is stored, and may raise to refuse it (collection checks control totals so).
        `file_name` is what the store calls it where it is not the name of `path`, as with a member of an archive.
        Raises UserError, with nothing stored, for a file that cannot be read or has no readable row. A large file that changes between
        two chunks raises it with the first ones stored.
        """
        name = file_name or shown(path)
        earlier = resent.by_bytes(self._home, source.name, path)
        if earlier is not None:
            return already_taken(name, source.name, earlier)
        if large_files.is_large(path):
            return self._take_large(_File(path, source, file_name), now_us, progress, accept)
        decoded = decode(path, source, progress=progress, hash_key=self._home.hash_key)
        if accept is not None:
            accept(decoded)
        refuse_unusable(name, source, decoded.rows, collections.Counter(str(reject.reason) for reject in decoded.rejects))
        content_sha256 = resent.records_sha256(decoded)
        with self._exclusive(f"intake of {name}", now_us):
            earlier = resent.by_hash(self._home, source.name, decoded.file_sha256, content_sha256)
            if earlier is not None:
                return already_taken(name, source.name, earlier)
            (report,) = self._take([Arrival(source.name, decoded, path, source, content_sha256, file_name)], now_us)
            if records.unsealed(self._home).ranges > RANGES_MAX:
                self._seal(now_us)
        return msgspec.structs.replace(report, told_twice=dict(sorted(told_twice(self._home, source, decoded.usage).items())))

    def take_batches(self, batches: Sequence[tuple[str, Decoded]], now_us: int) -> list[IntakeReport]:
        """Take in several batches of streams, (source name, batch) each, with one sync and one commit. On disk when it returns."""
        if not batches:
            return []
        with self._exclusive("intake of a stream", now_us):
            return self._take([Arrival(source, decoded) for source, decoded in batches], now_us)

    def take_lined(self, batches: Sequence[LinedBatch], now_us: int, whole: pa.Table | None = None) -> list[offsets.Outcome]:
        """Take in batches of several lines as `take_batches` does, each in its place in its stream, if it has one (see `offsets`).

        `whole`: the rows of all of them in one table, where they were read together.
        """
        if not batches:
            return []
        with self._exclusive("intake of a stream", now_us):
            return offsets.take(
                self._home,
                batches,
                lambda arrivals, also: self._stored(arrivals, now_us, also, whole if len(arrivals) == len(batches) else None),
            )

    def take_batch(self, source: str, decoded: Decoded, now_us: int) -> IntakeReport:
        """Take in one batch of a stream. On disk when it returns."""
        return self.take_batches([(source, decoded)], now_us)[0]

    def take_recycled(
        self,
        rows: pa.Table,
        replaced: Sequence[Mark],
        now_us: int,
        *,
        sources: Mapping[str, Source] | None = None,
        also: Also | None = None,
    ) -> int:
        """Append rows (USAGE_V1) that come back out of suspense, or are corrected versions of rows that count. Returns the commit.

        `replaced`: marks on stored rows, whether or not a row comes in their stead; they stop counting with this commit. A row whose
        event is known, and is not among them, is a duplicate or conflicting like any other. Rows without a raw file of their own
        keep raw_file_id 0. `also` writes what belongs into the same transaction. Nothing is stored when it raises. A person signs
        that rows come back or are given up, though the commit is one of usage.
        """
        self._home.require_persons()
        with self._exclusive("records leaving suspense", now_us):
            self._known.catch_up()
            return recycling.store(self._home, self._known, recycling.Returning(rows, replaced, dict(sources or {})), now_us, also)

    def assemble(self, now_us: int, due_us: int | None = None) -> int | None:
        """Put groups of segments whose time is up, by `due_us` if given, into suspense. The commit, or None where there is none."""
        due_us = now_us if due_us is None else due_us
        if not assembling.is_due(self._home, due_us):
            return None
        with self._exclusive("assembly of what is overdue", now_us):
            settlement = assembling.overdue(self._home, due_us)
            if settlement.is_empty:
                return None
            self._known.catch_up()
            batch = Batch((), USAGE_V1.empty_table(), np.zeros(0, np.int8), {}, assembly=settlement)
            return self._store(batch, now_us)

    def seal(self, now_us: int, progress: Callable[[int, int], None] | None = None) -> SealReport:
        """Turn the journal into Parquet, and write what is known of records to a file. Nothing that counts changes."""
        with self._exclusive("sealing of the journal", now_us):
            return self._seal(now_us, progress)

    def seal_oldest(self, now_us: int, portion: sealing.Portion) -> SealReport:
        """The same of the oldest ranges of the journal, no more than that: others take in usage before and after."""
        with self._exclusive("sealing of the journal", now_us):
            return self._seal(now_us, oldest=portion)

    def usage(self, columns: Sequence[str], seq: int, from_us: int = BEFORE_ALL, to_us: int = NEVER) -> pa.Table:
        """See `view.usage`."""
        return view.usage(self._home, columns, seq, from_us, to_us)

    @contextlib.contextmanager
    def _exclusive(self, what: str, now_us: int) -> Iterator[None]:
        """The only one, in this process and among all, who changes the usage files."""
        path = self._home.path / "usage" / "intake.lock"
        first = self._home.end_lost_commits  # before files are deleted or written over that nothing seems to name
        with self._lock, lock.exclusive(path, what, now_us, self._lock_wait_s, gives_up=self._gives_up, put_right=first):
            if not self._is_tidy:
                sealing.remove_garbage(self._home)
                index_files.remove_garbage(self._home)
                self._is_tidy = True
            yield

    def _take_large(
        self, file: _File, now_us: int, progress: Callable[[int, int], None] | None, accept: Callable[[Decoded], None] | None
    ) -> IntakeReport:
        """In chunks, a commit each (see `large_files`)."""
        source, hash_key = file.source, self._home.hash_key
        if accept is not None and (source.header is not None or source.trailer is not None):
            accept(large_files.summary(decode_parts(file.path, source, hash_key=hash_key)))
        taken: list[IntakeReport] = []
        twice: Mapping[str, int] = {}
        raw_file_id = 0
        try:
            for decoded, is_last in large_files.chunks(decode_parts(file.path, source, progress=progress, hash_key=hash_key)):
                if not taken:
                    rejected = collections.Counter(str(reject.reason) for reject in decoded.rejects)
                    refuse_unusable(file.name, source, decoded.rows, rejected)
                commits = frozenset(report.commit_seq for report in taken)
                place = large_files.Place(raw_file_id, sum(report.received for report in taken), is_last, commits)
                with self._exclusive(f"intake of {file.name}", now_us):
                    earlier = None if taken else resent.by_hash(self._home, source.name, decoded.file_sha256)
                    if earlier is not None:
                        return already_taken(file.name, source.name, earlier)
                    taken += self._take([Arrival(source.name, decoded, file.path, source, b"", file.file_name, place)], now_us)
                    raw_file_id = raw_file_id or resent.raw_file_id(self._home, source.name, taken[0].commit_seq)
                twice = twice or told_twice(self._home, source, decoded.usage)
        except UnusableFileError as error:
            raise large_files.left_half(file.name, sum(report.received for report in taken), error) from error
        return msgspec.structs.replace(together(taken), told_twice=dict(sorted(twice.items())))

    def _seal(self, now_us: int, progress: Callable[[int, int], None] | None = None, oldest: sealing.Portion | None = None) -> SealReport:
        report = sealing.seal(self._home, now_us, progress, oldest=oldest)
        self._known.catch_up()
        self._known.save(now_us)
        return report

    def _take(self, arrivals: Sequence[Arrival], now_us: int) -> list[IntakeReport]:
        """Decide and store; the caller holds the lock."""
        return reports(*self._stored(arrivals, now_us))

    def _stored(
        self,
        arrivals: Sequence[Arrival],
        now_us: int,
        also: Callable[[sa.Connection, Batch, int], None] | None = None,
        whole: pa.Table | None = None,
    ) -> tuple[Batch, int]:
        """The same with what `also` writes into the same transaction: the batch, and its commit. `whole`: see `arriving.decide`."""
        changed = self._known.catch_up([arrival.rules for arrival in arrivals if arrival.rules is not None])
        batch = arriving.decide(self._home, self._known, arrivals, now_us, whole)

        def write(connection: sa.Connection, commit_seq: int) -> None:
            source_memory.write(connection, changed)
            if also is not None:
                also(connection, batch, commit_seq)

        return batch, self._store(batch, now_us, write)

    def _store(self, batch: Batch, now_us: int, also: Callable[[sa.Connection, int], None] | None = None) -> int:
        return self._known.store(kept_rows(batch), lambda: records.store(self._home, batch, now_us, also))
