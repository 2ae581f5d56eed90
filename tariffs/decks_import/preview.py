"""Preview of an update of a rate deck: counts of prefixes, the largest changes, and what is announced too late.

A prefix is compared by what a call to it costs: by its own entry, else that of the next shorter prefix. So a new prefix with the terms of
the one around it is no change. `raised` and `lowered`: every figure (rate, connect fee, first and further increment) stays or goes that
way; `mixed`: some go up and some go down. Notice is asked of what goes up, `mixed` included; new destinations and lower prices need none.
"""

from __future__ import annotations

import datetime as dt
import enum
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from rating.model import QuantityUnit
from rating.money import format_micros
from tariffs.decks_import import cells, ledger
from tariffs.decks_import.ledger import Entry, Terms
from tariffs.decks_import.mapping import Action

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tariffs.decks_import.merge import Merged
    from tariffs.decks_import.told import Told
    from tariffs.language.texts import Quantity

LARGEST_SHOWN: Final = 20
LISTED_MAX: Final = 1_000  # duplicates and contradictions that are listed; all are counted
_TENTHS_OF_PERCENT: Final = 1_000


class Kind(enum.StrEnum):
    """The change of the price of a prefix."""

    ADDED = "added"
    REMOVED = "removed"
    RAISED = "raised"
    LOWERED = "lowered"
    MIXED = "mixed"
    BLOCKED = "blocked"
    MOVED = "moved"  # to another destination at the same price
    UNCHANGED = "unchanged"


class Change(msgspec.Struct, frozen=True):
    """Prefixes of one destination whose price changes in one way on one day."""

    kind: Kind
    destination: str
    begins: dt.date
    old: str  # terms in words; empty: there were none
    new: str
    percent: str  # change of the rate, such as +12.5 %; empty where there is no such figure
    prefixes: int
    example: str


class Duplicate(msgspec.Struct, frozen=True):
    """A row that says again what another says."""

    prefix: str
    kept_line: int
    dropped_line: int


class Contradiction(msgspec.Struct, frozen=True):
    """A row whose action is not what it does."""

    line: int
    prefix: str
    text: str


class Preview(msgspec.Struct, frozen=True):
    """Counts are of prefixes, but `duplicates`, `backdated` (rows) and `zones` (there are when all has taken effect)."""

    zones: int
    added: int
    removed: int
    raised: int
    lowered: int
    mixed: int
    blocked: int
    moved: int
    unchanged: int
    duplicates: int
    backdated: int
    cancelled: int
    over: int
    leading_zeros: int
    days: tuple[dt.date, ...]  # on which something changes
    largest: tuple[Change, ...]
    notice_breaches: tuple[Change, ...]
    duplicate_rows: tuple[Duplicate, ...]
    contradictions: tuple[Contradiction, ...]
    unread_columns: tuple[str, ...]

    @property
    def is_doubtful(self) -> bool:
        """Return whether a person must say that it is meant so."""
        return bool(self.notice_breaches or self.contradictions)


class Notice(NamedTuple):
    """Days of notice that a higher price needs before its first day, and the day on which the deck was received."""

    days: int
    received: dt.date


class _Key(NamedTuple):
    kind: Kind
    destination: str
    begins: dt.date
    old: Entry | None
    new: Entry | None


def preview(merged: Merged, *, on: dt.date, per: Quantity, notice: Notice | None = None, unread: tuple[str, ...] = ()) -> Preview:
    """The preview of an update. `per`: what rates are for."""
    counts: dict[_Key, tuple[int, str]] = {}
    contradictions: list[Contradiction] = []
    for prefix, begins, told in _touched(merged, on):
        key = _key(merged, prefix, begins)
        count, example = counts.get(key, (0, prefix))
        counts[key] = (count + 1, example)
        if told is not None and merged.before and len(contradictions) < LISTED_MAX:
            contradictions += _contradiction(merged, prefix, told, key)
    by_kind = dict.fromkeys(Kind, 0)
    for key, (count, _) in counts.items():
        by_kind[key.kind] += count
    changed = [key for key in counts if key.kind not in (Kind.UNCHANGED, Kind.MOVED)]
    largest = sorted((key for key in changed if key.kind is not Kind.ADDED), key=_by_size)[:LARGEST_SHOWN]
    late = [key for key in changed if notice is not None and key.kind in (Kind.RAISED, Kind.MIXED) and _is_late(key.begins, notice)]
    return Preview(
        zones=sum(bool(prefixes) for prefixes in {row.zone_id: row.prefixes for row in sorted(merged.rows, key=ledger.begin)}.values()),
        **{kind.value: by_kind[kind] for kind in Kind},
        duplicates=len(merged.duplicates),
        backdated=merged.backdated,
        cancelled=merged.cancelled,
        over=merged.over,
        leading_zeros=sum(prefix.startswith("0") for prefix in merged.told),
        days=tuple(sorted({key.begins for key in counts if key.kind is not Kind.UNCHANGED})),
        largest=tuple(_change(key, counts[key], per) for key in largest),
        notice_breaches=tuple(_change(key, counts[key], per) for key in sorted(late, key=_by_size)),
        duplicate_rows=tuple(Duplicate(*each) for each in merged.duplicates[:LISTED_MAX]),
        contradictions=tuple(contradictions),
        unread_columns=unread,
    )


def terms_text(entry: Entry | None, per: Quantity) -> str:
    """`0.0142 per 60s, 60/1, connect 0.05`; `blocked`; empty for what is not there."""
    if entry is None:
        return ""
    if entry.terms is None:
        return "blocked"
    rate, increments, fee = entry.terms
    unit = per.unit or QuantityUnit.MILLISECOND
    words = [f"{format_micros(rate, 2)} per {cells.length_text(per.value, unit)}"]
    if increments is not None:
        words.append("/".join(cells.increment_text(each, unit) for each in increments))
    if fee:
        words.append(f"connect {format_micros(fee, 2)}")
    return ", ".join(words)


def _touched(merged: Merged, on: dt.date) -> Iterator[tuple[str, dt.date, Told | None]]:
    """Every prefix that the update speaks of, by its silence too, with the day from which on."""
    for prefix, items in merged.told.items():
        for item in items:
            yield prefix, item.begins, item
    for prefix in merged.removed:
        yield prefix, on, None


def _key(merged: Merged, prefix: str, begins: dt.date) -> _Key:
    old = ledger.longest(merged.before, prefix, begins) if merged.before else None
    new = ledger.longest(merged.after, prefix, begins)
    named = new or old
    return _Key(_kind(old, new), named.destination if named is not None else "", begins, old, new)


def _kind(old: Entry | None, new: Entry | None) -> Kind:
    if old == new:
        return Kind.UNCHANGED
    if new is None:
        return Kind.REMOVED
    if new.terms is None:
        return Kind.MOVED if old is not None and old.terms is None else Kind.BLOCKED
    if old is None or old.terms is None:
        return Kind.ADDED
    return _direction(old.terms, new.terms)


def _direction(old: Terms, new: Terms) -> Kind:
    if old == new:
        return Kind.MOVED
    if (old.increments is None) != (new.increments is None):
        return Kind.MIXED  # one of them nobody knows
    pairs = list(zip(_figures(old), _figures(new), strict=True))
    up, down = any(after > before for before, after in pairs), any(after < before for before, after in pairs)
    if up and down:
        return Kind.MIXED
    return Kind.RAISED if up else Kind.LOWERED


def _figures(terms: Terms) -> tuple[int, ...]:
    return (terms.rate_micros, terms.connect_fee_micros, *(terms.increments or ()))


def _contradiction(merged: Merged, prefix: str, told: Told, key: _Key) -> Iterator[Contradiction]:
    """Report a row that does not do what its action says. What changes nothing contradicts nothing: a deck may come twice."""
    action, kind = told.line.action, key.kind
    timeline = merged.before.get(prefix, ())
    text = ""
    if action is Action.NEW and ledger.at(timeline, told.begins) is not None and kind in (Kind.RAISED, Kind.LOWERED, Kind.MIXED):
        text = f"says new, and the deck has it already; its price is {kind.value}"
    elif action is Action.INCREASE and kind in (Kind.LOWERED, Kind.ADDED):
        text = "says increase, and it is not in the deck" if kind is Kind.ADDED else "says increase, and its price is lowered"
    elif action is Action.DECREASE and kind in (Kind.RAISED, Kind.ADDED):
        text = "says decrease, and it is not in the deck" if kind is Kind.ADDED else "says decrease, and its price is raised"
    elif action is Action.DELETE and not timeline:
        text = "says delete, and it is not in the deck"
    if text:
        yield Contradiction(told.line.number, prefix, text)


def _by_size(key: _Key) -> tuple[object, ...]:
    """Sorts what costs most by share first; what goes from nothing to something before all."""
    share = _share(key)
    size = Fraction(0) if share is None else -abs(share)
    return (key.kind in (Kind.REMOVED, Kind.BLOCKED), share is not None, size, key.begins, key.destination)


def _share(key: _Key) -> Fraction | None:
    """Change of the rate as a share of the old one; None where there is no such figure."""
    if key.old is None or key.new is None or key.old.terms is None or key.new.terms is None or not key.old.terms.rate_micros:
        return None
    old = key.old.terms.rate_micros
    return Fraction(key.new.terms.rate_micros - old, old)


def _change(key: _Key, counted: tuple[int, str], per: Quantity) -> Change:
    share = _share(key)
    tenths = 0 if share is None else round(share * _TENTHS_OF_PERCENT)
    sign = "-" if tenths < 0 else "+"
    percent = "" if share is None else f"{sign}{abs(tenths) // 10}.{abs(tenths) % 10} %"
    return Change(key.kind, key.destination, key.begins, terms_text(key.old, per), terms_text(key.new, per), percent, *counted)


def _is_late(begins: dt.date, notice: Notice) -> bool:
    return begins - notice.received < dt.timedelta(days=notice.days)
