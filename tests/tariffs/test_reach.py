"""Rules that something leads to: a row a plan; and against the twin, which meets no other rule and is led to each of these."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from rating.model import ANY_ZONE, HOME_NETWORK, OTHER_BAND, RoamingZone, WallClock, Zone
from rating.outcome import Event
from rating.reference import Reference
from tariffs.reach import DIRECTIONS, reachable
from tests.rating.generator import generate
from tests.rating.generator_tariffs import make_catalogues, make_era
from tests.rating.shop import calendar, catalogue, plan, price, rate, rule

if TYPE_CHECKING:
    from rating.model import Catalogue, Plan, UsageRule
    from tariffs.reach import Reach

ALWAYS = price(rate("1/1 at 0.01/1s"), name="always", price_id=1)
BY_DAY = price(rate("1/1 at 0.02/1s", band="day"), name="by day", price_id=2, calendar="week")
BY_NIGHT = price(rate("1/1 at 0.03/1s", band=OTHER_BAND), name="by night", price_id=3, calendar="week")
NEVER = price(rate("1/1 at 0.03/1s", band="sunday-2020"), name="never", price_id=4, calendar="week")
UNLISTED = 777_077  # a network of no roaming zone
ZONES = (
    Zone(1, "home", ("49",)),
    Zone(2, "premium", ("49900", "4313930")),
    Zone(3, "help", (), ("112",)),
    Zone(4, "all-premium", ("112",)),
)
HOME = rule("home", "always")
OUT, IN = rule("home", "by day", direction=1), rule("home", "always", direction=2)
# rules of the plan (after "|" those of its fallback) -> zone, number, rule, conditions and bands of what is reached
ROWS: list[tuple[tuple[UsageRule, ...], tuple[UsageRule, ...], list[str]]] = [
    ((HOME,), (), ["home 49 plan[0] any"]),
    ((HOME, rule("premium", None)), (), ["home 49 plan[0] any", "premium 49900 plan[1] refused"]),
    ((rule("home", "by day"), HOME), (), ["home 49 plan[0] day", "home 49 plan[1] any"]),
    ((rule("home", "by day"), rule("home", "by night")), (), ["home 49 plan[0] day", "home 49 plan[1] other"]),
    ((rule("home", "by day"), rule("home", "by night"), HOME), (), ["home 49 plan[0] day", "home 49 plan[1] other"]),
    ((HOME, rule(ANY_ZONE, "always")), (), ["home 49 plan[0] any", "*  plan[1] any"]),
    ((rule("home", "never"), HOME), (), ["home 49 plan[1] any"]),
    # Short codes that are prefixes too
    ((rule("help", "always"), rule("all-premium", "by day")), (), ["help 112 plan[0] any", "all-premium 112000000 plan[1] day"]),
    # Conditions
    ((rule("home", "always", on_net=True), HOME), (), ["home 49 plan[0] on_net=True any", "home 49 plan[1] any"]),
    ((rule("home", "by day", on_net=True), rule("home", "by night", on_net=True, roaming="eu")), (),
     ["home 49 plan[0] on_net=True day", "home 49 plan[1] on_net=True roaming=eu other"]),
    ((OUT, IN, HOME), (), ["home 49 plan[0] direction=1 day", "home 49 plan[1] direction=2 any", "home 49 plan[2] direction=1 any"]),
    ((rule("home", None, direction=1), IN, HOME), (), ["home 49 plan[0] direction=1 refused", "home 49 plan[1] direction=2 any"]),
    ((rule("home", "by day", direction=1), rule("home", "by night")), (),
     ["home 49 plan[0] direction=1 day", "home 49 plan[1] other"]),
    # Fallbacks
    ((HOME,), (HOME, rule("premium", "always")), ["home 49 plan[0] any", "premium 4313930 other[1] any"]),  # 49900 is taken by home
    ((rule("home", "by day"),), (HOME, rule("premium", "always")),
     ["home 49 plan[0] day", "home 49 other[0] any", "premium 49900 other[1] any"]),
]  # fmt: skip


WEEK = calendar(("day", "1234567", "08:00", "20:00"), ("sunday-2020", "7", "00:00", "08:00"))
LATE = msgspec.structs.replace(WEEK, bands=(WEEK.bands[0], msgspec.structs.replace(WEEK.bands[1], years=(2020,))))
EU = RoamingZone(1, "eu", (208_001,))


def _text(reach: Reach) -> str:
    said = [f"{name}={value}" for name, value in reach.conditions]
    return " ".join([reach.zone, reach.number, f"{reach.rule_plan}[{reach.rule_index}]", *said, ",".join(reach.bands) or "refused"])


@pytest.mark.parametrize(("own", "others", "told"), ROWS)
def test_rows(own: tuple[UsageRule, ...], others: tuple[UsageRule, ...], told: list[str]) -> None:
    plans = (plan(*own, fallbacks=("other",)), plan(*others, name="other")) if others else (plan(*own),)
    prices = (ALWAYS, BY_DAY, BY_NIGHT, NEVER)
    shop = catalogue(ALWAYS, prices=prices, plans=plans, zones=ZONES, calendars=(LATE,), roaming_zones=(EU,))
    assert [_text(reach) for reach in reachable(shop, plans[0])] == told


@pytest.mark.parametrize("seed", range(4))
def test_the_twin_meets_no_other_rule(seed: int) -> None:
    """Whatever events say, but for their direction: all that is billed has one."""
    case = generate(seed, 1_500)
    newest = {each.identity: each for each in case.catalogues}
    known = {
        (f"{each.identity}/{of.name}", reach.rule_plan, reach.rule_index, reach.service)
        for each in newest.values()
        for of in each.plans
        for reach in reachable(each, of)
    }
    twin = Reference(list(newest.values()))
    outcomes = [twin.rate(event) for event in case.events if event.direction in DIRECTIONS]
    met = {(each.event.plan, each.rule_plan, each.rule_index, each.event.service) for each in outcomes if each.rule_index >= 0}
    assert len(met) > 10, "the world is too poor to show anything"
    assert met <= known


@pytest.mark.parametrize("seed", range(8))
def test_the_twin_is_led_to_every_rule(seed: int) -> None:
    """By the number and the conditions that stand in a reach, at some time, in each of its bands."""
    rng = random.Random(seed)
    made = make_catalogues(rng, make_era(rng))[-1]
    on_one_clock = tuple(msgspec.structs.replace(each, clock=WallClock.TARIFF) for each in made.prices)
    shop = msgspec.structs.replace(made, prices=on_one_clock)
    twin = Reference([shop])
    shown = 0
    for each in shop.plans:
        for reach in reachable(shop, each):
            for start_us in reach.starts_us:
                outcome = twin.rate(_event(shop, each, reach, start_us))
                assert (outcome.rule_plan, outcome.rule_index) == (reach.rule_plan, reach.rule_index), (reach, outcome)
                shown += 1
    assert shown > 5, "the world is too poor to show anything"


def _event(shop: Catalogue, of: Plan, reach: Reach, start_us: int) -> Event:
    """What is said to meet a reach."""
    said = dict(reach.conditions)
    assert all(UNLISTED not in zone.plmns for zone in shop.roaming_zones)
    networks = {zone.name: zone.plmns[0] for zone in shop.roaming_zones} | {HOME_NETWORK: 0}
    origins = {zone.name: zone.prefixes[0] for zone in shop.zones if zone.prefixes}
    return Event(
        event_key=bytes(16),
        start_us=start_us,
        quantity=1,
        service=int(reach.service),
        plan=f"{shop.identity}/{of.name}",
        destination=reach.number,
        origin=origins[str(said["origin"])] if "origin" in said else "",
        direction=int(said.get("direction", DIRECTIONS[0])),
        on_net=bool(said["on_net"]) if "on_net" in said else None,
        visited=networks[str(said["roaming"])] if "roaming" in said else UNLISTED,
        rating_group=int(said.get("rating_group", 0)),
        customer_group=int(said.get("customer_group", 0)),
        content_micros=0,
    )


def test_thousands_of_rules_of_one_zone_are_not_compared_pair_by_pair() -> None:
    """Pair by pair they took half a minute."""
    count = 12_000
    many = plan(*(rule("home", "always", customer_group=group) for group in range(1, count)), HOME)
    began = time.process_time()
    found = reachable(catalogue(ALWAYS, prices=(ALWAYS,), plans=(many,), zones=ZONES), many)
    assert len(found) == count
    assert time.process_time() - began < 5
