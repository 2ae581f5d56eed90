"""Pictures of documents: PNG and SVG, told by their bytes, at most 1 MB. Pure.

A picture comes from outside and is drawn on each document, so it is whole and can do nothing: a PNG has all its chunks with right
checksums, an SVG has no document type, no scripts and no references to anything outside itself.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from rating.errors import UserError, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

BYTES_MAX: Final = 1_000_000
SIDE_MAX: Final = 10_000  # pixels
PNG: Final = "image/png"
SVG: Final = "image/svg+xml"
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_NAMESPACE: Final = "http://www.w3.org/2000/svg"
_ACTIVE: Final = frozenset({"script", "foreignObject", "iframe", "embed", "object", "animate", "set", "handler"})
_EMBEDDED: Final = ("#", "data:image/png;base64,", "data:image/jpeg;base64,")
_REMEDY: Final = "give a picture in PNG or plain SVG, as a drawing program exports it"


def media_type(content: bytes) -> str:
    """The kind of a picture. Raises UserError for bytes that are none, or may not be drawn."""
    if not content:
        raise UserError("the picture is empty", _REMEDY)
    if len(content) > BYTES_MAX:
        raise UserError(f"the picture has {len(content):,} bytes", f"give one of at most {BYTES_MAX:,} bytes")
    if content.startswith(_SIGNATURE):
        _require_png(content)
        return PNG
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        _require_svg(content)
        return SVG
    raise UserError("the picture is neither PNG nor SVG", _REMEDY)


def _require_png(content: bytes) -> None:
    names = []
    for name, data in _chunks(content):
        names.append(name)
        if name == b"IHDR" and len(data) >= 8:  # noqa: PLR2004 -- two numbers of four bytes
            width, height = struct.unpack(">II", data[:8])
            if not (0 < width <= SIDE_MAX and 0 < height <= SIDE_MAX):
                raise UserError(f"the picture has {width:,} x {height:,} pixels", f"give one of at most {SIDE_MAX:,} on a side")
    if names[:1] != [b"IHDR"] or names[-1:] != [b"IEND"] or b"IDAT" not in names:
        raise UserError("the picture is cut off or damaged: parts of the PNG are missing", _REMEDY)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and data of the chunks. Raises UserError for one that is cut off, or whose checksum is wrong."""
    at = len(_SIGNATURE)
    while at < len(content):
        head = content[at : at + 8]
        length = int.from_bytes(head[:4], "big")
        end = at + 8 + length
        if len(head) < 8 or end + 4 > len(content):  # noqa: PLR2004 -- length and name
            raise UserError("the picture is cut off", _REMEDY)
        if zlib.crc32(content[at + 4 : end]) != int.from_bytes(content[end : end + 4], "big"):
            raise UserError("the picture is damaged: a checksum of the PNG is wrong", _REMEDY)
        yield head[4:], content[at + 8 : end]
        at = end + 4


def _require_svg(content: bytes) -> None:
    reading = expat.ParserCreate(namespace_separator=" ")
    roots: list[str] = []
    texts: list[str] = []

    def instruction(target: str, _data: str) -> None:
        raise UserError(f"the SVG has an instruction {quoted(target)}, which may name other files", f"remove <?{target[:20]} ...?> from it")

    def doctype(*_: object) -> None:
        raise UserError("the SVG has a document type, which may name other files", "remove <!DOCTYPE ...> from it")

    def element(name: str, attributes: dict[str, str]) -> None:
        if not roots:
            roots.append(name)
        _require_passive(name.rpartition(" ")[2], attributes)

    reading.StartDoctypeDeclHandler = doctype
    reading.ProcessingInstructionHandler = instruction
    reading.StartElementHandler = element
    reading.CharacterDataHandler = texts.append
    try:
        reading.Parse(content, True)
    except (expat.ExpatError, ValueError) as error:
        raise UserError(f"the picture cannot be read as SVG: {error}", _REMEDY) from error
    _require_inside("".join(texts))
    if roots != [f"{_NAMESPACE} svg"]:
        raise UserError("the picture is XML, but no SVG", f"its first element is <svg xmlns={_NAMESPACE!r}>")


def _require_passive(name: str, attributes: dict[str, str]) -> None:
    """Raises UserError for an element that acts, and for one that names something outside the picture."""
    if name in _ACTIVE:
        raise UserError(f"the SVG has an element {quoted(name)}, which may act", "export it as a plain drawing")
    for attribute, value in attributes.items():
        own = attribute.rpartition(" ")[2]
        if own.lower().startswith("on"):
            raise UserError(f"the SVG has an attribute {quoted(own)}, which may act", "export it as a plain drawing")
        if own in {"href", "src"} and not value.strip().startswith(_EMBEDDED):
            raise UserError(f"the SVG refers to {quoted(value)}, outside of itself", "export it with everything embedded")
        _require_inside(value)


def _require_inside(text: str) -> None:
    """Raises UserError for a style that names something outside the picture."""
    if "@import" in text or "url(" in text.replace("url(#", ""):
        raise UserError("the SVG has a style that refers to something outside of it", "export it with everything embedded")
