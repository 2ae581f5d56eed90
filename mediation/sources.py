"""What a usage file looks like: the built-in sources `asterisk` and `freeswitch`, and definitions given as YAML files.

A source says which columns a row has (by its width), in which zone its local times are, how its numbers become E.164, who pays, and
what identifies a record. Its name is part of every event key: the same file read under another source name holds other events.
Refuses unknown fields and every other mistake of a definition at once, each with its remedy.
"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Final

import msgspec

from rating.errors import UserError


class Format(enum.StrEnum):
    """Which switch wrote the file, and so what its columns mean."""

    ASTERISK = "asterisk"
    FREESWITCH = "freeswitch"


class LocalTime(enum.StrEnum):
    """What to do with a local time that happened twice or never, and carries no offset."""

    SUSPENSE = "suspense"
    EARLIER = "earlier"  # the earlier of the two candidate instants
    LATER = "later"


class ServedBy(enum.StrEnum):
    """Who pays for a row, so far as the row tells."""

    SRC = "src"  # the caller's number if it is one in E.164, else the account code, else the caller as the switch names it
    ACCOUNTCODE = "accountcode"  # the account code if there is one, else the caller


class Plain(enum.StrEnum):
    """How to read a number that has neither +, nor the international nor the trunk prefix."""

    INTERNATIONAL = "international"
    NATIONAL = "national"


class Numbering(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How numbers as dialled become E.164: digits only, without +."""

    country_code: str = ""
    international_prefix: str = "00"
    trunk_prefix: str = ""  # replaced by the country code; needs one
    plain: Plain = Plain.INTERNATIONAL
    shortest: int = 7  # fewer digits are an extension or short code, not E.164


class Layout(msgspec.Struct, frozen=True):
    """Names of the columns of a row, in order. A name that the format does not know is read over."""

    columns: tuple[str, ...]


class Source(msgspec.Struct, frozen=True):
    """A checked source. Layouts of one width differ in optional columns and are told apart row by row."""

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

    @property
    def widths(self) -> tuple[int, ...]:
        """Numbers of columns that a row may have, ascending."""
        return tuple(sorted({len(layout.columns) for layout in self.layouts}))


_ASTERISK_BASE: Final = (
    "accountcode",
    "src",
    "dst",
    "dcontext",
    "clid",
    "channel",
    "dstchannel",
    "lastapp",
    "lastdata",
    "start",
    "answer",
    "end",
    "duration",
    "billsec",
    "disposition",
    "amaflags",
)
_ASTERISK_NEW: Final = ("peeraccount", "linkedid", "sequence")
_ASTERISK_OPTIONAL: Final = ((), ("uniqueid",), ("userfield",), ("uniqueid", "userfield"))
_FREESWITCH_EXAMPLE: Final = (
    "caller_id_name",
    "caller_id_number",
    "destination_number",
    "context",
    "start_stamp",
    "answer_stamp",
    "end_stamp",
    "duration",
    "billsec",
    "hangup_cause",
    "uuid",
    "bleg_uuid",
    "accountcode",
    "read_codec",
    "write_codec",
)

LAYOUTS: Final = {
    Format.ASTERISK: tuple(Layout((*_ASTERISK_BASE, *optional, *new)) for new in ((), _ASTERISK_NEW) for optional in _ASTERISK_OPTIONAL),
    Format.FREESWITCH: (Layout(_FREESWITCH_EXAMPLE),),
}
BUILT_IN: Final = {format_.value: Source(name=format_.value, format=format_, layouts=layouts) for format_, layouts in LAYOUTS.items()}


def find(name_or_path: str) -> Source:
    """The built-in source of that name, or the one defined in a YAML file."""
    if name_or_path in BUILT_IN:
        return BUILT_IN[name_or_path]
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"} or path.exists():
        from mediation.source_file import read_source  # noqa: PLC0415 - YAML is for those who give a file

        return read_source(path)
    names = ", ".join(sorted(BUILT_IN))
    raise UserError(
        f"there is no source {name_or_path!r}; built in are {names}",
        "name one of these, or the path of a YAML file that defines the source's columns, see docs/sources.md",
        exit_status=2,
    )
