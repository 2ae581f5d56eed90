"""Columns of a protobuf message as a record batch of STREAM_V1, for clients without Arrow.

A column without values has none in any row; -1 says that a row has no quantity, and an empty `other` that it has no destination. What the
rows say is looked at later, as with Arrow: a service that does not exist is a row's fault, not the batch's.

Refuses (INVALID_ARGUMENT): COLUMNS_MALFORMED, BATCH_TOO_LARGE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from mediation.stream import STREAM_V1
from server.grpc.refusals import invalid
from server.grpc.usage.arrow_batches import BATCH_BYTES_MAX, BATCH_ROWS_MAX

if TYPE_CHECKING:
    from ratewright.v1 import usage_service_pb2 as pb

NONE: Final = -1  # the quantity of a row that has none
_QUANTITIES: Final = ("duration_us", "volume_bytes", "units")
_INT8: Final = np.iinfo(np.int8)


def read_columns(columns: pb.UsageColumns) -> pa.RecordBatch:
    """The rows of `columns`: at least one."""
    size = columns.ByteSize()
    if size > BATCH_BYTES_MAX:
        raise invalid("BATCH_TOO_LARGE", f"a batch of {size} bytes; at most {BATCH_BYTES_MAX} are taken")
    rows = max(len(getattr(columns, name)) for name in STREAM_V1.names)
    if rows == 0:
        raise invalid("COLUMNS_MALFORMED", "columns holds no rows")
    if rows > BATCH_ROWS_MAX:
        raise invalid("BATCH_TOO_LARGE", f"a batch of {rows} rows; at most {BATCH_ROWS_MAX} are taken")
    for name in STREAM_V1.names:
        if len(getattr(columns, name)) not in {0, rows}:
            message = f"column {name} has {len(getattr(columns, name))} values, another one {rows}"
            raise invalid("COLUMNS_MALFORMED", message, {"column": name})
    return pa.RecordBatch.from_arrays([_array(columns, field, rows) for field in STREAM_V1], schema=STREAM_V1)


def _array(columns: pb.UsageColumns, field: pa.Field[Any], rows: int) -> pa.Array[Any]:
    values: Any = getattr(columns, field.name)
    made: pa.Array[Any]
    if not values:
        made = pa.nulls(rows, field.type)
    elif pa.types.is_string(field.type):
        made = pa.array([text or None for text in values] if field.name == "other" else list(values), field.type)
    else:
        numbers = np.fromiter(values, np.int64, rows)
        numbers = np.clip(numbers, _INT8.min, _INT8.max) if field.name == "service" else numbers
        made = pa.array(numbers, pa.int64(), mask=numbers == NONE if field.name in _QUANTITIES else None).cast(field.type)
    return made
