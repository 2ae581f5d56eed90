"""Decks as short texts: what an update makes of a canonical deck, written back as its CSV."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from rating.model import QuantityUnit
from tariffs.decks_import import mapping, merge, preview, reading, target, writing
from tariffs.decks_import.ledger import Deck, Defaults
from tariffs.language.texts import Quantity

if TYPE_CHECKING:
    from pathlib import Path

    from tariffs.decks_import.merge import Merged
    from tariffs.decks_import.preview import Notice, Preview
    from tariffs.decks_import.reading import Source

MINUTE = Quantity(60_000, QuantityUnit.MILLISECOND)
DEFAULTS = Defaults(MINUTE, (1_000, 1_000))
ON = dt.date(2026, 12, 1)
MAPPING = """\
columns: {prefix: code, destination: destination, rate: rate, effective_from: date, action: action}
actions: {new: [N], increase: [I], decrease: [D], delete: [X], block: [B]}
"""
HEADER = "code,destination,rate,date,action\n"


def source(folder: Path, rows: str, text: str = MAPPING, *, defaults: Defaults = DEFAULTS, currency: str | None = None) -> Source:
    """A carrier's deck, read."""
    (folder / "mapping.yaml").write_text(text)
    (folder / "carrier.csv").write_text(rows)
    return reading.read(folder / "carrier.csv", mapping.read(folder / "mapping.yaml"), defaults, currency)


def deck(folder: Path, rows: str, defaults: Defaults = DEFAULTS) -> Deck:
    """A canonical deck of its CSV."""
    (folder / "deck.csv").write_text(rows)
    return Deck(target.rows_of(folder, "deck.csv"), defaults)


def merged(folder: Path, old: str, rows: str, *, full: bool = False, on: dt.date = ON) -> Merged:
    """An update of a canonical deck, in columns `code,destination,rate,date,action`; `old` may be empty."""
    before = deck(folder, old) if old else Deck((), DEFAULTS)
    return merge.merge(before, source(folder, HEADER + rows), full=full, on=on)


def text(made: Merged) -> str:
    """What is written."""
    return writing.csv_text(made.rows)


def seen(made: Merged, *, on: dt.date = ON, notice: Notice | None = None) -> Preview:
    """Its preview."""
    return preview.preview(made, on=on, per=MINUTE, notice=notice)
