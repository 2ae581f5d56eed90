"""Form of a usage file: the built-in sources, and definitions given as YAML files.

A source says which columns a row has (by its width), in which zone its local times are, and how its numbers become E.164. It says who
pays, what identifies a record, and how records hang together (`rules`). Its name is part of every event key: the same file read
under another source name holds other events. Refuses unknown fields and every other mistake of a definition at once, each with its
remedy.
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec

from mediation.limits import FUTURE_TOLERANCE_US
from mediation.sources.format_columns import COLUMNS
from mediation.sources.rules import (
    Bills,
    ControlTotals,
    Dialect,
    FieldRule,
    FileSequence,
    Legs,
    Messages,
    Numbering,
    NumberType,
    Partials,
    Plain,
    Position,
    Sequence,
    ServiceRules,
    Services,
    Unit,
)

__all__ = [
    "BUILT_IN",
    "LAYOUTS",
    "Bills",
    "ControlTotals",
    "Dialect",
    "FieldRule",
    "FileSequence",
    "Format",
    "Layout",
    "Legs",
    "LocalTime",
    "Messages",
    "NumberType",
    "Numbering",
    "Partials",
    "Plain",
    "Position",
    "Sequence",
    "ServedBy",
    "ServiceRules",
    "Services",
    "Source",
    "Unit",
]


class Format(enum.StrEnum):
    """The writer of the file, and so the meaning of its columns."""

    ASTERISK = "asterisk"
    FREESWITCH = "freeswitch"
    FREESWITCH_JSON = "freeswitch-json"
    FREESWITCH_XML = "freeswitch-xml"
    KAMAILIO_ACC = "kamailio-acc"
    KAMAILIO_CDRS = "kamailio-cdrs"
    CISCO_CUCM = "cisco-cucm"
    DELIMITED = "delimited"
    FIXED_WIDTH = "fixed-width"
    RADIUS_DETAIL = "radius-detail"
    CHF_JSON = "chf-json"
    CANONICAL = "canonical"


class LocalTime(enum.StrEnum):
    """The treatment of a local time that happened twice or never, and carries no offset."""

    SUSPENSE = "suspense"
    EARLIER = "earlier"  # the earlier of the two candidate instants
    LATER = "later"


class ServedBy(enum.StrEnum):
    """The payer of a row, so far as the row says."""

    SRC = "src"  # the caller's number if it is one in E.164, else the account code, else the caller as the switch names it
    ACCOUNTCODE = "accountcode"  # the account code if there is one, else the caller


class Layout(msgspec.Struct, frozen=True):
    """Names of the columns of a row, in order. A name that the format does not know is read over."""

    columns: tuple[str, ...]


class Source(msgspec.Struct, frozen=True):
    """A checked source. Layouts of one width differ in optional columns and are distinguished row by row."""

    name: str
    format: Format
    layouts: tuple[Layout, ...]
    timezone: str = "UTC"
    local_time: LocalTime = LocalTime.SUSPENSE
    numbering: Numbering = Numbering()
    served: ServedBy = ServedBy.SRC
    key: tuple[str, ...] = ()  # columns that identify a record; none: the format's own choice
    charge_columns: tuple[str, ...] = ()  # columns in which copies of a record must agree, besides the usual ones
    header_lines: int = 0
    files: tuple[str, ...] = ()  # patterns of the names of its files, for collection
    services: Services = Services()
    sequence: Sequence = Sequence()
    legs: Legs = Legs()
    retention_us: int = 0  # how far back copies are known, and older records wait in suspense as too_old; 0: all of them
    future_tolerance_us: int = FUTURE_TOLERANCE_US  # how far a switch's clock may be ahead of ours
    dialect: Dialect = Dialect()
    positions: tuple[Position, ...] = ()  # of fixed width: a column each, in the order of the layout
    fields: dict[str, FieldRule] = {}  # of the general formats: a rule for each canonical field
    header: ControlTotals | None = None
    trailer: ControlTotals | None = None
    file_sequence: FileSequence | None = None
    marker: str = ""  # a file is finished when one of its name and this ending is there
    ends_without_line_break: bool = False  # of text in lines: the switch ends no file with one, so a last row without is whole
    start_on_confirmed: bool = False  # of Kamailio's cdrs: times of start are those of the answer (cdr_start_on_confirmed)

    @property
    def widths(self) -> tuple[int, ...]:
        """Numbers of columns that a row may have, ascending."""
        return tuple(sorted({len(layout.columns) for layout in self.layouts}))


LAYOUTS: Final = {Format(name): tuple(Layout(layout) for layout in found.layouts) for name, found in COLUMNS.items()}
BUILT_IN: Final = {
    name: Source(name=name, format=Format(name), layouts=LAYOUTS[Format(name)], header_lines=found.header_lines, services=found.services)
    for name, found in COLUMNS.items()
    if found.is_built_in
}
