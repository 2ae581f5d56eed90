"""Documents of YAML as plain objects, with the line of every entry.

Only the plain core of YAML: mappings, lists and scalars. A scalar without quotes is null, true, false, a whole number without
leading zeros, a decimal number, or text: no octal, no times as numbers in base 60, no dates, no `yes`. So that nothing a person
writes is silently turned into something else. Aliases, tags and a field given twice are refused.
"""

from __future__ import annotations

from typing import Final, NamedTuple

DEPTH_MAX: Final = 20

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
