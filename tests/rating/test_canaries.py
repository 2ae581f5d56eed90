"""The comparison of kernel and twin can fail: a wrong constant anywhere in the kernel's tables is noticed, one canary a kind of rule."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from tariffs.compiling.compiler import compile_catalogues
from tests.rating import both, fuzz, harness, shop
from tests.rating.generator import Case, generate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from rating.tables import Tables

    Change = Callable[[NDArray[np.int64]], NDArray[np.int64]]

EVENTS = 10_000
SEEDS = (1, 11, 23)  # a canary must be noticed in one of these worlds
MINUTES = shop.price(shop.rate("60/60 at 0.10/60s"))


@functools.cache
def healthy(seed: int) -> tuple[Case, Tables, harness.Answer]:
    case = generate(seed, EVENTS)
    return case, compile_catalogues(case.catalogues), harness.by_twin(case)


def more(column: NDArray[np.int64]) -> NDArray[np.int64]:
    return column + 1


def later(column: NDArray[np.int64]) -> NDArray[np.int64]:
    """A microsecond, but for what closes a line of time."""
    return np.where(column < np.iinfo(np.int64).max, column + 1, column)


def fewer(column: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(column > 0, column - 1, column)


def flipped(column: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(column == 0, 1, np.where(column == 1, 0, column))


def nothing(column: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.zeros_like(column)


def none(column: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.full_like(column, -1)


# Array of the tables, what is done to which of its fields ("": to the array itself). Nothing here can lead the kernel out of an array.
CANARIES: list[tuple[str, Change, tuple[str, ...]]] = [
    ("cards", more, ("weight", "weight_2", "connect", "minimum", "first", "increment", "increment_2", "step_micros")),
    ("cards", fewer, ("change", "maximum")),
    ("cards", flipped, ("rounding",)),
    ("terms", more, ("connect", "minimum", "divisor", "first", "step_micros", "minimum_qty", "content_weight")),
    ("terms", fewer, ("maximum",)),
    ("terms", flipped, ("rounding_mode",)),
    ("terms", nothing, ("active",)),
    ("step_rows", more, ("from_qty", "weight", "increment")),
    ("rules", more, ("zone_id",)),
    ("rules", fewer, ("quantity_max",)),
    ("rules", flipped, ("counting", "charge_zero_usage")),
    ("rules", none, ("condition", "serves")),
    ("rules", nothing, ("split", "clock", "discount_to", "draws", "settles")),
    ("conditions", none, ("origin", "roaming", "rating_group", "customer_group", "direction", "on_net")),
    ("definitions", more, ("amount", "fee")),
    ("definitions", flipped, ("clock", "whole", "connect_when_free", "limited", "daily")),
    ("discounts", more, ("ppm", "from_us", "to_us")),
    ("discounts", flipped, ("friends_only",)),
    ("latest", fewer, ("from_us",)),
    ("plan_versions", more, ("from_us",)),
    ("version_rows", flipped, ("clock",)),
    ("plmns", flipped, ("zone",)),
    ("plmns", none, ("clock",)),
    ("leaves", nothing, ("",)),
    ("intervals", more, ("low",)),
    ("prefixes", nothing, ("zone",)),
    ("codes", nothing, ("zone",)),
    ("codes", more, ("key",)),
    ("boundaries", later, ("",)),
    ("bands", flipped, ("",)),
]
ROWS = [(array, change, field) for array, change, fields in CANARIES for field in fields]


@pytest.mark.parametrize(("array", "change", "field"), ROWS)
def test_a_wrong_constant_is_noticed(array: str, change: Change, field: str) -> None:
    assert any(differs(seed, tampered(healthy(seed)[1], array, field, change)) for seed in SEEDS)


def tampered(tables: Tables, array: str, field: str, change: Change) -> Tables:
    wrong = getattr(tables, array).copy()
    if field:
        wrong[field] = change(wrong[field])
    else:
        wrong = change(wrong).astype(wrong.dtype)
    return dataclasses.replace(tables, **{array: wrong})


def differs(seed: int, tables: Tables) -> bool:
    case, _, twin = healthy(seed)
    return harness.differences(case, harness.by_kernel(case, tables), twin) != []


@pytest.mark.parametrize("seed", SEEDS)
def test_without_a_change_nothing_is_noticed(seed: int) -> None:
    assert not differs(seed, healthy(seed)[1])


def test_draws_in_another_order_are_noticed() -> None:
    case, tables, twin = healthy(SEEDS[0])
    keys = [bytes(0xFF - byte for byte in event.event_key) for event in case.events]
    turned = [msgspec.structs.replace(event, event_key=key) for event, key in zip(case.events, keys, strict=True)]
    assert harness.differences(case, harness.by_kernel(case._replace(events=turned), tables), twin) != []


def test_a_table_of_a_rule_notices_a_wrong_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(catalogues: list[object]) -> Tables:
        return tampered(compile_catalogues(catalogues), "cards", "weight", more)

    assert shop.rated(MINUTES, shop.call("61")).charge_micros == 200_000
    monkeypatch.setattr(both, "compile_catalogues", wrong)
    with pytest.raises(AssertionError, match="charge_micros: kernel"):
        shop.rated(MINUTES, shop.call("61"))


def test_fuzzing_stops_at_a_difference_and_makes_it_small(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(catalogues: list[object]) -> Tables:
        return tampered(compile_catalogues(catalogues), "step_rows", "weight", more)

    monkeypatch.setattr(fuzz, "EVENTS", 1_000)
    assert fuzz.check(5) == fuzz.Checked(5, "")
    monkeypatch.setattr(fuzz, "compile_catalogues", wrong)
    told = fuzz.check(5).difference
    assert "events that are enough: 1;" in told
    assert "gross_micros: kernel" in told
