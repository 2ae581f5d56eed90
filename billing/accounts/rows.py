"""Rows of the three import files: typed and checked one by one, every mistake with file, line and remedy.

Dates are ISO in the account's zone; instants of numbers are ISO with an offset. What needs another row (ids that must exist, spans
that must not overlap) is checked in `importing`.
"""

from __future__ import annotations

import csv
import datetime as dt
import functools
import io
import re
import zoneinfo
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    _Columns = dict[str, Callable[[str], object]]  # name of a column -> reader of its cells, the id first

PAYMENT_DAYS_MAX: Final = 365
_ID: Final = re.compile(r"[^\s/]{1,64}")
_SERVED_ID: Final = re.compile(r"(?!\+[1-9][0-9]{6,14}$)[^\s/]{1,64}")  # usage has numbers without +: one with it would never be found
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_PLAN: Final = re.compile(r"[^\s/]+/[^\s/]+")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_WHOLE: Final = re.compile(r"\d{1,4}")
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)


class AccountRow(NamedTuple):
    """One line of accounts.csv."""

    line: int
    account_id: str
    name: str
    currency: str
    timezone: str
    bill_day: int
    language: str
    opened_on: str
    billed_through: str | None
    dunning_policy: str
    payment_days: int


class SubscriptionRow(NamedTuple):
    """One line of subscriptions.csv."""

    line: int
    subscription_id: str
    account_id: str
    plan: str
    from_date: str
    to_date: str | None


class NumberRow(NamedTuple):
    """One line of numbers.csv, instants in microseconds UTC."""

    line: int
    served_id: str
    subscription_id: str
    from_us: int
    to_us: int | None


class _FieldError(Exception):
    """A field that cannot be used: what is wrong and how to mend it."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class Mistakes:
    """All that is wrong with the files, and what cannot be known because of it: ids on refused lines, and files that cannot be read.

    An id that is missing only because its line has a mistake is not a mistake of those who name it.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._refused: set[tuple[str, str]] = set()
        self._unreadable: set[str] = set()

    def add(self, file: str, place: str, message: str, remedy: str) -> None:
        """Note one mistake."""
        self.problems.append(Problem(file, place, message, remedy))

    def add_unreadable(self, file: str, place: str, message: str, remedy: str) -> None:
        """Note one mistake that hides lines of the file."""
        self.add(file, place, message, remedy)
        self._unreadable.add(file)

    def refuse(self, file: str, row_id: str) -> None:
        """Note that the line of this id is not used."""
        self._refused.add((file, row_id))

    def may_hold(self, file: str, row_id: str) -> bool:
        """Whether the id may stand in the file, on a line that has a mistake."""
        return file in self._unreadable or (file, row_id) in self._refused


def read_account_rows(path: Path, mistakes: Mistakes) -> list[AccountRow]:
    """Rows of accounts.csv without a mistake of their own."""
    rows = []
    for line, cells in _lines(path, _ACCOUNT_COLUMNS, mistakes):
        row = AccountRow(line, *cells)  # type: ignore[arg-type]  # each cell was made by the reader of its column
        if row.billed_through is not None and row.billed_through < row.opened_on:
            message = f"billed_through {row.billed_through} is before opened_on {row.opened_on}"
            mistakes.add(path.name, f"line {line}", message, "leave billed_through empty for an account never billed")
        rows.append(row)
    return rows


def read_subscription_rows(path: Path, mistakes: Mistakes) -> list[SubscriptionRow]:
    """Rows of subscriptions.csv without a mistake of their own."""
    rows = []
    for line, cells in _lines(path, _SUBSCRIPTION_COLUMNS, mistakes):
        row = SubscriptionRow(line, *cells)  # type: ignore[arg-type]  # each cell was made by the reader of its column
        if row.to_date is not None and row.to_date <= row.from_date:
            message = f"to_date {row.to_date} is not after from_date {row.from_date}"
            mistakes.add(path.name, f"line {line}", message, "to_date is the first day that no longer counts; empty means no end")
        rows.append(row)
    return rows


def read_number_rows(path: Path, mistakes: Mistakes) -> list[NumberRow]:
    """Rows of numbers.csv without a mistake of their own."""
    rows = []
    for line, cells in _lines(path, _NUMBER_COLUMNS, mistakes):
        row = NumberRow(line, *cells)  # type: ignore[arg-type]  # each cell was made by the reader of its column
        if row.to_us is None or row.to_us > row.from_us:
            rows.append(row)
        else:
            mistakes.add(
                path.name, f"line {line}", "to is not after from", "to is the first instant that no longer counts; empty means no end"
            )
    return rows


def _lines(path: Path, columns: _Columns, mistakes: Mistakes) -> Iterator[tuple[int, list[object]]]:
    """Line number and typed cells, in the order of `columns`, of every line without a mistake."""
    text = _text(path, mistakes)
    if text is None:
        return
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if not _header_is_right(path.name, header, columns, mistakes):
            return
        places = [(header.index(name), name, convert) for name, convert in columns.items()]
        for cells in reader:
            if cells and (typed := _typed(path.name, reader.line_num, cells, places, mistakes)) is not None:
                yield reader.line_num, typed
    except csv.Error as error:
        mistakes.add_unreadable(path.name, f"line {reader.line_num}", f"not CSV: {error}", "write comma-separated text, quotes doubled")


def _text(path: Path, mistakes: Mistakes) -> str | None:
    try:
        raw = path.read_bytes()
        return raw.decode("utf-8-sig")
    except FileNotFoundError:
        mistakes.add_unreadable(path.name, "file", "is missing", "add it to the folder; the header alone will do when there are no rows")
    except OSError as error:
        mistakes.add_unreadable(path.name, "file", f"cannot be read: {error.strerror}", "name a readable file")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        mistakes.add_unreadable(path.name, f"line {line}", f"not UTF-8 at byte {error.start}", "save the file as UTF-8")
    return None


def _header_is_right(file: str, header: list[str], columns: _Columns, mistakes: Mistakes) -> bool:
    missing = [name for name in columns if name not in header]
    unknown = [name for name in header if name not in columns]
    wrongs = [f"column {', '.join(names)} is {how}" for names, how in ((missing, "missing"), (unknown, "unknown")) if names]
    if not header:
        wrongs = ["the file is empty"]
    elif not wrongs and len(header) != len(columns):
        wrongs = ["a column is named twice"]
    for wrong in wrongs:
        mistakes.add_unreadable(file, "line 1", wrong, f"begin the file with the header {','.join(columns)}")
    return not wrongs


def _typed(
    file: str, line: int, cells: list[str], places: list[tuple[int, str, Callable[[str], object]]], mistakes: Mistakes
) -> list[object] | None:
    """The cells in the order of `places`, or None when one of them has a mistake."""
    before = len(mistakes.problems)
    typed = []
    if len(cells) != len(places):
        mistakes.add(file, f"line {line}", f"{len(cells)} columns where the header has {len(places)}", "quote fields that hold a comma")
        mistakes.refuse(file, cells[min(places[0][0], len(cells) - 1)].strip())
        return None
    for index, name, convert in places:
        try:
            typed.append(convert(cells[index].strip()))
        except _FieldError as error:
            mistakes.add(file, f"line {line}, {name}", error.message, error.remedy)
    if len(mistakes.problems) == before:
        return typed
    mistakes.refuse(file, cells[places[0][0]].strip())
    return None


def _matching(pattern: re.Pattern[str], remedy: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if pattern.fullmatch(text) is None:
            raise _FieldError(f"{text!r} cannot be used", remedy)
        return text

    return convert


def _free_text(text: str) -> str:
    if not text.isprintable():
        raise _FieldError(f"{text!r} holds control characters", "write plain text")
    return text


def _whole(low: int, high: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if _WHOLE.fullmatch(text) is None or not low <= int(text) <= high:
            raise _FieldError(f"{text!r} is not a whole number from {low} to {high}", "give such a number")
        return int(text)

    return convert


@functools.lru_cache(maxsize=4096)
def _date(text: str) -> str:
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=dt.UTC).date().isoformat()
    except ValueError:
        raise _FieldError(f"{text!r} is not a date", "write it as 2026-01-31") from None


def _date_or_none(text: str) -> str | None:
    return _date(text) if text else None


@functools.lru_cache(maxsize=4096)
def _instant(text: str) -> int:
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise _FieldError(f"{text!r} is not an instant with its offset", "write it as 2026-01-31T00:00:00+08:00")
    return (instant - _EPOCH) // _MICROSECOND


def _instant_or_none(text: str) -> int | None:
    return _instant(text) if text else None


@functools.lru_cache(maxsize=1024)
def _timezone(text: str) -> str:
    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise _FieldError(f"{text!r} is not a time zone", "use an IANA name such as Asia/Shanghai") from None
    return text


_an_id = _matching(_ID, "use 1 to 64 characters without spaces and slashes")
_ACCOUNT_COLUMNS: Final[_Columns] = {
    "account_id": _an_id,
    "name": _free_text,
    "currency": _matching(_CURRENCY, "use the three capital letters of ISO 4217, such as CNY"),
    "timezone": _timezone,
    "bill_day": _whole(1, 31),
    "language": _matching(_LANGUAGE, "use a language tag such as zh or en"),
    "opened_on": _date,
    "billed_through": _date_or_none,
    "dunning_policy": _matching(_NAME, "name a policy with small letters, digits, - and _"),
    "payment_days": _whole(0, PAYMENT_DAYS_MAX),
}
_SUBSCRIPTION_COLUMNS: Final[_Columns] = {
    "subscription_id": _an_id,
    "account_id": _an_id,
    "plan": _matching(_PLAN, "name it as catalogue/plan, such as mobile/smart-m"),
    "from_date": _date,
    "to_date": _date_or_none,
}
_NUMBER_COLUMNS: Final[_Columns] = {
    "served_id": _matching(_SERVED_ID, "use 1 to 64 characters without spaces and slashes; an E.164 number as digits without +"),
    "subscription_id": _an_id,
    "from": _instant,
    "to": _instant_or_none,
}
