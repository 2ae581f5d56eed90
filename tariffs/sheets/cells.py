"""The prices that a plan's customers can meet: a cell for each reachable rule, set of conditions and band, with the event that meets it.

The event is found, not made up: the plain twin prices it, and it counts only where the twin comes to the very rule and band.
Raises UserError where a reachable price has no such event: then the sheet would show what cannot be checked.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.errors import UserError
from rating.model import ANY_BAND, ANY_ZONE, HOME_NETWORK, BandPolicy, Price, QuantityUnit, Rate, Service, WallClock
from rating.outcome import Event, Outcome
from rating.reference import Reference
from rating.reference.clock import Clock, Days, ZoneClock
from rating.status import REFUSALS_FROM, Status
from tariffs.reach import Reach, reachable
from tariffs.sheets import bands
from tariffs.sheets.clauses import Counted, is_free, needs_rounding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rating.model import Catalogue, Plan

OUTGOING: Final = 1  # rating.schema.Direction, which would import pyarrow
_UNKNOWN_NETWORK: Final = 999_999  # a visited network that no roaming zone has
_FAR_US: Final = 2_678_400_000_000  # the longest call that rating takes
_CONTENT_MICROS: Final = 4_990_000  # what the content provider asks in examples
_ORIGINS_TRIED: Final = 20
_KEY: Final = bytes(16)
_FINEST: Final = 1_000  # an example shows how an increment is cut where it is at least such a part of what is used
_USED: Final = {
    QuantityUnit.MILLISECOND: 95_000_000,
    QuantityUnit.BYTE: 12_345_000,
    QuantityUnit.MESSAGE: 3,
}
_LONG: Final = {QuantityUnit.MILLISECOND: 1_000, QuantityUnit.BYTE: 1, QuantityUnit.MESSAGE: 1}  # input units in a unit of the price


class Met(NamedTuple):
    """A reachable rule in one band, and an event that meets it."""

    reach: Reach
    band: str
    price: Price | None  # None: not sold
    rate: Rate | None
    counted: Counted | None
    event: Event
    outcome: Outcome
    until_us: int  # the band lasts up to here


def meetings(catalogue: Catalogue, plan: Plan) -> list[Met]:
    """All of them, by service and in the order in which the plan names its rules; services that are not sold at all come last."""
    finder = _Finder(catalogue, plan)
    found: dict[tuple[object, ...], Met] = {}
    for reach in reachable(catalogue, plan):
        for band in reach.bands or ("",):
            key = (reach.rule_plan, reach.rule_index, reach.conditions, band)
            if key not in found:
                found[key] = finder.met(reach, band)
    sold = {each.reach.service for each in found.values() if each.price is not None}
    return sorted(found.values(), key=lambda each: each.reach.service not in sold)


def refuses_the_rest(catalogue: Catalogue, plan: Plan, service: Service) -> bool:
    """Return whether usage to a destination that no rule of the plan names has no price."""
    event = Event(_KEY, catalogue.effective_from_us, 1, int(service), f"{catalogue.identity}/{plan.name}", direction=OUTGOING)
    return Reference([catalogue]).rate(event).status is Status.NO_ZONE


class _Finder:
    """Looks for events in one version of a catalogue."""

    def __init__(self, catalogue: Catalogue, plan: Plan) -> None:
        self._catalogue, self._plan = catalogue, plan
        self._twin = Reference([catalogue])
        self._prices = {price.name: price for price in catalogue.prices}
        self._calendars = {calendar.name: calendar for calendar in catalogue.calendars}
        self._spans = {calendar.name: bands.spans(calendar, catalogue) for calendar in catalogue.calendars}
        self._instants = _instants([span for calendar in self._spans.values() for each in calendar.values() for span in each])
        self._zones = {zone.name: zone for zone in catalogue.zones}
        self._networks = {zone.name: zone.plmns for zone in catalogue.roaming_zones}

    def met(self, reach: Reach, band: str) -> Met:
        """The first event that the twin prices by `reach` in `band`."""
        price = None if reach.rule.price is None else self._prices[reach.rule.price]
        rate = None if price is None else next(each for each in price.rates if each.band == band)
        for event in self._events(reach, band, price, rate):
            outcome = self._twin.rate(event)
            if (outcome.rule_plan, outcome.rule_index) == (reach.rule_plan, reach.rule_index) and _is_in(outcome, band):
                counted = None if price is None or rate is None or is_free(price, rate) else self._counted(price, rate, reach.service)
                return Met(reach, band, price, rate, counted, event, outcome, self._until(outcome, price))
        where = f"plan {self._plan.name}, rule {reach.rule_index} of {reach.rule_plan} ({reach.service.name.lower()} to {reach.zone})"
        remedy = "leave out a rule that is never met, or put the prices for one destination on one calendar and clock"
        raise UserError(f"{where}: no use was found that has this price", remedy)

    def _events(self, reach: Reach, band: str, price: Price | None, rate: Rate | None) -> Iterator[Event]:
        asked = dict(reach.conditions)
        quantity = 1 if price is None or rate is None else example_quantity(price, rate)
        likely = itertools.product(("",), self._visited(asked), self._origins(asked), self._starts(price, band))
        others = itertools.product(self._home_clocks(), self._visited(asked), self._origins(asked), self._instants)
        for home_timezone, visited, origin, start_us in itertools.chain(likely, others):
            yield Event(
                event_key=_KEY,
                start_us=start_us,
                quantity=quantity,
                service=int(reach.service),
                plan=f"{self._catalogue.identity}/{self._plan.name}",
                destination=reach.number,
                origin=origin,
                direction=int(asked.get("direction", OUTGOING)),
                on_net=bool(asked["on_net"]) if "on_net" in asked else None,
                visited=visited,
                rating_group=int(asked.get("rating_group", 0)),
                customer_group=int(asked.get("customer_group", 0)),
                home_timezone=home_timezone,
                content_micros=_CONTENT_MICROS if price is not None and price.content_ppm else -1,
            )

    def _visited(self, asked: dict[str, int | str | bool]) -> tuple[int, ...]:
        roaming = asked.get("roaming")
        if roaming is None:
            return (0, _UNKNOWN_NETWORK, *(networks[0] for networks in self._networks.values() if networks))
        return (0,) if roaming == HOME_NETWORK else self._networks[str(roaming)][:1]

    def _origins(self, asked: dict[str, int | str | bool]) -> tuple[str, ...]:
        return self._zones[str(asked["origin"])].prefixes[:_ORIGINS_TRIED] if "origin" in asked else ("",)

    def _home_clocks(self) -> tuple[str, ...]:
        asked = any(price.clock is WallClock.HOME for price in self._prices.values())
        return ("", *self._catalogue.home_timezones) if asked else ("",)

    def _starts(self, price: Price | None, band: str) -> list[int]:
        if price is None or price.calendar is None or band == ANY_BAND:
            return [self._outside_discounts()]
        found = [span.from_us for span in self._spans[price.calendar].get(band, ())]
        return sorted(found, key=self._is_discounted)  # a stable sort

    def _outside_discounts(self) -> int:
        """The start of the version, or the end of the discount that holds then."""
        start_us = self._catalogue.effective_from_us
        ends = [each.to_us for each in self._plan.discounts if each.to_us is not None]
        return next((each for each in [start_us, *sorted(ends)] if each >= start_us and not self._is_discounted(each)), start_us)

    def _is_discounted(self, at_us: int) -> bool:
        return any(
            not each.friends_only and (each.from_us or 0) <= at_us and (each.to_us is None or at_us < each.to_us)
            for each in self._plan.discounts
        )

    def _until(self, outcome: Outcome, price: Price | None) -> int:
        if price is None or price.calendar is None:
            return outcome.event.start_us + _FAR_US
        clock = Clock(Days(self._calendars[price.calendar]), ZoneClock(outcome.clock_timezone))
        return clock.stay(outcome.event.start_us).until_us

    def _counted(self, price: Price, rate: Rate, service: Service) -> Counted:
        """The way the price counts, without what does not matter to it."""
        rounds = needs_rounding(price, self._plan)
        timed = price.calendar is not None and price.unit is QuantityUnit.MILLISECOND
        return Counted(
            service=Service.SMS if service is Service.MMS else service,  # told alike
            first_qty=rate.first_increment_qty,
            further_qty=rate.steps[0].increment_qty,
            unit=price.unit,
            counting=price.counting,
            minimum_qty=price.minimum_qty,
            charge_zero_usage=price.charge_zero_usage,
            split=price.band_policy is BandPolicy.SPLIT if timed else None,
            rounding_mode=price.rounding_mode if rounds else None,
            rounding_step_micros=price.rounding_step_micros if rounds else 1,
        )


def example_quantity(price: Price, rate: Rate) -> int:
    """The quantity of the worked example of a price, in input units: past its last step, and not to the end of an increment."""
    last = rate.steps[-1]
    if price.unit is QuantityUnit.MESSAGE:
        return 1 if price.content_ppm else max(_USED[price.unit], last.from_qty + 1)
    scale = _LONG[price.unit]
    if last.from_qty:
        part = last.increment_qty // 2 if last.increment_qty * _FINEST >= last.from_qty else 0
        return (last.from_qty * 6 // 5 + part - part % scale) * scale  # whole seconds of a call
    usual = _USED[price.unit]
    longest = max(rate.first_increment_qty, last.increment_qty) * scale
    return usual if longest < usual else longest * 5 // 4


def serves(reach: Reach, services: tuple[Service, ...], zones: tuple[str, ...]) -> bool:
    """Return whether an allowance, pass, cap or discount for these serves a rule."""
    return reach.service in services and not {ANY_ZONE, reach.zone, reach.rule.roaming}.isdisjoint(zones)


def _instants(spans: Sequence[bands.Span]) -> list[int]:
    """The start and the middle of every span, in order."""
    return sorted({each for span in spans for each in (span.from_us, (span.from_us + span.until_us) // 2)})


def _is_in(outcome: Outcome, band: str) -> bool:
    if not band:
        return outcome.status is Status.NOT_SOLD
    return outcome.status < REFUSALS_FROM and bool(outcome.pieces) and outcome.pieces[0].band == band
