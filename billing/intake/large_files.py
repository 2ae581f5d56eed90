"""Files too large to be held in memory: taken in chunks, a commit each.

An intake that is killed between two chunks leaves the first ones counted, and the file unknown as a whole. It is then taken once more, and
what was stored is recognised row by row, as duplicates; so no record is lost and none counts twice, and the books say that those rows
came again. All other promises of a file hold: it is read to its end before the first row is stored, so a damaged one gives nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa

from billing.intake.columns import QUANTITY_COLUMNS, exact_sum
from mediation.bytes.reader import HEAD_BYTES, packing
from mediation.decode import joined
from mediation.decoded import Decoded, Reject
from mediation.usage import complete
from rating.errors import UnusableFileError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


LARGE_BYTES: Final = 256 << 20
PACKED_RATIO: Final = 10  # records shrink to a tenth
CHUNK_ROWS: Final = 200_000
CHUNK_REJECT_BYTES: Final = 64 << 20


class Place(NamedTuple):
    """Place of a chunk in its file."""

    raw_file_id: int  # 0: it is the first one, and the file gets its id with it
    rows_before: int
    is_last: bool
    commits: frozenset[int] = frozenset()  # of the chunks before


class Chunk(NamedTuple):
    """Some parts of a file, in order."""

    decoded: Decoded
    is_last: bool


def is_large(path: Path) -> bool:
    """Return whether a file is taken in chunks."""
    size_bytes = path.stat().st_size if path.is_file() else 0
    if size_bytes <= LARGE_BYTES // PACKED_RATIO:
        return False
    with path.open("rb") as file:
        return size_bytes > LARGE_BYTES or bool(packing(file.read(HEAD_BYTES)))


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
    """Statements of a file about itself and its counts, to be checked before anything is stored.

    All its header and trailer lines, the number of its rows, the first reject if there is one, and one row of usage. Only the quantities of
    that row mean something: they are the sums.
    """
    rows, lines, rejects, mark = 0, list[bytes](), list[Reject](), (b"", 0)
    sums = dict.fromkeys(QUANTITY_COLUMNS, 0)
    for part in parts:
        for name in QUANTITY_COLUMNS:
            sums[name] += exact_sum(part.usage, name)
        rows += part.rows
        lines += part.control_lines
        rejects += part.rejects[: 1 - len(rejects)]
        mark = (part.file_sha256, part.size_bytes)
    return Decoded(
        complete({name: pa.array([value], pa.int64()) for name, value in sums.items()}, {}, 1), rejects, rows, *mark, tuple(lines)
    )


def left_half(name: str, rows: int, error: UnusableFileError) -> UserError:
    """A file that could not be read to its end though it was whole before: it changed. Without stored rows it is the error itself."""
    if rows == 0:
        return error
    return UserError(
        f"{name} changed while it was taken; its first {f'{rows:,} rows are' if rows > 1 else 'row is'} stored",
        "wait until the switch has closed it and give the same command again: what is stored is recognised",
    )


def _joined(parts: Iterable[Decoded]) -> Iterator[Decoded]:
    """Parts put together until they are many rows, or many bytes that could not be read."""
    together: list[Decoded] = []
    rows = reject_bytes = 0
    for part in parts:
        together.append(part)
        rows += part.rows
        reject_bytes += sum(len(reject.raw) for reject in part.rejects)
        if rows >= CHUNK_ROWS or reject_bytes >= CHUNK_REJECT_BYTES:
            yield joined(together)
            together, rows, reject_bytes = [], 0, 0
    if together:
        yield joined(together)
