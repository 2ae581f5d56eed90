"""Reads a carrier's rate deck as its mapping says, to lines in the words of the canonical deck.

CSV, plain or gzip, within the limits of `tariffs.documents.limits`. Every mistake is reported with its line, all at once (ProblemsError).
Refused are cells that cannot be read, other currencies, free seconds (there is no word for them), and rates that are not exact in
micro-units for the deck's `per`. Columns that the mapping does not name are handed back by name, so that they can be listed.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import math
import zlib
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import msgspec

from rating.counted import counted
from rating.errors import Problem, ProblemsError, UserError
from rating.money import MICROS_PER_UNIT
from tariffs.decks_import import cells
from tariffs.decks_import.ledger import Terms
from tariffs.decks_import.mapping import Action, ColumnsEntry
from tariffs.decks_import.prefix_lists import prefixes
from tariffs.documents import limits
from tariffs.documents.csv_reader import shown
from tariffs.language.texts import TextError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tariffs.decks_import.ledger import Defaults
    from tariffs.decks_import.mapping import DeckMapping

Value = TypeVar("Value")
MISTAKES_MAX: Final = 1_000  # a mapping that does not fit makes one a row
DESTINATION_CHARS_MAX: Final = 200
PREFIXES_MAX: Final = 1_000_000  # of one deck: three times all there are; a prefix costs about a kilobyte until the deck is written

_GZIP: Final = b"\x1f\x8b"


class Line(NamedTuple):
    """A row of the source."""

    number: int  # line in the file
    prefixes: tuple[str, ...]
    destination: str
    terms: Terms | None  # None: to be blocked or deleted
    begins: dt.date | None
    action: Action | None


class Source(NamedTuple):
    """A deck as read."""

    name: str  # of the file
    lines: list[Line]
    unread: tuple[str, ...]  # columns of which nothing was made


def read(path: Path, mapping: DeckMapping, defaults: Defaults, currency: str | None) -> Source:
    """The deck of the file `path` for a deck with these terms, in `currency`. Raises UserError or ProblemsError."""
    if mapping.rate_per.unit is not defaults.per.unit:
        raise UserError(f"{path}: the mapping's `rate_per` counts other things than the deck's `per`", "write both such as 60s")
    if currency is not None and mapping.currency not in (None, currency):
        raise UserError(
            f"{path}: the deck is in {mapping.currency}, the catalogue in {currency}", "import it into a catalogue of its currency"
        )
    reader = _Reader(str(path), mapping, defaults, currency or mapping.currency)
    reader.read(_text(path, mapping.encoding))
    if reader.problems:
        raise ProblemsError(reader.problems)
    return Source(str(path), reader.lines, reader.unread)


def _text(path: Path, encoding: str) -> io.TextIOWrapper:
    """The decoded text of a plain or compressed file, read whole and bounded."""
    try:
        if not path.is_file():
            raise UserError(f"{path}: there is no such file", "name a rate deck (.csv or .csv.gz)")
        with path.open("rb") as file:
            packed = file.peek(2)[:2] == _GZIP
            data = (gzip.GzipFile(fileobj=file) if packed else file).read(limits.CSV_BYTES_MAX + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise UserError(f"{path}: the compressed file is damaged", "fetch it again") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}", "name a rate deck (.csv or .csv.gz)") from None
    if len(data) > limits.CSV_BYTES_MAX:
        raise UserError(f"{path}: larger than {limits.CSV_BYTES_MAX // limits.MIB} MiB", "split it")
    return io.TextIOWrapper(io.BytesIO(data), encoding, newline="")


class _Columns(msgspec.Struct, frozen=True):
    """The place of each value in a row; -1: nowhere."""

    prefix: int
    destination: int
    rate: int
    country: int
    connect_fee: int
    increments: int
    first_increment: int
    further_increment: int
    minimum: int
    included: int
    effective_from: int
    action: int
    currency: int


class _Reader:
    """Turns rows into lines. Texts that come again are read once."""

    def __init__(self, name: str, mapping: DeckMapping, defaults: Defaults, currency: str | None) -> None:
        self.lines: list[Line] = []
        self.problems: list[Problem] = []
        self.unread: tuple[str, ...] = ()
        self._name = name
        self._mapping = mapping
        self._defaults = defaults
        self._currency = currency
        self._actions = mapping.actions.words()
        self._date = cells.dates(mapping.date_format)
        self._pair = None if mapping.increments is None else mapping.increments.of(defaults.unit)
        self._terms: dict[tuple[str, ...], Terms] = {}
        self._dates: dict[str, dt.date] = {}
        self._finest = 1  # how many times finer than a micro-unit rates are
        self._prefixes = 0
        self._columns: _Columns | None = None
        self._width = 0  # cells of the first row

    def read(self, text: io.TextIOWrapper) -> None:
        """All rows; what is wrong goes to `problems`."""
        csv.field_size_limit(limits.CSV_CELL_CHARS_MAX)
        rows = csv.reader(text, delimiter=self._mapping.delimiter, strict=True)
        line_before = 0
        try:
            for _ in range(self._mapping.skip_rows):
                if not text.readline():
                    break
            for row in rows:
                number = rows.line_num + self._mapping.skip_rows
                is_told = rows.line_num - line_before > 1 and self._has_swallowed(row, number) and self._columns is not None
                line_before = rows.line_num
                if not is_told and any(cell and not cell.isspace() for cell in row) and not self._row(row, number):
                    break
        except UnicodeError:
            remedy = "name the file's `encoding` in the mapping, or save it as UTF-8"
            self._note(0, f"cannot be decoded, after line {rows.line_num + self._mapping.skip_rows}", remedy)
        except csv.Error as error:
            self._note(rows.line_num + self._mapping.skip_rows, f"not a CSV file: {error}", "look at `delimiter` in the mapping")
        if not self.lines and not self.problems:
            self._note(0, "no rows", "name a rate deck with a row for each prefix or destination")
        if self._finest > 1:
            per = cells.length_text(self._defaults.per.value * self._finest, self._defaults.unit)
            remedy = f"they are exact with `per: {per}` in the deck: set that, and import the whole deck into a new file"
            self._note(0, "rates are finer than six decimals for the deck's `per`", remedy)

    def _row(self, row: list[str], number: int) -> bool:
        """The header first, then rows. False: no use to go on."""
        if self._columns is None:
            self._width = len(row)
            self._columns = self._found_columns(row, number)
            if self._columns is None:
                return False
            if self._mapping.header:
                return True
        self._line(row, self._columns, number)
        return len(self.problems) < MISTAKES_MAX and not self._is_too_much(number)

    def _has_swallowed(self, row: list[str], number: int) -> bool:
        """Return whether a cell has several lines with delimiters in it: it has probably taken rows in. Lists of prefixes are exempt.

        Such a cell is reported, and nothing more of its row.
        """
        for place, cell in enumerate(row):
            is_prefixes = self._columns is not None and place == self._columns.prefix
            if not is_prefixes and self._mapping.delimiter in cell and len(cell.splitlines()) > 1:
                remedy = "close the quotation mark, or take line breaks or delimiters out of the cell"
                self._note(number, f'"{shown(" ".join(cell.split()))}" is one cell over several lines', remedy)
                return True
        return False

    def _is_too_much(self, line: int) -> bool:
        if len(self.lines) <= PREFIXES_MAX and self._prefixes <= PREFIXES_MAX:
            return False
        self._note(line, f"more than {PREFIXES_MAX:,} rows or prefixes", "split the deck")
        return True

    def _found_columns(self, first: list[str], line: int) -> _Columns | None:
        """The places of the mapping's columns in a file that begins with this row."""
        names = [cell.strip().casefold() for cell in first] if self._mapping.header else []
        found: dict[str, int] = {}
        for field in msgspec.structs.fields(ColumnsEntry):
            wanted = getattr(self._mapping.columns, field.name)
            if isinstance(wanted, str):
                count = names.count(wanted.casefold())
                if count != 1:
                    what = "there is no column" if count == 0 else "there are several columns"
                    self._note(line, f"{what} `{wanted}` for `{field.name}`", f"columns are {shown(', '.join(first), 300)}")
                    continue
                found[field.name] = names.index(wanted.casefold())
            else:
                found[field.name] = -1 if wanted is None else wanted - 1
                if found[field.name] >= len(first):
                    self._note(line, f"there is no column {wanted} for `{field.name}`", f"the file has {counted(len(first), 'column')}")
        if self.problems:
            return None
        used = set(found.values())
        self.unread = tuple(name.strip() or str(i + 1) for i, name in enumerate(first) if i not in used) if self._mapping.header else ()
        return _Columns(**found)

    def _line(self, row: list[str], columns: _Columns, number: int) -> None:
        if any(cell.strip() for cell in row[self._width :]):  # such as 0,05 between commas, which would be a rate of 0
            remedy = "put cells that hold the delimiter in quotation marks, or look at `delimiter` in the mapping"
            self._note(number, f"{counted(len(row), 'cell')}, and the first row has {self._width}", remedy)
            return
        try:
            self.lines.append(self._parsed(row, columns, number))
        except TextError as error:
            self._note(number, error.message, error.remedy)
        except IndexError:
            self._note(number, f"{counted(len(row), 'cell')}, and the mapping asks for more", "write one cell a column")

    def _parsed(self, row: list[str], columns: _Columns, number: int) -> Line:
        country = row[columns.country].strip().removeprefix("+") if columns.country >= 0 else ""
        if columns.country >= 0 and not country:  # an area code alone would be some other country
            raise TextError("country: no code", "write it in every row, or leave `country` out of the mapping")
        found = _of("prefix", prefixes, row[columns.prefix], country)
        self._prefixes += len(found)
        action = self._action(row[columns.action]) if columns.action >= 0 else None
        destination = " ".join(row[columns.destination].split())
        if not destination and action is not Action.DELETE and action is not Action.BLOCK:
            raise TextError("no destination", "write its name")
        if len(destination) > DESTINATION_CHARS_MAX or not destination.isprintable():
            raise TextError(
                f'"{shown(destination)!a}" is not the name of a destination', f"write at most {DESTINATION_CHARS_MAX} plain characters"
            )
        self._refuse_other_terms(row, columns)
        terms = None if action in (Action.DELETE, Action.BLOCK) else self._terms_of(row, columns)
        begins = self._begins(row[columns.effective_from]) if columns.effective_from >= 0 else None
        return Line(number, found, destination, terms, begins, action)

    def _refuse_other_terms(self, row: list[str], columns: _Columns) -> None:
        """Refuse cells that would change the meaning of the row and have no word in a deck."""
        if columns.included >= 0:
            included = row[columns.included].strip()
            if included and _of("included", cells.amount, included, self._mapping.amounts):
                raise TextError(
                    f"{shown(included)} seconds are included",
                    "a deck has no word for free seconds: ask for rates without them",
                )
        if columns.currency >= 0:
            self._currency = self._currency or row[columns.currency].strip()  # nobody said: the first row does
            if row[columns.currency].strip() != self._currency:
                message = f'"{shown(row[columns.currency])}" is not {self._currency}'
                raise TextError(message, "a deck has one currency, that of its catalogue")

    def _terms_of(self, row: list[str], columns: _Columns) -> Terms:
        places = (
            columns.rate,
            columns.connect_fee,
            columns.increments,
            columns.first_increment,
            columns.further_increment,
            columns.minimum,
        )
        key = tuple([row[place].strip() if place >= 0 else "" for place in places])
        terms = self._terms.get(key)
        if terms is None:
            rate, fee, *lengths = key
            fee_micros = _of("connect_fee", cells.amount, fee, self._mapping.amounts) * MICROS_PER_UNIT if fee else Fraction(0)
            if fee_micros.denominator != 1:
                raise TextError(f'connect_fee: "{shown(fee)}" has more than six places', "round it")
            has_fee = bool(fee) or columns.connect_fee >= 0
            terms = self._terms[key] = Terms(
                self._rate_micros(rate),
                self._increments(*lengths),
                fee_micros.numerator if has_fee else self._defaults.connect_fee_micros,
            )
        return terms

    def _rate_micros(self, text: str) -> int:
        """Micro-units for the deck's `per`; how much finer rates are is remembered."""
        exact = (
            _of("rate", cells.amount, text, self._mapping.amounts)
            * MICROS_PER_UNIT
            * self._defaults.per.value
            / self._mapping.rate_per.value
        )
        self._finest = math.lcm(self._finest, exact.denominator)
        return math.floor(exact)

    def _increments(self, both: str, first: str, further: str, minimum: str) -> tuple[int, int] | None:
        unit = self._defaults.unit
        found = self._pair or self._defaults.increments
        if both:
            found = _of("increments", cells.increments, both, unit)
        elif first or further:
            found = (
                _of("first_increment", cells.length, first or further, unit),
                _of("further_increment", cells.length, further or first, unit),
            )
        if minimum and minimum.strip("0."):
            if found is None:
                raise TextError("a minimum, and no increments", "name a column of increments in the mapping")
            found = cells.covering(found, _of("minimum", cells.length, minimum, unit))
        return found

    def _action(self, text: str) -> Action | None:
        word = text.strip().casefold()
        if word not in self._actions and word:
            raise TextError(f'action: "{shown(text)}" is not one of the mapping\'s words', "add it to `actions` in the mapping")
        return self._actions.get(word)

    def _begins(self, text: str) -> dt.date | None:
        if not text.strip():
            return None
        found = self._dates.get(text)
        if found is None:
            found = self._dates[text] = _of("effective_from", self._date, text)
        return found

    def _note(self, line: int, message: str, remedy: str) -> None:
        self.problems.append(Problem(self._name, f"line {line}" if line else "document", message, remedy))


def _of(column: str, parse: Callable[..., Value], *arguments: object) -> Value:
    """The value that a reader makes of a cell; its error gets the column's name."""
    try:
        return parse(*arguments)
    except TextError as error:
        raise TextError(f"{column}: {error.message}", error.remedy) from None
