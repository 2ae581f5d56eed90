"""The canonical form of a rate deck: a CSV file with a row for each zone and its terms, from a day on.

Columns `zone_id,zone,prefixes,rate`, and where wanted `increments`, `connect_fee`, `from` and `blocked`; prefixes are parted by spaces.
A zone may have several rows, each valid from its `from` (a local date; empty: since ever) until the next one; a row says everything
about its zone. `blocked: true`: calls are refused on purpose, and there is no rate. A row with a `from` and without prefixes ends the zone.
A version of a catalogue sees the rows of the local day on which it takes effect.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple

from tariffs.documents.csv_reader import CsvReader, Row, whole
from tariffs.language import digits, texts
from tariffs.language.texts import Increments

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

COLUMNS: Final = ("zone_id", "zone", "prefixes", "rate")
OPTIONAL: Final = ("increments", "connect_fee", "from", "blocked")

_YES_NO: Final = {"true": True, "false": False}


class DeckRow(NamedTuple):
    """The row of a zone from a day on."""

    zone_id: int
    zone: str
    prefixes: tuple[str, ...]  # none: from that day on there is no such zone
    rate_micros: int  # 0 where `blocked`
    increments: Increments | None
    connect_fee_micros: int | None
    effective_from: dt.date | None = None
    blocked: bool = False


class Cut(NamedTuple):
    """The rows that are in force on a day, in the order of the file, and those that wait for a later one."""

    in_force: tuple[DeckRow, ...]
    waiting: tuple[DeckRow, ...]


def read_rows(reader: CsvReader, folder: Path) -> tuple[DeckRow, ...]:
    """All rows of a deck's file; mistakes go to the findings of `reader`."""
    return tuple([_deck_row(reader, row) for row in reader.rows(folder, COLUMNS, OPTIONAL)])


def cut(rows: Iterable[DeckRow], day: dt.date) -> Cut:
    """Rows in force on `day`: of each zone its last row until then. Zones that have ended are left out.

    Two rows of one zone that begin on the same day are both returned: the check of zones says that one is there twice.
    """
    rows = tuple(rows)
    if not any(row.effective_from for row in rows):
        return Cut(rows, ())
    newest: dict[int, dt.date] = {}
    for row in rows:
        begins = row.effective_from or dt.date.min
        if begins <= day:
            newest[row.zone_id] = max(begins, newest.get(row.zone_id, begins))
    in_force = tuple(row for row in rows if row.prefixes and newest.get(row.zone_id) == (row.effective_from or dt.date.min))
    return Cut(in_force, tuple(row for row in rows if row.effective_from is not None and row.effective_from > day))


def _deck_row(reader: CsvReader, row: Row) -> DeckRow:
    prefixes = tuple([reader.convert(row, "prefixes", text, digits.prefix, "") for text in row.cells["prefixes"].split()])
    begins = reader.optional(row, "from", texts.date)
    blocked = bool(reader.optional(row, "blocked", texts.choice(_YES_NO, "true or false")))
    if not prefixes and begins is None:
        reader.note("no prefix", "write one or more prefixes, parted by spaces", row)
    if not row.cells["zone"].strip():
        reader.note("no zone", "write the name of the zone", row)
    elif not row.cells["zone"].isprintable():  # two lost quotation marks would take the rows between them in
        reader.note("the name of its zone has a line break, or a character that cannot be shown", "look for a quotation mark too many", row)
    has_rate = bool(row.cells["rate"]) or not (blocked or not prefixes)
    if blocked and row.cells["rate"]:
        reader.note("blocked, and has a rate", "leave one of them empty", row)
    return DeckRow(
        zone_id=reader.convert(row, "zone_id", row.cells["zone_id"], whole, 1),
        zone=_readable(row.cells["zone"]),
        prefixes=prefixes,
        rate_micros=reader.convert(row, "rate", row.cells["rate"], texts.amount, 0) if has_rate else 0,
        increments=reader.optional(row, "increments", texts.increments),
        connect_fee_micros=reader.optional(row, "connect_fee", texts.amount),
        effective_from=begins,
        blocked=blocked,
    )


def _readable(name: str) -> str:
    """A name with the codes of what cannot be shown: the mistake is reported once, and not at each zone, price and rule of that name."""
    return name if name.isprintable() else "".join(mark if mark.isprintable() else f"<U+{ord(mark):04X}>" for mark in name)
