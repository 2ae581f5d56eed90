"""Two catalogues side by side, part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tariffs.changes import calendars, fields, plans, prices, rules, words, zones
from tariffs.changes.change import Change, Effect, Found, Where, came_or_went, worst
from tariffs.changes.fields import Telling
from tariffs.changes.matched import Matched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rating.model import Catalogue, Zone

_LISTS: Final = {"zones", "calendars", "prices", "plans", "tax_classes", "roaming_zones", "add_ons"}
_ALWAYS_OTHERS: Final = {"version", "effective_from_us", "corrects", "content_hash"}


def changes(old: Catalogue, new: Catalogue) -> list[Change]:
    """Every difference between `old` and `new`; none where they say the same."""
    both = Matched(old, new)
    return [*_header(both), *_calendars(both), *_zones(both), *_prices(both), *_plans(both), *_add_ons(both)]


def _header(both: Matched) -> Iterator[Change]:
    """Fields of the catalogue itself, and tax classes."""
    where = Where("header", "catalogue", both.all_plans)
    tellings = (Telling(both.old, both.old), Telling(both.new, both.new))
    yield from map(where.change, fields.compare(both.old, both.new, fields.HEADER, tellings, frozenset(_LISTS | _ALWAYS_OTHERS)))
    sides = [{tax.code: tax for tax in catalogue.tax_classes} for catalogue in both.sides]
    for code, before, after in _pairs(*sides):
        here = where._replace(kind="tax", place=f"tax class {(after or before).name} ({code})")
        yield from _listed(here, before, after, calendars.taxes)


def _calendars(both: Matched) -> Iterator[Change]:
    sides = [{calendar.name: calendar for calendar in catalogue.calendars} for catalogue in both.sides]
    for name, before, after in _pairs(*sides):
        where = Where("calendar", f"calendar {name}", both.plans_of_calendar(name))
        yield from _listed(where, before, after, calendars.compare)


def _zones(both: Matched) -> Iterator[Change]:
    """Zones that came, went or got another name, and the ways that prefixes went."""
    sides = [{zone.zone_id: zone for zone in catalogue.zones} for catalogue in both.unnamed_sides]
    for number, before, after in _pairs(*sides):
        where = Where("zone", f"zone {(after or before).name} ({number})", both.plans_of_zone((after or before).name))
        yield from _listed(where, before, after, _names)
    for move in zones.moves(both.old, both.new):
        effects = [both.zone_effect(plan, move.old, move.new) for plan in both.plain_plans]
        touched = both.with_followers(plan for plan, effect in zip(both.plain_plans, effects, strict=True) if effect is not None)
        found = zones.found(move, worst([effect for effect in effects if effect is not None]))
        yield Where("zone", f"zone {move.new or move.old}", touched).change(found)
    roaming = [{zone.roaming_zone_id: zone for zone in catalogue.roaming_zones} for catalogue in both.unnamed_sides]
    for number, before, after in _pairs(*roaming):
        name = (after or before).name
        where = Where("roaming-zone", f"roaming zone {name} ({number})", both.plans_of_roaming_zone(name))
        yield from _listed(where, before, after, calendars.networks)


def _prices(both: Matched) -> Iterator[Change]:
    sides = [{price.price_id: price for price in catalogue.prices} for catalogue in both.unnamed_sides]
    renamed = {price.price_id: price for price in both.old.prices}
    for number, before, after in _pairs(*sides):
        name = (after or before).name
        where = Where("price", f"price {name} ({number})", both.plans_of_price(name), price_id=number)
        if before is None or after is None:
            yield where.change(_whole(before, after, both, prices.summary, removed=Effect.NONE))
            continue
        if before.name != name:
            yield where.change(Found("name", before.name, name, Effect.NONE))
        yield from map(where.change, prices.compare(renamed[number], after, both.sides))


def _plans(both: Matched) -> Iterator[Change]:
    """Plans without add-ons: those with them follow."""
    sides = [{plan.name: plan for plan in catalogue.plans if plan.base is None} for catalogue in both.sides]
    for name, before, after in _pairs(*sides):
        where = Where("plan", f"plan {name}", both.with_followers([name]), name)
        if before is None or after is None:
            yield where.change(_whole(before, after, both, plans.summary, removed=Effect.MAY))
            continue
        yield from plans.compare(before, after, where, both.sides)
        if before.rules != after.rules:
            for price_id, found in rules.compare(both.rules_of(0, name), both.rules_of(1, name)):
                yield where._replace(kind="rule", price_id=price_id).change(found)
    for name in both.plain_plans:
        yield from map(Where("plan", f"plan {name}", both.with_followers([name]), name).change, _combinations(both, name))


def _combinations(both: Matched, name: str) -> Iterator[Found]:
    """Sets of add-ons that can be bought together on a plan; nothing where the plan itself is new or gone."""
    if all(any(plan.name == name for plan in catalogue.plans) for catalogue in both.sides):
        sides = [{"+".join(plan.add_ons) for plan in catalogue.plans if plan.base == name} for catalogue in both.sides]
        lost, gained = sides[0] - sides[1], sides[1] - sides[0]
        if lost:
            yield Found("no longer with add-ons", ", ".join(sorted(lost)), "", Effect.MAY)
        if gained:
            yield Found("with add-ons", "", ", ".join(sorted(gained)), Effect.NONE)


def _add_ons(both: Matched) -> Iterator[Change]:
    sides = [{add_on.name: add_on for add_on in catalogue.add_ons} for catalogue in both.sides]
    for name, before, after in _pairs(*sides):
        where = Where("add-on", f"add-on {name}", both.plans_of_add_on(name), name)
        if before is None or after is None:
            yield where.change(_whole(before, after, both, plans.summary, removed=Effect.MAY))
        else:
            yield from plans.compare(before, after, where, both.sides)


def _listed(where: Where, before: Any, after: Any, compare: Callable[[Any, Any], Iterable[Found]]) -> Iterator[Change]:  # noqa: ANN401 - entries of one kind
    """Something that came, went, or differs as `compare` finds. What went can only have changed prices that are listed themselves."""
    if before is None or after is None:
        sides = (None if before is None else before.name, None if after is None else after.name)
        yield where.change(came_or_went(*sides, added=Effect.NONE, removed=Effect.NONE))
    else:
        yield from map(where.change, compare(before, after))


def _whole(before: Any, after: Any, both: Matched, summary: Callable[[Any, Catalogue], str], *, removed: Effect) -> Found:  # noqa: ANN401 - a price, plan or add-on
    """A price, plan or add-on that is new or gone, listed whole."""
    sides = (None if before is None else summary(before, both.old), None if after is None else summary(after, both.new))
    return came_or_went(*sides, added=Effect.NONE, removed=removed)


def _names(before: Zone, after: Zone) -> Iterator[Found]:
    """Changes of a zone's name and title; its prefixes are listed by the way they went."""
    if before.name != after.name:
        yield Found("name", before.name, after.name, Effect.NONE)
    if before.title != after.title:
        yield Found("title", words.titles(before.title), words.titles(after.title), Effect.NONE)


def _pairs(old: dict[Any, Any], new: dict[Any, Any]) -> Iterator[tuple[Any, Any, Any]]:
    """Key, before, after of everything that differs; in the order of the new, then what went."""
    for key in dict.fromkeys([*new, *old]):
        if old.get(key) != new.get(key):
            yield key, old.get(key), new.get(key)
