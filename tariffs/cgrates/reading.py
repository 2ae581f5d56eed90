"""The six files of a tariff plan folder as rows of cells.

CSV without a header, or with one that is a comment (`#Tag,...`) or begins with the first column's name. Comments and empty lines are
skipped. Listed are rows with too few or too many cells or with cells over several lines. So are files that are not read here, and rows of
a file that nothing names.
Refuses a folder that lacks one of the files, and a file whose header says another order of columns. Refuses one that is no UTF-8 text or
beyond the limits of `tariffs.documents.limits`.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.counted import counted
from rating.errors import UserError
from tariffs.cgrates.carried import Ledger, Listed
from tariffs.documents import limits
from tariffs.documents.document import line_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

TIMINGS: Final = "Timings.csv"
DESTINATIONS: Final = "Destinations.csv"
RATES: Final = "Rates.csv"
DESTINATION_RATES: Final = "DestinationRates.csv"
RATING_PLANS: Final = "RatingPlans.csv"
RATING_PROFILES: Final = "RatingProfiles.csv"
ANY: Final = "*any"
LIST_MARK: Final = ";"


class _Shape(NamedTuple):
    """The cells of a file's rows; those after the first `least` may be missing."""

    columns: tuple[str, ...]
    least: int


_SHAPES: Final = {
    TIMINGS: _Shape(("Tag", "Years", "Months", "MonthDays", "WeekDays", "Time"), 6),
    DESTINATIONS: _Shape(("Tag", "Prefix"), 2),
    RATES: _Shape(("Tag", "ConnectFee", "Rate", "RateUnit", "RateIncrement", "GroupIntervalStart"), 6),
    DESTINATION_RATES: _Shape(
        ("Tag", "DestinationsTag", "RatesTag", "RoundingMethod", "RoundingDecimals", "MaxCost", "MaxCostStrategy"), 5
    ),
    RATING_PLANS: _Shape(("Tag", "DestinationRatesTag", "TimingTag", "Weight"), 4),
    RATING_PROFILES: _Shape(("Tenant", "Category", "Subject", "ActivationTime", "RatingPlanId", "FallbackSubjects"), 5),
}
_HEADS: Final = {"tag", "id", "tenant"}
_NAME: Final = re.compile(r"[a-z]+?(?=s?(?:tag|id)?$)")  # a column's name without what editions differ in: RatesTag, RatesId, Rate


class Row(NamedTuple):
    """A line of a file: as many cells as the file has columns."""

    file: str
    line: int
    cells: tuple[str, ...]

    @property
    def place(self) -> tuple[str, int]:
        """The file and line of the row."""
        return self.file, self.line


class Folder(NamedTuple):
    """The rows of each file, and what was not read."""

    rows: dict[str, list[Row]]
    listed: list[Listed]


def read(folder: Path) -> Folder:
    """The files of `folder`. Raises UserError where one is missing or cannot be read."""
    try:
        there = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder}: cannot be read: {error.strerror}", "name a folder with the CSV files of a tariff plan") from None
    missing = [name for name in _SHAPES if name not in there]
    if missing:
        raise UserError(f"{folder}: there is no {missing[0]}", f"a tariff plan has the files {', '.join(_SHAPES)}")
    ledger = Ledger()
    for name in there:
        if name not in _SHAPES:
            ledger.add((name, 0), "", "the file is not read", "it holds no rates: only the six files of rates are")
    rows = {name: list(_rows(folder / name, shape, ledger)) for name, shape in _SHAPES.items()}
    return Folder(rows, ledger.listed)


def several(text: str) -> list[str]:
    """The parts of a `;` list, empty ones left out."""
    return [part.strip() for part in text.split(LIST_MARK) if part.strip()]


def _rows(path: Path, shape: _Shape, ledger: Ledger) -> Iterator[Row]:
    reader = csv.reader(_lines(path), strict=True)
    try:
        for cells in reader:
            row = Row(path.name, reader.line_num, tuple(cell.strip() for cell in cells))
            if any(len(cell.splitlines()) > 1 for cell in row.cells):  # it has probably taken rows in, which a comment may do too
                tag = " ".join(row.cells[0].split())
                ledger.add(row.place, tag, "the row is left out", "a cell goes over several lines: look for a quotation mark too many")
                continue
            if not any(row.cells) or row.cells[0].startswith("#") or _is_head(row, shape):
                continue
            if reader.line_num > limits.CSV_ROWS_MAX:
                raise UserError(f"{path}: more than {limits.CSV_ROWS_MAX:,} lines", "split the folder")
            filled = _filled(row, shape, ledger)
            if filled is not None:
                yield filled
    except csv.Error as error:
        raise UserError(f"{path} line {reader.line_num}: not CSV: {error}", "save it with commas") from None


def _is_head(row: Row, shape: _Shape) -> bool:
    """Return whether a row is a header. UserError: one whose columns are in another order."""
    columns = [_plain(column) for column in shape.columns]
    names = [_plain(cell) for cell in row.cells]
    if row.cells[0].lower() not in _HEADS or len(names) == 1 or names[1] not in columns[1:]:
        return False
    if any(name in columns and name != column for name, column in zip(names[1:], columns[1:], strict=False)):
        raise UserError(f"{row.file} line {row.line}: columns in another order", f"write them as {', '.join(shape.columns)}")
    return True


def _plain(column: str) -> str:
    match = _NAME.match(column.lower())
    return column.lower() if match is None else match[0]


def _filled(row: Row, shape: _Shape, ledger: Ledger) -> Row | None:
    """`row` with the cells that may be missing; None where it is not of the shape."""
    cells = list(row.cells)
    while len(cells) > len(shape.columns) and not cells[-1]:
        cells.pop()
    if shape.least <= len(cells) <= len(shape.columns) and cells[0]:
        return row._replace(cells=tuple(cells) + ("",) * (len(shape.columns) - len(cells)))
    ledger.add(row.place, cells[0], "the row is left out", f"{counted(len(cells), 'cell')} instead of {', '.join(shape.columns)}")
    return None


def _lines(path: Path) -> Iterable[str]:
    try:
        if not path.is_file():
            raise UserError(f"{path}: is not an ordinary file", "name a folder with readable CSV files")
        with path.open("rb") as file:
            data = file.read(limits.CSV_BYTES_MAX + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}", "check its permissions") from None
    if len(data) > limits.CSV_BYTES_MAX:
        raise UserError(f"{path}: is larger than {limits.CSV_BYTES_MAX // limits.MIB} MiB", "split the folder")
    try:
        return io.StringIO(data.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} line {line_at(error.object, error.start)}: is not UTF-8 text", "save it as UTF-8") from None
