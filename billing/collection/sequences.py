"""Numbers in the names of files: missing ones of a stream are found, though numbers wrap and files come late.

Problem: a switch writes sw1_9998, sw1_9999, sw1_0000, sw1_0001. Which files are missing, where 0001 may come before 9999?
Choice: numbers are counted on over the wraps. Each file gets the number nearest to the newest one of its stream. So a file that is
less than half a round behind is late, and any other is ahead. Numbers between two known ones that did not come are missing.
Left out: how many rounds passed unseen. Half a round or more of lost files looks like a shorter gap, or like a late file.

Pure; a stream's numbers come in the order in which its files did.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mediation.sources.model import FileSequence


class Numbered(NamedTuple):
    """The number of a file within its stream. `stream` is empty where the names know none."""

    stream: str
    number: int


class Gap(NamedTuple):
    """Numbers first..last are missing, counted on over wraps. `below` and `above`: places in the input of the neighbours they have."""

    first: int
    last: int
    below: int
    above: int


def numbered(name: str, sequence: FileSequence) -> Numbered | None:
    """Stream and number in a file's name; None where the pattern does not fit or what it finds is no number."""
    match = re.search(sequence.pattern, name, re.ASCII)
    if match is None:
        return None
    groups = match.groupdict()
    digits = groups.get("number") if "number" in groups else match.group(1)
    if digits is None or not re.fullmatch(r"[0-9]{1,18}", digits):
        return None
    return Numbered(groups.get("stream") or "", int(digits))


def counted_on(number: int, newest: int | None, sequence: FileSequence) -> int:
    """The number without wraps: of all it can stand for, the one nearest to `newest`, the highest of its stream so far (None: none)."""
    period = round_of(sequence)
    if period == 0 or newest is None:
        return number
    return number + (newest - number + period // 2) // period * period


def gaps(numbers: Sequence[int]) -> list[Gap]:
    """Missing numbers between the smallest and the largest of the numbers, ascending. They may repeat."""
    order = sorted(range(len(numbers)), key=numbers.__getitem__)
    neighbours = itertools.pairwise(order)
    return [Gap(numbers[low] + 1, numbers[high] - 1, low, high) for low, high in neighbours if numbers[high] - numbers[low] > 1]


def as_written(value: int, first: int, period: int) -> int:
    """A number that was counted on, as the switch writes it: from `first` on, `period` of them a round (0: no rounds)."""
    return value if period == 0 else (value - first) % period + first


def round_of(sequence: FileSequence) -> int:
    """Count of numbers in one round; 0: they do not wrap."""
    return max(sequence.modulus - sequence.first, 0) if sequence.modulus else 0
