"""What becomes of an event as a whole: every refusal in its order of precedence, which version prices, and what is told of it."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from rating.model import OTHER_BAND, Band, BucketKind, Calendar, QuantityUnit, Service, UsageRule, WallClock, Zone
from rating.outcome import Event, Outcome
from rating.status import Status
from tests.rating.both import Both
from tests.rating.shop import NOON, bucket, call, catalogue, day_pass, instant_us, left, micros, minutes, plan, price, rate, rated

TEN_CENTS = price(rate("60/60 at 0.10/60s"))
LIMIT_US = 31 * 86_400 * 1_000_000
YEAR_2000, YEAR_2070 = instant_us("2000-01-01T00:00:00Z"), instant_us("2070-01-01T00:00:00Z")
FIRST_US = instant_us("2026-01-01T00:00:00+01:00")  # when the catalogue begins

# what differs from a good call -> status. A refusal that comes earlier in the list of statuses wins: each row has what the next ones lack
REFUSALS = [
    ({}, Status.RATED),
    ({"plan": None, "quantity": -1}, Status.UNKNOWN_SUBSCRIPTION),
    ({"plan": "shop/other", "quantity": -1}, Status.UNKNOWN_PLAN),
    ({"plan": "plan", "quantity": -1}, Status.UNKNOWN_PLAN),  # without its catalogue
    ({"quantity": -1, "start_us": -1}, Status.NEGATIVE_QUANTITY),
    ({"start_us": YEAR_2000 - 1, "destination": None}, Status.TIME_OUT_OF_RANGE),
    ({"start_us": YEAR_2070, "destination": None}, Status.TIME_OUT_OF_RANGE),
    ({"start_us": YEAR_2070 - 1}, Status.RATED),
    ({"start_us": YEAR_2000, "destination": None}, Status.INVALID_NUMBER),
    ({"start_us": YEAR_2000, "destination": "x"}, Status.INVALID_NUMBER),
    ({"start_us": YEAR_2000, "service": 9}, Status.NO_VERSION),
    ({"start_us": FIRST_US - 1}, Status.NO_VERSION),
    ({"start_us": FIRST_US}, Status.RATED),
    ({"service": 9}, Status.NO_ZONE),  # no rule for such a service
    ({"service": Service.DATA, "quantity": 2**60}, Status.NO_ZONE),
    ({"destination": "77", "quantity": LIMIT_US + 1}, Status.NOT_SOLD),
    ({"quantity": LIMIT_US}, Status.RATED),
    ({"quantity": LIMIT_US + 1}, Status.QUANTITY_TOO_LARGE),
    ({"destination": "88", "quantity": LIMIT_US + 1}, Status.QUANTITY_TOO_LARGE),
    ({"destination": "88", "content_micros": 10**12 + 1}, Status.QUANTITY_TOO_LARGE),
    ({"destination": "88"}, Status.CONTENT_AMOUNT_MISSING),
    ({"destination": "88", "quantity": 0}, Status.CONTENT_AMOUNT_MISSING),
    ({"destination": "88", "content_micros": 0}, Status.RATED),
    ({"quantity": 0}, Status.ZERO_RATED),
]
ZONES = (Zone(1, "home", ("49",)), Zone(2, "unsold", ("77",)), Zone(3, "shared", ("88",)))
RULES = (
    UsageRule(Service.VOICE, "home", "price"),
    UsageRule(Service.VOICE, "unsold", None),
    UsageRule(Service.VOICE, "shared", "content"),
)
CONTENT = price(rate("60/60 at 0.10/60s"), name="content", price_id=8, content_ppm=500_000)


@pytest.mark.parametrize(("change", "status"), REFUSALS)
def test_refusals_in_order(change: dict[str, object], status: Status) -> None:
    held = (left(5), bucket(BucketKind.CAP, 1, 7))
    event = call("0.000001", to="49", **change)
    outcome = rated(TEN_CENTS, event, held, zones=ZONES, plans=(plan(*RULES),), prices=(TEN_CENTS, CONTENT))
    assert outcome.status is status
    if status is not Status.RATED:
        assert (outcome.charge_micros, outcome.gross_micros, outcome.chargeable_qty, outcome.free_qty) == (0, 0, 0, 0)
        assert outcome.buckets == held


# unit -> the largest quantity
LARGEST = [
    (QuantityUnit.MILLISECOND, Service.VOICE, LIMIT_US),
    (QuantityUnit.BYTE, Service.DATA, 2**40),
    (QuantityUnit.MESSAGE, Service.MMS, 10**6),
]


@pytest.mark.parametrize(("unit", "service", "largest"), LARGEST)
def test_the_largest_quantity(unit: QuantityUnit, service: Service, largest: int) -> None:
    the_price = price(rate("1/1 at 0.000001/1m"), unit=unit)
    for quantity, status in ((largest, Status.RATED), (largest + 1, Status.QUANTITY_TOO_LARGE)):
        assert rated(the_price, Event(bytes(16), instant_us(NOON), quantity, service, "shop/plan", "49")).status is status


def test_every_refusal_has_a_row() -> None:
    assert {status for _, status in REFUSALS} == set(Status)


# By field: what is wrong with it, and the refusal that follows from that alone
MISTAKES: dict[str, list[tuple[object, Status]]] = {
    "plan": [("shop/plan", Status.RATED), (None, Status.UNKNOWN_SUBSCRIPTION), ("shop/other", Status.UNKNOWN_PLAN)],
    "quantity": [(60_000_000, Status.RATED), (-1, Status.NEGATIVE_QUANTITY), (2**62, Status.QUANTITY_TOO_LARGE)],
    "start_us": [(FIRST_US, Status.RATED), (YEAR_2070, Status.TIME_OUT_OF_RANGE), (FIRST_US - 1, Status.NO_VERSION)],
    "destination": [
        ("49", Status.RATED),
        (None, Status.INVALID_NUMBER),
        ("33", Status.NO_ZONE),
        ("77", Status.NOT_SOLD),
        ("88", Status.CONTENT_AMOUNT_MISSING),
    ],
}


def test_of_several_mistakes_the_one_with_the_lowest_code_is_told() -> None:
    both = Both([catalogue(TEN_CENTS, zones=ZONES, plans=(plan(*RULES),), prices=(TEN_CENTS, CONTENT))])
    for chosen in itertools.product(*MISTAKES.values()):
        event = call("60", **{field: value for field, (value, _) in zip(MISTAKES, chosen, strict=True)})
        first = min((status for _, status in chosen if status is not Status.RATED), default=Status.RATED)
        assert both.rate(event).status is first, chosen


def test_the_version_at_start_prices_the_whole_call() -> None:
    switch = "2026-03-02T12:00:00+01:00"
    old = catalogue(TEN_CENTS)
    new = catalogue(price(rate("60/60 at 0.50/60s")), version=2, effective_from_us=instant_us(switch))
    twin = Both([new, old])
    before, at = twin.rate(call("120", "2026-03-02T11:59:59.999999+01:00")), twin.rate(call("120", switch))
    assert (before.version, before.charge_micros) == (1, micros("0.20"))
    assert (at.version, at.charge_micros) == (2, micros("1.00"))


def test_a_plan_that_the_version_in_force_does_not_hold() -> None:
    old = catalogue(TEN_CENTS)
    new = catalogue(TEN_CENTS, version=2, effective_from_us=instant_us(NOON), plans=())
    twin = Both([old, new])
    assert twin.rate(call("1")).status is Status.NO_VERSION
    assert twin.rate(call("1", "2026-03-02T11:00:00+01:00")).status is Status.RATED


def test_catalogues_are_told_apart() -> None:
    other = catalogue(price(rate("60/60 at 0.70/60s")), identity="other", currency="JPY")
    twin = Both([catalogue(TEN_CENTS), other])
    for name, charge in (("shop/plan", "0.10"), ("other/plan", "0.70")):
        outcome = twin.rate(call("1", plan=name))
        assert (outcome.identity, outcome.charge_micros) == (name.split("/")[0], micros(charge))


def test_a_home_clock_is_known_if_any_catalogue_names_its_zone() -> None:
    the_price = price(rate("1/1 at 0.01/1s", band="night"), rate("1/1 at 0.02/1s", band=OTHER_BAND), calendar="week", clock=WallClock.HOME)
    night = Calendar("week", (Band("night", (), 0, 6 * 3600),))
    ours = catalogue(the_price, calendars=(night,))
    event = call("1", NOON, home_timezone="America/Los_Angeles")  # three o'clock there
    assert Both([ours]).rate(event).clock_timezone == "Europe/Berlin"
    assert Both([ours, catalogue(TEN_CENTS, identity="other", timezone="America/Los_Angeles")]).rate(event).charge_micros == 10_000


def test_a_refused_event_tells_what_was_known() -> None:
    outcome = rated(TEN_CENTS, call("1", to="77"), zones=ZONES, plans=(plan(*RULES),), prices=(TEN_CENTS, CONTENT))
    told = (outcome.identity, outcome.version, outcome.zone, outcome.zone_id, outcome.prefix, outcome.rule_plan, outcome.rule_index)
    assert told == ("shop", 1, "unsold", 2, "77", "plan", 1)
    missing = rated(TEN_CENTS, call("1", to="88"), zones=ZONES, plans=(plan(*RULES),), prices=(TEN_CENTS, CONTENT))
    assert (missing.price, missing.price_id, missing.content_ppm) == ("content", 8, 500_000)


def test_events_without_holder_and_holders_without_buckets() -> None:
    twin = Both([catalogue(TEN_CENTS, plans=(plan(allowances=(minutes(),), day_passes=(day_pass(),)),))])
    ordered = twin.rate_in_order(
        [call("60"), call("60"), call("60")], [None, "nobody", "ann"], {"ann": ["a"]}, {"a": left(60_000), "b": left(1)}
    )
    assert [outcome.charge_micros for outcome in ordered.outcomes] == [100_000, 100_000, 0]
    assert ordered.buckets == {"a": left(0), "b": left(1)}
    assert [len(outcome.buckets) for outcome in ordered.outcomes] == [0, 0, 1]


def test_an_outcome_adds_up_and_can_be_written_down() -> None:
    outcome = rated(TEN_CENTS, call("185.2"), [left(60_000)], plans=(plan(allowances=(minutes(),)),))
    assert sum(piece.to_qty - piece.from_qty for piece in outcome.pieces) == outcome.chargeable_qty
    assert sum(piece.free_qty for piece in outcome.pieces) == outcome.free_qty
    assert sum(piece.amount_micros for piece in outcome.pieces) == outcome.exact_micros == outcome.charge_micros
    assert msgspec.structs.replace(outcome) == outcome
    assert isinstance(outcome, Outcome)
