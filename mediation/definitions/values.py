"""The values of a source definition, taken from YAML one by one, so that all mistakes of a file are reported at once.

Lengths of time are text in YAML (`36h`, `10m`, `190d`) and microseconds here.
"""

from __future__ import annotations

import re
import types
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

import msgspec

from rating import definition_file, field_values
from rating.dates import DAY_US, HOUR_US, SECOND_US
from rating.errors import Problem, ProblemsError, UserError

if TYPE_CHECKING:
    from pathlib import Path

_LENGTH: Final = re.compile(r"([1-9][0-9]{0,4}) ?(s|m|h|d)")
_UNITS_US: Final = {"s": SECOND_US, "m": 60 * SECOND_US, "h": HOUR_US, "d": DAY_US}
_US: Final = "_us"
_TEXT_MAPPINGS: Final = ("words", "types")  # whose keys and values YAML may take for numbers or truth values
_SEE: Final = "see docs/sources.md"


class Problems:
    """Collects the mistakes of one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Problem] = []

    def add(self, path: str, message: str, remedy: str) -> None:
        """A mistake at `path`, such as `numbering.country_code`."""
        self.found.append(Problem(self.file, path, message, remedy))


def document(path: Path, problems: Problems) -> dict[str, Any]:
    """The mapping that a YAML file holds."""
    try:
        found = definition_file.decode(definition_file.read(path))
    except FileNotFoundError as error:
        remedy = "check the path, or name a built-in source: ratewright source list shows them"
        raise UserError(f"there is no source definition {path}", remedy) from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", "name a YAML file that can be read") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problems.add("file", f"not YAML: {' '.join(str(error).split())}", "see examples/sources for the form")
        raise ProblemsError(problems.found) from error
    except RecursionError as error:
        problems.add("file", "nested too deeply", "see examples/sources for the form")
        raise ProblemsError(problems.found) from error
    if not isinstance(found, dict):
        problems.add("file", "not a mapping of names to values", "see examples/sources for the form")
        raise ProblemsError(problems.found)
    return found


def known_fields(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The fields of a struct by their names in YAML."""
    return {field.name.removesuffix(_US): field for field in msgspec.structs.fields(kind)}


def values(found: dict[str, Any], known: dict[str, Any], problems: Problems, place: str = "") -> dict[str, Any]:
    """The values of a mapping that are what the `known` fields want; a problem for each that is not."""
    taken: dict[str, Any] = {}
    for name in found:
        if name not in known:
            problems.add(f"{place}{name}", "unknown field", f"use {', '.join(known)}")
    for name, field in known.items():
        if name in found:
            _take(taken, field, found[name], problems, f"{place}{name}")
        elif field.required:
            problems.add(f"{place}{name}", "missing", f"give a {name}")
    return taken


def structs(found: dict[Any, Any], kind: type[msgspec.Struct], problems: Problems, place: str) -> dict[str, Any]:
    """A mapping of names to mappings of `kind`. A text stands for a mapping with that `column`."""
    made: dict[str, Any] = {}
    for name, value in found.items():
        inner = {"column": value} if isinstance(value, str) else value
        if isinstance(inner, dict):
            value_of = _struct(kind, inner, problems, f"{place}.{name}")
            made |= {} if value_of is None else {str(name): value_of}
        else:
            problems.add(f"{place}.{name}", "neither the name of a column nor a mapping", _SEE)
    return made


def text(value: Any) -> Any:  # noqa: ANN401 - whatever YAML made of a word
    """The text as it was written: YAML takes yes and no for truth values, and digits for numbers."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int) else value


def _take(taken: dict[str, Any], field: Any, value: Any, problems: Problems, place: str) -> None:  # noqa: ANN401 - YAML and its types
    """Put one value into `taken`, or say what is wrong with it."""
    inner = _struct_of(field.type)
    if field.name.endswith(_US):
        _take_length(taken, field.name, value, problems, place)
    elif inner is not None and isinstance(value, dict):
        struct = _struct(inner, value, problems, place)
        taken |= {} if struct is None else {field.name: struct}
    elif get_origin(field.type) is dict and isinstance(value, dict) and _struct_of(get_args(field.type)[1]) is not None:
        taken[field.name] = structs(value, get_args(field.type)[1], problems, place)
    else:
        _take_plain(taken, field, value, problems, place)


def _struct(kind: type[msgspec.Struct], value: dict[str, Any], problems: Problems, place: str) -> msgspec.Struct | None:
    """The struct of a mapping, with defaults for what is wrong in it; None where something is missing that has no default."""
    inner = values(value, known_fields(kind), problems, f"{place}.")
    required = {field.name for field in msgspec.structs.fields(kind) if field.required}
    return kind(**inner) if required <= set(inner) else None


def _take_length(taken: dict[str, Any], name: str, value: Any, problems: Problems, place: str) -> None:  # noqa: ANN401 - from YAML
    match = _LENGTH.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        problems.add(place, f"{value!r} is not a length of time", "give a number and a unit of s, m, h or d, such as 36h")
    else:
        taken[name] = int(match[1]) * _UNITS_US[match[2]]


def _take_plain(taken: dict[str, Any], field: Any, value: Any, problems: Problems, place: str) -> None:  # noqa: ANN401 - YAML and its types
    if field.name in _TEXT_MAPPINGS and isinstance(value, dict):
        value = {text(key): text(word) for key, word in value.items()}
    misfits = list(field_values.misfits(value, field.type, place))
    for each in misfits:
        problems.add(*each)
    if not misfits:
        taken[field.name] = msgspec.convert(value, field.type)


def _struct_of(kind: Any) -> type[msgspec.Struct] | None:  # noqa: ANN401 - a type as the struct gives it
    """The struct that a field is, or may be."""
    choices = get_args(kind) if get_origin(kind) in {types.UnionType, None} else ()
    for choice in (kind, *choices):
        if isinstance(choice, type) and issubclass(choice, msgspec.Struct):
            return choice
    return None
