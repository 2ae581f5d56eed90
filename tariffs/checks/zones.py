"""Zones and roaming zones: a prefix, a short code and a network are in one of them only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rating.model import ANY_ZONE, HOME_NETWORK
from tariffs.documents.document import Finding
from tariffs.documents.findings import ZONE_ID_MAX, known_time_zone, twice
from tariffs.language.digits import MNC_PLACES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rating.model import Catalogue, RoamingZone, Zone
    from tariffs.documents.document import Place

_PREFIX: Final = re.compile(r"[0-9]{1,15}")
_SHORT_CODE: Final = re.compile(r"[0-9]{1,8}")
_NETWORK_LIMIT: Final = 1_000 * MNC_PLACES


def zones(catalogue: Catalogue) -> Iterator[Finding]:
    """All zones."""
    yield from twice("zones", "zone", [zone.name for zone in catalogue.zones])
    yield from twice("zones", "zone id", [zone.zone_id for zone in catalogue.zones], "id")
    prefix_owners: dict[str, str] = {}
    code_owners: dict[str, str] = {}
    for index, zone in enumerate(catalogue.zones):
        yield from _zone(zone, ("zones", index))
        yield from _owned("prefix", zone.prefixes, zone.name, prefix_owners, ("zones", index, "prefixes"))
        yield from _owned("short code", zone.short_codes, zone.name, code_owners, ("zones", index, "short_codes"))


def roaming_zones(catalogue: Catalogue) -> Iterator[Finding]:
    """All roaming zones."""
    found = catalogue.roaming_zones
    yield from twice("roaming_zones", "roaming zone", [zone.name for zone in found])
    yield from twice("roaming_zones", "roaming zone id", [zone.roaming_zone_id for zone in found], "id")
    owners: dict[str, str] = {}
    destinations = {zone.name for zone in catalogue.zones}
    for index, zone in enumerate(found):
        yield from _roaming_zone(zone, ("roaming_zones", index))
        if zone.name in destinations:
            message = f"roaming zone `{zone.name}` has the name of a zone"
            yield Finding(("roaming_zones", index), message, "choose another name: allowances name both")
        networks = [f"{plmn // MNC_PLACES:03d}-{plmn % MNC_PLACES:02d}" for plmn in zone.plmns if plmn]
        yield from _owned("network", networks, zone.name, owners, ("roaming_zones", index, "plmns"))


def _zone(zone: Zone, place: Place) -> Iterator[Finding]:
    if zone.name == ANY_ZONE:
        yield Finding(place, 'a zone cannot be called "*"', "choose another name")
    if zone.name == HOME_NETWORK:
        yield Finding(place, f"a zone cannot be called `{HOME_NETWORK}`", "choose another name: allowances mean by it not roaming")
    if not 1 <= zone.zone_id <= ZONE_ID_MAX:
        yield Finding((*place, "id"), f"zone id {zone.zone_id} is out of range", f"write 1 to {ZONE_ID_MAX}")
    if not zone.prefixes and not zone.short_codes:
        remedy = 'add one, or `short_codes`; usage to anywhere is the zone "*" of a rule'
        yield Finding((*place, "prefixes"), f"zone `{zone.name}` has no prefix", remedy)
    for prefix in zone.prefixes:
        if prefix and not _PREFIX.fullmatch(prefix):
            yield Finding(place, f'"{prefix}" is not a prefix', "write 1 to 15 digits")
    for code in zone.short_codes:
        if code and not _SHORT_CODE.fullmatch(code):
            yield Finding(place, f'"{code}" is not a short code', "write 1 to 8 digits")


def _roaming_zone(zone: RoamingZone, place: Place) -> Iterator[Finding]:
    if zone.name == HOME_NETWORK:
        yield Finding(place, f"a roaming zone cannot be called `{HOME_NETWORK}`", "choose another name: it means not roaming")
    if not 1 <= zone.roaming_zone_id <= ZONE_ID_MAX:
        yield Finding((*place, "id"), f"roaming zone id {zone.roaming_zone_id} is out of range", f"write 1 to {ZONE_ID_MAX}")
    if not zone.plmns:
        yield Finding((*place, "plmns"), f"roaming zone `{zone.name}` has no network", "add its networks, such as 208-01")
    if any(not 0 <= plmn < _NETWORK_LIMIT for plmn in zone.plmns):
        yield Finding((*place, "plmns"), f"roaming zone `{zone.name}` has a network out of range", "write such as 208-01")
    if zone.timezone is not None:
        yield from known_time_zone(zone.timezone, (*place, "timezone"))


def _owned(what: str, values: Sequence[str], name: str, owners: dict[str, str], place: Place) -> Iterator[Finding]:
    """Values that a zone before this one, or this one itself, has already. Unread ones are empty."""
    for value in filter(None, values):
        if value in owners:
            yield Finding(place, f"{what} {value} of zone `{name}` is in zone `{owners[value]}` already", "keep it in one zone, once")
        owners.setdefault(value, name)
