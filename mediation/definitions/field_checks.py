"""Checks of the `fields` of the general formats, delimited text and fixed width: where each canonical field comes from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from mediation.sources.rules import CANONICAL_FIELDS, Dialect, FieldRule, Sequence, Unit

if TYPE_CHECKING:
    from mediation.definitions.values import Problems
    from mediation.sources.model import Layout

TIME_FIELDS: Final = ("start", "answer", "end")
AMOUNT_UNITS: Final = {
    "duration": (Unit.MICROSECOND, Unit.MILLISECOND, Unit.TENTH, Unit.SECOND, Unit.MINUTE, Unit.CLOCK, Unit.CLOCK_DIGITS),
    **dict.fromkeys(("bytes_up", "bytes_down"), (Unit.BYTE, Unit.KILOBYTE, Unit.KIBIBYTE, Unit.MEGABYTE, Unit.MEBIBYTE)),
    **dict.fromkeys(("units", "segment", "segment_total", "rating_group", "serving_plmn", "cause"), (Unit.COUNT,)),
}
TIME_UNITS: Final = (Unit.EPOCH_SECOND, Unit.EPOCH_MILLISECOND, Unit.EPOCH_MICROSECOND)
SERVICE_WORDS: Final = ("voice", "sms", "mms", "data", "content")
DIRECTION_WORDS: Final = ("originating", "terminating")
TRUTH_WORDS: Final = ("yes", "no")
_WORDS: Final = {
    "service": SERVICE_WORDS,
    "direction": DIRECTION_WORDS,
    "answered": TRUTH_WORDS,
    "first": TRUTH_WORDS,
    "last": TRUTH_WORDS,
}
_NEEDED: Final = (("served", "account"), ("start", "answer", "end"))
_QUANTITIES: Final = ("duration", "end", "bytes_up", "bytes_down", "units")
_DIRECTIVES: Final = re.compile(r"%(.?)")
_KNOWN_DIRECTIVES: Final = frozenset("YymdbHIMSfpz%")


def check_fields(values: dict[str, Any], layouts: tuple[Layout, ...], problems: Problems) -> None:
    """Add every mistake of `fields`."""
    fields: dict[str, FieldRule] = values.get("fields", {})
    for name, rule in fields.items():
        if name not in CANONICAL_FIELDS:
            problems.add(f"fields.{name}", "unknown field", f"use {', '.join(CANONICAL_FIELDS)}")
        else:
            _check_rule(name, rule, problems)
    if not values.get("dialect", Dialect()).names_in_header:  # else what else there is depends on the file
        _check_given(fields, values, layouts, problems)


def _check_given(fields: dict[str, FieldRule], values: dict[str, Any], layouts: tuple[Layout, ...], problems: Problems) -> None:
    """The fields that a record needs, and the columns that rules name."""
    columns = {column for layout in layouts for column in layout.columns}
    given = set(fields) | columns  # a column may be called as the field is
    for group in (*_NEEDED, *(() if "service" in given else (_QUANTITIES,))):  # a message is one unit where nothing is said
        if not set(group) & given:
            problems.add("fields", f"none of {', '.join(group)} is given", "say which column holds it")
    has_number = bool(values.get("sequence", Sequence()).column)
    if "record_id" not in given and not values.get("key") and not has_number:
        problems.add("key", "there is no field record_id, no key and no sequence", "name the columns that identify a record: key: [...]")
    for name, rule in fields.items():
        for column in (rule.column, *rule.more_columns, rule.offset_column):
            if column and layouts and column not in columns:
                problems.add(f"fields.{name}", f"there is no column {column!r}", "use names of the columns")


def _check_rule(name: str, rule: FieldRule, problems: Problems) -> None:
    place = f"fields.{name}"
    if bool(rule.column) == bool(rule.value):
        problems.add(place, "neither column nor value, or both", "say which column holds it, or the value that all records share")
    units = TIME_UNITS if name in TIME_FIELDS else AMOUNT_UNITS.get(name, ())
    if rule.unit is not None and rule.unit not in units:
        remedy = f"use {' or '.join(units)}" if units else "leave it out"
        problems.add(f"{place}.unit", f"{rule.unit.value} is not a unit of {name}", remedy)
    if rule.format and name not in TIME_FIELDS:
        problems.add(f"{place}.format", f"{name} is not a time", "leave it out")
    unknown = set(_DIRECTIVES.findall(rule.format)) - _KNOWN_DIRECTIVES
    if unknown:
        known = " ".join(f"%{letter}" for letter in sorted(_KNOWN_DIRECTIVES))
        problems.add(f"{place}.format", f"unknown directive %{min(unknown)}", f"use {known}")
    allowed = _WORDS.get(name, ())
    if rule.words and not allowed:
        problems.add(f"{place}.words", f"{name} has no words", "leave it out")
    if rule.value and allowed and rule.value not in allowed:
        problems.add(f"{place}.value", f"{rule.value!r} is none of {', '.join(allowed)}", f"use {' or '.join(allowed)}")
    if rule.value and name in AMOUNT_UNITS and not re.fullmatch(r"[0-9]{1,15}", rule.value):
        problems.add(f"{place}.value", f"{rule.value!r} is not a whole number", "give digits")
    for word in rule.words.values():
        if allowed and word not in allowed:
            problems.add(f"{place}.words", f"{word!r} is none of {', '.join(allowed)}", f"use {' or '.join(allowed)}")
