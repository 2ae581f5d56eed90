"""Rules that a number may meet, settled before any number comes: the prefixes of a plan and service to lists of candidate rules.

Problem: rules are asked from the longest prefix to the shortest, then those of any destination, then those of the fallback plans. Each
may have conditions. Choice: for every prefix the whole list of candidates is known beforehand, cut after the first rule that always
holds; prefixes with equal lists are one class, and the deck leads from a number to its class in one look-up. In the usual plan each zone
has one rule without conditions, classes are zones, and plans that name the same zones share one deck.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from rating.model import ANY_ZONE, Service, UsageRule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rating.model import Catalogue, Plan, Zone


class Candidate(NamedTuple):
    """A rule of a plan, with its place."""

    plan: str
    place: int  # in the plan's rules
    rule: UsageRule


class Classes(NamedTuple):
    """Candidate lists by class (0: no prefix), and which class each prefix and short code has."""

    candidates: list[tuple[Candidate, ...]]
    zones: tuple[int, ...] | None  # where classes are zones: index of the catalogue's zone of class 1, 2, ...; its prefixes are the class's
    prefixes: Mapping[str, int]  # else
    codes: Mapping[str, int]


def rules_in_order(plan: Plan, plans: Mapping[str, Plan]) -> list[Plan]:
    """The plan, then its fallbacks, depth first, each once."""
    ordered: list[Plan] = []

    def visit(each: Plan) -> None:
        if all(each.name != known.name for known in ordered):
            ordered.append(each)
            for name in each.fallbacks:
                visit(plans[name])

    visit(plan)
    return ordered


def classes(catalogue: Catalogue, plans: Sequence[Plan], service: Service, holds_always: Callable[[UsageRule], bool]) -> Classes:
    """Candidate lists of `plans` (a plan and its fallbacks, see `rules_in_order`) for one service."""
    by_zone = [_rules_of(plan, service) for plan in plans]
    simple = _simple(catalogue, by_zone[0], holds_always) if len(plans) == 1 or ANY_ZONE in by_zone[0] else None
    if simple is not None:
        return simple
    finder = _Finder(by_zone, holds_always)
    zone_of = {prefix: zone.name for zone in catalogue.zones if finder.names(zone) for prefix in zone.prefixes}
    codes = {code: zone.name for zone in catalogue.zones if finder.names(zone) for code in zone.short_codes}
    numbers: dict[tuple[Candidate, ...], int] = {finder.candidates(()): 0}
    chains: dict[str, tuple[str, ...]] = {"": ()}
    for prefix in sorted(zone_of, key=len):  # parents come before what extends them
        parent = next(chains[prefix[:n]] for n in range(len(prefix) - 1, -1, -1) if prefix[:n] in chains)
        chains[prefix] = (zone_of[prefix], *parent)
    found = {prefix: numbers.setdefault(finder.candidates(chain), len(numbers)) for prefix, chain in chains.items() if prefix}
    coded = {}
    for code, zone_name in codes.items():
        parent = next(chains[code[:n]] for n in range(len(code), -1, -1) if code[:n] in chains)
        coded[code] = numbers.setdefault(finder.candidates((zone_name, *parent)), len(numbers))
    return Classes(list(numbers), None, found, coded)


def _rules_of(plan: Plan, service: Service) -> dict[str, list[Candidate]]:
    found: dict[str, list[Candidate]] = {}
    for index, rule in enumerate(plan.rules):
        if rule.service is service:
            found.setdefault(rule.zone, []).append(Candidate(plan.name, index, rule))
    return found


def _simple(catalogue: Catalogue, by_zone: dict[str, list[Candidate]], holds_always: Callable[[UsageRule], bool]) -> Classes | None:
    """Classes that are zones, where the first rule of each zone always holds and no other plan can be asked."""
    if any(not holds_always(rules[0].rule) for rules in by_zone.values()):
        return None
    named = [index for index, zone in enumerate(catalogue.zones) if zone.name in by_zone]
    anywhere = tuple(by_zone.get(ANY_ZONE, ())[:1])
    candidates = [anywhere, *((by_zone[catalogue.zones[index].name][0],) for index in named)]
    codes = {code: number for number, index in enumerate(named, 1) for code in catalogue.zones[index].short_codes}
    return Classes(candidates, tuple(named), {}, codes)


class _Finder:
    """Candidate lists of chains of zones, longest prefix first."""

    def __init__(self, by_zone: Sequence[Mapping[str, list[Candidate]]], holds_always: Callable[[UsageRule], bool]) -> None:
        self._by_zone = by_zone
        self._holds_always = holds_always
        self._known: dict[tuple[str, ...], tuple[Candidate, ...]] = {}

    def names(self, zone: Zone) -> bool:
        """Return whether any plan has a rule for the zone."""
        return any(zone.name in rules for rules in self._by_zone)

    def candidates(self, chain: tuple[str, ...]) -> tuple[Candidate, ...]:
        """The rules to ask, up to the first that always holds."""
        if chain not in self._known:
            self._known[chain] = self._candidates(tuple(dict.fromkeys(chain)))
        return self._known[chain]

    def _candidates(self, chain: tuple[str, ...]) -> tuple[Candidate, ...]:
        found: list[Candidate] = []
        for rules in self._by_zone:
            for zone in (*chain, ANY_ZONE):
                for candidate in rules.get(zone, ()):
                    found.append(candidate)
                    if self._holds_always(candidate.rule):
                        return tuple(found)
        return tuple(found)
