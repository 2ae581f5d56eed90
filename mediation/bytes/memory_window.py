"""The input of a lexer: a window of bytes, over a file (`reader.Window`) or over bytes in memory (`MemoryWindow`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ByteWindow(Protocol):
    """Bytes `begin` .. `end` of `data` are in sight; `offset` is the place of `data[0]` in the stream; `is_last`: nothing follows."""

    name: str  # of the input, for a person
    data: NDArray[np.uint8]
    begin: int
    end: int
    offset: int
    is_last: bool
    may_be_cut: bool  # nothing but its last line break proves the input whole: no packing does, and it is no row on its own

    def go_on(self, position: int) -> None:
        """Forget what lies before `position`, move the rest to the front and fill up."""


class MemoryWindow:
    """A window over bytes that are all there."""

    name = "the row that was kept"
    may_be_cut = False

    def __init__(self, data: bytes) -> None:
        self.data = np.frombuffer(data, np.uint8)
        self.begin = self.offset = 0
        self.end = self.data.size
        self.is_last = True

    def go_on(self, position: int) -> None:
        """Forget what lies before `position`."""
        self.begin = position
