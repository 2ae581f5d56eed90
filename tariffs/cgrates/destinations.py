"""Destinations: which tags hold which prefixes, and zones made of them.

Here a prefix may have several tags, in our catalogues it is in one zone: a zone is all prefixes with the same tags. Numbers
are digits with us. Where all prefixes are written with + (or 00 is not our matter) the + falls away; where some are and some are not, the
other engine, which compares text, would match the former with numbers written with + only: those are listed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.counted import counted
from rating.errors import UserError
from rating.model import ANY_ZONE, HOME_NETWORK
from tariffs.cgrates.reading import ANY
from tariffs.documents.findings import ZONE_ID_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tariffs.cgrates.carried import Ledger
    from tariffs.cgrates.reading import Row

_PREFIX: Final = re.compile(r"\+?[0-9]{1,15}")
_TAGS_SHOWN: Final = 3


class Zone(NamedTuple):
    """Prefixes of the same tags, in the order of the file."""

    zone_id: int
    name: str
    tags: tuple[str, ...]
    prefixes: tuple[str, ...]


class Destinations:
    """The prefixes of a folder by tag."""

    def __init__(self, rows: Sequence[Row], ledger: Ledger) -> None:
        self.places: dict[str, tuple[str, int]] = {}
        self._tags_of: dict[str, dict[str, None]] = {}  # by prefix
        all_plus = all(row.cells[1].startswith("+") for row in rows if _PREFIX.fullmatch(row.cells[1]))
        for row in rows:
            tag, text = row.cells
            self.places.setdefault(tag, row.place)
            why = _why_not(text, all_plus=all_plus)
            if why is None:
                self._tags_of.setdefault(text.removeprefix("+"), {}).setdefault(tag)
            else:
                ledger.add(row.place, tag, f'the prefix "{text}" is left out', why)
        zeros = sum(prefix.startswith("0") for prefix in self._tags_of)
        if zeros:
            ledger.assume(f"{counted(zeros, 'prefix begins', 'prefixes begin')} with 0, as written: no number in E.164 does")

    def __contains__(self, tag: str) -> bool:
        """Return whether there is such a tag; `*any` always is."""
        return tag == ANY or tag in self.places

    def count(self, wanted: Iterable[str]) -> int:
        """Return how many zones the `wanted` tags make."""
        kept = frozenset(wanted)
        return len({ours for tags in self._tags_of.values() if (ours := tuple(tag for tag in tags if tag in kept))})

    def zones(self, wanted: Mapping[str, str]) -> list[Zone]:
        """Zones of the `wanted` tags, each under the tag that stands for it, numbered in the order of the file."""
        by_tags: dict[tuple[str, ...], list[str]] = {}
        for prefix, tags in self._tags_of.items():
            ours = tuple(dict.fromkeys(wanted[tag] for tag in tags if tag in wanted))
            if ours:
                by_tags.setdefault(ours, []).append(prefix)
        if len(by_tags) > ZONE_ID_MAX:
            message = f"{len(by_tags):,} destinations with rates of their own, and a catalogue holds {ZONE_ID_MAX:,} zones"
            raise UserError(message, "split the folder")
        names: set[str] = {ANY_ZONE, HOME_NETWORK}
        return [
            Zone(number, unique(joined(tags), names), tags, tuple(prefixes))
            for number, (tags, prefixes) in enumerate(by_tags.items(), start=1)
        ]


def zones_by_tag(zones: Iterable[Zone]) -> Mapping[str, list[Zone]]:
    """By tag: the zones that it is made of."""
    found: dict[str, list[Zone]] = {}
    for zone in zones:
        for tag in zone.tags:
            found.setdefault(tag, []).append(zone)
    return found


def joined(tags: Sequence[str]) -> str:
    """One name of several tags."""
    rest = len(tags) - _TAGS_SHOWN
    return "+".join([*tags[:_TAGS_SHOWN], *([f"{rest} more"] if rest > 0 else [])])


def unique(name: str, taken: set[str]) -> str:
    """`name`, with a number after it where it is taken; it is then taken too."""
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    taken.add(found)
    return found


def _why_not(text: str, *, all_plus: bool) -> str | None:
    if not _PREFIX.fullmatch(text):
        return "numbers are digits here, at most 15"
    if text.startswith("+") and not all_plus:
        return "other prefixes are written without +, and numbers are digits here: write it without + if those are meant"
    return None
