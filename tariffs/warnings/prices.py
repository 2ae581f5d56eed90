"""Prices that are out of proportion: to their neighbours, and to the same price in the version before.

Neighbours are compared by the rate for one unit (a second, a byte, a message) in the first step of the dearest band, flat prices by their
amount. Neighbours of a price are those of its charge code and kind of quantity: where three or more others lead to the same country, these,
else all of them, two or more. Compared is
with the median of the neighbours that charge anything, so that a few dear ones say nothing about the rest; where all countries are
compared, which differ by far, a price must also be three times what nine tenths of them stay below. With the version before each step,
connect fee, least and largest charge is compared, and each fee and day pass. Never across different currencies.
"""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.model import Price, QuantityUnit
from tariffs.warnings.common import warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rating.model import Catalogue, Plan, Rate
    from tariffs.documents.document import Place
    from tariffs.warnings.common import Warning  # noqa: A004 -- see there

JUMP: Final = 10
DEAR: Final = 3
COUNTRY_NEIGHBOURS_MIN: Final = 3
NEIGHBOURS_MIN: Final = 2
_SCALE: Final = 10**12  # a rate of one micro-unit for a terabyte is still above zero
# Country codes of two digits; +1 and +7 have one, all others three.
_TWO_DIGITS: Final = (
    20,
    27,
    *range(30, 35),
    36,
    39,
    40,
    41,
    *range(43, 50),
    *range(51, 59),
    *range(60, 67),
    81,
    82,
    84,
    86,
    *range(90, 96),
    98,
)
_TWO_DIGIT_CODES: Final = frozenset(str(code) for code in _TWO_DIGITS)


class _Placed(NamedTuple):
    """A price with its place in the catalogue and what it costs by the unit, in millionths of a millionth of a micro-unit."""

    place: int  # in the catalogue's prices
    price: Price
    figure: int


def warn(catalogue: Catalogue, before: Catalogue | None) -> Iterator[Warning]:
    """Jumps against neighbours, and against the version before."""
    yield from _neighbours(catalogue)
    if before is not None and before.currency == catalogue.currency:
        yield from _versions(catalogue, before)
        yield from _fees(catalogue, before)


def _neighbours(catalogue: Catalogue) -> Iterator[Warning]:
    countries = _countries(catalogue)
    groups: dict[tuple[int, QuantityUnit, bool], list[_Placed]] = {}
    for index, price in enumerate(catalogue.prices):
        figure = _figure(price)
        if figure:
            by_event = price.unit is not QuantityUnit.MESSAGE and all(map(_is_flat, price.rates))
            groups.setdefault((price.charge_code, price.unit, by_event), []).append(_Placed(index, price, figure))
    for group in groups.values():
        whole = sorted(each.figure for each in group)
        by_country: dict[str, list[int]] = {}
        for each in group:
            bisect.insort(by_country.setdefault(countries.get(each.price.name, ""), []), each.figure)
        for each in group:
            country = countries.get(each.price.name, "")
            near = by_country[country]
            few = not country or len(near) <= COUNTRY_NEIGHBOURS_MIN
            if few and len(whole) <= NEIGHBOURS_MIN:
                continue
            middle = _median_without(whole if few else near, each.figure)
            if each.figure > JUMP * middle and not (few and each.figure < DEAR * whole[len(whole) * 9 // 10 - 1]):
                whose = f"prices of charge code {each.price.charge_code}" if few else f"prices to +{country}"
                message = f"price `{each.price.name}` is {each.figure / middle:.1f} times the median of the other {whose}"
                yield warning("price-jump-neighbours", ("prices", each.place), message, "look at its decimal point and its `per`")


def _versions(catalogue: Catalogue, before: Catalogue) -> Iterator[Warning]:
    """Prices matched by id, amount by amount where both have a band; the first that jumps is reported."""
    former = {price.price_id: price for price in before.prices}
    for index, price in enumerate(catalogue.prices):
        old = former.get(price.price_id)
        if old is None or old.unit is not price.unit:
            continue
        then, now = _amounts(old), _amounts(price)
        if not {rate.band for rate in old.rates} & {rate.band for rate in price.rates}:
            then, now = {("", 0): ("", _figure(old))}, {("", 0): (f"price `{price.name}`", _figure(price))}
        for key, (which, is_) in now.items():
            was = then[key][1] if key in then else 0
            if _jumps(was, is_):
                yield _jump(which, is_ / was, before.version, index)
                break


def _fees(catalogue: Catalogue, before: Catalogue) -> Iterator[Warning]:
    former = {key: amount for plan in before.plans for _, key, _, amount in _fees_of(plan)}
    for index, plan in enumerate(catalogue.plans):
        if plan.base is not None:
            continue
        for place, key, which, is_ in _fees_of(plan):
            was = former.get(key, 0)
            if _jumps(was, is_):
                message = f"{which} of plan `{plan.name}` is {_times(is_ / was)} that of version {before.version}"
                yield warning("price-jump-version", ("plans", index, *place), message, "look at its decimal point")


def _fees_of(plan: Plan) -> Iterator[tuple[Place, tuple[str, int], str, int]]:
    """Place, what is the same thing in another version, what it is called, and its amount."""
    for number, fee in enumerate(plan.recurring):
        yield ("recurring", number, "amount"), ("fee", fee.price_id), f"fee `{fee.name}`", fee.amount_micros
    for number, once in enumerate(plan.one_offs):
        yield ("one_offs", number, "amount"), ("fee", once.price_id), f"fee `{once.name}`", once.amount_micros
    for number, day_pass in enumerate(plan.day_passes):
        yield ("day_passes", number, "fee"), ("pass", day_pass.pass_id), f"day pass `{day_pass.name}`", day_pass.fee_micros


def _jumps(was: int, is_: int) -> bool:
    return was > 0 and is_ > 0 and (is_ > JUMP * was or was > JUMP * is_)


def _jump(which: str, ratio: float, version: int, index: int) -> Warning:
    message = f"{which} is {_times(ratio)} that of version {version}"
    return warning("price-jump-version", ("prices", index), message, "look at its decimal point and its `per`")


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times" if ratio > 1 else f"a {1 / ratio:.1f}th of"


def _figure(price: Price) -> int:
    """The rate of the dearest band by the unit."""
    return max(_by_band(price).values())


def _by_band(price: Price) -> dict[str, int]:
    return {rate.band: _first(rate) for rate in price.rates}


def _first(rate: Rate) -> int:
    if _is_flat(rate):
        return rate.connect_fee_micros * _SCALE
    return rate.steps[0].rate_micros * _SCALE // rate.steps[0].per_qty


def _is_flat(rate: Rate) -> bool:
    """A flat price is written as a connect fee, with usage that costs nothing."""
    return not any(step.rate_micros for step in rate.steps)


def _amounts(price: Price) -> dict[tuple[str, int], tuple[str, int]]:
    """Every amount of a price, by band and start of its step (-1: connect fee; -2, -3: least and largest charge), and what it is called."""
    found: dict[tuple[str, int], tuple[str, int]] = {}
    for rate in price.rates:
        which = f"price `{price.name}`" + (f" in band `{rate.band}`" if len(price.rates) > 1 else "")
        for step in rate.steps:
            found[rate.band, step.from_qty] = (which, step.rate_micros * _SCALE // step.per_qty)
        found[rate.band, -1] = (which if _is_flat(rate) else f"connect fee of {which}", rate.connect_fee_micros)
    found["", -2] = (f"least charge of price `{price.name}`", price.minimum_micros)
    found["", -3] = (f"largest charge of price `{price.name}`", price.maximum_micros or 0)
    return found


def _median_without(ordered: Sequence[int], figure: int) -> int:
    """The median of the sorted figures but for one of them; the higher of the middle two."""
    middle, position = (len(ordered) - 1) // 2, bisect.bisect_left(ordered, figure)
    return ordered[middle if middle < position else middle + 1]


def _countries(catalogue: Catalogue) -> dict[str, str]:
    """The country code that each price leads to, by the first rule that has it; none for zones of several countries."""
    prefixes = {zone.name: zone.prefixes for zone in catalogue.zones if zone.prefixes}
    found: dict[str, str] = {}
    for plan in catalogue.plans:
        for rule in plan.rules:
            if rule.price is not None and rule.price not in found and rule.zone in prefixes:
                first, last = (_country(prefixes[rule.zone][place]) for place in (0, -1))  # prefixes are sorted
                found[rule.price] = first if first == last else ""
    return found


def _country(prefix: str) -> str:
    """The country code of a prefix; of the countries of +1 the area code, which distinguishes them."""
    if prefix.startswith("1"):
        return prefix[:4]
    if prefix.startswith("7"):
        return "7"
    return prefix[:2] if prefix[:2] in _TWO_DIGIT_CODES else prefix[:3]
