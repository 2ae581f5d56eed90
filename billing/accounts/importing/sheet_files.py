"""Import files read: CSV in a folder, or the same rows in one JSON document. Every mistake with file, line and remedy.

A sheet is read in pieces, so that a million rows need little memory at a time. Conditions that need another row (ids that must exist, spans
that must not overlap) are checked by `importing`. A row with a mistake is left out of the table.
"""

from __future__ import annotations

import codecs
import csv
import io
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import msgspec
import pyarrow as pa

from billing.accounts.importing.cells import ROWS_A_PIECE, CellReader
from billing.accounts.importing.sheets import Sheet
from rating import definition_file, field_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from billing.accounts.importing.cells import Piece
    from billing.accounts.importing.sheets import Column, Layout, Mistakes

    Progress = Callable[[int], None]

_Document = dict[str, list[dict[str, Any]]]
_BYTES_AT_ONCE: Final = 1 << 20
_FORM: Final = 'write {"accounts": [{...}], ...} as export does'
_JSON_BYTES_MAX: Final = 512 << 20  # one document is read whole; CSV files have no such bound


def read_folder(folder: Path, layouts: Sequence[Layout], mistakes: Mistakes, progress: Progress) -> dict[str, Sheet]:
    """The sheet of each layout by its name, from the CSV files of a folder. `progress` gets the rows as they are read."""
    for layout in layouts:
        mistakes.expect(layout.file)
    sheets = {}
    for layout in layouts:
        path = folder / layout.file
        if layout.may_be_missing and not path.exists():
            sheets[layout.name] = _empty(layout, layout.file, mistakes)
        else:
            sheets[layout.name] = _read_csv(path, layout, mistakes, progress)
    return sheets


def read_document(path: Path, layouts: Sequence[Layout], mistakes: Mistakes) -> dict[str, Sheet]:
    """The same from one JSON document: an object with a list of objects for each file, in which a cell may be a number, null or JSON."""
    document: dict[str, list[dict[str, Any]]] = {}
    content = b""
    try:
        content = definition_file.read(path, _JSON_BYTES_MAX)
        document = definition_file.from_json(content, _Document)
    except OSError as error:
        mistakes.add_unreadable(path.name, "file", f"cannot be read: {error.strerror}", "name a readable file")
    except msgspec.ValidationError:
        mistakes.add_unreadable(path.name, *_misfit(content), _FORM)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        mistakes.add_unreadable(path.name, "file", definition_file.no_json(error, content), _FORM)
    unknown = document.keys() - {layout.name for layout in layouts}
    for name in sorted(unknown):
        mistakes.add_unreadable(path.name, name, "is unknown", f"known lists: {', '.join(layout.name for layout in layouts)}")
    return {layout.name: of_objects(path.name, layout, document.get(layout.name, []), mistakes) for layout in layouts}


def _misfit(content: bytes) -> tuple[str, str]:
    """The place and the error of the first value of a document that is not of its type."""
    try:
        document = definition_file.from_json(content)
    except msgspec.DecodeError as error:  # further on, where reading by type did not come
        return "file", definition_file.no_json(error, content)
    wrong = next(field_values.misfits(document, _Document, "document"))
    return wrong.place, wrong.message


def _read_csv(path: Path, layout: Layout, mistakes: Mistakes, progress: Progress) -> Sheet:
    sheet = Sheet(path.name, pa.table({}))
    file = _opened(path, mistakes)
    if file is None:
        return _empty(layout, path.name, mistakes)
    header: list[str] = []
    pieces: Iterator[Piece] = iter(())
    with io.TextIOWrapper(file, "utf-8-sig", newline="") as lines:
        reader = csv.reader(lines, strict=True)
        try:
            header = [name.strip() for name in next(reader, [])]
            if _header_is_right(path.name, header, layout.columns, mistakes):
                pieces = _pieces(path.name, reader, mistakes)
        except csv.Error as error:
            _not_csv(path.name, reader.line_num, error, mistakes)
        return CellReader(layout, sheet, header, mistakes, is_csv=True).read(pieces, progress)


def _empty(layout: Layout, file: str, mistakes: Mistakes) -> Sheet:
    return CellReader(layout, Sheet(file, pa.table({})), list(layout.columns), mistakes).read([])


def _opened(path: Path, mistakes: Mistakes) -> BinaryIO | None:
    try:
        file = definition_file.opened(path)
        wrong_at = _first_that_is_no_text(file)
    except FileNotFoundError:
        mistakes.add_unreadable(path.name, "file", "is missing", "add it to the folder; the header alone will do when there are no rows")
    except OSError as error:
        mistakes.add_unreadable(path.name, "file", f"cannot be read: {error.strerror}", "name a readable file")
    else:
        if wrong_at is None:
            return file
        line, byte = wrong_at
        mistakes.add_unreadable(path.name, f"line {line}", f"not UTF-8 at byte {byte}", "save the file as UTF-8", line=line)
        file.close()
    return None


def _first_that_is_no_text(file: BinaryIO) -> tuple[int, int] | None:
    """Line and byte at which `file` stops being UTF-8; None where all of it is, and then it is at its beginning again."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    lines = bytes_before = 0
    is_last = False
    while not is_last:
        piece = file.read(_BYTES_AT_ONCE)
        is_last = not piece
        held_bytes = len(decoder.getstate()[0])  # the beginning of a character that the piece before cut
        try:
            decoder.decode(piece, final=is_last)
        except UnicodeDecodeError as error:
            at = error.start - held_bytes
            return lines + piece.count(b"\n", 0, max(at, 0)) + 1, bytes_before + at
        lines += piece.count(b"\n")
        bytes_before += len(piece)
    file.seek(0)
    return None


def _pieces(file: str, reader: Any, mistakes: Mistakes) -> Iterator[Piece]:  # noqa: ANN401 -- an array, or a value of any type
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


def of_objects(file: str, layout: Layout, objects: list[dict[str, Any]], mistakes: Mistakes) -> Sheet:
    """Rows of a document. A field that is not there is an empty cell."""
    mistakes.expect(file)
    sheet = Sheet(file, pa.table({}), f"{layout.name}[{{}}]")
    rows, lines = [], []
    for number, each in enumerate(objects):
        unknown = [name for name in each if name not in layout.columns]
        for name in unknown:
            mistakes.add_row(sheet, number, name, "is unknown", f"known fields: {', '.join(layout.columns)}")
        if unknown:
            continue
        try:
            cells = [_cell(each.get(name)) for name in layout.columns]
        except RecursionError:  # read it was, and it cannot be written
            mistakes.add_row(sheet, number, "", definition_file.TOO_DEEP, "write a value without so many lists within lists")
            continue
        rows.append(cells)
        lines.append(number)
    return CellReader(layout, sheet, list(layout.columns), mistakes).read([(rows, lines)])


def _cell(value: Any) -> str:  # noqa: ANN401 -- an array, or a value of any type
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
