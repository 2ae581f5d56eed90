"""The zone of a canonical deck that a prefix belongs to, from one day to the next.

A zone is a destination with one set of terms. Its id is for ever: the price of a zone has an id made of it, and versions of a catalogue
must keep price ids. So when terms change, ids stay where they can:
1. prefixes whose terms are those of a zone of their destination belong to it;
2. else the zone with which they share most prefixes keeps its id and takes the new terms;
3. else a zone that the destination has, or once had, takes them;
4. else the destination gets a new zone, `Egypt Mobile #2`, whose id is above every id that the deck ever had.
Example: Egypt Mobile, zone 7, has 2010, 2011, 2012. 2012 gets dearer: 2010 and 2011 stay zone 7, 2012 becomes zone 8, `Egypt Mobile #2`.
All three get dearer: they stay zone 7, whose price changes. Left out: moving ids between destinations, since names make prices.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

from rating.errors import UserError
from tariffs.decks_import.ledger import begin, destination_of, terms_of
from tariffs.documents.deck_files import DeckRow
from tariffs.documents.findings import ZONE_ID_MAX
from tariffs.language.texts import Increments, Quantity

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Sequence

    from tariffs.decks_import.ledger import Deck, Entry, Terms


class _Zone:
    """A zone on the day that is being computed."""

    def __init__(self, zone_id: int, name: str) -> None:
        self.zone_id = zone_id
        self.name = name
        self.terms: Terms | None = None
        self.prefixes: tuple[str, ...] = ()  # sorted; none: there is no such zone just now


class Zones:
    """The zones of a deck, taken from day to day."""

    def __init__(self, deck: Deck, since: dt.date, taken: Collection[int]) -> None:
        """Zones as they are before `since`. `taken`: zone ids that the rest of the catalogue has."""
        self._unit = deck.defaults.unit
        self._taken = frozenset(taken)
        self._of: dict[str, list[_Zone]] = {}  # by destination
        self._entries: dict[str, Entry] = {}
        self._by_prefix: dict[str, _Zone] = {}
        self._prefixes: dict[str, set[str]] = {}  # by destination
        by_id: dict[int, _Zone] = {}
        for row in sorted(deck.rows, key=begin):
            zone = by_id.get(row.zone_id)
            if zone is None:
                zone = by_id[row.zone_id] = self._add(_Zone(row.zone_id, row.zone))
            if begin(row) < since:
                zone.terms, zone.prefixes = terms_of(row, deck.defaults), tuple(sorted(row.prefixes))
        self._names = {row.zone for row in deck.rows}
        self._newest = max(by_id, default=0)
        for zone in by_id.values():
            for prefix in zone.prefixes:
                self._by_prefix[prefix] = zone
                self._prefixes.setdefault(destination_of(zone.name), set()).add(prefix)

    def on(self, day: dt.date | None, changes: Iterable[tuple[str, Entry | None]]) -> list[DeckRow]:
        """The rows that say what changed on `day` (None: since ever), in the order of `changes`."""
        touched: dict[str, None] = {}
        for prefix, entry in changes:
            zone = self._by_prefix.get(prefix)
            if zone is not None:
                before = destination_of(zone.name)
                touched[before] = None
                self._prefixes[before].discard(prefix)
            if entry is None:
                self._entries.pop(prefix, None)
            else:
                touched[entry.destination] = None
                self._prefixes.setdefault(entry.destination, set()).add(prefix)
                self._entries[prefix] = entry
        rows: list[DeckRow] = []
        for destination in touched:
            rows += self._regrouped(destination, day)
        return rows

    def _regrouped(self, destination: str, day: dt.date | None) -> list[DeckRow]:
        """Make the zones of a destination again; rows of those that changed."""
        groups: dict[Terms | None, list[str]] = {}
        for prefix in sorted(self._prefixes.get(destination, ())):
            groups.setdefault(self._terms(prefix), []).append(prefix)
        chosen = self._chosen(destination, groups)
        rows: list[DeckRow] = []
        for zone in self._of.get(destination, ()):
            group = chosen.get(zone.zone_id)
            terms, prefixes = (zone.terms, ()) if group is None else (group[0], tuple(group[1]))
            if prefixes != zone.prefixes or terms != zone.terms:
                rows.append(self._row(zone, terms, prefixes, day))
            zone.terms, zone.prefixes = terms, prefixes
        for zone in self._of.get(destination, ()):
            self._by_prefix.update(dict.fromkeys(zone.prefixes, zone))
        return sorted(rows, key=lambda row: row.zone_id)

    def _terms(self, prefix: str) -> Terms | None:
        """The terms of a prefix now: those given last, else those of its zone."""
        entry = self._entries.get(prefix)
        return entry.terms if entry is not None else self._by_prefix[prefix].terms

    def _chosen(self, destination: str, groups: dict[Terms | None, list[str]]) -> dict[int, tuple[Terms | None, list[str]]]:
        """The zone of each group, by id; see the top of this file."""
        free = {zone.zone_id: zone for zone in self._of.get(destination, ())}
        left = dict(groups)
        chosen: dict[int, tuple[Terms | None, list[str]]] = {}

        def take(zone_id: int, terms: Terms | None) -> None:
            del free[zone_id]
            chosen[zone_id] = (terms, left.pop(terms))

        for zone in tuple(free.values()):
            if zone.prefixes and zone.terms in left:
                take(zone.zone_id, zone.terms)
        shared = [
            (-count, zone_id, place, terms) for place, terms in enumerate(left) for zone_id, count in self._shared(left[terms]).items()
        ]
        for _, zone_id, _, terms in sorted(shared, key=lambda each: each[:3]):
            if zone_id in free and terms in left:
                take(zone_id, terms)
        for terms, zone_id in zip(tuple(left), tuple(free), strict=False):
            take(zone_id, terms)
        for terms in tuple(left):
            zone = self._new(destination)
            chosen[zone.zone_id] = (terms, left.pop(terms))
        return chosen

    def _shared(self, prefixes: Sequence[str]) -> collections.Counter[int]:
        """Count how many of the prefixes each zone has now."""
        return collections.Counter(self._by_prefix[prefix].zone_id for prefix in prefixes if prefix in self._by_prefix)

    def _new(self, destination: str) -> _Zone:
        self._newest += 1
        while self._newest in self._taken:
            self._newest += 1
        if self._newest > ZONE_ID_MAX:
            raise UserError(f"more than {ZONE_ID_MAX:,} zones", "give prefixes of one rate one destination, so that they share a zone")
        name, number = destination, 1
        while name in self._names:
            number += 1
            name = f"{destination} #{number}"
        self._names.add(name)
        return self._add(_Zone(self._newest, name))

    def _add(self, zone: _Zone) -> _Zone:
        self._of.setdefault(destination_of(zone.name), []).append(zone)
        return zone

    def _row(self, zone: _Zone, terms: Terms | None, prefixes: tuple[str, ...], day: dt.date | None) -> DeckRow:
        """A row of the canonical deck."""
        if not prefixes or terms is None:
            return DeckRow(zone.zone_id, zone.name, prefixes, 0, None, None, day, blocked=bool(prefixes))
        lengths = None if terms.increments is None else Increments(*(Quantity(each, self._unit) for each in terms.increments))
        return DeckRow(zone.zone_id, zone.name, prefixes, terms.rate_micros, lengths, terms.connect_fee_micros, day)
