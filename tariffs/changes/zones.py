"""Moves of prefixes and short codes: gained and lost by zones, and which zone has their numbers now.

Numbers belong to the zone of their longest prefix, so that a prefix that leaves `far` may go on in `far` by a shorter one: then nothing
changes for any customer. Prefixes that went the same way are one change, however many they are. `rules`, not this
module, considers which zones a plan prices: a prefix is listed where it moves in the catalogue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rating.counted import counted
from tariffs.changes import words
from tariffs.changes.change import Effect, Found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rating.model import Catalogue

NO_ZONE: Final = "no zone"
_PLURALS: Final = {"prefix": "prefixes", "short code": "short codes"}


class Move(NamedTuple):
    """Prefixes, or short codes, that went from one zone to another. None: no zone at all."""

    what: str
    old: str | None
    new: str | None
    numbers: tuple[str, ...]


def moves(old: Catalogue, new: Catalogue) -> list[Move]:
    """Every way that prefixes and short codes went, the largest first; zones by name, those of `old` already called as in `new`."""
    prefixes = [{prefix: zone.name for zone in catalogue.zones for prefix in zone.prefixes} for catalogue in (old, new)]
    codes = [{code: zone.name for zone in catalogue.zones for code in zone.short_codes} for catalogue in (old, new)]
    found = [*_ways("prefix", prefixes[0], prefixes[1], _by_longest), *_ways("short code", codes[0], codes[1], _exactly)]
    return sorted(found, key=lambda move: -len(move.numbers))


def found(move: Move, effect: Effect) -> Found:
    """The words of a move: `1,203 prefixes from far to near, such as 4930`."""
    count = counted(len(move.numbers), move.what, _PLURALS[move.what])
    if move.old == move.new:
        told = f"{count} written out or left out; the numbers stay in {move.new}, such as {words.such_as(list(move.numbers))}"
        return Found(told, "", "", Effect.NONE)
    told = f"{count} from {move.old or NO_ZONE} to {move.new or NO_ZONE}, such as {words.such_as(list(move.numbers))}"
    return Found(told, move.old or NO_ZONE, move.new or NO_ZONE, effect)


def _ways(what: str, old: dict[str, str], new: dict[str, str], owner: Callable[[str, Mapping[str, str]], str | None]) -> Iterator[Move]:
    by_way: dict[tuple[str | None, str | None], list[str]] = {}
    for number, zone in old.items():
        if new.get(number) != zone:
            by_way.setdefault((zone, owner(number, new)), []).append(number)
    for number, zone in new.items():
        if number not in old:
            by_way.setdefault((owner(number, old), zone), []).append(number)
    for (before, after), numbers in by_way.items():
        yield Move(what, before, after, tuple(sorted(numbers)))


def _by_longest(number: str, owners: Mapping[str, str]) -> str | None:
    """The zone of the longest prefix of `number`."""
    return next((owners[number[:size]] for size in range(len(number), 0, -1) if number[:size] in owners), None)


def _exactly(number: str, owners: Mapping[str, str]) -> str | None:
    return owners.get(number)
