"""Longest prefix by itself against a binary search of intervals; every zone compared first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.kernel import longest_prefix
from benchmarks.work import jobs, tariff

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.work.deck import Deck
    from benchmarks.work.jobs import Job
    from benchmarks.work.plain import Lookup
    from benchmarks.work.workload import Records


@pytest.fixture(scope="module")
def job(deck: Deck, records: Records) -> Job:
    return jobs.job(tariff.stateless(deck), records)


@pytest.fixture(scope="module")
def found(deck: Deck, lookup: Callable[..., Lookup]) -> Lookup:
    return lookup(tariff.stateless(deck))


def _search(found: Lookup, records: Records) -> np.ndarray:
    return found.deck.zone[np.searchsorted(found.deck.low, records.numbers.place, side="right") - 1]


def test_engine(timed: Callable[..., float], job: Job, found: Lookup, records: Records) -> None:
    finder = longest_prefix.Finder(job)
    assert finder.find() == len(records.start_us)
    assert np.array_equal(finder.zones(job) - 1, _search(found, records))
    assert timed("longest prefix", finder.find, records=len(records.start_us), rounds=9) > 0


def test_searchsorted(timed: Callable[..., float], found: Lookup, records: Records) -> None:
    place = records.numbers.place  # given: only the search is timed, and the zone that it leads to
    low, zone = found.deck.low, found.deck.zone
    assert timed("searchsorted", lambda: zone[np.searchsorted(low, place, side="right") - 1], records=len(place), rounds=3) > 0
