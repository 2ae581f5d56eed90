"""Changes between two prices of one id: rates by band and quantity, worked out for one unit, and everything around them.

A rate that is written otherwise and charges the same is no change: 0.06 for 60 s and 0.001 for 1 s. A price without calendar has its
one rate in every band of the other's calendar.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.model import ANY_BAND, OTHER_BAND, Catalogue, Counting, Price
from tariffs.changes import fields, words
from tariffs.changes.change import Effect, Found, worst
from tariffs.changes.fields import Telling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.model import Rate, Step

_COMPARED_HERE: Final = frozenset({"price_id", "rates", "calendar"})
_NO_PRICE: Final = "not priced"


def compare(old: Price, new: Price, catalogues: tuple[Catalogue, Catalogue]) -> list[Found]:
    """The differences of two prices, those of rates first."""
    tellings = (Telling(catalogues[0], old), Telling(catalogues[1], new))
    found = [*_calendar(old, new, catalogues)]
    if old.unit is new.unit:
        pair = _Pair(old, new, catalogues, _increments_effect(old, new))
        found += [each for band in _bands(old, new) for each in _in_band(band, pair)]
    else:  # nothing to compare by the unit: both are told whole, and the field `unit` follows
        told = (summary(old, catalogues[0]), summary(new, catalogues[1]))
        found += [Found("all of it", *told, Effect.MAY)] if told[0] != told[1] else []
    return [*found, *fields.compare(old, new, fields.PRICE, tellings, _COMPARED_HERE)]


def effect(old: Price, new: Price, catalogues: tuple[Catalogue, Catalogue]) -> Effect:
    """Effect on customers of being charged by `new` in place of `old`."""
    if old == new:
        return Effect.NONE
    return worst([found.effect for found in compare(old, new, catalogues)])


def summary(price: Price, catalogue: Catalogue) -> str:
    """A price in a few words: `voice-domestic (101): peak 0.09 EUR a minute, other 0.06 EUR a minute`."""
    told = [("" if rate.band == ANY_BAND else f"{rate.band} ") + _whole(rate, price, catalogue) for rate in price.rates]
    share = f", {words.percent(price.content_ppm)} of the content amount" if price.content_ppm else ""
    return f"{price.name} ({price.price_id}): {'; '.join(told)}{share}"


def _step(step: Step, price: Price, catalogue: Catalogue) -> str:
    start = f"from {words.length(step.from_qty, price.unit)} " if step.from_qty else ""
    return start + words.rate(step.rate_micros, step.per_qty, price.unit, catalogue.currency)


def _calendar(old: Price, new: Price, catalogues: tuple[Catalogue, Catalogue]) -> Iterator[Found]:
    """Another calendar, unless it is only called otherwise."""
    ours = [
        next((each.bands, each.holidays, each.day_swaps) for each in catalogue.calendars if each.name == price.calendar)
        if price.calendar is not None
        else None
        for price, catalogue in zip((old, new), catalogues, strict=True)
    ]
    if old.calendar != new.calendar and ours[0] != ours[1]:
        yield Found("calendar", old.calendar or words.NOTHING, new.calendar or words.NOTHING, Effect.MAY)


def _bands(old: Price, new: Price) -> list[str]:
    """Every band that one of them names, in order; the only one where neither has a calendar."""
    named = [rate.band for price in (new, old) for rate in price.rates if rate.band != ANY_BAND]
    if named and any(rate.band == ANY_BAND for price in (old, new) for rate in price.rates):
        named.append(OTHER_BAND)
    return list(dict.fromkeys(named)) or [ANY_BAND]


class _Pair(NamedTuple):
    """Two prices that count the same, and what is the same for all their bands."""

    old: Price
    new: Price
    catalogues: tuple[Catalogue, Catalogue]
    by_increments: Effect

    def money(self, old: int, new: int) -> tuple[str, str]:
        """Two amounts, each in its currency."""
        return words.money(old, self.catalogues[0].currency), words.money(new, self.catalogues[1].currency)

    def lengths(self, old: int, new: int) -> tuple[str, str]:
        """Two quantities."""
        return words.length(old, self.new.unit), words.length(new, self.new.unit)


def _in_band(band: str, pair: _Pair) -> Iterator[Found]:
    before, after = _rate(pair.old, band), _rate(pair.new, band)
    where = "" if band == ANY_BAND else f" in band {band}"
    if before is None or after is None:
        told = [_NO_PRICE if r is None else _whole(r, pair.new, c) for r, c in zip((before, after), pair.catalogues, strict=True)]
        if before is not after:
            yield Found(f"rate{where}", told[0], told[1], Effect.MAY)
        return
    yield from _steps(before, after, pair, where)
    fees = (before.connect_fee_micros, after.connect_fee_micros)
    if fees[0] != fees[1]:
        yield Found(f"connect fee{where}", *pair.money(*fees), fields.more(*fees), words.change_percent(*fees))
    firsts = (before.first_increment_qty, after.first_increment_qty)
    if firsts[0] != firsts[1]:
        yield Found(f"first increment{where}", *pair.lengths(*firsts), pair.by_increments)


def _increments_effect(old: Price, new: Price) -> Effect:
    """Effect of other increments, certain only where each price has one step for all events: 7 s in place of 60 s charge 63 s for 60 s.

    Increments are finer where every length that the old ones could charge is one of the new ones too.
    """
    if any(len(price.rates) > 1 or len(price.rates[0].steps) > 1 or price.counting is not Counting.EVENT for price in (old, new)):
        return Effect.MAY
    before, after = ((price.rates[0].first_increment_qty, price.rates[0].steps[0].increment_qty) for price in (old, new))
    if _is_finer(before, after):
        return Effect.CHEAPER
    return Effect.DEARER if _is_finer(after, before) else Effect.MAY


def _is_finer(coarse: tuple[int, int], fine: tuple[int, int]) -> bool:
    """Return whether every end of an increment of `coarse` (first, further) is one of `fine`."""
    return coarse[0] >= fine[0] and (coarse[0] - fine[0]) % fine[1] == 0 and coarse[1] % fine[1] == 0


def _rate(price: Price, band: str) -> Rate | None:
    """The rate of a price in a band: its only one where it has no calendar."""
    if price.rates and price.rates[0].band == ANY_BAND:
        return price.rates[0]
    return next((rate for rate in price.rates if rate.band == band), None)


def _whole(rate: Rate, price: Price, catalogue: Catalogue) -> str:
    """Steps and connect fee; a fee alone where nothing else is charged."""
    fee = f"{words.money(rate.connect_fee_micros, catalogue.currency)} an event" if rate.connect_fee_micros else ""
    charged = not fee or any(step.rate_micros for step in rate.steps)
    return " + ".join(filter(None, [", ".join(_step(step, price, catalogue) for step in rate.steps) if charged else "", fee]))


def _steps(before: Rate, after: Rate, pair: _Pair, where: str) -> Iterator[Found]:
    """The stretches of quantity in which rate or increment differ."""
    currencies = (pair.catalogues[0].currency, pair.catalogues[1].currency)
    starts = sorted({step.from_qty for rate in (before, after) for step in rate.steps})
    for start in starts:
        old, new = _step_at(before, start), _step_at(after, start)
        place = where if len(starts) == 1 else f"{where} from {words.length(start, pair.new.unit)}"
        exact = (Fraction(old.rate_micros, old.per_qty), Fraction(new.rate_micros, new.per_qty))
        if exact[0] != exact[1] or currencies[0] != currencies[1]:
            told = words.rates((old.rate_micros, old.per_qty), (new.rate_micros, new.per_qty), pair.new.unit, currencies)
            effect = Effect.MAY if currencies[0] != currencies[1] else fields.more(*exact)
            yield Found(f"rate{place}", *told, effect, words.change_percent(*exact))
        if old.increment_qty != new.increment_qty:
            yield Found(f"increment{place}", *pair.lengths(old.increment_qty, new.increment_qty), pair.by_increments)


def _step_at(rate: Rate, quantity: int) -> Step:
    """The step that a quantity is charged at."""
    return [step for step in rate.steps if step.from_qty <= quantity][-1]
