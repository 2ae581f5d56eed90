"""Checked catalogues to the kernel's dense tables.

All published versions of all catalogues go into one `rating.tables.Tables`, so that a batch may hold events of any plan and time. Equal
parts are stored once: decks, timelines, definitions of buckets. Refuses a price whose bound is not proved (`tariffs.compiling.bounds`).
`tariffs.compiling.cards` makes cards of prices, `tariffs.compiling.shelves` makes classes of rules.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from rating.dates import FAR_US
from rating.errors import UserError
from rating.model import ANY_ZONE, HOME_NETWORK, BucketKind, CapWindow, Counting, Draw, QuantityUnit, Service, WallClock
from rating.tables import (
    CARD_ROW,
    CONDITION_ROW,
    DEFINITION_ROW,
    DISCOUNT_ROW,
    HOME_CLOCK,
    LATEST_ROW,
    NO_RULE,
    NOT_SOLD,
    OF_CAPS,
    OF_COUNTERS,
    OF_MONEY,
    OF_QUANTITY,
    PER_EVENT,
    PLAN_VERSION_ROW,
    PLMN_ROW,
    ROAMING_ANY,
    ROAMING_HOME,
    RULE_ROW,
    SERVICES,
    SHELF_ROW,
    SLOT_BITS,
    SLOT_MASK,
    STEP_ROW,
    TARIFF_CLOCK,
    TERMS_ROW,
    VERSION_ROW,
    VISITED_CLOCK,
    Tables,
    VersionName,
)
from tariffs.compiling.bounds import QUANTITY_MAX, prove
from tariffs.compiling.cards import COUNTING_CODES, parts_of, runs_max, splits
from tariffs.compiling.decks import DeckStack
from tariffs.compiling.rows import (
    NOTHINGS_CARD,
    NOTHINGS_RULE,
    NOTHINGS_TERMS,
    CardRow,
    DefinitionRow,
    DiscountRow,
    RuleRow,
    TermsRow,
    records,
)
from tariffs.compiling.shelves import Candidate, classes, rules_in_order
from tariffs.compiling.timelines import TimelineStack

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from rating.model import Allowance, Catalogue, ChargeCap, DayPass, Discount, Plan, Price, UsageRule

_CLOCKS: Final = {WallClock.TARIFF: TARIFF_CLOCK, WallClock.HOME: HOME_CLOCK, WallClock.VISITED: VISITED_CLOCK}
_ASKED_FOR: Final = {
    BucketKind.ALLOWANCE: OF_QUANTITY, BucketKind.DAY_PASS: OF_QUANTITY, BucketKind.COUNTER: OF_COUNTERS, BucketKind.CAP: OF_CAPS,
}  # fmt: skip
_MICROSECONDS_PER_MILLISECOND: Final = 1_000
_CACHE_LINE: Final = 64


def compile_catalogues(catalogues: Sequence[Catalogue]) -> Tables:
    """Flatten every version of every catalogue.

    Raises UserError for a price whose products could leave int64, and for two versions of one catalogue that take effect at the same
    instant. Raises it for a plan that asks for over 65,534 lists of rules for one service, and for too many prefixes in all.
    """
    ordered = sorted(catalogues, key=lambda each: (each.identity, each.effective_from_us, each.version))
    _refuse_equal_starts(ordered)
    shop = _Shop(ordered)
    for index, each in enumerate(ordered):
        shop.add_version(each, index)
    names = sorted({f"{each.identity}/{plan.name}" for each in ordered for plan in each.plans})
    plan_from = [0]
    for name in names:
        identity, plan_name = name.split("/", 1)
        for index, each in enumerate(ordered):
            if each.identity == identity:
                plan = next((plan for plan in each.plans if plan.name == plan_name), None)
                shop.add_plan_version(each, index, plan)
        plan_from.append(len(shop.plan_versions))
    return shop.tables({name: index for index, name in enumerate(names)}, np.array(plan_from, dtype=np.int32))


def timezones_of(catalogues: Iterable[Catalogue]) -> tuple[str, ...]:
    """Every time zone that some clock may run on, sorted."""
    named = {zone for each in catalogues for zone in (each.timezone, *each.home_timezones)}
    return tuple(sorted(named | {zone.timezone for each in catalogues for zone in each.roaming_zones if zone.timezone is not None}))


def bucket_slots(catalogues: Sequence[Catalogue]) -> dict[tuple[BucketKind, str, int], int]:
    """A number for everything a bucket can be of; in each catalogue by id, so that allowances and passes tie in this order."""
    found: set[tuple[str, int, BucketKind]] = set()
    for each in catalogues:
        for plan in each.plans:
            found.update((each.identity, a.allowance_id, BucketKind.ALLOWANCE) for a in plan.allowances)
            found.update((each.identity, p.pass_id, BucketKind.DAY_PASS) for p in plan.day_passes)
            found.update((each.identity, c.cap_id, BucketKind.CAP) for c in plan.caps)
        found.update((each.identity, p.counter_id, BucketKind.COUNTER) for p in each.prices if p.counting is not Counting.EVENT)
    money = {
        (each.identity, a.allowance_id)
        for each in catalogues
        for plan in each.plans
        for a in plan.allowances
        if a.unit is QuantityUnit.MICRO
    }

    def asked_for(kind: BucketKind, identity: str, number: int) -> int:
        return OF_MONEY if kind is BucketKind.ALLOWANCE and (identity, number) in money else _ASKED_FOR[kind]

    return {
        (kind, identity, number): asked_for(kind, identity, number) << SLOT_BITS | slot
        for slot, (identity, number, kind) in enumerate(sorted(found))
    }


def _refuse_equal_starts(ordered: Sequence[Catalogue]) -> None:
    for one, two in itertools.pairwise(ordered):
        if (one.identity, one.effective_from_us) == (two.identity, two.effective_from_us):
            raise UserError(
                f"versions {one.version} and {two.version} of catalogue {one.identity} take effect at the same instant",
                "give each version its own effective_from",
            )


class _Shop:
    """Rows gathered so far; `tables` turns them into arrays."""

    def __init__(self, ordered: Sequence[Catalogue]) -> None:
        self._ordered = ordered
        self._slots = bucket_slots(ordered)
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
        self._shelves: list[tuple[int, int]] = []
        self._rules: list[RuleRow] = [NOTHINGS_RULE]
        self._conditions: dict[tuple[int, ...], int] = {}
        self._serves: dict[tuple[int, ...], int] = {}
        self._definition_of: list[int] = []
        self._draws: dict[int, bool] = {}  # by `serves`: whether allowances or passes are among them
        self._settles: dict[int, bool] = {}  # whether money, caps, or passes with their fee are
        self._definitions: dict[DefinitionRow, int] = {}
        self._discounts: dict[tuple[DiscountRow, ...], int] = {}
        self._discount_rows: list[DiscountRow] = []
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
            clock=_CLOCKS[price.clock] if calendar is not None else TARIFF_CLOCK,
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
        """Append what `plan` is in one version: a shelf of rules for each service."""
        self.plan_versions.append((catalogue.effective_from_us, version, plan is not None))
        nothing = (len(self._rules), NO_RULE)
        self._rules.append(self._rule_row(version, NO_RULE, 0, -1, -1, (0, 0), -1, plain=False))
        self._shelves.append(nothing)
        if plan is None:
            self._shelves += [nothing] * (SERVICES - 1)
            return
        plans = {each.name: each for each in catalogue.plans}
        for service in list(Service):
            self._add_shelf(catalogue, version, rules_in_order(plan, plans), service, nothing[0])

    def _add_shelf(self, catalogue: Catalogue, version: int, plans: Sequence[Plan], service: Service, nothing: int) -> None:
        rows = self._price_row[version]

        def holds_always(rule: UsageRule) -> bool:
            return _unconditional(rule) and (rule.price is None or self._always[rows[rule.price]])

        found = classes(catalogue, plans, service, holds_always)
        promise = _Promise(self, catalogue, plans[0], service)
        base = len(self._rules)
        overflow: list[RuleRow] = []
        zone_ids = {zone.name: zone.zone_id for zone in catalogue.zones} | {ANY_ZONE: 0}
        after = base + len(found.candidates)
        for candidates in found.candidates:
            made = []
            for place, candidate in enumerate(candidates):
                following = after + len(overflow) + place if place + 1 < len(candidates) else nothing
                made.append(self._candidate_row(version, candidate, zone_ids, following, promise, plain=holds_always(candidate.rule)))
            self._rules.append(made[0] if made else self._rule_row(version, NO_RULE, 0, -1, -1, (0, 0), -1, plain=False))
            overflow += made[1:]
        self._rules += overflow
        if found.zones is not None:
            deck = self._decks.of_zones(catalogue, found.zones, found.codes) if found.zones else NO_RULE
        else:
            whose = f"plan {plans[0].name} of catalogue {catalogue.identity}"
            deck = self._decks.of_prefixes(found.prefixes, found.codes, place=whose)
        self._shelves.append((base, deck))

    def _candidate_row(  # noqa: PLR0913 - what a row is made of
        self, version: int, candidate: Candidate, zone_ids: Mapping[str, int], following: int, promise: _Promise, *, plain: bool
    ) -> RuleRow:
        rule = candidate.rule
        condition = -1 if _unconditional(rule) else self._condition(version, rule)
        zone_id = zone_ids[rule.zone]
        if rule.price is None:
            return self._rule_row(version, NOT_SOLD, zone_id, following, condition, (0, 0), -1, plain=False)
        price = self._price_row[version][rule.price]
        return self._rule_row(version, price, zone_id, following, condition, promise.discounts(rule), promise.serves(rule), plain=plain)

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
            draws=of_price.counting != PER_EVENT or self._draws.get(serves, False),
            settles=self._settles.get(serves, False),
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

    def serves_of(self, identity: str, served: Mapping[tuple[BucketKind, int], DefinitionRow]) -> int:
        """Position in `definition_of` of the buckets that serve a rule, given the definitions (rows) that do; -1: none."""
        if not served:
            return -1
        slots = {self._slots[kind, identity, number] & SLOT_MASK: row for (kind, number), row in served.items()}
        low, high = min(slots), max(slots)
        key = (low, high - low + 1, *(self._definition(slots[slot]) if slot in slots else -1 for slot in range(low, high + 1)))
        if key not in self._serves:
            self._serves[key] = serves = len(self._definition_of)
            self._draws[serves] = any(row.unit != QuantityUnit.MICRO for row in slots.values())
            self._settles[serves] = any(row.unit == QuantityUnit.MICRO or row.kind == BucketKind.DAY_PASS for row in slots.values())
            self._definition_of += key
        return self._serves[key]

    def _definition(self, row: DefinitionRow) -> int:
        return self._definitions.setdefault(row, len(self._definitions))

    def discounts_of(self, rows: Sequence[DiscountRow]) -> tuple[int, int]:
        """Range of the rows of a rule's discounts."""
        if not rows:
            return 0, 0
        key = tuple(rows)
        if key not in self._discounts:
            self._discounts[key] = len(self._discount_rows)
            self._discount_rows += rows
        return self._discounts[key], self._discounts[key] + len(rows)

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
            shelves=records(self._shelves, SHELF_ROW),
            rules=_in_lines(records(self._rules, RULE_ROW)),
            conditions=records(self._conditions, CONDITION_ROW),
            cards=_in_lines(records(self._cards, CARD_ROW)),
            terms=records(self._card_terms, TERMS_ROW),
            step_rows=records(self._steps, STEP_ROW),
            definition_of=np.array(self._definition_of, np.int32),
            definitions=records(self._definitions, DEFINITION_ROW),
            discounts=records(self._discount_rows, DISCOUNT_ROW),
            days_base=self._days_base,
            price_ids=np.array([price.price_id for price in self.prices], dtype=np.int32),
            charge_code=np.array([price.charge_code for price in self.prices], dtype=np.int32),
            revenue_code=np.array([price.revenue_code for price in self.prices], dtype=np.int16),
            tax_code=np.array(self._tax_codes, dtype=np.int16),
            quantity_unit=np.array([price.unit for price in self.prices], dtype=np.int8),
            **decks,
            **self._timelines.arrays(),
        )

    def _latest(self, plan_from: Sequence[int], first_base: Sequence[int]) -> NDArray[np.void]:
        """`LATEST_ROW` by plan and service, from the last row of each plan's versions. `first_base` by deck, closed by one for none."""
        rows: list[tuple[object, ...]] = []
        for end in plan_from[1:]:
            from_us, _, present = self.plan_versions[end - 1]
            shelves = self._shelves[(end - 1) * SERVICES : end * SERVICES]
            rows += [(from_us if present else FAR_US, first_base[deck], rules, deck) for rules, deck in shelves]
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


class _Served(NamedTuple):
    """A bucket by its number in the catalogue, the zones of the usage that it serves, and its definition."""

    number: int
    zones: tuple[str, ...]
    row: DefinitionRow


class _Promise:
    """Promises of a plan for usage of one service, by zone: buckets that may serve it, and discounts."""

    def __init__(self, shop: _Shop, catalogue: Catalogue, plan: Plan, service: Service) -> None:
        self._shop, self._identity = shop, catalogue.identity
        self._served = [
            *(_Served(a.allowance_id, a.zones, _of_allowance(a)) for a in plan.allowances if service in a.services),
            *(_Served(p.pass_id, p.zones, _of_day_pass(p)) for p in plan.day_passes if service in p.services),
            *(_Served(c.cap_id, c.zones, _of_cap(c)) for c in plan.caps if service in c.services),
        ]
        ordered = sorted((d for d in plan.discounts if service in d.services), key=lambda d: (-d.percent_ppm, d.discount_id))
        self._discounts = [(d.zones, _of_discount(d)) for d in ordered]
        self._known: dict[tuple[str, str | None], tuple[int, tuple[int, int]]] = {}
        self._named: set[str | None] = {zone for each in self._served for zone in each.zones}
        self._named.update(zone for zones, _row in self._discounts for zone in zones)
        self._elsewhere = self._of("", None)

    def serves(self, rule: UsageRule) -> int:
        """`RULE_ROW.serves` of a rule."""
        return self._find(rule.zone, rule.roaming)[0]

    def discounts(self, rule: UsageRule) -> tuple[int, int]:
        """The rows of a rule's discounts."""
        return self._find(rule.zone, rule.roaming)[1]

    def _find(self, zone: str, roaming: str | None) -> tuple[int, tuple[int, int]]:
        if zone not in self._named and roaming not in self._named:
            return self._elsewhere
        if (zone, roaming) not in self._known:
            self._known[zone, roaming] = self._of(zone, roaming)
        return self._known[zone, roaming]

    def _of(self, zone: str, roaming: str | None) -> tuple[int, tuple[int, int]]:
        wanted = {zone, roaming, ANY_ZONE}
        served = {(each.row.kind, each.number): each.row for each in self._served if not wanted.isdisjoint(each.zones)}
        discounts = [row for zones, row in self._discounts if not wanted.isdisjoint(zones)]
        return self._shop.serves_of(self._identity, served), self._shop.discounts_of(discounts)


def _of_allowance(allowance: Allowance) -> DefinitionRow:
    return DefinitionRow(
        amount=0,
        fee=0,
        kind=BucketKind.ALLOWANCE,
        unit=allowance.unit,
        whole=allowance.draw is Draw.WHOLE_INCREMENTS,
        connect_when_free=allowance.connect_when_free,
        limited=True,
    )


def _of_day_pass(day_pass: DayPass) -> DefinitionRow:
    return DefinitionRow(
        amount=day_pass.quantity or 0,
        fee=day_pass.fee_micros,
        kind=BucketKind.DAY_PASS,
        unit=day_pass.unit,
        clock=_CLOCKS[day_pass.clock],
        limited=day_pass.quantity is not None,
    )


def _of_cap(cap: ChargeCap) -> DefinitionRow:
    return DefinitionRow(amount=cap.amount_micros, fee=0, kind=BucketKind.CAP, unit=QuantityUnit.MICRO, daily=cap.window is CapWindow.DAY)


def _of_discount(discount: Discount) -> DiscountRow:
    from_us = -FAR_US if discount.from_us is None else discount.from_us
    to_us = FAR_US if discount.to_us is None else discount.to_us
    return DiscountRow(discount.percent_ppm, from_us, to_us, discount.friends_only)


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
