"""A bank file of any format: recognised by its content, and read as a stream of checked records, as often as the caller needs.

CSV is none of these: it needs a mapping, and `billing.payments.bank_file` reads it.
"""

from __future__ import annotations

import enum
import hashlib
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from billing.payments.statements import camt, mt940, totals
from rating import definition_file
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.payments.statements.records import Entry, EntryEnd, Problems, Record, Statement, Transaction
    from billing.payments.statements.totals import Summary

HEAD_BYTES: Final = 64 << 10
_PIECE_BYTES: Final = 1 << 20
_BLANKS: Final = b" \t\r\n"
_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_NAME: Final = re.compile(rb"camt\.05[0-9]\.001\.[0-9]{2}")
_MT940: Final = re.compile(rb"(?:^|[\r\n}:]):20:|^\{1:", re.MULTILINE)
_OTHER: Final = "name the file that the bank gave"


class Format(enum.StrEnum):
    """Format of a bank file."""

    CAMT053 = "camt.053"
    CAMT054 = "camt.054"
    MT940 = "mt940"
    CSV = "csv"


class Source(NamedTuple):
    """A bank file: its name, and how it is opened anew for each reading."""

    path: Path
    open: Callable[[], BinaryIO]


def source(path: Path, content: bytes | None = None) -> Source:
    """A file at `path`, or content that was sent under its name. Raises UserError for what is no ordinary file."""
    if content is not None:
        return Source(path, lambda: io.BytesIO(content))

    def opened() -> BinaryIO:
        try:
            return definition_file.opened(path)
        except FileNotFoundError as error:
            raise UserError(f"bank file {path} does not exist", _OTHER, exit_status=2) from error
        except OSError as error:
            raise UserError(f"bank file {path} cannot be read: {error.strerror}", _OTHER, exit_status=2) from error

    return Source(path, opened)


def recognised(given: Source) -> Format:
    """The format of a file by how it begins; what begins like no other is CSV."""
    with given.open() as stream:
        head = stream.read(HEAD_BYTES)
    for mark in _MARKS:
        head = head.removeprefix(mark)
    plain = head.replace(b"\0", b"").lstrip(_BLANKS)
    if plain.startswith(b"<"):
        found = _NAME.search(plain)
        is_notification = b"BkToCstmrDbtCdtNtfctn" in plain or (found is not None and found[0].startswith(b"camt.054"))
        return Format.CAMT054 if is_notification else Format.CAMT053
    return Format.MT940 if _MT940.search(plain) else Format.CSV


def read(given: Source, form: Format, problems: Problems) -> Iterator[Statement | Entry | Transaction | EntryEnd | Summary]:
    """The checked records of a file. Raises ProblemsError at a mistake behind which nothing is read; others are in `problems`."""
    assert form is not Format.CSV, given
    with given.open() as stream:
        yield from totals.checked(_decoded(stream, form, problems), problems)


def _decoded(stream: BinaryIO, form: Format, problems: Problems) -> Iterator[Record]:
    return mt940.read(stream, problems) if form is Format.MT940 else camt.read(stream, problems, form.value)


def sha256(given: Source) -> bytes:
    """The hash of a file's content."""
    found = hashlib.sha256()
    with given.open() as stream:
        while piece := stream.read(_PIECE_BYTES):
            found.update(piece)
    return found.digest()
