"""Checks of what a plan grants: allowances, day passes, caps, discounts and limits serve something, with ids that mean one thing each.

A plan with add-ons is judged as the plan that it is. A fault of an add-on's entry is reported once, at the add-on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rating.model import ANY_ZONE, HOME_NETWORK, PPM, UNIT_OF_SERVICE, AtPlanChange, Draw, QuantityUnit, Service, WallClock
from tariffs.checks.plans import asked
from tariffs.checks.prices import clock, known_clocks
from tariffs.compiling import bounds
from tariffs.documents.document import Finding
from tariffs.documents.findings import BENEFITS, ID_MAX, id_range, named_zones, told_of_add_ons, twice_at, written_plans
from tariffs.language.texts import UNIT_WORDS
from tariffs.language.words import UNREAD_INSTANT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.model import AddOn, Allowance, Catalogue, ChargeCap, DayPass, Discount, Plan, SpendLimit
    from tariffs.documents.document import Place

ROLLOVER_PERIODS_MAX: Final = 120
_LARGEST: Final = "larger than anything can be"


class _Surroundings(NamedTuple):
    """Names that a plan's entries refer to."""

    zones: frozenset[str]
    ruled: frozenset[tuple[Service, str]]  # services and zones that the plan, or one it falls back to, has rules for
    clocks: frozenset[WallClock]


def benefits(catalogue: Catalogue) -> Iterator[Finding]:
    """Check what all plans grant."""
    zones = frozenset(zone.name for zone in catalogue.zones) | {HOME_NETWORK, *(zone.name for zone in catalogue.roaming_zones)}
    by_name = {plan.name: plan for plan in catalogue.plans}
    told: set[Place] = set()  # places of add-ons
    for index, plan in enumerate(catalogue.plans):
        around = _Surroundings(zones, _ruled(plan, asked(plan, by_name)), known_clocks(catalogue))
        findings = _plan(plan, around, ("plans", index))
        yield from findings if plan.base is None else told_of_add_ons(plan, findings, catalogue, told)
    yield from _one_meaning(catalogue)
    yield from _one_grant(catalogue)


def _ruled(plan: Plan, plans: list[Plan]) -> frozenset[tuple[Service, str]]:
    """Services and zones that `plans` have rules for, as far as entries of `plan` name the zones."""
    lists = (plan.allowances, plan.day_passes, plan.caps, plan.discounts, plan.spend_limits)
    named = {zone for entries in lists for entry in entries for zone in entry.zones if zone != ANY_ZONE}
    if not named:
        return frozenset()
    served = ((rule.service, zone) for each in plans for rule in each.rules for zone in (rule.zone, rule.roaming) if zone in named)
    return frozenset((service, zone) for service, zone in served if zone is not None)


def _plan(plan: Plan, around: _Surroundings, place: Place) -> Iterator[Finding]:
    for section, what in BENEFITS.items():
        yield from twice_at((*place, section), what, [entry.name for entry in getattr(plan, section)])
    yield from _ids(plan, place)
    for index, allowance in enumerate(plan.allowances):
        yield from _allowance(allowance, plan, around, (*place, "allowances", index))
    for index, day_pass in enumerate(plan.day_passes):
        yield from _day_pass(day_pass, plan, around, (*place, "day_passes", index))
    if sum(day_pass.fee_micros for day_pass in plan.day_passes) >= bounds.CHARGE_LIMIT:
        yield Finding((*place, "day_passes"), "the fees of the day passes are together above half the limit of money", "charge less")
    for index, cap in enumerate(plan.caps):
        yield from _cap(cap, plan, around, (*place, "caps", index))
    for index, discount in enumerate(plan.discounts):
        yield from _discount(discount, plan, around, (*place, "discounts", index))
    for index, limit in enumerate(plan.spend_limits):
        yield from _spend_limit(limit, plan, around, (*place, "spend_limits", index))


def _ids(plan: Plan, place: Place) -> Iterator[Finding]:
    """Ids in range, each once in the plan. Allowances and day passes share their numbers."""
    drawn = [(("allowances", i), a.allowance_id) for i, a in enumerate(plan.allowances)]
    drawn += [(("day_passes", i), p.pass_id) for i, p in enumerate(plan.day_passes)]
    caps = [(("caps", i), cap.cap_id) for i, cap in enumerate(plan.caps)]
    discounts = [(("discounts", i), discount.discount_id) for i, discount in enumerate(plan.discounts)]
    limits = [(("spend_limits", i), limit.limit_id) for i, limit in enumerate(plan.spend_limits)]
    for what, entries in (("allowance or day pass", drawn), ("cap", caps), ("discount", discounts), ("spend limit", limits)):
        seen: set[int] = set()
        for inner, number in entries:
            if number in seen:
                yield Finding((*place, *inner, "id"), f"id {number} belongs to another {what} already", "give each an id of its own")
            yield from id_range(number, (*place, *inner))
            seen.add(number)


def _one_meaning(catalogue: Catalogue) -> Iterator[Finding]:
    """An id in several plans is one thing, since what is left of it may go on after a change of plan."""
    drawn: dict[int, tuple[str, str]] = {}  # id -> plan or add-on, and meaning, where it stands first
    windows: dict[int, tuple[str, str]] = {}
    holders: list[tuple[Place, Plan | AddOn]] = [(("plans", i), plan) for i, plan in enumerate(written_plans(catalogue))]
    holders += [(("add_ons", i), each) for i, each in enumerate(catalogue.add_ons)]
    for place, plan in holders:
        entries = [(("allowances", i), a.allowance_id, f"an allowance of {UNIT_WORDS[a.unit]}") for i, a in enumerate(plan.allowances)]
        entries += [(("day_passes", i), p.pass_id, f"a day pass of {UNIT_WORDS[p.unit]}") for i, p in enumerate(plan.day_passes)]
        caps = [(("caps", i), cap.cap_id, f"a cap for each {cap.window.value}") for i, cap in enumerate(plan.caps)]
        for seen, found in ((drawn, entries), (windows, caps)):
            for inner, number, meaning in found:
                name = f"{'add-on' if place[0] == 'add_ons' else 'plan'} `{plan.name}`"
                first, other = seen.setdefault(number, (name, meaning))
                if first != name and other != meaning:
                    yield Finding(
                        (*place, *inner, "id"), f"id {number} is {other} in {first}, and {meaning} here", "give it an id of its own"
                    )


def _one_grant(catalogue: Catalogue) -> Iterator[Finding]:
    """Check that an allowance granted once to several lines is so in all plans that have it, and as much: no line decides for others."""
    holders: list[tuple[Place, Plan | AddOn]] = [(("plans", i), plan) for i, plan in enumerate(written_plans(catalogue))]
    holders += [(("add_ons", i), each) for i, each in enumerate(catalogue.add_ons)]
    entries = [((*place, "allowances", i), of.name, each) for place, of in holders for i, each in enumerate(of.allowances)]
    once = {each.allowance_id for _, _, each in entries if each.granted_once}
    first: dict[int, tuple[str, Allowance]] = {}
    for place, name, each in entries if once else ():
        if each.allowance_id not in once:
            continue
        what = f"allowance `{each.name}`"
        if each.granted_once and each.at_plan_change is not AtPlanChange.CARRY:
            message = f"{what} is granted once to all lines together: a change of plan neither ends nor divides it"
            yield Finding((*place, "at_plan_change"), message, "write `at_plan_change: carry`")
        other, told = first.setdefault(each.allowance_id, (name, each))
        if told.granted_once is not each.granted_once:
            message = f"{what} is {'granted once' if each.granted_once else 'not granted once'} here, and otherwise in `{other}`"
            yield Finding((*place, "shared"), message, "write `shared: one` in all plans that have it, or give it an id of its own")
        elif (told.quantity, told.prorate) != (each.quantity, each.prorate):
            field = "prorate" if told.quantity == each.quantity else "money" if each.unit is QuantityUnit.MICRO else "quantity"
            message = f"{what} is granted once to all lines together, and `{other}` grants it otherwise"
            yield Finding((*place, field), message, "write the same in all plans that have it, or give it an id of its own")


def _allowance(allowance: Allowance, plan: Plan, around: _Surroundings, place: Place) -> Iterator[Finding]:
    what = f"allowance `{allowance.name}`"
    money = allowance.unit is QuantityUnit.MICRO
    amount: Place = (*place, "money" if money else "quantity")
    if not money:
        yield from _in_unit(what, allowance.services, allowance.unit, amount)
    if allowance.quantity <= 0:
        yield Finding(amount, f"{what} is empty", "grant more than nothing")
    if allowance.quantity >= bounds.GRANT_LIMIT:
        yield Finding(amount, f"{what} is {_LARGEST}", "grant less")
    if money and (allowance.connect_when_free or allowance.draw is not Draw.EXACT):
        name = "connect_when_free" if allowance.connect_when_free else "draw"
        message = f"{what} is money, which pays charges after they are rounded: `{name}` means nothing to it"
        yield Finding((*place, name), message, "leave it out")
    if allowance.rollover_periods > ROLLOVER_PERIODS_MAX:
        yield Finding((*place, "rollover", "periods"), f"{what} stays for too many periods", f"write 1 to {ROLLOVER_PERIODS_MAX}")
    if allowance.rollover_max is not None and allowance.rollover_max <= 0:
        yield Finding((*place, "rollover", "maximum"), f"{what} rolls nothing over", "leave `rollover` out, or write more than nothing")
    if allowance.rollover_max is not None and allowance.rollover_max >= bounds.GRANT_LIMIT:
        yield Finding((*place, "rollover", "maximum"), f"the maximum of {what} is {_LARGEST}", "leave it out: then all is rolled over")
    yield from _priority(what, allowance.priority, place)
    yield from _served(what, (allowance.services, allowance.zones), plan, around, place)


def _day_pass(day_pass: DayPass, plan: Plan, around: _Surroundings, place: Place) -> Iterator[Finding]:
    what = f"day pass `{day_pass.name}`"
    yield from _in_unit(what, day_pass.services, day_pass.unit, (*place, "services" if day_pass.quantity is None else "quantity"))
    if day_pass.quantity is not None and not 0 < day_pass.quantity < bounds.GRANT_LIMIT:
        remedy = "grant more than nothing, or leave `quantity` out: then the whole day is free"
        yield Finding((*place, "quantity"), f"{what} is {'empty' if day_pass.quantity <= 0 else _LARGEST}", remedy)
    yield from clock(day_pass.clock, around.clocks, place)
    yield from _priority(what, day_pass.priority, place)
    yield from _served(what, (day_pass.services, day_pass.zones), plan, around, place)


def _cap(cap: ChargeCap, plan: Plan, around: _Surroundings, place: Place) -> Iterator[Finding]:
    what = f"cap `{cap.name}`"
    if cap.amount_micros <= 0:
        yield Finding((*place, "amount"), f"{what} leaves nothing to charge", "write an amount above zero, or a price of zero")
    yield from _served(what, (cap.services, cap.zones), plan, around, place)


def _discount(discount: Discount, plan: Plan, around: _Surroundings, place: Place) -> Iterator[Finding]:
    what = f"discount `{discount.name}`"
    if not 0 < discount.percent_ppm <= PPM:
        yield Finding((*place, "percent"), f"{what} is not above 0 and up to 100 percent", "write such as `percent: 25`")
    from_us, to_us = discount.from_us, discount.to_us
    if from_us is not None and to_us is not None and from_us >= to_us and UNREAD_INSTANT not in {from_us, to_us}:
        yield Finding((*place, "to"), f"{what} ends before it begins", "let `to` be after `from`")
    yield from _served(what, (discount.services, discount.zones), plan, around, place)


def _spend_limit(limit: SpendLimit, plan: Plan, around: _Surroundings, place: Place) -> Iterator[Finding]:
    what = f"spend limit `{limit.name}`"
    if limit.amount_micros <= 0:
        yield Finding((*place, "amount"), f"{what} lets nothing be spent", "write an amount above zero")
    yield from _served(what, (limit.services, limit.zones), plan, around, place)


def _priority(what: str, priority: int, place: Place) -> Iterator[Finding]:
    if abs(priority) > ID_MAX:
        yield Finding((*place, "priority"), f"{what} has the priority {priority}", f"write -{ID_MAX} to {ID_MAX}; the lowest goes first")


def _in_unit(what: str, services: tuple[Service, ...], unit: QuantityUnit, place: Place) -> Iterator[Finding]:
    """Every service is counted in `unit`."""
    other = next((service for service in services if UNIT_OF_SERVICE[service] is not unit), None)
    if other is not None and unit not in {UNIT_OF_SERVICE[service] for service in services}:
        message = f"{what} of {other.name.lower()} is not in {UNIT_WORDS[UNIT_OF_SERVICE[other]]}"
        yield Finding(place, message, "write such as 100min, 50 messages or 2GiB, as the service wants")
    elif other is not None:
        message = f"{what} is in {UNIT_WORDS[unit]}, and {other.name.lower()} is counted in {UNIT_WORDS[UNIT_OF_SERVICE[other]]}"
        yield Finding(place, message, "give services that are counted in something else an entry of their own")


def _served(
    what: str, served: tuple[tuple[Service, ...], tuple[str, ...]], plan: Plan, around: _Surroundings, place: Place
) -> Iterator[Finding]:
    """Zones are there, and each has a rule of the plan for one of the services."""
    services, zones = served
    yield from named_zones(zones, around.zones, what, place)
    for number, zone in enumerate(zones):
        if zone != ANY_ZONE and zone in around.zones and not any((service, zone) in around.ruled for service in services):
            words = " or ".join(service.name.lower() for service in services)
            message = f"{what} serves `{zone}`, to which plan `{plan.name}` has no rule for {words}"
            yield Finding((*place, "zones", number), message, "add the rule, or take the zone out")
