"""Random plans: rules with every condition, several a zone and some out of reach; fallbacks; allowances, day passes, caps, discounts.

Ids are stable: a definition may change from version to version, vanish and come back, and plans share ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from rating.model import (
    ANY_ZONE,
    HOME_NETWORK,
    UNIT_OF_SERVICE,
    Allowance,
    CapWindow,
    ChargeCap,
    DayPass,
    Discount,
    Draw,
    Plan,
    Price,
    QuantityUnit,
    RoamingZone,
    Service,
    UsageRule,
    WallClock,
    Zone,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

_T = TypeVar("_T")
# Units by id: allowances and passes share a line of ids, since the id decides which is drawn first.
ALLOWANCE_UNITS = {
    1: QuantityUnit.MILLISECOND, 3: QuantityUnit.MILLISECOND, 4: QuantityUnit.MESSAGE, 6: QuantityUnit.BYTE, 7: QuantityUnit.MICRO,
    9: QuantityUnit.MILLISECOND, 10: QuantityUnit.BYTE, 12: QuantityUnit.MICRO, 1_000_000: QuantityUnit.MESSAGE,
}  # fmt: skip
PASS_UNITS = {2: QuantityUnit.MILLISECOND, 5: QuantityUnit.MESSAGE, 8: QuantityUnit.BYTE, 2**31 - 1: QuantityUnit.MILLISECOND}
DAY_LIMITS = {QuantityUnit.MILLISECOND: 90_000, QuantityUnit.MESSAGE: 5, QuantityUnit.BYTE: 3 * 2**20}
RATING_GROUPS = (100, 200)
CUSTOMER_GROUPS = (1, 7)
PPM = 1_000_000


class Wares(NamedTuple):
    """What a catalogue has for its plans."""

    zones: tuple[Zone, ...]
    roaming_zones: tuple[RoamingZone, ...]
    prices: tuple[Price, ...]
    days_us: tuple[int, ...]  # when things happen
    discounted: bool  # whether plans have discounts
    plain: float  # share of rules without condition


def make_plans(rng: random.Random, names: list[str], wares: Wares) -> tuple[Plan, ...]:
    """One plan a name."""
    return tuple(
        Plan(
            name=name,
            rules=_rules(rng, wares),
            title={},
            allowances=_allowances(rng, wares),
            fallbacks=_fallbacks(rng, name, names),
            day_passes=_day_passes(rng, wares),
            caps=_caps(rng, wares),
            discounts=_discounts(rng, wares) if wares.discounted else (),
        )
        for name in names
    )


def _fallbacks(rng: random.Random, name: str, names: list[str]) -> tuple[str, ...]:
    """None, one or two later plans, so that chains end."""
    later = names[names.index(name) + 1 :]
    return tuple(rng.sample(later, min(len(later), rng.choice([0, 0, 1, 1, 2]))))


def _rules(rng: random.Random, wares: Wares) -> tuple[UsageRule, ...]:
    rules: list[UsageRule] = []
    zones = [zone.name for zone in wares.zones]
    shared = [zone for zone in zones if rng.random() < 0.7]  # services that name the same zones share one deck
    for service in Service:
        fitting: list[str | None] = [price.name for price in wares.prices if price.unit is UNIT_OF_SERVICE[service]]
        if rng.random() < 0.5:
            fitting.append(None)
        named = rng.choice([shared, shared, shared, zones, zones, [zones[0]]])
        for zone in [*named, *([ANY_ZONE] if rng.random() < 0.75 else [])]:
            rules += [_rule(rng, service, zone, rng.choice(fitting), wares) for _ in range(rng.choice([1, 1, 2, 3]))]
            if rng.random() < 0.5:
                rules.append(UsageRule(service, zone, rng.choice(fitting)))
    rng.shuffle(rules)
    return tuple(rules)


def _rule(rng: random.Random, service: Service, zone: str, price: str | None, wares: Wares) -> UsageRule:
    """A rule with conditions or none."""
    if rng.random() < wares.plain:
        return UsageRule(service, zone, price)
    origins = [zone.name for zone in wares.zones[:4]]
    roaming = [HOME_NETWORK, HOME_NETWORK, *(zone.name for zone in wares.roaming_zones)]
    return UsageRule(
        service,
        zone,
        price,
        direction=_sometimes(rng, [1, 1, 2]),
        origin=_sometimes(rng, origins, 0.15),
        on_net=_sometimes(rng, [True, False], 0.15),
        roaming=_sometimes(rng, roaming, 0.4),
        rating_group=_sometimes(rng, RATING_GROUPS, 0.1),
        customer_group=_sometimes(rng, CUSTOMER_GROUPS, 0.1),
    )


def _sometimes(rng: random.Random, choices: Sequence[_T], chance: float = 0.25) -> _T | None:
    return rng.choice(choices) if rng.random() < chance else None


def _served_zones(rng: random.Random, wares: Wares) -> tuple[str, ...]:
    if rng.random() < 0.7:
        return (ANY_ZONE,)
    named = [*(zone.name for zone in wares.zones), HOME_NETWORK, *(zone.name for zone in wares.roaming_zones)]
    return tuple(name for name in named if rng.random() < 0.6) or (wares.zones[0].name,)


def _served_services(rng: random.Random, unit: QuantityUnit) -> tuple[Service, ...]:
    fitting = [service for service in Service if unit in {UNIT_OF_SERVICE[service], QuantityUnit.MICRO}]
    return tuple(sorted(fitting if rng.random() < 0.75 else rng.sample(fitting, rng.randint(1, len(fitting)))))


def _allowances(rng: random.Random, wares: Wares) -> tuple[Allowance, ...]:
    numbers = rng.sample(sorted(ALLOWANCE_UNITS), rng.randint(2, 8))
    return tuple(_allowance(rng, number, ALLOWANCE_UNITS[number], wares) for number in numbers)


def _allowance(rng: random.Random, number: int, unit: QuantityUnit, wares: Wares) -> Allowance:
    return Allowance(
        allowance_id=number,
        name=f"allowance {number}",
        services=_served_services(rng, unit),
        unit=unit,
        quantity=6_000_000,
        zones=_served_zones(rng, wares),
        priority=rng.choice([0, 0, 1, 2]),
        draw=rng.choice(list(Draw)),
        connect_when_free=rng.random() < 0.3,
        shared=rng.random() < 0.3,
    )


def _day_passes(rng: random.Random, wares: Wares) -> tuple[DayPass, ...]:
    return tuple(
        DayPass(
            pass_id=place,
            name=f"pass {place}",
            fee_micros=rng.choice([0, 990_000, 2_500_000, 7]),
            services=_served_services(rng, PASS_UNITS[place]),
            zones=_served_zones(rng, wares),
            unit=PASS_UNITS[place],
            quantity=rng.choice([None, DAY_LIMITS[PASS_UNITS[place]], 1]),
            clock=rng.choice(list(WallClock)),
            priority=rng.choice([0, 0, 1, 2]),
        )
        for place in rng.sample(sorted(PASS_UNITS), rng.choice([0, 1, 1, 2, 3]))
    )


def _caps(rng: random.Random, wares: Wares) -> tuple[ChargeCap, ...]:
    return tuple(
        ChargeCap(
            cap_id=number,
            name=f"cap {number}",
            amount_micros=rng.choice([1, 333_333, 5_000_000, 20_000_000, 500_000_000, 500_000_000, 10**10, 10**12]),
            window=CapWindow.DAY if (number % 2 == 1) != (rng.random() < 0.05) else CapWindow.PERIOD,
            services=tuple(sorted(rng.sample(list(Service), rng.randint(2, 5)))),
            zones=_served_zones(rng, wares),
        )
        for number in rng.sample(range(1, 6), rng.choice([0, 1, 2, 2, 3]))
    )


def _discounts(rng: random.Random, wares: Wares) -> tuple[Discount, ...]:
    """Some of equal percentage: the lowest id applies."""
    found = []
    for number in rng.sample(range(1, 8), rng.choice([0, 1, 2, 4])):
        first_us, last_us = sorted(rng.sample(wares.days_us, 2))
        from_us = rng.choice([None, None, first_us, first_us + 1])
        to_us = rng.choice([None, None, last_us, last_us + 1])
        found.append(
            Discount(
                discount_id=number,
                name=f"discount {number}",
                percent_ppm=rng.choice([0, 1, 100_000, 100_000, 100_000, 333_333, 500_000, 900_001, PPM]),
                services=tuple(sorted(rng.sample(list(Service), rng.randint(2, 5)))),
                zones=_served_zones(rng, wares),
                friends_only=rng.random() < 0.4,
                from_us=from_us,
                to_us=to_us,
            )
        )
    return tuple(found)
