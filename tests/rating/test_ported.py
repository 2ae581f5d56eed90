"""Ported numbers: which entry stands for a destination, and that no other number meets it."""

from __future__ import annotations

import numpy as np
import pytest

from rating.engine import Buckets, RatingInput, rate
from rating.model import Zone
from rating.ported import PortedNumbers
from rating.status import Status
from rating.tables import TIME_MIN_US
from tariffs.compiling.compiler import compile_catalogues
from tests.rating import harness, shop
from tests.rating.generator import Case

CATALOGUE = shop.catalogue(
    shop.price(shop.rate("60/60 at 0.10/60s")),
    zones=(Zone(1, "home", ("49",)), Zone(2, "abroad", ("33",))),
    plans=(shop.plan(shop.rule("home"), shop.rule("abroad")),),
)

# entries of ported numbers, what is dialled -> what it is priced as: 1 home, 2 abroad, 0 nothing
BEFORE, AFTER = (shop.instant_us(shop.NOON) + shift for shift in (0, 1))
PORTED: list[tuple[dict[str, list[tuple[int, str]]], str, int]] = [
    ({}, "4930", 1),
    ({"4930": [(BEFORE, "33")]}, "4930", 2),
    ({"4930": [(AFTER, "33")]}, "4930", 1),  # alone in its table, and does not hold yet
    ({"4930": [(AFTER, "1"), (BEFORE, "33"), (0, "1")]}, "4930", 2),
    ({"4930": [(BEFORE, "33"), (BEFORE, "1")]}, "4930", 0),  # of two at one instant the last one given
    ({"4930": [(BEFORE, "1"), (BEFORE, "33")]}, "4930", 2),
    ({"04930": [(0, "33")], "0004930": [(0, "1")]}, "4930", 1),  # zeros before a number make it another one
    ({"004930": [(0, "33")], "4930": [(0, "1")]}, "004930", 2),
    ({"33": [(0, "4930")], "4930": [(0, "33")]}, "4930", 2),  # once, not on and on
    ({"999999999999999": [(0, "33")], "0": [(0, "33")]}, "", 0),
]


@pytest.mark.parametrize(("entries", "dialled", "zone_id"), PORTED)
def test_ported_numbers(entries: dict[str, list[tuple[int, str]]], dialled: str, zone_id: int) -> None:
    case = Case([CATALOGUE], [shop.call("60", to=dialled)], [None], ported=entries)
    answer = harness.by_kernel(case)
    assert harness.differences(case, answer, harness.by_twin(case)) == []
    assert answer.events[0, harness.FIELDS.index("zone_id")] == zone_id


def test_no_malformed_number_meets_a_ported_one() -> None:
    tables = compile_catalogues([CATALOGUE])
    number = np.array([49 + 2**60, 49, 49], np.uint64)  # x 16, the first is the second in 64 bits
    batch = RatingInput(
        start_us=np.full(3, TIME_MIN_US),
        quantity=np.ones(3, np.int64),
        service=np.ones(3, np.int8),
        plan=np.zeros(3, np.int32),
        number=number,
        number_digits=np.array([2, 127, 2], np.int8),
        holder=np.full(3, -1, np.int32),
        rating_unit=np.zeros(3, np.int64),
        event_key=np.zeros((3, 2), np.uint64),
    )
    answer = rate(tables, batch, Buckets.none(), ported=PortedNumbers.of({"49": [(0, "33")]}))
    assert answer.status.tolist() == [Status.INVALID_NUMBER, Status.INVALID_NUMBER, Status.NO_VERSION]


@pytest.mark.parametrize("number", ["", "1234567890123456", "+49", "4 9", "\u0664\u0669"])
def test_what_is_no_number_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="is not a number of 1 to 15 digits"):
        PortedNumbers.of({number: [(0, "33")]})
    with pytest.raises(ValueError, match="is not a number of 1 to 15 digits"):
        PortedNumbers.of({"33": [(0, number)]})
