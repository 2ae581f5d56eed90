"""Cells of import files read into typed columns: once a distinct text, or not at all where a whole column is plain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from billing.accounts.importing.sheets import CellError
from rating import spreadsheet_cells
from rating.counted import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from billing.accounts.importing.sheets import Column, Layout, Mistakes, Sheet

    Piece = tuple[list[list[str]], list[int]]  # cells a row, and the number of each row

ROWS_A_PIECE: Final = 65_536


class CellReader:
    """Reads the rows of one file below its header. Rows with a mistake are noted and left out."""

    def __init__(self, layout: Layout, sheet: Sheet, header: list[str], mistakes: Mistakes, *, is_csv: bool = False) -> None:
        self._layout = layout
        self._sheet = sheet
        self._header = header
        self._mistakes = mistakes
        self._is_csv = is_csv
        self._known: dict[str, dict[str, Any]] = {name: {} for name in layout.columns}

    def read(self, pieces: Iterable[Piece], progress: Callable[[int], None] | None = None) -> Sheet:
        """The sheet with all rows of some pieces. `progress` gets the number of rows of each."""
        names = self._layout.columns
        schema = pa.schema([*((name, column.type) for name, column in names.items()), ("line", pa.int64())])
        tables = [schema.empty_table()]
        for piece in pieces:
            if piece[0]:
                tables.append(self._piece(piece).cast(schema))
            if progress is not None:
                progress(len(piece[0]))
        return self._sheet._replace(table=pa.concat_tables(tables).combine_chunks(), given=frozenset(self._header))

    def _piece(self, piece: Piece) -> pa.Table:
        rows, lines = self._of_full_length(piece)
        cells: dict[str, Sequence[str]] = dict.fromkeys(self._header, ())
        cells |= dict(zip(self._header, zip(*rows, strict=True), strict=False))
        good = np.ones(len(rows), np.bool_)
        columns: dict[str, Any] = {"line": pa.array(lines, pa.int64())}
        for name, column in self._layout.columns.items():
            if name in cells:
                columns[name] = self._column(name, self._texts(cells[name]), lines, good)
            else:
                columns[name] = pa.array([None] * len(rows), column.type)
        first = next(iter(self._layout.columns))
        for row in np.flatnonzero(~good).tolist():
            self._mistakes.refuse(self._sheet.file, cells[first][row].strip())
        table = pa.table({name: columns[name] for name in (*self._layout.columns, "line")})
        return table if good.all() else table.filter(pa.array(good))

    def _texts(self, cells: Sequence[str]) -> Any:  # noqa: ANN401 -- an array
        """Cells without blanks at their ends, and, in a CSV file, without the apostrophe that keeps a spreadsheet from running them."""
        texts = pc.utf8_trim_whitespace(pa.array(cells, pa.string()))
        if not self._is_csv or not pc.any(pc.starts_with(texts, "'")).as_py():
            return texts
        return pc.replace_substring_regex(texts, spreadsheet_cells.QUOTED, r"\1", max_replacements=1)

    def _column(self, name: str, texts: Any, lines: list[int], good: NDArray[np.bool_]) -> Any:  # noqa: ANN401 -- an array, or a value of any type
        """The cells of a column; rows with a mistake are no longer good."""
        column = self._layout.columns[name]
        if column.plain and pc.all(pc.match_substring_regex(texts, column.plain)).as_py():
            return texts
        encoded = texts.dictionary_encode()
        values, errors = _values(column, encoded.dictionary.to_pylist(), self._known[name])
        codes = encoded.indices.to_numpy()
        for code, error in errors.items():
            for row in np.flatnonzero(codes == code).tolist():
                self._mistakes.add_row(self._sheet, lines[row], name, error.message, error.remedy)
                good[row] = False
        return pa.array(values, column.type).take(encoded.indices)

    def _of_full_length(self, piece: Piece) -> Piece:
        """The rows that have a cell for each column of the header."""
        rows, lines = piece
        if set(map(len, rows)) <= {len(self._header)}:
            return piece
        place = self._header.index(next(iter(self._layout.columns)))
        kept: Piece = ([], [])
        for cells, line in zip(rows, lines, strict=True):
            if len(cells) == len(self._header):
                kept[0].append(cells)
                kept[1].append(line)
            else:
                message = f"{counted(len(cells), 'column')} where the header has {len(self._header)}"
                self._mistakes.add_row(self._sheet, line, "", message, "quote fields that hold a comma")
                self._mistakes.refuse(self._sheet.file, cells[min(place, len(cells) - 1)].strip())
        return kept


def _values(column: Column, texts: list[str], known: dict[str, Any]) -> tuple[list[Any], dict[int, CellError]]:
    """The value of each distinct text, None where it cannot be used, and the errors by index."""
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
