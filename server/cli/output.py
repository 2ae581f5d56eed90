"""Output of a command's result: JSON for programs, a table for people.

On a terminal a table is drawn by rich; in a pipe it is plain aligned text that is never cut or wrapped, so that grep and awk can read it.
"""

from __future__ import annotations

import sys
import unicodedata
from typing import TYPE_CHECKING

import msgspec

from rating.dates import last_day_text

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from billing.charges.own_days import Days

GAP = "  "


def print_json(value: object) -> None:
    """Print any value that msgspec can encode (structs, dicts, dates), indented by two."""
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def amount(micros: int, currency: str) -> str:
    """Exact decimal text with at least the places of the currency: `12.50` in EUR, `906` in JPY."""
    from rating.money import format_micros
    from tariffs.currencies import MINOR_DIGITS

    return format_micros(micros, MINOR_DIGITS.get(currency, 2))


def about(micros: int, currency: str) -> str:
    """An estimate, to the places of the currency (half up, away from zero); exact where that would be nothing."""
    from rating.money import format_about
    from tariffs.currencies import MINOR_DIGITS

    return format_about(micros, MINOR_DIGITS.get(currency, 2))


def last_day(end: dt.date | str | None) -> str:
    """The last day of a span whose `end` is the day after it (a date, or ISO text); empty where it has no end.

    People are shown the first and the last day of everything; JSON has spans half open.
    """
    return last_day_text(end)


def period(start: str, end: dt.date | str | None) -> str:
    """The first and the last day of a span, as customers read it; `end` is the day after it."""
    return f"{start} .. {last_day(end)}"


def periods(period_from: str, period_to: str, days: Sequence[Days]) -> str:
    """The days that a line of a bill is for: its own `days` where it has some, else its period."""
    spans = [(each.from_date, each.to_date) for each in days]
    return ", ".join(period(*span) for span in spans or [(period_from, period_to)])


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[str] = (), title: str = "") -> None:
    """Print `rows` below `columns`. The columns named in `right` hold figures and are aligned to the right."""
    texts = [["" if cell is None else printable(str(cell)) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _draw(columns, texts, right, title)
        return
    print("\n".join(([title] if title else []) + plain_table(columns, texts, right=right)))


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> list[str]:
    """The lines of a table in aligned plain text; wide (Chinese) characters count twice, as terminals show them."""
    from rich.cells import cell_len

    table = [list(columns), *(list(row) for row in rows)]
    widths = [max(cell_len(row[i]) for row in table) for i in range(len(columns))]
    lines = []
    for row in table:
        cells = []
        for name, cell, width in zip(columns, row, widths, strict=True):
            padding = " " * (width - cell_len(cell))
            cells.append(padding + cell if name in right else cell + padding)
        lines.append(GAP.join(cells).rstrip())
    return lines


def printable(text: str) -> str:
    """Text of one line: what would move the cursor, colour a terminal or cannot be written is shown by its code."""
    return text if text.isprintable() else "".join(mark if _is_shown(mark) else ascii(mark)[1:-1] for mark in text)


def print_lines(lines: Iterable[str]) -> None:
    """Print text that others wrote, a line or several each, as `printable`."""
    print("\n".join(printable(each) for line in lines for each in line.split("\n")))


def _is_shown(mark: str) -> bool:
    return mark.isprintable() or unicodedata.category(mark) == "Zs"  # blanks of every width


def _draw(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str], title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, title_justify="left")
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(markup=False).print(table)
