"""Content of one commit: rows that came in, rows made beside them, and stored rows that count as something else from now on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from billing.intake.arrivals import Arrival, Change
from billing.intake.assembly.assembling import AssemblyResult
from billing.intake.known_records.known_rejects import Rejects
from billing.intake.settle import Outcome
from rating.schema import USAGE_V1


class Batch(NamedTuple):
    """All of one commit. `usage` holds the rows of the arrivals in their order, with an outcome each; `rejects` those of each arrival."""

    arrivals: Sequence[Arrival]
    usage: pa.Table
    outcome: NDArray[np.int8]
    marked: Mapping[str, NDArray[np.bool_]]  # reason: rows of `usage` that are stored with a mark
    changes: Sequence[Change] = ()
    recycled: pa.Table = USAGE_V1.empty_table()  # each names its own raw_file_id
    conflicting: NDArray[np.bool_] = np.zeros(0, np.bool_)  # which of the recycled rows conflict with stored ones
    assembly: AssemblyResult | None = None  # what the segments of the batch make
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
