"""Known records: the indexes of `mediation.known_records`, built from the store and never ahead of it.

Records of a source that numbers them are bits, all others are hashes. After opening, the newest snapshot is mapped, and what was
committed later is read from the key columns of the journal and of sealed files; so the index commits with the batch, since it is what
the batch left there. A snapshot that is gone or damaged costs time only. Keys of events that are older than every source's retention are
dropped when a snapshot is written; records as old as that are recognised by `source_memory`, not here.
"""

from __future__ import annotations

import concurrent.futures
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from billing.intake import records, view
from billing.intake.columns import key_bytes
from billing.intake.known_records import index_files, source_memory, verifying
from billing.intake.legs.split_calls import NamesOfFiles
from mediation.known_records import HashIndex, SequenceBitmaps, Verdict, Verdicts
from mediation.known_records.hash_index import high_half
from rating.dates import DAY_US

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    import sqlalchemy as sa

    from billing.intake.known_records.source_memory import Memory
    from billing.intake.known_records.verifying import Verified
    from billing.store.home import Home
    from mediation.sources.model import Source

_COLUMNS: Final = ("event_key", "content_hash", "start_us", "source")
_NUMBER_COLUMNS: Final = ("record_id", "source_seq")
_ROWS_ASIDE: Final = 16_384  # from here on it is worth a second thread
_LAST_PART: Final = "-?[^-]*$"
GROWTH_FOR_SNAPSHOT: Final = 8  # a snapshot is written again when one key in so many is not in the last one


class KnownKeys:
    """The records that a home knows. One caller at a time, who holds the intake lock."""

    def __init__(self, home: Home, hash_of: Callable[[NDArray[np.uint64]], NDArray[np.uint64]] = high_half) -> None:
        self._home, self._hash_of = home, hash_of
        self.memory: dict[str, Memory] = {}
        self.names = NamesOfFiles()
        self._hashes = HashIndex(hash_of=hash_of)
        self._numbers: dict[str, SequenceBitmaps] = {}
        self._loaded_seq = self._saved_keys = 0
        self._seen: int | None = None  # changes of the home up to which all is known, see `Home.changes`

    def __len__(self) -> int:
        return len(self._hashes) + sum(len(each) for each in self._numbers.values())

    def catch_up(self, rules: Iterable[Source] = ()) -> dict[str, Memory]:
        """Read what was committed since we last looked, by us or by others, to be asked by these rules.

        Returns what the rules change in what the store remembers: the next commit is to write it.
        """
        rules = list(rules)
        if not rules and self._seen is not None and self._seen == self._home.changes():
            return {}  # nobody has committed anything since our own last commit
        with self._home.connect() as connection:
            stored = source_memory.read(connection)
            now = {source.name: source_memory.memory_of(source, stored.get(source.name)) for source in rules}
            memory = stored | now
            if _numbered(memory) != _numbered(self.memory):
                self._forget()  # records that were bits are to be hashes, or the other way round
            self.memory = memory
            seq = records.last_usage_seq(connection)
            if seq > self._loaded_seq:
                self._load(connection, seq)
        return {source: each for source, each in now.items() if stored.get(source) != each}

    def _load(self, connection: sa.Connection, seq: int) -> None:
        numbered = _numbered(self.memory)
        if self._loaded_seq == 0:
            self._restore(index_files.newest(self._home, connection, numbered, self._hash_of))
        files = view.stored(connection, self._loaded_seq, seq)
        columns = (*_COLUMNS, *(_NUMBER_COLUMNS if numbered else ()))
        for part in view.parts_under_lock(self._home, files, columns, self._loaded_seq, seq):
            self._add(part)
        self._loaded_seq = max(self._loaded_seq, seq)

    def verified(
        self, usage: pa.Table, *, forgotten: NDArray[np.bool_] | None = None, replaced: AbstractSet[bytes] | None = None
    ) -> Verified:
        """Verdict of each row: a duplicate of what is known or came before it, in conflict with it, or new. Nothing is added.

        `forgotten`: rows whose copies may be known no more; they are always looked for in the store, not in the index alone.
        `replaced`: of rows out of suspense, the events whose stored versions stop counting (see `verifying.Asked`).
        """
        verdict, first = np.zeros(usage.num_rows, np.int8), np.full(usage.num_rows, -1, np.int64)
        for rows, part, numbers in self._parts(usage):
            verdicts, found = self._classify(part, numbers)
            if verdicts.any():  # hardly ever: then nothing is written for them
                verdict[rows], first[rows] = verdicts, np.where(found >= 0, rows[found], -1)
        perhaps = np.flatnonzero((verdict != Verdict.NEW) | (False if forgotten is None else forgotten))
        keyed = {source for source, memory in self.memory.items() if memory.keyed}
        return verifying.verify(self._home, usage, verifying.SeenRows(perhaps, first[perhaps], keyed, replaced))

    def store(self, rows: pa.Table, write: Callable[[], int]) -> int:
        """Remember the rows that `write` stores, while it stores them. Gives its commit; what it raises leaves nothing remembered."""
        if rows.num_rows < _ROWS_ASIDE:
            commit_seq = write()
            self._add(rows)
        else:
            with concurrent.futures.ThreadPoolExecutor(1, "known-keys") as aside:
                added = aside.submit(self._add, rows)
                try:
                    commit_seq = write()
                    added.result()
                except BaseException:  # whatever ends it, an interruption too, must leave nothing remembered that was not stored
                    added.exception()
                    self._forget()
                    raise
        self._loaded_seq, self._seen = commit_seq, self._home.changes()  # no other intake commits before our caller gives back its lock
        return commit_seq

    def save(self, now_us: int) -> None:
        """Write a snapshot, if much has come since the last one. Nothing of usage was committed since `catch_up`."""
        if len(self) - self._saved_keys < max(1, len(self) // GROWTH_FOR_SNAPSHOT):
            return
        self._seen = None
        self._drop_old(now_us)
        for source in _numbered(self.memory):
            self._numbers.setdefault(source, SequenceBitmaps())
        with self._home.connect() as connection:
            through_seq = self._home.head_seq(connection)
        index_files.write(self._home, index_files.Indexes(self._hashes, self._numbers), self.memory, through_seq)
        self._saved_keys, self._loaded_seq = len(self), through_seq

    def _forget(self) -> None:
        self._hashes, self._numbers = HashIndex(hash_of=self._hash_of), {}
        self._loaded_seq = self._saved_keys = 0
        self._seen = None

    def _restore(self, found: index_files.Restored | None) -> None:
        if found is not None:
            self._hashes, self._numbers = found.indexes
            self._loaded_seq = found.through_seq
            self._saved_keys = len(self)

    def _drop_old(self, now_us: int) -> None:
        """Forget what no source's retention covers, and note since when records are known."""
        retentions = [memory.retention_us for memory in self.memory.values()]
        if not retentions or min(retentions) == 0 or not source_memory.is_complete(self._home, self.memory):
            return
        day = (now_us - max(retentions)) // DAY_US
        self._hashes.drop_before(day)
        for bitmaps in self._numbers.values():
            bitmaps.drop_before(day)
        self.memory = {source: source_memory.dropped(memory, day * DAY_US) for source, memory in self.memory.items()}

    def _add(self, stored: pa.Table) -> None:
        for _, part, numbers in self._parts(stored):
            days = part.column("start_us").cast(pa.int64()).to_numpy() // DAY_US
            if numbers is None:
                self._hashes.add(_pairs(part.column("event_key")), _pairs(part.column("content_hash")), days)
            else:
                numbers.bitmaps.add(numbers.streams, numbers.values, days)

    def _classify(self, part: pa.Table, numbers: _Numbers | None) -> Verdicts:
        if numbers is None:
            return self._hashes.classify(_pairs(part.column("event_key")), _pairs(part.column("content_hash")))
        return numbers.bitmaps.classify(numbers.streams, numbers.values)

    def _parts(self, rows: pa.Table) -> Iterator[tuple[NDArray[np.intp], pa.Table, _Numbers | None]]:
        """Rows, by their places, that one index knows. Rows without a number, such as assembled ones, never come in twice."""
        numbered = _numbered(self.memory)
        everywhere = np.arange(rows.num_rows)
        sources = _sources(rows) if numbered else set[str]()
        if not sources & numbered:
            yield everywhere, rows, None
            return
        rows = rows.select([*_COLUMNS, *_NUMBER_COLUMNS])
        has_number: NDArray[np.bool_] = pc.is_valid(rows.column("source_seq")).to_numpy()
        is_hashed = np.ones(rows.num_rows, np.bool_)
        for source in sorted(sources & numbered):
            mine = has_number if len(sources) == 1 else has_number & _is_of(rows, source)
            is_hashed &= ~mine
            part = rows if mine.all() else rows.filter(pa.array(mine))
            yield everywhere[mine], part, self._numbers_of(source, part)
        if is_hashed.any():
            yield everywhere[is_hashed], rows.filter(pa.array(is_hashed)), None

    def _numbers_of(self, source: str, part: pa.Table) -> _Numbers:
        bitmaps = self._numbers.setdefault(source, SequenceBitmaps())
        values = part.column("source_seq").to_numpy()
        if not self.memory[source].streams:
            return _Numbers(bitmaps, bitmaps.stream(""), values)
        of_stream: Any = pc.replace_substring_regex(part.column("record_id"), _LAST_PART, "")
        encoded: Any = of_stream.combine_chunks().dictionary_encode()
        streams = np.array([bitmaps.stream(name) for name in encoded.dictionary.to_pylist()], np.int32)
        return _Numbers(bitmaps, streams[encoded.indices.to_numpy()] if len(streams) else 0, values)


class _Numbers(NamedTuple):
    """Rows of a source that numbers its records: their streams, one for all or one each, and their numbers."""

    bitmaps: SequenceBitmaps
    streams: NDArray[np.int32] | int
    values: NDArray[np.int64]


def _sources(rows: pa.Table) -> set[str]:
    """Names of the sources of some rows: at least all of them."""
    column: Any = rows.column("source")
    return {str(name) for chunk in column.chunks for name in chunk.dictionary.to_pylist()}


def _is_of(rows: pa.Table, source: str) -> NDArray[np.bool_]:
    names: Any = rows.column("source").cast(pa.string())
    equal: Any = pc.equal(names, pa.scalar(source))
    mask: NDArray[np.bool_] = equal.to_numpy()
    return mask


def _pairs(column: pa.ChunkedArray[Any]) -> NDArray[np.uint64]:
    """Keys as two numbers each, as they lie in memory: the index only compares them."""
    return key_bytes(column).view("<u8")


def _numbered(memory: Mapping[str, Memory]) -> frozenset[str]:
    return frozenset(source for source, each in memory.items() if each.numbered)
