"""FreeSWITCH's XML records (mod_xml_cdr): elements `cdr`, one a file or many after each other, within `<cdrs>` or without.

Their fields are those of the JSON records (`freeswitch_json`). Text is that of XML without a document type: five named entities and
numbered characters. A DOCTYPE is refused, and so is a record with any other entity: nothing is ever fetched or expanded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mediation.formats.freeswitch_json import TIME_COLUMNS, answered_legs, key_fields, read, record_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mediation.bytes.memory_window import ByteWindow
    from mediation.records.rows import Block
    from mediation.sources.model import Source

__all__ = ["TIME_COLUMNS", "answered_legs", "blocks", "key_fields", "read"]

_ELEMENT: Final = "cdr"


def blocks(window: ByteWindow, source: Source) -> Iterator[Block]:
    """The window's records."""
    return record_blocks(window, source, _ELEMENT)
