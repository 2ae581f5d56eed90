"""Whatever order usage comes in, however it is cut and packed, whoever restarts, seals or decides meanwhile: the same counts in the end.

Each case is a random world (its seed is in the name of the test); ORDERS of its lines must all lead to what the world says itself.
"""

from __future__ import annotations

import os
import random
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import sqlalchemy as sa

from billing.intake import books, large_files
from billing.intake.known_records.known_keys import KnownKeys
from billing.store.tables import intake_counts
from tests.billing.intake.any_order_acts import SECOND_US, Acts
from tests.billing.intake.any_order_world import CARRIER, FAR_S, LATER_S, make_up

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from billing.store.home import Home
    from tests.billing.intake.any_order_world import Line

SEEDS = range(*map(int, os.environ.get("ANY_ORDER_SEEDS", "0-2").split("-")))  # more with ANY_ORDER_SEEDS=10-40
ORDERS = 2
STREAMS, ACTS = 0.3, 0.6  # how often a delivery is a stream, and somebody does something after it


def few_hashes(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Three hashes for all keys."""
    return keys[:, 0] % np.uint64(3) + np.uint64(1)


@pytest.mark.parametrize("order", range(ORDERS))
@pytest.mark.parametrize("seed", SEEDS)
def test_any_order(  # noqa: PLR0913, PLR0917 - fixtures
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, balanced: Callable, seed: int, order: int
) -> None:
    """In every other order all keys share three hashes, and a file comes in several commits."""
    if order % 2:
        monkeypatch.setattr(KnownKeys.__init__, "__defaults__", (few_hashes,))
        monkeypatch.setattr(large_files, "LARGE_BYTES", 0)
        monkeypatch.setattr(large_files, "CHUNK_ROWS", 8)
        monkeypatch.setattr("mediation.decode.WINDOW_BYTES", 600)
    made_up, rng = make_up(random.Random(seed)), random.Random(f"{seed}/{order}")
    acts = Acts(home, tmp_path, made_up, rng)
    try:
        run(acts, rng)
        acts.settle_all()
        check(acts)
        assert acts.counting() == made_up.counts
        come_again(acts)
        if seed == order:
            balanced(acts.home)
    except BaseException:
        sys.stdout.write("\n".join((f"seed {seed}, order {order}", *acts.told, *acts.differences())))
        raise


def run(acts: Acts, rng: random.Random) -> None:
    """Deliver every line, and do other things in between."""
    lines = list(acts.made_up.lines)
    rng.shuffle(lines)
    others = (
        acts.seal,
        acts.restart,
        acts.deliver_again,
        acts.tick,
        lambda: acts.tick(100),
        acts.recycle,
        acts.resolve,
        acts.resolve,
        acts.take_back,
        acts.give_up_row,
        acts.decide_calls,
        acts.mend,
    )
    while lines:
        chosen, lines = _cut(lines, acts.made_up.lines, rng)
        acts.deliver(chosen)
        if rng.random() < ACTS:
            rng.choice(others)()
            check(acts)


def _cut(lines: list[Line], everything: list[Line], rng: random.Random) -> tuple[list[Line], list[Line]]:
    """The next delivery, and what is left: now and then only rows that come as a stream.

    A file in which nothing can be read is refused, so a row that cannot be comes with one that can, and be it a copy.
    """
    size = rng.choice((1, 3, 10, 30))
    streamed = [line for line in lines if line.can_stream][:size] if rng.random() < STREAMS else []
    chosen = streamed or lines[:size]
    left = list(lines)
    for line in chosen:
        left.remove(line)
    if not all(line.is_clear for line in chosen):
        chosen.append(next(line for line in everything if line.is_clear and line.source == CARRIER))
    return chosen, left


def check(acts: Acts) -> None:
    """What holds at any time: the books, every row in one outcome, and nothing counts that is in doubt."""
    with acts.home.connect() as connection:
        head = acts.home.head_seq(connection)
        row = intake_counts.c
        received = connection.execute(sa.select(sa.func.coalesce(sa.func.sum(row.rows), 0)).where(row.outcome == "received")).scalar_one()
    for line in books.intake_book(acts.home, head):
        assert line.left == line.right, line
    assert received == acts.received
    counted = [each.record for each in acts.counting()]
    assert not acts.uncertain() & set(counted)


def come_again(acts: Acts) -> None:
    """Whoever opens the home anew knows every row that it ever took; also when the index has forgotten what is too old for it."""
    for now_s in (LATER_S, FAR_S):
        acts.now_us = now_s * SECOND_US
        acts.seal()
        acts.restart()
        acts.rng.shuffle(acts.made_up.lines)
        for name, source in acts.sources.items():
            mine = [line for line in acts.made_up.lines if line.source == name and line.version]
            report = acts.intake.take_file(acts.write(mine), source, acts.now_us)
            expected = {} if report.already_taken else {"duplicate": len(mine)}
            assert {outcome: rows for outcome, rows in report.rows.items() if rows} == expected
            acts.received += report.received
        check(acts)
        assert acts.counting() == acts.made_up.counts
