"""Checked catalogues to the kernel's dense tables.

All published versions of all catalogues go into one `rating.tables.Tables`, so that a batch may hold events of any plan and time. Equal
parts are stored once: decks, timelines, definitions of buckets. Refuses a price whose bound is not proved (`tariffs.compiling.bounds`).
`tariffs.compiling.cards` makes cards of prices, `tariffs.compiling.candidates` makes classes of rules.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from rating.dates import FAR_US
from rating.errors import UserError
from rating.model import ANY_ZONE, HOME_NETWORK, BucketKind, CapWindow, Counting, QuantityUnit, Service, WallClock
from rating.tables import (
    CARD_ROW,
    CONDITION_ROW,
    LATEST_ROW,
    NO_RULE,
    NOT_SOLD,
    PER_EVENT,
    PLAN_SERVICE_ROW,
    PLAN_VERSION_ROW,
    PLMN_ROW,
    ROAMING_ANY,
    ROAMING_HOME,
    RULE_ROW,
    SERVICES,
    STEP_ROW,
    TARIFF_CLOCK,
    TERMS_ROW,
    VERSION_ROW,
    Tables,
    VersionName,
)
from tariffs.compiling.bounds import QUANTITY_MAX, prove
from tariffs.compiling.candidates import Candidate, classes, rules_in_order
from tariffs.compiling.cards import COUNTING_CODES, parts_of, runs_max, splits
from tariffs.compiling.decks import DeckStack
from tariffs.compiling.rows import (
    CLOCKS,
    NOTHINGS_CARD,
    NOTHINGS_RULE,
    NOTHINGS_TERMS,
    CardRow,
    RuleRow,
    TermsRow,
    records,
)
from tariffs.compiling.served import BucketsAndDiscounts, ServedStack
from tariffs.compiling.slots import bucket_slots
from tariffs.compiling.timelines import TimelineStack

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from rating.model import Catalogue, Plan, Price, UsageRule

_MICROSECONDS_PER_MILLISECOND: Final = 1_000
_CACHE_LINE: Final = 64


def compile_catalogues(catalogues: Sequence[Catalogue]) -> Tables:
    """Flatten every version of every catalogue.

    Raises UserError for a price whose products could leave int64, and for two versions of one catalogue that take effect at the same
    instant. Raises it for a plan that asks for over 65,534 lists of rules for one service, and for too many prefixes in all.
    """
    ordered = sorted(catalogues, key=lambda each: (each.identity, each.effective_from_us, each.version))
    _refuse_equal_starts(ordered)
    builder = _TableBuilder(ordered)
    for index, each in enumerate(ordered):
        builder.add_version(each, index)
    names = sorted({f"{each.identity}/{plan.name}" for each in ordered for plan in each.plans})
    plan_from = [0]
    for name in names:
        identity, plan_name = name.split("/", 1)
        for index, each in enumerate(ordered):
            if each.identity == identity:
                plan = next((plan for plan in each.plans if plan.name == plan_name), None)
                builder.add_plan_version(each, index, plan)
        plan_from.append(len(builder.plan_versions))
    return builder.tables({name: index for index, name in enumerate(names)}, np.array(plan_from, dtype=np.int32))


def timezones_of(catalogues: Iterable[Catalogue]) -> tuple[str, ...]:
    """Every time zone that some clock may run on, sorted."""
    named = {zone for each in catalogues for zone in (each.timezone, *each.home_timezones)}
    return tuple(sorted(named | {zone.timezone for each in catalogues for zone in each.roaming_zones if zone.timezone is not None}))


def _refuse_equal_starts(ordered: Sequence[Catalogue]) -> None:
    for one, two in itertools.pairwise(ordered):
        if (one.identity, one.effective_from_us) == (two.identity, two.effective_from_us):
            raise UserError(
                f"versions {one.version} and {two.version} of catalogue {one.identity} take effect at the same instant",
                "give each version its own effective_from",
            )


class _TableBuilder:
    """Rows gathered so far; `tables` turns them into arrays."""

    def __init__(self, ordered: Sequence[Catalogue]) -> None:
        self._ordered = ordered
        self._slots = bucket_slots(ordered)
        self._served = ServedStack(self._slots)
        self._timezones = timezones_of(ordered)
        self._clock = {zone: index for index, zone in enumerate(self._timezones)}
        self._decks = DeckStack()
        self._timelines = TimelineStack()
        self._days_base = self._timelines.days(self._timezones) if _counts_days(ordered) else NO_RULE
        self._runs_max = 1
        self.prices: list[Price] = []
        self._tax_codes: list[int] = []
        self._cards: list[CardRow] = [NOTHINGS_CARD]
        self._card_terms: list[TermsRow] = [NOTHINGS_TERMS]
        self._steps: list[tuple[int, ...]] = []
        self._terms: list[_OfPrice] = []  # by price row
        self._always: list[bool] = []
        self._versions: list[tuple[int, ...]] = []
        self._plmns: list[tuple[int, ...]] = []
        self.plan_versions: list[tuple[object, ...]] = []
        self._plan_services: list[tuple[int, int]] = []
        self._rules: list[RuleRow] = [NOTHINGS_RULE]
        self._conditions: dict[tuple[int, ...], int] = {}
        self._price_row: list[dict[str, int]] = []  # by version: name -> row
        self._origins: list[dict[str, int]] = []  # by version: name -> class in its origin deck
        self._roaming: list[dict[str, int]] = []  # by version: name -> number

    def add_version(self, catalogue: Catalogue, index: int) -> None:
        """Append a catalogue's prices, its origin zones and its visited networks."""
        self._price_row.append(self._add_prices(catalogue))
        named = {rule.origin for plan in catalogue.plans for rule in plan.rules if rule.origin is not None}
        origins = [place for place, zone in enumerate(catalogue.zones) if zone.name in named]
        self._origins.append({catalogue.zones[place].name: number for number, place in enumerate(origins, 1)})
        deck = self._decks.of_zones(catalogue, tuple(origins), {}) if origins else NO_RULE
        first_plmn = len(self._plmns)
        self._roaming.append({zone.name: number for number, zone in enumerate(catalogue.roaming_zones, 1)})
        self._plmns += sorted(
            (plmn, number, -1 if zone.timezone is None else self._clock[zone.timezone])
            for number, zone in enumerate(catalogue.roaming_zones, 1)
            for plmn in zone.plmns
        )
        self._versions.append((deck, first_plmn, len(self._plmns), self._clock[catalogue.timezone]))
        assert len(self._versions) == index + 1, "versions are added in order"

    def _add_prices(self, catalogue: Catalogue) -> dict[str, int]:
        rows = {}
        codes = {tax.name: tax.code for tax in catalogue.tax_classes}
        discounted = any(plan.discounts for plan in catalogue.plans)
        for price in catalogue.prices:
            complaint = prove(price, discounted=discounted)
            if complaint is not None:
                raise UserError(
                    f"price {price.name} of catalogue {catalogue.identity}: {complaint}",
                    "write smaller rates or increments, or round to a larger step where a discount is what does not fit",
                )
            rows[price.name] = len(self.prices)
            self.prices.append(price)
            self._tax_codes.append(codes[price.tax_class])
            self._add_price(price, catalogue)
        return rows

    def _add_price(self, price: Price, catalogue: Catalogue) -> None:
        calendar = next((each for each in catalogue.calendars if each.name == price.calendar), None)
        slot = -1
        if price.counting is not Counting.EVENT:
            slot = self._slots[BucketKind.COUNTER, catalogue.identity, price.counter_id]
        parts = parts_of(price, calendar, QUANTITY_MAX[price.unit])
        timeline = -1
        if calendar is not None:
            zones = (catalogue.timezone,) if price.clock is WallClock.TARIFF else self._timezones
            timeline = self._timelines.bands(calendar, zones)
            self._runs_max = max(self._runs_max, runs_max(price, self._timelines.changes_max))
        self._runs_max = max(self._runs_max, runs_max(price, 0))
        voice = price.unit is QuantityUnit.MILLISECOND
        of_price = _OfPrice(
            quantity_max=QUANTITY_MAX[price.unit] * (_MICROSECONDS_PER_MILLISECOND if voice else 1),
            price=len(self.prices) - 1,
            cards=len(self._cards),
            calendar=timeline,
            clock=CLOCKS[price.clock] if calendar is not None else TARIFF_CLOCK,
            quick=parts.quick,
            voice=voice,
            split=splits(price),
            counting=COUNTING_CODES[price.counting],
            stepped=parts.stepped,
            charge_zero_usage=price.charge_zero_usage,
            counter_slot=slot,
        )
        self._terms.append(of_price)
        self._always.append(parts.always)
        base = len(self._steps)
        self._cards += parts.cards
        self._card_terms += [row._replace(step_from=row.step_from + base, step_to=row.step_to + base) for row in parts.terms]
        self._steps += parts.steps

    def add_plan_version(self, catalogue: Catalogue, version: int, plan: Plan | None) -> None:
        """Append what `plan` is in one version: its rules for each service."""
        self.plan_versions.append((catalogue.effective_from_us, version, plan is not None))
        nothing = (len(self._rules), NO_RULE)
        self._rules.append(self._rule_row(version, NO_RULE, 0, -1, -1, (0, 0), -1, plain=False))
        self._plan_services.append(nothing)
        if plan is None:
            self._plan_services += [nothing] * (SERVICES - 1)
            return
        plans = {each.name: each for each in catalogue.plans}
        for service in list(Service):
            self._add_service(catalogue, version, rules_in_order(plan, plans), service, nothing[0])

    def _add_service(self, catalogue: Catalogue, version: int, plans: Sequence[Plan], service: Service, nothing: int) -> None:
        rows = self._price_row[version]

        def holds_always(rule: UsageRule) -> bool:
            return _unconditional(rule) and (rule.price is None or self._always[rows[rule.price]])

        found = classes(catalogue, plans, service, holds_always)
        benefits = BucketsAndDiscounts(self._served, catalogue, plans[0], service)
        base = len(self._rules)
        overflow: list[RuleRow] = []
        zone_ids = {zone.name: zone.zone_id for zone in catalogue.zones} | {ANY_ZONE: 0}
        after = base + len(found.candidates)
        for candidates in found.candidates:
            made = []
            for place, candidate in enumerate(candidates):
                following = after + len(overflow) + place if place + 1 < len(candidates) else nothing
                made.append(self._candidate_row(version, candidate, zone_ids, following, benefits, plain=holds_always(candidate.rule)))
            self._rules.append(made[0] if made else self._rule_row(version, NO_RULE, 0, -1, -1, (0, 0), -1, plain=False))
            overflow += made[1:]
        self._rules += overflow
        if found.zones is not None:
            deck = self._decks.of_zones(catalogue, found.zones, found.codes) if found.zones else NO_RULE
        else:
            whose = f"plan {plans[0].name} of catalogue {catalogue.identity}"
            deck = self._decks.of_prefixes(found.prefixes, found.codes, place=whose)
        self._plan_services.append((base, deck))

    def _candidate_row(  # noqa: PLR0913 - what a row is made of
        self, version: int, candidate: Candidate, zone_ids: Mapping[str, int], following: int, benefits: BucketsAndDiscounts, *, plain: bool
    ) -> RuleRow:
        rule = candidate.rule
        condition = -1 if _unconditional(rule) else self._condition(version, rule)
        zone_id = zone_ids[rule.zone]
        if rule.price is None:
            return self._rule_row(version, NOT_SOLD, zone_id, following, condition, (0, 0), -1, plain=False)
        price = self._price_row[version][rule.price]
        return self._rule_row(version, price, zone_id, following, condition, benefits.discounts(rule), benefits.serves(rule), plain=plain)

    def _rule_row(  # noqa: PLR0913, PLR0917 - a row has its columns
        self,
        version: int,
        price: int,
        zone_id: int,
        following: int,
        condition: int,
        discounts: tuple[int, int],
        serves: int,
        *,
        plain: bool,
    ) -> RuleRow:
        if price < 0:
            return RuleRow(price=price, version=version, zone_id=zone_id, next=following, condition=condition)
        of_price, (discount_from, discount_to) = self._terms[price], discounts
        return RuleRow(
            **of_price._asdict(),
            version=version,
            zone_id=zone_id,
            next=following,
            condition=condition,
            serves=serves,
            discount_from=discount_from,
            discount_to=discount_to,
            plain=plain,
            draws=of_price.counting != PER_EVENT or self._served.draws(serves),
            settles=self._served.settles(serves),
            discounted=discount_to > discount_from,
        )

    def _condition(self, version: int, rule: UsageRule) -> int:
        row = (
            -1 if rule.origin is None else self._origins[version][rule.origin],
            ROAMING_ANY if rule.roaming is None else ROAMING_HOME if rule.roaming == HOME_NETWORK else self._roaming[version][rule.roaming],
            -1 if rule.rating_group is None else rule.rating_group,
            -1 if rule.customer_group is None else rule.customer_group,
            -1 if rule.direction is None else rule.direction,
            -1 if rule.on_net is None else int(rule.on_net),
        )
        return self._conditions.setdefault(row, len(self._conditions))

    def tables(self, plan_index: Mapping[str, int], plan_from: NDArray[np.int32]) -> Tables:
        """Freeze everything gathered into arrays."""
        decks = self._decks.arrays()
        return Tables(
            plan_index=plan_index,
            versions=[VersionName(c.identity, c.version, c.content_hash, c.currency, c.minor_digits) for c in self._ordered],
            prices=tuple(self.prices),
            timezones=self._timezones,
            slots=self._slots,
            runs_max=self._runs_max,
            plan_from=plan_from,
            plan_versions=records(self.plan_versions, PLAN_VERSION_ROW),
            version_rows=records(self._versions, VERSION_ROW),
            plmns=records(self._plmns, PLMN_ROW),
            latest=self._latest(plan_from.tolist(), [*decks["decks"]["first_base"].tolist(), 0]),
            plan_services=records(self._plan_services, PLAN_SERVICE_ROW),
            rules=_in_lines(records(self._rules, RULE_ROW)),
            conditions=records(self._conditions, CONDITION_ROW),
            cards=_in_lines(records(self._cards, CARD_ROW)),
            terms=records(self._card_terms, TERMS_ROW),
            step_rows=records(self._steps, STEP_ROW),
            days_base=self._days_base,
            price_ids=np.array([price.price_id for price in self.prices], dtype=np.int32),
            charge_code=np.array([price.charge_code for price in self.prices], dtype=np.int32),
            revenue_code=np.array([price.revenue_code for price in self.prices], dtype=np.int16),
            tax_code=np.array(self._tax_codes, dtype=np.int16),
            quantity_unit=np.array([price.unit for price in self.prices], dtype=np.int8),
            **decks,
            **self._served.arrays(),
            **self._timelines.arrays(),
        )

    def _latest(self, plan_from: Sequence[int], first_base: Sequence[int]) -> NDArray[np.void]:
        """`LATEST_ROW` by plan and service, from the last row of each plan's versions. `first_base` by deck, closed by one for none."""
        rows: list[tuple[object, ...]] = []
        for end in plan_from[1:]:
            from_us, _, present = self.plan_versions[end - 1]
            services = self._plan_services[(end - 1) * SERVICES : end * SERVICES]
            rows += [(from_us if present else FAR_US, first_base[deck], rules, deck) for rules, deck in services]
        return records(rows or [(FAR_US, 0, 0, NO_RULE)] * SERVICES, LATEST_ROW)


class _OfPrice(NamedTuple):
    """The columns of RULE_ROW that a rule has from its price."""

    quantity_max: int
    price: int
    cards: int
    calendar: int
    clock: int
    quick: bool
    voice: bool
    split: bool
    counting: int
    stepped: bool
    charge_zero_usage: bool
    counter_slot: int


def _unconditional(rule: UsageRule) -> bool:
    conditions = (rule.direction, rule.origin, rule.on_net, rule.roaming, rule.rating_group, rule.customer_group)
    return conditions == (None,) * len(conditions)


def _counts_days(ordered: Iterable[Catalogue]) -> bool:
    plans = [plan for each in ordered for plan in each.plans]
    return any(plan.day_passes or any(cap.window is CapWindow.DAY for cap in plan.caps) for plan in plans)


def _in_lines(rows: NDArray[np.void]) -> NDArray[np.void]:
    """The same rows, each in a cache line of its own: numpy begins an array 16 or 32 bytes into one."""
    assert rows.itemsize == _CACHE_LINE, "a row fills a cache line"
    room = np.empty(rows.nbytes + _CACHE_LINE, np.uint8)
    begin = -room.ctypes.data % _CACHE_LINE
    aligned = room[begin : begin + rows.nbytes].view(rows.dtype)
    aligned[:] = rows
    return aligned
