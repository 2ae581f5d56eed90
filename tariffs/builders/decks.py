"""Rate decks: each row becomes a zone, its price, and a rule that every plan with the deck has. A blocked row has a rule without price."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rating.model import Price, UsageRule, Zone
from tariffs.builders.prices import price, price_of_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tariffs.deck_files import DeckRow
    from tariffs.document import Finding, Place
    from tariffs.language import DeckEntry


class Deck(NamedTuple):
    """A rate deck in the words of the model."""

    zones: tuple[Zone, ...]
    prices: tuple[Price, ...]
    rules: tuple[UsageRule, ...]


def deck(entry: DeckEntry, rows: Sequence[DeckRow], place: Place, findings: list[Finding]) -> Deck:
    """The zones, prices and rules of a deck's rows."""
    return Deck(
        zones=tuple([Zone(row.zone_id, row.zone, tuple(sorted(row.prefixes))) for row in rows]),
        prices=tuple([price(price_of_row(entry, row), place, findings) for row in rows if not row.blocked]),
        rules=tuple([UsageRule(entry.service, row.zone, None if row.blocked else f"{entry.name}:{row.zone}") for row in rows]),
    )
