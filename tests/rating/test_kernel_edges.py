"""Where random worlds do not go: prices at the bound proved for them, malformed rows, empty tables, odd sizes of a batch, ties."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pytest

from rating import kernel
from rating.engine import Buckets, RatingInput, rate
from rating.model import (
    ANY_BAND,
    ANY_ZONE,
    Allowance,
    BandPolicy,
    BucketKind,
    CapWindow,
    ChargeCap,
    Counting,
    DayPass,
    Discount,
    Plan,
    Price,
    QuantityUnit,
    Rate,
    Service,
    Step,
    UsageRule,
    Zone,
)
from rating.money import MICROS_LIMIT, RoundingMode
from rating.outcome import COUNTER_MAX, Bucket, Event
from rating.status import Status
from rating.tables import TIME_MAX_US, TIME_MIN_US
from tariffs.compiling import bounds, cards
from tariffs.compiling.compiler import compile_catalogues
from tests.rating import harness, shop
from tests.rating.generator import Case, generate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rating.model import Catalogue
    from rating.tables import Tables

ROOT = Path(__file__).parents[2]
SERVICES: Final = {QuantityUnit.MILLISECOND: Service.VOICE, QuantityUnit.MESSAGE: Service.SMS, QuantityUnit.BYTE: Service.DATA}
LARGEST: Final = {QuantityUnit.MILLISECOND: 31 * 86_400 * 10**6, QuantityUnit.MESSAGE: 10**6, QuantityUnit.BYTE: 2**40}
# What of a price is as large as is accepted. `quick`: the rate at which the proof of quick division ends, `slow`: the one after it.
PUSHED: Final = ["rate", "quick", "slow", "connect", "content", "minimum", "maximum", "rounding step", "increment", "first increment"]
CARD_NUMBER_LIMIT: Final = 2**32


def _price(what: str, unit: QuantityUnit, mode: RoundingMode, figure: int) -> Price:
    """A price with odd `per` quantities, one figure of which is given."""
    rate_micros = figure if what in {"rate", "quick", "slow"} else 1_000
    increment = max(figure, 1) if what == "increment" else 7
    steps = (Step(0, rate_micros, 7, increment), Step(1_000, rate_micros, 11, 11), Step(100_001, rate_micros // 3, 13, 13))
    first = max(figure, 1) if what == "first increment" else 60
    return Price(
        price_id=1, name="p", charge_code=1, revenue_code=1, tax_class="standard", unit=unit,
        rates=(Rate(ANY_BAND, steps[: 2 if what in {"quick", "slow"} else 3], first, figure if what == "connect" else 5),),
        band_policy=BandPolicy.SPLIT if unit is QuantityUnit.MILLISECOND else BandPolicy.START,
        content_ppm=333_333 if what == "content" else 0,
        minimum_micros=figure if what == "minimum" else 0,
        maximum_micros=figure if what == "maximum" else None,
        rounding_mode=mode, rounding_step_micros=max(figure, 1) if what == "rounding step" else 1 + (what == "content"),
    )  # fmt: skip


def _accepts(what: str, price: Price, *, discounted: bool) -> bool:
    quick = what != "quick" or cards._fits_a_card(price, bounds.denominator(price), bounds.QUANTITY_MAX[price.unit])  # noqa: SLF001 - the proof itself
    return quick and bounds.prove(price, discounted=discounted) is None


def _pushed(what: str, unit: QuantityUnit, mode: RoundingMode, *, discounted: bool) -> Price | None:
    """The price with the largest figure that is accepted; None where even the smallest is not."""
    low, high = 0, 2**62
    make = functools.partial(_price, "quick" if what == "slow" else what, unit, mode)
    accepts = functools.partial(_accepts, "quick" if what == "slow" else what, discounted=discounted)
    if not accepts(make(low)):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if accepts(make(middle)) else (low, middle)
    made = make(low + (what == "slow"))
    return made if bounds.prove(made, discounted=discounted) is None else None


def _plan(price: Price, number: int, *, discounted: bool) -> Plan:
    """All that can be on top of a charge: a half free, money, fees of passes up to half the limit of money, caps, a discount."""
    given: dict[str, Any] = {"services": (SERVICES[price.unit],), "zones": (ANY_ZONE,)}
    base = 10 * number
    half = Allowance(base, "half", unit=price.unit, quantity=1, **given)
    money = Allowance(base + 1, "money", unit=QuantityUnit.MICRO, quantity=1, **given)
    passes = tuple(DayPass(base + 2 + n, f"d{n}", MICROS_LIMIT // 4 - 1, unit=price.unit, quantity=1, **given) for n in range(2))
    caps = tuple(ChargeCap(base + n, f"c{n}", MICROS_LIMIT - 1, window, **given) for n, window in enumerate(CapWindow))
    discounts = (Discount(1, "most", 999_999, **given),) if discounted else ()
    rules = (UsageRule(SERVICES[price.unit], ANY_ZONE, price.name),)
    return Plan(f"p{number}", rules, {}, allowances=(half, money), day_passes=passes, caps=caps, discounts=discounts)


def _at_the_bound(prices: Sequence[Price], *, discounted: bool) -> Case:
    """The largest events of each price: of nobody, of one with an allowance, money and caps, and of one with passes."""
    named = [msgspec.structs.replace(price, name=f"p{number}", price_id=number) for number, price in enumerate(prices, start=1)]
    plans = tuple(_plan(price, price.price_id, discounted=discounted) for price in named)
    events: list[Event] = []
    held: dict[int, list[int]] = {}
    buckets: dict[int, Bucket] = {}
    for price in named:
        base, largest = 10 * price.price_id, LARGEST[price.unit]
        some = [
            [(BucketKind.ALLOWANCE, base, bounds.QUANTITY_MAX[price.unit] // 2 + 1), (BucketKind.ALLOWANCE, base + 1, 10**17 + 1)],
            [(BucketKind.CAP, base, 0), (BucketKind.CAP, base + 1, MICROS_LIMIT // 3)],
            [(BucketKind.DAY_PASS, base + 2, 0), (BucketKind.DAY_PASS, base + 3, 0)],
        ]
        for quantity, kinds in itertools.product((largest, largest - 1, largest // 3, 61), ((), (0, 1), (2,))):
            key, holder = random.Random(len(events)).randbytes(16), len(events)
            where = (shop.instant_us(shop.NOON), quantity, SERVICES[price.unit], f"shop/p{price.price_id}")
            events.append(Event(key, *where, content_micros=10**12))
            made = [Bucket(kind, "shop", number, amount) for place in kinds for kind, number, amount in some[place]]
            held[holder] = list(range(len(buckets), len(buckets) + len(made)))
            buckets.update(zip(held[holder], made, strict=True))
    catalogue = shop.catalogue(named[0], prices=tuple(named), plans=plans)
    return Case([catalogue], events, list(range(len(events))), held, buckets, list(range(len(events))))


@pytest.mark.parametrize("discounted", [False, True])
def test_prices_at_their_bound(discounted: bool) -> None:  # noqa: FBT001 - a parameter of the test
    asked = itertools.product(PUSHED, SERVICES, RoundingMode)
    prices = [price for each in asked if (price := _pushed(*each, discounted=discounted)) is not None]
    assert len(prices) > 70
    assert any(price.rounding_step_micros >= CARD_NUMBER_LIMIT for price in prices)
    assert any(price.rates[0].first_increment_qty >= CARD_NUMBER_LIMIT for price in prices)
    case = _at_the_bound(prices, discounted=discounted)
    twin = harness.by_twin(case)
    assert harness.differences(case, harness.by_kernel(case), twin) == []
    assert (twin.events[:, 0] <= Status.ZERO_RATED).all()


# counting, amount and mark of the counter, seconds -> chargeable seconds, amount and mark afterwards
AT_THE_TOP: list[tuple[Counting, int, int, str, int, list[int]]] = [
    (Counting.GRADUATED, COUNTER_MAX, 0, "61", 120, [COUNTER_MAX, 0]),
    (Counting.GRADUATED, COUNTER_MAX - 1, 7, "60", 60, [COUNTER_MAX, 7]),
    (Counting.PACKAGE, COUNTER_MAX, 0, "61", 120, [COUNTER_MAX, 59_000]),
    (Counting.PACKAGE, COUNTER_MAX, COUNTER_MAX, "61", 0, [COUNTER_MAX, COUNTER_MAX - 61_000]),
]


@pytest.mark.parametrize("row", AT_THE_TOP)
def test_a_counter_at_its_top_stays(row: tuple[Counting, int, int, str, int, list[int]]) -> None:
    counting, amount, mark, seconds, chargeable_s, after = row
    price = shop.price(shop.rate("60/60 at 0.10/60s, from 600s 60 at 0.01/60s"), counting=counting, counter_id=2)
    case = _one_holder([shop.catalogue(price)], [shop.call(seconds)], [shop.bucket(BucketKind.COUNTER, 2, amount, mark)])
    answer = harness.by_kernel(case)
    assert (answer.events[0, harness.FIELDS.index("chargeable_qty")], answer.buckets.tolist()) == (chargeable_s * 1000, [after])
    assert harness.differences(case, answer, harness.by_twin(case)) == []


def test_a_cap_lowered_below_what_is_spent() -> None:
    price = shop.price(shop.rate("60/60 at 0.10/60s"))
    given: dict[str, Any] = {"window": CapWindow.PERIOD, "services": (Service.VOICE,), "zones": (ANY_ZONE,)}
    first, second = (shop.plan(caps=(ChargeCap(3, "cap", amount, **given),)) for amount in (500_000, 300_000))
    versions = [
        shop.catalogue(price, plans=(first,)),
        shop.catalogue(price, version=2, effective_from_us=shop.instant_us(shop.NOON), plans=(second,)),
    ]
    events = [shop.call("240", "2026-03-02T11:00:00+01:00"), shop.call("60")]
    answer = harness.by_kernel(_one_holder(versions, events, [shop.bucket(BucketKind.CAP, 3, 0)]))
    assert answer.events[:, 1].tolist() == [400_000, 0]
    assert answer.buckets.tolist() == [[400_000, 0]]


def _one_holder(catalogues: Sequence[Catalogue], events: Sequence[Event], held: Sequence[Bucket]) -> Case:
    return Case(list(catalogues), list(events), [0] * len(events), {0: range(len(held))}, dict(enumerate(held)), [1])


# ---- Rows that no source should send ----

INT64 = np.iinfo(np.int64)
WILD: Final[dict[str, list[int]]] = {
    "start_us": [INT64.min, -1, 0, TIME_MIN_US - 1, TIME_MIN_US, TIME_MAX_US - 1, TIME_MAX_US, INT64.max],
    "quantity": [INT64.min, -1, 0, 1, 2**40 + 1, 2**53, 2**62, INT64.max],
    "service": [-128, -1, 0, 1, 4, 5, 6, 127],
    "plan": [-(2**31), -3, -2, -1],
    "number": [0, 1, 112, 10**8 - 1, 10**9, 10**15 - 1, 10**15, 2**63, 2**64 - 1],
    "number_digits": [-128, -5, -1, 0, 1, 3, 8, 9, 15, 16, 127],
}
WILD_CIRCUMSTANCES: Final[dict[str, list[int]]] = {
    "origin": [0, 49, 10**15, 2**64 - 1],
    "content_micros": [INT64.min, -1, 0, 10**12, 10**12 + 1, INT64.max],
    "visited": [-(2**31), -1, 0, 262_001, 2**31 - 1],
    "rating_group": [-(2**31), -1, 0, 7],
    "customer_group": [-(2**31), -1, 0, 2**31 - 1],
    "home_clock": [-(2**15), -1, 0],
    "origin_digits": [-128, -1, 0, 2, 15, 16, 127],
    "direction": [-128, 0, 1, 127],
    "on_net": [-128, -1, 0, 1, 127],
}


def _wild(rng: np.random.Generator, good: RatingInput, rows: int) -> RatingInput:
    """Good rows, picked by chance, of which some columns are as no source should send them."""
    assert good.circumstances is not None
    batch = harness.permuted(good, rng.integers(0, len(good.start_us), rows))
    assert batch.circumstances is not None
    for values, columns in ((WILD, vars(batch)), (WILD_CIRCUMSTANCES, batch.circumstances)):
        for name, extremes in values.items():
            spoilt = rng.random(rows) < (0.05 if values is WILD else 0.3)
            columns[name][spoilt] = rng.choice(np.array(extremes, columns[name].dtype), int(spoilt.sum()))
    return batch


def _refused_early(batch: RatingInput, row: int) -> Status | None:
    """The refusals that need no tariff, read from docs/rating-rules.md."""
    number, digits = int(batch.number[row]), int(batch.number_digits[row])
    if batch.plan[row] < 0:
        return Status.UNKNOWN_SUBSCRIPTION if batch.plan[row] == -1 else Status.UNKNOWN_PLAN
    if batch.quantity[row] < 0:
        return Status.NEGATIVE_QUANTITY
    if not TIME_MIN_US <= batch.start_us[row] < TIME_MAX_US:
        return Status.TIME_OUT_OF_RANGE
    return None if 0 <= digits <= 15 and number < 10**digits else Status.INVALID_NUMBER


@functools.cache
def _world(seed: int) -> tuple[Tables, RatingInput, Buckets]:
    case = generate(seed, 2_000)
    tables = compile_catalogues(case.catalogues)
    return tables, harness.columns(case, tables), harness.buckets(case, tables)


@pytest.mark.parametrize("rows", [1, kernel.TILE - 1, kernel.TILE, kernel.TILE + 1, 5_000])
@pytest.mark.parametrize("seed", [201, 202])
def test_malformed_rows_are_refused_and_spoil_no_other(seed: int, rows: int) -> None:
    tables, good, state = _world(seed)
    rng = np.random.default_rng(rows)
    slots = rng.integers(-(2**31), 2**31, len(state.state))
    odd = state.state.copy()
    odd["slot"] = np.where(rng.random(len(odd)) < 0.2, slots, odd["slot"])  # of other tables, or of nothing
    batch = _wild(rng, good, rows)
    held = dataclasses.replace(state, state=odd)
    one, many = (rate(tables, batch, held, threads=threads) for threads in (1, 2 * kernel.TILE + 7))
    for name in ("status", "charge_micros", "gross_micros", "chargeable_qty", "free_qty", "match"):
        assert getattr(one, name).tobytes() == getattr(many, name).tobytes(), name
    for row in range(rows):
        refused = _refused_early(batch, row)
        assert one.status[row] == refused if refused is not None else one.status[row] not in range(10, 15)
    assert (one.charge_micros[one.status > Status.ZERO_RATED] == 0).all()
    assert min(one.charge_micros.min(), one.reduced_micros.min()) >= 0
    assert rate(tables, dataclasses.replace(batch, circumstances=None), held).status.shape == (rows,)


@pytest.mark.slow
def test_malformed_rows_stay_within_arrays() -> None:
    """The tests of this file once more, with every index checked."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "not slow", __file__],
        env={**os.environ, "NUMBA_BOUNDSCHECK": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


WRONG: list[tuple[str, int]] = [("holder", -5), ("holder", 10**6), ("plan", 10**6), ("home_clock", 99), ("home_clock", 2**15 - 1)]


@pytest.mark.parametrize(("column", "value"), WRONG)
def test_what_leads_out_of_an_array_is_a_mistake_of_the_caller(column: str, value: int) -> None:
    tables, good, state = _world(201)
    batch = harness.permuted(good, np.arange(len(good.start_us)))
    assert batch.circumstances is not None
    (batch.circumstances[column] if column == "home_clock" else getattr(batch, column))[-1] = value
    with pytest.raises(ValueError, match=f"column {column}"):
        rate(tables, batch, state)


def _two_buckets(**columns: NDArray[Any]) -> Buckets:
    zeros = {name: np.zeros(2, np.int64) for name in ("amount", "mark", "from_us", "to_us")}
    given = {"slot": np.zeros(2, np.int32), "priority": np.zeros(2, np.int32), "holder_from": np.array([0, 2]), "held": np.array([0, 1])}
    return Buckets.of(**{**zeros, **given, **columns})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"slot": np.zeros(1, np.int32)}, "differ in length"),
        ({"amount": np.zeros((2, 2), np.int64)}, "differ in length"),
        ({"amount": np.array([0, -1])}, "less than nothing"),
        ({"mark": np.array([0, 2**61 + 1])}, "more than"),
        ({"holder_from": np.zeros(0, np.int64)}, "holder_from"),
        ({"holder_from": np.array([0, 1])}, "holder_from"),
        ({"holder_from": np.array([0, 2, 1, 2])}, "holder_from"),
        ({"held": np.array([0, 2])}, "outside 0 .. 1"),
        ({"held": np.array([0, -1])}, "outside 0 .. 1"),
    ],
)
def test_buckets_that_do_not_fit_together(columns: dict[str, NDArray[Any]], message: str) -> None:
    assert _two_buckets().holders == 1
    with pytest.raises(ValueError, match=message):
        _two_buckets(**columns)


EMPTY = shop.price(shop.rate("60/60 at 0.10/60s"))
# catalogues -> statuses of calls to 112, to 4930 and to nowhere
TABLES: list[tuple[list[Catalogue], list[Status]]] = [
    ([], [Status.UNKNOWN_PLAN] * 3),
    ([shop.catalogue(EMPTY, zones=(), prices=(), plans=(Plan("plan", (), {}),))], [Status.NO_ZONE] * 3),
    ([shop.catalogue(EMPTY, zones=(), plans=(shop.plan(),))], [Status.RATED] * 3),
    (
        [shop.catalogue(EMPTY, zones=(Zone(1, "home", ()), Zone(2, "sos", (), ("112",))), plans=(shop.plan(shop.rule("sos")),))],
        [Status.RATED, Status.NO_ZONE, Status.NO_ZONE],
    ),
]


@pytest.mark.parametrize(("catalogues", "statuses"), TABLES)
def test_tables_with_nothing_in_them(catalogues: list[Catalogue], statuses: list[Status]) -> None:
    case = Case(catalogues, [shop.call("60", to=to) for to in ("112", "4930123456", "")], [None] * 3)
    tables = compile_catalogues(case.catalogues)
    answer = rate(tables, harness.columns(case, tables), Buckets.none(), threads=7)
    assert answer.status.tolist() == statuses
    assert [len(getattr(answer, name)) for name in ("price", "price_id", "zone_id", "version", "amount_after", "mark_after")] == [3] * 4 + [
        0
    ] * 2


def test_holders_without_buckets() -> None:
    case = _one_holder([shop.catalogue(EMPTY, plans=(shop.plan(allowances=(shop.minutes(),)),))], [shop.call("60")] * 3, [])
    answer = harness.by_kernel(case)
    assert harness.differences(case, answer, harness.by_twin(case)) == []
    assert answer.events[:, 1].tolist() == [100_000] * 3


# ---- Order ----


@pytest.mark.parametrize("threads", [1, 3])
def test_events_of_one_instant_and_key_are_taken_as_they_come(threads: int) -> None:
    rng = random.Random(5)
    events = [shop.call(str(rng.randrange(1, 200))) for _ in range(3_000)] + [shop.call("60", "2026-03-02T11:00:00+01:00")]
    plan = shop.plan(allowances=(shop.minutes(),))
    case = _one_holder([shop.catalogue(shop.price(shop.rate("1/1 at 0.10/60s")), plans=(plan,))], events, [shop.left(30_000_000)])
    assert harness.differences(case, harness.by_kernel(case, threads=threads), harness.by_twin(case)) == []


@pytest.mark.parametrize("threads", [1, 2])
def test_batches_in_place_add_up_to_one(threads: int) -> None:
    tables, batch, state = _world(203)
    order = np.lexsort((batch.event_key[:, 1], batch.event_key[:, 0], batch.start_us))
    whole = rate(tables, harness.permuted(batch, order), state)
    going = dataclasses.replace(state, state=state.state.copy())
    parts = [rate(tables, harness.permuted(batch, rows), going, threads=threads, in_place=True) for rows in np.array_split(order, 9)]
    assert np.concatenate([part.charge_micros for part in parts]).tolist() == whole.charge_micros.tolist()
    assert going.state.tolist() == whole.buckets_after.tolist() != state.state.tolist()
    assert parts[0].buckets_after is going.state
