"""What is doubtful in the files of a catalogue, and cannot be seen in the catalogue that was made of them."""

from __future__ import annotations

import collections
import itertools
from typing import TYPE_CHECKING, NamedTuple

from tariffs.csvfiles import Files
from tariffs.warnings.common import Warning, warning  # noqa: A004 -- see there
from tariffs.words import Sharing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tariffs.deck_files import DeckRow
    from tariffs.document import Place
    from tariffs.language import Document
    from tariffs.plan_language import AddOnEntry, PlanEntry


class Cleared(NamedTuple):
    """Files without what stands in them twice, and what was doubtful."""

    files: Files
    warnings: list[Warning]


def clear(document: Document, files: Files) -> Cleared:
    """Take repeated rows of decks out; tell them, and the rows that wait for a later version."""
    decks: dict[Place, tuple[DeckRow, ...]] = {}
    found: list[Warning] = []
    for place, rows in files.decks.items():
        decks[place] = tuple(dict.fromkeys(rows))
        if len(decks[place]) < len(rows):
            found += _repeated(document.decks[int(place[1])].name, rows, place)
    for place, rows in files.waiting.items():
        found += _waiting(document.decks[int(place[1])].name, rows, place)
    found += itertools.islice(_unsaid(document), 1)  # one tells of all
    return Cleared(files._replace(decks=decks), found)


def _unsaid(document: Document) -> Iterator[Warning]:
    """Allowances of which it says that they are shared, and not how often they are granted."""
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
            message = f"deck `{deck}`: the row of zone {row.zone_id} `{row.zone}` stands {times} times, the same in every cell"
            yield warning("duplicate-row", (*place, "file"), message, "keep one of them")


def _waiting(deck: str, rows: tuple[DeckRow, ...], place: Place) -> Iterator[Warning]:
    days = collections.Counter(row.effective_from for row in rows if row.effective_from is not None)
    for day in sorted(days):
        takes = "1 row takes" if days[day] == 1 else f"{days[day]:,} rows take"
        message = f"deck `{deck}`: {takes} effect on {day}, after this version does"
        yield warning("range-hole", (*place, "file"), message, f"draft a version whose `effective_from` is {day}")
