"""Catalogues to tables: which number meets which rules, what versions share, what is too much, and what it all takes."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pytest

from rating.errors import UserError
from rating.model import ANY_ZONE, Band, Calendar, Plan, Service, UsageRule, WallClock, Zone
from rating.status import Status
from tariffs.compiling import decks, prefixes
from tariffs.compiling.compiler import compile_catalogues
from tests.rating import harness, shop
from tests.rating.generator import Case

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rating.model import Catalogue
    from rating.outcome import Event

# Prices by how much they are: the charge of a minute tells which rule was found.
CENTS: Final = [1, 2, 3, 4, 5]
PRICES: Final = tuple(shop.price(shop.rate(f"60/60 at 0.0{cents}/60s"), price_id=cents, name=f"{cents}c") for cents in CENTS)
ALWAYS_US: Final = shop.instant_us("2026-01-01T00:00:00Z")


def _catalogue(zones: Sequence[Zone], *plans: Plan, **terms: Any) -> Catalogue:  # noqa: ANN401 - any field of a catalogue
    return shop.catalogue(PRICES[0], zones=tuple(zones), prices=PRICES, plans=plans, **terms)


def _plan(name: str, *rules: UsageRule, fallbacks: tuple[str, ...] = ()) -> Plan:
    return Plan(name, rules, {}, fallbacks=fallbacks)


def _rule(zone: str, cents: int | None, **conditions: Any) -> UsageRule:  # noqa: ANN401 - any condition
    return UsageRule(Service.VOICE, zone, None if cents is None else f"{cents}c", **conditions)


def _calls(numbers: Iterable[str], plans: Iterable[str], **known: Any) -> list[Event]:  # noqa: ANN401 - any field of an event
    pairs = itertools.product(plans, numbers)
    return [
        shop.call("60", to=number, plan=f"shop/{plan}", event_key=key.to_bytes(16), **known) for key, (plan, number) in enumerate(pairs)
    ]


def _cents(catalogues: Sequence[Catalogue], events: Sequence[Event]) -> list[int | Status]:
    """What a minute of each call costs, or why it is refused; both from kernel and twin, which agree."""
    case = Case(list(catalogues), list(events), [None] * len(events))
    answer = harness.by_kernel(case)
    assert harness.differences(case, answer, harness.by_twin(case)) == []
    return [charge // 10_000 if status == Status.RATED else Status(status) for status, charge in answer.events[:, :2].tolist()]


DIGITS: Final = "012"
ALL_SHORT: Final = ["".join(each) for length in range(6) for each in itertools.product(DIGITS, repeat=length)]
# A code that is a prefix too, codes and prefixes with zeros before them, codes within prefixes of their own zone and of another one.
TANGLED: Final = (
    Zone(1, "one", ("1", "012", "00", "112211221"), ("112", "0", "20000000")),
    Zone(2, "two", ("112", "0", "1121", "00000000000001", "2000000"), ("1", "00", "012", "00000000")),
    Zone(3, "three", ("11", "2000000000"), ("0012", "11", "22222222")),
    Zone(4, "four", (), ("2", "02")),
)
TANGLED_PLANS: Final = (
    _plan("simple", _rule("one", 1), _rule("two", 2), _rule("three", 3), _rule("four", 4), _rule(ANY_ZONE, 5)),
    _plan("some", _rule("one", 1), _rule("three", 3)),
    _plan("asks", _rule("one", 1, direction=1), _rule("two", 2, direction=2), _rule("three", 3), _rule("two", 4)),
    _plan("refuses", _rule("two", None), _rule("one", 1, on_net=True), _rule(ANY_ZONE, 5, direction=1), fallbacks=("asks", "some")),
    _plan("last", _rule("four", 4, direction=2), fallbacks=("deep", "some")),
    _plan("deep", _rule("three", 5, on_net=False), fallbacks=("refuses",)),
    _plan("empty"),
)


@pytest.mark.parametrize("known", [{}, {"direction": 1}, {"direction": 2, "on_net": True}, {"direction": 2, "on_net": False}])
def test_every_short_number_of_tangled_zones(known: dict[str, Any]) -> None:
    assert len(_cents([_catalogue(TANGLED, *TANGLED_PLANS)], _calls(ALL_SHORT, (each.name for each in TANGLED_PLANS), **known))) > 2_000


@pytest.mark.parametrize(
    ("number", "cents"),
    [
        ("112", 1),
        ("1120", 2),
        ("11", 3),
        ("110", 3),
        ("1", 2),
        ("12", 1),
        ("012", 2),
        ("0120", 1),
        ("0", 1),
        ("00", 2),
        ("000", 1),
        ("2", 4),
    ],
)
def test_a_short_code_is_the_whole_number_and_zeros_before_a_number_count(number: str, cents: int) -> None:
    assert _cents([_catalogue(TANGLED, *TANGLED_PLANS)], _calls([number], ["simple"])) == [cents]


@pytest.mark.parametrize("dense", [0, 1, 5, 80_000])
def test_long_numbers_around_every_prefix(monkeypatch: pytest.MonkeyPatch, dense: int) -> None:
    """Also where only a few blocks of numbers have leaves of their own, and the others are looked up exactly."""
    monkeypatch.setattr(prefixes, "DENSE_BLOCKS_MAX", dense)
    rng = random.Random(dense)
    made = {"".join(rng.choices(DIGITS, k=rng.choice([1, 3, 6, 7, 9, 10, 12, 15]))) for _ in range(300)}
    zones = [Zone(number, f"z{number}", tuple(sorted(made)[number::5])) for number in range(1, 5)]
    plans = [
        _plan("simple", *(_rule(f"z{n}", n) for n in range(1, 5))),
        _plan("asks", *(_rule(f"z{n}", n, direction=n % 2) for n in range(1, 5))),
    ]
    ends = [(prefix + figure * 15)[:15] for prefix in sorted(made) for figure in "09"]
    near = [f"{number + shift:015d}" for number in map(int, ends) for shift in (-1, 1) if 0 <= number + shift < 10**15]
    cut = [number[: rng.randrange(1, 15)] for number in ends]
    found = _cents([_catalogue(zones, *plans)], _calls([*sorted(made), *ends, *near, *cut], ["simple", "asks"], direction=1))
    assert {1, 2, 3, 4, Status.NO_ZONE} <= set(found)


def test_a_version_prices_by_its_own_zones_and_plans() -> None:
    first = _catalogue(
        [Zone(1, "a", ("49",)), Zone(2, "b", ("33",))], _plan("p", _rule("a", 1), _rule("b", 2)), _plan("old", _rule("a", 3))
    )
    second = _catalogue([Zone(1, "a", ("33",)), Zone(2, "b", ("4930",))], _plan("p", _rule("a", 1), _rule("b", 2)), version=2)
    third = _catalogue([Zone(7, "b", ("49",))], _plan("p", _rule("b", 4)), _plan("old", _rule("b", 5)), version=3)
    versions = [
        msgspec.structs.replace(each, effective_from_us=ALWAYS_US + number * 86_400_000_000)
        for number, each in enumerate((first, second, third))
    ]
    days = [f"2026-01-0{day}T12:00:00+00:00" for day in (1, 2, 3)]
    events = [shop.call("60", at, to, plan=f"shop/{plan}") for plan in ("p", "old") for at in days for to in ("4930", "33")]
    none = Status.NO_ZONE
    assert _cents(versions, events) == [1, 2, 2, 1, 4, none, 3, none, Status.NO_VERSION, Status.NO_VERSION, 5, none]


def test_versions_and_plans_with_the_same_zones_share_a_deck() -> None:
    zones = [Zone(1, "a", ("49",), ("112",)), Zone(2, "b", ("33",))]
    rules = (_rule("a", 1), _rule("b", 2))
    versions = [
        _catalogue(
            [msgspec.structs.replace(zone) for zone in zones],
            _plan("p", *rules),
            _plan("q", *rules[::-1], _rule(ANY_ZONE, 3)),
            version=number,
            effective_from_us=ALWAYS_US + number,
        )
        for number in range(1, 6)
    ]
    assert len(compile_catalogues(versions).decks) == 1


def _random_zones(rng: random.Random, given: set[str]) -> list[Zone]:
    """Four zones of these prefixes and a few more, some of them longer than leaves can tell."""
    made = sorted(given | {"".join(rng.choices(DIGITS, k=rng.choice([7, 9, 11]))) for _ in range(5)})
    return [
        Zone(number, f"z{number}", tuple(prefix for prefix in made if sum(map(int, prefix)) % 4 + 1 == number)) for number in range(1, 5)
    ]


@pytest.mark.parametrize("dense", [20, 80_000])
def test_versions_that_differ_in_few_prefixes_share_the_rest(monkeypatch: pytest.MonkeyPatch, dense: int) -> None:
    monkeypatch.setattr(prefixes, "DENSE_BLOCKS_MAX", dense)
    rng = random.Random(dense)
    given = {"".join(rng.choices(DIGITS, k=rng.choice([2, 7, 8, 9]))) for _ in range(80)}
    all_zones = [_random_zones(rng, given) for _ in range(6)]
    plan = _plan("p", *(_rule(f"z{number}", number) for number in range(1, 5)))
    versions = [
        _catalogue(zones, plan, version=number, effective_from_us=ALWAYS_US + number * 86_400_000_000)
        for number, zones in enumerate(all_zones, start=1)
    ]
    numbers = sorted(
        {(prefix + figure * 15)[:15] for zones in all_zones for zone in zones for prefix in zone.prefixes for figure in "0129"}
    )
    events = [
        msgspec.structs.replace(shop.call("60", f"2026-01-0{day}T12:00:00Z", to), plan="shop/p") for day in range(2, 8) for to in numbers
    ]
    assert {1, 2, 3, 4} <= set(_cents(versions, events))
    one, all_of_them = (len(compile_catalogues(some).leaves) for some in (versions[:1], versions))
    assert all_of_them < 2.5 * one


def test_too_many_kinds_of_destination_name_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefixes, "ZONES_MAX", 3)
    zones = [Zone(1, "a", ("1", "22")), Zone(2, "b", ("2", "11"))]
    enough = _plan("p", _rule("a", 1, direction=1), _rule("b", 2, direction=1))
    with pytest.raises(UserError, match="plan p of catalogue shop distinguishes 4 kinds of destination; at most 3 are possible"):
        compile_catalogues([_catalogue(zones, enough)])
    assert len(compile_catalogues([_catalogue(zones, _plan("p", *enough.rules[:1]))]).decks) == 1


@pytest.mark.slow
def test_as_many_kinds_of_destination_as_there_can_be() -> None:
    """Two for each zone (within zone `under` and outside), one for `under` alone, and none: the last that fits is class 65,534."""
    zones = [Zone(1, "under", ("1",)), *(Zone(n + 2, f"z{n}", (f"1{n:06d}", f"2{n:06d}")) for n in range(32_767))]
    rules = [_rule("under", 1), *(_rule(zone.name, 2, direction=1) for zone in zones[1:])]
    fits = _catalogue(zones[:-1], _plan("p", *rules[:-1]))
    numbers = ["1", "1999999", "1032765", "2032765", "2032766", "10327650000", "20327650000"]
    none = Status.NO_ZONE
    assert _cents([fits], _calls(numbers, ["p"], direction=1)) == [1, 1, 2, 2, none, 2, 2]
    assert _cents([fits], _calls(numbers, ["p"], direction=2)) == [1, 1, 1, none, none, 1, none]
    with pytest.raises(UserError, match="distinguishes 65535 kinds of destination; at most 65534 are possible"):
        compile_catalogues([_catalogue(zones, _plan("p", *rules))])


def test_tables_of_prefixes_that_are_together_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    zones = [Zone(1, "a", ("4930000",)), Zone(2, "b", ("3310001",))]
    each = [_plan("p", _rule("a", 1)), _plan("q", _rule("b", 1))]
    size = len(compile_catalogues([_catalogue(zones, *each[:1])]).leaves)
    monkeypatch.setattr(decks, "LEAVES_LIMIT", size)
    compile_catalogues([_catalogue(zones, *each[:1])])
    with pytest.raises(UserError, match="need 2 tables, which together are too large"):
        compile_catalogues([_catalogue(zones, *each)])


# A dozen zones, of which the clocks are seven.
HOMES: Final = (
    "Europe/Berlin", "Europe/Paris", "Europe/Rome", "Europe/Madrid", "Europe/Vienna", "Europe/London",
    "America/New_York", "America/Los_Angeles", "Asia/Shanghai", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia",
)  # fmt: skip


def _clocked(timezones: tuple[str, ...]) -> Catalogue:
    week = Calendar("week", (Band("peak", (1, 2, 3, 4, 5), 8 * 3_600, 20 * 3_600), Band("evening", (), 20 * 3_600, 86_400)))
    rates = [shop.rate(f"60/60 at 0.0{cents}/60s", band=band) for cents, band in enumerate(("peak", "evening", "other"), start=1)]
    price = shop.price(*rates, calendar="week", clock=WallClock.HOME)
    plan = shop.plan(day_passes=(shop.day_pass(clock=WallClock.HOME),))
    return shop.catalogue(price, calendars=(week,), home_timezones=timezones, plans=(plan,))


def test_many_home_clocks_price_by_the_wall_and_take_little_memory() -> None:
    catalogue = _clocked(HOMES)
    rng = random.Random(7)
    instants = [shop.instant_us("2026-01-01T00:00:00Z") + rng.randrange(40 * 365 * 86_400) * 1_000_000 for _ in range(1_500)]
    events = [
        msgspec.structs.replace(
            shop.call("600"), start_us=at, home_timezone=rng.choice([*HOMES, "", "Mars/Base"]), event_key=rng.randbytes(16)
        )
        for at in instants
    ]
    buckets = {key: shop.closed_pass() for key in range(3)}
    case = Case([catalogue], events, [rng.choice([None, 0, 1, 2]) for _ in events], {key: [key] for key in buckets}, buckets, [0, 1, 2])
    tables = compile_catalogues(case.catalogues)
    assert harness.differences(case, harness.by_kernel(case, tables), harness.by_twin(case)) == []
    assert len(tables.timelines) == 2 * len(HOMES)
    assert len(np.unique(tables.timelines["boundary_from"])) == 2 * 8  # Berlin, Paris, Rome, Madrid and Vienna are one
    arrays = (tables.boundaries, tables.bands, tables.stretches)
    assert sum(array.nbytes for array in arrays) / len(tables.timelines) < 2**20
