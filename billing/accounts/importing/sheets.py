"""The parts of an import file: its layout, its rows as typed columns, and the mistakes that are found in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa

from rating.errors import Problem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


MISTAKES_MAX: Final = 10_000  # that are listed


class CellError(Exception):
    """A cell that cannot be used: the error and its remedy."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class Column(NamedTuple):
    """The reading of a column's cells. `read` raises CellError; None is an empty cell. A column that may be missing reads as empty.

    `plain` is a pattern (RE2) of texts that are certainly right and mean themselves, so that a column of a million ids needs no calls.
    """

    read: Callable[[str], object]
    type: pa.DataType
    may_be_missing: bool = False
    plain: str = ""


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
    """Rows without a mistake of their own: columns of the layout, and `line`, the line of each in the file."""

    file: str
    table: pa.Table
    place: str = "line {}"  # the text of a row's number
    given: frozenset[str] = frozenset()  # columns that are in the file

    def where(self, line: int, column: str = "") -> str:
        """The place of a row, or of a cell in it."""
        return self.place.format(line) + (f", {column}" if column else "")

    def lines(self) -> NDArray[np.int64]:
        """The line of each row in the file."""
        return self.table["line"].to_numpy()


class Mistakes:
    """All errors in the files, and what cannot be known because of them: ids on refused lines, and files that cannot be read.

    An id that is missing only because its line has a mistake is no mistake of the rows that name it. Mistakes beyond MISTAKES_MAX are
    counted alone.
    """

    def __init__(self) -> None:
        self.problems: list[tuple[int, int, Problem]] = []  # place of the file and number of the row, to sort by
        self._untold = 0
        self._refused: set[tuple[str, str]] = set()
        self._unreadable: set[str] = set()
        self._files: dict[str, int] = {}

    def add(self, file: str, place: str, message: str, remedy: str, *, line: int = 0) -> None:
        """Note one mistake."""
        if self.is_full:
            self._untold += 1
            return
        self.problems.append((self._files.setdefault(file, len(self._files)), line, Problem(file, place, message, remedy)))

    @property
    def is_full(self) -> bool:
        """True where no further mistake is listed."""
        return len(self.problems) >= MISTAKES_MAX

    def add_row(self, sheet: Sheet, line: int, column: str, message: str, remedy: str) -> None:
        """Note one mistake of a row of a sheet."""
        self.add(sheet.file, sheet.where(line, column), message, remedy, line=line)

    def expect(self, file: str) -> None:
        """Note the order in which mistakes are reported: that in which their files were expected."""
        self._files.setdefault(file, len(self._files))

    def add_unreadable(self, file: str, place: str, message: str, remedy: str, *, line: int = 0) -> None:
        """Note one mistake that hides lines of the file."""
        self.add(file, place, message, remedy, line=line)
        self._unreadable.add(file)

    def refuse(self, file: str, row_id: str) -> None:
        """Note that the line of this id is not used."""
        self._refused.add((file, row_id))

    def may_hold(self, file: str, row_id: str) -> bool:
        """Return whether the id may be in the file, on a line that has a mistake."""
        return file in self._unreadable or (file, row_id) in self._refused

    def in_order(self) -> list[Problem]:
        """Files in their order, lines in theirs; last, where there are more, how many others were found."""
        told = [problem for _, _, problem in sorted(self.problems, key=lambda each: each[:2])]
        if not self.is_full:
            return told
        message = f"{len(told):,} mistakes are listed, and {self._untold:,} more were found; the rows after them were not checked"
        return [*told, Problem("all files", "", message, "correct these first")]
