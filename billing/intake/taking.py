"""Intake: decoded usage becomes usage that counts, in one commit or not at all.

Steps, each of which a crash may follow: classify against the index of keys; append to the journal and sync; then one SQL transaction
writes the manifest row, the raw file, counts and suspense. Only that transaction makes the rows count; what is in the journal without
it is overwritten by the next append. The index is never stored: it is read from the key columns of what counts, so it cannot differ.

One `Intake` serves many threads. Other processes may take in usage between its batches: whatever they committed is read first.
"""

from __future__ import annotations

import collections
import contextlib
import threading
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import sqlalchemy as sa

from billing.intake import journal, lock, records, sealing, view
from billing.intake.columns import key_bytes
from billing.intake.reports import IntakeReport, already_taken, reports
from billing.intake.settle import Known, Outcome, settle
from billing.intake.split_calls import SplitCalls, settle_split_calls
from billing.intake.unusable import refuse_unusable
from billing.store.tables import raw_files
from mediation.decode import decode
from mediation.duplicates import KeyIndex, Verdict, as_pairs
from mediation.reader import fingerprint, shown
from mediation.sources import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from billing.store.home import Home
    from mediation.decode import Decoded
    from mediation.sources import Source

__all__ = ["Intake", "IntakeReport"]

LOCK_WAIT_S: Final = 30.0


class Intake:
    """Takes usage into one home."""

    def __init__(self, home: Home, *, lock_wait_s: float | None = None) -> None:
        self._home = home
        self._lock_wait_s = LOCK_WAIT_S if lock_wait_s is None else lock_wait_s
        self._lock = threading.Lock()
        self._index = KeyIndex()
        self._suspended: set[bytes] = set()
        self._versions: set[bytes] = set()
        self._loaded_seq = 0
        self._is_tidy = False

    def take_file(self, path: Path, source: Source, now_us: int, progress: Callable[[int, int], None] | None = None) -> IntakeReport:
        """Take in a whole file, in one commit. A file with the same bytes and source as one taken before is not taken again.

        Raises UserError, with nothing stored, for a file that cannot be read or of which no row can be.
        """
        size_bytes = path.stat().st_size if path.is_file() else -1
        if self._holds_file_of(source.name, size_bytes):  # only then is it worth reading the file for its hash
            before = self._commit_of_file(source.name, fingerprint(path).sha256)
            if before is not None:
                return already_taken(shown(path), source.name, before)
        decoded = decode(path, source, progress=progress, hash_key=self._home.hash_key)
        refuse_unusable(shown(path), source.name, decoded.rows, collections.Counter(str(reject.reason) for reject in decoded.rejects))
        with self._exclusive():
            before = self._commit_of_file(source.name, decoded.file_sha256)
            if before is not None:
                return already_taken(shown(path), source.name, before)
            return self._take([records.Arrival(source.name, decoded, path, has_legs=source.format is Format.ASTERISK)], now_us)[0]

    def take_batches(self, batches: Sequence[tuple[str, Decoded]], now_us: int) -> list[IntakeReport]:
        """Take in several batches of streams, (source name, batch) each, with one sync and one commit. On disk when it returns."""
        if not batches:
            return []
        with self._exclusive():
            return self._take([records.Arrival(source, decoded) for source, decoded in batches], now_us)

    def take_batch(self, source: str, decoded: Decoded, now_us: int) -> IntakeReport:
        """Take in one batch of a stream. On disk when it returns."""
        return self.take_batches([(source, decoded)], now_us)[0]

    def seal(self, now_us: int, progress: Callable[[int, int], None] | None = None) -> sealing.SealReport:
        """Turn the journal into Parquet. Nothing that counts changes."""
        with self._exclusive():
            return sealing.seal(self._home, now_us, progress)

    def usage(self, columns: Sequence[str], seq: int, from_us: int = view.TIME_MIN_US, to_us: int = view.TIME_MAX_US) -> pa.Table:
        """See `view.usage`."""
        return view.usage(self._home, columns, seq, from_us, to_us)

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        """The only one, in this process and among all, who changes the usage files."""
        with self._lock, lock.exclusive(self._home.path / "usage" / "intake.lock", self._lock_wait_s):
            if not self._is_tidy:
                sealing.remove_garbage(self._home)
                self._is_tidy = True
            yield

    def _holds_file_of(self, source: str, size_bytes: int) -> bool:
        row = raw_files.c
        query = sa.select(sa.func.count()).where(row.source == source, row.size_bytes == size_bytes)
        with self._home.connect() as connection:
            return connection.execute(query).scalar_one() > 0

    def _commit_of_file(self, source: str, sha256: bytes) -> int | None:
        row = raw_files.c
        with self._home.connect() as connection:
            return connection.execute(sa.select(row.commit_seq).where(row.source == source, row.sha256 == sha256)).scalar_one_or_none()

    def _take(self, arrivals: Sequence[records.Arrival], now_us: int) -> list[IntakeReport]:
        """Decide and store; the caller holds the lock."""
        self._catch_up()
        return self._settle_and_store(arrivals, now_us)

    def _catch_up(self) -> None:
        """Read the keys of everything committed since we last looked, by us or by others."""
        with self._home.connect() as connection:
            seq = records.last_usage_seq(connection)
            if seq <= self._loaded_seq:
                return
            conflicts = records.conflicts_after(connection, self._loaded_seq)
            files = view.stored(connection, self._loaded_seq, seq)
            for part in view.parts(self._home, files, ["event_key", "content_hash"], self._loaded_seq, seq):
                self._index.add(part.column("event_key"), part.column("content_hash"))
        self._note(conflicts, seq)

    def _note(self, conflicts: Sequence[tuple[bytes, bytes]], seq: int) -> None:
        for key, content in conflicts:
            self._suspended.add(key)
            self._versions.add(key + content)
        self._loaded_seq = seq

    def _settle_and_store(self, arrivals: Sequence[records.Arrival], now_us: int) -> list[IntakeReport]:
        usage = pa.concat_tables([arrival.decoded.usage for arrival in arrivals])
        if usage.num_rows <= journal.BATCH_ROWS:
            usage = usage.combine_chunks()
        keys = key_bytes(usage.column("event_key"))
        contents = key_bytes(usage.column("content_hash"))
        key_pairs, content_pairs = as_pairs(usage.column("event_key")), as_pairs(usage.column("content_hash"))
        verdict = self._index.classify(key_pairs, content_pairs)
        settled = settle(
            keys,
            contents,
            usage.column("flags").to_numpy(),
            duplicate=verdict == Verdict.DUPLICATE,
            conflicting=verdict == Verdict.CONFLICTING,
            known=Known(self._suspended, self._versions),
        )
        split = SplitCalls(usage, settled.outcome, frozenset())
        if arrivals[0].has_legs:
            split = settle_split_calls(self._home, arrivals[0].source, usage, settled.outcome, settled.taken_back)
        stored = (records.find(self._home, keys_) for keys_ in (settled.taken_back, split.absorbed_later))
        batch = records.Batch(arrivals, split.usage, split.outcome, *stored)
        commit_seq, conflicts = records.store(self._home, batch, now_us)
        kept = split.outcome != Outcome.DUPLICATE
        self._index.add(key_pairs[kept], content_pairs[kept])
        self._note(conflicts, commit_seq)
        return reports(batch, commit_seq)
