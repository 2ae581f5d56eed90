"""Changes as lines of plain text: a head for each thing that changed, below it what did, old and new side by side.

If one kind of thing (a rate deck) has many changes, the ones that matter most are shown, and how many follow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tariffs.changes import words
from tariffs.changes.change import Change, Effect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SHOWN: Final = 20  # things of one kind
_WIDE: Final = 80  # longer ones stand below each other
_ORDER: Final = {Effect.DEARER: 0, Effect.MAY: 1, Effect.CHEAPER: 2, Effect.NONE: 3}


def lines(found: Sequence[Change], *, shown: int | None = SHOWN) -> list[str]:
    """The changes in words. `shown`: things of one kind at most, those that cost more first where there are more; None for all."""
    if not found:
        return ["no change: both say the same"]
    listed = [_count(found)]
    by_kind: dict[str, dict[str, list[Change]]] = {}
    for change in found:
        by_kind.setdefault(change.kind, {}).setdefault(change.place, []).append(change)
    for kind, by_place in by_kind.items():
        places = list(by_place.values())
        if shown is not None and len(places) > shown:
            places.sort(key=lambda each: min(_ORDER[change.effect] for change in each))
        for each in places[:shown]:
            listed += _thing(each, shown)
        if shown is not None and len(places) > shown:
            listed.append(f"and {len(places) - shown:,} more of kind {kind}: {_effects([c for each in places[shown:] for c in each])}")
    return listed


def _thing(found: list[Change], shown: int | None) -> Iterator[str]:
    """A head, and a line a change: what, old -> new, effect."""
    first = found[0]
    plans = f" [plans: {words.such_as(list(first.plans))}]" if first.plans and not first.plan else ""
    yield f"{first.place}{plans}"
    cut = found if shown is None or len(found) <= shown else sorted(found, key=lambda change: _ORDER[change.effect])[:shown]
    texts = [(_what(change), _sides(change), _effect(change)) for change in cut]
    widths = [max((len(text[i]) for text in texts if len(text[1]) <= _WIDE), default=0) for i in range(2)]
    for (what, sides, effect), change in zip(texts, cut, strict=True):
        if len(sides) <= _WIDE:
            yield f"  {what:<{widths[0]}}  {sides:<{widths[1]}}  {effect}".rstrip()
        else:
            yield from (
                f"  {what}  {effect}".rstrip(),
                f"    old: {change.old or words.NOTHING}",
                f"    new: {change.new or words.NOTHING}",
            )
    if len(cut) < len(found):
        yield f"  and {len(found) - len(cut):,} more: {_effects(found)} in all"


def _what(change: Change) -> str:
    """The text without the place, which is the head's."""
    return change.text_en.removeprefix(change.place).removeprefix(": ") or "changed"


def _effect(change: Change) -> str:
    told = " ".join(filter(None, (change.effect.value, change.by)))
    return f"({told})" if told else ""


def _sides(change: Change) -> str:
    return f"{change.old or words.NOTHING} -> {change.new or words.NOTHING}" if change.old or change.new else ""


def _count(found: Sequence[Change]) -> str:
    return f"{len(found):,} change{'s' if len(found) != 1 else ''}: {_effects(found)}"


def _effects(found: Sequence[Change]) -> str:
    counts = {effect: sum(change.effect is effect for change in found) for effect in _ORDER}
    names = {Effect.NONE: "without money in it"}
    return ", ".join(f"{count:,} {names.get(effect, effect.value)}" for effect, count in counts.items() if count)
