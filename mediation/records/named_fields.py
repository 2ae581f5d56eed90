"""Records whose fields have names, such as those of JSON, XML and RADIUS, as blocks.

A lexer writes the texts of the wanted fields into a buffer of its own and says where in the input each record stands. Nothing is
lost: begin and end are those of the record in the raw bytes, so that a reject keeps them as they came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mediation.records.rows import Block

if TYPE_CHECKING:
    from numpy.typing import NDArray


def record_block(
    columns: tuple[str, ...],
    fields: tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.int32]],
    raw: tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]],
    code: NDArray[np.int8] | None = None,
) -> Block:
    """A block of `columns`. `fields`: texts, and begin and end of each field in them, (columns, rows); equal: empty.

    A byte that is no quote has to be between two texts: a text after one that ends with a quote would be taken as quoted.
    `raw`: the input, and begin and end of each record in it. `code`: reasons (reasons.CODES) of records that the lexer refuses;
    0 for good ones. The texts are read-only from here on.
    """
    data, field_begin, field_end = fields
    raw_data, begin, end = raw
    size = begin.size
    if data.flags.writeable:
        data.flags.writeable = False
    return Block(
        data=data,
        begin=begin,
        end=end,
        width=np.full(size, len(columns), np.int32),
        code=np.zeros(size, np.int8) if code is None else code,
        field_begin=np.ascontiguousarray(field_begin, np.int32),
        field_end=np.ascontiguousarray(field_end, np.int32),
        columns=(columns,),
        layout=np.zeros(size, np.int8),
        raw=raw_data,
    )
