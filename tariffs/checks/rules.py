"""The rules of a plan: what they name is there, fits, and can be reached."""

from __future__ import annotations

import collections
import itertools
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.counted import counted
from rating.model import ANY_BAND, ANY_ZONE, HOME_NETWORK, OTHER_BAND, UNIT_OF_SERVICE, Price, Service, Zone
from tariffs.documents.document import Finding
from tariffs.documents.findings import ID_MAX, known, written_plans
from tariffs.documents.limits import CANDIDATES_MAX
from tariffs.language.texts import UNIT_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.model import Catalogue, Plan, UsageRule
    from tariffs.documents.document import Place

CONDITIONS: Final = ("direction", "origin", "on_net", "roaming", "rating_group", "customer_group")
PREFIX_DIGITS_MAX: Final = 15
_GROUPS: Final = ("rating_group", "customer_group")


class _Names(NamedTuple):
    """Names that rules refer to."""

    zones: dict[str, Zone]
    roaming_zones: frozenset[str]
    prices: dict[str, Price]
    always: frozenset[str]  # prices that are active at every instant


def rules(catalogue: Catalogue) -> Iterator[Finding]:
    """The rules of all plans."""
    bands = bands_by_calendar(catalogue)
    names = _Names(
        {zone.name: zone for zone in catalogue.zones},
        frozenset(zone.name for zone in catalogue.roaming_zones),
        {price.name: price for price in catalogue.prices},
        frozenset(price.name for price in catalogue.prices if is_always_active(price, bands)),
    )
    plans = {plan.name: plan for plan in catalogue.plans}
    good: set[int] = set()  # identities of rules: those of a deck are the same in every plan that has it
    for index, plan in enumerate(written_plans(catalogue)):
        for number, rule in enumerate(plan.rules):
            if id(rule) in good:
                continue
            findings = list(_rule(rule, names, ("plans", index, "rules", number)))
            yield from findings
            if not findings:
                good.add(id(rule))
        yield from _unreachable(plan, names, ("plans", index, "rules"))
        yield from _too_many(plan, plans, names, ("plans", index, "rules"))


def _too_many(plan: Plan, plans: dict[str, Plan], names: _Names, place: Place) -> Iterator[Finding]:
    """A plan whose rules would take minutes to sort out: many with conditions, asked by many zones.

    A zone asks its own rules, those of the zones around it and those of any destination. In each plan it asks up to the first that always
    holds. No more zones lie around each other than a number has digits.
    """
    counts: dict[Service, collections.Counter[str]] = {}
    for asked in (plan, *(plans[name] for name in plan.fallbacks if name in plans)):
        ended: set[tuple[Service, str]] = set()
        for rule in asked.rules:
            if (rule.service, rule.zone) not in ended:
                counts.setdefault(rule.service, collections.Counter())[rule.zone] += 1
                if (rule.price is None or rule.price in names.always) and not any(getattr(rule, name) is not None for name in CONDITIONS):
                    ended.add((rule.service, rule.zone))
    for service, of_zone in counts.items():
        anywhere = of_zone.pop(ANY_ZONE, 0)
        in_all = (len(of_zone) + 1) * (anywhere + sum(count for _, count in of_zone.most_common(PREFIX_DIGITS_MAX)))
        if in_all > CANDIDATES_MAX:
            message = f"up to {in_all:,} rules for {service.name.lower()} would have to be compared: {anywhere:,} for any destination"
            message = f"{message}, and {counted(len(of_zone), 'zone')} with {'its' if len(of_zone) == 1 else 'their'} own"
            yield Finding(place, message, "write fewer rules with conditions, or fewer zones")


def bands_by_calendar(catalogue: Catalogue) -> dict[str, frozenset[str]]:
    """The bands of each calendar, with that of the times which no band covers."""
    return {calendar.name: frozenset({OTHER_BAND, *(band.name for band in calendar.bands)}) for calendar in catalogue.calendars}


def is_always_active(price: Price, bands: dict[str, frozenset[str]]) -> bool:
    """Return whether a price has a rate at every instant."""
    given = {rate.band for rate in price.rates}
    return ANY_BAND in given or (price.calendar in bands and given >= bands[price.calendar])


def _rule(rule: UsageRule, names: _Names, place: Place) -> Iterator[Finding]:
    if rule.zone and rule.zone != ANY_ZONE and rule.zone not in names.zones:
        yield Finding((*place, "zone"), f"unknown zone `{rule.zone}`", known([*names.zones, ANY_ZONE]))
    if rule.price and rule.price not in names.prices:
        yield Finding((*place, "price"), f"unknown price `{rule.price}`", known(names.prices))
    elif rule.price and names.prices[rule.price].unit is not UNIT_OF_SERVICE[rule.service]:
        service, wanted = rule.service.name.lower(), UNIT_WORDS[UNIT_OF_SERVICE[rule.service]]
        message = f"price `{rule.price}` is for {UNIT_WORDS[names.prices[rule.price].unit]}, but {service} is counted in {wanted}"
        yield Finding((*place, "price"), message, f"name a price for {wanted}")
    yield from _conditions(rule, names, place)


def _conditions(rule: UsageRule, names: _Names, place: Place) -> Iterator[Finding]:
    if rule.origin and rule.origin not in names.zones:
        yield Finding((*place, "origin"), f"unknown zone `{rule.origin}`", known(names.zones))
    elif rule.origin and not names.zones[rule.origin].prefixes:
        message = f"zone `{rule.origin}` has no prefix, so that no call can come from it"
        yield Finding((*place, "origin"), message, "name a zone with prefixes")
    if rule.roaming and rule.roaming != HOME_NETWORK and rule.roaming not in names.roaming_zones:
        yield Finding((*place, "roaming"), f"unknown roaming zone `{rule.roaming}`", known([*names.roaming_zones, HOME_NETWORK]))
    for name in _GROUPS:
        group = getattr(rule, name)
        if group is not None and not 1 <= group <= ID_MAX:
            yield Finding((*place, name), f"{name} {group} is out of range", f"write 1 to {ID_MAX}")


def _unreachable(plan: Plan, names: _Names, place: Place) -> Iterator[Finding]:
    """Rules behind one of the same service and zone that takes all they could: no condition that they lack, active at every instant."""
    rules_of_zone = collections.Counter(rule.zone for rule in plan.rules)
    takers: dict[tuple[str, Service, frozenset[tuple[str, object]]], int] = {}
    for number, rule in enumerate(plan.rules):
        if rules_of_zone[rule.zone] == 1:
            continue
        conditions = _conditions_of(rule)
        before = [takers[key] for some in subsets(conditions) if (key := (rule.zone, rule.service, some)) in takers]
        if before:
            yield _never_reached(plan, number, min(before), place)
        elif rule.price is None or rule.price in names.always:
            takers[rule.zone, rule.service, frozenset(conditions)] = number


def _never_reached(plan: Plan, number: int, taker: int, place: Place) -> Finding:
    rule, former = plan.rules[number], plan.rules[taker]
    what = f"{rule.service.name.lower()} to `{rule.zone}`"
    if _conditions_of(rule) == _conditions_of(former):
        return Finding((*place, number), f"plan `{plan.name}` has two rules for {what}", f"keep one: `rules[{taker}]` takes everything")
    return Finding((*place, number), f"this rule for {what} is never reached", f"put it before `rules[{taker}]`, which takes everything")


def _conditions_of(rule: UsageRule) -> list[tuple[str, object]]:
    return [(name, value) for name in CONDITIONS if (value := getattr(rule, name)) is not None]


def subsets(conditions: list[tuple[str, object]]) -> Iterator[frozenset[tuple[str, object]]]:
    """All that a rule which takes everything of another may ask for: some of the other's conditions, or none."""
    for length in range(len(conditions) + 1):
        yield from map(frozenset, itertools.combinations(conditions, length))
