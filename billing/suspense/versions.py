"""The versions of one event, as people choose among them."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa


class Versions(NamedTuple):
    """The versions of one event, in the order in which they came, as of `seq`.

    `stored`: the commits that stored each. `suspense_ids`: rows that wait because of them, by content hash.
    """

    event_key: bytes
    seq: int
    rows: pa.Table  # USAGE_V1 and commit_seq, the first row of each version
    names: tuple[str, ...]
    stored: tuple[tuple[int, ...], ...]
    suspense_ids: dict[bytes, list[int]]
