"""Checked catalogues to the kernel's dense tables.

All published versions of all catalogues go into one `rating.tables.Tables`, so that a batch may hold events of any plan and time. What
repeats is stored once: prefix decks and calendars are shared by content. Refuses a price whose bound is not proved (`tariffs.bounds`).
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from rating.errors import UserError
from rating.model import ANY_ZONE, BandPolicy, QuantityUnit, Service, Zone
from rating.tables import (
    CALENDAR_ROW,
    CELL_ROW,
    INTERVAL_ROW,
    NO_RULE,
    NOT_SOLD,
    PLAN_VERSION_ROW,
    PREFIX_ROW,
    PREFIX_TABLE_ROW,
    PRICE_ROW,
    RATE_ROW,
    ROUNDING_CODES,
    SERVICES,
    SHELF_ROW,
    STEP_ROW,
    Tables,
    VersionName,
)
from tariffs.bounds import QUANTITY_MAX, denominator, prove
from tariffs.prefixes import PrefixTable, prefix_table
from tariffs.timeline import Timeline, band_names, timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import DTypeLike, NDArray

    from rating.model import Calendar, Catalogue, Plan, Price

_NOTHING = 2**63 - 1
_MICROSECONDS_PER_MILLISECOND = 1_000


def compile_catalogues(catalogues: Sequence[Catalogue]) -> Tables:
    """Flatten every version of every catalogue.

    Raises UserError for a price whose products could leave int64 and for two versions of one catalogue that take effect at the same
    instant.
    """
    ordered = sorted(catalogues, key=lambda each: (each.identity, each.effective_from_us, each.version))
    _refuse_equal_starts(ordered)
    shop = _Shop()
    versions = [VersionName(each.identity, each.version, each.content_hash, each.currency, each.minor_digits) for each in ordered]
    price_bases = [shop.add_prices(each) for each in ordered]

    names = sorted({f"{each.identity}/{plan.name}" for each in ordered for plan in each.plans})
    plan_from = [0]
    for name in names:
        identity, plan_name = name.split("/", 1)
        for index, each in enumerate(ordered):
            if each.identity == identity:
                plan = next((plan for plan in each.plans if plan.name == plan_name), None)
                shop.add_plan_version(each, index, plan, price_bases[index])
        plan_from.append(len(shop.plan_versions))

    return shop.tables(
        plan_index={name: index for index, name in enumerate(names)},
        versions=versions,
        plan_from=np.array(plan_from, dtype=np.int32),
    )


def _refuse_equal_starts(ordered: Sequence[Catalogue]) -> None:
    for one, two in itertools.pairwise(ordered):
        if (one.identity, one.effective_from_us) == (two.identity, two.effective_from_us):
            raise UserError(
                f"versions {one.version} and {two.version} of catalogue {one.identity} take effect at the same instant",
                "give each version its own effective_from",
            )


class _Shop:
    """Rows gathered so far; `tables` turns them into arrays."""

    def __init__(self) -> None:
        self.prices: list[Price] = []
        self.tax_codes: list[int] = []
        self.price_rows: list[tuple[object, ...]] = []
        self.rate_rows: list[tuple[int, ...]] = []
        self.step_rows: list[tuple[int, ...]] = []
        self.plan_versions: list[tuple[object, ...]] = []
        self.shelves: list[tuple[int, int]] = []
        self.cells: list[tuple[object, ...]] = []
        self.decks: list[PrefixTable] = []
        self.deck_numbers: dict[tuple[tuple[str, int], ...], int] = {}  # by content: the same deck of another version is one deck
        self.timelines: dict[tuple[str, Calendar], int] = {}

    def add_prices(self, catalogue: Catalogue) -> dict[str, int]:
        """Append a catalogue's prices; return name -> price row."""
        rows = {}
        codes = {tax.name: tax.code for tax in catalogue.tax_classes}
        calendars = {calendar.name: calendar for calendar in catalogue.calendars}
        for price in catalogue.prices:
            complaint = prove(price)
            if complaint is not None:
                raise UserError(
                    f"price {price.name} of catalogue {catalogue.identity}: {complaint}", "lower the rates or the rounding step"
                )
            rows[price.name] = len(self.prices)
            self.prices.append(price)
            self.tax_codes.append(codes[price.tax_class])
            calendar = calendars[price.calendar] if price.calendar is not None else None
            self._add_price(price, calendar, catalogue.timezone)
        return rows

    def _add_price(self, price: Price, calendar: Calendar | None, timezone: str) -> None:
        common = denominator(price)
        voice = price.unit is QuantityUnit.MILLISECOND
        self.price_rows.append(
            (
                common,
                price.minimum_micros * common,
                _NOTHING if price.maximum_micros is None else price.maximum_micros * common,
                price.rounding_step_micros,
                QUANTITY_MAX[price.unit] * (_MICROSECONDS_PER_MILLISECOND if voice else 1),
                price.price_id,
                len(self.rate_rows),
                -1 if calendar is None else self._calendar_index(calendar, timezone),
                ROUNDING_CODES[price.rounding_mode],
                voice,
                calendar is not None and price.band_policy is BandPolicy.SPLIT and voice,
                price.charge_zero_usage,
            )
        )
        rates = {rate.band: rate for rate in price.rates}
        ordered = price.rates if calendar is None else [rates[name] for name in band_names(calendar)]
        for rate in ordered:
            first_step = len(self.step_rows)
            self.step_rows.extend((step.from_qty, step.rate_micros * (common // step.per_qty), step.increment_qty) for step in rate.steps)
            self.rate_rows.append((rate.first_increment_qty, rate.connect_fee_micros * common, first_step, len(self.step_rows)))

    def _calendar_index(self, calendar: Calendar, timezone: str) -> int:
        return self.timelines.setdefault((timezone, calendar), len(self.timelines))

    def add_plan_version(self, catalogue: Catalogue, version: int, plan: Plan | None, price_rows: dict[str, int]) -> None:
        """Append what `plan` is in one version: a shelf of cells for each service."""
        self.plan_versions.append((catalogue.effective_from_us, version, plan is not None))
        for service in range(SERVICES):
            if plan is None or service == 0:
                self.shelves.append((NO_RULE, NO_RULE))
            else:
                self._add_shelf(catalogue, plan, Service(service), price_rows)

    def _add_shelf(self, catalogue: Catalogue, plan: Plan, service: Service, price_rows: dict[str, int]) -> None:
        rules = {rule.zone: rule.price for rule in plan.rules if rule.service is service}
        served = {zone for allowance in plan.allowances if allowance.service is service for zone in allowance.zones}
        base = len(self.cells)
        named = [zone for zone in catalogue.zones if zone.name in rules] if rules else []
        for zone in (Zone(0, ANY_ZONE, ()), *named):
            price = rules.get(zone.name)
            row = price_rows[price] if price is not None else NOT_SOLD if zone.name in rules else NO_RULE
            self.cells.append((row, zone.zone_id, zone.name in served or ANY_ZONE in served))
        self.shelves.append((base, self._deck_number(named)))

    def _deck_number(self, zones: Sequence[Zone]) -> int:
        """The deck of these zones, numbered from 1 in their order."""
        if not zones:
            return NO_RULE
        key = tuple((prefix, number) for number, zone in enumerate(zones, 1) for prefix in zone.prefixes)
        if key not in self.deck_numbers:
            self.deck_numbers[key] = len(self.decks)
            self.decks.append(prefix_table(dict(key)))
        return self.deck_numbers[key]

    def tables(
        self,
        *,
        plan_index: dict[str, int],
        versions: Sequence[VersionName],
        plan_from: NDArray[np.int32],
    ) -> Tables:
        """Freeze everything gathered into arrays."""
        prefix_tables, first, leaves, intervals, prefixes = _stack_decks(self.decks)
        calendars, boundaries, bands, hours = _stack_timelines([timeline(calendar, zone) for zone, calendar in self.timelines])
        return Tables(
            plan_index=plan_index,
            versions=versions,
            prices=tuple(self.prices),
            plan_from=plan_from,
            plan_versions=_records(self.plan_versions, PLAN_VERSION_ROW),
            shelves=_records(self.shelves, SHELF_ROW),
            cells=_records(self.cells, CELL_ROW),
            price_rows=_records(self.price_rows, PRICE_ROW),
            rate_rows=_records(self.rate_rows, RATE_ROW),
            step_rows=_records(self.step_rows, STEP_ROW),
            prefix_tables=prefix_tables,
            first=first,
            leaves=leaves,
            intervals=intervals,
            prefixes=prefixes,
            calendars=calendars,
            boundaries=boundaries,
            bands=bands,
            hours=hours,
            price_ids=np.array([price.price_id for price in self.prices], dtype=np.int32),
            charge_code=np.array([price.charge_code for price in self.prices], dtype=np.int32),
            revenue_code=np.array([price.revenue_code for price in self.prices], dtype=np.int16),
            tax_code=np.array(self.tax_codes, dtype=np.int16),
            quantity_unit=np.array([price.unit for price in self.prices], dtype=np.int8),
        )


def _records(rows: Iterable[tuple[object, ...]], dtype: np.dtype[np.void]) -> NDArray[np.void]:
    return np.array(list(rows), dtype=dtype)


def _stack_decks(
    decks: Sequence[PrefixTable],
) -> tuple[NDArray[np.void], NDArray[np.uint32], NDArray[np.uint16], NDArray[np.void], NDArray[np.void]]:
    """One array of each kind for all decks, with leaf bases, parents and prefixes made absolute."""
    rows, first, leaves, intervals, prefixes = [], [], [], [], []
    leaf_base = interval_base = prefix_base = first_base = 0
    for deck in decks:
        rows.append((first_base, interval_base, interval_base + len(deck.intervals), deck.digits_max))
        first.append(deck.first + np.uint32(leaf_base << 1))
        leaves.append(deck.leaves)
        intervals.append(_moved(deck.intervals, "prefix", prefix_base))
        prefixes.append(_moved(deck.prefixes, "parent", prefix_base))
        leaf_base += len(deck.leaves)
        interval_base += len(deck.intervals)
        prefix_base += len(deck.prefixes)
        first_base += len(deck.first)
    assert leaf_base < 2**31, "leaf bases are 31 bits"
    return (
        _records(rows, PREFIX_TABLE_ROW),
        _joined(first, np.uint32),
        _joined(leaves, np.uint16),
        _joined(intervals, INTERVAL_ROW),
        _joined(prefixes, PREFIX_ROW),
    )


def _moved(rows: NDArray[np.void], field: str, by: int) -> NDArray[np.void]:
    moved = rows.copy()
    moved[field] += np.where(moved[field] >= 0, by, 0).astype(np.int32)
    return moved


def _joined(parts: Sequence[NDArray[Any]], dtype: DTypeLike) -> NDArray[Any]:
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.zeros(0, dtype)


def _stack_timelines(timelines: Sequence[Timeline]) -> tuple[NDArray[np.void], NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    rows = []
    boundary_base = hour_base = 0
    for each in timelines:
        rows.append((boundary_base, hour_base))
        boundary_base += len(each.boundaries)
        hour_base += len(each.hours)
    return (
        _records(rows, CALENDAR_ROW),
        _joined([each.boundaries for each in timelines], np.int64),
        _joined([each.bands for each in timelines], np.int32),
        _joined([each.hours for each in timelines], np.int32),
    )
