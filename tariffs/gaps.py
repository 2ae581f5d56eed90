"""What a good catalogue leaves without a price, or prices otherwise than its author may mean: told, because nothing of it is a mistake.

Plan by plan and service by service, for the numbers of every zone that the plan or one of its fallbacks names:
- no rule holds for all that may be used, at any time: what meets none is refused (NO_ZONE). A rule with `price: null` refuses on purpose;
- only a fallback names their zone, and a rule of the plan itself, for a shorter prefix, takes them before the fallback is asked.
Numbers of no zone at all are not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rating.model import ANY_ZONE, Service
from tariffs.checks.rules import CONDITIONS, bands_by_calendar, is_always_active
from tariffs.shelves import Candidate, classes, rules_in_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rating.model import Catalogue, Plan, Price, UsageRule


class Gap(NamedTuple):
    """Usage that a plan does not price always, or not by the rule that names its zone."""

    plan: str
    service: str
    zone: str
    number: str  # a prefix or short code of the zone; "" for any destination
    what: str
    remedy: str


def gaps(catalogue: Catalogue) -> list[Gap]:
    """All gaps, one for each plan, service and zone."""
    plans = {plan.name: plan for plan in catalogue.plans}
    prices = _Prices(catalogue)
    return [
        gap
        for plan in catalogue.plans
        for asked in [rules_in_order(plan, plans)]
        for service in sorted({rule.service for each in asked for rule in each.rules})
        for gap in _of_service(catalogue, asked, service, prices)
    ]


class _Prices:
    """When prices are active."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._bands = bands_by_calendar(catalogue)
        self._by_name = {price.name: price for price in catalogue.prices}

    def holds_always(self, rule: UsageRule) -> bool:
        """Whether a rule takes everything that reaches it."""
        return not _conditions(rule) and (rule.price is None or is_always_active(self._by_name[rule.price], self._bands))

    def missing(self, candidates: Sequence[Candidate]) -> str:
        """What may meet none of `candidates`; "" where they take everything."""
        if not candidates:
            return ""
        if self.holds_always(candidates[-1].rule):
            return ""
        free = [self._by_name[each.rule.price] for each in candidates if each.rule.price is not None and not _conditions(each.rule)]
        if not free:
            names = sorted({name for each in candidates for name in _conditions(each.rule)})
            return f"priced only under conditions ({', '.join(names)})"
        left = min((self._left(price, free) for price in free), key=len)
        return f"no price for what begins in {', '.join(sorted(left))} of calendar {free[0].calendar}" if left else ""

    def _left(self, price: Price, prices: Sequence[Price]) -> frozenset[str]:
        """Bands of the calendar of `price` in which none of the prices on the same clock has a rate."""
        assert price.calendar is not None, "a price without calendar is always active"
        alike = [each for each in prices if (each.calendar, each.clock) == (price.calendar, price.clock)]
        return self._bands[price.calendar] - {rate.band for each in alike for rate in each.rates}


def _of_service(catalogue: Catalogue, asked: Sequence[Plan], service: Service, prices: _Prices) -> Iterator[Gap]:
    found = classes(catalogue, asked, service, prices.holds_always)
    if found.zones is not None:
        return  # the first rule of every zone takes everything
    own = {rule.zone for rule in asked[0].rules if rule.service is service}
    told: set[str] = set()
    for zone, number, of_class in _numbers(catalogue, found.prefixes, found.codes):
        candidates = found.candidates[of_class]
        what, remedy = _shadowed(zone, own, candidates, asked[0].name), "name the zone in this plan too"
        if not what:
            what, remedy = prices.missing(candidates), "add a rule for the rest; one with price: null says that it is not sold"
        if what and zone not in told:
            told.add(zone)
            yield Gap(asked[0].name, service.name.lower(), zone, number, what, remedy)


def _numbers(catalogue: Catalogue, prefixes: Mapping[str, int], codes: Mapping[str, int]) -> Iterator[tuple[str, str, int]]:
    """Zone, number and class of any destination, and of every prefix and short code that leads to a class."""
    yield ANY_ZONE, "", 0
    for zone in catalogue.zones:
        yield from ((zone.name, prefix, prefixes[prefix]) for prefix in zone.prefixes if prefix in prefixes)
        yield from ((zone.name, code, codes[code]) for code in zone.short_codes if code in codes)


def _shadowed(zone: str, own: set[str], candidates: Sequence[Candidate], plan: str) -> str:
    """Where a rule of the plan for another zone takes what a fallback has a rule for."""
    if zone in own or not candidates or any(each.rule.zone == zone for each in candidates):
        return ""
    taker = candidates[-1]
    return f"priced by the rule for {taker.rule.zone}: the fallback that names this zone is not asked" if taker.plan == plan else ""


def _conditions(rule: UsageRule) -> list[str]:
    return [name for name in CONDITIONS if getattr(rule, name) is not None]
