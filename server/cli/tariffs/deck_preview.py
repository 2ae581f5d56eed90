"""`ratewright tariffs deck preview`: what a carrier's rate deck would change; nothing is written."""

from __future__ import annotations

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder
from server.cli.tariffs.deck_options import (  # noqa: TC001 -- cyclopts reads the annotations when the command runs
    Day,
    DeckFile,
    DeckName,
    IsFull,
    MappingFile,
    NoticeDays,
    Onto,
    Received,
)


def preview(
    file: DeckFile,
    /,
    *,
    mapping: MappingFile,
    full: IsFull = None,
    onto: Onto = None,
    deck: DeckName = None,
    on: Day = None,
    notice_days: NoticeDays = None,
    received: Received = None,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Show what a carrier's rate deck would change. Status 1: something is announced too late, or rows contradict the deck.

    Parameters
    ----------
    file
        The carrier's deck, .csv or .csv.gz.
    mapping
        YAML file that names the deck's columns; see docs/rate-decks.md.
    full
        --full: the file is the whole deck. --partial: it changes only the prefixes that it names.
    onto
        A deck of ours (.csv), a catalogue's folder, or IDENTITY@VERSION; without it everything is new.
    deck
        Name of the deck, where the catalogue has several.
    on
        First day of the new rates, such as 2026-12-01; default: that of the catalogue, else today.
    notice_days
        Days of notice: a higher price is announced so many days before its first day.
    received
        Day on which the file was received; default: today.
    home
        Home folder, for IDENTITY@VERSION.
    as_json
        Print JSON.

    """
    from server.cli import output
    from server.cli.tariffs import deck_page
    from server.cli.tariffs.deck_update import Wanted, work_out

    update = work_out(
        Wanted(file=file, mapping=mapping, full=full, deck=deck, onto=onto, on=on, notice_days=notice_days, received=received, home=home)
    )
    if as_json:
        output.print_json(deck_page.as_json(update))
    else:
        deck_page.show(update)
    return int(update.preview.is_doubtful)
