"""Random updates, one after the other, against a plain model that knows prefixes and days only."""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING

import pytest

from tariffs.decks_import import ledger, merge
from tariffs.decks_import.ledger import Deck, Entry, Terms
from tariffs.decks_import.mapping import Action
from tariffs.decks_import.preview import Kind
from tariffs.decks_import.reading import Line, Source
from tariffs.documents import deck_files
from tests.tariffs.decks_import.helpers import DEFAULTS, deck, seen, text

if TYPE_CHECKING:
    from pathlib import Path

    from tariffs.decks_import.merge import Merged

FIRST = dt.date(2026, 1, 1)
DAYS = [FIRST + dt.timedelta(days=each) for each in range(40)]
PREFIXES = [f"{code}{more}" for code in (20, 33, 49, 1) for more in ("", "1", "2", "15", "151", "159")]
DESTINATIONS = ("Egypt", "France", "Germany", "Germany Mobile")

Plain = dict[tuple[str, dt.date], "Entry | None"]  # prefix and day -> what holds


def random_lines(rng: random.Random, on: dt.date) -> list[Line]:
    """Rows of an update; a prefix may have one on several days."""
    lines = []
    for prefix in rng.sample(PREFIXES, rng.randint(1, 12)):
        for begins in rng.sample([day for day in DAYS if day >= on], rng.choice((1, 1, 2))):
            action = rng.choice((None, None, None, Action.DELETE, Action.BLOCK))
            terms = None if action is not None else Terms(rng.choice((10, 20, 30)), rng.choice(((1_000, 1_000), (60_000, 1_000))), 0)
            lines.append(Line(len(lines) + 2, (prefix,), rng.choice(DESTINATIONS), terms, begins if begins != on else None, action))
    return lines


def plainly(plain: Plain, lines: list[Line], on: dt.date, *, full: bool) -> Plain:
    """What holds for each prefix on each day after an update, worked out day by day."""
    new = dict(plain)
    for prefix in PREFIXES:
        own = sorted((max(line.begins or on, on), line) for line in lines if line.prefixes == (prefix,))
        if full and not own:
            own = [(on, Line(0, (prefix,), "", None, None, Action.DELETE))]
        for day in DAYS:
            said = [line for begins, line in own if begins <= day]
            if said:
                line = said[-1]
                new[prefix, day] = None if line.action is Action.DELETE else Entry(line.destination, line.terms)
            elif own and full and day >= on:
                new[prefix, day] = plain[prefix, on]
    return new


def check_counts(made: Merged, before: Plain, after: Plain, on: dt.date) -> None:
    """Every prefix that the update speaks of is counted once, by what the longest prefix of a call costs before and after."""
    found = seen(made, on=on)
    spoken = [(prefix, told.begins) for prefix, items in made.told.items() for told in items] + [(prefix, on) for prefix in made.removed]
    prices = [(_longest(before, *place), _longest(after, *place)) for place in spoken]
    assert found.unchanged == sum(old == new for old, new in prices)
    assert found.removed == sum(old is not None and new is None for old, new in prices)
    assert found.added == sum((old is None or old.terms is None) and new is not None and new.terms is not None for old, new in prices)
    assert sum(getattr(found, kind.value) for kind in Kind) == len(spoken)


def _longest(plain: Plain, prefix: str, day: dt.date) -> Entry | None:
    return next((entry for n in range(len(prefix), 0, -1) if (entry := plain.get((prefix[:n], day))) is not None), None)


@pytest.mark.parametrize("seed", range(30))
def test_against_the_plain_model(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    plain: Plain = {(prefix, day): None for prefix in PREFIXES for day in DAYS}
    ours = Deck((), DEFAULTS)
    ids: dict[str, int] = {}
    on = FIRST
    for _ in range(5):
        lines, full = random_lines(rng, on), rng.random() < 0.3
        made = merge.merge(ours, Source("carrier.csv", lines, ()), full=full, on=on)
        before, plain = plain, plainly(plain, lines, on, full=full)
        check_counts(made, before, plain, on)
        ours = deck(tmp_path, text(made))  # written and read
        holds = {(prefix, day): None for prefix in PREFIXES for day in DAYS}
        for day in DAYS:
            in_force = deck_files.cut(ours.rows, day).in_force
            for row in in_force:
                for prefix in row.prefixes:
                    assert holds[prefix, day] is None, f"seed {seed}: {prefix} stands in two zones on {day}"
                    holds[prefix, day] = ledger.entry_of(row, DEFAULTS)
            assert len({row.zone_id for row in in_force}) == len({row.zone for row in in_force}) == len(in_force), f"seed {seed}"
        for place, expected in plain.items():
            if place[1] >= on:
                assert holds[place] == expected, f"seed {seed}: {place}"
        for row in ours.rows:
            assert ids.setdefault(row.zone, row.zone_id) == row.zone_id, f"seed {seed}: zone {row.zone} has another id than before"
        assert len(set(ids.values())) == len(ids), f"seed {seed}: an id was given away again"
        on += dt.timedelta(days=rng.randint(0, 7))
