"""The times of day that prices of a plan depend on: bands in the order in which they win, public holidays, and whose clock it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tariffs.sheets import bands
from tariffs.sheets.layout import Line, Notes, Table

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from rating.model import Calendar, Catalogue
    from tariffs.sheets.cells import Met
    from tariffs.sheets.figures import Writer
    from tariffs.sheets.layout import Block
    from tariffs.sheets.words import Words

_HOLIDAYS_SHOWN: Final = 40


def blocks(catalogue: Catalogue, met: Sequence[Met], from_date: dt.date, words: Words, writer: Writer) -> tuple[Block, ...]:
    """For each calendar that some price follows: its bands, and its holidays from a date on."""
    used = {each.price.calendar for each in met if each.price is not None}
    clocks = dict.fromkeys(each.price.clock for each in met if each.price is not None and each.price.calendar is not None)
    found: list[Block] = []
    for calendar in catalogue.calendars:
        if calendar.name in used:
            if bands.may_meet(calendar):
                found.append(Table("", words.times.heads, tuple(_lines(calendar, words)), (1, 16)))
            found.append(Notes(tuple(_notes(calendar, from_date, words, writer))))
    if found:
        found.append(Notes(tuple(bands.clock_of(clock, catalogue, words) for clock in clocks)))
    return tuple(block for block in found if not isinstance(block, Notes) or block.lines)


def _lines(calendar: Calendar, words: Words) -> Iterator[Line]:
    """The first that covers an instant wins."""
    told: dict[tuple[str, str], None] = {}
    for band in bands.in_order(calendar):
        told[" ".join(filter(None, [bands.days_of(band, words), bands.times_of(band)])), band.name] = None
    for position, (text, _) in enumerate(told, 1):
        yield Line(((str(position),), (text,)))
    yield Line(((str(len(told) + 1),), (words.labels.other_times,)))


def _notes(calendar: Calendar, from_date: dt.date, words: Words, writer: Writer) -> Iterator[str]:
    if bands.may_meet(calendar):
        yield words.times.first_wins
    if any(band.holidays for band in calendar.bands):
        coming = [date for date in calendar.holidays if date >= from_date][:_HOLIDAYS_SHOWN]
        if coming:
            yield words.times.holidays.format(writer.dates(coming))
    for swap in calendar.day_swaps:
        if swap.date >= from_date:
            yield words.times.swapped.format(writer.date(swap.date), words.figures.days[swap.as_day - 1])
