"""The plain twin: prices one event by interpreting `rating.model` with Python integers, Fractions and wall-clock arithmetic.

It exists to be right and readable, and to disagree when the compiled kernel is wrong. It shares nothing with tables, compiler or
kernel, and follows "One event, exactly" in docs/architecture.md rule by rule.
Units: `Event.quantity` in input units (voice microseconds, data bytes, else messages); every quantity of an `Outcome` in the
price's unit (voice milliseconds); amounts in micro-units, exact ones as Fraction.
It refuses nothing by exception: a refused event gets a status.
"""

from __future__ import annotations

from collections.abc import Hashable
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from rating.model import (
    ANY_BAND,
    ANY_ZONE,
    Allowance,
    BandPolicy,
    Catalogue,
    Plan,
    Price,
    QuantityUnit,
    Rate,
    UsageRule,
)
from rating.money import RoundingMode, round_exact
from rating.reference_clock import MICROSECONDS_PER_DAY, MICROSECONDS_PER_SECOND, Clock
from rating.status import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MICROSECONDS_PER_MILLISECOND: Final = 1_000
START_US_MIN: Final = 946_684_800 * MICROSECONDS_PER_SECOND  # 2000-01-01T00:00Z
START_US_LIMIT: Final = 3_155_760_000 * MICROSECONDS_PER_SECOND  # 2070-01-01T00:00Z, exclusive
NUMBER_DIGITS_MAX: Final = 15

# Rule 7: the largest quantity of one event, in input units.
QUANTITY_MAX: Final = {
    QuantityUnit.MILLISECOND: 31 * MICROSECONDS_PER_DAY,
    QuantityUnit.BYTE: 2**40,
    QuantityUnit.MESSAGE: 1_000_000,
}
# Input units in one unit of the price: only voice arrives finer than it is priced.
INPUT_PER_UNIT: Final = {QuantityUnit.MILLISECOND: MICROSECONDS_PER_MILLISECOND, QuantityUnit.BYTE: 1, QuantityUnit.MESSAGE: 1}

_ZERO: Final = Fraction(0)


class Event(msgspec.Struct, frozen=True):
    """One usage event as it reaches rating, its subscription resolved."""

    event_key: bytes  # 16 bytes; orders events of equal start
    start_us: int
    quantity: int  # voice: microseconds; data: bytes; else messages
    service: int  # a `Service`; any other number has no rule
    plan: str | None  # `identity/plan`; None: nobody owns the served number
    destination: str | None = ""  # digits of an E.164 number; "": none; None: malformed


class Piece(msgspec.Struct, frozen=True):
    """Consecutive increments of one band, step and length. `free_qty` of it, from its head, came out of an allowance."""

    from_qty: int
    to_qty: int
    band: str
    step: int  # index into the rate's steps
    increment_qty: int
    increments: int
    rate_micros: int
    per_qty: int
    free_qty: int
    amount_micros: Fraction  # exact: (to - from - free) x rate / per


class Outcome(msgspec.Struct, frozen=True):
    """What became of one event and every figure on the way there. A refused one holds what was known when it was refused."""

    event: Event
    status: Status
    charge_micros: int = 0
    gross_micros: int = 0
    chargeable_qty: int = 0
    free_qty: int = 0
    identity: str = ""
    version: int = 0
    content_hash: bytes = b""
    currency: str = ""
    timezone: str = "UTC"
    zone_id: int = 0
    zone: str = ""
    prefix: str = ""
    price_id: int = 0
    price: str = ""
    unit: QuantityUnit | None = None
    connect_fee_micros: int = 0  # as charged: 0 when nothing is left to charge
    pieces: tuple[Piece, ...] = ()
    exact_micros: Fraction = _ZERO  # pieces and connect fee, before minimum and maximum
    minimum_micros: int = 0
    minimum_applied: bool = False
    maximum_micros: int | None = None
    maximum_applied: bool = False
    unrounded_micros: Fraction = _ZERO  # after minimum and maximum, before rounding
    rounding_mode: RoundingMode = RoundingMode.HALF_EVEN
    rounding_step_micros: int = 1
    allowance: str = ""  # name of the allowance that serves this usage, "" none
    allowance_before: int = 0
    allowance_after: int = 0


class Ordered(NamedTuple):
    """Outcomes in the order of the events given, and what each allowance bucket has left."""

    outcomes: list[Outcome]
    left: dict[Hashable, int]


class Reference:
    """The published versions of all catalogues, ready to be asked about one event at a time."""

    def __init__(self, catalogues: Sequence[Catalogue]) -> None:
        self._versions: dict[str, list[_Version]] = {}
        self._plans: dict[str, str] = {}  # full plan name -> identity of its catalogue
        for catalogue in sorted(catalogues, key=lambda c: (c.effective_from_us, c.version), reverse=True):
            self._versions.setdefault(catalogue.identity, []).append(_Version(catalogue))
            self._plans.update((f"{catalogue.identity}/{plan.name}", catalogue.identity) for plan in catalogue.plans)

    def rate(self, event: Event, allowance_left: int = 0) -> Outcome:
        """Price `event`. `allowance_left` (>= 0, unit of the service) is what its allowance bucket still holds."""
        assert allowance_left >= 0, "an allowance bucket cannot hold less than nothing"
        status = self._refused_unseen(event)
        if status is not None:
            return Outcome(event, status, allowance_before=allowance_left, allowance_after=allowance_left)
        version = self._in_force(event)
        if version is None:
            return Outcome(event, Status.NO_VERSION, allowance_before=allowance_left, allowance_after=allowance_left)
        return version.rate(event, allowance_left)

    def rate_in_order(self, events: Sequence[Event], buckets: Sequence[Hashable | None], openings: Mapping[Hashable, int]) -> Ordered:
        """Price `events` (any order), each drawing on its bucket in order of (start, event key). None: the event has no bucket."""
        left = dict(openings)
        outcomes: list[Outcome | None] = [None] * len(events)
        for row in sorted(range(len(events)), key=lambda i: (events[i].start_us, events[i].event_key)):
            bucket = buckets[row]
            outcome = self.rate(events[row], 0 if bucket is None else left[bucket])
            if bucket is not None:
                left[bucket] = outcome.allowance_after
            outcomes[row] = outcome
        return Ordered([outcome for outcome in outcomes if outcome is not None], left)

    def _refused_unseen(self, event: Event) -> Status | None:
        """Refusals that need no tariff, in the order of `Status`."""
        if event.plan is None:
            return Status.UNKNOWN_SUBSCRIPTION
        if event.plan not in self._plans:
            return Status.UNKNOWN_PLAN
        if event.quantity < 0:
            return Status.NEGATIVE_QUANTITY
        if not START_US_MIN <= event.start_us < START_US_LIMIT:
            return Status.TIME_OUT_OF_RANGE
        if not _is_number(event.destination):
            return Status.INVALID_NUMBER
        return None

    def _in_force(self, event: Event) -> _Version | None:
        """The version of the plan's catalogue in force at the start of the event, if it holds the plan."""
        assert event.plan is not None, "an event without plan was refused before"
        versions = self._versions[self._plans[event.plan]]  # newest first
        version = next((v for v in versions if v.catalogue.effective_from_us <= event.start_us), None)
        return version if version is not None and event.plan in version.plans else None


class _Match(NamedTuple):
    """The rule that prices an event, and how it was found."""

    rule: UsageRule
    prefix: str


class _Version:
    """One version of a catalogue with its names resolved."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.plans = {f"{catalogue.identity}/{plan.name}": _Plan(plan, catalogue) for plan in catalogue.plans}
        self._prices = {price.name: price for price in catalogue.prices}
        self._zone_ids = {zone.name: zone.zone_id for zone in catalogue.zones} | {ANY_ZONE: 0}
        zone = ZoneInfo(catalogue.timezone)
        self._clocks = {calendar.name: Clock(calendar, zone) for calendar in catalogue.calendars}

    def rate(self, event: Event, allowance_left: int) -> Outcome:
        """Rules 2 to 7 of one event that this version prices."""
        assert event.plan is not None, "an event without plan was refused before"
        plan = self.plans[event.plan]
        known = Outcome(
            event,
            Status.NO_ZONE,
            identity=self.catalogue.identity,
            version=self.catalogue.version,
            content_hash=self.catalogue.content_hash,
            currency=self.catalogue.currency,
            timezone=self.catalogue.timezone,
            allowance_before=allowance_left,
            allowance_after=allowance_left,
        )
        match = plan.match(event)
        if match is None:
            return known
        rule = match.rule
        zone_id = self._zone_ids[rule.zone]
        if rule.price is None:
            return msgspec.structs.replace(known, status=Status.NOT_SOLD, zone_id=zone_id, zone=rule.zone, prefix=match.prefix)
        price = self._prices[rule.price]
        allowance = plan.allowance(rule)
        known = msgspec.structs.replace(
            known,
            zone_id=zone_id,
            zone=rule.zone,
            prefix=match.prefix,
            price_id=price.price_id,
            price=price.name,
            unit=price.unit,
            minimum_micros=price.minimum_micros,
            maximum_micros=price.maximum_micros,
            rounding_mode=price.rounding_mode,
            rounding_step_micros=price.rounding_step_micros,
            allowance="" if allowance is None else allowance.name,
        )
        if event.quantity > QUANTITY_MAX[price.unit]:
            return msgspec.structs.replace(known, status=Status.QUANTITY_TOO_LARGE)
        clock = None if price.calendar is None else self._clocks[price.calendar]
        return _priced(known, price, clock, allowance_left if allowance is not None else 0)


class _Plan:
    """One plan's rules by service: a dictionary of prefixes and the rule for everything else."""

    def __init__(self, plan: Plan, catalogue: Catalogue) -> None:
        prefixes = {zone.name: zone.prefixes for zone in catalogue.zones}
        self._allowances = plan.allowances
        self._by_prefix: dict[int, dict[str, UsageRule]] = {}
        self._any: dict[int, UsageRule] = {}
        for rule in plan.rules:
            if rule.zone == ANY_ZONE:
                self._any[rule.service] = rule
            else:
                self._by_prefix.setdefault(rule.service, {}).update((prefix, rule) for prefix in prefixes[rule.zone])

    def match(self, event: Event) -> _Match | None:
        """Rule 2: the longest prefix among the zones that the plan names for this service, else the rule for any zone."""
        number = event.destination or ""
        by_prefix = self._by_prefix.get(event.service, {})
        for digits in range(len(number), 0, -1):
            rule = by_prefix.get(number[:digits])
            if rule is not None:
                return _Match(rule, number[:digits])
        rule = self._any.get(event.service)
        return None if rule is None else _Match(rule, "")

    def allowance(self, rule: UsageRule) -> Allowance | None:
        """Rule 5: the allowance that serves usage under `rule`; usage without a zone needs one that serves any zone."""
        serving = (a for a in self._allowances if a.service == rule.service and (ANY_ZONE in a.zones or rule.zone in a.zones))
        return next(serving, None)


class _Run(NamedTuple):
    """`increments` increments of one length, all beginning in one band and one step."""

    from_qty: int
    to_qty: int
    band: str
    step: int
    increment_qty: int
    increments: int


def _is_number(destination: str | None) -> bool:
    """Whether `destination` is empty or an E.164 number."""
    if destination is None:
        return False
    return not destination or (len(destination) <= NUMBER_DIGITS_MAX and destination.isascii() and destination.isdecimal())


def _priced(known: Outcome, price: Price, clock: Clock | None, allowance_left: int) -> Outcome:
    """Rules 3 to 6 for an event whose price is known. `allowance_left` is 0 where no allowance serves it."""
    event = known.event
    rates = {rate.band: rate for rate in price.rates}
    start_rate = rates[ANY_BAND if clock is None else clock.band_at(event.start_us)]
    if event.quantity == 0 and not price.charge_zero_usage:
        return msgspec.structs.replace(known, status=Status.ZERO_RATED)
    runs = _walk(price, rates, start_rate, clock, event)
    chargeable_qty = runs[-1].to_qty if runs else 0
    free_qty = min(allowance_left, chargeable_qty)
    pieces = tuple(_piece(run, rates[run.band], free_qty) for run in runs)
    anything_charged = chargeable_qty > free_qty or event.quantity == 0
    connect_fee_micros = start_rate.connect_fee_micros if anything_charged else 0
    exact = sum((piece.amount_micros for piece in pieces), _ZERO) + connect_fee_micros
    minimum_applied = anything_charged and exact < price.minimum_micros
    unrounded = Fraction(price.minimum_micros) if minimum_applied else exact
    maximum_applied = price.maximum_micros is not None and unrounded > price.maximum_micros
    if maximum_applied:
        unrounded = Fraction(price.maximum_micros or 0)
    charge_micros = round_exact(unrounded, price.rounding_step_micros, price.rounding_mode)
    return msgspec.structs.replace(
        known,
        status=Status.RATED if charge_micros > 0 else Status.ZERO_RATED,
        charge_micros=charge_micros,
        gross_micros=charge_micros,
        chargeable_qty=chargeable_qty,
        free_qty=free_qty,
        connect_fee_micros=connect_fee_micros,
        pieces=pieces,
        exact_micros=exact,
        minimum_applied=minimum_applied,
        maximum_applied=maximum_applied,
        unrounded_micros=unrounded,
        allowance_after=known.allowance_before - free_qty,
    )


def _walk(price: Price, rates: Mapping[str, Rate], start_rate: Rate, clock: Clock | None, event: Event) -> list[_Run]:
    """Rule 4: the increments of an event, neighbours of one kind together.

    Every increment that begins before the band, the step and the usage end is like the one before it, so that their number is
    a division. Positions are in the price's unit; usage ends at the first position that covers it.
    """
    input_per_unit = INPUT_PER_UNIT[price.unit]
    end_qty = _ceil_div(event.quantity, input_per_unit)
    split = clock is not None and price.band_policy is BandPolicy.SPLIT
    runs: list[_Run] = []
    position = 0
    band, limit_qty = start_rate.band, end_qty
    while position < end_qty:
        if split and clock is not None:
            band, until_us = clock.stay(event.start_us + position * input_per_unit)
            limit_qty = min(end_qty, _ceil_div(until_us - event.start_us, input_per_unit))
        steps = rates[band].steps
        index = max(i for i, step in enumerate(steps) if step.from_qty <= position)
        step_limit_qty = min(limit_qty, steps[index + 1].from_qty) if index + 1 < len(steps) else limit_qty
        increment_qty, increments = steps[index].increment_qty, _ceil_div(step_limit_qty - position, steps[index].increment_qty)
        if position == 0 and start_rate.first_increment_qty != increment_qty:
            increment_qty, increments = start_rate.first_increment_qty, 1
        run = _Run(position, position + increments * increment_qty, band, index, increment_qty, increments)
        position = run.to_qty
        _append(runs, run)
    return runs


def _append(runs: list[_Run], run: _Run) -> None:
    """Add `run`, joined to the last one when both are of one kind (midnight, say, is no boundary to a customer)."""
    last = runs[-1] if runs else None
    if last is not None and (last.band, last.step, last.increment_qty) == (run.band, run.step, run.increment_qty):
        runs[-1] = last._replace(to_qty=run.to_qty, increments=last.increments + run.increments)
    else:
        runs.append(run)


def _piece(run: _Run, rate: Rate, free_total_qty: int) -> Piece:
    """The price of a run: what lies beyond the free head of the event, at the run's rate."""
    step = rate.steps[run.step]
    free_qty = min(max(free_total_qty - run.from_qty, 0), run.to_qty - run.from_qty)
    charged_qty = run.to_qty - run.from_qty - free_qty
    return Piece(
        run.from_qty,
        run.to_qty,
        run.band,
        run.step,
        run.increment_qty,
        run.increments,
        step.rate_micros,
        step.per_qty,
        free_qty,
        Fraction(charged_qty * step.rate_micros, step.per_qty),
    )


def _ceil_div(number: int, divisor: int) -> int:
    return -(-number // divisor)
