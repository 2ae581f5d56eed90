"""The characters that a PDF can show: those of its Chinese font, read from the font file, and those of the fonts within Typst.

Noto Sans SC has Latin, Greek, Cyrillic, Chinese and Japanese. Typst brings Libertinus Serif (Hebrew) and DejaVu Sans Mono (Arabic,
Armenian, Georgian), whose files cannot be read: their characters are listed here, and a test draws each of them.
"""

from __future__ import annotations

import functools
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FAMILIES: Final = ("Noto Sans SC", "Libertinus Serif", "DejaVu Sans Mono")
# first and last code of the characters that fonts within Typst show
WITHIN_TYPST: Final = (
    (0x0531, 0x0556), (0x0559, 0x055F), (0x0561, 0x0587), (0x0589, 0x058A), (0x05B0, 0x05C3), (0x05D0, 0x05EA), (0x05F0, 0x05F4),
    (0x060C, 0x060C), (0x061B, 0x061B), (0x061F, 0x061F), (0x0621, 0x063A), (0x0640, 0x0655), (0x0660, 0x066D), (0x0679, 0x067B),
    (0x067E, 0x0680), (0x0686, 0x0687), (0x0691, 0x0691), (0x0698, 0x0698), (0x06A4, 0x06A4), (0x06A9, 0x06A9), (0x06AF, 0x06AF),
    (0x06BE, 0x06BE), (0x06CC, 0x06CC), (0x06F0, 0x06F9), (0x10D0, 0x10FC),
)  # fmt: skip
_HEAD, _TABLE, _SUBTABLE, _RANGE = (struct.Struct(form) for form in (">4xH6x", ">4sLLL", ">HHL", ">LLL"))
_RANGES: Final = 12  # the format of a subtable of 32-bit ranges
_UNICODE: Final = frozenset({0, 3})  # platforms whose codes are those of Unicode


class UnusableFontError(ValueError):
    """A font file without a table of characters that is known."""


@functools.cache
def shown_by(font: Path) -> frozenset[int]:
    """The codes of all characters that a PDF with this font can show."""
    within = (range(first, last + 1) for first, last in WITHIN_TYPST)
    return frozenset(code for codes in (*_codes(font.read_bytes()), *within) for code in codes)


def _codes(data: bytes) -> Iterator[range]:
    """Ranges of an OpenType font: the first subtable of format 12 of its table `cmap`."""
    (tables,) = _HEAD.unpack_from(data)
    places = {}
    for number in range(tables):
        tag, _, offset, _ = _TABLE.unpack_from(data, _HEAD.size + number * _TABLE.size)
        places[tag] = offset
    start = places.get(b"cmap")
    if start is None:
        raise UnusableFontError("no table cmap")
    (subtables,) = struct.unpack_from(">H", data, start + 2)
    for number in range(subtables):
        platform, _, offset = _SUBTABLE.unpack_from(data, start + 4 + number * _SUBTABLE.size)
        (form,) = struct.unpack_from(">H", data, start + offset)
        if platform in _UNICODE and form == _RANGES:
            (count,) = struct.unpack_from(">L", data, start + offset + 12)
            for place in range(count):
                first, last, _ = _RANGE.unpack_from(data, start + offset + 16 + place * _RANGE.size)
                yield range(first, last + 1)
            return
    raise UnusableFontError("no subtable of format 12")
