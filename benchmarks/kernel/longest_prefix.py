"""The kernel's longest prefix by itself, tile after tile as rating runs it: numbers to classes, exactly, long and short prefixes alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

from rating import engine, kernel
from rating.tables import LEAF_EXACT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.work.jobs import Job

_TILE = kernel.TILE
_EXACT = np.uint64(LEAF_EXACT)
_TEN_TO = kernel.TEN_TO
_look_up = kernel.look_up
_class_of = kernel.class_of


@numba.njit(nogil=True, error_model="numpy")
def _classes(numbers, digits, tables, entry, three, found):  # noqa: ANN001, ANN202, PLR0913, PLR0917 - typed by numba
    decks, first, leaves, blocks, intervals, prefixes, codes = tables
    deck = decks[0]
    for low in range(0, len(numbers), _TILE):
        count = min(_TILE, len(numbers) - low)
        for line in range(count):
            row = np.uint64(low + line)
            nine = numbers[row] * _TEN_TO[np.uint64(15) - np.uint64(digits[row])] // np.uint64(1_000_000)
            six = nine // np.uint64(1_000)
            entry[line] = six
            three[line] = nine - six * np.uint64(1_000)
        _look_up(count, first, leaves, entry, three)
        for line in range(count):
            found[low + line] = three[line]
            if np.uint64(three[line]) == _EXACT:
                row = np.uint64(low + line)
                found[low + line] = _class_of(numbers[row], np.int64(digits[row]), deck, first, leaves, blocks, intervals, prefixes, codes)


class Finder:
    """The classes of a batch's numbers in the first deck of its tables; they have more than eight digits. The first call compiles."""

    def __init__(self, job: Job) -> None:
        rows = len(job.batch.start_us)
        assert int(job.tables.decks[0]["first_base"]) == 0, "the first deck begins the array"
        _rules, decks, *_others = engine._groups(job.tables)  # noqa: SLF001 - the stage is not for users, and so has no door of its own
        self.classes = np.zeros(rows, np.int64)
        scratch = np.zeros((2, _TILE), np.int64)
        self.arguments = (job.batch.number, job.batch.number_digits, tuple(decks), *scratch, self.classes)

    def find(self) -> int:
        """Find the class of each row; how many have one."""
        _classes(*self.arguments)
        return len(self.classes)

    def zones(self, job: Job) -> NDArray[np.int32]:
        """Zone id of each row's first candidate, from its class."""
        zone_ids: NDArray[np.int32] = job.tables.rules["zone_id"][int(job.tables.plan_services[1]["rules"]) + self.classes]
        return zone_ids
