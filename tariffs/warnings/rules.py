"""Rules that only their order decides between, and rules that are never met.

Two rules of one service and zone overlap when some event meets the conditions of both, at a time at which both are active. Neither is
the special case of the other: the special case before the general one is how rules are meant to be written, and says nothing.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.model import UsageRule
from tariffs.language.words import DIRECTIONS
from tariffs.reach import Condition, conditions_of
from tariffs.warnings.common import warning, what, written_plans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.model import Plan, Service
    from tariffs.compiling.price_times import PriceTimes
    from tariffs.reach import Asked
    from tariffs.warnings.common import Warning  # noqa: A004 -- see there

_INCOMING: Final[Condition] = ("direction", DIRECTIONS["terminating"])
RULES_OF_A_ZONE_MAX: Final = 200  # of which pairs are looked at; more are refused by nothing and read by nobody


class _Ruled(NamedTuple):
    """A rule and its place in its plan."""

    position: int  # in the plan's rules
    rule: UsageRule
    conditions: frozenset[Condition]


def warn(asked: Asked) -> Iterator[Warning]:
    """Overlapping and shadowed rules of all plans."""
    for index, plan in written_plans(asked.catalogue):
        yield from _never_met(asked, plan, index)
        yield from _overlapping(plan, index, asked.times)


def _never_met(asked: Asked, plan: Plan, index: int) -> Iterator[Warning]:
    """Rules of a plan that nothing leads to, though none alone takes all that they could (that is an error)."""
    reached = {reach.rule_index for reach in asked.reachable(plan) if reach.rule_plan == plan.name}
    for number, rule in enumerate(plan.rules):
        if number not in reached:
            message = f"plan `{plan.name}`: the rule for {what(rule)} is never met: those before it take everything together"
            yield warning("shadowed-rule", ("plans", index, "rules", number), message, "take it out, or put it before them")


def _overlapping(plan: Plan, index: int, times: PriceTimes) -> Iterator[Warning]:
    groups: dict[tuple[Service, str], list[_Ruled]] = {}
    for number, rule in enumerate(plan.rules):
        groups.setdefault((rule.service, rule.zone), []).append(_Ruled(number, rule, frozenset(conditions_of(rule).items())))
    for group in groups.values():
        looked_at = group[:RULES_OF_A_ZONE_MAX]
        for former, latter in itertools.combinations(looked_at, 2):
            shared = _both_hold(former, latter, times)
            if shared and not any(
                each.position < former.position and each.conditions <= former.conditions | latter.conditions for each in looked_at
            ):
                message = (
                    f"plan `{plan.name}`: rules[{former.position}] and rules[{latter.position}] for {what(latter.rule)} "
                    f"both hold {shared}; rules[{former.position}] prices it, because it is first"
                )
                remedy = "give one of them a condition that distinguishes them, or write a rule for both before them"
                yield warning("overlapping-rules", ("plans", index, "rules", latter.position), message, remedy)


def _both_hold(former: _Ruled, latter: _Ruled, times: PriceTimes) -> str:
    """The times or conditions under which both hold and neither is a special case of the other; "" where it does not matter."""
    if former.rule.price == latter.rule.price:
        return ""
    if _INCOMING in former.conditions ^ latter.conditions:
        return ""  # what comes in is billed by rules that say so; a rule without direction is about what the subscriber begins
    asked = former.conditions | latter.conditions
    if len({name for name, _ in asked}) < len(asked):
        return ""  # they ask for different things of one kind
    if former.conditions != latter.conditions:
        if former.conditions < latter.conditions or latter.conditions < former.conditions:
            return ""
        return (
            f"for {' and '.join(f'{name} {_said(name, value)}' for name, value in sorted(asked))}"
            if _share_time(former, latter, times)
            else ""
        )
    shared = _shared_bands(former.rule, latter.rule, times)
    return f"in {', '.join(shared)}" if shared else ""


def _share_time(former: _Ruled, latter: _Ruled, times: PriceTimes) -> bool:
    """Return whether both may be active at one instant."""
    if former.rule.price is None or latter.rule.price is None:
        return True
    return times.overlap(times.prices[former.rule.price], times.prices[latter.rule.price])


def _shared_bands(former: UsageRule, latter: UsageRule, times: PriceTimes) -> list[str]:
    """Bands of one calendar in which two prices are active; each price has others for itself too."""
    if former.price is None or latter.price is None:
        return []
    one, two = times.prices[former.price], times.prices[latter.price]
    if one.calendar is None or (one.calendar, one.clock) != (two.calendar, two.clock):
        return []
    mine, others = set(times.active(one)), set(times.active(two))
    return sorted(mine & others) if mine - others and others - mine else []


def _said(name: str, value: object) -> str:
    """A condition as the language writes it."""
    if name == "direction":
        return next(word for word, number in DIRECTIONS.items() if number == value)
    return str(value).lower() if isinstance(value, bool) else str(value)
