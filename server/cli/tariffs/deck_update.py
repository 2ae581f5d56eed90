"""The work of both `tariffs deck preview` and `tariffs deck import`: reading a carrier's deck, and putting it into one of ours."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rating.errors import UserError
from server import clock
from tariffs.decks_import import ledger, mapping, merge, preview, published, reading
from tariffs.decks_import import target as targets
from tariffs.decks_import.ledger import Deck, Defaults
from tariffs.decks_import.merge import Merged
from tariffs.decks_import.preview import Notice, Preview
from tariffs.documents.uncollected import uncollected
from tariffs.language import texts

if TYPE_CHECKING:
    from tariffs.decks_import.mapping import DeckMapping
    from tariffs.decks_import.target import Target


class Wanted(NamedTuple):
    """The options of both commands."""

    file: Path
    mapping: Path
    full: bool | None
    deck: str | None
    onto: str | None
    on: str | None
    notice_days: int | None
    received: str | None
    home: Path


class Update(NamedTuple):
    """A computed update."""

    file: Path
    name: str  # of what it was put onto
    full: bool
    on: dt.date
    currency: str | None
    currency_is_said: bool
    merged: Merged
    preview: Preview
    written_over: int  # rows of the target that `--onto` leaves out


class _Base(NamedTuple):
    """The deck that the update is put onto."""

    name: str
    deck: Deck
    currency: str | None
    on: dt.date | None
    taken: frozenset[int]


def work_out(wanted: Wanted, target: Target | None = None) -> Update:
    """The update onto `--onto`, else onto the deck that `target` has, else onto nothing. Raises UserError and ProblemsError."""
    with uncollected():
        return _work_out(wanted, target)


def _work_out(wanted: Wanted, target: Target | None) -> Update:
    if wanted.full is None:
        raise UserError(
            "whether the file is a whole deck is not said", "add --full, or --partial for an update of some prefixes", exit_status=2
        )
    how = mapping.read(wanted.mapping)
    base = _base(wanted, how, target)
    if target is not None and wanted.onto is not None:
        deck = ledger.rebased(base.deck, target.deck.defaults)
        ids = {row.zone_id for row in target.deck.rows} - {row.zone_id for row in deck.rows}  # never to be given away again
        base = base._replace(deck=deck, currency=target.currency, on=target.on, taken=target.taken | ids)
    defaults = base.deck.defaults
    source = reading.read(wanted.file, how, defaults, base.currency)
    on = _day("--on", wanted.on) or base.on or clock.machine_today()
    is_later = base.on is not None and on > base.on  # than the catalogue, which must not have the rates before
    merged = merge.merge(base.deck, source, full=wanted.full, on=on, taken=base.taken, dated=is_later)
    shown = preview.preview(merged, on=on, per=defaults.per, notice=_notice(wanted), unread=source.unread)
    is_said = how.currency is not None or how.columns.currency is not None
    kept = {(row.zone_id, row.effective_from) for row in merged.rows}
    own = () if target is None or wanted.onto is None else target.deck.rows
    lost = [row for row in own if (row.zone_id, row.effective_from) not in kept]
    return Update(
        file=wanted.file,
        name=base.name,
        full=wanted.full,
        on=on,
        currency=base.currency or how.currency,
        currency_is_said=is_said,
        merged=merged,
        preview=shown,
        written_over=len(lost),
    )


def _base(wanted: Wanted, how: DeckMapping, target: Target | None) -> _Base:
    if wanted.onto is None and target is not None:
        return _Base(target.name, target.deck, target.currency, target.on, target.taken)
    if wanted.onto is None:
        return _Base("nothing", Deck((), Defaults(how.rate_per)), how.currency, None, frozenset())
    path = Path(wanted.onto)
    if path.is_file() and path.suffix not in targets.SUFFIXES:
        return _Base(wanted.onto, Deck(targets.rows_of(path.parent, path.name), Defaults(how.rate_per)), how.currency, None, frozenset())
    if path.exists():
        found = targets.find(path, wanted.deck)
        return _Base(f"{found.name} of {wanted.onto}", found.deck, found.currency, found.on, found.taken)

    from server.cli import catalogue_names

    catalogue = catalogue_names.find(wanted.onto, wanted.home)
    deck = published.deck_of(catalogue, wanted.deck)
    return _Base(wanted.onto, deck, catalogue.currency, None, frozenset(zone.zone_id for zone in catalogue.zones))


def _notice(wanted: Wanted) -> Notice | None:
    if wanted.notice_days is None:
        if wanted.received is not None:
            raise UserError("--received says nothing without --notice-days", "add --notice-days, such as 7", exit_status=2)
        return None
    if wanted.notice_days < 0:
        raise UserError(f"{wanted.notice_days} days of notice", "write 0 or more", exit_status=2)
    return Notice(wanted.notice_days, _day("--received", wanted.received) or clock.machine_today())


def _day(option: str, text: str | None) -> dt.date | None:
    try:
        return None if text is None else texts.date(text)
    except texts.TextError as error:
        raise UserError(f"{option}: {error.message}", error.remedy, exit_status=2) from None
