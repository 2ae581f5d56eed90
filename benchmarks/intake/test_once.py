"""The duplicate check against ten times as many known records as the run has, checked before it is timed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.intake import known
from mediation.known_records import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.work.workload import Records
    from mediation.known_records import HashIndex, SequenceBitmaps


@pytest.fixture(scope="module")
def count(records: Records) -> int:
    return known.KNOWN_FOR_EACH_RECORD * len(records.start_us)


@pytest.fixture(scope="module")
def bitmaps(count: int) -> SequenceBitmaps:
    index = known.bitmaps(count)
    stream = index.stream(known.STREAM)
    assert not any(index.classify(stream, batch).verdict.any() for batch in known.new_numbers(count))
    assert all((index.classify(stream, batch).verdict == Verdict.SEEN).all() for batch in known.old_numbers(count))
    return index


@pytest.fixture(scope="module")
def hashes(count: int) -> HashIndex:
    index = known.hash_index(count)
    assert not any(index.classify(keys, keys).verdict.any() for keys in map(known.hashes, known.new_numbers(count)))
    assert all((index.classify(keys, keys).verdict == Verdict.SEEN).all() for keys in map(known.hashes, known.old_numbers(count)))
    return index


@pytest.mark.parametrize(("figure", "asked"), [("bitmap, new", known.new_numbers), ("bitmap, known", known.old_numbers)])
def test_bitmap(timed: Callable[..., float], bitmaps: SequenceBitmaps, count: int, figure: str, asked: Callable[..., list]) -> None:
    batches, stream = asked(count), bitmaps.stream(known.STREAM)
    assert timed(figure, lambda: [bitmaps.classify(stream, batch) for batch in batches], records=known.ASKED, rounds=9) > 0


@pytest.mark.parametrize(("figure", "asked"), [("hashed, new", known.new_numbers), ("hashed, known", known.old_numbers)])
def test_hashed(timed: Callable[..., float], hashes: HashIndex, count: int, figure: str, asked: Callable[..., list]) -> None:
    batches = [known.hashes(batch) for batch in asked(count)]
    assert timed(figure, lambda: [hashes.classify(keys, keys) for keys in batches], records=known.ASKED, rounds=9) > 0


def test_bytes_a_known_record(figures: dict[str, float], hashes: HashIndex, bitmaps: SequenceBitmaps) -> None:
    figures["hashed, bytes"] = hashes.memory_bytes / len(hashes)
    figures["bitmap, bytes"] = bitmaps.memory_bytes / len(bitmaps)
    assert np.isfinite(figures["hashed, bytes"])
