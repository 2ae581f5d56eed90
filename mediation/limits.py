"""Bounds that a record has to keep, in a file and in a stream alike: what lies beyond them is refused or waits, never billed.

The start of an event lies between START_MIN_US and START_MAX_US. Neither start nor end lies in the future, beyond what the clock of
the source may be ahead (FUTURE_TOLERANCE_US, unless its definition says otherwise).
"""

from __future__ import annotations

from typing import Final

START_MIN_US: Final = 946_684_800_000_000  # 2000-01-01
START_MAX_US: Final = 3_155_760_000_000_000  # 2070-01-01
QUANTITY_MAX: Final = 1 << 47  # four years or 128 TiB: more is another unit; and what 65,536 rows add up to stays below 2^63
TEXT_BYTES_MAX: Final = 4096  # of an id, a number, a name or another text of a record, in UTF-8
FUTURE_TOLERANCE_US: Final = 600_000_000
