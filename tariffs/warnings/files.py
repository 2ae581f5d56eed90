"""Doubts about the files of a catalogue that cannot be seen in the catalogue that was made of them."""

from __future__ import annotations

import collections
import itertools
from typing import TYPE_CHECKING, NamedTuple

from tariffs.documents.csvfiles import Files
from tariffs.documents.deck_titles import title_of
from tariffs.language.words import Sharing
from tariffs.warnings.common import Warning, warning  # noqa: A004 -- see there

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tariffs.documents.deck_files import DeckRow
    from tariffs.documents.document import Place
    from tariffs.language.entries import Document
    from tariffs.language.plans import AddOnEntry, PlanEntry


class Cleared(NamedTuple):
    """Files without what is in them twice, and what was doubtful."""

    files: Files
    warnings: list[Warning]


def clear(document: Document, files: Files) -> Cleared:
    """Take repeated rows of decks out; report them, and the rows that wait for a later version."""
    decks: dict[Place, tuple[DeckRow, ...]] = {}
    found: list[Warning] = []
    for place, rows in files.decks.items():
        decks[place] = tuple(dict.fromkeys(rows))
        if len(decks[place]) < len(rows):
            found += _repeated(document.decks[int(place[1])].name, rows, place)
    for place, rows in files.waiting.items():
        found += _waiting(document.decks[int(place[1])].name, rows, place)
    for place, names in files.stray.items():
        found.append(_stray(document.decks[int(place[1])].name, names, place))
    for place in files.titles:
        found += _untitled(document.decks[int(place[1])].name, files, place)
    found += itertools.islice(_unsaid(document), 1)  # one tells of all
    return Cleared(files._replace(decks=decks), found)


def _unsaid(document: Document) -> Iterator[Warning]:
    """Warn of allowances that are said to be shared, without how often they are granted."""
    sections: tuple[tuple[str, Sequence[PlanEntry | AddOnEntry]], ...] = (("plans", document.plans), ("add_ons", document.add_ons))
    for section, entries in sections:
        for index, entry in enumerate(entries):
            for number, allowance in enumerate(entry.allowances):
                if allowance.shared is Sharing.UNSAID:
                    message = f"allowance `{allowance.name}` has `shared: true`, which is `pooled`: every line brings its own quantity"
                    place = (section, index, "allowances", number, "shared")
                    yield warning("shared-true", place, message, "write `shared: pooled`, or `one` for what all lines have once")


def _repeated(deck: str, rows: tuple[DeckRow, ...], place: Place) -> Iterator[Warning]:
    for row, times in collections.Counter(rows).items():
        if times > 1:
            message = f"deck `{deck}`: the row of zone {row.zone_id} `{row.zone}` is there {times} times, the same in every cell"
            yield warning("duplicate-row", (*place, "file"), message, "keep one of them")


def _stray(deck: str, names: tuple[str, ...], place: Place) -> Warning:
    count = "a zone has a title and is" if len(names) == 1 else f"{len(names):,} zones have a title and are"
    message = f"deck `{deck}`: {count} in no row of it, such as `{names[0]}`"
    return warning("unknown-zone", (*place, "titles_file"), message, "write the name as the deck has it, or take the row out")


def _untitled(deck: str, files: Files, place: Place) -> Iterator[Warning]:
    """Zones without a title in a language that others of the deck have."""
    titles = files.titles[place]
    for language in sorted({language for each in titles.values() for language in each}):
        missing = [row.zone for row in files.decks.get(place, ()) if language not in title_of(titles, row.zone)]
        if missing:
            count = "1 zone has" if len(missing) == 1 else f"{len(missing):,} zones have"
            message = f"deck `{deck}`: {count} no title in {language}, such as `{missing[0]}`"
            yield warning("language-missing", (*place, "titles_file"), message, "add it: customers read the name of the zone instead")


def _waiting(deck: str, rows: tuple[DeckRow, ...], place: Place) -> Iterator[Warning]:
    days = collections.Counter(row.effective_from for row in rows if row.effective_from is not None)
    for day in sorted(days):
        takes = "1 row takes" if days[day] == 1 else f"{days[day]:,} rows take"
        message = f"deck `{deck}`: {takes} effect on {day}, after this version does"
        yield warning("range-hole", (*place, "file"), message, f"draft a version whose `effective_from` is {day}")
