"""What becomes of each row: the rules of duplicates and conflicts, as tables."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

from billing.intake.settle import Known, Outcome, settle
from rating.schema import UsageFlag

if TYPE_CHECKING:
    from collections.abc import Sequence

# rows as event+content, with u unanswered and a absorbed | outcomes | events whose stored version is taken back
# Stored before: A1 and D1; events K (versions K1, K2) wait in suspense.
CASES = """
B1                | answered                                  |
B1u               | unanswered                                |
B1a               | absorbed                                  |
B1ua              | absorbed                                  |
A1                | duplicate                                 |
A1 A1             | duplicate duplicate                       |
B1 B1             | answered duplicate                        |
B1 C1             | answered answered                         |
A2                | conflicting                               | A
A2 A2             | conflicting duplicate                     | A
A2 A3             | conflicting conflicting                   | A
A2 A1             | conflicting duplicate                     | A
A2 D2             | conflicting conflicting                   | A D
B1 B2             | conflicting conflicting                   |
B1 B2 B1          | conflicting conflicting duplicate         |
B1 B2 B2          | conflicting conflicting duplicate         |
B1u B2            | conflicting conflicting                   |
B1a B2 C1         | conflicting conflicting answered          |
K1                | duplicate                                 |
K2                | duplicate                                 |
K3                | conflicting                               |
K3 K3             | conflicting duplicate                     |
K2 A2 B1          | duplicate conflicting answered            | A
"""
STORED = {"A": "1", "D": "1", "K": "1"}


class Row(NamedTuple):
    """One row of a case."""

    event: str
    content: str
    flags: int


def wide(text: str) -> bytes:
    return text.encode().rjust(16, b"\x01")


def row(text: str) -> Row:
    flags = (UsageFlag.UNANSWERED if "u" in text else 0) | (UsageFlag.ABSORBED if "a" in text else 0)
    return Row(text[0], text[1], int(flags))


def decide(rows: Sequence[Row]) -> tuple[list[str], set[str]]:
    """`settle`, with a plain index of keys in front."""
    seen = dict(STORED)
    duplicate, conflicting = [], []
    for each in rows:
        content = seen.setdefault(each.event, each.content)
        is_first = each.event not in STORED and sum(other.event == each.event for other in rows[: len(duplicate)]) == 0
        duplicate.append(not is_first and content == each.content)
        conflicting.append(content != each.content)
    settled = settle(
        np.frombuffer(b"".join(wide(each.event) for each in rows), dtype=np.uint8).reshape(-1, 16),
        np.frombuffer(b"".join(wide(each.content) for each in rows), dtype=np.uint8).reshape(-1, 16),
        np.array([each.flags for each in rows], dtype=np.int32),
        duplicate=np.array(duplicate),
        conflicting=np.array(conflicting),
        known=Known({wide("K")}, {wide("K") + wide("1"), wide("K") + wide("2")}),
    )
    names = [Outcome(code).name.lower() for code in settled.outcome]
    return names, {key.lstrip(b"\x01").decode() for key in settled.taken_back}


@pytest.mark.parametrize("case", CASES.strip().splitlines())
def test_outcomes(case: str) -> None:
    texts, outcomes, taken_back = (part.split() for part in case.split("|"))
    assert decide([row(text) for text in texts]) == (outcomes, set(taken_back))


@pytest.mark.parametrize("texts", ["B1 B2 B1 C1", "A2 A1 A3 K3", "B1u B2 B3a B2"])
def test_the_order_of_arrival_does_not_matter(texts: str) -> None:
    rows = [row(text) for text in texts.split()]
    results = set()
    for order in itertools.permutations(rows):
        names, taken_back = decide(order)
        results.add((tuple(sorted(names)), tuple(sorted(taken_back))))
    assert len(results) == 1
