"""Prices of ours made of bindings, each once however many destinations have it, and the calendars that they share.

A price has one rounding and one maximum: of roundings that differ the finest is taken and listed; where maxima differ the price cannot be
said. Each price is built and proved to fit 64 bits as the check of a catalogue does it.
"""

from __future__ import annotations

import itertools
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.model import UNIT_OF_SERVICE, QuantityUnit, Service
from rating.money import MICROS_PER_UNIT
from tariffs.builders.prices import price as build_price
from tariffs.cgrates import rates as lengths
from tariffs.cgrates.carried import CarryError
from tariffs.cgrates.destinations import joined, unique
from tariffs.cgrates.rates import DestinationRate
from tariffs.cgrates.timings import Span
from tariffs.compiling.bounds import prove
from tariffs.documents.decode import decode
from tariffs.documents.limits import BANDS_MAX
from tariffs.language.entries import PriceEntry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from tariffs.cgrates.carried import Ledger
    from tariffs.cgrates.rates import Rate, Slot
    from tariffs.documents.document import Finding

TAX_CLASS: Final = "untaxed"
REVENUE_CODE: Final = 1
_FINEST_RAISE: Final = 24  # a rate of so many places still becomes a larger length with a rate as much larger

Answer = tuple[Service, "str | None"] | None  # service and price of a rule, price None: refused; None: no rule
Fields = dict[str, object]


class Binding(NamedTuple):
    """A destination's rate at the times of a timing. `why_not`: a reason for which it cannot be said."""

    rate: DestinationRate
    timing: str
    span: Span
    weight: Decimal
    place: tuple[str, int]
    why_not: str = ""


class PriceBook:
    """All prices and calendars of an import, by name."""

    def __init__(self, ledger: Ledger) -> None:
        self.prices: dict[str, Fields] = {}
        self.calendars: dict[str, Fields] = {}
        self._ledger = ledger
        self._price_names: dict[str, str] = {}  # by the rates it came from and what it says
        self._calendar_names: dict[str, str] = {}
        self._taken: set[str] = set()
        self._taken_calendars: set[str] = set()

    def price(self, bindings: Sequence[Binding], service: Service | None) -> Answer:
        """The price of what one plan says about one zone. `service` None: as the lengths of the rates say."""
        rates = [binding.rate.rate for binding in bindings if binding.rate.rate is not None]
        if service is None:
            service = Service.VOICE if any(rate.timed for rate in rates) else Service.DATA
        unsaid = next((binding.rate for binding in bindings if binding.why_not), None)  # told where it was found
        if unsaid is not None:
            why = f"{unsaid.tag} to {unsaid.destination} is refused, and all that a plan says about a prefix is one price"
            for binding in bindings:
                if not binding.why_not:
                    self._ledger.add(binding.place, binding.rate.tag, f"usage to {binding.rate.destination} is refused too", why)
            return service, None
        try:
            return service, self._made(bindings, service)
        except CarryError as error:
            for binding in bindings:
                self._ledger.add(binding.place, binding.rate.tag, f"usage to {binding.rate.destination} is refused", str(error))
            return service, None

    def _made(self, bindings: Sequence[Binding], service: Service) -> str:
        names = _band_names(bindings)
        shared = self._shared(bindings)
        calendar = self._calendar(bindings, names)
        unit = UNIT_OF_SERVICE[service]
        by_band = {name: binding.rate.rate for binding, name in zip(bindings, names, strict=True) if binding.rate.rate is not None}
        tags = list(dict.fromkeys(rate.tag for rate in by_band.values()))
        for reduced in (False, True):  # as it is written, or with shorter lengths, whose common denominator is smaller
            told: list[Fields] = [{"band": band, **_rate(rate, unit, reduced=reduced)} for band, rate in by_band.items()]
            body: Fields = {"calendar": calendar, "rates": told}
            if calendar is None:
                body = {name: value for name, value in told[0].items() if name != "band"}
            fields: Fields = {"charge_code": service.value, "revenue_code": REVENUE_CODE, "tax_class": TAX_CLASS, **shared, **body}
            why_not = _why_not(fields, unit)
            if why_not is None:
                self._note_outdone(bindings, names)
                return self._named(joined(tags), fields)
        raise CarryError(f"amounts here do not hold it: {why_not}")

    def _shared(self, bindings: Sequence[Binding]) -> Fields:
        """Rounding and maximum, which a price has one of."""
        maxima = {binding.rate.maximum for binding in bindings}
        if len(maxima) > 1:
            raise CarryError("its rates differ in their maximum, and a price here has one")
        (maximum,) = maxima
        finest = max((binding.rate for binding in bindings), key=lambda rate: rate.places)
        for binding in bindings:
            if (binding.rate.places, binding.rate.mode) != (finest.places, finest.mode):
                what = f"costs to {binding.rate.destination} are rounded as those of {finest.tag}"
                self._ledger.add(binding.rate.place, binding.rate.tag, what, "a price here has one rounding: the finest")
        step: Fields = {"rounding": {"mode": finest.mode, "step": lengths.amount_text(10 ** (lengths.PLACES_MAX - finest.places))}}
        return step if maximum is None else {**step, "maximum": lengths.amount_text(lengths.micros(maximum, "the maximum"))}

    def _calendar(self, bindings: Sequence[Binding], names: Sequence[str]) -> str | None:
        """Name of the calendar of these times; None where one rate is always active."""
        spans = list(dict.fromkeys((name, binding.span, binding.weight) for binding, name in zip(bindings, names, strict=True)))
        if len(spans) == 1 and spans[0][1].is_always:
            return None
        if len(spans) > BANDS_MAX:
            raise CarryError(f"{len(spans):,} times and rates, and a calendar holds {BANDS_MAX:,}")
        keys: list[tuple[object, ...]] = [(weight,) for _, _, weight in spans]
        if any(_same_claim(one, other) for one, other in itertools.combinations(spans, 2)):  # the first row wins: told by weights
            keys = [(weight, span.start_s, -position) for position, (_, span, weight) in enumerate(spans)]
        ranks = {key: rank for rank, key in enumerate(sorted(set(keys)))}
        bands = [
            {"name": name, **span.fields(), **({"weight": ranks[key]} if ranks[key] else {})}
            for (name, span, _), key in zip(spans, keys, strict=True)
        ]
        known = self._calendar_names.get(str(bands))
        if known is None:
            known = self._calendar_names[str(bands)] = unique(joined(list(dict.fromkeys(names))), self._taken_calendars)
            self.calendars[known] = {"name": known, "bands": bands}
        return known

    def _note_outdone(self, bindings: Sequence[Binding], names: Sequence[str]) -> None:
        """Rates that are never used, since an earlier row has the same times and weight."""
        first: dict[tuple[Span, Decimal], str] = {}
        for binding, name in zip(bindings, names, strict=True):
            if first.setdefault((binding.span, binding.weight), name) != name:
                what = f"the rate {binding.rate.rate_tag} to {binding.rate.destination} is left out"
                self._ledger.add(
                    binding.place, binding.rate.tag, what, "a row above it has the same times and weight, and the first one counts"
                )

    def _named(self, wanted: str, fields: Fields) -> str:
        key = f"{wanted} {fields}"
        known = self._price_names.get(key)
        if known is None:
            known = self._price_names[key] = unique(wanted, self._taken)
            self.prices[known] = {"id": len(self.prices) + 1, "name": known, **fields}
        return known


def _band_names(bindings: Sequence[Binding]) -> list[str]:
    """For each binding the name of its rate's band: the timings at which the rate is active."""
    timings: dict[Rate | None, dict[str, None]] = {}
    for binding in bindings:
        timings.setdefault(binding.rate.rate, {}).setdefault(binding.timing)
    taken = {"other", "any"}
    names = {rate: unique(joined(list(tags)), taken) for rate, tags in timings.items()}
    return [names[binding.rate.rate] for binding in bindings]


def _same_claim(one: tuple[str, Span, Decimal], other: tuple[str, Span, Decimal]) -> bool:
    """Return whether bands of two names have equal weights and starts and may be on one day."""
    return one[0] != other[0] and one[2] == other[2] and one[1].start_s == other[1].start_s and one[1].may_meet(other[1])


def _rate(rate: Rate, unit: QuantityUnit, *, reduced: bool) -> Fields:
    """A rate in the fields of a band of ours."""
    fee = lengths.micros(rate.connect_fee, f"the connect fee of {rate.tag}")
    connect = {"connect_fee": lengths.amount_text(fee)} if fee else {}
    first = _increment(rate.slots[0], unit)
    if len(rate.slots) == 1:
        return {**_per(rate.slots[0], unit, reduced=reduced), "increment": first, **connect}
    steps = [{**_from(slot, unit), **_per(slot, unit, reduced=reduced), "increment": _increment(slot, unit)} for slot in rate.slots]
    return {"increment": first, **connect, "steps": steps}


def _from(slot: Slot, unit: QuantityUnit) -> Fields:
    start = lengths.quantity(slot.start, unit)
    return {"from": lengths.quantity_text(start, unit)} if start else {}


def _increment(slot: Slot, unit: QuantityUnit) -> str:
    return lengths.quantity_text(lengths.quantity(slot.increment, unit) or lengths.one(unit), unit)


def _per(slot: Slot, unit: QuantityUnit, *, reduced: bool) -> Fields:
    """`rate` and `per`; a rate finer than our amounts has a longer `per`."""
    micros: Fraction = slot.rate * MICROS_PER_UNIT
    per = lengths.quantity(slot.unit, unit) or lengths.one(unit)
    raised = 0
    while micros.denominator != 1 and raised < _FINEST_RAISE:
        micros, per, raised = micros * 10, per * 10, raised + 1
    if micros.denominator != 1:
        raise CarryError("a rate of too many places")
    amount = micros.numerator
    if reduced and amount:
        common = math.gcd(amount, per)
        amount, per = amount // common, per // common
    return {"rate": lengths.amount_text(amount), "per": lengths.quantity_text(per, unit)}


def _why_not(fields: Fields, unit: QuantityUnit) -> str | None:
    """The reason why a catalogue does not take a price; None where it does."""
    findings: list[Finding] = []
    entry = decode(_plain({"id": 1, "name": "price", **fields}), PriceEntry, (), findings)
    built = build_price(entry, (), findings)
    if findings:
        return findings[0].message
    assert built.unit is unit, "lengths are written in the unit of the service"
    return prove(built)


def _plain(value: object) -> object:
    """Tuples as the lists that a file holds."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
