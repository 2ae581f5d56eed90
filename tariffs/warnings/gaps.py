"""Usage that a good catalogue leaves without a price, or prices otherwise than its author may mean.

Plan by plan and service by service, for the numbers of every zone that the plan or one of its fallbacks names:
- no rule holds for all that may be used, at any time: what meets none is refused (NO_ZONE). A rule with `price: null` refuses on purpose;
- only a fallback names their zone, and a rule of the plan itself, for a shorter prefix, takes them before the fallback is asked.
Numbers of no zone at all are ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rating.model import ANY_ZONE, Service, UsageRule
from tariffs.reach import conditions_of
from tariffs.warnings.common import service_word, warning, written_plans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rating.model import Catalogue, Plan, Zone
    from tariffs.compiling.candidates import Candidate, Classes
    from tariffs.compiling.price_times import PriceTimes
    from tariffs.documents.document import Place
    from tariffs.reach import Asked
    from tariffs.warnings.common import Warning  # noqa: A004 -- see there

_ANYTHING: Final = UsageRule(Service.VOICE, ANY_ZONE, None)  # what a rule behind all others could still take
_NAME_IT: Final = "name the zone in this plan too"
_ADD_RULE: Final = "add a rule for the rest; one with `price: null` says that it is not sold"


def warn(asked: Asked) -> Iterator[Warning]:
    """One warning for each plan, service and zone."""
    for index, plan in written_plans(asked.catalogue):
        for service in asked.services(plan):
            found = asked.classes(plan, service)
            if found.zones is None:  # else the first rule of every zone takes everything
                yield from _of_service(asked, plan, service, ("plans", index))


def _of_service(asked: Asked, plan: Plan, service: Service, place: Place) -> Iterator[Warning]:
    found = asked.classes(plan, service)
    missing = [_missing([each.rule for each in candidates], asked.times) for candidates in found.candidates]
    own = {rule.zone for rule in plan.rules if rule.service is service}
    has_fallbacks = len(asked.order(plan)) > 1
    doubtful = frozenset(of_class for of_class, what in enumerate(missing) if what or has_fallbacks)
    for zone, numbers in _numbers(asked.catalogue, found) if doubtful else ():
        for number, of_class in numbers:
            if of_class not in doubtful:
                continue
            shadow = _shadowed(zone, own, found.candidates[of_class], plan.name)
            if shadow or missing[of_class]:
                to = f"`{zone}` (such as {number})" if number else "anywhere"
                message = f"plan `{plan.name}`, {service_word(service)} to {to}: {shadow or missing[of_class]}"
                yield warning("shadowed-rule" if shadow else "no-price", place, message, _NAME_IT if shadow else _ADD_RULE)
                break  # one number of a zone is enough


def _numbers(catalogue: Catalogue, found: Classes) -> Iterator[tuple[str, Iterator[tuple[str, int]]]]:
    """Any destination, and each zone, with the prefixes and short codes that lead to a class."""
    yield ANY_ZONE, iter([("", 0)])
    for zone in catalogue.zones:
        yield zone.name, _of_zone(zone, found)


def _of_zone(zone: Zone, found: Classes) -> Iterator[tuple[str, int]]:
    for prefix in zone.prefixes:
        if prefix in found.prefixes:
            yield prefix, found.prefixes[prefix]
    for code in zone.short_codes:
        if code in found.codes:
            yield code, found.codes[code]


def _missing(rules: Sequence[UsageRule], times: PriceTimes) -> str:
    """The usage that may meet none of `rules`; "" where they take everything, and where there are none."""
    if not rules or (times.takes_all(rules[-1]) and not conditions_of(rules[-1])):
        return ""
    free = [rule for rule in rules if not conditions_of(rule)]
    if not free:
        names = sorted({name for rule in rules for name in conditions_of(rule)})
        return f"priced only under conditions ({', '.join(names)})"
    if times.left(_ANYTHING, free) is None:
        return ""
    prices = [times.prices[rule.price] for rule in free if rule.price is not None]
    lefts = []
    for price in prices:
        assert price.calendar is not None, "a price without calendar is always active"
        alike = [each for each in prices if (each.calendar, each.clock) == (price.calendar, price.clock)]
        given = {band for each in alike for band in times.active(each)}
        lefts.append(([band for band in times.bands[price.calendar] if band not in given], price.calendar))
    left, calendar = min(lefts, key=lambda pair: len(pair[0]))
    return f"no price for what begins in {', '.join(sorted(left))} of calendar {calendar}" if left else ""


def _shadowed(zone: str, own: set[str], candidates: Sequence[Candidate], plan: str) -> str:
    """A sentence where a rule of the plan for another zone takes what a fallback has a rule for; else ""."""
    if zone in own or not candidates or any(each.rule.zone == zone for each in candidates):
        return ""
    taker = candidates[-1]
    return f"priced by the rule for `{taker.rule.zone}`: the fallback that names this zone is not asked" if taker.plan == plan else ""
