"""Writes a canonical deck: the CSV file that a catalogue names, whole or not at all."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from rating import durable
from rating.errors import UserError
from rating.money import format_micros
from tariffs.decks_import import cells
from tariffs.documents.deck_files import COLUMNS, OPTIONAL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tariffs.documents.deck_files import DeckRow
    from tariffs.language.texts import Quantity


def csv_text(rows: Sequence[DeckRow], connect_fee_micros: int = 0) -> str:
    """The text of a deck. Optional columns that no row needs are left out; `connect_fee_micros` is the fee of rows that name none."""
    needed = (
        any(row.increments is not None for row in rows),
        any(row.connect_fee_micros not in (None, connect_fee_micros) for row in rows),
        any(row.effective_from is not None for row in rows),
        any(row.blocked for row in rows),
    )
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*COLUMNS, *(name for name, needs in zip(OPTIONAL, needed, strict=True) if needs)])
    writer.writerows([*_fixed(row), *(cell for cell, needs in zip(_optional(row), needed, strict=True) if needs)] for row in rows)
    return buffer.getvalue()


def write(path: Path, text: str) -> bool:
    """Put `text` into the file `path` in one step; False where it holds that already. Raises UserError."""
    data = text.encode()
    try:
        if path.is_file() and path.read_bytes() == data:
            return False
        with durable.replaced(path, path.with_name(f".{path.name}.new")) as file:
            file.write(data)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}", "look at the permissions of its folder") from None
    return True


def _fixed(row: DeckRow) -> list[str]:
    has_rate = row.prefixes and not row.blocked
    return [str(row.zone_id), row.zone, " ".join(row.prefixes), format_micros(row.rate_micros, 2) if has_rate else ""]


def _optional(row: DeckRow) -> list[str]:
    return [
        "" if row.increments is None else "/".join(_length(each) for each in row.increments),
        "" if row.connect_fee_micros is None else format_micros(row.connect_fee_micros, 0),
        "" if row.effective_from is None else row.effective_from.isoformat(),
        "true" if row.blocked else "",
    ]


def _length(length: Quantity) -> str:
    return str(length.value) if length.unit is None else cells.increment_text(length.value, length.unit)
