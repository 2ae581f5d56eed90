"""Add-ons: names, what they hold and exclude, and that some plan has them. Their fees are judged by `fees`, their grants by `benefits`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tariffs.documents.document import Finding
from tariffs.documents.findings import IDENTITY, IDENTITY_REMEDY, known, twice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.model import AddOn, Catalogue
    from tariffs.documents.document import Place

SECTIONS: Final = ("allowances", "day_passes", "caps", "discounts", "recurring", "one_offs")


def add_ons(catalogue: Catalogue) -> Iterator[Finding]:
    """All add-ons."""
    names = [each.name for each in catalogue.add_ons]
    sold = {name for plan in catalogue.plans for name in plan.add_ons}
    yield from twice("add_ons", "add-on", names)
    for index, each in enumerate(catalogue.add_ons):
        place: Place = ("add_ons", index)
        yield from _add_on(each, names, place)
        if each.name and each.name not in sold:
            message = f"no plan has the add-on `{each.name}`"
            yield Finding(place, message, f"write `add_ons: [{each.name}]` at the plans that it may be bought with, or take it out")


def _add_on(each: AddOn, names: list[str], place: Place) -> Iterator[Finding]:
    if each.name and not IDENTITY.fullmatch(each.name):
        yield Finding((*place, "name"), f'"{each.name}" cannot be the name of an add-on', IDENTITY_REMEDY)
    if not each.title:
        yield Finding((*place, "title"), f"add-on `{each.name}` has no title", "write what customers read, such as {en: Travel}")
    if not any(getattr(each, section) for section in SECTIONS):
        yield Finding(place, f"add-on `{each.name}` holds nothing", f"add one of {', '.join(SECTIONS)}")
    for name in each.excludes:
        if name == each.name:
            yield Finding((*place, "excludes"), "an add-on excludes itself", "take it out: an add-on is bought once")
        elif name and name not in names:
            yield Finding((*place, "excludes"), f"unknown add-on `{name}`", known(names))
