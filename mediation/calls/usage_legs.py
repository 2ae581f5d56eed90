"""Usage v1 rows of Asterisk as legs, so that `legs` can judge a call whose rows lie in several files.

Texts become numbers that are comparable within one table only; 0 stands for an empty one. A leg ends `duration_us` after its start:
the time of its end as the switch wrote it is not part of usage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mediation.calls.legs import AsteriskLegs
from mediation.known_records.duplicates import as_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS: Final = ("event_key", "call_ref", "record_id", "trunk_in", "trunk_out", "start_us", "duration_us", "source_seq")


def asterisk_legs(usage: pa.Table) -> AsteriskLegs:
    """A leg a row. `usage` has at least COLUMNS, and answered rows alone."""
    table = usage.combine_chunks()
    linked, caller = numbered(table.column("call_ref"), table.column("record_id"))
    local_in, local_out = numbered(_local_names(table.column("trunk_in")), _local_names(table.column("trunk_out")))
    begin_us, duration_us = _integers(table, "start_us"), _integers(table, "duration_us")
    return AsteriskLegs(
        row=np.arange(table.num_rows),
        linked=linked,
        caller=caller,
        local_in=local_in,
        local_out=local_out,
        begin_us=begin_us,
        end_us=begin_us + duration_us,
        duration_us=duration_us,
        sequence=_integers(table, "source_seq"),
        key=as_pairs(table.column("event_key"))[:, 0],
    )


def numbered(first: Any, second: Any) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:  # noqa: ANN401 - pyarrow's stubs do not type text
    """The texts of two columns, numbered together."""
    texts: Any = pa.chunked_array([*first.chunks, *second.chunks], pa.string()).combine_chunks()
    filled: Any = pc.if_else(pc.is_in(texts, value_set=pa.array([""])), pa.scalar(None, pa.string()), texts)
    codes = pc.dictionary_encode(filled).indices.fill_null(-1).to_numpy().astype(np.int64) + 1
    numbers = codes.astype(np.uint64)
    return numbers[: len(first)], numbers[len(first) :]


def _local_names(channels: Any) -> Any:  # noqa: ANN401 - pyarrow's stubs do not type text
    """Names of Local channels without the mark of their half; null for other channels."""
    is_local = pc.starts_with(channels, "local/", ignore_case=True)
    return pc.if_else(is_local, pc.replace_substring_regex(channels, r";.$", ""), pa.scalar(None, pa.string()))


def _integers(table: pa.Table, name: str) -> NDArray[np.int64]:
    column: Any = table.column(name).cast(pa.int64())
    values: NDArray[np.int64] = column.fill_null(0).to_numpy()
    return values
