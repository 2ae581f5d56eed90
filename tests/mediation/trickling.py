"""A file that comes in sight a few bytes at a time, to see that no decoder's answer depends on where its window happens to end.

Behind what is in sight lies rubbish of the worst kind, as in a real window there lies what was read before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from mediation import decode, decoded
from mediation.formats import registry
from rating.schema import UsageFlag
from tests.mediation.accounting import BYTE_ORDER_MARK

if TYPE_CHECKING:
    from mediation.decoded import Decoded
    from mediation.sources.model import Source

STEPS_MAX: Final = 24  # a record is read anew at each step
HEADER_BYTES: Final = 1 << 11  # the first sight of a file that names its columns has to reach over its header
_SLACK_BYTES: Final = 128


class TricklingWindow:
    """A mediation.bytes.memory_window.ByteWindow that shows `step` more bytes each time it goes on.

    The end is told one step after the last bytes were shown; with `first_bytes`, the size of the first sight, together with them.
    """

    name = "a file that trickles in"
    may_be_cut = True

    def __init__(self, data: bytes, step: int, rubbish: bytes, first_bytes: int = 0) -> None:
        self._rest = memoryview(data)
        self._tells_end = first_bytes > 0
        self._step = max(step, len(data) // STEPS_MAX, 1)
        self._buffer = bytearray(rubbish * (len(data) + _SLACK_BYTES))
        self.data = np.frombuffer(self._buffer, np.uint8)
        self.data.flags.writeable = False
        self.begin = self.end = self.offset = 0
        self.is_last = False
        self._show(max(first_bytes, self._step, len(BYTE_ORDER_MARK)))
        self.begin = len(BYTE_ORDER_MARK) if data.startswith(BYTE_ORDER_MARK) else 0

    def go_on(self, position: int) -> None:
        """Forget what lies before `position`, move the rest to the front and show more."""
        kept = self._buffer[position : self.end]
        self._buffer[: len(kept)] = kept
        self.offset += position
        self.begin, self.end = 0, len(kept)
        self._show(self._step)

    def _show(self, step: int) -> None:
        shown = self._rest[:step]
        self._rest = self._rest[len(shown) :]
        self._buffer[self.end : self.end + len(shown)] = shown
        self.end += len(shown)
        self.is_last = len(shown) == 0 or (self._tells_end and not self._rest)


def check_trickling(whole: Decoded, data: bytes, source: Source, step: int, rubbish: bytes) -> None:
    """Decode `data` in steps; all must be as it was in the file, but for rows that other legs bill, which the end of a file tells."""
    first_bytes = HEADER_BYTES if registry.names_its_columns(source) else 0
    window = TricklingWindow(data, step, rubbish, first_bytes)
    blocks = registry.decoder(source.format).blocks(window, source)
    key = decode.DEFAULT_HASH_KEY
    trickled = decode.joined([decode.part_of(source, rows, decode.read_block(rows, source), window.offset, key) for rows in blocks])
    assert trickled.rejects == whole.rejects, f"other rejects in steps of {step}: {_differences(trickled.rejects, whole.rejects)}"
    assert trickled.control_lines == whole.control_lines
    assert _unabsorbed(trickled.usage).equals(_unabsorbed(whole.usage)), f"other rows in steps of {step}"


def _differences(some: list[decoded.Reject], others: list[decoded.Reject]) -> str:
    return f"{[reject for reject in some if reject not in others][:3]} for {[reject for reject in others if reject not in some][:3]}"


def _unabsorbed(usage: pa.Table) -> pa.Table:
    """The rows with no word on who bills them."""
    place = usage.schema.get_field_index("flags")
    flags = usage.column(place).to_numpy() & ~np.int32(UsageFlag.ABSORBED)
    return usage.set_column(place, usage.schema.field(place), pa.array(flags, pa.int32())).combine_chunks()
