"""YAML text as plain objects, with the line of every entry.

Only the plain core of YAML: mappings, lists and scalars. A scalar without quotes is null, true, false, a whole number without
leading zeros, a decimal number, or text: no octal, no times as numbers in base 60, no dates, no `yes`. So that nothing a person
writes is silently turned into something else. Aliases, tags and a field given twice are refused.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Final, NamedTuple

from tariffs.documents import limits

if TYPE_CHECKING:
    from pathlib import Path

DEPTH_MAX: Final = 20
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

Place = tuple["str | int", ...]


class Finding(NamedTuple):
    """A mistake at a place of a document or model: keys and indexes from the top."""

    place: Place
    message: str
    remedy: str


class Parsed(NamedTuple):
    """A file's top-level mapping, the line (from 1) of each place in it, and what was wrong with the YAML itself."""

    fields: dict[str, object]
    lines: dict[Place, int]
    findings: list[Finding]
    seen: set[int]  # identities of the nodes read, so that an alias is noticed
    bytes_read: int = 0


def parse(path: Path, bytes_max: int = limits.YAML_BYTES_MAX, nodes_max: int = limits.YAML_NODES_MAX) -> Parsed:
    """Read the YAML file `path`, no more of it than `bytes_max`. OSError is the caller's to explain."""
    with path.open("rb") as file:
        data = file.read(bytes_max + 1)
    if len(data) > bytes_max:
        most = f"{limits.YAML_BYTES_MAX // limits.MIB} MiB a file, {limits.FOLDER_YAML_BYTES_MAX // limits.MIB} MiB a folder"
        return failed(f"more YAML than a catalogue may have ({most})", "put prefixes and rates into CSV files, and name these")
    if data.startswith(_UTF_16):
        return failed("the file is UTF-16 text", "save it as UTF-8", 1)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return failed("the file is not UTF-8 text", "save it as UTF-8", line_at(error.object, error.start))
    return parse_text(text, nodes_max)._replace(bytes_read=len(data))


def parse_text(text: str, nodes_max: int = limits.YAML_NODES_MAX) -> Parsed:
    """Read YAML text of at most so many values and names of fields."""
    from tariffs.documents import yaml_nodes  # noqa: PLC0415 -- with its reader; most who name a place read no YAML

    return yaml_nodes.parsed(text, nodes_max)


def place_text(place: Place) -> str:
    """`prices[2].rates[0].rate` of its keys and indexes."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".") or "document"


def line_at(data: bytes, position: int) -> int:
    """The line (from 1) of a byte."""
    return data.count(b"\n", 0, position) + 1


def failed(message: str, remedy: str, line: int = 0) -> Parsed:
    """Nothing could be read, at a line or at none."""
    return Parsed({}, {(): line} if line else {}, [Finding((), message, remedy)], set())
