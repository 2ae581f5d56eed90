"""Reads a source definition from YAML, and says all that is wrong with it at once.

`columns` is the list of column names; `template` is the switch's own line of configuration instead. Neither: the format's built-in
columns.
"""

from __future__ import annotations

import re
import zoneinfo
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mediation.scan import WIDTH_MAX
from mediation.sources import BUILT_IN, LAYOUTS, Format, Layout, LocalTime, Numbering, Plain, ServedBy, Source
from rating.errors import Problem, ProblemsError, UserError

if TYPE_CHECKING:
    from pathlib import Path

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
_ASTERISK_VARIABLE: Final = re.compile(r"CDR\(\s*(\w+)")
_FREESWITCH_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")
_DURATIONS: Final = {
    Format.ASTERISK: ("billsec", "end"),
    Format.FREESWITCH: ("billusec", "billmsec", "billsec", "end_uepoch", "end_epoch", "end_stamp"),
}
_NEEDED: Final = {  # one of each group must be among the columns
    Format.ASTERISK: (("dst",), ("src", "accountcode"), ("start",), ("answer",), ("disposition",)),
    Format.FREESWITCH: (
        ("destination_number",),
        ("caller_id_number", "ani", "accountcode"),
        ("answer_uepoch", "answer_epoch", "answer_stamp"),
        ("start_uepoch", "start_epoch", "start_stamp", "end_uepoch", "end_epoch", "end_stamp"),
    ),
}


class Definition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source as its file says it."""

    name: str
    format: Format
    columns: tuple[str, ...] = ()
    template: str = ""
    timezone: str = "UTC"
    local_time: LocalTime = LocalTime.SUSPENSE
    numbering: Numbering = Numbering()
    served: ServedBy = ServedBy.SRC
    key: tuple[str, ...] = ()
    charge_columns: tuple[str, ...] = ()
    header_lines: int = 0


class _Problems:
    """Collects the mistakes of one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Problem] = []

    def add(self, path: str, message: str, remedy: str) -> None:
        self.found.append(Problem(self.file, path, message, remedy))


def read_source(path: Path) -> Source:
    """The source that the YAML file `path` defines."""
    problems = _Problems(str(path))
    document = _document(path, problems)
    values = _values(document, Definition, "", problems)
    if "numbering" in document and isinstance(document["numbering"], dict):
        numbering = Numbering(**_values(document["numbering"], Numbering, "numbering.", problems))
        values["numbering"] = numbering
        _check_numbering(numbering, problems)
    layouts = _layouts(values, problems)
    _check_names(values, problems)
    if "format" in values and layouts:
        _check_columns(values, layouts, problems)
    if problems.found:
        raise ProblemsError(problems.found)
    taken = {name: value for name, value in values.items() if name not in {"columns", "template"}}
    return Source(layouts=layouts, **taken)


def _document(path: Path, problems: _Problems) -> dict[str, Any]:
    try:
        document = msgspec.yaml.decode(path.read_bytes())
    except FileNotFoundError as error:
        names = ", ".join(sorted(BUILT_IN))
        raise UserError(f"there is no source definition {path}", f"check the path, or name a built-in source: {names}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", "name a YAML file that can be read") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problems.add("file", f"not YAML: {' '.join(str(error).split())}", "see examples/sources for the form")
        raise ProblemsError(problems.found) from error
    if not isinstance(document, dict):
        problems.add("file", "not a mapping of names to values", "see examples/sources for the form")
        raise ProblemsError(problems.found)
    return document


def _values(document: dict[str, Any], kind: type[msgspec.Struct], place: str, problems: _Problems) -> dict[str, Any]:
    """The values of a mapping that are what `kind` wants; a problem for each that is not."""
    known = {field.name: field for field in msgspec.structs.fields(kind)}
    values = {}
    for name in document:
        if name not in known:
            problems.add(f"{place}{name}", "unknown field", f"use {', '.join(known)}")
    for name, field in known.items():
        if name not in document:
            if field.required:
                problems.add(f"{place}{name}", "missing", f"give a {name}")
        elif field.type is not Numbering or not isinstance(document[name], dict):  # a mapping of numbering is taken field by field
            try:
                values[name] = msgspec.convert(document[name], field.type)
            except msgspec.ValidationError as error:
                problems.add(f"{place}{name}", str(error), _remedy(name))
    return values


def _remedy(name: str) -> str:
    choices = {"format": Format, "local_time": LocalTime, "served": ServedBy, "plain": Plain}
    if name in choices:
        return f"use {' or '.join(choice.value for choice in choices[name])}"
    return "put numbers that are text, such as a prefix, into quotes" if name.endswith(("prefix", "code")) else "see docs/sources.md"


def _check_numbering(numbering: Numbering, problems: _Problems) -> None:
    for name in ("country_code", "international_prefix", "trunk_prefix"):
        value = getattr(numbering, name)
        if not re.fullmatch(r"[0-9]{0,6}", value):
            problems.add(f"numbering.{name}", f"{value!r} is not up to 6 digits", "give digits only, without +")
    if not numbering.country_code and (numbering.trunk_prefix or numbering.plain is Plain.NATIONAL):
        problems.add("numbering.country_code", "missing", "trunk_prefix and plain: national need a country_code")
    if not 1 <= numbering.shortest <= 15:  # noqa: PLR2004 - E.164
        problems.add("numbering.shortest", f"{numbering.shortest} is not between 1 and 15", "give the fewest digits of a number, such as 7")


def _check_names(values: dict[str, Any], problems: _Problems) -> None:
    name = values.get("name", "x")
    if not _NAME.fullmatch(name):
        problems.add("name", f"{name!r} is no name", "use up to 40 small letters, digits, dots, dashes and underscores")
    if name in BUILT_IN:
        problems.add("name", f"{name!r} is the name of a built-in source", "choose another one, such as the switch's name")
    zone = values.get("timezone", "UTC")
    if zone not in zoneinfo.available_timezones():
        problems.add("timezone", f"there is no time zone {zone!r}", "use an IANA name such as Asia/Shanghai")
    if not 0 <= values.get("header_lines", 0) <= 100:  # noqa: PLR2004 - more is no header
        problems.add("header_lines", "not between 0 and 100", "give the number of rows before the first record")


def _layouts(values: dict[str, Any], problems: _Problems) -> tuple[Layout, ...]:
    if "format" not in values:
        return ()
    if values.get("columns") and values.get("template"):
        problems.add("template", "given besides columns", "give one of the two")
    if values.get("columns"):
        return (Layout(values["columns"]),)
    if values.get("template"):
        return (Layout(template_columns(values["template"], values["format"])),)
    return LAYOUTS[values["format"]]


def template_columns(template: str, format_: Format) -> tuple[str, ...]:
    """Column names of a template: FreeSWITCH's cdr_csv.conf.xml, or a line of Asterisk's cdr_custom.conf. Fixed text has the name ''."""
    text = template.partition("=>")[2] if format_ is Format.ASTERISK and "=>" in template else template
    variable = _ASTERISK_VARIABLE if format_ is Format.ASTERISK else _FREESWITCH_VARIABLE
    found = [variable.findall(column) for column in _split(text.strip())]
    return tuple(names[0] if len(names) == 1 else "" for names in found)


def _split(template: str) -> list[str]:
    """The parts between commas that stand outside parentheses and braces."""
    parts, depth = [""], 0
    for mark in template:
        depth += (mark in "({") - (mark in ")}")
        if mark == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += mark
    return parts


def _check_columns(values: dict[str, Any], layouts: tuple[Layout, ...], problems: _Problems) -> None:
    place = "template" if values.get("template") else "columns"
    columns = layouts[0].columns
    format_ = values["format"]
    if len(columns) > WIDTH_MAX:
        problems.add(place, f"{len(columns)} columns", f"at most {WIDTH_MAX} can be read")
    groups = (*_NEEDED[format_], _DURATIONS[format_])
    known = {name for group in groups for name in group} | {name for layout in LAYOUTS[format_] for name in layout.columns}
    for name in sorted(known):
        if columns.count(name) > 1:
            problems.add(place, f"{name} stands there {columns.count(name)} times", "name each column once")
    for group in groups:
        if not set(group) & set(columns):
            problems.add(place, f"no column {' or '.join(group)}", "name it where it stands, and every other column in order")
    if format_ is Format.FREESWITCH and "uuid" not in columns and not values.get("key"):
        problems.add("key", "there is no column uuid, and no key", "name the columns that identify a record: key: [...]")
    everywhere = set.intersection(*(set(layout.columns) for layout in layouts))
    for field in ("key", "charge_columns"):
        for name in values.get(field, ()):
            if name not in everywhere:
                problems.add(field, f"there is no column {name!r}", "use names of the columns")
