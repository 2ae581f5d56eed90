"""Rules by which legs of calls are recognised and judged on stored usage, by format and by a source's own rule; for `split_calls`.

Stored usage does not hold when a leg was created. Of FreeSWITCH's legs that name each other the longer one is taken for the first:
it was there before the other one was called. A leg that names its originator came after it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mediation.calls import grouped_legs, legs
from mediation.calls.legs import FreeswitchLegs
from mediation.calls.usage_legs import COLUMNS as ASTERISK_COLUMNS
from mediation.calls.usage_legs import asterisk_legs, numbered
from mediation.sources.model import Bills, Format
from rating.dates import DAY_US
from rating.schema import LegRole

if TYPE_CHECKING:
    from mediation.sources.model import Source

_FREESWITCH_COLUMNS: Final = ("event_key", "record_id", "call_ref", "start_us", "duration_us")
_FREESWITCH_RECORDS: Final = frozenset({Format.FREESWITCH_JSON, Format.FREESWITCH_XML})  # a leg a record, that may name its originator


class LegRule(NamedTuple):
    """`names`: what connects a leg with others, one column of text each. `absorbed`: which of some answered legs another one bills."""

    columns: tuple[str, ...]
    names: Callable[[pa.Table], list[pa.ChunkedArray[Any]]]
    absorbed: Callable[[pa.Table], NDArray[np.bool_]]
    after_us: int = 0  # how long after the last one ended another leg of its call may begin


def leg_rule(source: Source) -> LegRule | None:
    """The rule for calls whose legs come in several files; None where every leg stands alone."""
    rule = _rule_of(source)
    return _but_forwarded(rule) if rule is not None and source.legs.forwarder_pays else rule


def _rule_of(source: Source) -> LegRule | None:
    if grouped_legs.is_ruled(source.legs):
        rules = source.legs
        after_us = 0 if rules.overlapping else DAY_US
        return LegRule(grouped_legs.COLUMNS, _call_only, lambda table: grouped_legs.absorbed(grouped_legs.of_usage(table), rules), after_us)
    if source.legs.bills is not Bills.NATIVE:
        return None
    if source.format is Format.ASTERISK:
        return LegRule(ASTERISK_COLUMNS, _call_else_record, lambda table: legs.absorbed(asterisk_legs(table)))
    if source.format is Format.FREESWITCH:
        return LegRule(_FREESWITCH_COLUMNS, _call_and_record, lambda table: legs.absorbed(_naming_b_legs(table)))
    if source.format in _FREESWITCH_RECORDS:
        return LegRule(_FREESWITCH_COLUMNS, _call_and_record, lambda table: legs.absorbed(_naming_originators(table)))
    return None


def _but_forwarded(rule: LegRule) -> LegRule:
    """The same rule for the caller's legs: what a forwarder pays is not absorbed by them."""

    def absorbed(table: pa.Table) -> NDArray[np.bool_]:
        by_forwarder: NDArray[np.bool_] = _integers(table, "leg_role") == LegRole.FORWARD
        out = np.zeros(table.num_rows, np.bool_)
        for part in (by_forwarder, ~by_forwarder):
            out[part] = rule.absorbed(table.filter(pa.array(part)))
        return out

    return rule._replace(columns=(*dict.fromkeys((*rule.columns, "leg_role")),), absorbed=absorbed)


def _call_only(table: pa.Table) -> list[pa.ChunkedArray[Any]]:
    return [table.column("call_ref")]


def _call_else_record(table: pa.Table) -> list[pa.ChunkedArray[Any]]:
    """A linkedid, else the caller's channel."""
    names: pa.ChunkedArray[Any] = pc.coalesce(table.column("call_ref"), table.column("record_id"))
    return [names]


def _call_and_record(table: pa.Table) -> list[pa.ChunkedArray[Any]]:
    return [table.column("call_ref"), table.column("record_id")]


def _naming_b_legs(usage: pa.Table) -> FreeswitchLegs:
    """Rows of CSV: `call_ref` is the leg that this one called."""
    table = usage.combine_chunks()
    b_leg, uuid = numbered(table.column("call_ref"), table.column("record_id"))
    created = -_integers(table, "duration_us")
    return FreeswitchLegs(np.arange(table.num_rows), uuid, b_leg, created, np.zeros(table.num_rows, np.uint64))


def _naming_originators(usage: pa.Table) -> FreeswitchLegs:
    """Rows of JSON and XML: `call_ref` is the leg that began the call, which may be the leg itself."""
    table = usage.combine_chunks()
    began, uuid = numbered(table.column("call_ref"), table.column("record_id"))
    is_b_leg = (began != 0) & (began != uuid)
    originator = np.where(is_b_leg, began, np.uint64(0))
    return FreeswitchLegs(np.arange(table.num_rows), uuid, np.zeros(table.num_rows, np.uint64), is_b_leg.astype(np.int64), originator)


def _integers(table: pa.Table, name: str) -> NDArray[np.int64]:
    column: Any = table.column(name).cast(pa.int64())
    values: NDArray[np.int64] = column.fill_null(0).to_numpy()
    return values
