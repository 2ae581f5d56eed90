"""Prices that are out of proportion: to their neighbours, and to the same price in the version before.

What is compared is the rate for one unit (a second, a byte, a message) in the first step of the dearest band. Neighbours of a price are
those of its charge code and kind of quantity: where three or more others lead to the same country, these, else all of them. Compared is
with the median of the neighbours that charge anything, so that a few dear ones say nothing about the rest; where all countries are
compared, which differ by far, a price must also be three times what nine tenths of them stay below. Never across different currencies.
"""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.model import Price
from tariffs.warnings.common import warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rating.model import Catalogue, OneOffFee, Plan, QuantityUnit, RecurringFee
    from tariffs.document import Place
    from tariffs.warnings.common import Warning  # noqa: A004 -- see there

JUMP: Final = 10
DEAR: Final = 3
COUNTRY_NEIGHBOURS_MIN: Final = 3
NEIGHBOURS_MIN: Final = 4
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
    groups: dict[tuple[int, QuantityUnit], list[_Placed]] = {}
    for index, price in enumerate(catalogue.prices):
        figure = _figure(price)
        if figure:
            groups.setdefault((price.charge_code, price.unit), []).append(_Placed(index, price, figure))
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
    """Prices matched by id, band by band where both have the band."""
    former = {price.price_id: price for price in before.prices}
    for index, price in enumerate(catalogue.prices):
        old = former.get(price.price_id)
        if old is None or old.unit is not price.unit:
            continue
        then, now = _by_band(old), _by_band(price)
        shared = [(then[band], now[band], band) for band in now if band in then] or [(_figure(old), _figure(price), "")]
        for was, is_, band in shared:
            if was and is_ and (is_ > JUMP * was or was > JUMP * is_):
                where = f" in band `{band}`" if len(now) > 1 and band else ""
                yield _jump(f"price `{price.name}`{where}", is_ / was, before.version, index)
                break


def _fees(catalogue: Catalogue, before: Catalogue) -> Iterator[Warning]:
    former = {fee.price_id: fee.amount_micros for plan in before.plans for _, fee in _fees_of(plan)}
    for index, plan in enumerate(catalogue.plans):
        if plan.base is not None:
            continue
        for place, fee in _fees_of(plan):
            was, is_ = former.get(fee.price_id, 0), fee.amount_micros
            if was and is_ and (is_ > JUMP * was or was > JUMP * is_):
                message = f"fee `{fee.name}` of plan `{plan.name}` is {_times(is_ / was)} that of version {before.version}"
                yield warning("price-jump-version", ("plans", index, *place, "amount"), message, "look at its decimal point")


def _fees_of(plan: Plan) -> Iterator[tuple[Place, RecurringFee | OneOffFee]]:
    yield from ((("recurring", number), fee) for number, fee in enumerate(plan.recurring))
    yield from ((("one_offs", number), fee) for number, fee in enumerate(plan.one_offs))


def _jump(which: str, ratio: float, version: int, index: int) -> Warning:
    message = f"{which} is {_times(ratio)} that of version {version}"
    return warning("price-jump-version", ("prices", index), message, "look at its decimal point and its `per`")


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times" if ratio > 1 else f"a {1 / ratio:.1f}th of"


def _figure(price: Price) -> int:
    """What the dearest band costs by the unit."""
    return max(_by_band(price).values())


def _by_band(price: Price) -> dict[str, int]:
    return {rate.band: rate.steps[0].rate_micros * _SCALE // rate.steps[0].per_qty for rate in price.rates}


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
    """The country code of a prefix; of the countries of +1 the area code, which tells them apart."""
    if prefix.startswith("1"):
        return prefix[:4]
    if prefix.startswith("7"):
        return "7"
    return prefix[:2] if prefix[:2] in _TWO_DIGIT_CODES else prefix[:3]
