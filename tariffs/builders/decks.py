"""Rate decks: each row becomes a zone, its price, and a rule that every plan with the deck has. A blocked row has a rule without price."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rating.model import Price, UsageRule, Zone
from tariffs.builders.prices import price, price_of_row
from tariffs.documents.deck_titles import title_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tariffs.documents.deck_files import DeckRow
    from tariffs.documents.deck_titles import Titles
    from tariffs.documents.document import Finding, Place
    from tariffs.language.entries import DeckEntry


class Deck(NamedTuple):
    """A rate deck in the words of the model."""

    zones: tuple[Zone, ...]
    prices: tuple[Price, ...]
    rules: tuple[UsageRule, ...]


def deck(entry: DeckEntry, rows: Sequence[DeckRow], titles: Titles, place: Place, findings: list[Finding]) -> Deck:
    """The zones, prices and rules of a deck's rows; `titles`: what customers read of the zones."""
    named = {row.zone: title_of(titles, row.zone) for row in rows} if titles else {}
    return Deck(
        zones=tuple([Zone(row.zone_id, row.zone, tuple(sorted(row.prefixes)), title=named.get(row.zone, {})) for row in rows]),
        prices=tuple([price(price_of_row(entry, row, named.get(row.zone, {})), place, findings) for row in rows if not row.blocked]),
        rules=tuple([UsageRule(entry.service, row.zone, None if row.blocked else f"{entry.name}:{row.zone}") for row in rows]),
    )
