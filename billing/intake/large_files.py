"""Files too large to be held in memory: taken in chunks, a commit each.

Whoever kills an intake between two chunks leaves the first ones counted, and the file unknown as a whole. It is then taken once more, and
what was stored is recognised row by row, as duplicates; so no record is lost and none counts twice, and the books say that those rows
came again. All other promises of a file hold: it is read to its end before the first row is stored, so a damaged one gives nothing.
"""

from __future__ import annotations

import collections
import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow as pa

from billing.intake.columns import QUANTITY_COLUMNS, Quantities, quantities
from mediation import usage
from mediation.decode import Decoded, joined
from mediation.reader import packing
from rating.schema import INSTANT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mediation.decode import Reject

LARGE_BYTES: Final = 256 << 20
PACKED_RATIO: Final = 10  # records shrink to a tenth
CHUNK_ROWS: Final = 400_000
CHUNK_REJECT_BYTES: Final = 64 << 20


class Place(NamedTuple):
    """Where a chunk stands in its file."""

    raw_file_id: int  # 0: it is the first one, and the file gets its id with it
    rows_before: int
    is_last: bool


class Chunk(NamedTuple):
    """Some parts of a file, in order."""

    decoded: Decoded
    is_last: bool


def is_large(path: Path) -> bool:
    """Whether a file is taken in chunks."""
    size_bytes = path.stat().st_size if path.is_file() else 0
    return size_bytes > LARGE_BYTES or (size_bytes > LARGE_BYTES // PACKED_RATIO and bool(packing(path)))


def chunks(parts: Iterable[Decoded]) -> Iterator[Chunk]:
    """The parts of a file, put together to chunks; at least one."""
    before: Decoded | None = None
    for decoded in _joined(parts):
        if before is not None:
            yield Chunk(before, is_last=False)
        before = decoded
    assert before is not None, "a file has at least one part"
    yield Chunk(before, is_last=True)


def summary(parts: Iterable[Decoded]) -> Decoded:
    """What a file says of itself and what was counted, for `accept`: all its control lines, the number of its rows, at most one reject,
    and one row of usage, of which only the quantities mean something: they are the sums.
    """
    total, rows, lines = Quantities(), 0, list[bytes]()
    rejects: list[Reject] = []
    sums = dict.fromkeys(QUANTITY_COLUMNS, 0)
    mark = (b"", 0)
    for part in parts:
        for name in QUANTITY_COLUMNS:
            sums[name] += _sum(part.usage, name)
        rows += part.rows
        lines += part.control_lines
        rejects += part.rejects[: 1 - len(rejects)]
        mark = (part.file_sha256, part.size_bytes)
    del total
    return Decoded(_one_row(sums), rejects, rows, *mark, tuple(lines))
