"""Prices: one kind of quantity throughout, increments filled in, `flat` and `package` written as the rates that they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rating.model import ANY_BAND, BandPolicy, Price, QuantityUnit, Rate, Step
from rating.money import RoundingMode
from tariffs.documents.document import Finding
from tariffs.language.entries import PriceEntry, RateEntry, RoundingEntry, StepEntry
from tariffs.language.texts import BARE_UNIT, UNIT_WORDS, Quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tariffs.documents.deck_files import DeckRow
    from tariffs.documents.document import Place
    from tariffs.language.entries import DeckEntry

_DEFAULT_ROUNDING: Final = RoundingEntry(mode=RoundingMode.HALF_EVEN, step=1)
_RATE_EXAMPLE: Final = 'write `rate: "0.085"` and `per: 60s`, or `steps`'
_FORMS: Final = ("rate", "steps", "flat", "package")  # the ways of saying what a band costs


def price(entry: PriceEntry, place: Place, findings: list[Finding]) -> Price:
    """A price of its entry; mistakes are added to `findings`."""
    unit = _unit(entry, place, findings)
    if entry.rates:
        _note_beside_rates(entry, place, findings)
        rates = tuple(_rate(rate, entry, unit, (*place, "rates", i), findings) for i, rate in enumerate(entry.rates))
    else:
        rates = (_rate(_single(entry), entry, unit, place, findings),)
    rounding = entry.rounding or _DEFAULT_ROUNDING
    default_policy = BandPolicy.SPLIT if unit is QuantityUnit.MILLISECOND else BandPolicy.START
    return Price(
        price_id=entry.id,
        name=entry.name,
        charge_code=entry.charge_code,
        revenue_code=entry.revenue_code,
        tax_class=entry.tax_class,
        unit=unit,
        rates=rates,
        calendar=entry.calendar,
        clock=entry.clock,
        band_policy=entry.band_policy or default_policy,
        counting=entry.counting,
        counter_id=entry.counter or 0,
        minimum_qty=0 if entry.minimum_quantity is None else entry.minimum_quantity.value,
        content_ppm=entry.content_percent,
        minimum_micros=entry.minimum,
        maximum_micros=entry.maximum,
        rounding_mode=rounding.mode,
        rounding_step_micros=rounding.step,
        charge_zero_usage=entry.charge_zero_usage,
        title=entry.title,
    )


def price_of_row(deck: DeckEntry, row: DeckRow, zone_title: Mapping[str, str]) -> PriceEntry:
    """The price entry that a row of a deck stands for: called as the deck and its zone, in each language that either has."""
    title = {language: f"{text}, {zone_title.get(language, row.zone)}" for language, text in deck.title.items()}
    return PriceEntry(
        id=deck.price_ids_from + row.zone_id,
        name=f"{deck.name}:{row.zone}",
        charge_code=deck.charge_code,
        revenue_code=deck.revenue_code,
        tax_class=deck.tax_class,
        title={**zone_title, **title},
        minimum=deck.minimum,
        maximum=deck.maximum,
        minimum_quantity=deck.minimum_quantity,
        rounding=deck.rounding,
        charge_zero_usage=deck.charge_zero_usage,
        per=deck.per,
        increments=deck.increments if row.increments is None else row.increments,
        first_increment=deck.first_increment if row.increments is None else None,
        increment=deck.increment if row.increments is None else None,
        connect_fee=deck.connect_fee if row.connect_fee_micros is None else row.connect_fee_micros,
        rate=row.rate_micros,
    )


def _single(entry: PriceEntry) -> RateEntry:
    """The single rate of a price that is written in short. One that charges a share of the content need not say that the rest is free."""
    silent = entry.content_percent > 0 and not _forms(entry)
    return RateEntry(
        band=ANY_BAND,
        rate=entry.rate,
        per=entry.per,
        steps=entry.steps,
        flat=0 if silent and not entry.connect_fee else entry.flat,
        package=entry.package,
        connect_fee=entry.connect_fee,
    )


def _note_beside_rates(entry: PriceEntry, place: Place, findings: list[Finding]) -> None:
    """Note fields beside `rates` that repeat what `rates` says."""
    beside = [*_forms(entry), *(["connect_fee"] if entry.connect_fee else [])]
    findings += [Finding((*place, name), f"both `rates` and `{name}`", f"write `{name}` inside the rates") for name in beside]


def _forms(entry: PriceEntry | RateEntry) -> list[str]:
    return [name for name in _FORMS if getattr(entry, name) not in (None, ())]


def _unit(entry: PriceEntry, place: Place, findings: list[Finding]) -> QuantityUnit:
    """The kind that the quantities of a price have: the one it names, else that of its first `per`. Any other kind is noted."""
    units = [quantity.unit for quantity in _measures(entry) if quantity.unit is not None]
    if entry.unit is not None:
        unit = entry.unit
    elif units:
        unit = units[0]
    else:
        unit = QuantityUnit.MESSAGE if _needs_no_quantity(entry) else QuantityUnit.MILLISECOND
    other = next((u for u in units if u is not unit), None)
    if other is not None:
        message = f"price `{entry.name}` mixes {UNIT_WORDS[unit]} and {UNIT_WORDS[other]}"
        findings.append(Finding(place, message, "write all quantities of a price in one kind"))
    return unit


def _needs_no_quantity(entry: PriceEntry) -> bool:
    return entry.content_percent > 0 or any(rate.flat is not None for rate in _holders(entry))


def _holders(entry: PriceEntry) -> list[RateEntry | PriceEntry]:
    return [*entry.rates, entry]


def _measures(entry: PriceEntry) -> list[Quantity]:
    """Every quantity of a price, `per` first, since it decides the kind."""
    found: list[Quantity | None] = [entry.per]
    for rate in _holders(entry):
        found += [rate.per, *(step.per for step in rate.steps), *(step.from_ for step in rate.steps)]
        found += [rate.package.size if rate.package is not None else None]
        found += [rate.first_increment, rate.increment, *(step.increment for step in rate.steps), *(rate.increments or ())]
    found.append(entry.minimum_quantity)
    return [quantity for quantity in found if quantity is not None]


def _rate(entry: RateEntry, owner: PriceEntry, unit: QuantityUnit, place: Place, findings: list[Finding]) -> Rate:
    """A band's rate with its steps and increments."""
    forms = _forms(entry)
    if len(forms) > 1:
        findings.append(Finding(place, f"both `{forms[0]}` and `{forms[1]}`", "keep one of them"))
    if entry.package is not None:
        return _package_rate(entry, owner, place, findings)
    if entry.flat is not None:
        return _flat_rate(entry, owner, unit, place, findings)
    first, further = _increments(entry, owner, unit, place, findings)
    per = entry.per or owner.per
    if not forms:
        findings.append(Finding(place, f"price `{owner.name}` has no `rate`", _RATE_EXAMPLE))
    if not entry.steps and per is None:
        findings.append(Finding(place, "field `per` is missing", _RATE_EXAMPLE))
    steps = entry.steps or (StepEntry(rate=entry.rate or 0, per=per or Quantity(1, None)),)
    model_steps = tuple(Step(s.from_.value, s.rate, s.per.value, further if s.increment is None else s.increment.value) for s in steps)
    return Rate(entry.band, model_steps, first, entry.connect_fee)


def _package_rate(entry: RateEntry, owner: PriceEntry, place: Place, findings: list[Finding]) -> Rate:
    """A package is an increment of its size that costs its price."""
    assert entry.package is not None, "asked for by its caller"
    if _own_increments(entry) or (place[-2] != "rates" and _own_increments(owner)):
        findings.append(Finding(place, "both `package` and increments", "a package is charged whole: leave the increments out"))
    size, price_micros = entry.package.size.value, entry.package.price
    if size <= 0:
        findings.append(Finding((*place, "package", "size"), "a package of nothing", "write such as `size: 10MB`"))
    if size <= 0 or entry.package.size.unit is None:  # not to be judged any further
        size, price_micros = 1, 0
    return Rate(entry.band, (Step(0, price_micros, size, size),), size, entry.connect_fee)


def _flat_rate(entry: RateEntry, owner: PriceEntry, unit: QuantityUnit, place: Place, findings: list[Finding]) -> Rate:
    """A flat price is a connect fee, and usage costs nothing. Its increments matter to what is counted, not to what is charged."""
    assert entry.flat is not None, "asked for by its caller"
    if entry.connect_fee:
        findings.append(Finding(place, "both `flat` and `connect_fee`", "keep one: a flat price is charged once, as a connect fee is"))
    first = further = BARE_UNIT[unit]
    if _own_increments(entry) or _own_increments(owner):
        first, further = _increments(entry, owner, unit, place, findings)
    return Rate(entry.band, (Step(0, 0, BARE_UNIT[unit], further),), first, entry.flat)


def _own_increments(entry: RateEntry | PriceEntry) -> bool:
    return entry.increments is not None or entry.first_increment is not None or entry.increment is not None


def _increments(entry: RateEntry, owner: PriceEntry, unit: QuantityUnit, place: Place, findings: list[Finding]) -> tuple[int, int]:
    """First and further increment: the rate's own, else the price's; one message by default; else they must be given."""
    for holder in (entry, owner):
        if holder.increments is not None and (holder.first_increment is not None or holder.increment is not None):
            findings.append(Finding(place, "both `increments` and single increment fields", "keep one way of writing them"))
        if holder.increments is not None:
            return holder.increments.of(unit)
        further = holder.increment or holder.first_increment
        if further is not None:
            return (holder.first_increment or further).value, further.value
    if unit is not QuantityUnit.MESSAGE:
        findings.append(Finding(place, f"price `{owner.name}` has no increments", "add such as `increments: 60/1`"))
    return 1, 1
