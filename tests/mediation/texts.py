"""Blocks of rows made from their texts, for tests of what reads blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mediation.records.named_fields import record_block

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mediation.records.rows import Block


def block_of_texts(
    columns: tuple[str, ...],
    texts: Sequence[Sequence[bytes]],
    raw: tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]],
    code: NDArray[np.int8] | None = None,
) -> Block:
    """A block of records, each with as many texts as there are `columns`; empty bytes for a field that the record lacks."""
    sizes = np.array([[len(text) for text in record] for record in texts], np.int64).reshape(len(texts), len(columns))
    ends = (np.cumsum(sizes + 1) - 1).reshape(sizes.shape)
    data = np.frombuffer(b"\n".join(text for record in texts for text in record), np.uint8)
    return record_block(columns, (data, (ends - sizes).T.astype(np.int32), ends.T.astype(np.int32)), raw, code)
