"""Makes the model of a document: defaults filled in, bands over midnight split, decks turned into zones, prices and rules.

Every entry of the document keeps its index in the model; what decks and add-ons make comes after them. Quantities of one price must be of
one kind. References and values are left to `tariffs.check`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.model import Catalogue, RoamingZone, TaxClass, TaxRate, Zone
from tariffs.builders import bill_terms
from tariffs.builders.add_ons import add_on, with_add_ons
from tariffs.builders.calendars import calendar
from tariffs.builders.decks import deck
from tariffs.builders.plans import plan
from tariffs.builders.prices import price
from tariffs.currencies import MINOR_DIGITS

if TYPE_CHECKING:
    from tariffs.documents.csvfiles import Files
    from tariffs.documents.document import Finding, Place
    from tariffs.language.entries import Document, RoamingZoneEntry, TaxClassEntry


def build(document: Document, files: Files, findings: list[Finding]) -> Catalogue:
    """The model of `document`; mistakes are added to `findings`, and the model is only good when there are none."""
    places: list[Place] = [("decks", i) for i in range(len(document.decks))]
    decks = [
        deck(entry, files.decks.get(place, ()), files.titles.get(place, {}), place, findings)
        for entry, place in zip(document.decks, places, strict=True)
    ]
    rules = {entry.name: made.rules for entry, made in zip(document.decks, decks, strict=True)}
    calendars = [
        calendar(entry, files.holidays.get(("calendars", i), ()), ("calendars", i), findings) for i, entry in enumerate(document.calendars)
    ]
    plans = [plan(entry, ("plans", i), rules, findings) for i, entry in enumerate(document.plans)]
    add_ons = tuple(add_on(entry, ("add_ons", i), findings) for i, entry in enumerate(document.add_ons))
    catalogue = Catalogue(
        identity=document.identity,
        version=document.version,
        currency=document.currency,
        minor_digits=MINOR_DIGITS.get(document.currency, 2) if document.minor_digits is None else document.minor_digits,
        timezone=document.timezone,
        effective_from_us=document.effective_from,
        zones=(*_zones(document, files), *(zone for made in decks for zone in made.zones)),
        calendars=tuple(calendars),
        prices=(
            *(price(entry, ("prices", i), findings) for i, entry in enumerate(document.prices)),
            *(each for made in decks for each in made.prices),
        ),
        plans=with_add_ons(plans, document.plans, add_ons, findings),
        tax_classes=tuple(_tax_class(entry) for entry in document.tax_classes),
        disclosure=document.disclosure,
        roaming_zones=tuple(_roaming_zone(entry) for entry in document.roaming_zones),
        home_timezones=tuple(sorted(document.home_timezones)),
        effective_to_us=document.effective_to,
        corrects=document.corrects,
        notice_days=document.notice_days,
        complaint_channel=document.complaint_channel,
        add_ons=add_ons,
        tax_inclusive=document.tax_inclusive,
    )
    bill_terms.note_units(document.plans, catalogue.prices, findings)
    return catalogue


def _zones(document: Document, files: Files) -> list[Zone]:
    """Zones of the document, prefixes and codes sorted: their order says nothing."""
    return [
        Zone(z.id, z.name, tuple(sorted((*z.prefixes, *files.prefixes.get(("zones", i), ())))), tuple(sorted(z.short_codes)), z.title)
        for i, z in enumerate(document.zones)
    ]


def _roaming_zone(entry: RoamingZoneEntry) -> RoamingZone:
    return RoamingZone(entry.id, entry.name, tuple(sorted(entry.plmns)), entry.timezone, entry.title)


def _tax_class(entry: TaxClassEntry) -> TaxClass:
    rates = sorted((TaxRate(rate.from_, rate.percent) for rate in entry.rates), key=lambda rate: rate.effective_from)
    return TaxClass(entry.name, entry.code, tuple(rates), entry.title)
