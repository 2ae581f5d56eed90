"""Which rule prices an event: a row an event, and the rule that is expected. Each rule has a price of its own, named by its cents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rating.model import HOME_NETWORK, OTHER_BAND, Price, RoamingZone, Service, UsageRule, Zone
from rating.schema import Direction
from rating.status import Status
from tests.rating.both import Both
from tests.rating.shop import NOON, calendar, call, catalogue, instant_us, micros, plan, price, rate, rule, use

if TYPE_CHECKING:
    from rating.outcome import Event, Outcome


def _price(cents: str) -> Price:
    """A call of one second costs so many cents."""
    return price(rate(f"1/1 at {int(cents) / 100:.2f}/1s"), name=cents, price_id=int(cents))


PRICES = tuple(_price(str(cents)) for cents in range(1, 10))
ZONES = (
    Zone(1, "national", ("49",), short_codes=("110", "112")),
    Zone(2, "mobile", ("4915", "4917")),
    Zone(3, "premium", ("4990012345", "499001234567890")),
    Zone(4, "unsold", ("49900123456",)),
    Zone(5, "elsewhere", ("4930",)),  # no rule of these plans names it
    Zone(6, "austria", ("43",)),
    Zone(7, "short", ("11",), short_codes=("11880",)),
)


def _rated(event: Event, *rules: UsageRule, **terms: object) -> Outcome:
    given: dict[str, object] = {"prices": PRICES, "zones": ZONES, "plans": (plan(*rules),)}
    return Both([catalogue(PRICES[0], **{**given, **terms})]).rate(event)


def _cents(outcome: Outcome) -> str:
    """The price that was found, or why there is none."""
    return outcome.price or outcome.status.name


DEEP = (rule("national", "1"), rule("premium", "2"), rule("unsold", None))

# destination -> status, zone, prefix
PREFIXES = [
    ("49", Status.RATED, "national", "49"),
    ("4", Status.NO_ZONE, "", ""),  # shorter than the prefix
    ("", Status.NO_ZONE, "", ""),
    ("33123", Status.NO_ZONE, "", ""),
    ("4930111", Status.RATED, "national", "49"),  # the longer prefix 4930 is in a zone that this plan does not name
    ("499001234", Status.RATED, "national", "49"),
    ("4990012345", Status.RATED, "premium", "4990012345"),  # 10 digits
    ("49900123459", Status.RATED, "premium", "4990012345"),
    ("49900123456", Status.NOT_SOLD, "unsold", "49900123456"),  # 11 digits
    ("49900123456789", Status.NOT_SOLD, "unsold", "49900123456"),
    ("499001234567890", Status.RATED, "premium", "499001234567890"),  # 15 digits
    ("4990012345678901", Status.INVALID_NUMBER, "", ""),  # 16
    ("+49", Status.INVALID_NUMBER, "", ""),
    ("49 30", Status.INVALID_NUMBER, "", ""),
    ("٤٩", Status.INVALID_NUMBER, "", ""),
    ("0049", Status.NO_ZONE, "", ""),  # digits are taken as they are
    (None, Status.INVALID_NUMBER, "", ""),
]


@pytest.mark.parametrize(("to", "status", "zone", "prefix"), PREFIXES)
def test_the_longest_prefix_that_the_plan_prices(to: str | None, status: Status, zone: str, prefix: str) -> None:
    outcome = _rated(call("1", to=to), *DEEP)
    assert (outcome.status, outcome.zone, outcome.prefix) == (status, zone, prefix)
    assert outcome.charge_micros == (micros(f"0.0{outcome.price}") if status is Status.RATED else 0)


# destination -> price, found by. Zones and `*` together: any zone comes last, wherever its rule stands
ANYWHERE = [("4915", "2", "4915"), ("4930", "3", "49"), ("33", "1", ""), ("", "1", "")]


@pytest.mark.parametrize(("to", "cents", "found_by"), ANYWHERE)
def test_any_zone_comes_last(to: str, cents: str, found_by: str) -> None:
    outcome = _rated(call("1", to=to), rule("*", "1"), rule("mobile", "2"), rule("national", "3"))
    assert (outcome.price, outcome.prefix) == (cents, found_by)


# destination -> price, found by, whether as a short code
SHORT_CODES = [
    ("112", "1", "112", True),
    ("110", "1", "110", True),
    ("1121", "2", "11", False),  # the whole number must be the code
    ("11", "2", "11", False),
    ("11880", "2", "11880", True),
    ("118", "2", "11", False),
    ("49112", "1", "49", False),
]


@pytest.mark.parametrize(("to", "cents", "found_by", "short"), SHORT_CODES)
def test_short_codes_come_before_prefixes(to: str, cents: str, found_by: str, *, short: bool) -> None:
    outcome = _rated(call("1", to=to), rule("short", "2"), rule("national", "1"))
    assert (outcome.price, outcome.prefix, outcome.short_code) == (cents, found_by, short)


def test_a_short_code_of_a_zone_that_the_plan_does_not_name_is_no_match() -> None:
    assert _cents(_rated(call("1", to="112"), rule("mobile", "1"), rule("*", "9"))) == "9"


ROAMING = (RoamingZone(1, "japan", (440_010, 440_020)), RoamingZone(2, "france", (208_001,)))
DIRECTIONS = (rule("*", "1", direction=Direction.ORIGINATING), rule("*", "2"))
ORIGINS = (
    rule("austria", "1", origin="mobile"),
    rule("austria", "2", origin="national"),
    rule("austria", "3", origin="austria"),
    rule("austria", "4"),
)
ON_NET = (rule("*", "1", on_net=True), rule("*", "2", on_net=False), rule("*", "3"))
WHERE = (rule("*", "1", roaming=HOME_NETWORK), rule("*", "2", roaming="japan"), rule("*", "3"))
GROUPS = (rule("*", "1", rating_group=7), rule("*", "2", customer_group=4), rule("*", "3"))
TOGETHER = (
    rule("*", "1", on_net=True, roaming="japan", direction=Direction.TERMINATING, rating_group=7),
    rule("*", "2", on_net=True, roaming="japan"),
    rule("*", "3", on_net=True),
)

# rules, what is known of the event -> price
CONDITIONS = [
    (DIRECTIONS, {"direction": Direction.ORIGINATING}, "1"),
    (DIRECTIONS, {"direction": Direction.TERMINATING}, "2"),
    (DIRECTIONS, {}, "2"),  # a direction that is not known meets no rule that asks for one
    (ORIGINS, {"destination": "431", "origin": "4917000"}, "1"),
    (ORIGINS, {"destination": "431", "origin": "4930"}, "2"),  # no rule names 4930's zone as origin, so that 49 is its longest
    (ORIGINS, {"destination": "431", "origin": "4990012345"}, "2"),
    (ORIGINS, {"destination": "431", "origin": "43"}, "3"),
    (ORIGINS, {"destination": "431", "origin": "112"}, "4"),  # origins have prefixes, no short codes
    (ORIGINS, {"destination": "431", "origin": "33"}, "4"),
    (ORIGINS, {"destination": "431", "origin": "anonymous"}, "4"),  # what is no number is no origin
    (ORIGINS, {"destination": "431", "origin": "4917000000000000"}, "4"),  # of 16 digits
    (ORIGINS, {"destination": "431"}, "4"),
    (ON_NET, {"on_net": True}, "1"),
    (ON_NET, {"on_net": False}, "2"),
    (ON_NET, {}, "3"),  # not said: neither
    (WHERE, {}, "1"),
    (WHERE, {"visited": 440_020}, "2"),
    (WHERE, {"visited": 208_001}, "3"),  # another roaming zone
    (WHERE, {"visited": 310_010}, "3"),  # a network of no roaming zone
    (GROUPS, {"rating_group": 7}, "1"),
    (GROUPS, {"rating_group": 8, "customer_group": 4}, "2"),
    (GROUPS, {"rating_group": 7, "customer_group": 4}, "1"),  # the plan's order decides
    (GROUPS, {}, "3"),
    (TOGETHER, {"on_net": True, "visited": 440_010, "direction": Direction.TERMINATING, "rating_group": 7}, "1"),  # all must hold
    (TOGETHER, {"on_net": True, "visited": 440_010, "direction": Direction.TERMINATING}, "2"),
    (TOGETHER, {"on_net": True, "visited": 208_001, "direction": Direction.TERMINATING, "rating_group": 7}, "3"),
    (TOGETHER, {"on_net": False, "visited": 440_010}, "NO_ZONE"),
]


@pytest.mark.parametrize(("rules", "known", "cents"), CONDITIONS)
def test_conditions(rules: tuple[UsageRule, ...], known: dict[str, object], cents: str) -> None:
    assert _cents(_rated(call("1", **known), *rules, roaming_zones=ROAMING)) == cents


def test_what_was_found_of_origin_and_network_is_told() -> None:
    event = call("1", to="43", origin="4915", visited=440_010)
    outcome = _rated(event, *ORIGINS, roaming_zones=ROAMING)
    assert (outcome.origin_zone, outcome.roaming_zone, outcome.rule_plan, outcome.rule_index) == ("mobile", "japan", "plan", 0)


def test_origins_that_only_another_plan_names_count_for_the_catalogue() -> None:
    other = plan(rule("*", "9", origin="elsewhere"), name="other")
    event = call("1", to="43", origin="4930")
    assert _cents(_rated(event, *ORIGINS, plans=(plan(*ORIGINS), other))) == "4"  # 4930 is of zone elsewhere now, for every plan


def test_a_shorter_prefix_prices_what_the_longer_one_has_no_rule_for() -> None:
    rules = (rule("mobile", "1", on_net=True), rule("national", "2", on_net=True), rule("national", "3"))
    for on_net, cents, prefix in ((True, "1", "4915"), (False, "3", "49")):
        outcome = _rated(call("1", to="491512", on_net=on_net), *rules)
        assert (outcome.price, outcome.prefix) == (cents, prefix)


def test_the_longer_prefix_first_even_if_its_rule_stands_last() -> None:
    assert _cents(_rated(call("1", to="491512", on_net=True), rule("national", "1", on_net=True), rule("mobile", "2"))) == "2"


def test_not_sold_is_a_match() -> None:
    rules = (rule("mobile", None, on_net=False), rule("national", "1"))
    refused = _rated(call("1", to="4915", on_net=False), *rules)
    assert (refused.status, refused.zone, refused.rule_index, refused.charge_micros) == (Status.NOT_SOLD, "mobile", 0, 0)
    assert _cents(_rated(call("1", to="4915", on_net=True), *rules)) == "1"  # the refusal has conditions like any rule


def test_each_service_has_rules_of_its_own() -> None:
    rules = (rule("*", "1"), rule("mobile", "2", Service.SMS))
    assert _cents(_rated(call("1", to="4915"), *rules)) == "1"
    assert _cents(_rated(use(1, Service.SMS, to="43"), *rules)) == "NO_ZONE"


DAYTIME = calendar(("day", "1234567", "08:00", "20:00"))
BY_DAY = price(rate("1/1 at 0.01/1s", band="day"), name="1", price_id=1, calendar="week")
BY_NIGHT = price(rate("1/1 at 0.02/1s", band=OTHER_BAND), name="2", price_id=2, calendar="week")

# start, destination, rules -> price. `1` is active by day, `2` by night, `3` always
ACTIVE = [
    ("12:00", "4915", (rule("mobile", "1"), rule("national", "3")), "1"),
    ("21:00", "4915", (rule("mobile", "1"), rule("national", "3")), "3"),  # the shorter prefix has an active price
    ("21:00", "4915", (rule("mobile", "1"), rule("*", "3")), "3"),
    ("21:00", "4915", (rule("mobile", "1"), rule("mobile", "2"), rule("national", "3")), "2"),  # the next rule of the zone
    ("21:00", "4915", (rule("mobile", "1"),), "NO_ZONE"),
    ("07:59", "4915", (rule("mobile", "1"), rule("mobile", None)), "NOT_SOLD"),
    ("08:00", "4915", (rule("mobile", "1"), rule("mobile", None)), "1"),
]


@pytest.mark.parametrize(("time", "to", "rules", "cents"), ACTIVE)
def test_only_a_price_that_is_active_at_the_start(time: str, to: str, rules: tuple[UsageRule, ...], cents: str) -> None:
    event = call("1", f"2026-03-02T{time}:00+01:00", to)
    assert _cents(_rated(event, *rules, prices=(BY_DAY, BY_NIGHT, PRICES[2]), calendars=(DAYTIME,))) == cents


PLANS = (
    plan(rule("mobile", "1"), name="plan", fallbacks=("second", "third")),
    plan(rule("austria", "2"), rule("mobile", "3"), name="second", fallbacks=("fourth", "plan")),  # a circle is asked once
    plan(rule("national", "4"), rule("*", "5"), name="third"),
    plan(rule("national", "6"), rule("short", None), name="fourth", fallbacks=("third",)),
)

# destination -> price, plan, found by
FALLBACKS = [
    ("4915", "1", "plan", "4915"),
    ("43", "2", "second", "43"),
    ("4930", "6", "fourth", "49"),  # the second's fallback comes before the third: depth first
    ("33", "5", "third", ""),
    ("", "5", "third", ""),
    ("11880", "NOT_SOLD", "fourth", "11880"),
]


@pytest.mark.parametrize(("to", "cents", "name", "found_by"), FALLBACKS)
def test_fallback_plans(to: str, cents: str, name: str, found_by: str) -> None:
    outcome = _rated(call("1", to=to), plans=PLANS)
    assert (_cents(outcome), outcome.rule_plan, outcome.prefix) == (cents, name, found_by)


def test_any_zone_of_a_plan_comes_before_its_fallbacks() -> None:
    plans = (plan(rule("*", "1"), fallbacks=("second",)), plan(rule("mobile", "2"), name="second"))
    assert _cents(_rated(call("1", to="4915"), plans=plans)) == "1"


SINCE = instant_us("2026-03-02T00:00:00+01:00")
PORTED = {"49151234": [(SINCE + 86_400_000_000, "4930"), (SINCE, "43123"), (0, "49179")], "112": [(SINCE, "49112")]}

# start, destination -> price, the number that stands for it
ROUTED = [
    (NOON, "49151234", "2", "43123"),
    ("2026-03-01T23:59:59.999999+01:00", "49151234", "1", "49179"),  # the entry before it
    ("2026-03-02T00:00:00+01:00", "49151234", "2", "43123"),
    ("2026-03-03T00:00:00+01:00", "49151234", "3", "4930"),
    (NOON, "491512345", "1", ""),  # only the whole number
    (NOON, "4915123", "1", ""),
    (NOON, "112", "3", "49112"),  # before short codes are looked for
    ("2026-03-01T12:00:00+01:00", "112", "4", ""),  # not yet
]


@pytest.mark.parametrize(("at", "to", "cents", "routed"), ROUTED)
def test_ported_numbers(at: str, to: str, cents: str, routed: str) -> None:
    zones = (Zone(1, "national", ("49",)), Zone(2, "mobile", ("4915", "4917")), Zone(3, "austria", ("43",)), Zone(4, "help", (), ("112",)))
    rules = (rule("mobile", "1"), rule("austria", "2"), rule("national", "3"), rule("help", "4"))
    twin = Both([catalogue(PRICES[0], prices=PRICES, zones=zones, plans=(plan(*rules),))], PORTED)
    outcome = twin.rate(call("1", at, to))
    assert (outcome.price, outcome.routed) == (cents, routed)
