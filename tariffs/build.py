"""Makes the model of a document: defaults filled in, bands over midnight split, decks turned into zones, prices and rules.

Every entry of the document keeps its index in the model; what a deck adds comes after them. Quantities of one price must be of one
kind. References and values are left to `tariffs.check`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rating.model import Catalogue, Price, RoamingZone, TaxClass, TaxRate, UsageRule, Zone
from tariffs.builders.calendars import calendar
from tariffs.builders.plans import plan
from tariffs.builders.prices import price, price_of_row
from tariffs.currencies import MINOR_DIGITS

if TYPE_CHECKING:
    from tariffs.csvfiles import Files
    from tariffs.document import Finding
    from tariffs.language import Document, RoamingZoneEntry, TaxClassEntry


class _Deck(NamedTuple):
    """A rate deck in the words of the model."""

    zones: tuple[Zone, ...]
    prices: tuple[Price, ...]
    rules: tuple[UsageRule, ...]


def build(document: Document, files: Files, findings: list[Finding]) -> Catalogue:
    """The model of `document`; mistakes are added to `findings`, and the model is only good when there are none."""
    decks = [_deck(document, index, files, findings) for index in range(len(document.decks))]
    rules = {entry.name: deck.rules for entry, deck in zip(document.decks, decks, strict=True)}
    calendars = [
        calendar(entry, files.holidays.get(("calendars", i), ()), ("calendars", i), findings) for i, entry in enumerate(document.calendars)
    ]
    return Catalogue(
        identity=document.identity,
        version=document.version,
        currency=document.currency,
        minor_digits=MINOR_DIGITS.get(document.currency, 2) if document.minor_digits is None else document.minor_digits,
        timezone=document.timezone,
        effective_from_us=document.effective_from,
        zones=(*_zones(document, files), *(zone for deck in decks for zone in deck.zones)),
        calendars=tuple(calendars),
        prices=(
            *(price(entry, ("prices", i), findings) for i, entry in enumerate(document.prices)),
            *(each for deck in decks for each in deck.prices),
        ),
        plans=tuple(plan(entry, ("plans", i), rules, findings) for i, entry in enumerate(document.plans)),
        tax_classes=tuple(_tax_class(entry) for entry in document.tax_classes),
        disclosure=document.disclosure,
        roaming_zones=tuple(_roaming_zone(entry) for entry in document.roaming_zones),
        home_timezones=tuple(sorted(document.home_timezones)),
    )


def _zones(document: Document, files: Files) -> list[Zone]:
    """Zones of the document, prefixes and codes sorted: their order says nothing."""
    return [
        Zone(z.id, z.name, tuple(sorted((*z.prefixes, *files.prefixes.get(("zones", i), ())))), tuple(sorted(z.short_codes)))
        for i, z in enumerate(document.zones)
    ]


def _deck(document: Document, index: int, files: Files, findings: list[Finding]) -> _Deck:
    """The zones, prices and rules of a deck's rows."""
    entry, place = document.decks[index], ("decks", index)
    rows = files.decks.get(place, ())
    prices = tuple(price(price_of_row(entry, row), place, findings) for row in rows)
    return _Deck(
        tuple(Zone(row.zone_id, row.zone, tuple(sorted(row.prefixes))) for row in rows),
        prices,
        tuple(UsageRule(entry.service, row.zone, each.name) for row, each in zip(rows, prices, strict=True)),
    )


def _roaming_zone(entry: RoamingZoneEntry) -> RoamingZone:
    return RoamingZone(entry.id, entry.name, tuple(sorted(entry.plmns)), entry.timezone)


def _tax_class(entry: TaxClassEntry) -> TaxClass:
    rates = sorted((TaxRate(rate.from_, rate.percent) for rate in entry.rates), key=lambda rate: rate.effective_from)
    return TaxClass(entry.name, entry.code, tuple(rates), entry.title)
