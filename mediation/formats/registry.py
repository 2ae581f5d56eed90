"""Registry of the modules that read each format, and the functions that such a module has to offer.

A decoder is a module with the functions of `Decoder` (text: everything that becomes blocks) or of `ColumnDecoder` (Arrow and
Parquet, which are columns already). It is registered by its line in `FORMATS` and by its columns in `format_columns.COLUMNS`. Modules
are imported when they are needed: reading one switch's files does not load the kernels of all the others.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from mediation.sources.format_columns import COLUMNS, Shape
from mediation.sources.model import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mediation.bytes.memory_window import ByteWindow
    from mediation.calls.events import Events
    from mediation.decoded import Decoded
    from mediation.records.rows import Block
    from mediation.sources.model import Source
    from mediation.values.columns import Identity

FORMATS: Final = {
    Format.ASTERISK: "mediation.formats.asterisk",
    Format.FREESWITCH: "mediation.formats.freeswitch",
    Format.FREESWITCH_JSON: "mediation.formats.freeswitch_json",
    Format.FREESWITCH_XML: "mediation.formats.freeswitch_xml",
    Format.KAMAILIO_ACC: "mediation.formats.kamailio",
    Format.KAMAILIO_CDRS: "mediation.formats.kamailio_cdrs",
    Format.CISCO_CUCM: "mediation.formats.cucm",
    Format.DELIMITED: "mediation.formats.generic",
    Format.FIXED_WIDTH: "mediation.formats.fixed_width",
    Format.RADIUS_DETAIL: "mediation.formats.radius",
    Format.CHF_JSON: "mediation.formats.chf_json",
    Format.CANONICAL: "mediation.arrow.canonical",
}
_IN_LINES: Final = (
    Format.ASTERISK,
    Format.FREESWITCH,
    Format.KAMAILIO_ACC,
    Format.KAMAILIO_CDRS,
    Format.CISCO_CUCM,
    Format.DELIMITED,
    Format.FIXED_WIDTH,
)


class Decoder(Protocol):
    """A text format. All functions take blocks that `blocks` made."""

    TIME_COLUMNS: tuple[str, ...]  # columns that hold written times; none: the order of columns is not checked

    def blocks(self, window: ByteWindow, source: Source) -> Iterator[Block]:
        """The window's records, in order; a block has to be used up before the next one is requested."""

    def read(self, block: Block, source: Source) -> Events:
        """The block's events. Rows that cannot be read get a reason."""

    def key_fields(self, block: Block, events: Events) -> Identity:
        """Fields that identify a record, unless the source names its own key."""


class ColumnDecoder(Protocol):
    """A format of Arrow columns."""

    def batches(self, path: Path, source: Source, *, hash_key: bytes) -> Iterator[Decoded]:
        """The file's rows in parts of at most 65,536, as usage and rejects; `raw_offset` is the row's number in the file."""


def is_columnar(format_: Format) -> bool:
    """Return whether a ColumnDecoder reads the format."""
    return COLUMNS[format_].shape is Shape.ARROW


def is_in_lines(format_: Format) -> bool:
    """Return whether records of the format are lines of text, which nothing but a line break ends."""
    return format_ in _IN_LINES


def names_its_columns(source: Source) -> bool:
    """Return whether each file of the source says in its header which columns it has, so that no row can be read without the header."""
    found = COLUMNS[source.format]
    return source.dialect.names_in_header or (found.shape is Shape.BY_NAME and not found.layouts)


def decoder(format_: Format) -> Decoder:
    """The module that reads a text format."""
    return cast("Decoder", importlib.import_module(FORMATS[format_]))


def column_decoder(format_: Format) -> ColumnDecoder:
    """The module that reads a columnar format."""
    return cast("ColumnDecoder", importlib.import_module(FORMATS[format_]))


def answered_legs(format_: Format) -> Callable[[Block, Source, Events, int], Any] | None:
    """The function that gives a block's answered legs for `legs.absorbed`, if the format's records are legs of calls.

    It takes the block, the source, the events, and the number of rows of the file before the block.
    """
    found: Callable[[Block, Source, Events, int], Any] | None = getattr(importlib.import_module(FORMATS[format_]), "answered_legs", None)
    return found
