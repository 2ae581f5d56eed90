"""Add-ons: what can be bought on top of a plan, and a plan of its own for every set of them that may be bought together.

A subscription has one plan a day. Buying an add-on is a change to the plan `plan+add-on`. That plan has the very rules of the plan without
it, grants what both grant, and charges the fees of both. Names are in alphabetical order: `smart-m+data+travel`.
Refuses more than `ADD_ONS_MAX` add-ons a plan: each doubles the number of plans.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import msgspec

from rating.model import AddOn, FeeOccasion, OneOffFee, Plan
from tariffs.builders.benefits import benefits
from tariffs.documents.document import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tariffs.documents.document import Place
    from tariffs.language.plans import AddOnEntry, PlanEntry

ADD_ONS_MAX: Final = 5
JOINT: Final = "+"  # between the names of plan and add-ons; no name of either has it
_OF_PLANS_ONLY: Final = {FeeOccasion.PLAN_CHANGE: "a change of plan", FeeOccasion.EARLY_END: "leaving a contract early"}
_OF_AN_ADD_ON: Final = {FeeOccasion.ACTIVATION: FeeOccasion.ADDED, FeeOccasion.END: FeeOccasion.REMOVED}


def add_on(entry: AddOnEntry, place: Place, findings: list[Finding]) -> AddOn:
    """An add-on of its entry. Its one-off fees are for its own beginning and end, not for those of the subscription."""
    granted = benefits(entry, place, findings)
    for index, fee in enumerate(entry.one_offs):
        if fee.on in _OF_PLANS_ONLY:
            message = f"fee `{fee.name}` of an add-on is for {_OF_PLANS_ONLY[fee.on]}"
            findings.append(Finding((*place, "one_offs", index, "at"), message, "write `at: activation` or `at: end`: those of the add-on"))
    return AddOn(
        name=entry.name,
        title=entry.title,
        allowances=granted.allowances,
        day_passes=granted.day_passes,
        caps=granted.caps,
        discounts=granted.discounts,
        recurring=granted.recurring,
        one_offs=tuple(_of_its_own(fee) for fee in granted.one_offs),
        excludes=tuple(sorted(entry.excludes)),
    )


def with_add_ons(
    plans: Sequence[Plan], entries: Sequence[PlanEntry], add_ons: Sequence[AddOn], findings: list[Finding]
) -> tuple[Plan, ...]:
    """`plans`, and after them those with add-ons. `entries`: those of `plans`, which name the add-ons that may be bought with each."""
    by_name = {each.name: each for each in add_ons}
    made: list[Plan] = []
    for index, (plan, entry) in enumerate(zip(plans, entries, strict=True)):
        place: Place = ("plans", index, "add_ons")
        names = _named(entry, by_name, place, findings)
        if len(names) > ADD_ONS_MAX:
            message = f"plan `{entry.name}` has {len(names)} add-ons"
            findings.append(Finding(place, message, f"name {ADD_ONS_MAX} at most: every set of them that may be bought is a plan"))
        longest = len(names) if len(names) <= ADD_ONS_MAX else 1
        made += [combined(plan, chosen) for chosen in _sets(names, longest, by_name)]
    return (*plans, *made)


def combined(plan: Plan, chosen: Sequence[AddOn]) -> Plan:
    """The plan of `plan` and the add-ons bought with it; `chosen` in the order of their names."""
    return msgspec.structs.replace(
        plan,
        name=JOINT.join((plan.name, *(each.name for each in chosen))),
        title={language: f" {JOINT} ".join((title, *_titles(chosen, language))) for language, title in plan.title.items()},
        allowances=(*plan.allowances, *(entry for each in chosen for entry in each.allowances)),
        day_passes=(*plan.day_passes, *(entry for each in chosen for entry in each.day_passes)),
        caps=(*plan.caps, *(entry for each in chosen for entry in each.caps)),
        discounts=(*plan.discounts, *(entry for each in chosen for entry in each.discounts)),
        recurring=(*plan.recurring, *(entry for each in chosen for entry in each.recurring)),
        one_offs=(*plan.one_offs, *(entry for each in chosen for entry in each.one_offs)),
        base=plan.name,
        add_ons=tuple(each.name for each in chosen),
    )


def _titles(chosen: Sequence[AddOn], language: str) -> Iterator[str]:
    return (each.title.get(language, each.name) for each in chosen)


def _of_its_own(fee: OneOffFee) -> OneOffFee:
    return msgspec.structs.replace(fee, on=_OF_AN_ADD_ON.get(fee.on, fee.on))


def _named(entry: PlanEntry, by_name: Mapping[str, AddOn], place: Place, findings: list[Finding]) -> list[str]:
    """The add-ons that a plan names, sorted; those that there are not, or that it names twice, are noted."""
    for number, name in enumerate(entry.add_ons):
        if name and name not in by_name:
            remedy = f"known add-ons: {', '.join(by_name)}" if by_name else "add it under `add_ons`"
            findings.append(Finding((*place, number), f"unknown add-on `{name}`", remedy))
        elif name in entry.add_ons[:number]:
            findings.append(Finding((*place, number), f"add-on `{name}` is here twice", "keep it once"))
    return sorted(set(entry.add_ons) & by_name.keys())


def _sets(names: Sequence[str], longest: int, by_name: Mapping[str, AddOn]) -> Iterator[list[AddOn]]:
    """Every set of 1 to `longest` add-ons without two that exclude each other, smaller sets first."""
    for length in range(1, longest + 1):
        for some in itertools.combinations(names, length):
            chosen = [by_name[name] for name in some]
            if not any(name in each.excludes for each in chosen for name in some if name != each.name):
                yield chosen
