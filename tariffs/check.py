"""What must hold in a catalogue before it may price anything: every rule here is one the kernel and the twin rely on.

Works on the model, whatever it came from. Each finding has its place in the model, a message and a remedy; all are given at once.
Entries whose name could not be read (empty) are passed over: that has been said already.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rating.model import ANY_BAND, ANY_ZONE, OTHER_BAND, UNIT_OF_SERVICE, BandPolicy, Calendar, Catalogue, Plan, Price, QuantityUnit, Rate
from tariffs import bounds
from tariffs.currencies import MINOR_DIGITS
from tariffs.document import Finding, Place
from tariffs.texts import UNIT_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ID_MAX: Final = 2**31 - 1
CODE_MAX: Final = 2**15 - 1  # revenue codes and tax codes are int16 in charges
ZONE_ID_MAX: Final = 65_534
EFFECTIVE_US_MIN: Final = 0
EFFECTIVE_US_LIMIT: Final = 3_155_760_000_000_000  # 2070, up to which usage is rated
PPM_MAX: Final = 1_000_000
MINOR_DIGITS_MAX: Final = 6
_IDENTITY: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
_PREFIX: Final = re.compile(r"[0-9]{1,15}")
_IDENTITY_REMEDY: Final = "use small letters, digits and hyphens, such as smart-m"
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def check(catalogue: Catalogue) -> list[Finding]:
    """Everything that is wrong in `catalogue`; empty when it may be published."""
    return [
        *_header(catalogue),
        *_tax_classes(catalogue),
        *_calendars(catalogue),
        *_zones(catalogue),
        *_ids(catalogue),
        *(f for index, price in enumerate(catalogue.prices) for f in _price(catalogue, price, ("prices", index))),
        *(f for index, plan in enumerate(catalogue.plans) for f in _plan(catalogue, plan, ("plans", index))),
    ]


def _header(catalogue: Catalogue) -> Iterator[Finding]:
    if catalogue.identity and not _IDENTITY.fullmatch(catalogue.identity):
        yield Finding(("identity",), f'"{catalogue.identity}" cannot be an identity', _IDENTITY_REMEDY)
    if not 1 <= catalogue.version <= ID_MAX:
        yield Finding(("version",), f"version {catalogue.version} is not above zero", "count versions from 1")
    if catalogue.currency and catalogue.currency not in MINOR_DIGITS:
        yield Finding(("currency",), f'"{catalogue.currency}" is not a currency', "write its ISO 4217 code, such as EUR or CNY")
    if not 0 <= catalogue.minor_digits <= MINOR_DIGITS_MAX:
        yield Finding(("minor_digits",), f"{catalogue.minor_digits} decimal places", f"write 0 to {MINOR_DIGITS_MAX}, or leave it out")
    if not EFFECTIVE_US_MIN <= catalogue.effective_from_us < EFFECTIVE_US_LIMIT:
        yield Finding(("effective_from",), "effective_from is not between 1970 and 2070", "write the instant from which on it prices")
    if catalogue.timezone and _zone(catalogue.timezone) is None:
        yield Finding(("timezone",), f'"{catalogue.timezone}" is not a known time zone', "write its IANA name, such as Europe/Berlin")
    if not catalogue.plans:
        yield Finding(("plans",), "there is no plan", "add one: without it nothing can be rated")


def _tax_classes(catalogue: Catalogue) -> Iterator[Finding]:
    first_day = _first_day(catalogue)
    yield from _twice("tax_classes", "tax class", [tax.name for tax in catalogue.tax_classes])
    yield from _twice("tax_classes", "tax class code", [tax.code for tax in catalogue.tax_classes], "code")
    for index, tax in enumerate(catalogue.tax_classes):
        place: Place = ("tax_classes", index)
        dates = [rate.effective_from for rate in tax.rates]
        if not 1 <= tax.code <= CODE_MAX:
            yield Finding((*place, "code"), f"code {tax.code} is out of range", f"write 1 to {CODE_MAX}")
        if len(set(dates)) < len(dates):
            yield Finding((*place, "rates"), f"tax class `{tax.name}` has two rates from one date", "keep one a date")
        if not dates or min(dates) > first_day:
            yield Finding(
                (*place, "rates"), f"tax class `{tax.name}` has no rate on {first_day}", "add the rate in force when the catalogue begins"
            )
        if any(rate.rate_ppm > PPM_MAX for rate in tax.rates):
            yield Finding((*place, "rates"), f"tax class `{tax.name}` has more than 100 percent", "write a percentage of 0 to 100")


def _calendars(catalogue: Catalogue) -> Iterator[Finding]:
    yield from _twice("calendars", "calendar", [calendar.name for calendar in catalogue.calendars])
    for index, calendar in enumerate(catalogue.calendars):
        place: Place = ("calendars", index)
        for band in sorted({band.name for band in calendar.bands if band.name in {OTHER_BAND, ANY_BAND}}):
            yield Finding(
                place, f"a band cannot be called `{band}`", f"`{OTHER_BAND}` is every time that no band covers; choose another name"
            )
        if not calendar.bands:
            yield Finding(place, f"calendar `{calendar.name}` has no band", "add one, or leave the calendar out of the price")
        yield from _overlaps(calendar, place)


def _overlaps(calendar: Calendar, place: Place) -> Iterator[Finding]:
    """Bands that cover one instant together, or cover none."""
    spans = sorted((day, band.start_s, band.end_s, band.name) for band in calendar.bands for day in band.days)
    for span in spans:
        if span[1] >= span[2]:
            yield Finding(place, f"band `{span[3]}` ends before it begins", "let it begin before it ends")
    told: set[tuple[str, str]] = set()
    for former, latter in itertools.pairwise(spans):
        if former[0] == latter[0] and latter[1] < former[2] and (former[3], latter[3]) not in told:
            told.add((former[3], latter[3]))  # the same on other days needs no saying
            day = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")[former[0] - 1]
            message = f"bands `{former[3]}` and `{latter[3]}` both cover {_time(latter[1])} on {day}"
            yield Finding(place, message, "let bands meet, not overlap: an end is exclusive")


def _zones(catalogue: Catalogue) -> Iterator[Finding]:
    yield from _twice("zones", "zone", [zone.name for zone in catalogue.zones])
    yield from _twice("zones", "zone id", [zone.zone_id for zone in catalogue.zones], "id")
    owner: dict[str, str] = {}
    for index, zone in enumerate(catalogue.zones):
        place: Place = ("zones", index)
        if zone.name == ANY_ZONE:
            yield Finding(place, 'a zone cannot be called "*"', "choose another name")
        if not 1 <= zone.zone_id <= ZONE_ID_MAX:
            yield Finding((*place, "id"), f"zone id {zone.zone_id} is out of range", f"write 1 to {ZONE_ID_MAX}")
        if not zone.prefixes:
            yield Finding((*place, "prefixes"), f"zone `{zone.name}` has no prefix", 'add one; usage to anywhere is the zone "*" of a rule')
        for prefix in filter(None, zone.prefixes):
            if not _PREFIX.fullmatch(prefix):
                yield Finding(place, f'"{prefix}" is not a prefix', "write 1 to 15 digits")
            if prefix in owner:
                message = f"prefix {prefix} of zone `{zone.name}` stands in zone `{owner[prefix]}` already"
                yield Finding((*place, "prefixes"), message, "keep it in one zone, once")
            owner.setdefault(prefix, zone.name)


def _ids(catalogue: Catalogue) -> Iterator[Finding]:
    """Names and numbers that must be given once, and their ranges."""
    yield from _twice("prices", "price", [price.name for price in catalogue.prices])
    yield from _twice("plans", "plan", [plan.name for plan in catalogue.plans])
    price_places: list[tuple[Place, int]] = [(("prices", i), price.price_id) for i, price in enumerate(catalogue.prices)]
    allowance_places: list[tuple[Place, int]] = []
    for index, plan in enumerate(catalogue.plans):
        price_places += [(("plans", index, "recurring", i), fee.price_id) for i, fee in enumerate(plan.recurring)]
        allowance_places += [(("plans", index, "allowances", i), a.allowance_id) for i, a in enumerate(plan.allowances)]
    for what, places in (("price or fee", price_places), ("allowance", allowance_places)):
        seen: set[int] = set()
        for place, number in places:
            if number in seen:
                yield Finding((*place, "id"), f"id {number} belongs to another {what} already", "give each an id of its own, for ever")
            if not 1 <= number <= ID_MAX:
                yield Finding((*place, "id"), f"id {number} is out of range", f"write 1 to {ID_MAX}")
            seen.add(number)


def _price(catalogue: Catalogue, price: Price, place: Place) -> Iterator[Finding]:
    yield from _codes(catalogue, price.charge_code, price.revenue_code, price.tax_class, place)
    yield from _bands_priced(catalogue, price, place)
    for index, rate in enumerate(price.rates):
        yield from _rate(rate, (*place, "rates", index))
    if price.unit is not QuantityUnit.MILLISECOND and price.band_policy is not BandPolicy.START:
        message = f"price `{price.name}` is not for voice and cannot split at a band"
        yield Finding((*place, "band_policy"), message, "write `band_policy: start`, or leave it out")
    if price.maximum_micros is not None and price.maximum_micros < price.minimum_micros:
        yield Finding(
            (*place, "maximum"), f"price `{price.name}` has a maximum below its minimum", "raise the maximum or lower the minimum"
        )
    if price.rounding_step_micros <= 0:
        yield Finding((*place, "rounding", "step"), f"price `{price.name}` rounds to steps of nothing", 'write a step such as "0.01"')
    elif _can_be_proved(price):
        problem = bounds.prove(price)
        if problem is not None:
            yield Finding(
                place,
                f"price `{price.name}`: {problem}",
                "write smaller rates, increments or steps, or `per` quantities that divide each other",
            )


def _can_be_proved(price: Price) -> bool:
    steps = [step for rate in price.rates for step in rate.steps]
    return bool(steps) and all(step.per_qty > 0 for step in steps)


def _bands_priced(catalogue: Catalogue, price: Price, place: Place) -> Iterator[Finding]:
    """Every band of the price's calendar and the rest of the week have one rate each."""
    calendars = {calendar.name: calendar for calendar in catalogue.calendars}
    if price.calendar is not None and price.calendar not in calendars:
        yield Finding((*place, "calendar"), f"unknown calendar `{price.calendar}`", _known(calendars))
        return
    wanted = {ANY_BAND} if price.calendar is None else {band.name for band in calendars[price.calendar].bands} | {OTHER_BAND}
    given = [rate.band for rate in price.rates]
    for band in sorted(wanted - set(given)):
        yield Finding(place, f"price `{price.name}` has no rate for band `{band}`", f"add a rate with `band: {band}`")
    for band in sorted(set(given) - wanted):
        remedy = (
            f"bands of calendar `{price.calendar}`: {', '.join(sorted(wanted))}" if price.calendar else "name the `calendar` that holds it"
        )
        yield Finding(
            (*place, "rates", given.index(band), "band"), f"price `{price.name}` has a rate for the unknown band `{band}`", remedy
        )
    for band in sorted({band for band in given if given.count(band) > 1}):
        yield Finding(place, f"price `{price.name}` has two rates for band `{band}`", "keep one")


def _rate(rate: Rate, place: Place) -> Iterator[Finding]:
    froms = [step.from_qty for step in rate.steps]
    if froms and froms[0] != 0:
        yield Finding((*place, "steps", 0), "the first step does not begin at 0", "let it begin at 0")
    for index, (former, latter) in enumerate(itertools.pairwise(froms), start=1):
        if latter <= former:
            yield Finding((*place, "steps", index), "a step does not begin after the one before it", "sort the steps by `from`, each once")
    if rate.first_increment_qty <= 0:
        yield Finding(place, "the first increment is not above zero", "write such as `increments: 60/1`")
    for index, step in enumerate(rate.steps):
        if step.increment_qty <= 0:
            yield Finding((*place, "steps", index), "an increment is not above zero", "write such as `increments: 60/1`")
        if step.per_qty <= 0:
            yield Finding((*place, "steps", index), "`per` is not above zero", "write such as `per: 60s`")


def _codes(catalogue: Catalogue, charge_code: int, revenue_code: int, tax_class: str, place: Place) -> Iterator[Finding]:
    names = [tax.name for tax in catalogue.tax_classes]
    if tax_class and tax_class not in names:
        yield Finding((*place, "tax_class"), f"unknown tax class `{tax_class}`", _known(names))
    if not 1 <= charge_code <= ID_MAX:
        yield Finding((*place, "charge_code"), f"charge code {charge_code} is out of range", f"write 1 to {ID_MAX}")
    if not 1 <= revenue_code <= CODE_MAX:
        yield Finding((*place, "revenue_code"), f"revenue code {revenue_code} is out of range", f"write 1 to {CODE_MAX}")


def _plan(catalogue: Catalogue, plan: Plan, place: Place) -> Iterator[Finding]:
    if plan.name and not _IDENTITY.fullmatch(plan.name):
        yield Finding((*place, "name"), f'"{plan.name}" cannot be the name of a plan', _IDENTITY_REMEDY)
    if not plan.title:
        yield Finding((*place, "title"), f"plan `{plan.name}` has no title", "write what customers read, such as {en: Smart M}")
    yield from _rules(catalogue, plan, place)
    yield from _allowances(catalogue, plan, place)
    for index, fee in enumerate(plan.recurring):
        yield from _codes(catalogue, fee.charge_code, fee.revenue_code, fee.tax_class, (*place, "recurring", index))
    yield from _twice_at((*place, "recurring"), "fee", [fee.name for fee in plan.recurring])


def _rules(catalogue: Catalogue, plan: Plan, place: Place) -> Iterator[Finding]:
    zones = {zone.name for zone in catalogue.zones} | {ANY_ZONE}
    prices = {price.name: price for price in catalogue.prices}
    seen: set[tuple[int, str]] = set()
    for index, rule in enumerate(plan.rules):
        here: Place = (*place, "rules", index)
        service = rule.service.name.lower()
        if rule.zone and rule.zone not in zones:
            yield Finding((*here, "zone"), f"unknown zone `{rule.zone}`", _known(zones))
        if (rule.service, rule.zone) in seen:
            yield Finding(here, f"plan `{plan.name}` has two rules for {service} to `{rule.zone}`", "keep one")
        seen.add((rule.service, rule.zone))
        if rule.price and rule.price not in prices:
            yield Finding((*here, "price"), f"unknown price `{rule.price}`", _known(prices))
        elif rule.price and prices[rule.price].unit is not UNIT_OF_SERVICE[rule.service]:
            wanted = UNIT_WORDS[UNIT_OF_SERVICE[rule.service]]
            message = f"price `{rule.price}` is for {UNIT_WORDS[prices[rule.price].unit]}, but {service} is counted in {wanted}"
            yield Finding((*here, "price"), message, f"name a price for {wanted}")


def _allowances(catalogue: Catalogue, plan: Plan, place: Place) -> Iterator[Finding]:
    zones = {zone.name for zone in catalogue.zones} | {ANY_ZONE}
    priced = {(rule.service, rule.zone) for rule in plan.rules}
    yield from _twice_at((*place, "allowances"), "allowance", [a.name for a in plan.allowances])
    services = [allowance.service for allowance in plan.allowances]
    for index, allowance in enumerate(plan.allowances):
        here: Place = (*place, "allowances", index)
        service = allowance.service.name.lower()
        if allowance.service in services[:index]:
            yield Finding(here, f"plan `{plan.name}` has a second allowance for {service}", "keep one for each service")
        if allowance.quantity <= 0:
            yield Finding((*here, "quantity"), f"allowance `{allowance.name}` is empty", "grant more than nothing")
        if allowance.quantity >= bounds.INT64_ROOM:
            yield Finding((*here, "quantity"), f"allowance `{allowance.name}` is larger than anything can be", "grant less")
        if not allowance.zones:
            yield Finding(here, f"allowance `{allowance.name}` serves no zone", 'name its zones, or "*" for all')
        for number, zone in enumerate(allowance.zones):
            if zone and zone not in zones:
                yield Finding((*here, "zones", number), f"unknown zone `{zone}`", _known(zones))
            elif zone != ANY_ZONE and (allowance.service, zone) not in priced:
                message = f"allowance `{allowance.name}` serves `{zone}`, to which plan `{plan.name}` has no rule for {service}"
                yield Finding((*here, "zones", number), message, "add the rule, or take the zone out")


def _twice(section: str, what: str, values: Sequence[str | int], field: str = "name") -> Iterator[Finding]:
    """Entries of `section` whose name or number another has already."""
    return _twice_at((section,), what, values, field)


def _twice_at(place: Place, what: str, values: Sequence[str | int], field: str = "name") -> Iterator[Finding]:
    seen: set[str | int] = set()
    for index, value in enumerate(values):
        if value in seen and value:
            yield Finding((*place, index, field), f"{what} `{value}` stands here twice", "give each a name or number of its own")
        seen.add(value)


def _known(names: Iterable[str]) -> str:
    listed = sorted(name for name in names if name)
    shown = ", ".join(listed[:12])
    return f"known: {shown}{', ...' if len(listed) > 12 else ''}" if listed else "there is none yet: add it"  # noqa: PLR2004 - a line's worth


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _first_day(catalogue: Catalogue) -> dt.date:
    effective_us = min(max(catalogue.effective_from_us, EFFECTIVE_US_MIN), EFFECTIVE_US_LIMIT)
    moment = _EPOCH + dt.timedelta(microseconds=effective_us)
    return moment.astimezone(_zone(catalogue.timezone) or dt.UTC).date()


def _time(second: int) -> str:
    return f"{second // 3600:02d}:{second // 60 % 60:02d}"
