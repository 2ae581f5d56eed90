"""FreeSWITCH's JSON records (mod_json_cdr): one a file, or many after each other, a line each, indented, or as a list.

The fields mean the same as in the switch's CSV rows (`freeswitch`), and the numbers are those of the last caller profile.
The billable time is `billusec`, else `end_uepoch - answer_uepoch`; `billsec` and `billmsec` are rounded and never read. Variables are
URL-encoded as the module writes them by default: `%2B` is read as `+`. Further columns of a definition are names of variables, or
paths such as `callflow[0].caller_profile.context`. A leg is a b-leg if it names its originator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mediation.calls.events import text_hash
from mediation.formats import freeswitch
from mediation.reasons import Reason, mark
from mediation.records.named_fields import record_block
from mediation.records.record_paths import check_path, compile_paths, scan_window
from mediation.sources.rules import Bills
from rating.schema import Direction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mediation.bytes.memory_window import ByteWindow
    from mediation.calls.events import Events
    from mediation.calls.legs import FreeswitchLegs
    from mediation.records.rows import Block
    from mediation.sources.model import Source

__all__ = ["TIME_COLUMNS", "answered_legs", "blocks", "key_fields", "read"]

TIME_COLUMNS: Final = ()  # fields have names: their order means nothing
_PATHS: Final = {  # what is no variable
    "caller_id_number": "callflow[0].caller_profile.caller_id_number",
    "ani": "callflow[0].caller_profile.ani",
    "destination_number": "callflow[0].caller_profile.destination_number",
    "rdnis": "callflow[0].caller_profile.rdnis",
    "bleg_uuid": "%variables.bridge_uuid",
}
key_fields = freeswitch.key_fields


def blocks(window: ByteWindow, source: Source) -> Iterator[Block]:
    """The window's records."""
    return record_blocks(window, source, "")


def record_blocks(window: ByteWindow, source: Source, element: str) -> Iterator[Block]:
    """The window's JSON records, or XML elements of that name."""
    columns = source.layouts[0].columns
    paths = compile_paths({name: _path(name) for name in columns}, element)
    for found in scan_window(window, paths):
        fields = [found.field(name) for name in columns]
        begin, end = (np.stack(side) for side in zip(*fields, strict=True))
        raw = (window.data, found.begin.copy(), found.end.copy())
        yield record_block(columns, (found.text, begin, end), raw, found.fault.copy())


def read(block: Block, source: Source) -> Events:
    """The block's call legs. Rows that cannot be read get a reason. `call_ref` is the uuid of the leg that began the call."""
    if not source.key and not source.sequence.column:  # before others: an object without it is a record of another kind
        mark(block.code, ~block.spans("uuid").filled, Reason.MISSING_KEY)
    legs = freeswitch.read(block, source)
    originator = block.spans("originator")
    is_b_leg = originator.filled
    details = legs.details._replace(call_ref=originator.where(is_b_leg, legs.details.record_id))
    if source.legs.bills is Bills.CALLER:
        details = details._replace(direction=np.where(is_b_leg, Direction.TERMINATING, Direction.ORIGINATING).astype(np.int8))
    return legs.with_details(details)


def answered_legs(block: Block, source: Source, leg: Events, before: int) -> FreeswitchLegs:
    """The block's answered legs, for `legs`. `before` is the number of rows of the file before the block."""
    found = freeswitch.answered_legs(block, source, leg, before)
    originator = text_hash(block, block.spans("originator"))[found.row - before]
    return found._replace(b_leg=np.where(originator == 0, found.b_leg, 0), originator=originator)


def _path(name: str) -> str:
    """The path of a column in the record: variables by their names, all others by their path."""
    known = _PATHS.get(name, "")
    if known:
        return known
    return check_path(name) if "." in name or "[" in name else f"%variables.{name}"
