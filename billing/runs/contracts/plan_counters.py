"""The state that a plan keeps from event to event: the allowances, day passes, caps and counters for which it needs buckets.

A holder has a bucket for every definition in any version of its plan in force during the period; the kernel uses only those of the version
that prices the event. Ids are stable across versions and plans, so one definition is one bucket of a subscription in a period: a change of
plan begins no cap, counter or pass anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rating.model import BucketKind, Catalogue, Counting, Plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_INCOMING: Final = 2  # rating.schema.Direction.TERMINATING; a quote does without Arrow, which that module imports


class PlanVersion(NamedTuple):
    """A plan as one version of its catalogue has it."""

    catalogue: Catalogue
    plan: Plan


class Memory(NamedTuple):
    """A day pass, cap or counter: it begins each period with nothing."""

    kind: BucketKind
    identity: str
    definition_id: int
    priority: int = 0


def memories(versions: Iterable[PlanVersion]) -> list[Memory]:
    """Everything but allowances that a plan remembers, in a fixed order.

    The priority is that of the first version that has a definition.
    """
    found: dict[tuple[BucketKind, int], Memory] = {}
    for catalogue, plan in versions:
        for each in _of_version(catalogue, plan):
            found.setdefault((each.kind, each.definition_id), each)
    return [found[key] for key in sorted(found)]


def reachable(catalogue: Catalogue, plan: Plan) -> list[Plan]:
    """The plan and its fallbacks, depth first, each once: all whose rules may price its events."""
    by_name = {each.name: each for each in catalogue.plans}
    found: dict[str, Plan] = {}
    waiting = [plan]
    while waiting:
        each = waiting.pop()
        if each.name not in found:
            found[each.name] = each
            waiting.extend(by_name[name] for name in reversed(each.fallbacks) if name in by_name)
    return list(found.values())


def prices_incoming(catalogue: Catalogue, plan: Plan) -> bool:
    """Return whether the plan has a rule that names incoming usage: no other rule makes such usage billable."""
    return any(rule.direction == _INCOMING for each in reachable(catalogue, plan) for rule in each.rules)


def short_codes(catalogue: Catalogue, plan: Plan, service: int) -> frozenset[str]:
    """The short codes that rules for a service are about. Any other short number is an extension, whose digits mean nothing."""
    named = {rule.zone for each in reachable(catalogue, plan) for rule in each.rules if rule.service == service}
    return frozenset(code for zone in catalogue.zones if zone.name in named for code in zone.short_codes)


def _of_version(catalogue: Catalogue, plan: Plan) -> Iterator[Memory]:
    identity = catalogue.identity
    for day_pass in plan.day_passes:
        yield Memory(BucketKind.DAY_PASS, identity, day_pass.pass_id, day_pass.priority)
    for cap in plan.caps:
        yield Memory(BucketKind.CAP, identity, cap.cap_id)
    named = {rule.price for each in reachable(catalogue, plan) for rule in each.rules}
    for price in catalogue.prices:
        if price.counting is not Counting.EVENT and price.name in named:
            yield Memory(BucketKind.COUNTER, identity, price.counter_id)
