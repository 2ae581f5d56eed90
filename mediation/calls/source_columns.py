"""Columns that a source's definition names for any format's records: their number, what holds a call together, who forwarded it.

A source that numbers its records (`sequence`) is known by that number: its native key is the columns `per` and the number, and
`record_id` is their texts with dashes between, the number last. So a stream of numbers is `record_id` without its last part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mediation.reasons import Reason, mark
from mediation.values import columns
from mediation.values.columns import Identity
from rating.schema import LegRole

if TYPE_CHECKING:
    from mediation.calls.events import Details, Events
    from mediation.records.rows import Block
    from mediation.sources.model import Source


def apply(block: Block, source: Source, read: Events) -> Events:
    """The events with what the definition says of their columns."""
    details = read.details
    if source.sequence.column:
        details = _numbered(block, source, details)
    if source.legs.group_by:
        spans = [block.spans(name) for name in source.legs.group_by]
        is_whole = np.logical_and.reduce([each.filled for each in spans])  # half a reference would throw calls together
        first, *more = (each.only(is_whole) for each in spans)
        details = details._replace(call_ref=first, call_ref_more=tuple(more))
    if source.legs.forwarder:
        third = block.spans(source.legs.forwarder)
        role = np.where(third.filled, LegRole.FORWARD, LegRole.CALL if details.leg_role is None else details.leg_role)
        details = details._replace(third=third, leg_role=role.astype(np.int8))
    return read if details is read.details else read.with_details(details)


def identity(block: Block, source: Source, native: Identity) -> Identity:
    """Fields that identify a record: its number where the source numbers its records, else the `native` fields of the format."""
    if not source.sequence.column:
        return native
    return Identity([*(block.spans(name) for name in source.sequence.per), block.spans(source.sequence.column)], [])


def _numbered(block: Block, source: Source, details: Details) -> Details:
    number = block.spans(source.sequence.column)
    sequence = columns.amounts(block, number, 1)
    mark(block.code, ~sequence.present, Reason.MISSING_KEY)
    first, *more = (*(block.spans(name) for name in source.sequence.per), number)
    return details._replace(sequence=sequence, record_id=first, record_id_more=tuple(more))
