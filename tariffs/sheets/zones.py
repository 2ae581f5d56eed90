"""Uses in the lines of price tables: destinations and circumstances in words, and the numbers that belong to each destination."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rating.model import ANY_ZONE, HOME_NETWORK, Service
from tariffs.sheets.layout import Line, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rating.model import Catalogue, Price, Zone
    from tariffs.reach import Reach

    Condition = str | int | bool
    from tariffs.sheets.words import Words

NUMBERS_BESIDE: Final = 6  # so many numbers stand beside a price; more are told in the list of destinations
NUMBERS_LISTED: Final = 200
_SLUG: Final = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
_INCOMING: Final = 2  # rating.schema.Direction, which would import pyarrow
_MNC_PLACES: Final = 1_000
_NUMBERS: Final = ", "  # in every language: lines may break behind it
WITH_NUMBERS: Final = frozenset({Service.VOICE, Service.SMS, Service.MMS})
_ORDER: Final = ("direction", "on_net", "origin", "roaming", "rating_group", "customer_group")


def name_of(text: str) -> str:
    """A short name such as `service-numbers` as a reader wants it; a name in words stays as it is."""
    return text.replace("-", " ").replace("_", " ").title() if _SLUG.fullmatch(text) else text


def title_of(title: Mapping[str, str], name: str, language: str) -> str:
    """The title in the language, else in any, else the name."""
    return title.get(language) or next(iter(title.values()), "") or name_of(name)


class Labels:
    """Writes what the lines of one plan's tables are for."""

    def __init__(self, catalogue: Catalogue, reaches: Sequence[Reach], words: Words) -> None:
        self._words, self._language = words, words.language
        self._zones = {zone.name: zone for zone in catalogue.zones}
        self._titles = {zone.name: title_of(zone.title, zone.name, words.language) for zone in catalogue.zones}
        self._roaming = {zone.name: title_of(zone.title, zone.name, words.language) for zone in catalogue.roaming_zones}
        self._prices: dict[str, Price] = {price.name: price for price in catalogue.prices}
        self._named = {(reach.service, reach.zone) for reach in reaches}
        self._behind = set(_behind_others(reaches))
        shared: dict[tuple[Service, str], set[str]] = {}
        for reach in reaches:
            shared.setdefault((reach.service, self._title(reach)), set()).add(reach.zone)
        self._shared = {title for title, zones in shared.items() if len(zones) > 1}

    def label(self, reach: Reach) -> tuple[str, ...]:
        """The use that a line is for, and below it the numbers and circumstances."""
        title = self._title(reach)
        alone = title and (reach.service, title) not in self._shared
        head = title if alone else self.zone(reach)
        beside = [] if alone or not title or reach.zone == ANY_ZONE else [title]
        if alone and reach.zone == ANY_ZONE and self._others_named(reach):
            beside.append(self._rest(reach))
        return (head, *filter(None, [*beside, self._circumstances(reach), self.numbers(reach)]))

    def zone(self, reach: Reach) -> str:
        """The destination of a rule."""
        if reach.zone != ANY_ZONE:
            return self._titles[reach.zone]
        if self._others_named(reach):
            return self._rest(reach)
        if reach.service in WITH_NUMBERS:
            return self._words.labels.anywhere
        return self._words.labels.other_use if _key(reach) in self._behind else self._words.labels.any_use

    def of_service(self, reach: Reach) -> tuple[str, ...]:
        """The label of a service that is not sold at all."""
        return (self._words.labels.service[reach.service], *filter(None, [self._circumstances(reach), self.numbers(reach)]))

    def numbers(self, reach: Reach) -> str:
        """The numbers of a destination, if they are few, else the place that lists them."""
        zone = self._zones.get(reach.zone)
        if zone is None or reach.service not in WITH_NUMBERS:
            return ""
        if not is_listed(zone):
            return _numbers(zone, self._words)
        return self._words.labels.see_destinations.format(self._titles[zone.name])

    def _rest(self, reach: Reach) -> str:
        labels = self._words.labels
        if reach.service not in WITH_NUMBERS:
            return labels.other_use
        return labels.elsewhere if dict(reach.conditions).get("direction") != _INCOMING else labels.from_elsewhere

    def _others_named(self, reach: Reach) -> bool:
        return any(service is reach.service and zone != ANY_ZONE for service, zone in self._named)

    def _title(self, reach: Reach) -> str:
        if reach.rule.price is None:
            return ""
        title = self._prices[reach.rule.price].title
        found = title.get(self._language) or next(iter(title.values()), "")
        return "" if found.endswith(f", {reach.zone}") else found  # of a deck: each row's title ends with its zone

    def _circumstances(self, reach: Reach) -> str:
        asked = dict(reach.conditions)
        told = [self._condition(name, asked[name]) for name in _ORDER if name in asked]
        if _key(reach) in self._behind and (reach.zone != ANY_ZONE or reach.service in WITH_NUMBERS):
            told.append(self._words.labels.otherwise)
        return self._words.figures.comma.join(told)

    def _condition(self, name: str, value: Condition) -> str:
        labels = self._words.labels
        if name == "direction":
            return labels.direction[int(value)]
        if name == "on_net":
            return labels.on_net[bool(value)]
        if name == "origin":
            return labels.origin.format(self._titles[str(value)])
        if name == "roaming":
            return labels.at_home if value == HOME_NETWORK else labels.roaming.format(self._roaming[str(value)])
        return (labels.rating_group if name == "rating_group" else labels.customer_group).format(value)


def _key(reach: Reach) -> tuple[str, int, object]:
    return reach.rule_plan, reach.rule_index, reach.conditions


def _behind_others(reaches: Sequence[Reach]) -> Iterator[tuple[str, int, object]]:
    """Rules that take what rules before them, which ask for more, leave of the same destination."""
    before: dict[tuple[Service, str], list[set[tuple[str, Condition]]]] = {}
    for reach in reaches:
        asked = set(reach.conditions)
        others = before.setdefault((reach.service, reach.zone), [])
        if any(other > asked for other in others):
            yield _key(reach)
        others.append(asked)


def is_listed(zone: Zone) -> bool:
    """Return whether a destination has too many numbers to list them beside its price."""
    return len(zone.prefixes) + len(zone.short_codes) > NUMBERS_BESIDE


def destinations(catalogue: Catalogue, reaches: Sequence[Reach], words: Words) -> Iterator[Table]:
    """The list of destinations that have many numbers, and the list of visited networks."""
    named = {reach.zone for reach in reaches if reach.service in WITH_NUMBERS} | {str(reach.rule.origin) for reach in reaches}
    zones = [zone for zone in catalogue.zones if zone.name in named and is_listed(zone)]
    if zones:
        lines = tuple(Line(((title_of(zone.title, zone.name, words.language),), (_numbers(zone, words),))) for zone in zones)
        yield Table("", words.destinations.heads, lines, (1, 4), prose=True)
    visited = {reach.rule.roaming for reach in reaches}
    networks = [zone for zone in catalogue.roaming_zones if zone.name in visited]
    if networks:
        lines = tuple(
            Line(((title_of(zone.title, zone.name, words.language),), (_NUMBERS.join(map(_network, zone.plmns)),))) for zone in networks
        )
        yield Table("", words.destinations.network_heads, lines, (1, 4), prose=True)


def _numbers(zone: Zone, words: Words) -> str:
    """The beginnings of the numbers of a destination, and its short numbers."""
    labels = words.labels
    prefixes = [f"+{prefix}" for prefix in zone.prefixes]
    told = [_NUMBERS.join(prefixes[:NUMBERS_LISTED])] if prefixes else []
    if len(prefixes) > NUMBERS_LISTED:
        told.append(labels.more_numbers.format(len(prefixes) - NUMBERS_LISTED))
    if zone.short_codes:
        told.append(labels.codes.format(_NUMBERS.join(zone.short_codes)))
    return words.figures.semicolon.join(told)


def _network(plmn: int) -> str:
    return f"{plmn // _MNC_PLACES:03d}-{plmn % _MNC_PLACES:02d}"
