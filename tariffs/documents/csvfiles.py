"""The CSV files that a tariff document names: lists of prefixes (column `prefix`), lists of holidays (column `date`), and rate decks.

`csv_reader` reads files and refuses faulty ones; `deck_files` reads the rows of a deck. The document sees the rows of a deck that are in
force on the local day on which it takes effect.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from rating.dates import utc_time
from tariffs.documents import deck_files, deck_titles
from tariffs.documents.csv_reader import CsvReader
from tariffs.documents.deck_files import DeckRow
from tariffs.documents.deck_titles import Titles
from tariffs.documents.document import Finding, Place
from tariffs.documents.findings import time_zone
from tariffs.language import digits, texts
from tariffs.language.words import UNREAD_DATE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tariffs.language.entries import CalendarEntry, DeckEntry, Document, ZoneEntry


class Files(NamedTuple):
    """Contents of the CSV files that a document names, by the place of the entry that names them."""

    prefixes: Mapping[Place, tuple[str, ...]]
    holidays: Mapping[Place, tuple[dt.date, ...]]
    decks: Mapping[Place, tuple[DeckRow, ...]]  # in force
    waiting: Mapping[Place, tuple[DeckRow, ...]] = {}  # rows of decks that a later version will see
    titles: Mapping[Place, Titles] = {}  # of the zones of decks
    stray: Mapping[Place, tuple[str, ...]] = {}  # zones that have a title, and that no row of the deck names


def named(document: Document) -> tuple[str, ...]:
    """The files that a document names, each once, as it names them."""
    of_decks = [name for each in document.decks for name in (each.file, each.titles_file)]
    others = [*(each.prefixes_file for each in document.zones), *(each.holidays_file for each in document.calendars)]
    return tuple(dict.fromkeys(name for name in (*of_decks, *others) if name is not None))


def read(document: Document, folder: Path, findings: list[Finding]) -> Files:
    """Read what `document` names, relative to `folder`; mistakes are added to `findings`."""
    day = local_day(document.effective_from, document.timezone)
    rows: dict[Place, tuple[DeckRow, ...]] = {("decks", i): _deck(deck, i, folder, findings) for i, deck in enumerate(document.decks)}
    cuts: dict[Place, deck_files.Cut] = {place: deck_files.cut(each, day) for place, each in rows.items()}
    titles: dict[Place, Titles] = {
        ("decks", i): _titles(d, i, folder, findings) for i, d in enumerate(document.decks) if d.titles_file is not None
    }
    return Files(
        prefixes={("zones", i): _prefixes(z, i, folder, findings) for i, z in enumerate(document.zones) if z.prefixes_file is not None},
        holidays={
            ("calendars", i): _holidays(c, i, folder, findings) for i, c in enumerate(document.calendars) if c.holidays_file is not None
        },
        decks={place: each.in_force for place, each in cuts.items()},
        waiting={place: each.waiting for place, each in cuts.items() if each.waiting},
        titles=titles,
        stray={place: stray for place, each in titles.items() if (stray := _stray(each, rows[place]))},
    )


def local_day(instant_us: int, zone_name: str) -> dt.date:
    """The date of an instant on the clocks of `zone_name`; UTC where that is no time zone."""
    instant = utc_time(instant_us)
    try:
        return instant.astimezone(time_zone(zone_name) or dt.UTC).date()
    except OverflowError:  # beyond the years that dates have
        return instant.date()


def _prefixes(zone: ZoneEntry, index: int, folder: Path, findings: list[Finding]) -> tuple[str, ...]:
    assert zone.prefixes_file is not None, "asked for by its caller"
    reader = CsvReader(("zones", index, "prefixes_file"), zone.prefixes_file, findings)
    rows = reader.rows(folder, ("prefix",))
    return tuple([reader.convert(row, "prefix", row.cells["prefix"], digits.prefix, "") for row in rows])


def _holidays(calendar: CalendarEntry, index: int, folder: Path, findings: list[Finding]) -> tuple[dt.date, ...]:
    assert calendar.holidays_file is not None, "asked for by its caller"
    reader = CsvReader(("calendars", index, "holidays_file"), calendar.holidays_file, findings)
    return tuple([reader.convert(row, "date", row.cells["date"], texts.date, UNREAD_DATE) for row in reader.rows(folder, ("date",))])


def _titles(deck: DeckEntry, index: int, folder: Path, findings: list[Finding]) -> Titles:
    assert deck.titles_file is not None, "asked for by its caller"
    return deck_titles.read(CsvReader(("decks", index, "titles_file"), deck.titles_file, findings), folder)


def _stray(titles: Titles, rows: Iterable[DeckRow]) -> tuple[str, ...]:
    """Names in a file of titles that no zone of the deck has, or ever had."""
    known = set().union(*(deck_titles.names_of(row.zone) for row in rows))
    return tuple(name for name in titles if name not in known)


def _deck(deck: DeckEntry, index: int, folder: Path, findings: list[Finding]) -> tuple[DeckRow, ...]:
    return deck_files.read_rows(CsvReader(("decks", index, "file"), deck.file, findings), folder)
