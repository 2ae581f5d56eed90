"""Content of one commit: rows that came in, rows made beside them, and stored rows that count as something else from now on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from billing.intake.assembly.assembling import Settlement
from billing.intake.known_records.known_rejects import Rejects
from billing.intake.large_files import Place
from billing.intake.marks import COLUMNS, SEGMENT_COLUMNS
from billing.intake.settle import Outcome
from mediation.bytes.reader import shown
from mediation.decoded import Decoded
from mediation.sources.model import Source
from rating.schema import USAGE_V1

DESCRIBED: Final = ("record_id", "served_id", "other_raw", "start_us", "duration_us", "units", "bytes_up", "bytes_down")
# What suspense, the counts and the decision about an earlier row need of it.
STORED_COLUMNS: Final = (*COLUMNS, *SEGMENT_COLUMNS, "content_hash", "source_seq", "raw_file_id", "raw_offset", "raw_length", *DESCRIBED)


class Arrival(NamedTuple):
    """One decoded file, or one batch of a stream (path None), on its way in."""

    source: str
    decoded: Decoded
    path: Path | None = None
    rules: Source | None = None  # none: a stream whose source has no rules of its own
    content_sha256: bytes = b""  # of a file's records
    file_name: str = ""  # where it is another than that of `path`, such as a member of an archive
    place: Place | None = None  # in the file, if it is taken in chunks

    @property
    def name(self) -> str:
        """Name in reports."""
        return self.file_name or ("stream" if self.path is None else shown(self.path))


class Change(NamedTuple):
    """Stored rows that count as something else from this commit on, by a mark of `reason`."""

    rows: pa.Table  # STORED_COLUMNS
    before: NDArray[np.int8]
    after: NDArray[np.int8]
    reason: str


class Batch(NamedTuple):
    """All of one commit. `usage` holds the rows of the arrivals in their order, with an outcome each; `rejects` those of each arrival."""

    arrivals: Sequence[Arrival]
    usage: pa.Table
    outcome: NDArray[np.int8]
    marked: Mapping[str, NDArray[np.bool_]]  # reason: rows of `usage` that are stored with a mark
    changes: Sequence[Change] = ()
    recycled: pa.Table = USAGE_V1.empty_table()  # each names its own raw_file_id
    conflicting: NDArray[np.bool_] = np.zeros(0, np.bool_)  # which of the recycled rows conflict with stored ones
    assembly: Settlement | None = None  # what the segments of the batch make
    rejects: Sequence[Rejects] = ()

    @property
    def name(self) -> str:
        """Name in errors."""
        return self.arrivals[0].name if self.arrivals else "what is recycled or assembled"

    def changed(self, reason: str) -> int:
        """Number of stored rows that get a mark of `reason`."""
        return sum(change.rows.num_rows for change in self.changes if change.reason == reason)


def kept_rows(batch: Batch) -> pa.Table:
    """All rows that the commit stores, but for those made of segments: no copy of these ever comes in."""
    wanted = kept(batch)
    arrived = batch.usage if wanted.all() else batch.usage.filter(pa.array(wanted))
    return pa.concat_tables([arrived, batch.recycled]) if batch.recycled.num_rows else arrived


def kept(batch: Batch) -> NDArray[np.bool_]:
    """Rows of `usage` that are stored."""
    is_kept: NDArray[np.bool_] = batch.outcome != Outcome.DUPLICATE
    return is_kept
