"""What a good tariff leaves without a price is warned of: a row a tariff, told as the rules of its plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from rating.model import HOME_NETWORK, OTHER_BAND, QuantityUnit, RoamingZone, Service, UsageRule, WallClock, Zone
from tariffs.reach import Asked
from tariffs.reading.load import load
from tariffs.warnings import gaps
from tests.rating.shop import calendar, catalogue, plan, price, rate, rule
from tests.tariffs.test_catalogs import CATALOGS

if TYPE_CHECKING:
    from pathlib import Path

    from rating.model import Plan

ALWAYS = price(rate("1/1 at 0.01/1s"), name="always", price_id=1)
BY_DAY = price(rate("1/1 at 0.02/1s", band="day"), name="by day", price_id=2, calendar="week")
BY_NIGHT = price(rate("1/1 at 0.03/1s", band=OTHER_BAND), name="by night", price_id=3, calendar="week")
ABROAD = price(rate("1/1 at 0.03/1s", band=OTHER_BAND), name="abroad", price_id=4, calendar="week", clock=WallClock.VISITED)
DATA = price(rate("1/1 at 0.01/1B"), name="data", price_id=5, unit=QuantityUnit.BYTE)
EVENING = price(rate("1/1 at 0.02/1s", band="late"), name="evening", price_id=6, calendar="halves")
EARLY = price(rate("1/1 at 0.02/1s", band=OTHER_BAND), name="early", price_id=7, calendar="halves")
ZONES = (Zone(1, "home", ("49",)), Zone(2, "premium", ("49900", "4313930")), Zone(3, "help", (), ("112",)), Zone(4, "austria", ("43",)))
NOT_ASKED = ": the fallback that names this zone is not asked"
CONDITIONS = "priced only under conditions"


def _alone(*rules: UsageRule) -> tuple[Plan, ...]:
    return (plan(*rules),)


def _with_fallback(own: tuple[UsageRule, ...], *others: UsageRule) -> tuple[Plan, ...]:
    return (plan(*own, fallbacks=("other",)), plan(*others, name="other"))


HOME, PREMIUM = rule("home", "always"), rule("premium", "always")
# plans -> zone, number and what is noted of plan `plan`
ROWS: list[tuple[tuple[Plan, ...], list[tuple[str, str, str]]]] = [
    (_alone(HOME, PREMIUM), []),
    (_alone(HOME, rule("premium", None)), []),  # not sold, on purpose
    # Times
    (_alone(rule("home", "by day")), [("home", "49", "no price for what begins in other of calendar week")]),
    (_alone(rule("home", "by night")), [("home", "49", "no price for what begins in day of calendar week")]),
    (_alone(rule("home", "by day"), rule("home", "by night")), []),  # together they are always there
    (_alone(rule("home", "by day"), rule("home", "abroad")), [("home", "49", "no price for what begins in")]),  # but not on two clocks
    (_alone(rule("home", "by day"), rule("home", None)), []),
    (_alone(rule("home", "by day"), rule("home", "evening"), rule("home", "early")), []),  # nor two calendars
    (
        _alone(rule("premium", "by day"), HOME),
        [("premium", "4313930", "no price for what begins in other")],
    ),  # 49900 is priced as home by night
    (_alone(rule("home", "by day"), rule("*", "always")), []),
    # Conditions
    (_alone(rule("home", "always", on_net=True)), [("home", "49", f"{CONDITIONS} (on_net)")]),
    (_alone(rule("home", "always", on_net=True, roaming=HOME_NETWORK)), [("home", "49", f"{CONDITIONS} (on_net, roaming)")]),
    (_alone(rule("home", "always", on_net=True), rule("home", "by day")), [("home", "49", "no price for what begins in other")]),
    (_alone(rule("home", "always", on_net=True), HOME), []),
    (_alone(rule("help", "always", roaming="eu")), [("help", "112", f"{CONDITIONS} (roaming)")]),
    (_alone(rule("*", "always", on_net=True)), [("*", "", f"{CONDITIONS} (on_net)")]),
    (_alone(rule("*", "data", Service.DATA, rating_group=7), HOME), [("*", "", f"{CONDITIONS} (rating_group)")]),
    # Fallbacks
    (_with_fallback((HOME,), PREMIUM), [("premium", "49900", f"priced by the rule for `home`{NOT_ASKED}")]),
    (_with_fallback((HOME, PREMIUM), PREMIUM), []),
    (_with_fallback((HOME,), rule("austria", "always")), []),  # not inside home
    (_with_fallback((rule("home", "always", on_net=True),), HOME), []),  # the rest is the fallback's
    (_with_fallback((rule("home", "always", on_net=True),), PREMIUM), [("home", "49", f"{CONDITIONS} (on_net)")]),
]


@pytest.mark.parametrize(("plans", "noted"), ROWS)
def test_rows(plans: tuple[Plan, ...], noted: list[tuple[str, str, str]]) -> None:
    week = calendar(("day", "1234567", "08:00", "20:00"))
    eu = RoamingZone(1, "eu", (208_001,))
    halves = msgspec.structs.replace(calendar(("late", "1234567", "15:00", "24:00")), name="halves")
    prices = (ALWAYS, BY_DAY, BY_NIGHT, ABROAD, DATA, EVENING, EARLY)
    shop = catalogue(ALWAYS, prices=prices, plans=plans, zones=ZONES, calendars=(week, halves), roaming_zones=(eu,))
    found = [each for each in gaps.warn(Asked(shop)) if each.finding.place == ("plans", 0)]
    assert len(found) == len(noted), found
    for each, (zone, number, what) in zip(found, noted, strict=True):
        assert (f"to `{zone}` (such as {number}): " if number else "to anywhere: ") + what in each.finding.message
        assert each.code == ("shadowed-rule" if NOT_ASKED in what else "no-price")


@pytest.mark.parametrize("folder", sorted(path for path in CATALOGS.iterdir() if any(path.glob("*.yaml"))), ids=lambda path: path.name)
def test_the_examples_have_none(folder: Path) -> None:
    assert list(gaps.warn(Asked(load(folder)))) == []
