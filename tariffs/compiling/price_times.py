"""Times at which the prices of a catalogue are active, over all the time that it may price: one line for all calendars.

The line is cut at every change of band of any calendar on the tariff's wall clock. A price is then a row of yes and no, one for each
piece. The times that several prices take together are exact, for calendars of all kinds. Prices on another clock (the subscriber's, the
visited network's) are laid out on the tariff's too: bands lie there in the same way, but at other instants, so that prices of two clocks
are never set off against each other.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rating.model import ANY_BAND, WallClock
from rating.tables import TIME_MAX_US, TIME_MIN_US
from tariffs.compiling.timeline import band_names, timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rating.model import Calendar, Catalogue, Price, UsageRule

Mask = NDArray[np.bool_]


class PriceTimes:
    """Activity of prices, asked by price or rule."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.prices = {price.name: price for price in catalogue.prices}
        self._names = {calendar.name: band_names(calendar) for calendar in catalogue.calendars}
        self._cuts, self._bands = _line(catalogue)
        self.bands = {name: self._occurring(name) for name in self._names}  # those in which some instant lies, OTHER_BAND last
        self._masks: dict[str, Mask] = {}

    def active(self, price: Price) -> tuple[str, ...]:
        """The bands in which `price` can be met, in the order of its calendar."""
        if price.calendar is None:
            return (ANY_BAND,)
        given = {rate.band for rate in price.rates}
        return tuple(band for band in self.bands[price.calendar] if band in given)

    def is_always_active(self, price: Price) -> bool:
        """Return whether `price` has a rate at every instant."""
        return price.calendar is None or len(self.active(price)) == len(self.bands[price.calendar])

    def takes_all(self, rule: UsageRule) -> bool:
        """Return whether a rule, its conditions aside, takes all events at any time."""
        return rule.price is None or self.is_always_active(self.prices[rule.price])

    def left(self, rule: UsageRule, before: Sequence[UsageRule]) -> dict[str, int] | None:
        """The bands in which a rule is met behind `before`, with an instant in each. All rules of `before` take what this rule takes.

        "" stands for the whole of a rule without price. None: it is never met. An instant is one on the clock of the price.
        """
        if any(self.takes_all(each) for each in before):
            return None
        prices = [self.prices[each.price] for each in before if each.price is not None]
        by_clock = {clock: [each for each in prices if each.clock is clock] for clock in WallClock}  # the tariff's own first
        taken = {clock: self._together(of_clock) for clock, of_clock in by_clock.items() if of_clock}
        if any(mask.all() for mask in taken.values()):
            return None
        price = None if rule.price is None else self.prices[rule.price]
        if price is None or price.calendar is None:
            free = ~next(iter(taken.values())) if taken else np.ones(1, np.bool_)
            return {"" if price is None else ANY_BAND: int(self._cuts[free.argmax()])}
        free = self._mask(price) & ~taken[price.clock] if price.clock in taken else self._mask(price)
        return self._first(price.calendar, free) or None

    def overlap(self, one: Price, two: Price) -> bool:
        """Return whether both may be active at one instant; on different clocks they may."""
        return one.clock is not two.clock or bool((self._mask(one) & self._mask(two)).any())

    def _mask(self, price: Price) -> Mask:
        """The pieces of time in which a price is active."""
        if price.name not in self._masks:
            mask = np.ones(len(self._cuts), np.bool_)
            if price.calendar is not None:
                names = self._names[price.calendar]
                numbers = [names.index(rate.band) for rate in price.rates if rate.band in names]
                mask = np.isin(self._bands[price.calendar], numbers)
            self._masks[price.name] = mask
        return self._masks[price.name]

    def _together(self, prices: Sequence[Price]) -> Mask:
        return functools.reduce(np.logical_or, map(self._mask, prices))

    def _first(self, calendar: str, free: Mask) -> dict[str, int]:
        """The first instant of each band of a calendar among the pieces that are free."""
        places = np.flatnonzero(free)
        numbers, first = np.unique(self._bands[calendar][places], return_index=True)
        names = self._names[calendar]
        return {names[number]: int(self._cuts[places[at]]) for number, at in zip(numbers.tolist(), first.tolist(), strict=True)}

    def _occurring(self, calendar: str) -> tuple[str, ...]:
        names = self._names[calendar]
        return tuple(names[number] for number in np.unique(self._bands[calendar]).tolist())


def occurring(calendar: Calendar, catalogue: Catalogue) -> tuple[str, ...]:
    """The bands of a calendar in which some instant lies from the start of the catalogue on, in order, OTHER_BAND last."""
    return PriceTimes(catalogue).bands[calendar.name]


def _line(catalogue: Catalogue) -> tuple[NDArray[np.int64], dict[str, NDArray[np.int32]]]:
    """The instants at which pieces of time begin, and the number of the band in each piece, by calendar."""
    start_us = min(max(catalogue.effective_from_us, TIME_MIN_US), TIME_MAX_US - 1)
    end_us = min(catalogue.effective_to_us or TIME_MAX_US, TIME_MAX_US)
    lines = {calendar.name: timeline(calendar, catalogue.timezone) for calendar in catalogue.calendars}
    edges = [np.array([start_us]), *(line.boundaries[:-1] for line in lines.values())]
    cuts = np.unique(np.concatenate(edges))
    cuts = cuts[(cuts >= start_us) & (cuts < max(end_us, start_us + 1))]
    return cuts, {name: line.bands[line.boundaries.searchsorted(cuts, side="right") - 1] for name, line in lines.items()}
