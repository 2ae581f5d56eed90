"""Pictures that documents may have: PNG and SVG by their bytes; what is damaged, acts, or refers to something outside is refused."""

from __future__ import annotations

import struct
import zlib

import pytest

from billing.accounts.parties import pictures
from rating.errors import UserError

HEAD = '<svg xmlns="http://www.w3.org/2000/svg">'


def png(width: int = 2, height: int = 1, *, without: bytes = b"") -> bytes:
    """A picture of black dots, without one of its parts."""
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0),
        b"IDAT": zlib.compress(b"\0" * 3),
        b"IEND": b"",
    }
    found = b"\x89PNG\r\n\x1a\n"
    for name, data in parts.items():
        if name != without:
            found += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return found


def refused(content: bytes) -> str:
    """The reason why a picture is refused."""
    with pytest.raises(UserError) as raised:
        pictures.media_type(content)
    assert raised.value.remedy
    return raised.value.message


def test_png() -> None:
    whole = png()
    assert pictures.media_type(whole) == "image/png"
    assert refused(whole[:-1]) == "the picture is cut off"
    assert refused(whole.replace(b"IDAT", b"IDAU")) == "the picture is damaged: a checksum of the PNG is wrong"
    for part in (b"IHDR", b"IDAT", b"IEND"):
        assert refused(png(without=part)) == "the picture is cut off or damaged: parts of the PNG are missing"
    assert refused(png(width=10_001)) == "the picture has 10,001 x 1 pixels"
    assert refused(png(height=0)) == "the picture has 2 x 0 pixels"


def test_size() -> None:
    assert refused(b"") == "the picture is empty"
    assert refused(b"\0" * 1_000_001) == "the picture has 1,000,001 bytes"
    assert refused(b"GIF89a") == "the picture is neither PNG nor SVG"


@pytest.mark.parametrize(
    "inner",
    [
        '<path d="M0 0L1 1" fill="url(#a)"/>',
        '<use href="#a"/>',
        '<image href="data:image/png;base64,AAAA"/>',
        "<style>path { fill: url(#a) }</style>",
    ],
)
def test_svg(inner: str) -> None:
    assert pictures.media_type(f'<?xml version="1.0"?>\n{HEAD}{inner}</svg>'.encode()) == "image/svg+xml"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{HEAD}<script>x</script></svg>", "the SVG has an element 'script', which may act"),
        (f'{HEAD}<path onclick="x"/></svg>', "the SVG has an attribute 'onclick', which may act"),
        (f'{HEAD}<image href="http://e.example/x.png"/></svg>', "the SVG refers to 'http://e.example/x.png', outside of itself"),
        (
            f'{HEAD}<image xmlns:x="http://www.w3.org/1999/xlink" x:href="file:///etc/passwd"/></svg>',
            "the SVG refers to 'file:///etc/passwd', outside of itself",
        ),
        (f'{HEAD}<path style="fill:url(http://e.example)"/></svg>', "the SVG has a style that refers to something outside of it"),
        (f"{HEAD}<style>@import 'x.css';</style></svg>", "the SVG has a style that refers to something outside of it"),
        (f'<!DOCTYPE svg [<!ENTITY a "b">]>{HEAD}&a;</svg>', "the SVG has a document type, which may name other files"),
        (f'<?xml-stylesheet href="x.css"?>{HEAD}</svg>', "the SVG has an instruction 'xml-stylesheet', which may name other files"),
        ("<svg></svg>", "the picture is XML, but no SVG"),
        (f"{HEAD}<path>", "the picture cannot be read as SVG: no element found: line 1, column 46"),
    ],
)
def test_svg_that_is_refused(text: str, reason: str) -> None:
    assert refused(text.encode()) == reason
