"""One TOML file as values by dotted key, each with its line; mistakes of form are named with their line, and no value is repeated."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rating.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE_BYTES_MAX: Final = 256 * 1024
_HEADER: Final = re.compile(r"\s*\[([^\[\]]+)\]\s*(#.*)?$")
_ENTRY: Final = re.compile(r"\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'))*)\s*=")
_PART: Final = re.compile(r"[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'")
_PLACE: Final = re.compile(r"\(at (line \d+), column \d+\)|\(at end of document\)")


class TomlFile(NamedTuple):
    """Values that are no tables, and the line of each, by dotted key."""

    values: dict[str, Any]
    lines: dict[str, int]


def read(path: Path) -> TomlFile | Problem:
    """Read a file; a Problem where it cannot be read or is no TOML."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        return Problem(str(path), "file", f"the file cannot be read: {error.strerror}", "name a file that this account may read")
    if len(data) > FILE_BYTES_MAX:
        return Problem(str(path), "file", f"the file has more than {FILE_BYTES_MAX:,} bytes", "name a TOML file of the service")
    try:
        text = data.decode()
        found = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return Problem(str(path), f"line {line}", "the file is not a text in UTF-8", "save the file as UTF-8")
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        place = _PLACE.search(str(error))
        line_text = "file" if place is None else place[1] or f"line {text.count(chr(10)) + 1}"
        return Problem(
            str(path), line_text, "the file cannot be read as TOML from here on", "write key = value; texts in quotes, one value a key"
        )
    return TomlFile(dict(_values(found, ())), _lines(text))


def _values(table: dict[str, Any], ahead: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _values(value, (*ahead, name))
            if not value:
                yield ".".join((*ahead, name)), {}
        else:
            yield ".".join((*ahead, name)), value


def _lines(text: str) -> dict[str, int]:
    """The line of each key. A line within a value of many lines is none: what is in front of it would be no whole file."""
    found: dict[str, int] = {}
    header = ""
    rows = text.split("\n")
    for number, row in enumerate(rows, 1):
        entry, begins = _ENTRY.match(row), _HEADER.match(row)
        if (entry is None and begins is None) or not _is_whole("\n".join(rows[: number - 1])):
            continue
        if begins is not None:
            header = _dotted(begins[1])
            found.setdefault(header, number)
        elif entry is not None:
            key = _dotted(entry[1])
            found.setdefault(f"{header}.{key}" if header else key, number)
    return found


def _dotted(text: str) -> str:
    return ".".join(part.strip("\"'") for part in _PART.findall(text))


def _is_whole(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True
