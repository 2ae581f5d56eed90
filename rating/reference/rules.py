"""Search of the plain twin for the rule that prices an event: steps 2 and 3 of "One event, exactly".

A `Version` is one version of a catalogue with its names resolved. Prefixes are in one dictionary for all plans; each plan adds
which of its rules name a zone. It refuses nothing: an event without a rule has no `Match`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from rating.model import (
    ANY_BAND,
    ANY_ZONE,
    HOME_NETWORK,
    Allowance,
    BucketKind,
    Catalogue,
    DayPass,
    Plan,
    Price,
    Rate,
    UsageRule,
    WallClock,
)
from rating.outcome import Event, Outcome
from rating.reference.clock import Clock, Days, ZoneClock
from rating.reference.walk import Begin
from rating.status import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NUMBER_DIGITS_MAX: Final = 15
_NO_EVENT: Final = Event(b"", 0, 0, 0, None)


class Clocks:
    """The wall clocks of the time zones that some catalogue names. A zone that none names is not known."""

    def __init__(self, catalogues: Sequence[Catalogue]) -> None:
        names = {name for catalogue in catalogues for name in (catalogue.timezone, *catalogue.home_timezones)}
        names |= {zone.timezone for catalogue in catalogues for zone in catalogue.roaming_zones if zone.timezone is not None}
        self._by_name = {name: ZoneClock(name) for name in names}

    def of(self, name: str) -> ZoneClock:
        """The clock of a zone that some catalogue names."""
        return self._by_name[name]

    def known(self, name: str | None) -> ZoneClock | None:
        """The clock of a zone, if some catalogue names it."""
        return None if name is None else self._by_name.get(name)


class Circumstances(NamedTuple):
    """Zones that a catalogue gives to an event's origin and visited network; "" none."""

    origin_zone: str
    roaming_zone: str


class Terms(NamedTuple):
    """A price and its rates by band."""

    price: Price
    rates: Mapping[str, Rate]


class OwnRule(NamedTuple):
    """A rule of a plan, its price, and the outcome that says so and nothing else yet."""

    rule: UsageRule
    terms: Terms | None  # None: not sold
    known: Outcome


class Match(NamedTuple):
    """The rule that prices an event, how its zone was found, and where the event begins (None: not sold)."""

    own: OwnRule
    found_by: str  # a prefix or a short code; "" for ANY_ZONE
    short_code: bool
    begin: Begin | None


class OwnPlan(NamedTuple):
    """A subscriber's own plan, and what events may draw on by kind and id of their buckets."""

    plan: Plan
    drawn: Mapping[tuple[BucketKind, int], Allowance | DayPass]


class Version:
    """One version of a catalogue with its names resolved."""

    def __init__(self, catalogue: Catalogue, clocks: Clocks) -> None:
        self.catalogue = catalogue
        self.plans = {f"{catalogue.identity}/{plan.name}": OwnPlan(plan, _drawn(plan)) for plan in catalogue.plans}
        self.known = Outcome(
            _NO_EVENT,
            Status.NO_ZONE,
            identity=catalogue.identity,
            version=catalogue.version,
            content_hash=catalogue.content_hash,
            currency=catalogue.currency,
            timezone=catalogue.timezone,
        )
        self._clocks = clocks
        self.tariff_clock = clocks.of(catalogue.timezone)
        self._days = {calendar.name: Days(calendar) for calendar in catalogue.calendars}
        self._band_clocks: dict[tuple[str, str], Clock] = {}  # of a calendar and a time zone
        self._prefixes = {prefix: zone.name for zone in catalogue.zones for prefix in zone.prefixes}
        self._short_codes = {code: zone.name for zone in catalogue.zones for code in zone.short_codes}
        self._roaming_zones = {plmn: zone for zone in catalogue.roaming_zones for plmn in zone.plmns}
        self.zone_titles = {zone.name: zone.title for zone in catalogue.zones}
        self.roaming_titles = {zone.name: zone.title for zone in catalogue.roaming_zones}
        self._origins = {rule.origin for plan in catalogue.plans for rule in plan.rules if rule.origin is not None}
        terms = {price.name: Terms(price, {rate.band: rate for rate in price.rates}) for price in catalogue.prices}
        rules = {plan.name: _PlanRules(plan, self, terms) for plan in catalogue.plans}
        self._rules = {full: [rules[name] for name in _with_fallbacks(own.plan, catalogue)] for full, own in self.plans.items()}

    def clock(self, which: WallClock, event: Event) -> ZoneClock:
        """The wall clock that `which` means for `event`; the tariff's where that one is not known."""
        name: str | None = None
        if which is WallClock.HOME:
            name = event.home_timezone
        elif which is WallClock.VISITED and event.visited in self._roaming_zones:
            name = self._roaming_zones[event.visited].timezone
        return self._clocks.known(name) or self.tariff_clock

    def circumstances(self, event: Event) -> Circumstances:
        """Return the zones of the event's origin and of its visited network, in the names of this catalogue."""
        roaming = self._roaming_zones.get(event.visited) if event.visited else None
        origin = ""
        if self._origins and is_number(event.origin):
            origin = next((zone for zone, _ in self.zones_of(event.origin) if zone in self._origins), "")
        return Circumstances(origin, "" if roaming is None else roaming.name)

    def zones_of(self, number: str) -> Iterator[tuple[str, str]]:
        """Zone and prefix for every prefix of `number`, the longest first."""
        for digits in range(len(number), 0, -1):
            zone = self._prefixes.get(number[:digits])
            if zone is not None:
                yield zone, number[:digits]

    def match(self, event: Event, number: str, seen: Circumstances) -> Match | None:
        """The first candidate whose conditions hold and that is not sold, or has a price that is active at the start of the event."""
        assert event.plan is not None, "an event without plan was refused before"
        for rules in self._rules[event.plan]:
            for candidates, found_by, short_code in self._candidates(rules.by_zone.get(event.service, {}), number):
                for own in candidates:
                    if not _holds(own.rule, event, seen):
                        continue
                    if own.terms is None:
                        return Match(own, found_by, short_code, None)
                    begin = self._begin(own.terms, event)
                    if begin is not None:
                        return Match(own, found_by, short_code, begin)
        return None

    def _candidates(self, by_zone: Mapping[str, Sequence[OwnRule]], number: str) -> Iterator[tuple[Sequence[OwnRule], str, bool]]:
        """The rules of one plan for `number`, group by group: its short code, its prefixes, any zone."""
        code_zone = self._short_codes.get(number)
        if code_zone is not None and code_zone in by_zone:
            yield by_zone[code_zone], number, True
        for zone, prefix in self.zones_of(number):
            if zone in by_zone:
                yield by_zone[zone], prefix, False
        if ANY_ZONE in by_zone:
            yield by_zone[ANY_ZONE], "", False

    def _begin(self, terms: Terms, event: Event) -> Begin | None:
        """Return the beginning of an event that is priced by `terms`; None: the price is not active then."""
        if terms.price.calendar is None:
            return Begin(event.start_us, None, terms.rates[ANY_BAND])
        zone = self.clock(terms.price.clock, event)
        key = terms.price.calendar, zone.name
        clock = self._band_clocks.get(key)
        if clock is None:
            clock = self._band_clocks[key] = Clock(self._days[terms.price.calendar], zone)
        rate = terms.rates.get(clock.band_at(event.start_us))
        return None if rate is None else Begin(event.start_us, clock, rate)


class _PlanRules:
    """The rules of one plan, without its fallbacks: service -> name of a zone -> rules in the plan's order."""

    def __init__(self, plan: Plan, version: Version, terms: Mapping[str, Terms]) -> None:
        zone_ids = {zone.name: zone.zone_id for zone in version.catalogue.zones}
        self.by_zone: dict[int, dict[str, list[OwnRule]]] = {}
        for index, rule in enumerate(plan.rules):
            known = msgspec.structs.replace(
                version.known,
                rule_plan=plan.name,
                rule_index=index,
                zone=rule.zone,
                zone_title=version.zone_titles.get(rule.zone, {}),
                zone_id=zone_ids.get(rule.zone, 0),
            )
            if rule.price is None:
                own = OwnRule(rule, None, known)
            else:
                own = OwnRule(rule, terms[rule.price], _with_price(known, terms[rule.price].price))
            self.by_zone.setdefault(rule.service, {}).setdefault(rule.zone, []).append(own)


def is_number(digits: str) -> bool:
    """Return whether `digits` are those of a number: 1 to 15 of them."""
    return 0 < len(digits) <= NUMBER_DIGITS_MAX and digits.isascii() and digits.isdecimal()


def _with_fallbacks(plan: Plan, catalogue: Catalogue) -> list[str]:
    """Names of the plans whose rules are asked, in their order: depth first, each once."""
    plans = {each.name: each for each in catalogue.plans}
    names: list[str] = []
    waiting = [plan.name]
    while waiting:
        name = waiting.pop()
        if name not in names:
            names.append(name)
            waiting.extend(reversed(plans[name].fallbacks))
    return names


def _drawn(plan: Plan) -> dict[tuple[BucketKind, int], Allowance | DayPass]:
    allowances = {(BucketKind.ALLOWANCE, allowance.allowance_id): allowance for allowance in plan.allowances}
    return allowances | {(BucketKind.DAY_PASS, day_pass.pass_id): day_pass for day_pass in plan.day_passes}


def _with_price(known: Outcome, price: Price) -> Outcome:
    return msgspec.structs.replace(
        known,
        price_id=price.price_id,
        price=price.name,
        price_title=price.title,
        unit=price.unit,
        clock=price.clock,
        band_policy=price.band_policy,
        counting=price.counting,
        counter_id=price.counter_id,
        minimum_qty=price.minimum_qty,
        content_ppm=price.content_ppm,
        minimum_micros=price.minimum_micros,
        maximum_micros=price.maximum_micros,
        rounding_mode=price.rounding_mode,
        rounding_step_micros=price.rounding_step_micros,
    )


def _holds(rule: UsageRule, event: Event, seen: Circumstances) -> bool:
    """Return whether the event meets every condition of the rule."""
    return (
        (rule.direction is None or rule.direction == event.direction)
        and (rule.origin is None or rule.origin == seen.origin_zone)
        and (rule.on_net is None or rule.on_net == event.on_net)
        and (rule.roaming is None or _is_there(rule.roaming, event, seen))
        and (rule.rating_group is None or rule.rating_group == event.rating_group)
        and (rule.customer_group is None or rule.customer_group == event.customer_group)
    )


def _is_there(roaming: str, event: Event, seen: Circumstances) -> bool:
    """Return whether the event took place where a roaming condition says."""
    return event.visited == 0 if roaming == HOME_NETWORK else roaming == seen.roaming_zone
