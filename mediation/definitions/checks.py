"""Checks between the values of a source definition: one function a part, each adding its mistakes to the list.

Values that could not be read are missing here and have their mistake already, so no function relies on any of them.
"""

from __future__ import annotations

import re
import zoneinfo
from typing import TYPE_CHECKING, Any, Final

from mediation.definitions.field_checks import check_fields
from mediation.formats.registry import is_in_lines
from mediation.records.scan import WIDTH_MAX
from mediation.sources.format_columns import COLUMNS, Shape
from mediation.sources.model import BUILT_IN, Format
from mediation.sources.rules import Bills, ControlTotals, Dialect, Legs, Numbering, Partials, Plain, Sequence, Services
from rating.dates import DAY_US

if TYPE_CHECKING:
    from mediation.definitions.values import Problems
    from mediation.sources.model import Layout

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
_LINE_BYTES_MAX: Final = 1 << 16
_GENERAL: Final = (Format.DELIMITED, Format.FIXED_WIDTH)
_WHOLE_CALLS: Final = (Format.ASTERISK, Format.FREESWITCH, Format.FREESWITCH_JSON, Format.FREESWITCH_XML, Format.KAMAILIO_CDRS)
_TOTALS: Final = ("count", "duration", "bytes", "units", "sequence")
_HEADER_LINES_MAX: Final = 100
_DIGITS_MAX: Final = 15  # E.164
_FIRST_SEGMENT_MAX: Final = 1000


def check(values: dict[str, Any], layouts: tuple[Layout, ...], problems: Problems) -> None:
    """Add every mistake that shows in the values together."""
    _check_names(values, problems)
    _check_numbering(values.get("numbering", Numbering()), problems)
    _check_files(values, problems)
    _check_times(values, problems)
    if "format" in values:
        _check_dialect(values, problems)
        _check_columns(values, layouts, problems)
        _check_services(values, problems)
        if values["format"] in _GENERAL:
            check_fields(values, layouts, problems)
        else:
            _check_foreign(values, problems)


def _check_foreign(values: dict[str, Any], problems: Problems) -> None:
    """Add values that have no effect, for the format knows what its columns mean."""
    if values.get("fields"):
        problems.add("fields", f"{values['format']} has none", "leave it out: what its columns mean is known")
    if values.get("start_on_confirmed") and values["format"] is not Format.KAMAILIO_CDRS:
        problems.add("start_on_confirmed", f"{values['format']} has none", "leave it out")


def _check_names(values: dict[str, Any], problems: Problems) -> None:
    name = values.get("name", "x")
    if not _NAME.fullmatch(name):
        problems.add("name", f"{name!r} is not a name", "use up to 40 small letters, digits, dots, dashes and underscores")
    if name in BUILT_IN:
        problems.add("name", f"{name!r} is the name of a built-in source", "choose another one, such as the switch's name")
    zone = values.get("timezone", "UTC")
    if zone not in zoneinfo.available_timezones():
        problems.add("timezone", f"there is no time zone {zone!r}", "use an IANA name such as Asia/Shanghai")
    if not 0 <= values.get("header_lines", 0) <= _HEADER_LINES_MAX:
        problems.add("header_lines", "not between 0 and 100", "give the number of rows before the first record")


def _check_numbering(numbering: Numbering, problems: Problems) -> None:
    single = {name: (getattr(numbering, name),) for name in ("country_code", "international_prefix", "trunk_prefix", "area_code")}
    more = {name: getattr(numbering, name) for name in ("more_international_prefixes", "more_trunk_prefixes")}
    for name, texts in (single | more).items():
        for text in texts:
            if not re.fullmatch(r"[0-9]{0,6}", text):
                problems.add(f"numbering.{name}", f"{text!r} is not up to 6 digits", "give digits only, without +")
    for code in numbering.short_codes:
        if not re.fullmatch(rf"[0-9]{{1,{_DIGITS_MAX}}}", code):
            problems.add("numbering.short_codes", f"{code!r} is not up to 15 digits", "give the digits as they are dialled")
    needs_country = numbering.trunk_prefix or numbering.more_trunk_prefixes or numbering.area_code or numbering.plain is Plain.NATIONAL
    if not numbering.country_code and needs_country:
        problems.add("numbering.country_code", "missing", "trunk prefixes, area_code and plain: national need a country_code")
    if not 1 <= numbering.shortest <= _DIGITS_MAX:
        problems.add("numbering.shortest", f"{numbering.shortest} is not between 1 and 15", "give the fewest digits of a number, such as 7")


def _check_files(values: dict[str, Any], problems: Problems) -> None:
    """Names of files, and what their names and first and last lines say."""
    for pattern in values.get("files", ()):
        if not pattern or pattern.startswith("/") or pattern.endswith("/") or ".." in pattern.split("/"):
            remedy = "give names such as Master*.csv, or with folders below the watched one such as sw1/*.csv"
            problems.add("files", f"{pattern!r} is not a pattern of file names", remedy)
    if "/" in values.get("marker", ""):
        problems.add("marker", "not the ending of a name", "give an ending such as .done")
    for place in ("header", "trailer"):
        _check_totals(values.get(place), place, problems)
    sequence = values.get("file_sequence")
    if sequence is not None:
        pattern = _compiled(sequence.pattern, "file_sequence.pattern", problems)
        if pattern is not None and pattern.groups == 0:
            problems.add("file_sequence.pattern", "has no group", "put the digits of the number into parentheses: cdr_([0-9]+)")
        if sequence.modulus < 0 or not 0 <= sequence.first <= max(sequence.modulus, 1):
            problems.add("file_sequence.modulus", "does not fit", "give how many numbers there are before they begin again, such as 10000")


def _check_totals(totals: ControlTotals | None, place: str, problems: Problems) -> None:
    if totals is None:
        return
    if not totals.starts_with:
        problems.add(f"{place}.starts_with", "empty", "give the text that this line begins with and no record does")
    pattern = _compiled(totals.pattern, f"{place}.pattern", problems)
    if pattern is not None and (not pattern.groupindex or set(pattern.groupindex) - set(_TOTALS)):
        remedy = f"name each group after what it holds, such as (?P<count>[0-9]+); names are {', '.join(_TOTALS)}"
        problems.add(f"{place}.pattern", "has no named groups, or others than there are", remedy)


def _compiled(pattern: str, place: str, problems: Problems) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error as error:
        problems.add(place, f"no regular expression: {error}", "correct the pattern, and quote it with single quotes in YAML")
        return None


def _check_times(values: dict[str, Any], problems: Problems) -> None:
    if values.get("ends_without_line_break") and "format" in values and not is_in_lines(values["format"]):
        problems.add("ends_without_line_break", f"{values['format']} has no lines", "leave it out: each record says where it ends")
    if values.get("retention_us", DAY_US) < DAY_US:
        problems.add("retention", "shorter than a day", "give how far back a record may come again, such as 190d")


def _check_dialect(values: dict[str, Any], problems: Problems) -> None:
    if "dialect" not in values:
        return
    dialect: Dialect = values["dialect"]
    if not is_in_lines(values["format"]):
        problems.add("dialect", f"{values['format']} has none", "leave it out")
    _check_delimited_alone(dialect, values["format"], problems)
    for name in ("delimiter", "quote", "comment"):
        mark = getattr(dialect, name)
        is_mark = len(mark) <= 1 and mark.isascii() and mark not in {"\n", "\r", "\0"}
        if not is_mark or (name == "delimiter" and not mark):
            problems.add(f"dialect.{name}", f"{mark!r} is not one ASCII character", 'give one character, such as ";" or "\\t"')
    if dialect.delimiter == " ":
        problems.add("dialect.delimiter", "a blank parts no columns: blanks around a field are left out", "use format: fixed-width")
    if dialect.delimiter == dialect.quote:
        problems.add("dialect.quote", "the same as the delimiter", 'give the quotation mark, or "" if there is none')
    if dialect.decimal not in {".", ","}:
        problems.add("dialect.decimal", f"{dialect.decimal!r} is neither . nor ,", 'use "." or ","')


def _check_delimited_alone(dialect: Dialect, format_: Format, problems: Problems) -> None:
    """Add values that only delimited text of any layout may have."""
    if dialect.names_in_header and format_ is not Format.DELIMITED:
        remedy = "leave it out; name the columns in their order, `columns: [...]`, and leave the header out with `header_lines: 1`"
        problems.add("dialect.names_in_header", f"only delimited has it, {format_} has not", remedy)
    if dialect.nulls and format_ is not Format.DELIMITED:
        problems.add("dialect.nulls", f"only delimited has it, {format_} has not", "leave it out")
    if not all(text.isascii() and text for text in dialect.nulls):
        problems.add(
            "dialect.nulls", "an empty text, or one that is not ASCII", "give texts that mean an empty field, such as [\"NULL\", '\\N']"
        )


def _check_columns(values: dict[str, Any], layouts: tuple[Layout, ...], problems: Problems) -> None:
    """The columns there are, and those that other parts name."""
    place = next((name for name in ("template", "positions") if values.get(name)), "columns")
    if values["positions"] and values["format"] is not Format.FIXED_WIDTH:
        problems.add("positions", f"{values['format']} has none", "name the columns instead: columns: [...]")
    format_ = values["format"]
    if names_in_header(values):
        return  # what the columns are is known when a file is read
    if not layouts:
        what = "positions: {caller: [1, 15], ...}" if format_ is Format.FIXED_WIDTH else "columns: [...], every column in order"
        if COLUMNS[format_].shape is not Shape.ARROW:
            problems.add("columns", f"{format_} has no columns of its own", f"name them: {what}")
        return
    columns = layouts[0].columns
    if len(columns) > WIDTH_MAX:
        problems.add(place, f"{len(columns)} columns", f"at most {WIDTH_MAX} can be read")
    if format_ is Format.FIXED_WIDTH and any(position.last > _LINE_BYTES_MAX for position in values["positions"]):
        problems.add("positions", f"beyond byte {_LINE_BYTES_MAX}", "check the record's description")
    _check_needed(values, columns, place, problems)
    _check_named(values, layouts, problems)


def _check_needed(values: dict[str, Any], columns: tuple[str, ...], place: str, problems: Problems) -> None:
    found = COLUMNS[values["format"]]
    is_general = values["format"] in _GENERAL
    known = {name for group in found.needed for name in group} | {name for layout in found.layouts for name in layout}
    for name in sorted(set(columns) if is_general else known):
        if name and columns.count(name) > 1:
            problems.add(place, f"{name} is named {columns.count(name)} times", "name each column once")
    for group in found.needed:
        if not set(group) & set(columns):
            problems.add(place, f"no column {' or '.join(group)}", "name it in its place, with every other column in order")
    for name in found.key:
        if name not in columns and not values.get("key"):
            problems.add("key", f"there is no column {name}, and no key", "name the columns that identify a record: key: [...]")


def _check_named(values: dict[str, Any], layouts: tuple[Layout, ...], problems: Problems) -> None:
    """Columns that identify a record, decide its charge, number it or hold calls together have to be in every row."""
    everywhere = set.intersection(*(set(layout.columns) for layout in layouts))
    for place, name in named_columns(values):
        if name not in everywhere:
            problems.add(place, f"there is no column {name!r}", "use names of the columns")


def named_columns(values: dict[str, Any]) -> list[tuple[str, str]]:
    """Places of a definition that name a column, with the column."""
    sequence, legs = values.get("sequence", Sequence()), values.get("legs", Legs())
    types = values.get("numbering", Numbering()).type_columns
    lists = {
        "key": values.get("key", ()),
        "charge_columns": values.get("charge_columns", ()),
        "sequence.column": (sequence.column,),
        "sequence.per": sequence.per,
        "legs.group_by": legs.group_by,
        "legs.forwarder": (legs.forwarder,),
        **{f"numbering.type_columns.{party}": (getattr(types, party),) for party in ("served", "other", "third")},
    }
    return [(place, name) for place, names in lists.items() for name in names if name]


def names_in_header(values: dict[str, Any]) -> bool:
    """Return whether each file names its own columns."""
    of_format = COLUMNS[values["format"]]
    if of_format.shape is Shape.BY_NAME and not of_format.layouts:
        return True
    return bool(values.get("dialect", Dialect()).names_in_header) and not values.get("columns")


def _check_services(values: dict[str, Any], problems: Problems) -> None:
    legs: Legs = values.get("legs", Legs())
    if legs.forwarder_pays and not legs.forwarder:
        problems.add("legs.forwarder", "missing", "name the column of the party who forwarded the call")
    needs_group = values["format"] in _GENERAL and legs.bills not in {Bills.NATIVE, Bills.EACH}
    if needs_group and not legs.group_by and "call_ref" not in values.get("fields", {}):
        problems.add("legs.group_by", "missing", "name the columns that the legs of one call share")
    if legs.group_by and "call_ref" in values.get("fields", {}):
        message = "fields.call_ref says already what belongs together"
        problems.add("legs.group_by", message, "leave one out; fields.call_ref may be of several columns: {column: a, more_columns: [b]}")
    sequence: Sequence = values.get("sequence", Sequence())
    if sequence.per and not sequence.column:
        problems.add("sequence.column", "missing", "name the column that counts the records")
    services: Services = values.get("services", Services())
    for name in Services.__struct_fields__:
        rules = getattr(services, name)
        if not 0 <= rules.first_segment <= _FIRST_SEGMENT_MAX:
            problems.add(f"services.{name}.first_segment", f"{rules.first_segment} is not a first number", "give 0 or 1")
        if rules.partials is not Partials.NONE and values["format"] in _WHOLE_CALLS:
            problems.add(f"services.{name}.partials", f"records of {values['format']} are never parts", "leave it out")
        if values["format"] is Format.CHF_JSON and (rules.partials is Partials.JOIN or rules.cumulative):
            message = "used unit containers are never joined: the network cuts them where a tariff changes"
            problems.add(f"services.{name}", message, "leave it out")
