"""Two catalogues made comparable: the old one with the names of the new, and which plans a price, zone or calendar reaches."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from tariffs.changes import plans, rules
from tariffs.changes.change import Effect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rating.model import Catalogue, Plan, UsageRule


class Matched:
    """`old` calls zones, roaming zones and prices as `new` does; `unnamed_sides` are the two as they were given."""

    def __init__(self, old: Catalogue, new: Catalogue) -> None:
        self.unnamed_sides = (old, new)
        self.old, self.new = _with_names_of(old, new), new
        self.sides = (self.old, self.new)
        self._zone_effects: dict[tuple[int, int, str | None, str | None], Effect | None] = {}
        self.plain_plans = tuple(dict.fromkeys(plan.name for side in self.sides[::-1] for plan in side.plans if plan.base is None))

    @cached_property
    def all_plans(self) -> tuple[str, ...]:
        """Names of all plans of both."""
        return tuple(dict.fromkeys(plan.name for side in self.sides[::-1] for plan in side.plans))

    def with_followers(self, names: Iterable[str]) -> tuple[str, ...]:
        """Plans, those that fall back to them, and all of these with their add-ons."""
        wanted = set(names)
        followers = {plan for plan, reached in self._reached.items() if reached & wanted}
        return tuple(name for name in self.all_plans if name in followers)

    def plans_of_price(self, name: str) -> tuple[str, ...]:
        """Plans with a rule for a price."""
        return self._index("price", name)

    def plans_of_zone(self, name: str) -> tuple[str, ...]:
        """Plans with a rule to a zone, or from it."""
        return tuple(dict.fromkeys([*self._index("zone", name), *self._index("origin", name)]))

    def plans_of_roaming_zone(self, name: str) -> tuple[str, ...]:
        """Plans with a rule in a roaming zone."""
        return self._index("roaming", name)

    def plans_of_calendar(self, name: str) -> tuple[str, ...]:
        """Plans with a price that follows a calendar."""
        priced = {price.name for side in self.sides for price in side.prices if price.calendar == name}
        found = {plan for price in priced for plan in self.plans_of_price(price)}
        return tuple(plan for plan in self.all_plans if plan in found)

    def plans_of_add_on(self, name: str) -> tuple[str, ...]:
        """Plans with an add-on."""
        return tuple(dict.fromkeys(plan.name for side in self.sides[::-1] for plan in side.plans if name in plan.add_ons))

    def rules_of(self, side: int, name: str) -> rules.Priced:
        """The rules of a plan of the old (0) or the new (1), ready to be compared."""
        return self._rules[side].get(name) or self._no_rules[side]

    def zone_effect(self, name: str, left: str | None, joined: str | None) -> Effect | None:
        """Effect on customers of a plan when numbers go from one zone to another; None: the plan names neither.

        Grants and limits that serve one zone and not the other make it uncertain at any prices.
        """
        sides = (self.rules_of(0, name), self.rules_of(1, name))
        key = (id(sides[0]), id(sides[1]), left, joined)
        if key not in self._zone_effects:
            self._zone_effects[key] = rules.zone_effect(*sides, left, joined)
        served = [side.get(name, {}).get(zone or "", set()) for side, zone in zip(self._serving, (left, joined), strict=True)]
        return self._zone_effects[key] if served[0] == served[1] else Effect.MAY

    @cached_property
    def _rules(self) -> tuple[dict[str, rules.Priced], ...]:
        """By version and plan; plans with the same rules, as those of one deck have, share what was made of them."""
        made: list[dict[str, rules.Priced]] = []
        for side in self.sides:
            by_rules: dict[tuple[UsageRule, ...], rules.Priced] = {}
            made.append({plan.name: _once(by_rules, plan.rules, side) for plan in side.plans if plan.base is None})
        return tuple(made)

    @cached_property
    def _serving(self) -> tuple[dict[str, dict[str, set[tuple[str, int]]]], ...]:
        return tuple(plans.serving(side) for side in self.sides)

    @cached_property
    def _no_rules(self) -> tuple[rules.Priced, ...]:
        return tuple(rules.priced((), side) for side in self.sides)

    @cached_property
    def _reached(self) -> dict[str, set[str]]:
        """For each plan: itself, the plan it is based on, and all that it falls back to, in either version."""
        found: dict[str, set[str]] = {}
        for side in self.sides:
            plans = {plan.name: plan for plan in side.plans}
            for name in plans:
                found.setdefault(name, set()).update(_reached_by(name, plans))
        return found

    @cached_property
    def _indices(self) -> dict[str, dict[str, set[str]]]:
        """For each kind of name that rules give: plans by name."""
        found: dict[str, dict[str, set[str]]] = {"price": {}, "zone": {}, "origin": {}, "roaming": {}}
        for side in self.sides:
            for plan in side.plans:
                for rule in plan.rules if plan.base is None else ():
                    for kind, by_name in found.items():
                        by_name.setdefault(getattr(rule, kind) or "", set()).add(plan.name)
        return found

    def _index(self, kind: str, name: str) -> tuple[str, ...]:
        return self.with_followers(self._indices[kind].get(name, ()))


def _once(made: dict[tuple[UsageRule, ...], rules.Priced], of: tuple[UsageRule, ...], side: Catalogue) -> rules.Priced:
    if of not in made:
        made[of] = rules.priced(of, side)
    return made[of]


def _reached_by(name: str, plans: Mapping[str, Plan]) -> set[str]:
    found, waiting = set(), [name]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            plan = plans.get(each)
            waiting += [] if plan is None else [*plan.fallbacks, *([plan.base] if plan.base is not None else [])]
    return found


def _with_names_of(old: Catalogue, new: Catalogue) -> Catalogue:
    """`old`, its zones, roaming zones and prices called as `new` calls those of the same ids."""
    zones = _names(old.zones, new.zones, "zone_id")
    roaming = _names(old.roaming_zones, new.roaming_zones, "roaming_zone_id")
    prices = _names(old.prices, new.prices, "price_id")
    if not (zones or roaming or prices):
        return old
    return msgspec.structs.replace(
        old,
        zones=_renamed(old.zones, zones),
        roaming_zones=_renamed(old.roaming_zones, roaming),
        prices=_renamed(old.prices, prices),
        plans=tuple(_plan(plan, zones, roaming, prices) for plan in old.plans),
        add_ons=tuple(_served(add_on, zones | roaming) for add_on in old.add_ons),
    )


def _names(old: Iterable[Any], new: Iterable[Any], id_name: str) -> dict[str, str]:
    """Old name -> the name of that id in the new, where they differ. A name that something else has now gets its old id behind it."""
    names = {getattr(each, id_name): each.name for each in new}
    taken = set(names.values())
    found = {}
    for each in old:
        number = getattr(each, id_name)
        gone = f"{each.name} ({number})" if each.name in taken else each.name
        if (name := names.get(number, gone)) != each.name:
            found[each.name] = name
    return found


def _renamed(entries: Iterable[Any], names: Mapping[str, str]) -> tuple[Any, ...]:
    return tuple(msgspec.structs.replace(each, name=names[each.name]) if each.name in names else each for each in entries)


def _plan(plan: Plan, zones: Mapping[str, str], roaming: Mapping[str, str], prices: Mapping[str, str]) -> Plan:
    changed = tuple(
        msgspec.structs.replace(
            rule,
            zone=zones.get(rule.zone, rule.zone),
            origin=zones.get(rule.origin or "", rule.origin),
            roaming=roaming.get(rule.roaming or "", rule.roaming),
            price=prices.get(rule.price or "", rule.price),
        )
        for rule in plan.rules
    )
    served: Plan = _served(plan, {**zones, **roaming})
    return msgspec.structs.replace(served, rules=changed)


def _served(plan: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401 - a plan or an add-on
    """The plan or add-on with the zones of its grants under other names."""
    found = {}
    for name in ("allowances", "day_passes", "caps", "discounts", "spend_limits"):
        entries = getattr(plan, name, ())
        if entries:
            found[name] = tuple(
                msgspec.structs.replace(each, zones=tuple(names.get(zone, zone) for zone in each.zones)) for each in entries
            )
    return msgspec.structs.replace(plan, **found)
