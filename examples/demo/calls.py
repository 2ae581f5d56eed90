"""Draws a month of calls as numpy columns: who called whom, when, how long, and what the switch made of it.

Times are microseconds UTC, durations microseconds. Everything comes from the generator given, so the same seed gives the same calls.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import population
from population import Ints

if TYPE_CHECKING:
    from population import Population

US = 1_000_000
UNANSWERED_SHARES = (0.76, 0.144, 0.072, 0.024)  # answered, nobody, busy, failed
ZERO_TALK_SHARE = 0.001
STRANGER_SHARE = 0.001
NOWHERE_SHARE = 0.001
MEDIAN_TALK_S = 60.0
TALK_SPREAD = 1.3
LONGEST_TALK_US = 5 * 3600 * US
SHORTEST_RING_US, LONGEST_RING_US = 800_000, 30 * US
# Calls per hour of the local day, relative: quiet nights, busy late mornings and early evenings.
HOURLY = np.array([2, 1, 1, 1, 1, 2, 6, 14, 28, 40, 46, 44, 38, 36, 40, 42, 44, 46, 44, 38, 28, 18, 10, 4], dtype=np.float64)
WEEKDAY = np.array([1.0, 1.02, 1.03, 1.02, 1.08, 0.72, 0.6])
ANSWERED, NO_ANSWER, BUSY, FAILED = range(4)

# The hour of 25 October 2026 that Berlin has twice, from its first beginning to its second end, and what is kept free around it.
TWICE_FROM_US = round(dt.datetime(2026, 10, 25, 0, tzinfo=dt.UTC).timestamp()) * US
CHANGE_US = TWICE_FROM_US + 3600 * US
TWICE_TO_US = CHANGE_US + 3600 * US


class Calls(NamedTuple):
    """One row a call that reached a switch. All columns have the same length."""

    raw_id: npt.NDArray[np.uint8]  # n x 16, random: the identity a switch gives
    line: npt.NDArray[np.int32]  # row of the population's lines, -1 for a number nobody has
    caller: Ints  # E.164 digits, or the extension of a company
    callee: Ints  # E.164 digits
    start_us: Ints
    ring_us: Ints  # start to answer, or to the end where nobody answered
    talk_us: Ints  # answer to end, 0 where nobody answered
    cause: npt.NDArray[np.int8]

    @property
    def answered(self) -> npt.NDArray[np.bool_]:
        """Whether each call was picked up, however short it then was."""
        answered: npt.NDArray[np.bool_] = self.cause == ANSWERED
        return answered

    @property
    def answer_us(self) -> Ints:
        """When each call was picked up, or would have been."""
        return self.start_us + self.ring_us

    @property
    def end_us(self) -> Ints:
        """When each call was over."""
        return self.start_us + self.ring_us + self.talk_us


def draw(rng: np.random.Generator, count: int, people: Population, lines: npt.NDArray[np.int32]) -> Calls:
    """`count` calls of October made by the given lines, in no order of time."""
    chance = np.cumsum(people.weight[lines])
    line = lines[np.searchsorted(chance, rng.random(count) * chance[-1], side="right").clip(0, len(lines) - 1)]
    talk_us = (np.exp(rng.normal(np.log(MEDIAN_TALK_S), TALK_SPREAD, count)) * US).astype(np.int64).clip(1, LONGEST_TALK_US)
    talk_us[rng.random(count) < ZERO_TALK_SHARE] = 0
    cause = np.searchsorted(np.cumsum(UNANSWERED_SHARES), rng.random(count)).astype(np.int8).clip(0, FAILED)
    start_us = _starts(rng, count)
    line = _active(rng, people, lines, line, start_us)
    callee = _callees(rng, people.is_company[line])
    caller = people.number[line].copy()
    unknown = (rng.random(count) < STRANGER_SHARE) & ~people.is_company[line]
    caller[unknown], line[unknown] = population.strangers(rng, int(unknown.sum())), -1
    return Calls(
        raw_id=np.frombuffer(rng.bytes(16 * count), dtype=np.uint8).reshape(count, 16),
        line=line,
        caller=caller,
        callee=callee,
        start_us=start_us,
        ring_us=rng.integers(SHORTEST_RING_US, LONGEST_RING_US, count),
        talk_us=np.where(cause == ANSWERED, talk_us, 0),
        cause=cause,
    )


def local_us(date: dt.date, clock: dt.time = dt.time()) -> int:
    """Microseconds UTC of a wall-clock time of the operator's zone that exists once."""
    return round(dt.datetime.combine(date, clock, population.ZONE).timestamp() * US)


def _active(
    rng: np.random.Generator, people: Population, lines: npt.NDArray[np.int32], line: npt.NDArray[np.int32], start_us: Ints
) -> npt.NDArray[np.int32]:
    """The lines, with another one that is there all month in place of each that has not joined yet or has left."""
    always = lines[(people.from_us[lines] <= start_us.min()) & (people.to_us[lines] > start_us.max() + LONGEST_RING_US)]
    away = np.flatnonzero((start_us < people.from_us[line]) | (start_us + LONGEST_RING_US >= people.to_us[line]))
    line = line.copy()
    line[away] = rng.choice(always, len(away))
    return line


def _callees(rng: np.random.Generator, is_company: npt.NDArray[np.bool_]) -> Ints:
    count = len(is_company)
    far = rng.random(count) < population.FAR_SHARE
    callee = np.zeros(count, dtype=np.int64)
    for company, kind in enumerate(population.KINDS):
        for is_far, prefixes in enumerate((kind.home_prefixes, kind.far_prefixes)):
            here = np.flatnonzero((is_company == bool(company)) & (far == bool(is_far)))
            callee[here] = population.numbers_below(rng, prefixes, len(here))
    nowhere = np.flatnonzero(rng.random(count) < NOWHERE_SHARE)
    callee[nowhere] = population.numbers_below(rng, (population.NOWHERE,), len(nowhere))
    return callee


def _starts(rng: np.random.Generator, count: int) -> Ints:
    """Instants of October with the rhythm of the day and the week. None is so near the change of clocks that its stamps are in doubt."""
    first, end = population.MONTH
    days = [first + dt.timedelta(days=n) for n in range((end - first).days)]
    weight = np.cumsum([WEEKDAY[day.weekday()] for day in days])
    day = np.searchsorted(weight, rng.random(count) * weight[-1], side="right").clip(0, len(days) - 1)
    busy = np.cumsum(HOURLY)
    hour = np.searchsorted(busy, rng.random(count) * busy[-1], side="right").clip(0, 23)
    start_us = np.array([local_us(date) for date in days])[day] + hour * 3600 * US + rng.integers(0, 3600 * US, count)
    doubtful = (start_us > TWICE_FROM_US - LONGEST_TALK_US - LONGEST_RING_US) & (start_us < TWICE_TO_US)
    settled: Ints = start_us + doubtful * (12 * 3600 * US)
    return settled
