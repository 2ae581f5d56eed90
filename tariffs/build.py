"""Makes the model of a document: defaults filled in, bands over midnight split, decks turned into zones, prices and rules.

Every entry of the document keeps its index in the model; what a deck adds comes after them. Quantities of one price must be of one
kind. References and values are left to `tariffs.check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from rating.model import (
    ANY_BAND,
    UNIT_OF_SERVICE,
    Allowance,
    BandPolicy,
    Calendar,
    Catalogue,
    Plan,
    Price,
    QuantityUnit,
    Rate,
    RecurringFee,
    Step,
    TaxClass,
    TaxRate,
    UsageRule,
    WeeklyBand,
    Zone,
)
from rating.money import RoundingMode
from tariffs.currencies import MINOR_DIGITS
from tariffs.document import Finding, Place
from tariffs.language import (
    UNREAD_TIME,
    AllowanceEntry,
    BandEntry,
    DeckEntry,
    Document,
    PlanEntry,
    PriceEntry,
    RateEntry,
    RecurringEntry,
    RoundingEntry,
    StepEntry,
    TaxClassEntry,
)
from tariffs.texts import SECONDS_PER_DAY, UNIT_WORDS, Increments, Quantity

_DEFAULT_ROUNDING: Final = RoundingEntry(mode=RoundingMode.HALF_EVEN, step=1)
_RATE_EXAMPLE: Final = 'write `rate: "0.085"` and `per: 60s`, or `steps`'


class DeckRow(NamedTuple):
    """One row of a deck's CSV file."""

    zone_id: int
    zone: str
    prefixes: tuple[str, ...]
    rate_micros: int
    increments: Increments | None
    connect_fee_micros: int | None


class Files(NamedTuple):
    """What the CSV files that a document names hold, by the place that names them."""

    prefixes: Mapping[Place, tuple[str, ...]]
    decks: Mapping[Place, tuple[DeckRow, ...]]


def build(document: Document, files: Files, findings: list[Finding]) -> Catalogue:
    """The model of `document`; mistakes are added to `findings`, and the model is only good when there are none."""
    builder = _Builder(document, files, findings)
    decks = [builder.deck(index) for index in range(len(document.decks))]
    by_name = {entry.name: deck for entry, deck in zip(document.decks, decks, strict=True)}
    return Catalogue(
        identity=document.identity,
        version=document.version,
        currency=document.currency,
        minor_digits=MINOR_DIGITS.get(document.currency, 2) if document.minor_digits is None else document.minor_digits,
        timezone=document.timezone,
        effective_from_us=document.effective_from,
        zones=(*builder.zones(), *(zone for deck in decks for zone in deck.zones)),
        calendars=tuple(Calendar(c.name, tuple(b for band in c.bands for b in _bands(band))) for c in document.calendars),
        prices=(
            *(builder.price(entry, ("prices", i)) for i, entry in enumerate(document.prices)),
            *(price for deck in decks for price in deck.prices),
        ),
        plans=tuple(_plan(plan, i, by_name, findings) for i, plan in enumerate(document.plans)),
        tax_classes=tuple(_tax_class(entry) for entry in document.tax_classes),
        disclosure=document.disclosure,
    )


class _Deck(NamedTuple):
    """A rate deck in the words of the model."""

    zones: tuple[Zone, ...]
    prices: tuple[Price, ...]
    rules: tuple[UsageRule, ...]


class _Builder:
    """Carries document, files and findings through the parts that can fail."""

    def __init__(self, document: Document, files: Files, findings: list[Finding]) -> None:
        self._document = document
        self._files = files
        self._findings = findings

    def zones(self) -> list[Zone]:
        """Zones of the document, prefixes sorted: their order says nothing."""
        return [
            Zone(z.id, z.name, tuple(sorted((*z.prefixes, *self._files.prefixes.get(("zones", i), ())))))
            for i, z in enumerate(self._document.zones)
        ]

    def deck(self, index: int) -> _Deck:
        """The zones and prices of a deck's rows."""
        entry, place = self._document.decks[index], ("decks", index)
        rows = self._files.decks.get(place, ())
        prices = tuple(self.price(_price_of_row(entry, row), place) for row in rows)
        return _Deck(
            tuple(Zone(row.zone_id, row.zone, tuple(sorted(row.prefixes))) for row in rows),
            prices,
            tuple(UsageRule(entry.service, row.zone, price.name) for row, price in zip(rows, prices, strict=True)),
        )

    def price(self, entry: PriceEntry, place: Place) -> Price:
        """A price of its entry."""
        unit = self._unit(entry, place)
        rates = tuple(
            self._rate(rate, unit, entry, (*place, "rates", i) if entry.rates else place) for i, rate in enumerate(_rate_entries(entry))
        )
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
            band_policy=entry.band_policy or default_policy,
            minimum_micros=entry.minimum,
            maximum_micros=entry.maximum,
            rounding_mode=rounding.mode,
            rounding_step_micros=rounding.step,
            charge_zero_usage=entry.charge_zero_usage,
            title=entry.title,
        )

    def _unit(self, entry: PriceEntry, place: Place) -> QuantityUnit:
        """The kind that the quantities of a price have: that of its first `per`. Any other kind is noted."""
        measures = _measures(entry)
        units = [quantity.unit for quantity in measures if quantity.unit is not None]
        unit = units[0] if units else QuantityUnit.MILLISECOND
        other = next((u for u in units if u is not unit), None)
        if other is not None:
            message = f"price `{entry.name}` mixes {UNIT_WORDS[unit]} and {UNIT_WORDS[other]}"
            self._findings.append(Finding(place, message, "write all quantities of a price in one kind"))
        return unit

    def _rate(self, entry: RateEntry, unit: QuantityUnit, price: PriceEntry, place: Place) -> Rate:
        """A band's rate with its steps and increments."""
        first, further = self._increments(entry, price, unit, place)
        if entry.steps and entry.rate is not None:
            self._findings.append(Finding(place, "both `rate` and `steps`", "keep one of them"))
        if not entry.steps and entry.rate is None:
            self._findings.append(Finding(place, f"price `{price.name}` has no `rate`", _RATE_EXAMPLE))
        per = entry.per or price.per
        if not entry.steps and per is None:
            self._findings.append(Finding(place, "field `per` is missing", _RATE_EXAMPLE))
        steps = entry.steps or (StepEntry(rate=entry.rate or 0, per=per or Quantity(1, None)),)
        model_steps = tuple(Step(s.from_.value, s.rate, s.per.value, further if s.increment is None else s.increment.value) for s in steps)
        return Rate(entry.band, model_steps, first, entry.connect_fee)

    def _increments(self, entry: RateEntry, price: PriceEntry, unit: QuantityUnit, place: Place) -> tuple[int, int]:
        """First and further increment: the rate's own, else the price's; one message unless told; else they must be given."""
        for owner in (entry, price):
            if owner.increments is not None and (owner.first_increment is not None or owner.increment is not None):
                self._findings.append(Finding(place, "both `increments` and single increment fields", "keep one way of writing them"))
            if owner.increments is not None:
                return owner.increments.of(unit)
            further = owner.increment or owner.first_increment
            if further is not None:
                return (owner.first_increment or further).value, further.value
        if unit is not QuantityUnit.MESSAGE:
            self._findings.append(Finding(place, f"price `{price.name}` has no increments", "add such as `increments: 60/1`"))
        return 1, 1


def _rate_entries(entry: PriceEntry) -> tuple[RateEntry, ...]:
    """The rates of a price; the short form has its single rate in the price itself."""
    if entry.rates:
        return entry.rates
    return (RateEntry(band=ANY_BAND, rate=entry.rate, per=entry.per, steps=entry.steps, connect_fee=entry.connect_fee),)


def _measures(entry: PriceEntry) -> list[Quantity]:
    """Every quantity of a price, `per` first, since it decides the kind."""
    found: list[Quantity | None] = [entry.per]
    for rate in _rate_entries(entry):
        found += [rate.per, *(step.per for step in rate.steps), *(step.from_ for step in rate.steps)]
        found += [rate.first_increment, rate.increment, *(step.increment for step in rate.steps), *(rate.increments or ())]
    found += [entry.first_increment, entry.increment, *(entry.increments or ())]
    return [quantity for quantity in found if quantity is not None]


def _price_of_row(deck: DeckEntry, row: DeckRow) -> PriceEntry:
    """The price entry that a row of a deck stands for."""
    return PriceEntry(
        id=deck.price_ids_from + row.zone_id,
        name=f"{deck.name}:{row.zone}",
        charge_code=deck.charge_code,
        revenue_code=deck.revenue_code,
        tax_class=deck.tax_class,
        title={language: f"{title}, {row.zone}" for language, title in deck.title.items()},
        minimum=deck.minimum,
        maximum=deck.maximum,
        rounding=deck.rounding,
        charge_zero_usage=deck.charge_zero_usage,
        per=deck.per,
        increments=deck.increments if row.increments is None else row.increments,
        first_increment=deck.first_increment if row.increments is None else None,
        increment=deck.increment if row.increments is None else None,
        connect_fee=deck.connect_fee if row.connect_fee_micros is None else row.connect_fee_micros,
        rate=row.rate_micros,
    )


def _bands(entry: BandEntry) -> list[WeeklyBand]:
    """The weekly bands of an entry: two when it runs over midnight. One whose times could not be read covers nothing."""
    if UNREAD_TIME in (entry.from_, entry.to):
        return [WeeklyBand(entry.name, (), 0, SECONDS_PER_DAY)]
    if entry.from_ < entry.to:
        return [WeeklyBand(entry.name, entry.days, entry.from_, entry.to)]
    evening = WeeklyBand(entry.name, entry.days, entry.from_, SECONDS_PER_DAY)
    if entry.to == 0:
        return [evening]
    next_days = tuple(sorted(day % 7 + 1 for day in entry.days))
    return [evening, WeeklyBand(entry.name, next_days, 0, entry.to)]


def _plan(entry: PlanEntry, index: int, decks: Mapping[str, _Deck], findings: list[Finding]) -> Plan:
    """A plan; the decks it names add a rule for each of their zones."""
    rules = [UsageRule(rule.service, rule.zone, rule.price) for rule in entry.rules]
    for number, name in enumerate(entry.decks):
        deck = decks.get(name)
        if deck is None:
            remedy = f"known decks: {', '.join(decks)}" if decks else "add it under `decks`"
            findings.append(Finding(("plans", index, "decks", number), f"unknown deck `{name}`", remedy))
            continue
        rules += deck.rules
    findings += _allowance_units(entry, index)
    return Plan(
        name=entry.name,
        rules=tuple(rules),
        title=entry.title,
        allowances=tuple(_allowance(a) for a in entry.allowances),
        recurring=tuple(_recurring(r) for r in entry.recurring),
        late_usage=entry.late_usage,
    )


def _allowance_units(entry: PlanEntry, index: int) -> list[Finding]:
    """Allowances whose quantity is of another kind than their service, such as 50MB of voice."""
    return [
        Finding(
            ("plans", index, "allowances", i, "quantity"),
            f"allowance `{a.name}` of {a.service.name.lower()} is not in {UNIT_WORDS[UNIT_OF_SERVICE[a.service]]}",
            "write such as 100min, 50 messages or 2GiB, as the service wants",
        )
        for i, a in enumerate(entry.allowances)
        if a.quantity.unit not in (None, UNIT_OF_SERVICE[a.service])
    ]


def _allowance(entry: AllowanceEntry) -> Allowance:
    return Allowance(entry.id, entry.name, entry.service, entry.quantity.value, entry.zones, entry.prorate)


def _recurring(entry: RecurringEntry) -> RecurringFee:
    return RecurringFee(
        price_id=entry.id,
        name=entry.name,
        charge_code=entry.charge_code,
        revenue_code=entry.revenue_code,
        tax_class=entry.tax_class,
        amount_micros=entry.amount,
        timing=entry.timing,
        prorate=entry.prorate,
        title=entry.title,
    )


def _tax_class(entry: TaxClassEntry) -> TaxClass:
    rates = sorted((TaxRate(rate.from_, rate.percent) for rate in entry.rates), key=lambda rate: rate.effective_from)
    return TaxClass(entry.name, entry.code, tuple(rates), entry.title)
