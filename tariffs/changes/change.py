"""One change between two versions of a catalogue, and what it means for customers."""

from __future__ import annotations

import enum
from typing import NamedTuple


class Effect(enum.StrEnum):
    """The effect of a change on what customers pay."""

    DEARER = "dearer"
    CHEAPER = "cheaper"
    MAY = "may cost more"  # some usage may cost more; which way it goes depends on the usage
    NONE = ""  # names, titles, codes: no money in it


RAISES = {Effect.DEARER: True, Effect.MAY: True, Effect.CHEAPER: False, Effect.NONE: None}


class Found(NamedTuple):
    """A difference inside one thing (a price, an allowance): what it is about, and both sides in words."""

    what: str
    old: str
    new: str
    effect: Effect
    by: str = ""  # how much more or less, where both sides are figures: `+22.2 %`


class Change(NamedTuple):
    """A difference with its place. `raises`: True where a customer may pay more, False where none does, None where no money is in it."""

    kind: str  # header, text, tax, calendar, zone, roaming-zone, price, plan, rule, fee, allowance, day-pass, cap, discount, ...
    place: str  # price voice-domestic (101); plan smart-s
    plan: str  # of the plan or add-on that it stands in; "" where it stands in none
    price_id: int | None
    text_en: str  # place and what it is about: `price voice-domestic (101): rate in band peak`
    old: str
    new: str
    raises: bool | None
    effect: Effect
    by: str
    plans: tuple[str, ...]  # every plan that it touches, through fallbacks and add-ons too: `smart-m`, `smart-m+travel`


class Where(NamedTuple):
    """The place of changes: what all changes of one thing have in common."""

    kind: str
    place: str
    plans: tuple[str, ...]
    plan: str = ""
    price_id: int | None = None

    def change(self, found: Found) -> Change:
        """The change that `found` is, here."""
        text = f"{self.place}: {found.what}" if found.what else self.place
        told = (self.kind, self.place, self.plan, self.price_id, text, found.old, found.new)
        return Change(*told, RAISES[found.effect], found.effect, found.by, self.plans)


def came_or_went(before: str | None, after: str | None, *, added: Effect, removed: Effect) -> Found:
    """Something that is new, or gone; its other side is None."""
    if before is None:
        return Found("new", "", after or "", added)
    return Found("gone", before, "", removed)


def worst(effects: list[Effect]) -> Effect:
    """The effect of several together: dearer and cheaper at once depends on the usage."""
    kinds = set(effects) - {Effect.NONE}
    if len(kinds) == 1:
        return kinds.pop()
    return Effect.MAY if kinds else Effect.NONE
