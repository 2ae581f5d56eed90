"""Decoder of MT940: customer statements of SWIFT as text, with or without the envelope `{1:...}{4: ... -}`.

A field begins with a tag such as `:61:` at the start of a line, and goes on to the next one. A line is UTF-8 where it can be, else Latin-1.
Free text of `:86:` has one of three forms, which `mt940_text` parts: words of the SEPA by `?20`, words between slashes, or plain text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from billing.payments.statements import amounts, mt940_text, references
from billing.payments.statements.records import Balance, Entry, EntryEnd, Kind, Statement, StatementEnd, Transaction, WrongError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from billing.payments.statements.records import Problems, Record

LINE_BYTES_MAX: Final = 4_096
FIELD_LINES_MAX: Final = 64
_NO_REFERENCE: Final = frozenset(("NONREF", "EREF"))  # the latter: the reference stands in :86:
_TAG: Final = re.compile(r":([0-9]{2}[A-Z]?):(.*)", re.DOTALL)
_ENVELOPE: Final = re.compile(r"(?:\{[0-35]:(?:[^{}]|\{[^{}]*\})*\})*(?:\{4:)?")
_END: Final = re.compile(r"-?(?:\}(?:\{[0-9S]:(?:[^{}]|\{[^{}]*\})*\})*)?")
_BALANCE: Final = re.compile(r"([CD])([0-9]{6})([A-Z]{3})([0-9]{1,15},[0-9]{0,6})")
_ENTRY: Final = re.compile(
    r"([0-9]{6})([0-9]{4})?(R?[CD])([A-Z])?([0-9]{1,15},[0-9]{0,6})([NFS][A-Z0-9]{3})([^/\n]*(?:/[^/\n]+)*)(?://([^\n]*))?(?:\n(.*))?",
    re.DOTALL,
)
_NUMBER: Final = re.compile(r"([0-9]{1,5})(?:/([0-9]{1,5}))?")
_HALF_YEAR: Final = 6
_DECEMBER: Final = 12
_KNOWN: Final = frozenset(
    ("20", "21", "25", "25P", "28", "28C", "60F", "60M", "61", "86", "62F", "62M", "64", "65", "13D", "34F", "90C", "90D")
)


class Field(NamedTuple):
    """A field: its tag, and its text with the lines that follow."""

    line_no: int
    tag: str
    text: str


def read(stream: BinaryIO, problems: Problems) -> Iterator[Record]:
    """The records of a file. Raises ProblemsError where nothing more can be read; other mistakes are noted in `problems`."""
    reading = _Reading(problems)
    for field in fields(stream, problems):
        yield from reading.take(field)
    yield from reading.finish()


def fields(stream: BinaryIO, problems: Problems) -> Iterator[Field]:
    """The fields of a file. A line that ends a message is the field `-`."""
    tag, lines, begins = "", [""], 0
    for line_no, text in _lines(stream, problems):
        found = _TAG.match(text)
        if found is None and not _END.fullmatch(text):
            if not tag or len(lines) == FIELD_LINES_MAX:
                what = f"has a field of more than {FIELD_LINES_MAX} lines" if tag else f"{text[:40]!r} belongs to no field"
                raise problems.stop(line_no, what, "name a file of MT940")
            lines.append(text)
            continue
        if tag:
            yield Field(begins, tag, "\n".join(lines))
        tag, lines, begins = (found[1], [found[2]], line_no) if found else ("", [""], line_no)
        if found is None:
            yield Field(line_no, "-", "")
    if tag:
        yield Field(begins, tag, "\n".join(lines))


def _lines(stream: BinaryIO, problems: Problems) -> Iterator[tuple[int, str]]:
    """Lines that hold something, with their numbers, without the envelope."""
    line_no = 0
    while line := stream.readline(LINE_BYTES_MAX + 1):
        line_no += 1
        if len(line) > LINE_BYTES_MAX:
            raise problems.stop(line_no, f"has a line above {LINE_BYTES_MAX:,} bytes", "name a file of MT940")
        text = _text(line)
        if text.startswith("{"):
            text = text[_envelope(text) :]
        if text:
            yield line_no, text


def _text(line: bytes) -> str:
    line = line.rstrip(b"\r\n\x03").lstrip(b"\x01")
    try:
        return line.decode().removeprefix("\ufeff")
    except UnicodeError:
        return line.decode("latin-1")


def _envelope(text: str) -> int:
    found = _ENVELOPE.match(text)
    return found.end() if found else 0


class _Reading:
    """State of the statement that is open, and the entry that waits for its `:86:`."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._statements = 0
        self._head: dict[str, Field] = {}
        self._opening: Balance | None = None
        self._closing: Balance | None = None
        self._currency = ""
        self._is_open = self._is_told = False
        self._entries = 0
        self._waits: tuple[Entry, Transaction] | None = None
        self._last_no = 1

    def take(self, field: Field) -> Iterator[Record]:
        """Go on with a field."""
        self._last_no = field.line_no
        if field.tag == "20":
            yield from self._end(field)
            self._begin(field)
        elif field.tag == "-":
            yield from self._end(field)
        elif not self._is_open:
            raise self._problems.stop(field.line_no, f"the field {field.tag} is outside of a statement: no :20: comes before")
        elif field.tag not in _KNOWN:
            self._problems.add(field.line_no, f"{field.tag} is not a field of MT940")
        else:
            try:
                yield from self._known(field)
            except WrongError as wrong:
                self._problems.add(field.line_no, wrong.message, wrong.remedy)

    def finish(self) -> Iterator[Record]:
        """The end of the file. Raises ProblemsError where it holds no statement."""
        yield from self._end(Field(self._last_no, "-", ""))
        if not self._statements:
            raise self._problems.stop(1, "holds no statement", "name a file of MT940, or force its format with --format")

    def _begin(self, field: Field) -> None:
        self._statements += 1
        self._head = {"20": field}
        self._opening = self._closing = None
        self._currency = ""
        self._is_open, self._is_told, self._entries = True, False, 0

    def _known(self, field: Field) -> Iterator[Record]:
        if field.tag in {"60F", "60M"}:
            self._opening, self._currency = _balance(field)
        elif field.tag in {"62F", "62M"}:
            yield from self._flush()
            yield from self._tell()
            self._closing, _ = _balance(field)
        elif field.tag == "61":
            yield from self._flush()
            yield from self._tell()
            if self._closing is not None:
                raise WrongError("it comes behind the closing balance")
            self._entries += 1
            self._waits = _entry(field, self._entries, self._currency)
        elif field.tag == "86":
            if self._waits is not None:
                entry, transaction = self._waits
                self._waits = mt940_text.completed(entry, transaction, field.text)
                yield from self._flush()
        else:
            self._head[field.tag] = field

    def _flush(self) -> Iterator[Record]:
        if self._waits is not None:
            yield self._waits[0]
            yield self._waits[1]
            yield EntryEnd()
            self._waits = None

    def _tell(self) -> Iterator[Record]:
        if self._is_told:
            return
        self._is_told = True
        head = {tag: field.text.strip() for tag, field in self._head.items()}
        told = head.get("28C", head.get("28", ""))
        number = _NUMBER.fullmatch(told)
        if number is None:
            self._problems.add(self._last_no, f"{told!r} is not a number of a statement (:28C:), such as 17/1")
        account = head.get("25P", head.get("25", "")).split("\n")[0].removesuffix(self._currency).strip()
        yield Statement(
            self._head["20"].line_no,
            Kind.STATEMENT,
            account,
            "",
            int(number[1]) if number and int(number[1]) else None,
            int(number[2] or 1) if number else 1,
            self._currency,
        )

    def _end(self, field: Field) -> Iterator[Record]:
        if not self._is_open:
            return
        yield from self._flush()
        yield from self._tell()
        self._is_open = False
        yield StatementEnd(field.line_no, self._opening, self._closing)


def _balance(field: Field) -> tuple[Balance, str]:
    found = _BALANCE.fullmatch(field.text.strip())
    if found is None:
        raise WrongError(f"{field.text[:40]!r} is not a balance such as C261130EUR1250,50")
    micros = amounts.amount(found[4], found[3], ",")
    return Balance(micros if found[1] == "C" else -micros, amounts.short_day(found[2])), found[3]


def _entry(field: Field, number: int, currency: str) -> tuple[Entry, Transaction]:
    """An entry from its `:61:`."""
    found = _ENTRY.fullmatch(field.text)
    if found is None:
        raise WrongError(f"{field.text[:60]!r} is not an entry such as 2611301130C50,00NTRFNONREF//B-17")
    if not currency:
        raise WrongError("it comes before the opening balance, which has the currency")
    value_on = amounts.short_day(found[1])
    micros = amounts.amount(found[5], currency, ",")
    side = found[3]
    credit = side in {"C", "RD"}
    own = found[7].strip()
    entry = Entry(
        field.line_no, number, micros, currency, credit, _booked_on(value_on, found[2]), value_on, "", side.startswith("R"), True, found[6]
    )
    text = (found[9] or "").strip()
    end_to_end = "" if own in _NO_REFERENCE or not own.isprintable() else own
    return entry, Transaction(micros, currency, credit, end_to_end_id=end_to_end, text=text, references=tuple(references.in_text(text)))


def _booked_on(value_on: dt.date, text: str | None) -> dt.date:
    """The booking date. It has month and day alone: its year is the one that brings it next to the value date."""
    if text is None:
        return value_on
    month = int(text[:2])
    year = value_on.year
    if month - value_on.month > _HALF_YEAR:
        year -= 1
    elif value_on.month - month > _HALF_YEAR:
        year += 1
    return amounts.day(f"{year:04}-{text[:2]}-{text[2:]}")
