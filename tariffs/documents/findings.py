"""Ranges, and the findings that several parts of a catalogue share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rating.model import ANY_ZONE
from tariffs.documents.document import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from rating.model import Catalogue, Plan

ID_MAX: Final = 2**31 - 1
CODE_MAX: Final = 2**15 - 1  # revenue codes and tax codes are int16 in charges
ZONE_ID_MAX: Final = 65_534
IDENTITY: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
IDENTITY_REMEDY: Final = "use small letters, digits and hyphens, such as smart-m"
BENEFITS: Final = {  # lists of a plan that name services and zones, and what one entry is called
    "allowances": "allowance",
    "day_passes": "day pass",
    "caps": "cap",
    "discounts": "discount",
    "spend_limits": "spend limit",
}
_SHOWN_MAX: Final = 12  # names in a remedy: a line's worth


def written_plans(catalogue: Catalogue) -> list[Plan]:
    """The plans that are in the file, each at its index there: those with add-ons come after them."""
    return [plan for plan in catalogue.plans if plan.base is None]


def told_of_add_ons(plan: Plan, findings: Iterable[Finding], catalogue: Catalogue, told: set[Place]) -> Iterator[Finding]:
    """Findings of a plan with add-ons that the plan alone does not have: at the entry of the add-on, once a place."""
    for finding in findings:
        place = _in_add_on(plan, finding.place, catalogue)
        if place is not None and place not in told:
            told.add(place)
            yield finding._replace(place=place)


def _in_add_on(plan: Plan, place: Place, catalogue: Catalogue) -> Place | None:
    """The place in the file of the entry at `place` of a plan with add-ons; None where it is the plan's own."""
    index = next(i for i, each in enumerate(catalogue.plans) if each.name == plan.base)
    section = str(place[2])
    if len(place) < 4 or not isinstance(place[3], int):  # noqa: PLR2004 - plans, index, section, entry
        return ("plans", index, "add_ons")
    number = place[3] - len(getattr(catalogue.plans[index], section))
    for name in plan.add_ons:
        at = next(i for i, each in enumerate(catalogue.add_ons) if each.name == name)
        entries = getattr(catalogue.add_ons[at], section, ())  # not everything of a plan can stand in an add-on
        if 0 <= number < len(entries):
            return ("add_ons", at, section, number, *place[4:])
        number -= len(entries)
    return None


def twice(section: str, what: str, values: Iterable[str | int], field: str = "name") -> Iterator[Finding]:
    """Entries of `section` whose name or number another has already."""
    return twice_at((section,), what, values, field)


def twice_at(place: Place, what: str, values: Iterable[str | int], field: str = "name") -> Iterator[Finding]:
    """Entries under `place` whose name or number another has already."""
    seen: set[str | int] = set()
    for index, value in enumerate(values):
        if value in seen and value:
            yield Finding((*place, index, field), f"{what} `{value}` is here twice", "give each a name or number of its own")
        seen.add(value)


def id_range(number: int, place: Place) -> Iterator[Finding]:
    """An id that 32 bits cannot hold."""
    if not 1 <= number <= ID_MAX:
        yield Finding((*place, "id"), f"id {number} is out of range", f"write 1 to {ID_MAX}")


def known(names: Iterable[str]) -> str:
    """A remedy that lists what there is."""
    listed = sorted(name for name in names if name)
    shown = ", ".join(listed[:_SHOWN_MAX])
    return f"known: {shown}{', ...' if len(listed) > _SHOWN_MAX else ''}" if listed else "there is none yet: add it"


def named_zones(given: Sequence[str], zones: Collection[str], what: str, place: Place) -> Iterator[Finding]:
    """The zones that an entry serves: some, and each of them there."""
    if not given:
        yield Finding(place, f"{what} serves no zone", 'name its zones, or "*" for all')
    for number, zone in enumerate(given):
        if zone and zone != ANY_ZONE and zone not in zones:
            yield Finding((*place, "zones", number), f"unknown zone `{zone}`", known([*zones, ANY_ZONE]))


def codes(tax_classes: Collection[str], entry: tuple[int, int, str], place: Place) -> Iterator[Finding]:
    """Charge code, revenue code and tax class of a price or fee."""
    charge_code, revenue_code, tax_class = entry
    if tax_class and tax_class not in tax_classes:
        yield Finding((*place, "tax_class"), f"unknown tax class `{tax_class}`", known(tax_classes))
    if not 1 <= charge_code <= ID_MAX:
        yield Finding((*place, "charge_code"), f"charge code {charge_code} is out of range", f"write 1 to {ID_MAX}")
    if not 1 <= revenue_code <= CODE_MAX:
        yield Finding((*place, "revenue_code"), f"revenue code {revenue_code} is out of range", f"write 1 to {CODE_MAX}")


def time_zone(name: str) -> ZoneInfo | None:
    """The zone of that IANA name; None where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def known_time_zone(name: str, place: Place) -> Iterator[Finding]:
    """An IANA name that there is."""
    if name and time_zone(name) is None:
        yield Finding(place, f'"{name}" is not a known time zone', "write its IANA name, such as Europe/Berlin")
