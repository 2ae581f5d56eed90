"""A rate deck read back out of a checked catalogue, such as a published version whose files are not at hand.

Prices are recognised by their names, `deck:zone`. What is refused on purpose (a rule without price, beside rules of the deck) is a blocked
row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.errors import UserError
from tariffs.decks_import.ledger import Deck, Defaults
from tariffs.documents.deck_files import DeckRow
from tariffs.language.texts import Increments, Quantity

if TYPE_CHECKING:
    from rating.model import Catalogue, Price, Zone


def deck_of(catalogue: Catalogue, name: str | None) -> Deck:
    """The deck `name` (None: the only one) of a catalogue. Raises UserError."""
    zones = {zone.name: zone for zone in catalogue.zones}
    decks: dict[str, list[tuple[Zone, Price]]] = {}
    for price in catalogue.prices:
        deck, _, zone_name = price.name.partition(":")
        if zone_name in zones:
            decks.setdefault(deck, []).append((zones[zone_name], price))
    found = [deck for deck in decks if name in (None, deck)]
    if len(found) != 1:
        label = f"{catalogue.identity}@{catalogue.version}"
        what = f"{label} has no deck" if not decks else f"{label} has several decks" if name is None else f"{label} has no deck `{name}`"
        raise UserError(what, f"name one with --deck: {', '.join(decks)}" if decks else "name a catalogue that has a rate deck")
    priced = decks[found[0]]
    first = priced[0][1].rates[0]
    per = Quantity(first.steps[0].per_qty, priced[0][1].unit)
    return Deck([*(_row(zone, price) for zone, price in priced), *_blocked(catalogue, found[0], zones)], Defaults(per))


def _row(zone: Zone, price: Price) -> DeckRow:
    rate = price.rates[0]
    lengths = Increments(Quantity(rate.first_increment_qty, price.unit), Quantity(rate.steps[0].increment_qty, price.unit))
    return DeckRow(zone.zone_id, zone.name, zone.prefixes, rate.steps[0].rate_micros, lengths, rate.connect_fee_micros)


def _blocked(catalogue: Catalogue, deck: str, zones: dict[str, Zone]) -> list[DeckRow]:
    names: dict[str, None] = {}
    for plan in catalogue.plans:
        services = {rule.service for rule in plan.rules if rule.price is not None and rule.price.startswith(f"{deck}:")}
        names.update(dict.fromkeys(r.zone for r in plan.rules if r.price is None and r.service in services and r.zone in zones))
    return [DeckRow(zones[n].zone_id, n, zones[n].prefixes, 0, None, None, blocked=True) for n in names if zones[n].prefixes]
