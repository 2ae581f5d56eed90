"""The last row of a text file that ends without a line break: it may have been cut off, and a number without its last digits is another.

Such a row is whole where another column follows the last one that is read, or where a quote closes its last field. So is a
line of fixed width that is as long as the fields that are read. Else it is refused as truncated, also where it cannot be read for another
cause. A source's definition may say that its files end so (`ends_without_line_break`). A row of fewer columns than others of the source
may have is never whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mediation.reasons import CODES, Reason
from mediation.sources.model import Format

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mediation.records.rows import Block, WatchedBlock
    from mediation.sources.model import Source


def is_in_doubt(block: Block, source: Source) -> bool:
    """Return whether nothing ends the block's last row, and the source does not say that this is as it should be."""
    return block.is_unfinished and not source.ends_without_line_break


def refuse_cut(block: WatchedBlock, source: Source, also_read: Iterable[str] = ()) -> None:
    """Refuse the last row of a block in doubt, after all of its columns have been read, unless something proves it whole."""
    from mediation.formats.generic import named_columns  # noqa: PLC0415 - the kernels of general formats are for those who need them

    read = {*block.asked, *named_columns(source), *also_read}
    is_whole = _is_wide_enough if source.format is Format.FIXED_WIDTH else _is_closed
    is_last = np.arange(block.size) == block.size - 1
    is_piece = block.code == CODES[Reason.ROW_TOO_LONG]
    block.code[is_last & ~is_piece & (not is_whole(block, source, read))] = CODES[Reason.TRUNCATED_RECORD]


def _is_wide_enough(block: Block, source: Source, read: set[str]) -> bool:
    """Return whether a line of fixed width reaches to the end of the last field that is read."""
    width = int(block.end[-1] - block.begin[-1])
    return all(position.last <= width for position in source.positions if position.column in read)


def _is_closed(block: Block, source: Source, read: set[str]) -> bool:
    """Return whether the row has as many columns as rows of the source can have, and its last one is not read, or quoted."""
    width = int(block.width[-1])
    layout = int(block.layout[-1])
    if layout < 0 or width < max(source.widths, default=width):
        return False
    return block.columns[layout][width - 1] not in read or _is_quoted(block, source, width - 1)


def _is_quoted(block: Block, source: Source, place: int) -> bool:
    """Return whether a quote closes the last field, and with it the row."""
    before = 0 if block.raw is None else int(block.begin.min())  # `data` begins with the first row
    closing = int(block.end[-1]) - before - 1
    is_behind = int(block.field_end[place, -1]) == closing
    return is_behind and bool(source.dialect.quote) and chr(block.data[closing]) == source.dialect.quote
