"""Statements of an update's rows, by prefix and day.

A row takes effect on its own day, at the earliest on `on`; of several rows of a prefix whose days are past, the last counts.
The same prefix twice on one day with the same terms is a duplicate: the first counts; with other terms it is refused. So is it in
a row without a day beside one whose day is past: the price on `on` is ambiguous.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.errors import Problem, ProblemsError, UserError
from tariffs.decks_import import ledger
from tariffs.decks_import.ledger import Entry, Terms, Timeline
from tariffs.decks_import.mapping import Action
from tariffs.decks_import.reading import Line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tariffs.decks_import.reading import Source

DAYS_MAX: Final = 366  # different days on which the rows of one deck take effect
CONFLICTS_MAX: Final = 1_000


class Told(NamedTuple):
    """The statement of the update about a prefix from a day on."""

    begins: dt.date
    entry: Entry | None  # None: deleted
    line: Line


class Said(NamedTuple):
    """All of it."""

    by_prefix: Mapping[str, tuple[Told, ...]]  # by day
    duplicates: list[tuple[str, int, int]]  # prefix, line that counts, line that does not
    over: int  # what rows say of a prefix that a later row of it replaces before `on`


def told(source: Source, before: Mapping[str, Timeline], on: dt.date) -> Said:
    """Statements of `source` onto a deck that is `before` by prefix. ProblemsError: a prefix comes twice with different terms."""
    given: dict[str, tuple[Line, ...]] = {}
    duplicates: list[tuple[str, int, int]] = []
    problems: list[Problem] = []
    for line in source.lines:
        for prefix in line.prefixes:
            others = given.get(prefix)
            if others is None:
                given[prefix] = (line,)
                continue
            other = next((each for each in others if _is_one_day(each.begins, line.begins, on)), None)
            if other is None:
                given[prefix] = (*others, line)
            elif (other.terms, other.action is Action.DELETE) == (line.terms, line.action is Action.DELETE):
                duplicates.append((prefix, other.number, line.number))
            elif len(problems) < CONFLICTS_MAX:
                message = f"prefix {prefix} has other terms in line {other.number}"
                problems.append(Problem(source.name, f"line {line.number}", message, "keep one of the two rows"))
    if problems:
        raise ProblemsError(problems)
    if len({max(line.begins or on, on) for line in source.lines}) > DAYS_MAX:
        raise UserError(f"{source.name}: rates take effect on more than {DAYS_MAX} days", "check the column of effective dates")
    sayings = _Sayings(before, on)
    by_prefix = {prefix: tuple(sayings.of(prefix, lines)) for prefix, lines in given.items()}
    return Said(by_prefix, duplicates, sum(map(len, given.values())) - sum(map(len, by_prefix.values())))


def _is_one_day(one: dt.date | None, other: dt.date | None, on: dt.date) -> bool:
    """Return whether two rows may begin on one day; the day of a row without one is any day that is past."""
    if one is None or other is None:
        return (one or on) <= on and (other or on) <= on
    return one == other


class _Sayings:
    """Lines turned into what they say. Many prefixes share a destination with its terms: it is made once."""

    def __init__(self, before: Mapping[str, Timeline], on: dt.date) -> None:
        self._before = before
        self._on = on
        self._entries: dict[tuple[str, Terms | None], Entry] = {}

    def of(self, prefix: str, lines: tuple[Line, ...]) -> Iterator[Told]:
        """Statements of the lines of a prefix, in the order of their days."""
        ordered = lines if len(lines) == 1 else sorted(lines, key=self._day)
        for index, line in enumerate(ordered):
            if index + 1 < len(ordered) and self._day(ordered[index + 1]) <= self._on:
                continue  # over before the version begins
            begins = max(self._day(line), self._on)
            yield Told(begins, self._entry(prefix, line, begins), line)

    def _day(self, line: Line) -> dt.date:
        return line.begins or self._on

    def _entry(self, prefix: str, line: Line, begins: dt.date) -> Entry | None:
        """The entry that a line gives a prefix. One that blocks and names no destination blocks it where it is."""
        if line.action is Action.DELETE:
            return None
        key = (line.destination, line.terms)
        entry = self._entries.get(key)
        if entry is not None:
            return entry
        if line.destination:
            entry = self._entries[key] = Entry(ledger.unnumbered(line.destination), line.terms)
            return entry
        known = ledger.longest(self._before, prefix, begins)
        return Entry(known.destination if known is not None else prefix, line.terms)
