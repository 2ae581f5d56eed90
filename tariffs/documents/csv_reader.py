"""Reads one CSV file that a tariff document names: UTF-8, commas, a header line.

A file must be an ordinary one inside the catalogue's folder (links that lead out of it are refused) and within the limits of
`tariffs.documents.limits`; columns that are not asked for are refused. Every bad cell becomes a finding with its line, at the place of the
document that names the file. Rows are handed out one at a time, so that what is kept is what the caller keeps.
"""

from __future__ import annotations

import csv
import io
import stat
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from rating.counted import counted
from tariffs.documents import limits
from tariffs.documents.document import Finding, Place, line_at
from tariffs.language import texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Value = TypeVar("Value")
WHOLE_DIGITS_MAX: Final = 18
MISTAKES_MAX: Final = 10_000  # of one file; nobody reads more

_COMMAS: Final = "save it as UTF-8 with commas"


class Row(NamedTuple):
    """A line of a CSV file, its cells by column."""

    line: int
    cells: dict[str, str]


class CsvReader:
    """Reads the file `name` of a folder. Its mistakes are noted at the place of the document that names the file."""

    def __init__(self, place: Place, name: str, findings: list[Finding]) -> None:
        self._place = place
        self._name = name
        self._findings = findings
        self._mistakes = 0

    def rows(
        self, folder: Path, columns: tuple[str, ...], optional: tuple[str, ...] = (), *, others: Callable[[str], bool] | None = None
    ) -> Iterator[Row]:
        """The rows that have as many cells as the header; none where the header itself is wrong. `others`: names of further columns."""
        data = self._data(folder)
        if data is None:
            return
        csv.field_size_limit(limits.CSV_CELL_CHARS_MAX)  # a whole country may stand in one cell
        try:
            lines = csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", newline=""), strict=True)
            header = next(lines, [])
            known = (*optional, *(name for name in header if others is not None and others(name)))
            if self._is_header(header, columns, known):
                yield from self._split(lines, header)
        except UnicodeDecodeError:
            self.note(f"line {_undecodable(data)} is not UTF-8 text", _COMMAS)
        except csv.Error as error:
            self.note(f"not a CSV file: {error}", _COMMAS)

    def convert(self, row: Row, column: str, text: str, parse: Callable[[object], Value], placeholder: Value) -> Value:
        """The meaning of `text`; where it has none that is noted, and `placeholder` is given."""
        try:
            return parse(text)
        except texts.TextError as error:
            self.note(f"column {column}: {error.message}", error.remedy, row)
            return placeholder

    def optional(self, row: Row, column: str, parse: Callable[[object], Value]) -> Value | None:
        """As `convert`; None for an empty cell and for a column that is not there."""
        text = row.cells.get(column, "")
        return None if not text else self.convert(row, column, text, parse, None)

    def note(self, message: str, remedy: str, row: Row | None = None) -> None:
        """A mistake of the file, or of a row."""
        self._mistakes += 1
        where = self._name if row is None else f"{self._name} line {row.line}"
        if self._mistakes <= MISTAKES_MAX:
            self._findings.append(Finding(self._place, f"{where}: {message}", remedy))

    def _data(self, folder: Path) -> bytes | None:
        """The bytes of the file; None, and a mistake noted, where it is not to be read."""
        try:
            path = folder / self._name
            real = path.resolve()
            if not real.is_relative_to(folder.resolve()):
                self.note("lies outside the catalogue's folder", f"put it into {folder} and name it from there")
                return None
            if not stat.S_ISREG(path.stat().st_mode):
                self.note("is not an ordinary file", "name a readable CSV file")
                return None
            with path.open("rb") as file:
                data = file.read(limits.CSV_BYTES_MAX + 1)
        except FileNotFoundError:
            self.note("there is no such file", f"put it into {folder}")
        except OSError as error:
            self.note(f"cannot be read: {error.strerror}", "name a readable CSV file")
        except (ValueError, RuntimeError) as error:  # a name that no file can have; a loop of links
            self.note(f"cannot be read: {error}", "name a readable CSV file")
        else:
            if len(data) <= limits.CSV_BYTES_MAX:
                return data
            self.note(f"is larger than {limits.CSV_BYTES_MAX // limits.MIB} MiB", "split it, or leave out what is not needed")
        return None

    def _split(self, lines: Iterator[list[str]], header: list[str]) -> Iterator[Row]:
        for line, cells in enumerate(lines, start=2):
            if line > limits.CSV_ROWS_MAX + 1:
                self.note(f"has more than {limits.CSV_ROWS_MAX:,} rows", "split it, or leave out what is not needed")
                return
            if len(cells) == len(header):
                yield Row(line, dict(zip(header, cells, strict=True)))
            elif cells:
                self.note(f"line {line}: {counted(len(cells), 'cell')} instead of {len(header)}", "write one cell a column")
            if self._mistakes > MISTAKES_MAX:
                self._findings.append(Finding(self._place, f"{self._name}: and more mistakes than {MISTAKES_MAX:,}", "correct these first"))
                return

    def _is_header(self, header: list[str], columns: tuple[str, ...], optional: tuple[str, ...]) -> bool:
        if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
            self.note("its cells are not parted by commas", "save it with commas, and amounts with a point")
            return False
        missing = [column for column in columns if column not in header]
        unknown = [column for column in header if column not in columns and column not in optional]
        if missing or unknown or len(set(header)) < len(header):
            wrong = f"column `{missing[0]}` is missing" if missing else f"column `{(unknown or header)[0]}` is unknown or there twice"
            self.note(wrong, f"columns are {', '.join(columns)}{' and optional ' if optional else ''}{', '.join(optional)}")
            return False
        return True


def whole(raw: object) -> int:
    """A whole number of digits."""
    text = str(raw)
    if not (text.isascii() and text.isdecimal() and len(text) <= WHOLE_DIGITS_MAX):
        raise texts.TextError(f'"{shown(text)}" is not a whole number', "write digits")
    return int(text)


def shown(text: str, longest: int = 60) -> str:
    """`text`, cut where it is too long to be read in a message."""
    return text if len(text) <= longest else f"{text[:longest]}..."


def _undecodable(data: bytes) -> int:
    """The line of the first byte that is not UTF-8."""
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return line_at(error.object, error.start)
    return 1
