"""Switches use the names of calls again: a charging id or session id comes back after weeks, for another call.

Segments of one name that lie over a week apart (or over the timeout of their source, if that is longer) are of different calls. The
call that came first keeps the name, others are called `name~2`, `name~3`. So a name that comes back never touches a call that was billed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from billing.intake.assembly import segment_groups
from rating.dates import DAY_US
from rating.schema import USAGE_V1

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import sqlalchemy as sa
    from numpy.typing import NDArray

    from billing.intake.assembly.segment_groups import Past

APART_US: Final = 7 * DAY_US
MARK: Final = "~"


class _Span:
    """Span of time in which the segments of one call begin, first and last, so far as they are known."""

    def __init__(self, name: str, first_us: int, last_us: int) -> None:
        self.name = name
        self.first_us = first_us
        self.last_us = last_us

    def distance_us(self, at_us: int) -> int:
        """Distance of a moment from the span; 0 within it."""
        return max(self.first_us - at_us, at_us - self.last_us, 0)

    def extend(self, at_us: int) -> None:
        """Take a moment in."""
        self.first_us, self.last_us = min(self.first_us, at_us), max(self.last_us, at_us)


def told_apart(
    connection: sa.Connection, names: Sequence[str], start_us: NDArray[np.int64], apart_us: NDArray[np.int64], pasts: Mapping[str, Past]
) -> dict[int, str]:
    """New names for the rows that need one. Of each row: the name of its group, when it begins, how far apart calls of one name lie.

    `pasts`: the last state of the names.
    """
    rows_of: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows_of.setdefault(name, []).append(row)
    renamed: dict[int, str] = {}
    for name, rows in rows_of.items():
        past, times = pasts.get(name), start_us[rows]
        first_us, last_us = int(times.min()), int(times.max())
        if past is not None:
            first_us, last_us = min(first_us, past.first_us), max(last_us, past.last_us)
        if last_us - first_us > apart_us[rows[0]]:
            renamed |= _told_apart(name, sorted(rows, key=start_us.__getitem__), start_us, int(apart_us[rows[0]]), _spans(connection, name))
    return renamed


def with_names(usage: pa.Table, renamed: Mapping[int, str]) -> pa.Table:
    """The rows, some of them with another call_ref."""
    if not renamed:
        return usage
    call_refs: list[Any] = usage.column("call_ref").to_pylist()
    for row, name in renamed.items():
        call_refs[row] = name.partition("\n")[2]
    field = USAGE_V1.field("call_ref")
    return usage.set_column(usage.schema.get_field_index("call_ref"), field, pa.array(call_refs, field.type))


def _told_apart(name: str, rows: Sequence[int], start_us: NDArray[np.int64], apart_us: int, spans: list[_Span]) -> dict[int, str]:
    """The rows, in order of time, that belong to another call than the one that has the name."""
    renamed = {}
    for row in rows:
        at_us = int(start_us[row])
        nearest = min(spans, key=lambda span: span.distance_us(at_us), default=None)
        if nearest is None or nearest.distance_us(at_us) > apart_us:
            nearest = _Span(f"{name}{MARK}{len(spans) + 1}" if spans else name, at_us, at_us)
            spans.append(nearest)
        nearest.extend(at_us)
        if nearest.name != name:
            renamed[row] = nearest.name
    return renamed


def _spans(connection: sa.Connection, name: str) -> list[_Span]:
    """The calls that are known by a name."""
    spans: list[_Span] = []
    next_name = name
    while (past := segment_groups.pasts(connection, [next_name]).get(next_name)) is not None:
        spans.append(_Span(next_name, past.first_us, past.last_us))
        next_name = f"{name}{MARK}{len(spans) + 1}"
    return spans
