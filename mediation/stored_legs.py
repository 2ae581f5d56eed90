"""Calls whose legs came in several files: the same rules as within one file, over rows of usage instead of rows of a file.

A switch may write each leg into a file of its own (FreeSWITCH's JSON and XML), and a rotation may cut a log between two legs. What
usage does not hold any more is replaced: of FreeSWITCH's legs the one whose uuid is the call's was created first; a leg ends its
duration after its start. Rows that are segments, unanswered or absorbed already must not be given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mediation import grouped_legs, legs, usage_legs
from mediation.legs import FreeswitchLegs
from mediation.sources import Bills, Format
from rating.schema import LegRole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mediation.sources import Source

COLUMNS: Final = tuple(dict.fromkeys((*usage_legs.COLUMNS, *grouped_legs.COLUMNS)))
_NAMES_ITS_B_LEG: Final = (Format.FREESWITCH,)  # call_ref is the uuid of the b-leg
_NAMES_ITS_CALL: Final = (Format.FREESWITCH_JSON, Format.FREESWITCH_XML)  # call_ref is the uuid of the first leg


def are_judged(source: Source) -> bool:
    """Whether legs of this source can belong to calls of other files."""
    is_native = source.legs.bills is Bills.NATIVE
    return grouped_legs.is_ruled(source.legs) or (is_native and source.format in {Format.ASTERISK, *_NAMES_ITS_B_LEG, *_NAMES_ITS_CALL})


def names(usage: pa.Table, source: Source) -> list[pa.ChunkedArray[Any]]:
    """What each row's call is known by: rows that have a name in common are of one call. Empty or null: no name."""
    call_ref, record_id = usage.column("call_ref"), usage.column("record_id")
    if grouped_legs.is_ruled(source.legs):
        return [call_ref]
    if source.format in _NAMES_ITS_B_LEG:
        return [call_ref, record_id]
    known_by: pa.ChunkedArray[Any] = pc.coalesce(call_ref, record_id)
    return [known_by]


def absorbed(usage: pa.Table, source: Source) -> NDArray[np.bool_]:
    """True for each row that another one bills. `usage` has at least COLUMNS, and answered rows of one source alone."""
    if grouped_legs.is_ruled(source.legs):
        return grouped_legs.absorbed(grouped_legs.of_usage(usage), source.legs)
    if source.format is Format.ASTERISK:
        out = legs.absorbed(usage_legs.asterisk_legs(usage))
    else:
        out = legs.absorbed(_freeswitch_legs(usage, source.format))
    if source.legs.forwarder_pays:
        out &= usage.column("leg_role").to_numpy() != LegRole.FORWARD
    return out


def _freeswitch_legs(usage: pa.Table, format_: Format) -> FreeswitchLegs:
    uuid, call = usage_legs.numbered(usage.column("record_id"), usage.column("call_ref"))
    nothing = np.zeros(uuid.size, np.uint64)
    row = np.arange(uuid.size)
    if format_ in _NAMES_ITS_B_LEG:
        return FreeswitchLegs(row, uuid, call, usage.column("start_us").cast(pa.int64()).to_numpy(), nothing)
    is_begun_by_another = (call != uuid) & (call != 0)
    return FreeswitchLegs(row, uuid, nothing, is_begun_by_another.astype(np.int64), np.where(is_begun_by_another, call, nothing))
