"""Which leg of a call bills by a source's own rule: tables of legs, the last column says who is absorbed."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from mediation.calls import grouped_legs
from mediation.calls.grouped_legs import GroupedLegs
from mediation.sources.rules import Bills, Legs
from rating.schema import USAGE_V1

# name, rule, only overlapping legs compete, legs: (call, begin s, seconds, direction, forwarded, record, absorbed)
Case = tuple[str, Bills, bool, list[tuple[str, int, int, str, bool, str, bool]]]
CASES: list[Case] = [
    ("the longest bills", Bills.LONGEST, False, [
        ("c", 0, 10, "out", False, "r1", True),
        ("c", 5, 60, "out", False, "r2", False),
        ("c", 90, 30, "out", False, "r3", True),
        ("d", 0, 1, "out", False, "r4", False),
    ]),
    ("of equally long ones the first", Bills.LONGEST, False, [
        ("c", 5, 60, "out", False, "r1", True),
        ("c", 0, 60, "out", False, "r2", False),
    ]),
    ("the first answered bills", Bills.FIRST, False, [
        ("c", 7, 90, "out", False, "r1", True),
        ("c", 5, 1, "out", False, "r2", False),
    ]),
    ("the last answered bills", Bills.LAST, False, [
        ("c", 7, 1, "out", False, "r1", False),
        ("c", 5, 90, "out", False, "r2", True),
    ]),
    ("the leg of the caller bills, however short", Bills.CALLER, False, [
        ("c", 0, 90, "in", False, "r1", True),
        ("c", 1, 5, "out", False, "r2", False),
        ("d", 1, 5, "in", False, "r3", False),  # nobody else does
    ]),
    ("legs one after the other each bill", Bills.LONGEST, True, [
        ("c", 0, 10, "out", False, "r1", False),
        ("c", 10, 20, "out", False, "r2", False),
        ("c", 15, 5, "out", False, "r3", True),
        ("c", 40, 5, "out", False, "r4", False),
    ]),
    ("a leg that touches both joins a chain", Bills.LONGEST, True, [
        ("c", 0, 100, "out", False, "r1", False),
        ("c", 5, 10, "out", False, "r2", True),
        ("c", 50, 80, "out", False, "r3", True),
        ("c", 120, 10, "out", False, "r4", True),
    ]),
    ("other calls at the same time do not compete", Bills.LONGEST, True, [
        ("c", 0, 100, "out", False, "r1", False),
        ("d", 5, 10, "out", False, "r2", False),
        ("e", 5, 200, "out", False, "r3", False),
    ]),
    ("what the forwarder pays competes with its like only", Bills.LONGEST, False, [
        ("c", 0, 100, "out", False, "r1", False),
        ("c", 5, 90, "out", True, "r2", False),
        ("c", 6, 10, "out", True, "r3", True),
    ]),
    ("copies and versions of a record share a verdict", Bills.LONGEST, False, [
        ("c", 0, 100, "out", False, "r1", False),
        ("c", 0, 100, "out", False, "r1", False),
        ("c", 0, 90, "out", False, "r1", False),
        ("c", 5, 95, "out", False, "r2", True),
    ]),
    ("without a reference every leg is a call", Bills.LONGEST, False, [
        ("", 0, 100, "out", False, "r1", False),
        ("", 0, 50, "out", False, "r2", False),
    ]),
    ("each bills", Bills.EACH, False, [
        ("c", 0, 100, "out", False, "r1", False),
        ("c", 0, 50, "out", False, "r2", False),
    ]),
]  # fmt: skip


def made(rows: list[tuple[str, int, int, str, bool, str, bool]]) -> GroupedLegs:
    calls = {"": 0} | {call: place + 1 for place, call in enumerate(sorted({row[0] for row in rows} - {""}))}
    return GroupedLegs(
        row=np.arange(len(rows)),
        call=np.array([calls[row[0]] for row in rows], np.uint64),
        is_forwarded=np.array([row[4] for row in rows]),
        is_caller=np.array([row[3] == "out" for row in rows]),
        begin_us=np.array([row[1] * 1_000_000 for row in rows]),
        duration_us=np.array([row[2] * 1_000_000 for row in rows]),
        key=np.array([int(row[5][1:]) for row in rows], np.uint64),
    )


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_verdicts_in_any_order(case: Case) -> None:
    _, bills, overlapping, rows = case
    rules = Legs(bills=bills, overlapping=overlapping)
    for seed in range(8):
        shuffled = list(rows)
        if seed:
            random.Random(seed).shuffle(shuffled)
        assert grouped_legs.absorbed(made(shuffled), rules).tolist() == [row[-1] for row in shuffled], f"seed {seed}"


def test_no_legs() -> None:
    assert grouped_legs.absorbed(made([]), Legs(bills=Bills.LONGEST)).size == 0


def test_stored_usage_is_judged_alike() -> None:
    rows = CASES[8][3]
    made_rows = [
        {
            "event_key": int(record[1:]).to_bytes(8, "big") + bytes(8),
            "call_ref": call,
            "leg_role": 2 if forwarded else 1,
            "direction": 1,
            "start_us": begin * 1_000_000,
            "duration_us": seconds * 1_000_000,
        }
        for call, begin, seconds, _, forwarded, record, _ in rows
    ]
    schema = pa.schema([USAGE_V1.field(name) for name in grouped_legs.COLUMNS])
    legs = grouped_legs.of_usage(pa.Table.from_pylist(made_rows, schema))
    assert grouped_legs.absorbed(legs, Legs(bills=Bills.LONGEST)).tolist() == [row[-1] for row in rows]


def test_against_a_plain_count() -> None:
    """Many random legs: of each call exactly one bills, and it is a longest one."""
    seed = 20
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    chance = random.Random(seed)
    rows = [(f"c{chance.randrange(300)}", chance.randrange(1000), chance.randrange(100), "out", False, f"r{n}", False) for n in range(2000)]
    verdicts = grouped_legs.absorbed(made(rows), Legs(bills=Bills.LONGEST)).tolist()
    billing: dict[str, list[int]] = {}
    longest: dict[str, int] = {}
    for row, lost in zip(rows, verdicts, strict=True):
        longest[row[0]] = max(longest.get(row[0], 0), row[2])
        if not lost:
            billing.setdefault(row[0], []).append(row[2])
    assert {call: [seconds] for call, seconds in longest.items()} == billing
