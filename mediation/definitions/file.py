"""Reads a source definition from YAML, and says all that is wrong with it at once.

`columns` is the list of column names; `template` is the switch's own line of configuration instead; `positions` those of fixed width.
None of them: the format's built-in columns. Where records name their fields, `columns` are further names to be read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mediation.definitions import checks
from mediation.definitions.values import Problems, document, known_fields, values
from mediation.sources.format_columns import COLUMNS, Shape
from mediation.sources.model import LAYOUTS, Format, Layout, Position, ServiceRules, Services, Source
from rating.errors import ProblemsError

if TYPE_CHECKING:
    from pathlib import Path

_ASTERISK_VARIABLE: Final = re.compile(r"CDR\(\s*(\w+)")
_FREESWITCH_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")
_WITH_TEMPLATE: Final = (Format.ASTERISK, Format.FREESWITCH)
_POSITION_PARTS: Final = 2


class _Columns(msgspec.Struct, frozen=True):
    """Columns of a definition, besides `positions`."""

    columns: tuple[str, ...] = ()
    template: str = ""


def read_source(path: Path) -> Source:
    """The source that the YAML file `path` defines."""
    problems = Problems(str(path))
    found = document(path, problems)
    known = known_fields(Source) | known_fields(_Columns)
    del known["layouts"]  # made of the columns
    positions = _positions(found.pop("positions", None), problems)
    taken = values(found, known, problems) | {"positions": positions}
    layouts = _layouts(taken, problems)
    checks.check(taken, layouts, problems)
    if problems.found:
        raise ProblemsError(problems.found)
    format_ = COLUMNS[taken["format"]]
    taken["services"] = _services(format_.services, taken.get("services"), found.get("services"))
    return Source(layouts=layouts, **{"header_lines": format_.header_lines, **_of_source(taken)})


def template_columns(template: str, format_: Format) -> tuple[str, ...]:
    """Column names of a template: FreeSWITCH's cdr_csv.conf.xml, or a line of Asterisk's cdr_custom.conf. Fixed text has the name ''."""
    text = template.partition("=>")[2] if format_ is Format.ASTERISK and "=>" in template else template
    variable = _ASTERISK_VARIABLE if format_ is Format.ASTERISK else _FREESWITCH_VARIABLE
    found = [variable.findall(column) for column in _split(text.strip())]
    return tuple(names[0] if len(names) == 1 else "" for names in found)


def _services(defaults: Services, given: Services | None, found: Any) -> Services:  # noqa: ANN401 - from YAML
    """The format's rules, with what the definition says otherwise, word by word."""
    if given is None:
        return defaults
    made = {}
    for name, said in found.items():
        own, rules = getattr(defaults, name), getattr(given, name)
        fields = [field for yaml_name, field in known_fields(ServiceRules).items() if yaml_name in said]
        made[name] = msgspec.structs.replace(own, **{field.name: getattr(rules, field.name) for field in fields})
    return msgspec.structs.replace(defaults, **made)


def _of_source(taken: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in taken.items() if name not in {"columns", "template"}}


def _positions(found: Any, problems: Problems) -> tuple[Position, ...]:  # noqa: ANN401 - from YAML
    """Columns of fixed width: a mapping of names to first and last byte."""
    if found is None:
        return ()
    if not isinstance(found, dict):
        problems.add("positions", "not a mapping", "give each column its first and last byte: caller: [1, 15]")
        return ()
    made = []
    for name, limits in found.items():
        is_pair = isinstance(limits, list) and len(limits) == _POSITION_PARTS and all(type(limit) is int for limit in limits)
        if not is_pair or not 1 <= limits[0] <= limits[1]:
            remedy = "give the first and last byte of the line, counted from 1: [1, 15]"
            problems.add(f"positions.{name}", f"{limits!r} is not two positions in order", remedy)
        else:
            made.append(Position(str(name), *limits))
    return tuple(made)


def _layouts(taken: dict[str, Any], problems: Problems) -> tuple[Layout, ...]:
    """The columns of the definition, else those of its format."""
    format_ = taken.get("format")
    if format_ is None:
        return ()
    if taken.get("columns") and taken.get("template"):
        problems.add("template", "given besides columns", "give one of the two")
    if taken.get("template") and format_ not in _WITH_TEMPLATE:
        problems.add("template", f"{format_} has none", "name the columns instead: columns: [...]")
    if taken["positions"]:
        return (Layout(tuple(position.column for position in taken["positions"])),)
    if COLUMNS[format_].shape is Shape.BY_NAME:
        known = COLUMNS[format_].layouts[0] if COLUMNS[format_].layouts else ()
        return (Layout(tuple(dict.fromkeys((*known, *taken.get("columns", ()))))),)
    if taken.get("columns"):
        return (Layout(taken["columns"]),)
    if taken.get("template"):
        return (Layout(template_columns(taken["template"], format_)),)
    return LAYOUTS[format_]


def _split(template: str) -> list[str]:
    """The parts between commas outside parentheses and braces."""
    parts, depth = [""], 0
    for mark in template:
        depth += (mark in "({") - (mark in ")}")
        if mark == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += mark
    return parts
