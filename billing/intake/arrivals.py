"""Files and batches on their way in, and stored rows that count as something else because of them."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from billing.intake.large_files import Place
from billing.intake.marks import COLUMNS, SEGMENT_COLUMNS
from mediation.bytes.reader import shown
from mediation.decoded import Decoded
from mediation.sources.model import Source

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
