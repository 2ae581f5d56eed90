"""The parts of a source: how its numbers are read, how its fields lie, what it counts, and how its calls hang together.

Every part has defaults under which nothing special happens, so that a definition says only what is particular about its switch.
Times are microseconds; in a definition's YAML they are text such as `36h` or `10m`. Positions of fixed width count from 1.
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec

from rating.dates import HOUR_US


class Plain(enum.StrEnum):
    """The reading of a number without +, international or trunk prefix whose type is not given."""

    INTERNATIONAL = "international"
    NATIONAL = "national"


class NumberType(enum.StrEnum):
    """The type of a number's digits as a switch gives it (type of number, nature of address)."""

    AS_WRITTEN = "as_written"  # unknown: the prefixes tell
    INTERNATIONAL = "international"  # with the country code
    NATIONAL = "national"  # without country code; a trunk prefix is taken off if it is there
    SUBSCRIBER = "subscriber"  # without area code
    NO_NUMBER = "no_number"  # a name, an abbreviation, a short code: kept as text


NUMBER_TYPES: Final = {  # ITU-T Q.763 / 3GPP TS 24.008: by value, by octet (hexadecimal and decimal), by word
    **dict.fromkeys(("0", "80", "81", "128", "129", "UNKNOWN"), NumberType.AS_WRITTEN),
    **dict.fromkeys(("1", "90", "91", "144", "145", "INTERNATIONAL"), NumberType.INTERNATIONAL),
    **dict.fromkeys(("2", "A0", "A1", "160", "161", "NATIONAL"), NumberType.NATIONAL),
    **dict.fromkeys(("4", "C0", "C1", "192", "193", "SUBSCRIBER"), NumberType.SUBSCRIBER),
    **dict.fromkeys(("3", "5", "6", "B0", "B1", "D0", "D1", "E0", "E1", "NETWORK", "ALPHANUMERIC", "ABBREVIATED"), NumberType.NO_NUMBER),
}


class TypeColumns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Columns with the type of each party's number."""

    served: str = ""
    other: str = ""
    third: str = ""


class Numbering(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rules by which numbers as dialled become E.164: digits only, without +."""

    country_code: str = ""
    international_prefix: str = "00"
    trunk_prefix: str = ""  # replaced by the country code; needs one
    plain: Plain = Plain.INTERNATIONAL
    shortest: int = 7  # fewer digits are an extension or short code, not E.164
    more_international_prefixes: tuple[str, ...] = ()  # further ones, such as 810 beside 00; the longest that fits is taken
    more_trunk_prefixes: tuple[str, ...] = ()
    area_code: str = ""  # put before subscriber numbers, after the country code
    short_codes: tuple[str, ...] = ()  # dialled digits that are never lengthened to a number
    type_columns: TypeColumns = TypeColumns()
    types: dict[str, NumberType] = {}  # what the switch's values mean, before NUMBER_TYPES


class Partials(enum.StrEnum):
    """The treatment of the records that one call or session is cut into."""

    NONE = "none"  # every record is complete
    JOIN = "join"  # put together, then rated once
    EACH = "each"  # each segment is rated at its own start


class Messages(enum.StrEnum):
    """The unit of a text message in several parts."""

    SEGMENT = "segment"
    MESSAGE = "message"


class ServiceRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rules by which the records of one service hang together."""

    partials: Partials = Partials.NONE
    timeout_us: int = 36 * HOUR_US  # YAML `timeout`: how long to wait for what is missing
    cumulative: bool = False  # quantities are running totals of the session
    first_segment: int = 0  # the number of a call's first segment
    messages: Messages = Messages.SEGMENT


class Services(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rules by service."""

    voice: ServiceRules = ServiceRules()
    sms: ServiceRules = ServiceRules()
    mms: ServiceRules = ServiceRules()
    data: ServiceRules = ServiceRules()
    content: ServiceRules = ServiceRules()


class Sequence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source that numbers its records: `column` counts up, a stream for each content of the columns `per`."""

    column: str = ""
    per: tuple[str, ...] = ()


class Bills(enum.StrEnum):
    """The answered leg of one call that bills; the others are absorbed."""

    NATIVE = "native"  # the format's own rules
    EACH = "each"  # every leg bills
    CALLER = "caller"  # the leg on which the served party calls (direction); of several, and without a direction, the first
    FIRST = "first"  # answered first
    LAST = "last"  # answered last
    LONGEST = "longest"


class Legs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rules for the records of one call, and the payer of a forwarded one."""

    group_by: tuple[str, ...] = ()  # columns that the legs of one call share; none: the format's own choice
    bills: Bills = Bills.NATIVE
    overlapping: bool = False  # only legs that overlap in time compete; legs one after the other each bill
    forwarder: str = ""  # column of the party who forwarded the call, if it was; empty text: it was not
    forwarder_pays: bool = False  # that party pays for the forwarded leg, else the caller does


class Dialect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The marks of delimited text. Marks are single ASCII characters, or empty for none."""

    delimiter: str = ","
    quote: str = '"'
    comment: str = ""  # a line that begins with it is no record
    decimal: str = "."
    names_in_header: bool = False  # the last header line names the columns of the file
    nulls: tuple[str, ...] = ()  # texts of fields that are empty, in any case, such as NULL


class Position(msgspec.Struct, frozen=True):
    """A column of fixed width: first and last byte of the line, counted from 1, both included."""

    column: str
    first: int
    last: int


class Unit(enum.StrEnum):
    """Unit of a written quantity."""

    COUNT = "1"
    MICROSECOND = "us"
    MILLISECOND = "ms"
    TENTH = "100ms"
    SECOND = "s"
    MINUTE = "min"
    CLOCK = "h:m:s"  # hours, minutes and seconds; or minutes and seconds
    CLOCK_DIGITS = "hhmmss"
    BYTE = "B"
    KILOBYTE = "kB"  # 1,000 bytes
    KIBIBYTE = "KiB"  # 1,024 bytes
    MEGABYTE = "MB"
    MEBIBYTE = "MiB"
    EPOCH_SECOND = "epoch_s"  # of times: since 1970
    EPOCH_MILLISECOND = "epoch_ms"
    EPOCH_MICROSECOND = "epoch_us"


class FieldRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The columns of a record that give a canonical field, and how they are written."""

    column: str = ""
    more_columns: tuple[str, ...] = ()  # added to it: texts end to end with a blank between (date and time), amounts as a sum
    value: str = ""  # the same for all records, instead of a column
    unit: Unit | None = None  # of times and quantities; none: written time, seconds, bytes or a count
    format: str = ""  # of written times: strptime's %Y %y %m %d %b %H %I %M %S %f %p %z, others as they stand
    words: dict[str, str] = {}  # what a record's words mean: of `answered` yes or no, of `service` its name
    offset_column: str = ""  # of times: a column with the offset from UTC, such as +0800


CANONICAL_FIELDS: Final = (
    "record_id",
    "service",
    "direction",
    "served",
    "account",
    "other",
    "other_text",
    "third",
    "routing_number",
    "start",
    "answer",
    "end",
    "duration",
    "answered",
    "bytes_up",
    "bytes_down",
    "units",
    "cause",
    "trunk_in",
    "trunk_out",
    "call_ref",
    "segment",  # number of the segment of its call, counted from `first_segment`
    "segment_total",  # of how many (SMS)
    "first",  # yes or no: opens its call
    "last",  # yes or no: closes its call
    "rating_group",
    "serving_plmn",
    "location",
    "amount",  # what the source charged, in units of its currency
    "currency",
)


class ControlTotals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A header or trailer line. Named groups of the pattern, each optional: count, duration, bytes, units, sequence."""

    starts_with: str  # how the line begins; no record begins so
    pattern: str  # regular expression over the whole line
    duration_unit: Unit = Unit.SECOND


class FileSequence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The number in a file's name: the first group of `pattern`, or its groups `number` and `stream`."""

    pattern: str
    modulus: int = 0  # the number after modulus - 1 is 0 (`first`: another one); 0: it does not wrap
    first: int = 0
