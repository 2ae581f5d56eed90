"""Puts what a carrier's deck says into a canonical deck, prefix by prefix and day by day.

A row takes effect on its own day, at the earliest on `on`, the day of the version that is being made: what was published is never changed.
A *full* deck replaces everything: prefixes it does not name go on `on`, and changes that were planned before it came are dropped. A
*partial* one changes the prefixes it names, from their days on; what was planned for them from then on is dropped.
Rows of the old deck from before `on` stay as they are: ids are never given away again, and an update that changes nothing adds
nothing. `told` reads the rows of the update, and refuses some.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.errors import UserError
from tariffs.decks_import import ledger
from tariffs.decks_import import told as sayings
from tariffs.decks_import.ledger import Entry, Timeline, begin
from tariffs.decks_import.told import Told
from tariffs.decks_import.zoning import Zones
from tariffs.documents.deck_files import DeckRow

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterator

    from tariffs.decks_import.ledger import Deck
    from tariffs.decks_import.reading import Source


WRITTEN_MAX: Final = 5_000_000  # prefixes in the new rows of a deck


class Merged(NamedTuple):
    """The new deck, and both as they are by prefix."""

    rows: tuple[DeckRow, ...]
    before: Mapping[str, Timeline]
    after: Mapping[str, Timeline]
    told: Mapping[str, tuple[Told, ...]]  # by prefix of the update
    removed: tuple[str, ...]  # prefixes that a full deck does not name any more
    duplicates: tuple[tuple[str, int, int], ...]  # prefix, line that counts, line that does not
    backdated: int  # rows whose day is before `on`
    cancelled: int  # planned changes that the update replaces
    over: int  # what it says of prefixes and replaces itself before `on`


def merge(  # noqa: PLR0913 - what is merged, and how
    old: Deck, source: Source, *, full: bool, on: dt.date, taken: Collection[int] = (), dated: bool = False
) -> Merged:
    """`old` with an update. `dated`: the first rows of a deck have their day too, instead of holding since ever.

    Raises ProblemsError where a prefix is twice in the update with different terms.
    """
    before = ledger.timelines(old)
    told, duplicates, over = sayings.told(source, before, on)
    removed = tuple([p for p, t in before.items() if p not in told and ledger.at(t, on) is not None]) if full else ()
    after = dict(before)
    cancelled = 0
    for prefix in before if full else ():
        if prefix not in told:
            after[prefix], dropped = _replaced(before[prefix], ((on, None),), on)
            cancelled += dropped
    for prefix, items in told.items():
        steps = tuple([item[:2] for item in items])
        after[prefix], dropped = _replaced(before.get(prefix, ()), steps, on if full else steps[0][0])
        cancelled += dropped
    backdated = sum(line.begins is not None and line.begins < on for line in source.lines)
    rows = tuple(_rows(old, after, on, taken, dated=dated))
    return Merged(
        rows=rows,
        before=before,
        after=after,
        told=told,
        removed=removed,
        duplicates=tuple(duplicates),
        backdated=backdated,
        cancelled=cancelled,
        over=over,
    )


def _replaced(old: Timeline, steps: Timeline, planned_until: dt.date) -> tuple[Timeline, int]:
    """`old` until the first of `steps`, then those; and how many planned steps after `planned_until` that drops."""
    if not old and len(steps) == 1:
        return (steps if steps[0][1] is not None else ()), 0
    new: Timeline = ()
    for step in old:
        if step[0] < steps[0][0] and step[0] <= planned_until:
            new = ledger.joined(new, step)
    for step in steps:
        if new or step[1] is not None:
            new = ledger.joined(new, step)
    dropped = sum(step[0] > planned_until and step not in new for step in old)
    return new, dropped


def _rows(old: Deck, after: Mapping[str, Timeline], on: dt.date, taken: Collection[int], *, dated: bool) -> Iterator[DeckRow]:
    """The rows from before `on`, then what changes on each day from then on. Zones that were only planned stay, ended, for their ids."""
    past = [row for row in old.rows if begin(row) < on]
    changed = list(_changed_rows(old, after, on, taken, dated=dated))
    kept = {row.zone_id for row in (*past, *changed)}
    planned = {row.zone_id: row.zone for row in old.rows if row.zone_id not in kept}
    yield from past
    yield from changed
    yield from (DeckRow(zone_id, zone, (), 0, None, None, on) for zone_id, zone in planned.items())


def _changed_rows(old: Deck, after: Mapping[str, Timeline], on: dt.date, taken: Collection[int], *, dated: bool) -> Iterator[DeckRow]:
    """Rows of what changes on each day from `on` on."""
    is_first = not dated and all(begin(row) >= on for row in old.rows)
    zones = Zones(old, on, taken)
    changes: dict[dt.date, list[tuple[str, Entry | None]]] = {}
    for prefix, timeline in after.items():
        if timeline and timeline[-1][0] >= on:
            for begins, entry in timeline:
                if begins >= on:
                    changes.setdefault(begins, []).append((prefix, entry))
    written = 0
    for begins in sorted(changes):
        for row in zones.on(None if begins == on and is_first else begins, changes[begins]):
            written += len(row.prefixes)
            if written > WRITTEN_MAX:
                remedy = "give prefixes that change on other days destinations of their own, or import fewer days at once"
                raise UserError(f"the new rows would hold more than {WRITTEN_MAX:,} prefixes, since a row says all of its zone", remedy)
            yield row
