"""`ratewright tariffs deck import`: a carrier's rate deck into the deck file of a catalogue's folder, which is then checked and drafted."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- cyclopts reads the annotations when the command runs
from typing import Annotated

from cyclopts import Parameter

from rating.counted import counted
from rating.errors import UserError
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder
from server.cli.tariffs.deck_options import (  # noqa: TC001 -- cyclopts reads the same
    Day,
    DeckFile,
    DeckName,
    IsFull,
    MappingFile,
    NoticeDays,
    Onto,
    Received,
)


def import_deck(
    file: DeckFile,
    /,
    *,
    mapping: MappingFile,
    into: Annotated[Path, Parameter(name="--into")],
    full: IsFull = None,
    onto: Onto = None,
    deck: DeckName = None,
    on: Day = None,
    notice_days: NoticeDays = None,
    received: Received = None,
    force: Annotated[bool, Parameter(name="--force", negative="")] = False,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Put a carrier's rate deck into the deck file of a catalogue's folder, and show what changes.

    Parameters
    ----------
    file
        The carrier's deck, .csv or .csv.gz.
    mapping
        YAML file that names the deck's columns; see docs/rate-decks.md.
    into
        Folder of the catalogue; the deck entry there names the file that is written.
    full
        --full: the file is the whole deck. --partial: it changes only the prefixes that it names.
    onto
        Deck that the file changes, by default that of the folder: a deck (.csv), a folder, or IDENTITY@VERSION.
    deck
        Name of the deck, where the catalogue has several.
    on
        First day of the new rates, such as 2026-12-01; default: that of the catalogue.
    notice_days
        Days of notice: a higher price is announced so many days before its first day.
    received
        Day on which the file was received; default: today.
    force
        Write even though something is announced too late, or rows contradict the deck.
    home
        Home folder, for IDENTITY@VERSION.
    as_json
        Print JSON.

    """
    from server.cli import output
    from server.cli.tariffs import deck_page
    from server.cli.tariffs.deck_update import Wanted, work_out
    from tariffs.decks_import import target, writing

    found = target.find(into, deck)
    update = work_out(
        Wanted(file=file, mapping=mapping, full=full, deck=deck, onto=onto, on=on, notice_days=notice_days, received=received, home=home),
        found,
    )
    if not as_json:
        deck_page.show(update)
    seen = update.preview
    if seen.is_doubtful and not force:
        late, against = counted(len(seen.notice_breaches), "change"), counted(len(seen.contradictions), "row")
        doubts = f"{late} announced too late, {against} against the deck"
        raise UserError(f"nothing was written: {doubts}", "correct the file, or add --force to write it as it is")
    is_new = writing.write(found.file, writing.csv_text(update.merged.rows, found.deck.defaults.connect_fee_micros))
    if as_json:
        output.print_json({**deck_page.as_json(update), "written": str(found.file), "changed": is_new})
    elif is_new:
        print(f"written: {found.file}; go on with: ratewright tariffs check {into}")
    else:
        print(f"{found.file} says that already: nothing was written")
    return 0
