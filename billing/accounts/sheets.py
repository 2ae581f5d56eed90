"""Import files as typed columns: CSV in a folder, or the same rows in one JSON document. Every mistake with file, line and remedy.

A sheet is read in pieces: the cells of a column are looked at once a distinct text, so that a million rows take seconds. What needs
another row (ids that must exist, spans that must not overlap) is checked by `importing`. A row with a mistake is left out of the table.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rating.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

ROWS_A_PIECE: Final = 65_536
_Piece = tuple[list[list[str]], list[int]]  # cells a row, and the number of each


class CellError(Exception):
    """A cell that cannot be used: what is wrong and how to mend it."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class Column(NamedTuple):
    """How the cells of a column are read. `read` raises CellError; None is an empty cell. A column that may be missing reads as empty."""

    read: Callable[[str], object]
    type: pa.DataType
    may_be_missing: bool = False


class Layout(NamedTuple):
    """The columns of a file, the one with the id of the row first. A file that may be missing has no rows then."""

    name: str  # of the rows in a JSON document; the file is `name`.csv
    columns: Mapping[str, Column]
    may_be_missing: bool = False

    @property
    def file(self) -> str:
        """Its name in a folder."""
        return f"{self.name}.csv"


class Sheet(NamedTuple):
    """Rows without a mistake of their own: columns of the layout, and `line`, where each stands."""

    file: str
    table: pa.Table
    place: str = "line {}"  # how a row's number is told
    given: frozenset[str] = frozenset()  # columns that stand in the file

    def where(self, line: int, column: str = "") -> str:
        """The place of a row, or of a cell in it."""
        return self.place.format(line) + (f", {column}" if column else "")

    def lines(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Where each row stands."""
        return self.table["line"].to_numpy()


class Mistakes:
    """All that is wrong with the files, and what cannot be known because of it: ids on refused lines, and files that cannot be read.

    An id that is missing only because its line has a mistake is not a mistake of those who name it.
    """

    def __init__(self) -> None:
        self.problems: list[tuple[int, int, Problem]] = []  # place of the file and number of the row, to sort by
        self._refused: set[tuple[str, str]] = set()
        self._unreadable: set[str] = set()
        self._files: dict[str, int] = {}

    def add(self, file: str, place: str, message: str, remedy: str, *, line: int = 0) -> None:
        """Note one mistake."""
        self.problems.append((self._files.setdefault(file, len(self._files)), line, Problem(file, place, message, remedy)))

    def add_row(self, sheet: Sheet, line: int, column: str, message: str, remedy: str) -> None:
        """Note one mistake of a row of a sheet."""
        self.add(sheet.file, sheet.where(line, column), message, remedy, line=line)

    def expect(self, file: str) -> None:
        """Mistakes are told in the order in which their files were expected."""
        self._files.setdefault(file, len(self._files))

    def add_unreadable(self, file: str, place: str, message: str, remedy: str, *, line: int = 0) -> None:
        """Note one mistake that hides lines of the file."""
        self.add(file, place, message, remedy, line=line)
        self._unreadable.add(file)

    def refuse(self, file: str, row_id: str) -> None:
        """Note that the line of this id is not used."""
        self._refused.add((file, row_id))

    def may_hold(self, file: str, row_id: str) -> bool:
        """Whether the id may stand in the file, on a line that has a mistake."""
        return file in self._unreadable or (file, row_id) in self._refused

    def in_order(self) -> list[Problem]:
        """Files in their order, lines in theirs."""
        return [problem for _, _, problem in sorted(self.problems, key=lambda each: each[:2])]


def read_folder(folder: Path, layouts: Sequence[Layout], mistakes: Mistakes) -> dict[str, Sheet]:
    """The sheet of each layout by its name, from the CSV files of a folder."""
    for layout in layouts:
        mistakes.expect(layout.file)
    sheets = {}
    for layout in layouts:
        path = folder / layout.file
        if layout.may_be_missing and not path.exists():
            sheets[layout.name] = _typed(layout, Sheet(layout.file, pa.table({})), list(layout.columns), [], mistakes)
        else:
            sheets[layout.name] = _read_csv(path, layout, mistakes)
    return sheets


def read_document(path: Path, layouts: Sequence[Layout], mistakes: Mistakes) -> dict[str, Sheet]:
    """The same from one JSON document: an object with a list of objects for each file, in which a cell may be a number, null or JSON."""
    try:
        document = msgspec.json.decode(path.read_bytes(), type=dict[str, list[dict[str, Any]]])
    except OSError as error:
        mistakes.add_unreadable(path.name, "file", f"cannot be read: {error.strerror}", "name a readable file")
        document = {}
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        mistakes.add_unreadable(
            path.name, "file", f"not a document of accounts: {error}", 'write {"accounts": [{...}], ...} as export does'
        )
        document = {}
    unknown = document.keys() - {layout.name for layout in layouts}
    for name in sorted(unknown):
        mistakes.add_unreadable(path.name, name, "is unknown", f"known lists: {', '.join(layout.name for layout in layouts)}")
    return {layout.name: _of_objects(path.name, layout, document.get(layout.name, []), mistakes) for layout in layouts}


def _read_csv(path: Path, layout: Layout, mistakes: Mistakes) -> Sheet:
    sheet = Sheet(path.name, pa.table({}))
    reader = _reader(path, mistakes)
    if reader is None:
        return _typed(layout, sheet, list(layout.columns), [], mistakes)
    header: list[str] = []
    pieces: Iterator[_Piece] = iter(())
    try:
        header = [name.strip() for name in next(reader, [])]
        if _header_is_right(path.name, header, layout.columns, mistakes):
            pieces = _pieces(path.name, reader, mistakes)
    except csv.Error as error:
        _not_csv(path.name, reader.line_num, error, mistakes)
    return _typed(layout, sheet, header, pieces, mistakes)


def _reader(path: Path, mistakes: Mistakes) -> Any:  # noqa: ANN401 -- csv names no type of its readers
    try:
        raw = path.read_bytes()
        raw.decode("utf-8-sig")
    except FileNotFoundError:
        mistakes.add_unreadable(path.name, "file", "is missing", "add it to the folder; the header alone will do when there are no rows")
    except OSError as error:
        mistakes.add_unreadable(path.name, "file", f"cannot be read: {error.strerror}", "name a readable file")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        mistakes.add_unreadable(path.name, f"line {line}", f"not UTF-8 at byte {error.start}", "save the file as UTF-8", line=line)
    else:
        return csv.reader(io.TextIOWrapper(io.BytesIO(raw), "utf-8-sig", newline=""), strict=True)
    return None


def _pieces(file: str, reader: Any, mistakes: Mistakes) -> Iterator[_Piece]:  # noqa: ANN401 -- as above
    """Lines that are not blank."""
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for cells in reader:
            if cells:
                rows.append(cells)
                lines.append(reader.line_num)
                if len(rows) == ROWS_A_PIECE:
                    yield rows, lines
                    rows, lines = [], []
    except csv.Error as error:
        _not_csv(file, reader.line_num, error, mistakes)
    yield rows, lines


def _not_csv(file: str, line: int, error: csv.Error, mistakes: Mistakes) -> None:
    mistakes.add_unreadable(file, f"line {line}", f"not CSV: {error}", "write comma-separated text, quotes doubled", line=line)


def _of_objects(file: str, layout: Layout, objects: list[dict[str, Any]], mistakes: Mistakes) -> Sheet:
    """Rows of a document. A field that is not there is an empty cell."""
    mistakes.expect(file)
    sheet = Sheet(file, pa.table({}), f"{layout.name}[{{}}]")
    rows, lines = [], []
    for number, each in enumerate(objects):
        unknown = [name for name in each if name not in layout.columns]
        for name in unknown:
            mistakes.add_row(sheet, number, name, "is unknown", f"known fields: {', '.join(layout.columns)}")
        if not unknown:
            rows.append([_cell(each.get(name)) for name in layout.columns])
            lines.append(number)
    return _typed(layout, sheet, list(layout.columns), [(rows, lines)], mistakes)


def _cell(value: Any) -> str:  # noqa: ANN401 -- any value of JSON
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _header_is_right(file: str, header: list[str], columns: Mapping[str, Column], mistakes: Mistakes) -> bool:
    missing = [name for name, column in columns.items() if name not in header and not column.may_be_missing]
    unknown = [name for name in header if name not in columns]
    wrongs = [f"column {', '.join(names)} is {how}" for names, how in ((missing, "missing"), (unknown, "unknown")) if names]
    if not header:
        wrongs = ["the file is empty"]
    elif not wrongs and len(header) != len(set(header)):
        wrongs = ["a column is named twice"]
    needed = ",".join(name for name, column in columns.items() if not column.may_be_missing)
    more = ",".join(name for name, column in columns.items() if column.may_be_missing)
    for wrong in wrongs:
        remedy = f"begin the file with the header {needed}" + (f" and, if you like, {more}" if more else "")
        mistakes.add_unreadable(file, "line 1", wrong, remedy, line=1)
    return not wrongs


def _typed(layout: Layout, sheet: Sheet, header: list[str], pieces: Any, mistakes: Mistakes) -> Sheet:  # noqa: ANN401 -- iterable of pieces
    schema = pa.schema([*((name, column.type) for name, column in layout.columns.items()), ("line", pa.int64())])
    known: dict[str, dict[str, Any]] = {name: {} for name in layout.columns}
    batches = [_piece(layout, sheet, header, piece, known, mistakes) for piece in pieces if piece[0]]
    table = pa.concat_tables([schema.empty_table(), *(batch.cast(schema) for batch in batches)])
    return sheet._replace(table=table.combine_chunks(), given=frozenset(header))


def _piece(  # noqa: PLR0913, PLR0917 - what one piece needs
    layout: Layout, sheet: Sheet, header: list[str], piece: _Piece, known: dict[str, dict[str, Any]], mistakes: Mistakes
) -> pa.Table:
    rows, lines = _of_full_length(layout, sheet, header, piece, mistakes)
    cells = dict(zip(header, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(header, ())
    good = np.ones(len(rows), np.bool_)
    columns: dict[str, pa.Array[Any]] = {}
    for name, column in layout.columns.items():
        if name not in cells:
            columns[name] = pa.nulls(len(rows), column.type)
            continue
        encoded = pc.utf8_trim_whitespace(pa.array(cells[name], pa.string())).dictionary_encode()
        values, errors = _values(column, encoded.dictionary.to_pylist(), known[name])
        codes = encoded.indices.to_numpy()
        columns[name] = pa.array(values, column.type).take(encoded.indices)
        for code, error in errors.items():
            for row in np.flatnonzero(codes == code).tolist():
                mistakes.add_row(sheet, lines[row], name, error.message, error.remedy)
                good[row] = False
    first = next(iter(layout.columns))
    for row in np.flatnonzero(~good).tolist():
        mistakes.refuse(sheet.file, cells[first][row].strip())
    table = pa.table({**columns, "line": pa.array(lines, pa.int64())})
    return table if good.all() else table.filter(pa.array(good))


def _of_full_length(layout: Layout, sheet: Sheet, header: list[str], piece: _Piece, mistakes: Mistakes) -> _Piece:
    """The rows that have a cell for each column of the header."""
    rows, lines = piece
    if set(map(len, rows)) <= {len(header)}:
        return piece
    place = header.index(next(iter(layout.columns)))
    kept: _Piece = ([], [])
    for cells, line in zip(rows, lines, strict=True):
        if len(cells) == len(header):
            kept[0].append(cells)
            kept[1].append(line)
        else:
            message = f"{len(cells)} columns where the header has {len(header)}"
            mistakes.add_row(sheet, line, "", message, "quote fields that hold a comma")
            mistakes.refuse(sheet.file, cells[min(place, len(cells) - 1)].strip())
    return kept


def _values(column: Column, texts: list[str], known: dict[str, Any]) -> tuple[list[Any], dict[int, CellError]]:
    """What each distinct text says, None where it cannot be used, and why by its place."""
    values: list[Any] = []
    errors: dict[int, CellError] = {}
    if len(known) > ROWS_A_PIECE:
        known.clear()  # a column of ids: nothing comes again
    for code, text in enumerate(texts):
        if text not in known:
            try:
                known[text] = column.read(text)
            except CellError as error:
                known[text] = error
        value = known[text]
        if isinstance(value, CellError):
            errors[code] = value
            value = None
        values.append(value)
    return values, errors
