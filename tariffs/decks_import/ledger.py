"""A rate deck by prefix: what each prefix costs, from which day on.

The rows of a canonical deck say it by zone; merging an update wants it by prefix. Rates are micro-units for the deck's `per`, increments
the base unit of what it counts; what a row leaves empty is filled in by the deck's own terms.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.errors import UserError
from rating.model import QuantityUnit
from tariffs.documents.deck_files import DeckRow
from tariffs.language.texts import Increments, Quantity

if TYPE_CHECKING:
    from collections.abc import Mapping


SINCE_EVER: Final = dt.date.min

_NUMBERED: Final = re.compile(r"(.+?)(?: #[1-9]\d*)+")
_NUMBER_SIGN: Final = re.compile(r" #(?=\d)")


class Terms(NamedTuple):
    """The cost of usage."""

    rate_micros: int
    increments: tuple[int, int] | None  # None: those of the deck
    connect_fee_micros: int


class Entry(NamedTuple):
    """A prefix in the deck. Terms None: refused on purpose."""

    destination: str
    terms: Terms | None


class Defaults(NamedTuple):
    """The terms that a deck has for all of its rows."""

    per: Quantity
    increments: tuple[int, int] | None = None
    connect_fee_micros: int = 0

    @property
    def unit(self) -> QuantityUnit:
        """The unit that the deck counts."""
        return QuantityUnit.MILLISECOND if self.per.unit is None else self.per.unit


class Deck(NamedTuple):
    """A canonical deck: its rows, and what they leave empty."""

    rows: Sequence[DeckRow]
    defaults: Defaults


Step = tuple[dt.date, "Entry | None"]
Timeline = tuple[Step, ...]  # by day; None: the prefix is not in the deck


def timelines(deck: Deck) -> dict[str, Timeline]:
    """Every prefix of a deck with what holds for it from which day on."""
    found: dict[str, Timeline] = {}
    held: dict[int, tuple[str, ...]] = {}
    for begins, rows in itertools.groupby(sorted(deck.rows, key=begin), key=begin):
        now: dict[str, Entry | None] = {}
        group = list(rows)
        for row in group:
            now.update(dict.fromkeys(held.get(row.zone_id, ())))
        for row in group:
            now.update(dict.fromkeys(row.prefixes, entry_of(row, deck.defaults)))
            held[row.zone_id] = row.prefixes
        for prefix, entry in now.items():
            found[prefix] = joined(found.get(prefix, ()), (begins, entry))
    return found


def begin(row: DeckRow) -> dt.date:
    """The first day of a row."""
    return row.effective_from or SINCE_EVER


def joined(timeline: Timeline, step: Step) -> Timeline:
    """`timeline` and a step after it; one that changes nothing is left out."""
    return timeline if timeline and timeline[-1][1] == step[1] else (*timeline, step)


def at(timeline: Timeline, day: dt.date) -> Entry | None:
    """The entry that holds on `day`; None: there is none."""
    found = None
    for begins, entry in timeline:
        if begins > day:
            break
        found = entry
    return found


def longest(found: Mapping[str, Timeline], prefix: str, day: dt.date) -> Entry | None:
    """The entry that prices a number beginning with `prefix` on `day`: that of the longest prefix of it that is in the deck then."""
    for length in range(len(prefix), 0, -1):
        timeline = found.get(prefix[:length])
        entry = at(timeline, day) if timeline is not None else None
        if entry is not None:
            return entry
    return None


def entry_of(row: DeckRow, defaults: Defaults) -> Entry:
    """The entry of a row, with what it leaves empty."""
    return Entry(destination_of(row.zone), terms_of(row, defaults))


def terms_of(row: DeckRow, defaults: Defaults) -> Terms | None:
    """The terms of a row; None where it is blocked."""
    if row.blocked:
        return None
    increments = defaults.increments if row.increments is None else row.increments.of(defaults.unit)
    fee = defaults.connect_fee_micros if row.connect_fee_micros is None else row.connect_fee_micros
    return Terms(row.rate_micros, increments, fee)


def destination_of(zone: str) -> str:
    """The destination of a zone: `Egypt Mobile` of `Egypt Mobile #2`."""
    match = _NUMBERED.fullmatch(zone)
    return match[1] if match is not None else zone


def unnumbered(destination: str) -> str:
    """The name of a destination as zones can have it: one that ends like a numbered zone would be taken for it."""
    return _NUMBER_SIGN.sub(" no. ", destination) if _NUMBERED.fullmatch(destination) else destination


def rebased(deck: Deck, defaults: Defaults) -> Deck:
    """The same deck with other terms of its own: what rows left empty is written out. UserError: rates are not exact so."""
    own, per = deck.defaults, defaults.per
    if own.per.unit is not per.unit:
        raise UserError("the two decks count different things", "compare decks of one service")
    lengths = None if own.increments is None else Increments(*(Quantity(each, own.unit) for each in own.increments))
    rows: list[DeckRow] = []
    for row in deck.rows:
        rate, rest = divmod(row.rate_micros * per.value, own.per.value)
        if rest:
            raise UserError(
                f"zone `{row.zone}`: its rate cannot be said exactly for the other deck's `per`", "give both decks the same `per`"
            )
        fee = own.connect_fee_micros if row.connect_fee_micros is None else row.connect_fee_micros
        rows.append(row._replace(rate_micros=rate, increments=row.increments or lengths, connect_fee_micros=fee))
    return Deck(rows, defaults)
