"""The state of the period before a quote: what allowances have left, what caps have counted, how far counters have come.

Where nothing is given, the period begins with the event, and allowances are used up: a quote grants nothing that was not named.
Units: allowances in milliseconds, bytes, messages or micro-units of money; caps in micro-units; counters in the unit of their prices.
Refuses a name that the plan does not have, a quantity of the wrong kind, and one that no allowance, cap or counter can reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from billing.runs.contracts.plan_counters import PlanVersion, memories, reachable
from rating.dates import day_number, local_date
from rating.errors import UserError, quoted
from rating.model import ANY_ZONE, BucketKind, CapWindow, Catalogue, Counting, Plan, QuantityUnit
from rating.outcome import COUNTER_MAX, Bucket

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rating.model import Allowance
    from rating.outcome import Event, Outcome

_EXAMPLES: Final = {
    QuantityUnit.MILLISECOND: "10min",
    QuantityUnit.BYTE: "12MB",
    QuantityUnit.MESSAGE: "5 messages",
    QuantityUnit.MICRO: "2.50",
}


class Told(NamedTuple):
    """A quantity, and what it counts where the asker says so."""

    value: int
    unit: QuantityUnit | None = None


class Known(NamedTuple):
    """Figures of the period so far, by the names in the plan."""

    left: Mapping[str, Told] = {}  # of allowances
    spent: Mapping[str, Told] = {}  # in charge caps
    counted: Mapping[str, Told] = {}  # of prices that count over the period
    left_of_serving: int = 0  # of the first allowance that serves the event, whatever its name


def plan_in_force(catalogues: Iterable[Catalogue], name: str, start_us: int) -> PlanVersion | None:
    """The plan `identity/plan` in the version in force at an instant."""
    identity, _, plan_name = name.partition("/")
    begun = [each for each in catalogues if each.identity == identity and each.effective_from_us <= start_us]
    version = max(begun, key=lambda each: each.effective_from_us, default=None)
    plan = next((each for each in version.plans if each.name == plan_name), None) if version is not None else None
    return PlanVersion(version, plan) if version is not None and plan is not None else None


def buckets(version: PlanVersion, event: Event, known: Known, without: Outcome) -> list[Bucket]:
    """Everything the plan can draw on, as it is `known`. `without` is the outcome with nothing to draw on: it has the pricing rule."""
    catalogue, plan = version
    amounts = _allowances(plan, known, _serving(version, event, without)) | _caps(plan, known) | _counters(catalogue, plan, known)
    daily = {each.cap_id for each in plan.caps if each.window is CapWindow.DAY}
    day = day_number(local_date(event.start_us, catalogue.timezone))
    made = [Bucket(BucketKind.ALLOWANCE, catalogue.identity, each.allowance_id, 0, priority=each.priority) for each in plan.allowances]
    made += [Bucket(each.kind, each.identity, each.definition_id, 0, priority=each.priority) for each in memories([version])]
    return [
        Bucket(
            each.kind,
            each.identity,
            each.definition_id,
            amounts.get((each.kind, each.definition_id), 0),
            mark=day if each.kind is BucketKind.CAP and each.definition_id in daily else 0,
            priority=each.priority,
        )
        for each in made
    ]


def _allowances(plan: Plan, known: Known, serving: Allowance | None) -> dict[tuple[BucketKind, int], int]:
    left = _checked(known.left, {each.name: each.unit for each in plan.allowances}, "allowance")
    amounts = {(BucketKind.ALLOWANCE, each.allowance_id): left.get(each.name, 0) for each in plan.allowances}
    if serving is not None and serving.name not in left:
        _require_possible(known.left_of_serving, f'allowance "{serving.name}"')
        amounts[BucketKind.ALLOWANCE, serving.allowance_id] = known.left_of_serving
    return amounts


def _caps(plan: Plan, known: Known) -> dict[tuple[BucketKind, int], int]:
    spent = _checked(known.spent, dict.fromkeys((each.name for each in plan.caps), QuantityUnit.MICRO), "charge cap")
    return {(BucketKind.CAP, each.cap_id): spent.get(each.name, 0) for each in plan.caps}


def _counters(catalogue: Catalogue, plan: Plan, known: Known) -> dict[tuple[BucketKind, int], int]:
    named = {rule.price for each in reachable(catalogue, plan) for rule in each.rules}
    counting = {each.name: each for each in catalogue.prices if each.counting is not Counting.EVENT and each.name in named}
    counted = _checked(known.counted, {name: price.unit for name, price in counting.items()}, "price that counts over the period")
    return {(BucketKind.COUNTER, counting[name].counter_id): quantity for name, quantity in counted.items()}


def _serving(version: PlanVersion, event: Event, without: Outcome) -> Allowance | None:
    """The first allowance, in the order in which they are drawn, that serves the event with free quantity."""
    rule = next(plan for plan in version.catalogue.plans if plan.name == without.rule_plan).rules[without.rule_index]
    named = {ANY_ZONE, rule.zone, rule.roaming}
    serving = [
        each
        for each in version.plan.allowances
        if event.service in each.services and each.unit is without.unit and not named.isdisjoint(each.zones)
    ]
    return min(serving, key=lambda each: (each.priority, each.allowance_id), default=None)


def _checked(told: Mapping[str, Told], units: Mapping[str, QuantityUnit], what: str) -> dict[str, int]:
    """Quantities by name. Raises UserError for a name that is not among `units`, and for a quantity of another kind."""
    for name, (value, unit) in told.items():
        if name not in units:
            known = f"known: {', '.join(sorted(units))}" if units else "it has none: leave the name out"
            raise UserError(f"the plan has no {what} {quoted(name)}", known, exit_status=2)
        if unit is not None and unit is not units[name]:
            message = f'the {what} "{name}" is not counted in this'
            raise UserError(message, f"write such as {_EXAMPLES[units[name]]}", exit_status=2)
        _require_possible(value, f'{what} "{name}"')
    return {name: value for name, (value, _) in told.items()}


def _require_possible(value: int, what: str) -> None:
    if value < 0:
        raise UserError(f"the {what} is below zero", "write zero or more", exit_status=2)
    if value > COUNTER_MAX:
        raise UserError(f"the {what} is larger than any can be", "write less", exit_status=2)
