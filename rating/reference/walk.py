"""Increments of an event as the plain twin cuts them: step 7 and the pieces of step 9 of "One event, exactly".

Positions are in the price's unit (voice milliseconds) from the first increment that this event begins. Increments of one kind form
a run, and the length of a run is a division: a call of 31 days or a million increments costs no more than its bands.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.model import BandPolicy, Counting, QuantityUnit, Rate
from rating.outcome import Piece
from rating.reference.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rating.model import Price

MICROSECONDS_PER_MILLISECOND: Final = 1_000


class Begin(NamedTuple):
    """The beginning of an event: its instant, its clock (None: the price has no calendar), its rate."""

    start_us: int
    clock: Clock | None
    rate: Rate


class Line(NamedTuple):
    """The position of an event's increments on the price's line of quantity."""

    wanted_qty: int  # how much they must cover
    base_qty: int = 0  # where the counter stands: steps are counted from there
    paid_qty: int = 0  # what an increment that an earlier event began covers of this one


class Run(NamedTuple):
    """`increments` increments of one length, all beginning in one band and one step."""

    from_qty: int
    to_qty: int
    band: str
    step: int
    increment_qty: int
    increments: int


class _Bands:
    """Follows the wall clock through an event: in a band for which the price has no rate, that of the last band that had one."""

    def __init__(self, begin: Begin, clock: Clock, rates: Mapping[str, Rate]) -> None:
        self._start_us, self._clock, self._rates = begin.start_us, clock, rates
        self._instant_us, self._rate = begin.start_us, begin.rate

    def at(self, elapsed_ms: int) -> tuple[Rate, int]:
        """The rate so many milliseconds into the event, no fewer than asked before, and how many into it that rate surely lasts."""
        while True:
            stay = self._clock.stay(self._instant_us)
            self._rate = self._rates.get(stay.band, self._rate)
            until_ms = ceil_div(stay.until_us - self._start_us, MICROSECONDS_PER_MILLISECOND)
            if elapsed_ms < until_ms:
                return self._rate, until_ms
            self._instant_us = stay.until_us


def walk(price: Price, rates: Mapping[str, Rate], begin: Begin, line: Line) -> list[Run]:
    """The increments of an event, neighbours of one kind together.

    Every increment that begins before the band, the step and the usage end is like the one before it.
    """
    splits = price.band_policy is BandPolicy.SPLIT and price.unit is QuantityUnit.MILLISECOND
    bands = _Bands(begin, begin.clock, rates) if splits and begin.clock is not None else None
    has_first = line.base_qty == 0 or price.counting is not Counting.PACKAGE
    runs: list[Run] = []
    position, rate, limit_qty = 0, begin.rate, line.wanted_qty
    while position < line.wanted_qty:
        if bands is not None:
            rate, until_qty = bands.at(line.paid_qty + position)
            limit_qty = min(line.wanted_qty, until_qty - line.paid_qty)
        index = _step(rate, line.base_qty + position)
        end_qty = min([limit_qty, *(step.from_qty - line.base_qty for step in rate.steps[index + 1 : index + 2])])
        increment_qty = rate.steps[index].increment_qty
        increments = ceil_div(end_qty - position, increment_qty)
        if position == 0 and has_first and begin.rate.first_increment_qty != increment_qty:
            increment_qty, increments = begin.rate.first_increment_qty, 1
        run = Run(position, position + increments * increment_qty, rate.band, index, increment_qty, increments)
        position = run.to_qty
        _append(runs, run)
    return runs


def last_increment_end(runs: Sequence[Run], limit_qty: int) -> int:
    """The greatest end of an increment that is not beyond `limit_qty`; 0 where there is none."""
    end_qty = 0
    for run in runs:
        whole = min((limit_qty - run.from_qty) // run.increment_qty, run.increments)
        if whole <= 0:
            break
        end_qty = run.from_qty + whole * run.increment_qty
    return end_qty


def piece(run: Run, rate: Rate, free_total_qty: int) -> Piece:
    """The price of a run: what lies beyond the free head of the event, at the run's rate."""
    step = rate.steps[run.step]
    free_qty = min(max(free_total_qty - run.from_qty, 0), run.to_qty - run.from_qty)
    charged_qty = run.to_qty - run.from_qty - free_qty
    amount_micros = Fraction(charged_qty * step.rate_micros, step.per_qty)
    return Piece(*run, step.rate_micros, step.per_qty, free_qty, amount_micros)


def ceil_div(number: int, divisor: int) -> int:
    """`number / divisor`, rounded up."""
    return -(-number // divisor)


def _step(rate: Rate, line_qty: int) -> int:
    """The last step that begins at or before `line_qty`."""
    return max(index for index, step in enumerate(rate.steps) if step.from_qty <= line_qty)


def _append(runs: list[Run], run: Run) -> None:
    """Add `run`, joined to the last one when both are of one kind (midnight, say, is no boundary to a customer)."""
    last = runs[-1] if runs else None
    if last is not None and (last.band, last.step, last.increment_qty) == (run.band, run.step, run.increment_qty):
        runs[-1] = last._replace(to_qty=run.to_qty, increments=last.increments + run.increments)
    else:
        runs.append(run)
