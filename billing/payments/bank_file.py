"""A bank's CSV file as lines, by its mapping: every mistake at once with its line, and nothing of a file that is cut short.

A file is cut short in these cases: the line of totals that the mapping promises is missing; its lines or sums differ from the stated
ones; it ends inside a quoted text, or with a line that lacks columns. A file without a line of totals behind the bookings is also cut
short if its last line does not end. There 1250.50 may have lost its last digits, or a reference some letters, without any sign of it.
"""

from __future__ import annotations

import collections
import csv
import datetime as dt
import errno
import hashlib
import io
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from billing.payments.mapping import Mapping, Outgoing, TotalsPlace
from billing.payments.writing import FIRST_MONEY
from rating import definition_file
from rating.counted import counted
from rating.errors import Problem, ProblemsError, UserError
from rating.money import MICROS_PER_UNIT, MoneyError, format_micros, minor_step_micros, parse_micros
from tariffs.currencies import MINOR_DIGITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

BYTES_MAX: Final = 128 << 20  # a file is read whole
ID_BYTES: Final = 16
_OTHER_FILE: Final = "name a file of the bank, with the mapping of that bank"
_NO_END: Final = "the last line does not end, and no line of totals behind it shows that it is whole: the file may be cut short"
_NO_END_REMEDY: Final = "fetch the file again; if it is whole, add the line end, or describe its trailer in totals of the mapping"
_SIGNED: Final = re.compile(r"([+-]?)([^+-]*)([+-]?)")
_EVERY: Final = 10_000  # lines between two words of progress


class BankLine(NamedTuple):
    """One booking of the file. Amounts are micro-units, always above zero: what goes out is only counted."""

    line_no: int  # in the file, from 1
    line_id: str
    received_on: dt.date
    amount_micros: int
    currency: str
    payer: str
    reference: str


class BankFile(NamedTuple):
    """A file that was read whole. `outgoing`: lines that money went out with, and their sum, below zero."""

    name: str
    sha256: bytes
    lines: list[BankLine]
    outgoing_lines: int
    outgoing_micros: int


class _Wrong(Exception):  # noqa: N818 -- carries a mistake to the list of all
    """A mistake of a line, and the remedy."""


def read_file(
    path: Path,
    mapping: Mapping,
    progress: Callable[[int, int], None] | None = None,
    *,
    latest: dt.date = dt.date.max,
    content: bytes | None = None,
) -> BankFile:
    """All lines of a file. Raises ProblemsError with every mistake, UserError for a file that cannot be read at all.

    `latest`: the date that it is where days begin first. No bank books on a later one. `content`: of a file that was sent, whose name
    alone `path` is.
    """
    content = read_content(path) if content is None else content
    text = _text(path, content, mapping)
    rows = _rows(path, text, mapping)
    if not rows:
        raise UserError(f"{path} holds no booking", _OTHER_FILE)
    problems: list[Problem] = []
    totals, body, names = _parted(path, rows, mapping, problems)
    lines, outgoing = _lines(path, body, names, mapping, problems, progress, latest)
    if not problems and totals is not None:
        problems += _compared(path, totals, lines, outgoing, mapping)
    is_ended = mapping.totals is not None and mapping.totals.place is TotalsPlace.TRAILER
    if not problems and not is_ended and not text.endswith(("\n", "\r")):
        problems.append(Problem(str(path), f"line {rows[-1][0]}", _NO_END, _NO_END_REMEDY))
    if problems:
        raise ProblemsError(problems)
    if not lines and not outgoing:
        raise UserError(f"{path} holds no booking", _OTHER_FILE)
    return BankFile(path.name, hashlib.sha256(content).digest(), lines, len(outgoing), sum(outgoing))


def parse_amount(text: str, mapping: Mapping) -> int:
    """Micro-units of an amount as the bank writes it: `-1.234,56`, one sign at most, before or behind. Raises MoneyError."""
    try:
        return parse_micros(_plain(text.strip().replace("\u2212", "-"), mapping))
    except MoneyError as error:
        raise MoneyError(f"{text!r} is not an amount such as 1{mapping.thousands}234{mapping.decimal}50") from error


def _plain(text: str, mapping: Mapping) -> str:
    """An amount as `parse_micros` reads it; empty where it is none: a point that the mapping does not call decimal is never read as one."""
    signed = _SIGNED.fullmatch(text)
    if signed is None or (signed[1] and signed[3]):
        return ""
    whole, point, places = signed[2].partition(mapping.decimal)
    groups = whole.split(mapping.thousands) if mapping.thousands else [whole]
    is_grouped = len(groups) == 1 or (1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:]))  # noqa: PLR2004 -- thousands have three digits
    digits = "".join(groups)
    if not (is_grouped and digits.isascii() and digits.isdecimal()):
        return ""
    return ("-" if "-" in (signed[1], signed[3]) else "") + digits + ("." + places if point else "")


def read_content(path: Path) -> bytes:
    """The bytes of a file. Raises UserError for one that cannot be read, or is too large."""
    try:
        return definition_file.read(path, BYTES_MAX)
    except FileNotFoundError as error:
        raise UserError(f"bank file {path} does not exist", "name the file that the bank gave", exit_status=2) from error
    except OSError as error:
        remedy = "split it by days" if error.errno == errno.EFBIG else "name the file that the bank gave"
        raise UserError(f"bank file {path} cannot be read: {error.strerror}", remedy, exit_status=2) from error


def _text(path: Path, content: bytes, mapping: Mapping) -> str:
    try:
        return content.decode(mapping.encoding).removeprefix("\ufeff")
    except (UnicodeError, LookupError) as error:
        raise UserError(f"{path} is not {mapping.encoding}: {error}", "give the encoding of the bank's files in the mapping") from error


def _rows(path: Path, text: str, mapping: Mapping) -> list[tuple[int, list[str]]]:
    """Lines of the file with their numbers, blank ones left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mapping.delimiter, quotechar=mapping.quote, strict=True)
    rows = []
    before = 0
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((before + 1, row))
            before = reader.line_num
    except csv.Error as error:
        place = f"line {before + 1}"
        message = "a quoted text does not end: the file is cut short" if "unexpected end" in str(error) else str(error)
        raise ProblemsError([Problem(str(path), place, message, "fetch the file again")]) from error
    return rows


def _parted(
    path: Path, rows: list[tuple[int, list[str]]], mapping: Mapping, problems: list[Problem]
) -> tuple[tuple[int, list[str]] | None, list[tuple[int, list[str]]], list[str]]:
    """The line of totals, the bookings, and the names of the columns."""
    head, body = rows[: mapping.header_lines], rows[mapping.header_lines :]
    names = [cell.strip() for cell in head[-1][1]] if head else [str(place + 1) for place in range(len(body[0][1]) if body else 0)]
    totals = None
    if mapping.totals is not None:
        places = head if mapping.totals.place is TotalsPlace.HEADER else body
        found = [row for row in places if row[1][0].strip().startswith(mapping.totals.begins)]
        is_trailer = mapping.totals.place is TotalsPlace.TRAILER
        if len(found) != 1 or (is_trailer and found[0] is not body[-1]):
            what = "comes before the end" if found and is_trailer else "is missing: the file is cut short"
            line = found[0][0] if found else (rows[-1][0] if rows else 1)
            message = f"the line of totals ({mapping.totals.begins}) {what}"
            problems.append(Problem(str(path), f"line {line}", message, "fetch the file again; nothing of it was taken"))
        else:
            totals = found[0]
        body = [row for row in body if row not in found]
    return totals, body, names


def _lines(  # noqa: PLR0913, PLR0917 -- what a file is read with
    path: Path,
    body: Sequence[tuple[int, list[str]]],
    names: Sequence[str],
    mapping: Mapping,
    problems: list[Problem],
    progress: Callable[[int, int], None] | None,
    latest: dt.date,
) -> tuple[list[BankLine], list[int]]:
    """The bookings, and the amounts of those that went out."""
    columns = mapping.columns
    wanted = [columns.date, columns.amount, columns.id, columns.currency, columns.payer, columns.sign, *columns.reference]
    missing = [name for name in wanted if name and name not in names]
    if missing:
        place = f"line {mapping.header_lines}" if mapping.header_lines else "line 1"
        problems += [Problem(str(path), place, f"no column is called {name!r}", f"there are {', '.join(names)}") for name in missing]
        return [], []
    made, outgoing = [], []
    times: collections.Counter[str] = collections.Counter()
    ids: dict[str, int] = {}
    for index, (line_no, row) in enumerate(body):
        if progress is not None and index % _EVERY == 0:
            progress(index, len(body))
        try:
            line = _line(line_no, _named(row, names, is_last=index == len(body) - 1), mapping, times)
            _require_possible(line, ids, mapping, latest)
        except _Wrong as wrong:
            problems.append(Problem(str(path), f"line {line_no}", *wrong.args))
            continue
        ids[line.line_id] = line_no
        if line.amount_micros < 0:
            outgoing.append(line.amount_micros)
        else:
            made.append(line)
    return made, outgoing


def _require_possible(line: BankLine, ids: dict[str, int], mapping: Mapping, latest: dt.date) -> None:
    if line.line_id in ids:
        raise _Wrong(f"the id {line.line_id!r} is in line {ids[line.line_id]} as well", "ask the bank; one booking has one id")
    if line.amount_micros < 0 and mapping.outgoing is Outgoing.REFUSE:
        raise _Wrong(
            f"the payment is negative: {format_micros(line.amount_micros)}",
            "record what went back with `ratewright payment reverse`; `outgoing: ignore` in the mapping passes such lines over",
        )
    if line.amount_micros > 0 and line.received_on < FIRST_MONEY:
        raise _Wrong(f"{line.received_on} is before {FIRST_MONEY}", "look at date of the mapping; nothing of the file was taken")
    if line.amount_micros > 0 and line.received_on > latest:
        raise _Wrong(
            f"{line.received_on} has not begun yet",
            "look at date of the mapping, or at the clock of this machine; nothing of the file was taken",
        )


def _named(row: Sequence[str], names: Sequence[str], *, is_last: bool) -> dict[str, str]:
    if len(row) < len(names):
        cut = ": the file is cut short" if is_last else ""
        raise _Wrong(f"it has {counted(len(row), 'column')} instead of {len(names)}{cut}", "fetch the file again")
    if any("\0" in cell for cell in row):
        raise _Wrong("it holds a NUL character", "look at encoding of the mapping, or fetch the file again")
    return dict(zip(names, (cell.strip() for cell in row), strict=False))


def _line(line_no: int, cells: dict[str, str], mapping: Mapping, times: collections.Counter[str]) -> BankLine:
    """One booking, or _Wrong."""
    columns = mapping.columns
    currency = (cells[columns.currency] if columns.currency else mapping.currency).upper()
    if currency not in MINOR_DIGITS:
        raise _Wrong(f"{currency!r} is not a currency of ISO 4217", "look at columns.currency of the mapping")
    amount = _signed(cells, mapping)
    if amount == 0:
        raise _Wrong("the amount is zero", "ask the bank what it is for, and take the line out")
    if amount % minor_step_micros(MINOR_DIGITS[currency]):
        raise _Wrong(f"{format_micros(amount)} has more than the {MINOR_DIGITS[currency]} decimal places of {currency}", "ask the bank")
    reference = " ".join(filter(None, (cells[name] for name in columns.reference)))
    payer = cells[columns.payer] if columns.payer else ""
    day = _day(cells[columns.date], mapping)
    return BankLine(line_no, _line_id(cells, mapping, times), day, amount, currency, payer, reference)


def _signed(cells: dict[str, str], mapping: Mapping) -> int:
    try:
        amount = parse_amount(cells[mapping.columns.amount], mapping)
    except MoneyError as error:
        raise _Wrong(str(error), "look at decimal and thousands of the mapping") from error
    if not mapping.columns.sign:
        return amount
    word = cells[mapping.columns.sign]
    if word not in (*mapping.credit_words, *mapping.debit_words):
        raise _Wrong(f"{word!r} says neither credit nor debit", "look at credit_words and debit_words of the mapping")
    return amount if word in mapping.credit_words else -amount


def _day(text: str, mapping: Mapping) -> dt.date:
    try:
        own = "".join("?" if mark.isdecimal() and not mark.isascii() else mark for mark in text)  # `strptime` reads digits of every script
        return dt.datetime.strptime(own, mapping.date).date()  # noqa: DTZ007 -- a date without a zone
    except ValueError as error:
        raise _Wrong(
            f"{text!r} is not a date such as {dt.date(2026, 11, 30).strftime(mapping.date)}", "look at date of the mapping"
        ) from error


def _line_id(cells: dict[str, str], mapping: Mapping, times: collections.Counter[str]) -> str:
    """The bank's id behind the name of its account, or a hash of the line and of how often it has come in the file."""
    prefix = mapping.account or mapping.name
    if mapping.columns.id:
        identity = cells[mapping.columns.id]
        if not identity or not identity.isprintable():
            raise _Wrong("the bank's id is empty or no text", "look at columns.id of the mapping")
        return f"{prefix}/{identity}"
    content = "\0".join(f"{name}={text}" for name, text in sorted(cells.items()))
    times[content] += 1
    hashed = hashlib.blake2b(f"{content}\0{times[content]}".encode(), digest_size=ID_BYTES)
    return f"{prefix}/{hashed.hexdigest()}"


def _compared(
    path: Path, totals: tuple[int, list[str]], lines: Sequence[BankLine], outgoing: Sequence[int], mapping: Mapping
) -> Iterator[Problem]:
    """Differences between the line of totals and the lines."""
    assert mapping.totals is not None
    line_no, row = totals
    count, amount = len(lines) + len(outgoing), sum(line.amount_micros for line in lines) + sum(outgoing)
    remedy = "fetch the file again; nothing of it was taken"
    for name, place, found in (("lines", mapping.totals.count, count), ("sum", mapping.totals.amount, amount)):
        if not place:
            continue
        text = row[place - 1].strip() if place <= len(row) else ""
        try:
            told = parse_amount(text, mapping)
        except MoneyError:
            yield Problem(str(path), f"line {line_no}", f"{text!r} holds no {name}", "look at totals of the mapping")
            continue
        if told != (found if name == "sum" else found * MICROS_PER_UNIT):
            shown = format_micros(found) if name == "sum" else f"{found:,}"
            yield Problem(
                str(path), f"line {line_no}", f"its totals say {name} {text}, its lines {shown}: it is cut short or changed", remedy
            )
