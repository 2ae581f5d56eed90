"""Rounds of a collector: once for a scheduler, or again and again until `stop` says so.

Between rounds the journal is sealed when it has grown enough, so that usage stays cheap to read during a long watch. Calls that waited
long enough for a segment go into suspense. Clock and sleep are given. Troubles of a round never end a watch; they are reported once as
long as they stay the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from billing.collection.collecting import FileReport, Round, Trouble, as_user_error
from billing.store.tables import usage_manifest
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.collection.collecting import Collector
    from billing.store.home import Home

ASSEMBLE_EVERY_US: Final = 60_000_000  # how often the waiting of calls is looked at


class Surroundings(NamedTuple):
    """Services that the loop is given: a steady clock and a wall clock in microseconds, a sleep that ends when `stop` says so."""

    tick_us: Callable[[], int]
    now_us: Callable[[], int]
    sleep_us: Callable[[int], None]
    stop: Callable[[], bool]
    tell: Callable[[FileReport], None]
    complain: Callable[[str, UserError], None]  # what it is about, and what is the matter


class Pace(NamedTuple):
    """Intervals and sizes of the loop."""

    poll_us: int
    settle_us: int
    seal_rows: int  # rows of the journal that are sealed together; 0: never


def once(home: Home, collector: Collector, pace: Pace, world: Surroundings) -> Round:
    """Collect all that is finished now, and what turns out to be finished after `settle_us`. Troubles are returned, not reported."""
    found = collector.round(world.tick_us(), world.tell, world.stop)
    if found.waiting and pace.settle_us and not world.stop():
        world.sleep_us(pace.settle_us)
        second = collector.round(world.tick_us(), world.tell, world.stop)
        found = Round([*found.done, *second.done], second.troubles, second.waiting)
    _assemble(collector, world)
    _seal(home, collector, pace, world)
    return found


def watch(home: Home, collector: Collector, pace: Pace, world: Surroundings) -> int:
    """Run rounds until `stop`. Returns the number of files that were finished."""
    files = 0
    told: set[tuple[str, str]] = set()
    assembled_us = world.tick_us()
    while not world.stop():
        try:
            found = collector.round(world.tick_us(), world.tell, world.stop)
            files += len(found.done)
            if world.tick_us() - assembled_us >= ASSEMBLE_EVERY_US:
                assembled_us = world.tick_us()
                _assemble(collector, world)
            _seal(home, collector, pace, world)
            troubles = list(found.troubles)
        except (UserError, OSError) as error:  # of the folder or the store, not of one file
            troubles = [Trouble("collection", as_user_error(error))]
        now = {(each.file, each.error.message) for each in troubles}
        for each in troubles:
            if (each.file, each.error.message) not in told:
                world.complain(each.file, each.error)
        told = now
        if not world.stop():
            world.sleep_us(pace.poll_us)
    return files


def _assemble(collector: Collector, world: Surroundings) -> None:
    """End the waiting of calls whose time is up."""
    if not world.stop():
        collector.intake.assemble(world.now_us())


def _seal(home: Home, collector: Collector, pace: Pace, world: Surroundings) -> None:
    if pace.seal_rows and not world.stop() and journal_rows(home) >= pace.seal_rows:
        collector.intake.seal(world.now_us())


def journal_rows(home: Home) -> int:
    """Number of rows of the journal that are not sealed yet."""
    row = usage_manifest.c
    query = sa.select(sa.func.coalesce(sa.func.sum(row.rows), 0)).where(row.form == "journal", row.sealed_at_seq.is_(None))
    with home.connect() as connection:
        return int(connection.execute(query).scalar_one())
