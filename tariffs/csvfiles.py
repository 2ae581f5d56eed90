"""The CSV files that a tariff document names: lists of prefixes, lists of holidays, and rate decks.

UTF-8, comma, a header line. A prefix list has a column `prefix`, a list of holidays a column `date`. A deck has
`zone_id,zone,prefixes,rate` and may have `increments` and `connect_fee`; the prefixes of a row are parted by spaces. Unknown columns
are refused. Every bad cell is named with its line.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from tariffs import digits, texts
from tariffs.document import Finding, Place, line_at
from tariffs.texts import Increments
from tariffs.words import UNREAD_DATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tariffs.language import Document

Value = TypeVar("Value")
WHOLE_DIGITS_MAX: Final = 18

_PREFIX_COLUMNS: Final = ("prefix",)
_HOLIDAY_COLUMNS: Final = ("date",)
_DECK_COLUMNS: Final = ("zone_id", "zone", "prefixes", "rate")
_DECK_OPTIONAL: Final = ("increments", "connect_fee")


class DeckRow(NamedTuple):
    """One row of a deck's CSV file."""

    zone_id: int
    zone: str
    prefixes: tuple[str, ...]
    rate_micros: int
    increments: Increments | None
    connect_fee_micros: int | None


class Files(NamedTuple):
    """What the CSV files that a document names hold, by the place that names them."""

    prefixes: Mapping[Place, tuple[str, ...]]
    holidays: Mapping[Place, tuple[dt.date, ...]]
    decks: Mapping[Place, tuple[DeckRow, ...]]


def read(document: Document, folder: Path, findings: list[Finding]) -> Files:
    """Read what `document` names, relative to `folder`; mistakes are added to `findings`."""
    prefixes: dict[Place, tuple[str, ...]] = {}
    for index, zone in enumerate(document.zones):
        if zone.prefixes_file is not None:
            reader = _Reader(("zones", index, "prefixes_file"), zone.prefixes_file, findings)
            prefixes["zones", index] = tuple(reader.prefix_row(row) for row in reader.rows(folder, _PREFIX_COLUMNS, ()))
    holidays: dict[Place, tuple[dt.date, ...]] = {}
    for index, calendar in enumerate(document.calendars):
        if calendar.holidays_file is not None:
            reader = _Reader(("calendars", index, "holidays_file"), calendar.holidays_file, findings)
            holidays["calendars", index] = tuple(reader.holiday_row(row) for row in reader.rows(folder, _HOLIDAY_COLUMNS, ()))
    decks: dict[Place, tuple[DeckRow, ...]] = {}
    for index, deck in enumerate(document.decks):
        reader = _Reader(("decks", index, "file"), deck.file, findings)
        decks["decks", index] = tuple(reader.deck_row(row) for row in reader.rows(folder, _DECK_COLUMNS, _DECK_OPTIONAL))
    return Files(prefixes, holidays, decks)


class _Row(NamedTuple):
    """A line of a CSV file, its cells by column."""

    line: int
    cells: dict[str, str]


class _Reader:
    """Reads one CSV file. Its mistakes are noted at the place of the document that names the file."""

    def __init__(self, place: Place, name: str, findings: list[Finding]) -> None:
        self._place = place
        self._name = name
        self._findings = findings

    def rows(self, folder: Path, columns: tuple[str, ...], optional: tuple[str, ...]) -> list[_Row]:
        """The rows of the file that have as many cells as its header; none where the header itself is wrong."""
        path = folder / self._name
        try:
            text = path.read_bytes().decode("utf-8-sig")
            return self._split(csv.reader(io.StringIO(text, newline=""), strict=True), columns, optional)
        except FileNotFoundError:
            self._note("there is no such file", f"put it into {folder}")
        except OSError as error:
            self._note(f"cannot be read: {error.strerror}", "name a readable CSV file")
        except UnicodeDecodeError as error:
            self._note(f"line {line_at(error.object, error.start)} is not UTF-8 text", "save it as UTF-8 with commas")
        except csv.Error as error:
            self._note(f"not a CSV file: {error}", "save it as UTF-8 with commas")
        except ValueError as error:  # a name that no file can have
            self._note(f"cannot be read: {error}", "name a readable CSV file")
        return []

    def prefix_row(self, row: _Row) -> str:
        """The prefix of a row."""
        return self._convert(row, "prefix", row.cells["prefix"], digits.prefix, "")

    def holiday_row(self, row: _Row) -> dt.date:
        """The date of a row."""
        return self._convert(row, "date", row.cells["date"], texts.date, UNREAD_DATE)

    def deck_row(self, row: _Row) -> DeckRow:
        """A row of a deck."""
        prefixes = tuple(self._convert(row, "prefixes", text, digits.prefix, "") for text in row.cells["prefixes"].split())
        if not prefixes:
            self._note("no prefix", "write one or more prefixes, parted by spaces", row)
        if not row.cells["zone"].strip():
            self._note("no zone", "write the name of the zone", row)
        return DeckRow(
            zone_id=self._convert(row, "zone_id", row.cells["zone_id"], _whole, 1),
            zone=row.cells["zone"],
            prefixes=prefixes,
            rate_micros=self._convert(row, "rate", row.cells["rate"], texts.amount, 0),
            increments=self._optional(row, "increments", texts.increments),
            connect_fee_micros=self._optional(row, "connect_fee", texts.amount),
        )

    def _split(self, lines: Iterator[list[str]], columns: tuple[str, ...], optional: tuple[str, ...]) -> list[_Row]:
        header = next(lines, [])
        if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
            self._note("its cells are not parted by commas", "save it with commas, and amounts with a point")
            return []
        missing = [column for column in columns if column not in header]
        unknown = [column for column in header if column not in columns and column not in optional]
        if missing or unknown or len(set(header)) < len(header):
            wrong = f"column `{missing[0]}` is missing" if missing else f"column `{(unknown or header)[0]}` is unknown or there twice"
            self._note(wrong, f"columns are {', '.join(columns)}{' and optional ' if optional else ''}{', '.join(optional)}")
            return []
        rows = []
        for line, cells in enumerate(lines, start=2):
            if len(cells) == len(header):
                rows.append(_Row(line, dict(zip(header, cells, strict=True))))
            elif cells:
                self._note(f"line {line}: {len(cells)} cells instead of {len(header)}", "write one cell a column")
        return rows

    def _optional(self, row: _Row, column: str, parse: Callable[[object], Value]) -> Value | None:
        text = row.cells.get(column, "")
        return None if not text else self._convert(row, column, text, parse, None)

    def _convert(self, row: _Row, column: str, text: str, parse: Callable[[object], Value], placeholder: Value) -> Value:
        try:
            return parse(text)
        except texts.TextError as error:
            self._note(f"column {column}: {error.message}", error.remedy, row)
            return placeholder

    def _note(self, message: str, remedy: str, row: _Row | None = None) -> None:
        where = self._name if row is None else f"{self._name} line {row.line}"
        self._findings.append(Finding(self._place, f"{where}: {message}", remedy))


def _whole(raw: object) -> int:
    text = str(raw)
    if not (text.isascii() and text.isdecimal() and len(text) <= WHOLE_DIGITS_MAX):
        raise texts.TextError(f'"{text}" is not a whole number', "write digits")
    return int(text)
