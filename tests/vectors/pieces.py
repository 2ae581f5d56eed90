"""A later piece of a call: its fees were charged before, and its slots count from the answer, not from where the piece begins."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from tests.vectors.cases import Case, Rule, Slot


def as_whole(case: Case) -> Case:
    """The case of a piece with the tariff that a whole call of its length would have; other cases as they are."""
    if case.usage.loop_index <= 0:
        return case
    before_s = max((case.usage.duration_index_s or Decimal(0)) - (case.usage.duration_s or Decimal(0)), Decimal(0))
    plans = {name: tuple(_rule(rule, before_s) for rule in rules) for name, rules in case.tariff.plans.items()}
    return msgspec.structs.replace(case, tariff=msgspec.structs.replace(case.tariff, plans=plans))


def _rule(rule: Rule, before_s: Decimal) -> Rule:
    begun = [slot for slot in rule.slots if slot.from_s <= before_s]
    later = [slot for slot in rule.slots if slot.from_s > before_s]
    slots = [*(_from(slot, Decimal(0)) for slot in begun[-1:]), *(_moved(slot, before_s) for slot in later)]
    return msgspec.structs.replace(rule, connect_fee=None, slots=tuple(slots))


def _from(slot: Slot, from_s: Decimal) -> Slot:
    return msgspec.structs.replace(slot, from_s=from_s, fixed_fee=None)


def _moved(slot: Slot, before_s: Decimal) -> Slot:
    return msgspec.structs.replace(slot, from_s=slot.from_s - before_s)
