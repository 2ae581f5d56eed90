"""Plans: their names, the days on which they are sold, and the plans they fall back to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tariffs.documents.document import Finding
from tariffs.documents.findings import IDENTITY, IDENTITY_REMEDY, known, twice, written_plans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.model import Catalogue, Plan
    from tariffs.documents.document import Place


def plans(catalogue: Catalogue) -> Iterator[Finding]:
    """All plans, but for their rules, their fees and what they grant."""
    written = written_plans(catalogue)
    by_name = {plan.name: plan for plan in written}
    yield from twice("plans", "plan", [plan.name for plan in written])
    for index, plan in enumerate(written):
        place: Place = ("plans", index)
        if plan.name and not IDENTITY.fullmatch(plan.name):
            yield Finding((*place, "name"), f'"{plan.name}" cannot be the name of a plan', IDENTITY_REMEDY)
        if not plan.title:
            yield Finding((*place, "title"), f"plan `{plan.name}` has no title", "write what customers read, such as {en: Smart M}")
        if plan.sold_from is not None and plan.sold_to is not None and plan.sold_from > plan.sold_to:
            message = f"plan `{plan.name}` is sold no more before it is sold"
            yield Finding((*place, "sold_to"), message, "let `sold_to`, the last day, not be before `sold_from`")
        yield from _fallbacks(plan, by_name, place)


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
            yield Finding((*place, number), f"plan `{name}` is here twice", "keep it once")
