"""Numbers that a source gives its records, a bit each: which were there, and which are missing.

A *stream* is anything that counts by itself: a switch, a route, a kind of record. Streams have names and are addressed by their number.
As a counter may begin again, and a number says nothing of content, NEW is certain and SEEN is to be verified on the record. 100 million
numbers in a row take 12 MB. Numbers that are strewn would take a page each, so a batch that would make the pages outgrow what the numbers
are worth is refused. Days count from 1970-01-01. One caller at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from mediation.known_records import bitmap_kernel, snapshot
from mediation.known_records.bitmap_kernel import PAGE_BITS, PAGE_WORDS
from mediation.known_records.hash_index import DAY_MAX
from mediation.known_records.verdicts import Verdicts, empty_batch, verdicts
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPARE_BYTES: Final = 64 << 20  # that any source may take
BYTES_A_NUMBER_MAX: Final = 64  # beyond them: more than twice what a hash takes
_FORM: Final = "bitmap"
_PAGES_MIN: Final = 16
_NEAR_PAGES: Final = 4  # of a window, for each page that is open
_PAGE_BYTES: Final = 8 * PAGE_WORDS


class SequenceBitmaps:
    """The numbers that are known, of all streams of a source."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._number_of: dict[str, int] = {}
        self._pages = np.zeros((_PAGES_MIN, PAGE_WORDS), np.uint64)
        self._days = np.zeros(_PAGES_MIN, np.uint16)  # of the newest event of each page
        self._directory = _directory(_PAGES_MIN)
        self._windows, self._near = np.zeros((0, 3), np.int64), np.zeros(0, np.int32)
        self._used = self._size = 0
        self._batch = np.zeros(0, np.int32)

    def __len__(self) -> int:
        return self._size

    @property
    def memory_bytes(self) -> int:
        """Size of the pages."""
        return self._pages.nbytes

    @property
    def streams(self) -> tuple[str, ...]:
        """Names, by their numbers."""
        return tuple(self._names)

    def stream(self, name: str) -> int:
        """The number of a stream, a new one where the name is new."""
        if name not in self._number_of:
            self._number_of[name] = len(self._names)
            self._names.append(name)
            self._build_windows()
        return self._number_of[name]

    def classify(self, streams: NDArray[np.int32] | int, numbers: NDArray[np.int64]) -> Verdicts:
        """NEW, or SEEN among what was added or the rows before. `streams`: one a row, or one for all. Nothing is added.

        Raises UserError where the numbers are strewn too far to be kept as bits.
        """
        of = _of_rows(streams)
        self._batch = empty_batch(self._batch, numbers.size)
        verdict, first = np.empty(numbers.size, np.int8), np.zeros(numbers.size, np.int64)
        bits = (self._directory, self._windows, self._near, self._pages)
        outside = bitmap_kernel.classify(*bits, of, numbers, self._batch, verdict, first)
        if self._outgrown(int(outside), numbers.size):
            pages = np.unique(np.stack([np.broadcast_to(of, numbers.shape), numbers >> PAGE_BITS]), axis=1).shape[1]
            if self._outgrown(pages, numbers.size):
                raise _strewn((self._used + pages) * _PAGE_BYTES)
        return verdicts(verdict, first)

    def add(self, streams: NDArray[np.int32] | int, numbers: NDArray[np.int64], days: NDArray[np.int64] | None = None) -> None:
        """Remember numbers, those that `classify` has let pass."""
        of, row = _of_rows(streams), 0
        clipped = np.array([DAY_MAX], np.uint16) if days is None else np.clip(days, 0, DAY_MAX).astype(np.uint16)
        while row < numbers.size:
            bits = (self._directory, self._windows, self._near, self._pages)
            done = bitmap_kernel.add(*bits, clipped, self._days, self._used, of, numbers, row)
            row, self._size, self._used = int(done[0]), self._size + int(done[1]), int(done[2])
            if row < numbers.size:
                self._grow()

    def missing(self, stream: str) -> Iterator[tuple[int, int]]:
        """Ranges (first, last) of numbers that lie between known ones of the stream and are not known, in order."""
        last: int | None = None
        pages, slots = self._open_pages(self._number_of.get(stream, -1))
        for page, slot in zip(pages.tolist(), slots.tolist(), strict=True):
            bits = np.unpackbits(self._pages[slot].view(np.uint8), bitorder="little")
            numbers = np.flatnonzero(bits) + (page << PAGE_BITS)
            if last is not None and numbers.size:
                numbers = np.concatenate([[last], numbers])
            for place in np.flatnonzero(np.diff(numbers) > 1).tolist():
                yield int(numbers[place]) + 1, int(numbers[place + 1]) - 1
            last = int(numbers[-1]) if numbers.size else last

    def drop_before(self, day: int) -> None:
        """Forget the pages whose newest event lies before that day."""
        kept = self._directory[self._directory[:, 2] >= 0]
        kept = kept[self._days[kept[:, 2]] >= day]
        pages, days = self._pages[kept[:, 2]], self._days[kept[:, 2]]
        self._used = len(kept)
        kept[:, 2] = np.arange(self._used)
        room = max(_PAGES_MIN, self._used)
        self._pages, self._days, self._directory = _grown(pages, room), _grown(days, room), _directory(room, kept)
        self._size = int(np.bitwise_count(self._pages).sum(dtype=np.int64))
        self._build_windows()

    def save(self, path: Path) -> bytes:
        """Write a snapshot, on disk when it returns; its SHA-256."""
        arrays: list[NDArray[Any]] = [self._directory, self._days[: self._used], self._pages[: self._used]]
        return snapshot.write(path, _FORM, self._size, arrays, msgspec.json.encode(self._names))

    @classmethod
    def open(cls, path: Path) -> SequenceBitmaps:
        """The bitmaps of a snapshot."""
        index = cls()
        described, (index._directory, index._days, index._pages), names = snapshot.read(path, _FORM)
        index._used, index._size = len(index._days), described.keys
        index._names = msgspec.json.decode(names, type=list[str])
        index._number_of = {name: number for number, name in enumerate(index._names)}
        index._build_windows()
        return index

    def _outgrown(self, new_pages: int, numbers: int) -> bool:
        """Return whether so many more pages are more than all numbers are worth."""
        return (self._used + new_pages) * _PAGE_BYTES > SPARE_BYTES + BYTES_A_NUMBER_MAX * (self._size + numbers)

    def _grow(self) -> None:
        room = 2 * max(_PAGES_MIN, len(self._pages))
        self._pages, self._days = _grown(self._pages, room), _grown(self._days, room)
        self._directory = _directory(room, self._directory[self._directory[:, 2] >= 0])
        self._build_windows()

    def _build_windows(self) -> None:
        """For each stream the stretch of pages that holds most of its open ones."""
        self._windows = np.zeros((len(self._names), 3), np.int64)
        near, begin = list[NDArray[np.int32]](), 0
        for stream in range(len(self._names)):
            pages, slots = self._open_pages(stream)
            width = _NEAR_PAGES * (pages.size + _PAGES_MIN)
            held = np.searchsorted(pages, pages + width) - np.arange(pages.size)
            first = int(pages[held.argmax()]) if pages.size else 0
            is_near = (pages >= first) & (pages < first + width)
            near.append(np.full(width, -1, np.int32))
            near[-1][pages[is_near] - first] = slots[is_near]
            self._windows[stream] = first, begin, width
            begin += width
        self._near = np.concatenate([np.zeros(0, np.int32), *near])

    def _open_pages(self, stream: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pages of a stream in order, and their slots."""
        of = self._directory[(self._directory[:, 2] >= 0) & (self._directory[:, 0] == stream)]
        of = of[np.argsort(of[:, 1])]
        return of[:, 1], of[:, 2]


def _strewn(needed_bytes: int) -> UserError:
    return UserError(
        f"the sequence numbers lie so far apart that {needed_bytes >> 20} MiB of bits would be needed for them",
        "name another column in `sequence` of the source, one that counts its records one by one; or none: then keys are hashed",
    )


def _of_rows(streams: NDArray[np.int32] | int) -> NDArray[np.int32]:
    return np.array([streams], np.int32) if isinstance(streams, int) else np.ascontiguousarray(streams, np.int32)


def _grown(array: NDArray[Any], room: int) -> NDArray[Any]:
    return np.concatenate([array, np.zeros((room - len(array), *array.shape[1:]), array.dtype)])


def _directory(pages: int, entries: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """A directory for up to `pages` pages, with some."""
    made = np.full((1 << (2 * pages).bit_length(), 3), -1, np.int64)
    for stream, page, slot in [] if entries is None else entries.tolist():
        made[bitmap_kernel.find_page(made, stream, page)] = stream, page, slot
    return made
