"""Plans: their names, their fees, the plans they fall back to, and ids that must be one thing in the whole catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tariffs.checks.common import IDENTITY, IDENTITY_REMEDY, codes, id_range, known, twice, twice_at
from tariffs.document import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.model import Catalogue, Plan
    from tariffs.document import Place


def plans(catalogue: Catalogue) -> Iterator[Finding]:
    """All plans, but for their rules and what they grant."""
    by_name = {plan.name: plan for plan in catalogue.plans}
    tax_classes = frozenset(tax.name for tax in catalogue.tax_classes)
    yield from twice("plans", "plan", [plan.name for plan in catalogue.plans])
    for index, plan in enumerate(catalogue.plans):
        place: Place = ("plans", index)
        if plan.name and not IDENTITY.fullmatch(plan.name):
            yield Finding((*place, "name"), f'"{plan.name}" cannot be the name of a plan', IDENTITY_REMEDY)
        if not plan.title:
            yield Finding((*place, "title"), f"plan `{plan.name}` has no title", "write what customers read, such as {en: Smart M}")
        for number, fee in enumerate(plan.recurring):
            yield from codes(tax_classes, (fee.charge_code, fee.revenue_code, fee.tax_class), (*place, "recurring", number))
        yield from twice_at((*place, "recurring"), "fee", [fee.name for fee in plan.recurring])
        yield from _fallbacks(plan, by_name, place)


def price_ids(catalogue: Catalogue) -> Iterator[Finding]:
    """Prices and fees have an id of their own each: bills are compared by it."""
    places: list[tuple[Place, int]] = [(("prices", i), price.price_id) for i, price in enumerate(catalogue.prices)]
    for index, plan in enumerate(catalogue.plans):
        places += [(("plans", index, "recurring", i), fee.price_id) for i, fee in enumerate(plan.recurring)]
    seen: set[int] = set()
    for place, number in places:
        if number in seen:
            yield Finding((*place, "id"), f"id {number} belongs to another price or fee already", "give each an id of its own, for ever")
        yield from id_range(number, place)
        seen.add(number)


def asked(plan: Plan, by_name: dict[str, Plan]) -> list[Plan]:
    """`plan` and the plans it falls back to, in the order in which their rules are asked, each once."""
    found: dict[str, Plan] = {}
    waiting = [plan]
    while waiting:
        each = waiting.pop()
        if each.name not in found:
            found[each.name] = each
            waiting += [by_name[name] for name in reversed(each.fallbacks) if name in by_name]
    return list(found.values())


def _fallbacks(plan: Plan, by_name: dict[str, Plan], place: Place) -> Iterator[Finding]:
    yield from _twice_named(plan.fallbacks, (*place, "fallbacks"))
    for number, name in enumerate(plan.fallbacks):
        here: Place = (*place, "fallbacks", number)
        if name and name not in by_name:
            yield Finding(here, f"unknown plan `{name}`", known(by_name))
        elif name and any(plan.name in (each.name, *each.fallbacks) for each in asked(by_name[name], by_name)):
            message = f"plan `{plan.name}` falls back to `{name}`, which falls back to `{plan.name}`"
            yield Finding(here, "a plan falls back to itself" if name == plan.name else message, "take one of them out")


def _twice_named(names: tuple[str, ...], place: Place) -> Iterator[Finding]:
    for number, name in enumerate(names):
        if name and name in names[:number]:
            yield Finding((*place, number), f"plan `{name}` stands here twice", "keep it once")
