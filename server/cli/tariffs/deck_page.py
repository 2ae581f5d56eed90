"""The preview of a rate deck on paper: what changes, the largest first, and what a person should look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from rating.counted import counted
from server.cli import output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from server.cli.tariffs.deck_update import Update
    from tariffs.decks_import.preview import Change

SHOWN = 20
DUPLICATES_SHOWN = 3
DAYS_SHOWN = 5
COUNTS = ("added", "removed", "raised", "lowered", "mixed", "blocked", "moved", "unchanged")
COLUMNS = ("destination", "what", "from", "old", "new", "change", "prefixes", "such as")


def show(update: Update) -> None:
    """Print the preview."""
    seen = update.preview
    print(f"{update.file.name} onto {update.name}: {'the whole deck' if update.full else 'an update'} from {update.on}")
    print(f"  prefixes: {', '.join(f'{name} {getattr(seen, name):,}' for name in COUNTS)}; zones afterwards: {seen.zones:,}")
    for note in _notes(update):
        print(f"  {note}")
    if seen.largest:
        changed = seen.raised + seen.lowered + seen.mixed + seen.removed + seen.blocked
        _changes(f"largest changes (of {counted(changed, 'prefix', 'prefixes')})", seen.largest)
    if seen.notice_breaches:
        _changes("announced too late", seen.notice_breaches[:SHOWN])
        _more(len(seen.notice_breaches))
    for each in seen.contradictions[:SHOWN]:
        print(f"  line {each.line}: prefix {each.prefix} {each.text}")
    _more(len(seen.contradictions))


def as_json(update: Update) -> dict[str, object]:
    """The same for `--json`."""
    fields = {"file": str(update.file), "onto": update.name, "full": update.full, "on": update.on, "currency": update.currency}
    return {**fields, **msgspec.to_builtins(update.preview)}


def _notes(update: Update) -> list[str]:
    seen = update.preview
    notes = []
    if seen.duplicates:
        listed = seen.duplicate_rows[:DUPLICATES_SHOWN]
        shown = "; ".join(f"{each.prefix} in line {each.dropped_line} as in {each.kept_line}" for each in listed)
        notes.append(f"duplicates; the first of each counts: {seen.duplicates:,} ({shown}{_dots(seen.duplicates, listed)})")
    if seen.backdated:
        notes.append(f"rows that are dated before {update.on}, and take effect then: {seen.backdated:,}")
    if seen.over:
        notes.append(f"prices that a later row replaces before {update.on}, so that they are left out: {seen.over:,}")
    if seen.cancelled:
        notes.append(f"changes that were planned, and are replaced: {seen.cancelled:,}")
    if seen.leading_zeros:
        notes.append(f"prefixes that begin with 0, which no number in E.164 does, so that none meets them: {seen.leading_zeros:,}")
    if update.written_over:
        notes.append(f"rows that the file in the folder holds, and that are written over: {update.written_over:,}")
    later = [day for day in seen.days if day > update.on]
    if later:
        listed_days = later[:DAYS_SHOWN]
        days = f"{', '.join(str(day) for day in listed_days)}{_dots(len(later), listed_days)}"
        notes.append(f"changes on later days wait for a version that takes effect then: {days}")
    if not update.currency_is_said and update.currency is not None:
        notes.append(f"currency: taken to be {update.currency}; neither mapping nor file says so")
    if seen.unread_columns:
        notes.append(f"columns that are not read: {', '.join(seen.unread_columns)}")
    return notes


def _changes(title: str, changes: Sequence[Change]) -> None:
    rows = [(c.destination, c.kind, c.begins, c.old or "-", c.new or "-", c.percent, f"{c.prefixes:,}", c.example) for c in changes]
    output.print_table(COLUMNS, rows, right=("change", "prefixes"), title=title)


def _dots(count: int, listed: Sequence[object]) -> str:
    return ", ..." if count > len(listed) else ""


def _more(count: int) -> None:
    if count > SHOWN:
        print(f"  and {count - SHOWN:,} more; --json has them")
