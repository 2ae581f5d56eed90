"""Files that nobody's switch writes on purpose: made here, for every format, from a sound file of it."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from typing import TYPE_CHECKING, Final

from tests.mediation.fuzz_corpus import seeds

if TYPE_CHECKING:
    from pathlib import Path

    from mediation.sources.model import Source

MEBIBYTE: Final = 1 << 20
MONOTONOUS_BYTES: Final = 256 << 10
DEPTH: Final = 20_000
RECORD_BYTES: Final = 5 * MEBIBYTE
SOURCES: Final = {  # one a format, and delimited text without a header besides
    str(seed.source.name if seed.source.name == "gateway" else seed.source.format): seed.source
    for seed in reversed(seeds())
    if not seed.name.startswith("asterisk/")  # a sample that need not be there
}
TEXT_SOURCES: Final = {name: source for name, source in sorted(SOURCES.items()) if name != "canonical"}
SINGLE_BYTES: Final = (b"\0", b"\n", b"\r", b'"', b",", b";", b"0", b"a", b" ", b"{", b"[", b"<", b"\\", b"\x1f", b"\x80", b"\xef", b"\xff")
MONOTONOUS: Final = (  # what makes a careless reader slow: it looks for an end that never comes, once for each byte
    b"\n", b"\r", b'"', b",", b";", b" ", b"\t", b"{", b"[", b"]", b"<", b">", b"\\", b"%", b"&", b"=", b"\xff", b'"\n', b'",', b'""',
    b'{"a":', b"[[", b"{}", b"[],", b"<cdr>", b"</cdr>", b"<cdrs>", b"<cdr/>", b"<!--", b"<![CDATA[",
    b"<?", b"<a b='", b"<cdr><a>", b"&amp;", b'{"a":"\\',
    b"a=b\n", b"\tUser-Name = x\n", b"\tTimestamp = 1\n\n", b"# \n", b"/*", b"x\n\n", b" \n", b'{\n"a', b"\n{",
)  # fmt: skip


def sound(source: Source) -> bytes:
    """A file of the source in which nothing is wrong on purpose."""
    return next(seed.data for seed in seeds() if seed.source == source)


def written_badly(source: Source) -> dict[str, bytes]:
    """Sound records among what they should not stand among, or in another encoding."""
    data = sound(source)
    lines = data.split(b"\n")
    ends = [(b"\n", b"\r\n", b"\r", b"\n\n", b"\r\r\n")[place % 5] for place in range(len(lines))]
    half = len(data) // 2
    text = data.decode("latin-1")
    return {
        "nothing": b"",
        "zeros": bytes(MEBIBYTE),
        "line breaks mixed": b"".join(line + end for line, end in zip(lines, ends, strict=True)),
        "carriage returns alone": data.replace(b"\n", b"\r"),
        "a quote that never closes, in the middle": data[:half] + b'"' + data[half:],
        "a quote that never closes, at the beginning": b'"' + data,
        "a quote that never closes, over 256 KiB": data + b'"' + (b"x" * 63 + b"\n") * 4096,
        "UTF-16 with a mark, little end first": b"\xff\xfe" + text.encode("utf-16-le"),
        "UTF-16 with a mark, big end first": b"\xfe\xff" + text.encode("utf-16-be"),
        "UTF-16 without a mark, little end first": text.encode("utf-16-le"),
        "UTF-16 without a mark, big end first": text.encode("utf-16-be"),
        "UTF-16 behind sound records": data + text.encode("utf-16-le"),
        "UTF-8 with a mark": b"\xef\xbb\xbf" + data,
        "a mark of UTF-8 alone": b"\xef\xbb\xbf",
        "two marks of UTF-8": b"\xef\xbb\xbf" * 2 + data,
        "no UTF-8": data.replace(b"1", b"\xff").replace(b"a", b"\xc3"),
        "halves of surrogates": data.replace(b"a", b"\xed\xa0\x80"),
        "zeros among the first records": data[:half] + b"\0" + data[half:],
        "zeros behind 5 kB": (data + b"\n") * (5000 // len(data) + 1) + data.replace(b"1", b"\0"),
        "a MiB of zeros behind 5 kB": (data + b"\n") * (5000 // len(data) + 1) + bytes(MEBIBYTE),
        "cut off": data[: half + 1],
        "deep": b'{"a":' * DEPTH + b"1" + b"}" * DEPTH + b"\n" + data,
        "deep lists": b"[" * DEPTH + b"]" * DEPTH + b"\n" + data,
        "deep elements": b"<cdr>" + b"<a>" * DEPTH + b"</a>" * DEPTH + b"</cdr>\n" + data,
        "a JSON record of 5 MiB": b'{"variables": {"uuid": "' + b"x" * RECORD_BYTES + b'"}}\n' + data,
        "an XML record of 5 MiB": b"<cdr><variables><uuid>" + b"x" * RECORD_BYTES + b"</uuid></variables></cdr>\n" + data,
        "a line of 5 MiB": b"x," * (RECORD_BYTES // 2) + b"\n" + data,
        "a document type": b'<!DOCTYPE cdr [<!ENTITY a SYSTEM "file:///etc/passwd">]>\n<cdr><variables><uuid>&a;</uuid></variables></cdr>\n'
        + data,
        "a bomb of entities": _laughs() + data,
        "numbers of 300 digits": data.replace(b"1", b"9" * 300),
        "minus everywhere": data.replace(b":", b":-").replace(b",", b",-"),
    }


def monotonous() -> dict[str, bytes]:
    """The same few bytes, again and again."""
    return {repr(piece)[2:-1]: piece * (MONOTONOUS_BYTES // len(piece)) for piece in MONOTONOUS}


def sparse(path: Path, head: bytes, size_bytes: int) -> Path:
    """A file that begins with `head` and goes on with zeros without a line break; it takes no room on disk."""
    path.write_bytes(head)
    os.truncate(path, size_bytes)
    return path


def gzip_of_zeros(size_bytes: int) -> bytes:
    """A thousandth of what it unpacks to."""
    made = io.BytesIO()
    with gzip.GzipFile(fileobj=made, mode="wb", compresslevel=9, mtime=0) as packed:
        for _ in range(size_bytes // MEBIBYTE):
            packed.write(b"0" * MEBIBYTE)
    return made.getvalue()


def zip_of_zeros(size_bytes: int) -> bytes:
    """The same as a zip."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("day.csv", "w", force_zip64=True) as member:
        for _ in range(size_bytes // MEBIBYTE):
            member.write(b"0" * MEBIBYTE)
    return made.getvalue()


def tar_with(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> bytes:
    """A tar of one member of that name and kind."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, target
        archive.addfile(entry, io.BytesIO())
    return made.getvalue()


def _laughs() -> bytes:
    """Entities of entities: three kilobytes that expand to three gigabytes where somebody expands them."""
    names = [b'<!ENTITY l0 "lol">'] + [b'<!ENTITY l%d "%b">' % (depth, b"&l%d;" % (depth - 1) * 10) for depth in range(1, 10)]
    return (
        b'<?xml version="1.0"?>\n<!DOCTYPE cdrs [\n'
        + b"\n".join(names)
        + b"\n]>\n<cdrs><cdr><variables><uuid>&l9;</uuid></variables></cdr></cdrs>\n"
    )
