"""Rules of a plan that are ever met: by some number, at some time, under some circumstance.

For every service of a plan and its fallbacks the candidate rules of each class of numbers (see `tariffs.compiling.candidates`) are walked.
The order is that in which they are asked. A rule is reached at the times that the rules before it leave. A rule takes what a later one
could on two conditions: it asks nothing that the later one does not, and it is active then or refuses on purpose. A rule that is not
returned can price nothing. Usage is thought to have a direction: all that is billed has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rating.model import Service, UsageRule
from rating.tables import SHORT_DIGITS_MAX
from tariffs.checks.rules import CONDITIONS, subsets
from tariffs.compiling.candidates import classes, rules_in_order
from tariffs.compiling.price_times import PriceTimes

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from rating.model import Catalogue, Plan
    from tariffs.compiling.candidates import Classes

Condition = tuple[str, "int | str | bool"]  # field of a rule, and what an event must say
DIRECTIONS: Final = (1, 2)  # rating.schema.Direction: every event has one of them
_ANYWHERE: Final = 0  # the class of numbers that lie in no zone named


class Reach(NamedTuple):
    """A rule that usage to `number` meets in `bands` when the event says `conditions`, and nothing else of the kind."""

    service: Service
    zone: str  # as the rule names it
    number: str  # a prefix or short code that leads to the rule; "" for usage to no zone that the plan names
    rule_plan: str  # whose rule it is: the plan itself or one that it falls back to
    rule_index: int  # in the rules of that plan
    rule: UsageRule
    conditions: tuple[Condition, ...]  # those of the rule; and the direction, where an earlier rule takes the other one
    bands: tuple[str, ...]  # bands of the price's calendar, in its order, or ANY_BAND; empty where the rule has no price
    starts_us: tuple[int, ...]  # an instant for each band (one where there is none) at which it is met, by the clock of its price


def reachable(catalogue: Catalogue, plan: Plan) -> list[Reach]:
    """Every rule that `plan` may be asked for and that can be met, by service, plan and place in it.

    A rule is listed once for each set of conditions, with the first number that leads to it. It is listed again only with a number that
    leads to it in bands that were not listed yet.
    """
    return Asked(catalogue).reachable(plan)


class Asked:
    """Rules that the plans of a catalogue ask, worked out once for all callers."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.times = PriceTimes(catalogue)
        self._plans = {plan.name: plan for plan in catalogue.plans}
        self._classes: dict[tuple[str, Service], Classes] = {}
        self._reached: dict[str, list[Reach]] = {}

    def order(self, plan: Plan) -> list[Plan]:
        """The plan, then its fallbacks."""
        return rules_in_order(plan, self._plans)

    def services(self, plan: Plan) -> list[Service]:
        """The services that the plan or one of its fallbacks has rules for."""
        return sorted({rule.service for each in self.order(plan) for rule in each.rules})

    def classes(self, plan: Plan, service: Service) -> Classes:
        """Lists of candidate rules, and which of them each number has."""
        key = (plan.name, service)
        if key not in self._classes:
            self._classes[key] = classes(self.catalogue, self.order(plan), service, self._holds_always)
        return self._classes[key]

    def _holds_always(self, rule: UsageRule) -> bool:
        """Return whether a rule takes everything that reaches it."""
        return not conditions_of(rule) and self.times.takes_all(rule)

    def reachable(self, plan: Plan) -> list[Reach]:
        """See `reachable` above."""
        if plan.name not in self._reached:
            order = {each.name: position for position, each in enumerate(self.order(plan))}
            found: list[Reach] = []
            for service in self.services(plan):
                of_service = _of_service(self.catalogue, self.classes(plan, service), self.times)
                found += sorted(of_service, key=lambda reach: (order[reach.rule_plan], reach.rule_index))
            self._reached[plan.name] = found
        return self._reached[plan.name]


def conditions_of(rule: UsageRule) -> dict[str, int | str | bool]:
    """Conditions of a rule, by field."""
    return {name: value for name in CONDITIONS if (value := getattr(rule, name)) is not None}


def first_numbers(catalogue: Catalogue, found: Classes) -> dict[int, str]:
    """A number for each class of `found`: the first prefix, or short code, that leads to it."""
    numbers = {_ANYWHERE: ""}
    for number, of_class in numbers_of(catalogue, found):
        numbers.setdefault(of_class, number)
    return numbers


def numbers_of(catalogue: Catalogue, found: Classes) -> Iterator[tuple[str, int]]:
    """Prefixes and short codes with the class that each leads to; a prefix that is a short code too is made longer than any code."""
    by_prefix = found.prefixes if found.zones is None else dict(_zone_prefixes(catalogue, found.zones))
    for prefix, of_class in by_prefix.items():
        if prefix not in found.codes:
            yield prefix, of_class
        else:
            yield from ((number, of_class) for number in _longer(prefix, by_prefix))
    yield from found.codes.items()


def _zone_prefixes(catalogue: Catalogue, zones: Sequence[int]) -> Iterator[tuple[str, int]]:
    for of_class, index in enumerate(zones, 1):
        yield from ((prefix, of_class) for prefix in catalogue.zones[index].prefixes)


def _longer(prefix: str, prefixes: Container[str]) -> Iterator[str]:
    """A number that begins with `prefix`, and with no longer one, and has too many digits for a short code."""
    for digit in "0123456789":
        number = prefix.ljust(SHORT_DIGITS_MAX + 1, digit)
        if not any(number[:length] in prefixes for length in range(len(prefix) + 1, len(number) + 1)):
            yield number
            return


def _of_service(catalogue: Catalogue, found: Classes, times: PriceTimes) -> Iterator[Reach]:
    numbers = first_numbers(catalogue, found)
    told: dict[tuple[str, int, tuple[Condition, ...]], set[str]] = {}  # rule and conditions -> the bands that it was met in
    for of_class, candidates in enumerate(found.candidates):
        if of_class not in numbers:
            continue
        before: dict[frozenset[tuple[str, object]], list[UsageRule]] = {}  # the rules walked, by what they ask for
        for candidate in candidates:
            for conditions, starts in _met(candidate.rule, before, times):
                key = (candidate.plan, candidate.place, conditions)
                if key not in told or not told[key].issuperset(starts):
                    told.setdefault(key, set()).update(starts)
                    rule, bands = candidate.rule, tuple(filter(None, starts))
                    number, when = numbers[of_class], tuple(starts.values())
                    yield Reach(
                        service=rule.service,
                        zone=rule.zone,
                        number=number,
                        rule_plan=candidate.plan,
                        rule_index=candidate.place,
                        rule=rule,
                        conditions=conditions,
                        bands=bands,
                        starts_us=when,
                    )
            before.setdefault(frozenset(conditions_of(candidate.rule).items()), []).append(candidate.rule)


def _met(
    rule: UsageRule, before: Mapping[frozenset[tuple[str, object]], Sequence[UsageRule]], times: PriceTimes
) -> list[tuple[tuple[Condition, ...], dict[str, int]]]:
    """Conditions, and bands with an instant, in which a rule is met behind the rules `before` it; nothing where it never is."""
    asks = conditions_of(rule)
    if not before:
        starts = times.left(rule, ())
        return [] if starts is None else [(tuple(asks.items()), starts)]
    found = []
    for direction in DIRECTIONS if rule.direction is None else (rule.direction,):
        said = {**asks, "direction": direction}
        left = times.left(rule, [each for some in subsets(list(said.items())) for each in before.get(some, ())])
        if left is not None:
            found.append((tuple(said.items()), left))
    if rule.direction is None and len(found) == len(DIRECTIONS) and found[0][1] == found[1][1]:
        return [(tuple(asks.items()), found[0][1])]  # whatever the direction
    return found
